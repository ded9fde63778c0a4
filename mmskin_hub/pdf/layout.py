"""What a page is made of, as plain data: no PDF library is needed to hold, send or test it.

Everything in this module is in **PDF points of the upright page**: rotation applied, CropBox offset removed,
origin at the top left, y growing downwards, 72 points to the inch. Page numbers are **1-based**. A scanned page
uses the same units: its raster is placed on the page, pixels never leave :mod:`mmskin_hub.pdf.scans`.

The way through one page::

    reader.read_page ──▶ Page(lines, images, strokes)
    pictures.find_pictures(Page) ──▶ [Picture]       strips merged, furniture dropped (as Reject)
    captions.find_captions(Page) ──▶ [Caption]       labelled, or told by type and place
    match.match(pages) ──▶ [Pair]                    one assignment over the page and its neighbours
    panels.split_panels(Pair) ──▶ [Pair]             one Pair a lettered panel
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Box(NamedTuple):
    """An axis-parallel rectangle: left, top, right, bottom in PDF points (``x0 <= x1``, ``y0 <= y1``)."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        """In points."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """In points."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """In square points; 0 where a corner is on the wrong side of the other."""
        x0, y0, x1, y1 = self
        return (x1 - x0) * (y1 - y0) if x1 > x0 and y1 > y0 else 0.0

    @property
    def centre(self) -> tuple[float, float]:
        """The middle (x, y), in points."""
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def union(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def intersect(self, other: Box) -> Box:
        """The part both share; a box of zero area where they share none."""
        x0, y0 = max(self.x0, other.x0), max(self.y0, other.y0)
        return Box(x0, y0, max(x0, min(self.x1, other.x1)), max(y0, min(self.y1, other.y1)))

    def grow(self, by: float) -> Box:
        """The box with every side moved outwards by ``by`` points (inwards where negative)."""
        return Box(self.x0 - by, self.y0 - by, self.x1 + by, self.y1 + by)

    def covers(self, other: Box, share: float = 0.9) -> bool:
        """Whether at least ``share`` (0 to 1) of the area of ``other`` lies inside this box."""
        x0, y0, x1, y1 = self
        a0, b0, a1, b1 = other
        whole = (a1 - a0) * (b1 - b0)
        if whole <= 0 or x0 >= a1 or a0 >= x1 or y0 >= b1 or b0 >= y1:
            return False
        return (min(x1, a1) - max(x0, a0)) * (min(y1, b1) - max(y0, b0)) >= share * whole


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line of text inside one column.

    ``size`` is the font size in points, of most of its characters; ``bold``/``italic`` likewise. ``lead_bold`` is
    true where the line *starts* bold, or in another colour or font, and goes on plain, as "**Fig. 3** A plaque"
    does. ``block`` is the number of the paragraph the line belongs to (0-based, page order); -1 where unknown.
    ``confidence`` is 1 for born-digital text and the engine's own 0 to 1 score for OCR.
    """

    text: str
    box: Box
    font: str = ""
    size: float = 0.0
    bold: bool = False
    italic: bool = False
    lead_bold: bool = False
    colour: int = 0
    block: int = -1
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class PlacedImage:
    """One raster as it is drawn on the page: a whole photograph, or one strip of it.

    ``box`` is the part of it that can be seen. ``data`` holds the encoded bytes and ``ext`` their format ("jpeg",
    "png"); ``pixels`` is (width, height) of the stored raster, ``channels`` its number of colour components and
    ``resolution`` its pixels a printed point. ``altered`` is true where the stored bytes are not what the reader of
    the page sees: turned, mirrored, sheared, behind a soft mask, cut by a clip path. ``order`` is its place in the
    drawing order of the page.
    """

    box: Box
    pixels: tuple[int, int]
    data: bytes = field(default=b"", repr=False)
    ext: str = ""
    channels: int = 3
    resolution: float = 1.0
    altered: bool = False
    order: int = 0


@dataclass(frozen=True, slots=True)
class Stroke:
    """The box of one vector path. ``stroked`` tells a line from a fill; ``order`` is its place in drawing order."""

    box: Box
    stroked: bool = True
    rectangle: bool = False
    colour: int = 0
    order: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page, read: upright, in points, without what lies outside its visible part.

    ``turn`` is by how many degrees (0, 90, 180, 270, clockwise) the page was turned to bring most of its text
    upright, /Rotate included. ``scanned`` is true where the page is a raster whose lines come from OCR or from a
    hidden text layer.
    """

    number: int
    width: float
    height: float
    lines: tuple[Line, ...] = ()
    images: tuple[PlacedImage, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    turn: int = 0
    scanned: bool = False

    @property
    def box(self) -> Box:
        """The whole page."""
        return Box(0.0, 0.0, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as a reader sees it, after strips and tiles are merged.

    ``kind`` says how its bytes are had: "image" (one untouched image object, kept as it is), "region" (rendered from
    the page), "vector" (a drawing; rendered) or "scan" (cut from a page raster). ``data`` holds the bytes of the first
    and the last kind; the others are rendered once they have a caption.
    ``resolution`` is pixels a point, ``pixels`` (width, height) of ``data``, (0, 0) where that is still to be rendered.
    ``overlaid`` counts what is printed over it: vector strokes and text other than a panel letter, the arrows and
    stars a publisher draws. ``letters`` are the panel letters printed on or at it with the centre of each; ``letter``
    is the only one of them, ``number`` the bare figure number ("7", "3.2") of a plate, both "" where there is none
    (or, of letters, more than one). ``index`` is its place among the pictures of the page.
    """

    page: int
    box: Box
    kind: str = "image"
    data: bytes = field(default=b"", repr=False)
    ext: str = ""
    resolution: float = 1.0
    pixels: tuple[int, int] = (0, 0)
    letter: str = ""
    letters: tuple[tuple[str, float, float], ...] = ()
    number: str = ""
    overlaid: int = 0
    index: int = 0


@dataclass(frozen=True, slots=True)
class Caption:
    """One caption: its printed text, lines joined by ``\\n``, label and all.

    ``label`` is the label as printed ("Fig. 3.2"), ``key`` its normal form ("3.2"; roman and arabic alike are
    compared through it), both "" for a caption without any label. ``kind`` is "figure", "plate", "table", "legend", …
    ``numbers`` are all the numbers the label names ("Figs 3–5"); ``lines`` the printed lines it was made of.
    ``body`` is ``text`` without the label.
    ``certainty`` (0 to 1) says how sure the finder is that this is a caption at all.
    """

    page: int
    box: Box
    text: str
    label: str = ""
    key: str = ""
    kind: str = "figure"
    certainty: float = 1.0
    numbers: tuple[str, ...] = ()
    lines: tuple[Line, ...] = field(default=(), repr=False)
    body: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """One picture with its words, ready for ``curate/``.

    ``image`` is an encoded picture (PNG or JPEG bytes, upright); ``raw_caption`` the whole printed caption, lines
    joined by ``\\n``; for a lettered panel ``panel`` is its letter, ``head`` the words all panels share and
    ``panel_text`` its own, both "" otherwise. ``score`` (0 to 1) says how sure the match is.
    """

    page: int
    box: Box
    image: bytes
    raw_caption: str
    figure_label: str = ""
    panel: str = ""
    head: str = ""
    panel_text: str = ""
    score: float = 0.0
    overlaid: int = 0
    figure: str = ""  # stable within the book: "p12-f2"; the panels of one figure share it
    pixels: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Reject:
    """Something that was seen and does not leave, and why.

    ``stage`` is the module that refused it, ``reason`` one of :data:`mmskin_hub.schema.REJECT_REASONS`, ``detail``
    one sentence for a person. ``page`` is 0 and ``box`` empty where a whole book is meant.
    """

    stage: str
    reason: str
    page: int = 0
    box: Box = field(default=Box(0.0, 0.0, 0.0, 0.0))
    score: float = 0.0
    detail: str = ""
    caption: str = ""
