"""Panels: the words "(A) … (B) …" and the gutters between pictures drawn in one raster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.pdf.panels import PanelText, read_panels, split_raster

PREFIXED = [
    "Fig. 1 Psoriasis. (A) Plaques on the elbow. (B) Dermoscopy with dotted vessels.",
    "Figure 1. Psoriasis. A, Plaques on the elbow. B, Dermoscopy with dotted vessels.",
    "Figure 1: Psoriasis. a) Plaques on the elbow. b) Dermoscopy with dotted vessels.",
    "Figure 1 Psoriasis. (a): Plaques on the elbow. (b): Dermoscopy with dotted vessels.",
    "FIGURE 1. Psoriasis. A. Plaques on the elbow. B. Dermoscopy with dotted vessels.",
    "Fig. 1 | Psoriasis. a, Plaques on the elbow; b, Dermoscopy with dotted vessels.",
    "Fig. 1 Psoriasis. A: Plaques on the elbow. B: Dermoscopy with dotted vessels.",
    "Fig. 1 Psoriasis. Left: Plaques on the elbow. Right: Dermoscopy with dotted vessels.",
    "Fig. 1 Psoriasis. (left) Plaques on the elbow. (right) Dermoscopy with dotted vessels.",
    "Fig. 1 Psoriasis. Top, Plaques on the elbow. Bottom, Dermoscopy with dotted vessels.",
    "Fig. 1 Psoriasis. A Plaques on the elbow. B Dermoscopy with dotted vessels.",
    "Fig. 1 Psoriasis. (A) Plaques\non the elbow. (B) Dermoscopy with\ndotted vessels.",
]


@pytest.mark.parametrize("text", PREFIXED)
def test_letters_before_their_words(text: str) -> None:
    panels = read_panels(text)
    assert panels is not None and panels.apart
    assert panels.head.rstrip(".") == "Psoriasis"
    words = {letter: " ".join(part.split()).rstrip(".;") for letter, part in panels.parts}
    assert words == {"A": "Plaques on the elbow", "B": "Dermoscopy with dotted vessels"}


def test_a_range_gives_every_letter_its_words() -> None:
    panels = read_panels("Fig. 2 Lichen planus. (A–C) Violaceous papules on the wrist. (D) Wickham striae.")
    assert panels is not None
    assert panels.letters == ("A", "B", "C", "D")
    assert {part for letter, part in panels.parts if letter in "ABC"} == {"Violaceous papules on the wrist."}


def test_a_list_gives_every_letter_its_words() -> None:
    panels = read_panels("Fig. 2 Eczema. (A, B) Patches on both hands. (C) Histology.")
    assert panels is not None and panels.letters == ("A", "B", "C")


@pytest.mark.parametrize(
    "text",
    [
        "Figure 1: Diffuse rash on trunk (a) with haemorrhagic bullae on both thighs (b)",
        "Figure 3: After 10 days lesions had nearly cleared (a and b)",
        "Figure 3. Nodules before (A) and after (B) six weeks.",
    ],
)
def test_words_that_cannot_be_taken_apart_stay_whole(text: str) -> None:
    panels = read_panels(text)
    assert panels is not None and not panels.apart
    assert panels.letters == ("A", "B")
    whole = text.split(maxsplit=2)[2]
    assert all(part == whole for _, part in panels.parts)


def test_letters_after_whole_sentences_are_taken_apart() -> None:
    panels = read_panels("Fig. 4 Scaly plaque on the knee (A). Dermoscopy with red dots (B).")
    assert panels is not None and panels.apart
    assert dict(panels.parts) == {"A": "Scaly plaque on the knee", "B": "Dermoscopy with red dots"}


@pytest.mark.parametrize(
    "text",
    [
        "Fig. 1 A dome-shaped nodule on the cheek. B cells predominate.",
        "Fig. 1 Hepatitis B and vitamin A deficiency.",
        "Fig. 1 Stage (B) disease.",
        "Fig. 1 Plaque psoriasis of the left knee.",
        "",
    ],
)
def test_no_panels(text: str) -> None:
    assert read_panels(text) is None


@given(st.integers(2, 8), st.sampled_from(["({})", "{})", "{}:"]), st.booleans())
def test_every_letter_comes_back_in_order(count: int, form: str, lower: bool) -> None:
    letters = [chr((97 if lower else 65) + n) for n in range(count)]
    words = [f"Finding number {n} of the lesion" for n in range(count)]
    text = "Fig. 7 Shared head. " + " ".join(f"{form.format(m)} {w}." for m, w in zip(letters, words, strict=True))
    panels = read_panels(text)
    assert panels is not None
    assert panels.letters == tuple(letter.upper() for letter in letters)
    assert [part.rstrip(".") for _, part in panels.parts] == words


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_never_raises(text: str) -> None:
    panels = read_panels(text)
    assert panels is None or (isinstance(panels, PanelText) and len(panels.parts) >= 2)


def _photo(rng: np.random.Generator, height: int, width: int, tone: int) -> np.ndarray:
    base = np.full((height, width, 3), tone, dtype=np.float64) + rng.normal(0, 12, (height, width, 3))
    return np.clip(base, 30, 215).astype(np.uint8)


@pytest.mark.parametrize("gutter", [3, 8, 20])
@pytest.mark.parametrize("colour", [255, 0])
@pytest.mark.parametrize("grid", [(1, 2), (2, 1), (2, 2), (1, 3), (2, 3)])
def test_gutters(gutter: int, colour: int, grid: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    rows, columns = grid
    height, width = 120, 160
    canvas = np.full(
        (rows * height + (rows - 1) * gutter, columns * width + (columns - 1) * gutter, 3), colour, dtype=np.uint8
    )
    expected = []
    for r in range(rows):
        for c in range(columns):
            y, x = r * (height + gutter), c * (width + gutter)
            canvas[y : y + height, x : x + width] = _photo(rng, height, width, 90 + 20 * r + 10 * c)
            expected.append((x, y, x + width, y + height))
    assert split_raster(canvas, rows * columns) == expected


def test_white_background_of_a_histology_is_not_gutter() -> None:
    rng = np.random.default_rng(4)
    canvas = np.full((206, 406, 3), 255, dtype=np.uint8)
    for y, x in ((0, 0), (0, 206), (106, 0), (106, 206)):
        canvas[y : y + 100, x : x + 200] = _photo(rng, 100, 200, 150)
    canvas[106:140, 0:200] = np.clip(rng.normal(249, 2, (34, 200, 3)), 244, 251).astype(np.uint8)
    assert split_raster(canvas, 4) == [(0, 0, 200, 100), (206, 0, 406, 100), (0, 106, 200, 206), (206, 106, 406, 206)]


def test_a_seam_without_a_gutter() -> None:
    rng = np.random.default_rng(5)
    smooth = np.linspace(0, 20, 200)[:, None, None] + rng.normal(0, 2, (200, 150, 3))
    canvas = np.concatenate([70 + smooth, 170 + smooth], axis=1).astype(np.uint8)
    assert split_raster(canvas, 2) == [(0, 0, 150, 200), (150, 0, 300, 200)]


def test_one_photograph_is_not_cut() -> None:
    assert split_raster(_photo(np.random.default_rng(6), 300, 400, 120), 2) is None
