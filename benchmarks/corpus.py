"""A long textbook, drawn quickly: running text and one photograph with its caption on every page.

    python -m benchmarks.corpus OUT.pdf --pages 500 --seed 1

No two pictures are alike: each is a turned, mirrored, cropped part of one of some hundred that ``tests.drawing`` draws,
enlarged to what print needs. Enough to measure time and memory on; the layouts that tell right from wrong are in
``tests/drawing``.
"""

from __future__ import annotations

import argparse
import functools
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

MODALITIES = ("clinical", "dermoscopic", "pathology")
DISEASES = (
    "Psoriasis",
    "Lichen planus",
    "Tinea corporis",
    "Basal cell carcinoma",
    "Atopic eczema",
    "Morphoea",
    "Rosacea",
)
SIGNS = {
    "clinical": (
        "Erythematous plaques with silvery scale",
        "Violaceous papules",
        "An ulcerated nodule",
        "Annular plaques",
    ),
    "dermoscopic": ("Dermoscopy shows arborising vessels", "Dermoscopy shows a pigment network with globules"),
    "pathology": ("Histology shows a dense lymphocytic infiltrate (H&E, x100)", "Biopsy shows acanthosis (H&E, x40)"),
}
SITES = ("trunk", "scalp", "left forearm", "lower leg", "back", "right cheek", "abdomen", "buttock")
PEOPLE = ("boy", "girl", "man", "woman")
TEXT = (
    "the skin lesion of these patients is often seen in early disease and may resolve without therapy while others "
    "persist for years despite topical treatment systemic agents are reserved for severe cases with wide involvement "
    "histology confirms what the eye suspects biopsy should include the border and reach the fat"
)
WORDS = TEXT.split()


@functools.lru_cache(maxsize=1)
def _originals(count: int = 120) -> list[tuple[str, Image.Image]]:
    from tests.drawing.pictures import make

    return [(MODALITIES[n % 3], make(MODALITIES[n % 3], 9000 + n)) for n in range(count)]


def picture(rng: np.random.Generator, side: int) -> tuple[str, bytes]:
    """Modality and JPEG bytes of a picture whose longer side is ``side`` pixels."""
    originals = _originals()
    modality, image = originals[int(rng.integers(len(originals)))]
    share = rng.uniform(0.55, 0.85, 2)
    width, height = int(image.width * share[0]), int(image.height * share[1])
    left, top = int(rng.integers(image.width - width)), int(rng.integers(image.height - height))
    part = image.crop((left, top, left + width, top + height)).transpose(Image.Transpose(int(rng.integers(7))))
    scale = side / max(part.size)
    part = part.resize((round(part.width * scale), round(part.height * scale)), Image.Resampling.BICUBIC)
    target = io.BytesIO()
    part.save(target, "JPEG", quality=88)
    return modality, target.getvalue()


def _sentence(rng: np.random.Generator, words: int) -> str:
    text = " ".join(WORDS[k] for k in rng.integers(len(WORDS), size=words))
    return f"{text.capitalize()}."


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def draw_book(path: Path, pages: int, seed: int = 0, side: int = 900) -> Path:
    """Write a book of ``pages`` A4 pages to ``path``; its pictures are ``side`` pixels on the longer side."""
    import pymupdf

    rng = np.random.default_rng([77, seed])
    book = pymupdf.open()
    for number in range(1, pages + 1):
        page = book.new_page(width=595, height=842)
        page.insert_text((57, 40), f"Chapter {number // 20 + 1}", fontsize=8)
        page.insert_text((530, 815), str(number), fontsize=8)
        modality, data = picture(rng, side)
        above = " ".join(_sentence(rng, 14) for _ in range(9))
        below = " ".join(_sentence(rng, 14) for _ in range(12))
        page.insert_textbox((57, 60, 538, 210), above, fontsize=10, align=pymupdf.TEXT_ALIGN_JUSTIFY)
        box = page.rect.__class__(150, 220, 445, 480)
        page.insert_image(box, stream=data)
        person = f"{int(rng.integers(1, 90))}-year-old {_pick(rng, PEOPLE)}"
        words = f"{_pick(rng, SIGNS[modality])} on the {_pick(rng, SITES)} of a {person}"
        caption = f"Figure {number // 20 + 1}.{number}. {_pick(rng, DISEASES)}. {words}, case {number}."
        page.insert_textbox((57, 490, 538, 530), caption, fontsize=8, fontname="hebo")
        page.insert_textbox((57, 545, 538, 790), below, fontsize=10, align=pymupdf.TEXT_ALIGN_JUSTIFY)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path, deflate=True)
    book.close()
    return path


def main() -> None:
    """Draw one book."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--side", type=int, default=900, help="pixels of a picture's longer side (default: %(default)s)"
    )
    args = parser.parse_args()
    draw_book(args.out, args.pages, args.seed, args.side)


if __name__ == "__main__":
    main()
