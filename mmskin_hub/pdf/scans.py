"""A scanned page becomes what a born-digital one is: lines of text with sizes and blocks, and photographs.

Whole-page OCR is slow because most of a page cannot hold a caption. Here the page is set upright, its photographs
and its lines of print are found without a network (:mod:`~mmskin_hub.pdf.scan_photos`,
:mod:`~mmskin_hub.pdf.scan_text`), and only this is recognised:

* the beginning of every block of lines, and the rest of the block where that beginning looks like a figure label;
* blocks near a photograph that are short or set smaller than the body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmskin_hub.pdf.labels import parse_label
from mmskin_hub.pdf.layout import Box, Line
from mmskin_hub.pdf.ocr import OcrEngine
from mmskin_hub.pdf.scan_paper import Raster, difference, find_skew, paint_outside, paper_colour, remove_borders, turn
from mmskin_hub.pdf.scan_photos import PixelBox, bleeds, find_photos
from mmskin_hub.pdf.scan_text import Print, PrintLine, find_print

_Crop = Callable[[tuple[float, float, float, float]], Raster]

#: The finest raster the search works on (dots an inch); crops are taken from the raster as given.
WORK_DPI = 175.0
#: How far from a photograph its caption may stand, in inches.
NEAR = 0.6
#: What is read of a block to see whether it begins with a label, in type sizes.
PROBE = 7.5
#: A block of this many lines or more near a photograph, in the type of the body, is body.
PARAGRAPH = 5
#: Recognised lines below this score are noise.
LEAST_SCORE = 0.5

# Only a sieve, kept wide for what OCR makes of a label; the grammar proper is in mmskin_hub.pdf.labels.
_LABEL = re.compile(
    r"\W{0,3}(?:(?:suppl\w*|online|colou?r|clinical|extended data)\W{0,2})?"
    r"(?:[fe][iIl1!|t][gq9c]|f\s?i\s?g|plates?|pla[tl]e|pictures?|photo|image|illustration|abb|bild|tafel|slide|case\s?\d)"
    r"|\W{0,3}\d{1,3}(?:[.\-–]\d{1,3})?[A-Za-z]?\W{0,2}(?:\s|$|[A-Z])|\W{0,2}[(\[]?[A-Ha-h][).,\]:]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ScanPicture:
    """A photograph on a scan: its box in points of the upright page, its upright pixels (RGB, uint8, H × W × 3)."""

    box: Box
    pixels: Raster


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What :func:`read_scan` found. ``skew`` is by how many degrees the page was turned clockwise.

    ``lines`` are those that were recognised, top to bottom, in points of the upright page. ``body_size`` is the type
    size in points of the page's running text, most of which is not recognised; 0 where there is none.
    """

    lines: tuple[Line, ...]
    pictures: tuple[ScanPicture, ...]
    skew: float
    body_size: float = 0.0


def read_scan(raster: Raster, width_pt: float, height_pt: float, engine: OcrEngine | None) -> ScanResult:
    """Find the photographs of a page raster and read what may be their captions.

    ``raster`` is the whole page (RGB, uint8, H × W × 3; 150 to 300 dots an inch; turned by up to six degrees, with
    scanner borders, tint and dirt); ``width_pt`` × ``height_pt`` is the page in points. Without an ``engine`` the
    lines are empty. A blank page gives nothing; a page that is one photograph gives one picture.

    Raises ``ValueError`` where the raster is not RGB uint8 or the page has no extent.
    """
    if raster.ndim != 3 or raster.shape[2] != 3 or raster.dtype != np.uint8:
        raise ValueError(f"read_scan needs an RGB raster of uint8, H × W × 3; got {raster.dtype} {raster.shape}.")
    if min(width_pt, height_pt) <= 0:
        raise ValueError(f"read_scan needs a page with an extent; got {width_pt} × {height_pt} points.")
    if min(raster.shape[:2]) < 64:
        return ScanResult((), (), 0.0)
    sheet = _upright(raster, raster.shape[1] / width_pt * 72)
    across, down = width_pt / sheet.page.shape[1], height_pt / sheet.page.shape[0]
    same = raster.shape == sheet.page.shape
    full = sheet.page if same else turn(raster, sheet.skew)
    zoom_x, zoom_y = raster.shape[1] / sheet.page.shape[1], raster.shape[0] / sheet.page.shape[0]

    def points(box: PixelBox) -> Box:
        return Box(box[0] * across, box[1] * down, box[2] * across, box[3] * down)

    def crop(box: tuple[float, float, float, float]) -> Raster:
        x0, y0 = max(0, round(box[0] * zoom_x)), max(0, round(box[1] * zoom_y))
        return np.ascontiguousarray(full[y0 : max(y0, round(box[3] * zoom_y)), x0 : max(x0, round(box[2] * zoom_x))])

    pictures = tuple(ScanPicture(points(box), crop(box)) for box in sheet.photos)
    per_point = down  # points a pixel, for type sizes
    lines: list[Line] = []
    if engine is not None and sheet.print.lines:
        for line, text, score in _read(sheet.print, sheet.photos, sheet.dpi, crop, engine):
            size = round(line.size * per_point, 1)
            lines.append(Line(text, points(line.box), size=size, block=line.block, confidence=round(score, 4)))
    return ScanResult(tuple(lines), pictures, sheet.skew, round(sheet.print.body * per_point, 1))


@dataclass(slots=True)
class _Sheet:
    """A page at working resolution, upright, with what was found on it."""

    page: Raster
    dpi: float
    skew: float
    photos: list[PixelBox]
    print: Print


def _upright(raster: Raster, dpi: float) -> _Sheet:
    """The page at working resolution, deskewed; photographs and print found on it."""
    import cv2

    page = raster
    if dpi > WORK_DPI * 1.15:
        shrink = WORK_DPI / dpi
        size = (round(raster.shape[1] * shrink), round(raster.shape[0] * shrink))
        page, dpi = np.asarray(cv2.resize(raster, size, interpolation=cv2.INTER_AREA), np.uint8), WORK_DPI
    page, borders = remove_borders(page, dpi)
    paper = paper_colour(page)
    # A page that is one photograph has edges of its own, which say nothing of how the sheet lay.
    skew = 0.0 if paper is None or bleeds(page, paper, dpi) else find_skew(page, paper, dpi)
    upright = turn(page, skew)
    paper = paper_colour(upright)
    if paper is not None:
        upright = paint_outside(upright, paper, borders, skew)
    photos = find_photos(upright, paper, dpi)
    found = find_print(difference(upright, paper), photos, dpi) if paper is not None else Print()
    return _Sheet(upright, dpi, skew, photos, found)


def _read(
    print_: Print, photos: Sequence[PixelBox], dpi: float, crop: _Crop, engine: OcrEngine
) -> list[tuple[PrintLine, str, float]]:
    """Recognise what may be a caption: (line, text, score), top to bottom."""
    wanted, probes = _choose(print_, photos, dpi)
    texts = engine.recognise([crop(_probe_box(print_.blocks[n][k])) for n, k in probes])
    labelled = [(n, k) for (n, k), (text, _) in zip(probes, texts, strict=True) if _LABEL.match(text)]
    # "Figure 3.2 shows …" opens a paragraph: its first line tells, the rest need not be read.
    long = [(n, k) for n, k in labelled if len(print_.blocks[n]) - k >= 3]
    firsts = engine.recognise([crop(_padded(print_.blocks[n][k].box)) for n, k in long])
    known = dict(zip(long, firsts, strict=True))
    for n, k in labelled:
        label = parse_label(known[n, k][0]) if (n, k) in known else None
        if label is None or label.certainty >= 0.3:
            wanted[n] = min(wanted.get(n, k), k)
    done = {id(print_.blocks[n][k]): read for (n, k), read in known.items()}
    lines = [line for n in sorted(wanted) for line in print_.blocks[n][wanted[n] :][:40]]
    lines.sort(key=lambda line: (line.box[1], line.box[0]))
    rest = [line for line in lines if id(line) not in done]
    texts = engine.recognise([crop(_padded(line.box)) for line in rest])
    done |= {id(line): read for line, read in zip(rest, texts, strict=True)}
    return [
        (line, text, score)
        for line, (text, score) in ((line, done[id(line)]) for line in lines)
        if text and score >= LEAST_SCORE and (len(line.letters) > 1 or len(text) <= 2)
    ]


def _choose(print_: Print, photos: Sequence[PixelBox], dpi: float) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """Blocks to read at once, {block: first line}, and the lines to try for a label, (block, line in it)."""
    wanted: dict[int, int] = {}
    probes: list[tuple[int, int]] = []
    for n, block in enumerate(print_.blocks):
        near = [k for k, line in enumerate(block) if any(_distance(line.box, photo) < NEAR * dpi for photo in photos)]
        size, letters = block[0].size, sum(len(line.letters) for line in block)
        body = print_.body and 0.94 * print_.body < size < 1.06 * print_.body
        if letters < 3:
            # A bare number or a panel letter: of use only at a photograph.
            if any(_distance(block[0].box, photo) < 0.3 * dpi for photo in photos):
                wanted[n] = 0
        elif near and not (body and len(block) >= PARAGRAPH) and not (print_.body and size > 1.3 * print_.body):
            wanted[n] = 0
        else:
            probes.append((n, 0))
            # A caption in the type and leading of the body hides in its block: try what follows a short line.
            right = max(line.box[2] for line in block)
            for k in near:
                if k and block[k - 1].box[2] < right - 1.5 * size:
                    probes.append((n, k))
    return wanted, probes


def _distance(a: PixelBox, b: PixelBox) -> float:
    """How far two boxes are apart (pixels); boxes that only meet over a corner count as far along both ways."""
    across = max(a[0] - b[2], b[0] - a[2], 0)
    down = max(a[1] - b[3], b[1] - a[3], 0)
    return float(across + down)


def _padded(box: PixelBox) -> tuple[float, float, float, float]:
    """The box with a margin as the recogniser was trained on: about a seventh of the height of the line."""
    pad = max(2.0, 0.15 * (box[3] - box[1]))
    return box[0] - 1.5 * pad, box[1] - pad, box[2] + 1.5 * pad, box[3] + pad


def _probe_box(line: PrintLine) -> tuple[float, float, float, float]:
    """The first words of a line."""
    x0, y0, x1, y1 = _padded(line.box)
    return x0, y0, min(x1, line.box[0] + PROBE * line.size), y1
