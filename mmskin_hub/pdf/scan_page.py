"""A page that is a raster: rendered, handed to :mod:`mmskin_hub.pdf.scans`, and given back as a page like any other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image

from mmskin_hub.pdf.labels import parse_bare_number, parse_panel_letter
from mmskin_hub.pdf.layout import Line, Page, Picture, Reject
from mmskin_hub.pdf.ocr import OcrEngine, make_engine
from mmskin_hub.pdf.pictures import note_marks, reading_order
from mmskin_hub.pdf.reader import STAMP_CHARACTERS, RawPage, render_pixels
from mmskin_hub.pdf.scans import read_scan

if TYPE_CHECKING:
    import pymupdf

#: Scans are read at their own resolution, within these bounds (dots an inch).
DPI = (120.0, 300.0)


@lru_cache(maxsize=2)
def _engine(name: str) -> OcrEngine | None:
    return make_engine(name)


def read_scanned_page(
    book: pymupdf.Document, raw: RawPage, ocr: str, min_size: int
) -> tuple[Page, list[Picture], list[Reject]]:
    """The page with the lines OCR read, its photographs, and what was set aside.

    A hidden text layer of some length is used as it is; OCR then only reads where there is none.
    """
    page = raw.page
    native = max((image.resolution for image in raw.page.images), default=2.0) * 72
    scale = min(max(native, DPI[0]), DPI[1]) / 72
    raster = render_pixels(book, page, page.box, scale)
    layered = raw.hidden >= STAMP_CHARACTERS
    engine = None if layered else _engine(ocr)
    rejects: list[Reject] = []
    if engine is None and not layered:
        detail = "the page is a scan and OCR is switched off (--ocr none)"
        rejects.append(Reject("ocr", "ocr_needed", page.number, page.box, detail=detail))
    scan = read_scan(raster, page.width, page.height, engine)
    pictures = []
    for found in scan.pictures:
        height, width = found.pixels.shape[:2]
        if min(height, width) < min_size:
            detail = f"{width} × {height} pixels; --min-size is {min_size}"
            rejects.append(Reject("pdf", "too_small", page.number, found.box, detail=detail))
            continue
        buffer = io.BytesIO()
        Image.fromarray(found.pixels).save(buffer, "JPEG", quality=95, subsampling=0)
        pictures.append(Picture(page.number, found.box, "scan", buffer.getvalue(), "jpeg", scale, (width, height)))
    lines = page.lines if layered else (*_marks_alone(scan.lines), *page.lines)
    page = Page(page.number, page.width, page.height, lines=lines, turn=page.turn, scanned=True)
    return page, note_marks(page, reading_order(pictures)), rejects


def _marks_alone(lines: Sequence[Line]) -> list[Line]:
    """``lines`` with every panel letter and bare number in a paragraph of its own, none in that of a caption."""
    free = max((line.block for line in lines), default=0) + 1
    out = []
    for line in lines:
        if len(line.text) <= 6 and (parse_panel_letter(line.text) or parse_bare_number(line.text)):
            line = replace(line, block=free)
            free += 1
        out.append(line)
    return out
