"""Captions and pictures find each other on pages set up by hand: no PDF, only boxes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mmskin_hub.pdf.captions import TypeStyle, find_captions
from mmskin_hub.pdf.layout import Box, Line, Page, Picture
from mmskin_hub.pdf.match import (
    PageMatch,
    learn_habit,
    match_neighbours,
    match_numbers,
    match_page,
    match_unlabelled,
    side_of,
)
from mmskin_hub.pdf.pictures import note_marks, reading_order

BODY = TypeStyle("Serif", 10.0, 8)
PROSE = "The course is chronic with remissions in the summer and relapses in the cold months of the year"


def text(words: str, x: float, y: float, width: float = 200.0, size: float = 8.0, block: int = -1) -> list[Line]:
    """``words`` set in lines of ``width`` points from (x, y) down, all in one paragraph."""
    per_line = max(1, int(width / (0.45 * size)))
    lines: list[str] = []
    row = ""
    for word in words.split():
        if len(row) + len(word) > per_line:
            lines.append(row.strip())
            row = ""
        row += word + " "
    lines.append(row.strip())
    number = block if block >= 0 else int(1000 * y + x)
    out = []
    for n, row in enumerate(lines):
        top = y + 1.2 * size * n
        box = Box(x, top, x + min(width, 0.45 * size * len(row)), top + size)
        out.append(Line(row, box, "Serif", size, block=number))
    return out


def page(number: int, boxes: Sequence[tuple[float, float, float, float]], lines: Sequence[Line]) -> PageMatch:
    sheet = Page(number, 600, 800, lines=tuple(sorted(lines, key=lambda li: (li.box.y0, li.box.x0))))
    pictures = note_marks(sheet, reading_order([Picture(number, Box(*box), "scan", b"x") for box in boxes]))
    return PageMatch(sheet, pictures, find_captions(sheet, BODY))


def solved(*pages: PageMatch) -> dict[tuple[int, int], str]:
    """(page, picture index) -> the figure number (or the first words) of its caption."""
    habit = learn_habit(pages)
    for sheet in pages:
        match_page(sheet, habit)
    for sheet in pages:
        match_numbers(sheet, [p for p in pages if abs(p.page.number - sheet.page.number) == 1])
    match_neighbours(pages)
    for sheet in pages:
        match_unlabelled(sheet, habit, BODY)
    for sheet in pages:
        assert all(0 < m.score <= 1 for m in sheet.matches)
    matches = [match for sheet in pages for match in sheet.matches]
    return {(m.picture.page, m.picture.index): m.caption.key or m.caption.text.split(".")[0] for m in matches}


def test_below() -> None:
    lines = text("Figure 1.1 A plaque.", 50, 310) + text(PROSE, 50, 340, 500, 10)
    assert solved(page(1, [(50, 100, 250, 300)], lines)) == {(1, 0): "1.1"}


def test_above_wins_where_the_book_sets_captions_above() -> None:
    sheets = []
    for n in range(1, 4):
        lines = text(f"Figure {n}.1 A plaque of the knee.", 50, 80) + text(f"Figure {n}.2 A papule.", 50, 420)
        sheets.append(page(n, [(50, 100, 300, 300), (50, 440, 300, 640)], lines))
    # On this page a caption stands half-way between two pictures: only the habit can tell.
    lines = text("Figure 9.1 First.", 50, 80) + text("Figure 9.2 Second.", 50, 316)
    sheets.append(page(4, [(50, 100, 300, 300), (50, 340, 300, 540)], lines))
    found = solved(*sheets)
    assert found[4, 0] == "9.1" and found[4, 1] == "9.2"


@pytest.mark.parametrize("side", ["left", "right"])
def test_beside(side: str) -> None:
    x = 50 if side == "left" else 420
    lines = text("Figure 5 A scaly plaque on the shin of a man.", x, 110, 120) + text(PROSE, 50, 330, 500, 10)
    assert solved(page(1, [(190, 100, 400, 300)], lines)) == {(1, 0): "5"}


def test_grid_gives_each_its_own() -> None:
    boxes = [(50, 50, 290, 250), (310, 50, 550, 250), (50, 300, 290, 500), (310, 300, 550, 500)]
    lines: list[Line] = []
    for n, (x0, _, _, y1) in enumerate(boxes, start=1):
        lines += text(f"Figure 2.{n} Lesion number {n} of the grid.", x0, y1 + 6, 230)
    assert solved(page(1, boxes, lines)) == {(1, n): f"2.{n + 1}" for n in range(4)}


def test_one_caption_under_two_pictures() -> None:
    lines = text("Figure 3 Two patients with plaques of the elbows and of the knees in the first week.", 50, 260, 500)
    assert solved(page(1, [(50, 50, 290, 250), (310, 50, 550, 250)], lines)) == {(1, 0): "3", (1, 1): "3"}


def test_lettered_panels_take_the_whole_group() -> None:
    boxes = [(50, 50, 290, 250), (310, 50, 550, 250), (50, 260, 290, 460)]
    lines = text("Figure 4 Psoriasis. (A) Plaque. (B) Dermoscopy view. (C) Histology view.", 50, 470, 500)
    assert solved(page(1, boxes, lines)) == dict.fromkeys([(1, 0), (1, 1), (1, 2)], "4")


def test_facing_page() -> None:
    plate = page(4, [(50, 50, 550, 700)], [])
    lines = text("Figure 7 (facing page) Widespread plaques of the trunk.", 50, 60) + text(PROSE, 50, 120, 500, 10)
    assert solved(plate, page(5, [], lines)) == {(4, 0): "7"}


def test_overflow_to_the_next_page() -> None:
    first = page(1, [(50, 500, 300, 760)], text(PROSE, 50, 60, 500, 10))
    second = page(2, [(50, 150, 300, 350)], text("Figure 1 Above.", 50, 60) + text("Figure 2 Own.", 50, 356))
    assert solved(first, second) == {(1, 0): "1", (2, 0): "2"}


def test_legend_of_a_plate() -> None:
    boxes = [(50, 50, 290, 250), (310, 50, 550, 250)]
    lines = text("7", 165, 254, 10) + text("8", 425, 254, 10)
    lines += text("7. Psoriasis of the scalp in a child. 8. Lichen planus of the wrist in an adult.", 50, 700, 500)
    assert solved(page(1, boxes, lines)) == {(1, 0): "7", (1, 1): "8"}


def test_caption_without_a_label() -> None:
    (plain,) = text("A boggy plaque of the scalp.", 60, 305)
    lines = [Line(plain.text, plain.box, "Serif-Italic", 8, italic=True, block=1)]
    lines += text(PROSE, 50, 360, 500, 10)
    assert solved(page(1, [(50, 100, 250, 300)], lines)) == {(1, 0): "A boggy plaque of the scalp"}


def test_prose_that_mentions_a_figure_is_no_caption() -> None:
    lines = text("Figure 3.2 shows a typical example and its course is discussed below.", 50, 320, 500, 10)
    assert solved(page(1, [(50, 100, 250, 300)], lines)) == {}


def test_table_keeps_its_caption_from_the_picture() -> None:
    lines = text("Table 1 Drugs and doses used for psoriasis.", 50, 310)
    sheet = page(1, [(50, 100, 250, 300)], lines + text("Figure 2 The plaque of the leg.", 50, 84))
    solved(sheet)
    assert [c.kind for c in sheet.captions] == ["figure", "table"]
    assert [m.caption.kind for m in sheet.matches if m.caption.kind == "figure"] == ["figure"]


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ((0, 110, 100, 120), "below"),
        ((0, -20, 100, -10), "above"),
        ((110, 0, 150, 10), "right"),
        ((-50, 90, -10, 99), "left"),
        ((20, 80, 60, 90), "inside"),
    ],
)
def test_sides(caption: tuple[float, float, float, float], expected: str) -> None:
    assert side_of(Box(0, 0, 100, 100), Box(*caption))[0] == expected
