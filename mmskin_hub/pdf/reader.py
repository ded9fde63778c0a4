"""A PDF page becomes lines, images and strokes, in points of the upright page.

One interpretation of the page gives all three: MuPDF's structured text page with images and vectors kept. That is
what makes the reader about as quick as a bare loop that reads text and extracts images (benchmarks/README.md).

What real books do, and what is done about it here:

* ``/Rotate`` and plates set sideways: PyMuPDF reports the *unrotated* page; every box is turned with the page's
  rotation matrix, and again where most characters run up or down, so that all that follows may think upright.
* CropBox offsets: PyMuPDF measures from the CropBox corner; what lies outside the visible page is dropped.
* Words or letters placed one by one, in any order: MuPDF's lines are taken apart into fragments and joined again by
  baseline and gap (:mod:`mmskin_hub.pdf.lines`).
* Hidden text (render mode 3, the text layer of a scan) is told by its alpha of 0.
* Clip paths that show part of a picture: MuPDF cuts the boxes of images when asked to (``TEXT_CLIP``).
* Decompression bombs: PyMuPDF decodes an image while reading the page, so the declared sizes are looked at first.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmskin_hub.errors import MissingExtra, UnreadableBook, name_of
from mmskin_hub.pdf.layout import Box, Page, PlacedImage, Reject, Stroke
from mmskin_hub.pdf.lines import Fragment, assemble_lines

if TYPE_CHECKING:
    import pymupdf

#: A stored raster above this many pixels is refused undecoded: 200 million pixels are 600 MB of RGB.
MAX_PIXELS = 200_000_000
#: A text layer of fewer characters than this on a page-wide raster is a scanner's stamp, not a text layer.
STAMP_CHARACTERS = 200


def import_pymupdf() -> Any:
    """PyMuPDF, quietened. Raises :class:`MissingExtra` where it is not installed."""
    if "pymupdf" not in sys.modules:
        # PyMuPDF 2 loads its layout network and its Markdown writer where it finds them, and neither is needed here:
        # held back for the moment of the import they save 1.4 seconds and three threads in every worker.
        absent = [name for name in ("pymupdf.layout", "pymupdf4llm") if name not in sys.modules]
        sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
        try:
            import pymupdf
        except ImportError as error:
            raise MissingExtra("Reading PDF books", "build", "pymupdf") from error
        finally:
            for name in absent:
                sys.modules.pop(name, None)
    import pymupdf

    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    return pymupdf


def fingerprint(path: str | os.PathLike[str]) -> str:
    """SHA-256 of the file, hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def open_book(path: str | os.PathLike[str]) -> Iterator[pymupdf.Document]:
    """Open a PDF for reading.

    Raises :class:`UnreadableBook` whose ``reason`` is one of ``permission_denied``, ``empty_file``, ``not_pdf``,
    ``truncated``, ``encrypted``, ``no_pages``, ``unreadable``.
    """
    pymupdf = import_pymupdf()
    name = name_of(path)
    if Path(path).exists() and not Path(path).is_file():  # a pipe or a device would be waited for without end
        raise UnreadableBook("not_pdf", f"{name}: not a regular file.", "Give PDF files, or folders that hold them.")
    try:
        with Path(path).open("rb") as stream:
            head = stream.read(1024)
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - 2048))
            whole = b"%%EOF" in stream.read()
    except PermissionError as error:
        raise UnreadableBook(
            "permission_denied", f"{name}: not readable for this user.", f"Let it be read first: chmod u+r '{name}'"
        ) from error
    except OSError as error:
        raise UnreadableBook(
            "unreadable", f"{name}: {error.strerror or error}.", "Check the path and the disk."
        ) from error
    if not head:
        raise UnreadableBook("empty_file", f"{name}: the file is empty.", "Copy the book again.")
    if b"%PDF-" not in head:
        raise UnreadableBook("not_pdf", f"{name}: not a PDF file.", "Give PDF files, or folders that hold them.")
    try:
        if os.fspath(path).isascii() or os.fsencode(path).decode("utf-8", "replace") == os.fspath(path):
            book = pymupdf.open(path, filetype="pdf")
        else:  # MuPDF takes no path whose bytes are not UTF-8
            book = pymupdf.open(stream=Path(path).read_bytes(), filetype="pdf")
    except Exception as error:  # MuPDF raises several unrelated types
        reason = "unreadable" if whole else "truncated"
        raise UnreadableBook(
            reason, f"{name}: cannot be opened ({error}).", "Download or scan the book again."
        ) from error
    with book:
        if book.needs_pass:
            raise UnreadableBook(
                "encrypted",
                f"{name}: needs a password.",
                f"Decrypt it first: qpdf --decrypt --password=… '{name}' open.pdf",
            )
        try:
            pages = book.page_count
        except Exception:
            pages = 0
        if pages == 0:
            reason = "no_pages" if whole else "truncated"
            raise UnreadableBook(reason, f"{name}: no page can be found in it.", "Download or scan the book again.")
        # MuPDF repairs a file that was cut short and goes on promising its pages; none of them may be left.
        if not whole and not any(_is_there(book, place) for place in range(pages)):
            raise UnreadableBook(
                "truncated", f"{name}: ends before the first of its {pages} pages.", "Download or scan the book again."
            )
        yield book


def _is_there(book: pymupdf.Document, place: int) -> bool:
    """Whether the page at ``place`` (0-based) and some of what it shows are in the file."""
    try:
        contents = book[place].get_contents()
        return not contents or any(book.xref_is_stream(xref) for xref in contents)
    except Exception:  # MuPDF raises several unrelated types
        return False


def share_of_scans(book: pymupdf.Document, sample: int = 16) -> float:
    """The share (0 to 1) of pages that hold images and no font, of ``sample`` pages spread over the book.

    Only dictionaries are read, so that this costs nothing; it serves to plan the work, not to judge a page.
    """
    count = len(book)
    places = sorted({n * count // min(sample, count) for n in range(min(sample, count))})
    found = 0
    for place in places:
        try:
            xref = book.page_xref(place)
        except RuntimeError:  # a page that is promised and not there; reading it says so
            continue
        font, image = (book.xref_get_key(xref, f"Resources/{kind}")[0] for kind in ("Font", "XObject"))
        found += font == "null" and image != "null"
    return round(found / len(places), 3)


@dataclass(slots=True)
class RawPage:
    """What one interpretation of the page gave: the page, and what only the reader's caller needs.

    ``hidden`` counts characters of invisible text, ``visible`` those a reader sees. ``rejects`` are images refused
    undecoded.
    """

    page: Page
    visible: int = 0
    hidden: int = 0
    rejects: list[Reject] = field(default_factory=list)

    @property
    def is_scan(self) -> bool:
        """Whether the page is a raster of print: page-wide, with no text a reader sees but a stamp."""
        covered = sum(i.box.intersect(self.page.box).area for i in self.page.images)
        return covered >= 0.8 * self.page.box.area and self.visible < STAMP_CHARACTERS


def read_page(book: pymupdf.Document, number: int) -> RawPage:
    """Read page ``number`` (1-based).

    Raises whatever MuPDF raises for a page it cannot parse, and ``ValueError`` where it blanked out a damaged one; the
    caller makes that a reject row.
    """
    pymupdf = import_pymupdf()
    page = book[number - 1]
    pymupdf.TOOLS.reset_mupdf_warnings()
    huge = _oversized(book, page)
    flags = (
        pymupdf.TEXT_PRESERVE_LIGATURES | pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_COLLECT_VECTORS
        | pymupdf.TEXT_CLIP | (0 if huge else pymupdf.TEXT_PRESERVE_IMAGES)
    )  # fmt: skip
    # Within the default clip an image that runs off the page by a hair is left out altogether.
    blocks = page.get_textpage(clip=pymupdf.INFINITE_RECT(), flags=flags).extractDICT()["blocks"]
    warnings = pymupdf.TOOLS.mupdf_warnings().splitlines()
    if not blocks and not huge and warnings:
        # MuPDF shows a page whose content is damaged as a blank one.
        raise ValueError(f"nothing on the page can be read ({warnings[-1]})")
    matrix, turn, width, height = _upright(pymupdf, page, blocks)
    visible = Box(0, 0, width, height)
    raw = RawPage(Page(number, width, height, turn=turn))
    fragments: list[Fragment] = []
    images: list[PlacedImage] = []
    strokes: list[Stroke] = []
    for order, block in enumerate(blocks):
        kind = block["type"]
        if kind == 0:
            _take_text(raw, fragments, block, matrix, visible, order)
        elif kind == 1:
            if (image := _placed(block, matrix, visible, order)) is not None:
                images.append(image)
        elif kind == 3 and block.get("alpha", 255) > 0:
            box = _turned(block["bbox"], matrix)
            if box.intersect(visible.grow(2)).area > 0 or box.width == 0 or box.height == 0:
                strokes.append(Stroke(box, block["stroked"], block["isrect"], block["color"], order))
    if huge:
        raw.rejects += _undecoded(page, number, huge)
    if any(_DAMAGE.search(warning) for warning in warnings):
        raw.rejects.append(Reject("pdf", "page_failed", number, detail=f"read only in part ({warnings[0]})"))
    raw.page = replace(raw.page, lines=assemble_lines(fragments), images=tuple(images), strokes=tuple(strokes))
    return raw


#: What MuPDF says of a page or a picture that it shows in part, without an error.
_DAMAGE = re.compile("page may not be correct|premature end of data|padding truncated image|is not a stream")
_XOBJECT = re.compile(r"(\d+) 0 R")
_SIDE = re.compile(r"/(Width|Height) (\d+)")


def _oversized(book: pymupdf.Document, page: pymupdf.Page) -> dict[int, tuple[int, int]]:
    """Images of the page, and of the forms on it, whose declared size is above :data:`MAX_PIXELS`, by their xref.

    Cheap: only dictionaries are read.
    """
    found: dict[int, tuple[int, int]] = {}
    seen: set[int] = set()
    waiting = _xobjects(book, page.xref)
    if waiting is None:
        waiting = [image[0] for image in page.get_images()]
    while waiting:
        xref = waiting.pop()
        if xref in seen or not 0 < xref < book.xref_length():  # met before, or lost with the end of the file
            continue
        seen.add(xref)
        text = book.xref_object(xref, compressed=True)
        if "/Subtype/Form" in text:
            waiting += _xobjects(book, xref) or ()
            continue
        sides = dict(_SIDE.findall(text))
        size = int(sides.get("Width", 0)), int(sides.get("Height", 0))
        if size[0] * size[1] > MAX_PIXELS:
            found[xref] = size
    return found


def _undecoded(page: pymupdf.Page, number: int, huge: dict[int, tuple[int, int]]) -> Iterator[Reject]:
    """A reject for every picture of a page that is read without its pictures, as those in ``huge`` are too large."""
    box = Box(*page.rect)
    for width, height in huge.values():
        detail = f"a picture of {width} × {height} pixels: above the limit of {MAX_PIXELS:,} pixels, not decoded"
        yield Reject("pdf", "too_large", number, box, detail=detail)
    for xref in sorted({image[0] for image in page.get_images()} - huge.keys()):
        detail = f"image object {xref}, not decoded: a picture of the same page is above the limit of pixels"
        yield Reject("pdf", "undecodable", number, box, detail=detail)


def _xobjects(book: pymupdf.Document, xref: int) -> list[int] | None:
    """The XObjects that the page or form ``xref`` names among its resources; None where it has no such list."""
    kind, text = book.xref_get_key(xref, "Resources/XObject")
    if kind == "xref":
        text = book.xref_object(int(text.split()[0]), compressed=True)
    elif kind != "dict":
        return None
    return [int(reference) for reference in _XOBJECT.findall(text)]


def _upright(pymupdf: Any, page: pymupdf.Page, blocks: list[dict[str, Any]]) -> tuple[Any, int, float, float]:
    """The matrix from the unrotated page to the upright one, the turn in degrees, and the upright size in points."""
    rotation = page.rotation
    matrix = page.rotation_matrix if rotation else pymupdf.Matrix(1, 1)
    a, b, c, d = matrix.a, matrix.b, matrix.c, matrix.d
    _, _, width, height = page.rect
    runs = {0: 0, 90: 0, 270: 0}  # characters by how far the page must be turned, clockwise, to bring them upright
    for block in blocks:
        for line in block.get("lines", ()):
            dx, dy = line["dir"]
            x, y = a * dx + c * dy, b * dx + d * dy
            turn = 0 if abs(x) >= abs(y) else (90 if y < 0 else 270)
            runs[turn] += sum(len(span["text"]) for span in line["spans"])
    turn = max(runs, key=lambda t: (runs[t], t == 0))
    if turn and runs[turn] > 40 and runs[turn] > 2 * runs[0]:
        if turn == 90:
            matrix = matrix * pymupdf.Matrix(0, 1, -1, 0, height, 0)
        else:
            matrix = matrix * pymupdf.Matrix(0, -1, 1, 0, 0, width)
        width, height = height, width
    else:
        turn = 0
    return matrix, (rotation + turn) % 360, width, height


def _turned(bbox: tuple[float, float, float, float], matrix: Any) -> Box:
    x0, y0, x1, y1 = bbox
    if matrix.a == 1 and matrix.d == 1 and not matrix.e and not matrix.f:
        return Box(x0, y0, x1, y1)
    ax, ay = matrix.a * x0 + matrix.c * y0 + matrix.e, matrix.b * x0 + matrix.d * y0 + matrix.f
    bx, by = matrix.a * x1 + matrix.c * y1 + matrix.e, matrix.b * x1 + matrix.d * y1 + matrix.f
    return Box(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))


def _take_text(
    raw: RawPage, fragments: list[Fragment], block: dict[str, Any], matrix: Any, visible: Box, order: int
) -> None:
    """Add the block's upright, visible spans to ``fragments``, and count its characters."""
    for number, line in enumerate(block["lines"]):
        dx, dy = line["dir"]
        along = matrix.a * dx + matrix.c * dy
        for span in line["spans"]:
            text = span["text"]
            if not text.strip():
                continue
            count = len(text.strip())
            box = _turned(span["bbox"], matrix)
            cx, cy = box.centre
            if not (visible.x0 <= cx <= visible.x1 and visible.y0 <= cy <= visible.y1):
                continue
            if span["alpha"] == 0:
                raw.hidden += count
            else:
                raw.visible += count
            if along < 0.9:  # runs up, down or backwards: a label in a margin, not a caption
                continue
            flags = span["flags"]
            font, bold, italic = _face(span["font"], flags, span["char_flags"])
            fragments.append(
                Fragment(text, box, font, span["size"], bold, italic, bool(flags & 1), span["color"], order, number)
            )


@lru_cache(maxsize=4096)
def _face(name: str, flags: int, marks: int) -> tuple[str, bool, bool]:
    """The font's name without its subset tag, and whether it is bold and italic, by flag or by name."""
    font = name.split("+")[-1]
    plain = font.lower()
    bold = bool(flags & 16 or marks & 8) or "bold" in plain or "black" in plain
    return font, bold, bool(flags & 2) or "ital" in plain or "obli" in plain


def _placed(block: dict[str, Any], matrix: Any, visible: Box, order: int) -> PlacedImage | None:
    """The image block as it lies on the upright page; None where nothing of it can be seen."""
    box = _turned(block["bbox"], matrix)  # what clip paths leave of it
    if box.intersect(visible).area <= 0:
        return None
    a, b, c, d = block["transform"][:4]
    ta, tb = matrix.a * a + matrix.c * b, matrix.b * a + matrix.d * b
    tc, td = matrix.a * c + matrix.c * d, matrix.b * c + matrix.d * d
    straight = ta > 0 and td > 0 and abs(tb) < 0.01 * abs(ta) and abs(tc) < 0.01 * abs(td)
    whole = (abs(ta) + abs(tc)) * (abs(tb) + abs(td))
    return PlacedImage(
        box=box,
        pixels=(block["width"], block["height"]),
        data=block["image"] or b"",
        ext=block["ext"],
        channels=block["colorspace"],
        resolution=block["width"] / max(math.hypot(ta, tb), 0.01),
        altered=not straight or block["mask"] is not None or box.area < 0.98 * whole,
        order=order,
    )


def render(
    book: pymupdf.Document, page: Page, box: Box, pixels_a_point: float, form: str = "png", quality: int = 95
) -> bytes:
    """The region ``box`` (points, upright page) as "png" or "jpeg" bytes, RGB, at ``pixels_a_point``, upright."""
    pixmap = _pixmap(book, page, box, pixels_a_point)
    if form == "png":
        return bytes(pixmap.tobytes("png"))
    buffer = io.BytesIO()  # Pillow's JPEG encoder is ten times as quick as MuPDF's
    picture = Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
    picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def render_pixels(
    book: pymupdf.Document, page: Page, box: Box, pixels_a_point: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The same as :func:`render`, as uint8 RGB of shape H × W × 3."""
    pixmap = _pixmap(book, page, box, pixels_a_point)
    return np.frombuffer(pixmap.samples, dtype=np.uint8).reshape(pixmap.height, pixmap.width, 3)


def _pixmap(book: pymupdf.Document, page: Page, box: Box, pixels_a_point: float) -> pymupdf.Pixmap:
    pymupdf = import_pymupdf()
    source = book[page.number - 1]
    extra = (page.turn - source.rotation) % 360
    matrix = pymupdf.Matrix(pixels_a_point, pixels_a_point)
    clip = pymupdf.Rect(*box)
    if extra == 90:  # from the upright page back to the displayed one, for the clip; turned on for the pixels
        clip, matrix = clip * ~pymupdf.Matrix(0, 1, -1, 0, page.width, 0), matrix.prerotate(90)
    elif extra == 270:
        clip, matrix = clip * ~pymupdf.Matrix(0, -1, 1, 0, 0, page.height), matrix.prerotate(270)
    return source.get_pixmap(matrix=matrix, clip=clip, colorspace=pymupdf.csRGB, alpha=False)
