"""Two small dermatology books, drawn in code for ``mmskin demo``.

They are of two houses: one sets Times on A4 with "Figure 3.2" before its captions, the other Helvetica on a small page
with a coloured "FIG. 17." on a line of its own. Captions stand below their pictures, above them, beside them and in
grids. Each book holds two figures that must not be published, a chart and a picture with an arrow, so that a build has
something to refuse. The same seed gives the same bytes, whatever the machine, with the same PyMuPDF, Pillow and numpy.
"""

from __future__ import annotations

import argparse
import io
import random
from dataclasses import dataclass
from pathlib import Path

from mmskin_hub.demo.pages import HOUSES, Book
from mmskin_hub.demo.words import ANNOTATED, CHART, DISEASES, Case, Disease, cases

FIGURES = 110
"""Figures of a book that a build publishes, ten of each look."""
QUALITY = 88


@dataclass(frozen=True)
class Figure:
    """One figure of a book. ``number`` counts from 1 through the chapter or the book, as its house does."""

    case: Case
    chapter: int
    number: int
    seed: int

    def jpeg(self) -> tuple[bytes, float]:
        """The picture as it is stored, and its height by its width."""
        from mmskin_hub.demo.lesions import picture

        painted, data = picture(self.case, self.seed), io.BytesIO()
        painted.save(data, "JPEG", quality=QUALITY)
        return data.getvalue(), painted.height / painted.width


def draw(folder: Path, seed: int = 0, figures: int = FIGURES) -> tuple[Path, Path]:
    """Draw both books into ``folder``, which is made; their files.

    ``figures`` is how many of a book can be published, 11 (one of each look) to 110. Raises ``ValueError`` beyond.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    first, second = (
        Book(folder / house.file, house, seed).print(planned)
        for house, planned in zip(HOUSES, plan(seed, figures), strict=True)
    )
    return first, second


def plan(seed: int = 0, figures: int = FIGURES) -> tuple[tuple[Figure, ...], tuple[Figure, ...]]:
    """The figures of both books in the order of their pages: what :func:`draw` draws, and so what is true of them."""
    looks = sum(len(disease.looks) for disease in DISEASES)
    if not looks <= figures <= FIGURES:
        raise ValueError(f"figures is {looks} to {FIGURES}, not {figures}")
    rng = random.Random(f"mmskin demo {seed}")
    books: tuple[list[Figure], list[Figure]] = ([], [])
    done = 0
    for chapter, disease in enumerate(DISEASES, 1):
        before, done = done, done + len(disease.looks)
        count = figures * done // looks - figures * before // looks
        both = cases(disease, rng, 2 * count)
        for k, book in enumerate(books):
            chosen = both[k * count : (k + 1) * count]
            if chapter == (1, 5)[k]:
                chosen.insert(2, Case("chart", "other", CHART, drop="other_modality"))
            if chapter == (5, 4)[k]:
                chosen.insert(2, _annotated(disease))
            for number, case in enumerate(chosen, 1):
                number = len(book) + 1 if HOUSES[k].through else number
                book.append(Figure(case, chapter, number, (seed * 2 + k) * 1000 + len(book)))
    return tuple(books[0]), tuple(books[1])


def _annotated(disease: Disease) -> Case:
    caption = ANNOTATED.format(disease.name, disease.ages[0], disease.sex)
    return Case(disease.looks[0].name, "clinical", caption, site="back", drop="annotated")


def main() -> None:
    """``python -m mmskin_hub.demo.books FOLDER [--seed N]``: draw the books and print their files."""
    parser = argparse.ArgumentParser(prog="python -m mmskin_hub.demo.books", description="Draw the books of the demo.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write the two PDF files")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="what decides the books (default: %(default)s)"
    )
    parser.add_argument(
        "--figures", type=int, default=FIGURES, metavar="N", help="figures a book, 11 to 110 (default: %(default)s)"
    )
    options = parser.parse_args()
    for path in draw(options.folder, options.seed, options.figures):
        print(path)


if __name__ == "__main__":
    main()
