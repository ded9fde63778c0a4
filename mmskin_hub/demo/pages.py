"""The pages of the drawn books: two houses, their layouts, and how a chapter's figures and paragraphs fill them.

A layout sets a few figures on a page of its own: captions below in one column or two, above, beside, or in a grid.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mmskin_hub.demo.press import GREY, Area, Face, Ink, Press, Word, words_of
from mmskin_hub.demo.words import DISEASES, REMARKS

if TYPE_CHECKING:
    from mmskin_hub.demo.books import Figure

STEEPEST = 0.79
"""Height by width of the tallest picture."""


@dataclass(frozen=True)
class House:
    """A publisher's style. ``label`` is a format of {c} chapter and {n} number; ``pages`` names its layouts in turn."""

    file: str
    title: str
    line: str
    size: tuple[float, float]
    margin: float
    body: Face
    cap: Face
    label: Face
    labelled: str
    pages: tuple[str, ...]
    accent: Ink
    through: bool
    own_line: bool = False


TEAL: Ink = (0.05, 0.36, 0.42)
BRICK: Ink = (0.64, 0.18, 0.12)
HOUSES = (
    House(
        file="a-small-atlas-of-skin-diseases.pdf",
        title="A Small Atlas of Skin Diseases",
        line="Photographs, dermoscopy and sections of eight diseases",
        size=(595, 842),
        margin=60,
        body=Face("tiro", 10.5, 14, justify=True),
        cap=Face("helv", 8, 10.5),
        label=Face("hebo", 8, 10.5),
        labelled="Figure {c}.{n}",
        pages=("below_two", "below_one", "beside", "above"),
        accent=TEAL,
        through=False,
    ),
    House(
        file="dermatology-at-the-bedside.pdf",
        title="Dermatology at the Bedside",
        line="A pocket book of what is seen",
        size=(482, 680),
        margin=45,
        body=Face("helv", 9, 12.5, justify=True),
        cap=Face("tiro", 8.5, 10.5),
        label=Face("hebo", 7.5, 11, BRICK),
        labelled="FIG. {n}.",
        pages=("grid", "beside", "above_two"),
        accent=BRICK,
        through=True,
        own_line=True,
    ),
)


@dataclass
class Book:
    """One book in the making; a layout sets the next few figures of ``queue`` on a page of its own."""

    path: Path
    house: House
    seed: int
    prose: Iterator[str] = field(default_factory=lambda: iter(()))

    def print(self, figures: Sequence[Figure]) -> Path:
        """Set all figures, chapter by chapter; the file."""
        house = self.house
        self.press = Press(self.path, house.size, house.title)
        self._front()
        remarks = list(REMARKS)
        random.Random(f"{house.file} {self.seed}").shuffle(remarks)
        turn = 0
        for chapter, disease in enumerate(DISEASES, 1):
            own = [figure for figure in figures if figure.chapter == chapter]
            share = remarks[(chapter - 1) * len(remarks) // 8 : chapter * len(remarks) // 8]
            self.prose = iter((*disease.text, *share))
            first = True
            while own:
                name = self._next(turn, len(own))
                layout, most = LAYOUTS[name]
                layout(self, self._page(f"{chapter}  {disease.name}", first), own[:most])
                own, first, turn = own[most:], False, house.pages.index(name) + 1
        return self.press.close()

    def _next(self, turn: int, left: int) -> str:
        """The next layout, in turn, that leaves no page with a picture or two on it."""
        pages = self.house.pages
        order = [pages[(turn + k) % len(pages)] for k in range(len(pages))]
        least = min(LAYOUTS[name][1] for name in pages)
        even = [name for name in order if left == LAYOUTS[name][1] or left - LAYOUTS[name][1] >= least]
        return (even or [name for name in order if LAYOUTS[name][1] >= left] or order)[0]

    def _front(self) -> None:
        house, press = self.house, self.press
        press.turn()
        wide, high = house.size
        press.tint(Area(0, 0, wide, 0.42 * high), house.accent)
        white = Face("tibo" if house.body.font == "tiro" else "hebo", wide / 19, wide / 15, (1, 1, 1))
        y = press.set(words_of(house.title, white), house.margin, 0.2 * high, wide - 2 * house.margin)
        press.set(
            words_of(house.line, replace(house.body, ink=(1, 1, 1), justify=False)), house.margin, y + 6, wide / 2
        )
        small = replace(house.body, size=house.body.size - 1, ink=GREY, justify=False)
        y = 0.62 * high
        for number, disease in enumerate(DISEASES, 1):
            y = press.set(
                words_of(f"{number}   {disease.name}", replace(house.body, justify=False)), house.margin, y, 300
            )
        said = "A program drew this book, its pictures and its patients, for trying software. It teaches no medicine."
        press.set(words_of(said, small), house.margin, high - 70, wide - 2 * house.margin)

    def _page(self, chapter: str, first: bool) -> Area:
        """The next page with its running head and number; the area that is left."""
        house, press = self.house, self.press
        press.turn()
        wide, high = house.size
        area = Area(house.margin, house.margin + 16, wide - house.margin, high - house.margin)
        small = replace(house.body, size=8, leading=10, ink=GREY, justify=False)
        press.set(words_of(chapter if press.number % 2 else house.title, small), area.x0, area.y0 - 36, area.width)
        press.rule(area.x0, area.y0 - 22, area.x1, area.y0 - 22)
        press.set(words_of(str(press.number), replace(small, centre=True)), area.x0, high - 34, area.width)
        if not first:
            return area
        heading = Face("tibo" if house.body.font == "tiro" else "hebo", 18, 24, house.accent)
        y = press.set(words_of(chapter.split("  ")[1], heading), area.x0, area.y0, area.width)
        return area._replace(y0=self.paragraph(area.x0, y + 4, area.width, area.y1) + 4)

    # what layouts are made of

    def words(self, figure: Figure) -> list[Word]:
        """The caption of a figure with its label."""
        house = self.house
        label = words_of(house.labelled.format(c=figure.chapter, n=figure.number), house.label)
        between = [("\n", house.cap)] if house.own_line else []
        # No line ends with a sentence: where captions are most of a book, a short such line reads as the caption's end.
        bound = re.sub(r"\. (?=\S)", ".\N{NO-BREAK SPACE}", figure.case.caption)
        said = [(word.replace("\N{NO-BREAK SPACE}", " "), house.cap) for word in bound.split(" ")]
        return [*label, *between, *said]

    def paragraph(self, x: float, y: float, width: float, bottom: float) -> float:
        """The next paragraph where there is one and it fits; the y below it."""
        words = words_of(next(self.prose, ""), self.house.body)
        if not words or y + self.press.height(words, width) > bottom:
            return y
        return self.press.set(words, x, y, width) + 6

    def rest(self, area: Area, y: float) -> None:
        """Paragraphs until the page or the text ends."""
        while y < (y := self.paragraph(area.x0, y, area.width, area.y1)):
            pass

    def below(self, figure: Figure, x: float, y: float, width: float, measure: float = 0) -> float:
        """A picture with its caption below; the y below both."""
        data, ratio = figure.jpeg()
        self.press.put(data, x, y, width, width * ratio)
        return self.press.set(self.words(figure), x, y + width * ratio + 4, measure or width) + 12

    def above(self, figure: Figure, x: float, y: float, width: float, measure: float = 0) -> float:
        """A caption with its picture below; the y below both."""
        data, ratio = figure.jpeg()
        y = self.press.set(self.words(figure), x, y, measure or width) + 3
        self.press.put(data, x, y, width, width * ratio)
        return y + width * ratio + 16


def _fit(area: Area, rows: int, wide: float, words: float) -> float:
    """How wide the pictures of ``rows`` rows may be, at most ``wide``; ``words`` is the height of a row without one."""
    return min(wide, ((area.y1 - area.y0) / rows - words) / STEEPEST)


def _below_one(book: Book, area: Area, figures: Sequence[Figure]) -> None:
    """One column: text and pictures by turns, captions below."""
    y = area.y0
    wide = _fit(area, 2, 0.6 * area.width, 90)
    for figure in figures:
        y = book.below(figure, area.x0, y, wide)
        y = book.paragraph(area.x0, y + 4, area.width, area.y1) + 4
    book.rest(area, y)


def _columns(book: Book, area: Area, figures: Sequence[Figure], one: Callable[..., float]) -> None:
    """Two columns with two pictures each, and text below both."""
    lows = []
    for k, column in enumerate(area.columns(2)):
        y, wide = area.y0, _fit(area, 2, column.width, 70)
        for figure in figures[2 * k : 2 * k + 2]:
            y = one(figure, column.x0, y, wide)
        lows.append(y)
    book.rest(area, max(lows) + 6)


def _below_two(book: Book, area: Area, figures: Sequence[Figure]) -> None:
    _columns(book, area, figures, book.below)


def _above_two(book: Book, area: Area, figures: Sequence[Figure]) -> None:
    _columns(book, area, figures, book.above)


def _above(book: Book, area: Area, figures: Sequence[Figure]) -> None:
    """One column, captions above their pictures."""
    y = area.y0
    wide = _fit(area, 3, 0.46 * area.width, 45)
    for figure in figures:
        y = book.above(figure, area.x0, y, wide, 0.7 * area.width)
    book.rest(area, y + 4)


def _beside(book: Book, area: Area, figures: Sequence[Figure]) -> None:
    """Captions right of their pictures."""
    y = area.y0
    wide = _fit(area, 4, 0.44 * area.width, 15)
    for figure in figures:
        data, ratio = figure.jpeg()
        book.press.put(data, area.x0, y, wide, wide * ratio)
        book.press.set(book.words(figure), area.x0 + wide + 12, y + 4, area.width - wide - 12)
        y += wide * ratio + 14
    book.rest(area, y + 4)


def _grid(book: Book, area: Area, figures: Sequence[Figure]) -> None:
    """Two by three small pictures, captions below."""
    y = area.y0
    for row in (figures[:2], figures[2:4], figures[4:]):
        cells = [
            (figure, cell.x0, _fit(area, 3, cell.width, 60))
            for figure, cell in zip(row, area.columns(2, 14), strict=False)
        ]
        y = max((book.below(figure, x, y, wide) for figure, x, wide in cells), default=y)
    book.rest(area, y)


LAYOUTS: dict[str, tuple[Callable[[Book, Area, Sequence[Figure]], None], int]] = {
    "below_one": (_below_one, 2),
    "below_two": (_below_two, 4),
    "above": (_above, 3),
    "above_two": (_above_two, 4),
    "beside": (_beside, 4),
    "grid": (_grid, 6),
}
"""A layout and how many figures it sets on a page."""
