"""A very small press: type and pictures on the pages of a PDF, in points from the top left, over PyMuPDF.

The fonts are the standard ones of every PDF reader (Times and Helvetica, Latin-1), so nothing is embedded and a book is
the same bytes wherever the same PyMuPDF writes it: no dates, no random identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

Ink = tuple[float, float, float]
BLACK: Ink = (0.0, 0.0, 0.0)
GREY: Ink = (0.45, 0.45, 0.45)


@dataclass(frozen=True)
class Face:
    """How text is set: a standard font ("tiro", "helv", …), size and leading in points, ``justify`` or ragged."""

    font: str = "tiro"
    size: float = 10
    leading: float = 13
    ink: Ink = BLACK
    justify: bool = False
    centre: bool = False


class Area(NamedTuple):
    """Left, top, right, bottom in points."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """In points."""
        return self.x1 - self.x0

    def columns(self, count: int, gap: float = 18) -> list[Area]:
        """The area as columns of equal width."""
        wide = (self.width - gap * (count - 1)) / count
        return [
            Area(self.x0 + k * (wide + gap), self.y0, self.x0 + k * (wide + gap) + wide, self.y1) for k in range(count)
        ]


Word = tuple[str, Face]


@cache
def _font(name: str) -> Any:
    import pymupdf

    return pymupdf.Font(name)


@lru_cache(maxsize=1 << 14)
def _wide(text: str, font: str, size: float) -> float:
    # Not pymupdf.get_text_length: for a text with a letter beyond ASCII ("×") that of 2.0 is a letter short.
    return float(_font(font).text_length(text, fontsize=size))


def wrap(words: list[Word], width: float) -> list[list[Word]]:
    """``words`` as lines no wider than ``width``; "\\n" ends a line."""
    lines: list[list[Word]] = [[]]
    used = 0.0
    for text, face in words:
        if text == "\n":
            lines.append([])
            used = 0.0
            continue
        wide, space = _wide(text, face.font, face.size), _wide(" ", face.font, face.size)
        if lines[-1] and used + space + wide > width:
            lines.append([])
            used = 0.0
        used += wide + (space if lines[-1] else 0)
        lines[-1].append((text, face))
    return lines


def words_of(text: str, face: Face) -> list[Word]:
    """A text as words of one face."""
    return [(word, face) for word in text.split()]


class Press:
    """One PDF in the making."""

    def __init__(self, path: Path, size: tuple[float, float], title: str) -> None:
        import pymupdf

        self._pymupdf, self.path, self.size = pymupdf, path, size
        self._document = pymupdf.open()
        self._document.set_metadata({"title": title, "creator": "mmskin demo"})
        self._page: Any = None
        self._shape: Any = None
        self.number = 0

    def turn(self) -> None:
        """Begin the next page."""
        self._commit()
        self._page = self._document.new_page(width=self.size[0], height=self.size[1])
        self._shape = self._page.new_shape()
        self.number += 1

    def _commit(self) -> None:
        if self._shape is not None:
            self._shape.commit()

    def height(self, words: list[Word], width: float) -> float:
        """The height that ``words`` take."""
        return sum(max((face.leading for _, face in line), default=0) for line in wrap(words, width))

    def set(self, words: list[Word], x: float, y: float, width: float, most: int = 999) -> float:
        """Set words with their top at ``y``, at most so many lines; the y below them."""
        lines = wrap(words, width)
        for k, line in enumerate(lines[:most]):
            if line:
                face = line[-1][1]
                self._line(line, x, y + face.size, width, face.justify and k < len(lines) - 1)
                y += face.leading
        return y

    def _line(self, line: list[Word], x: float, y: float, width: float, justify: bool) -> None:
        total = sum(_wide(text, face.font, face.size) for text, face in line)
        spaces = [_wide(" ", face.font, face.size) for _, face in line[:-1]]
        stretch = (width - total) / sum(spaces) if justify and spaces else 1.0
        if line[0][1].centre:
            x += (width - total - sum(spaces)) / 2
        for (text, face), space in zip(line, [*spaces, 0.0], strict=True):
            self._shape.insert_text((x, y), text, fontname=face.font, fontsize=face.size, color=face.ink)
            x += _wide(text, face.font, face.size) + space * stretch

    def put(self, data: bytes, x: float, y: float, width: float, height: float) -> None:
        """Place an encoded picture; a JPEG is stored as it is."""
        self._page.insert_image(self._pymupdf.Rect(x, y, x + width, y + height), stream=data)

    def rule(self, x0: float, y0: float, x1: float, y1: float, ink: Ink = GREY, width: float = 0.6) -> None:
        """A straight line."""
        self._page.draw_line((x0, y0), (x1, y1), color=ink, width=width)

    def tint(self, box: Area, ink: Ink) -> None:
        """A filled box, under the text of the page."""
        self._page.draw_rect(self._pymupdf.Rect(*box), color=None, fill=ink, width=0)

    def close(self) -> Path:
        """Write the file."""
        self._commit()
        self._document.save(self.path, garbage=3, deflate=True, no_new_id=True)
        self._document.close()
        return self.path
