"""Bad and unusual input files: each function writes one file and returns its path; KINDS names them all."""

from __future__ import annotations

import io
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.drawing import pictures
from tests.drawing.plain import beside_left
from tests.drawing.press import Book, Face, House
from tests.drawing.truth import Truth


def small_book(path: Path, seed: int = 5) -> list[Truth]:
    """A good little book (five pages, fifteen pairs), which the others spoil."""
    return beside_left(path, seed)


def _bytes(path: Path) -> bytes:
    small_book(path)
    return path.read_bytes()


def encrypted(path: Path) -> Path:
    """Cannot be opened without the password "secret"."""
    return _locked(path, "secret")


def owner_password(path: Path) -> Path:
    """Opens without a password; only its permissions are guarded. Readable."""
    return _locked(path, "")


def _locked(path: Path, user: str) -> Path:
    import pymupdf

    with pymupdf.open(stream=_bytes(path)) as document:
        document.save(str(path), encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw=user, permissions=4)
    return path


def truncated(path: Path) -> Path:
    """The first 45 % of a good file: no trailer, pictures cut off."""
    data = _bytes(path)
    path.write_bytes(data[: int(len(data) * 0.45)])
    return path


def cut_short(path: Path) -> Path:
    """Only the first 700 bytes of a good file: nothing can be saved."""
    path.write_bytes(_bytes(path)[:700])
    return path


def empty(path: Path) -> Path:
    """No bytes at all."""
    path.write_bytes(b"")
    return path


def _file(objects: list[bytes], header: bytes = b"%PDF-1.5\n") -> bytes:
    """A file of numbered objects with a right cross-reference table; object 1 is the catalogue."""
    out, places = io.BytesIO(), []
    out.write(header)
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def zero_pages(path: Path) -> Path:
    """A sound file without a page."""
    path.write_bytes(_file([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"]))
    return path


def text_file(path: Path) -> Path:
    """Plain words under the name of a PDF."""
    path.write_text("Figure 1. This is not a PDF.\n" * 50)
    return path


def jpeg_file(path: Path) -> Path:
    """A photograph under the name of a PDF."""
    pictures.make("clinical", 3).save(path, "JPEG")
    return path


def page_loop(path: Path) -> Path:
    """A page tree whose second branch is the tree itself."""
    path.write_bytes(
        _file(
            [
                b"<< /Type /Catalog /Pages 2 0 R >>",
                b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 3 >>",
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
                b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R] /Count 2 >>",
            ]
        )
    )
    return path


def no_xref(path: Path) -> Path:
    """A good book whose cross-reference table is gone: readers rebuild it. Readable."""
    data = _bytes(path)
    path.write_bytes(data[: data.rindex(b"xref\n0 ")])
    return path


def garbage_first(path: Path) -> Path:
    """700 bytes of a mail header before %PDF. Readable."""
    path.write_bytes(b"X-Attachment: book\r\n" * 35 + _bytes(path))
    return path


def _spoil(path: Path, spoil: Callable[..., None]) -> Path:
    import pymupdf

    with pymupdf.open(stream=_bytes(path)) as document:
        spoil(document)
        document.save(str(path), no_new_id=True)
    return path


def bad_page(path: Path) -> Path:
    """The content stream of page 2 is not what its filter says; the other pages are good."""

    def spoil(document: object) -> None:
        page = document[1]  # type: ignore[index]
        xref = page.get_contents()[0]
        document.update_stream(xref, b"\x00\x01 not deflate ( << [ q q 9e999 cm Tj BT \xff" * 40, compress=False)  # type: ignore[attr-defined]
        document.xref_set_key(xref, "Filter", "/FlateDecode")  # type: ignore[attr-defined]

    return _spoil(path, spoil)


def bad_image(path: Path) -> Path:
    """The first picture of page 1 is half a JPEG of zeros; the others are good."""

    def spoil(document: object) -> None:
        xref = document[0].get_images()[0][0]  # type: ignore[index]
        raw = document.xref_stream_raw(xref)  # type: ignore[attr-defined]
        document.update_stream(xref, raw[:300] + b"\0" * 400, compress=False)  # type: ignore[attr-defined]
        document.xref_set_key(xref, "Filter", "/DCTDecode")  # type: ignore[attr-defined]

    return _spoil(path, spoil)


def gigapixel(path: Path) -> Path:
    """Page 1 shows 40,000 x 40,000 pixels (1.6 GB) that a stream of 1.6 MB really holds; page 2 is good."""
    side, rows = 40000, 400
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = deflater.compress(bytes(side * rows)) + deflater.flush(zlib.Z_FULL_FLUSH)  # repeats as it stands
    check = (side * side % 65521) << 16 | 1  # Adler-32 of so many zeros
    data = b"\x78\xda" + chunk * (side // rows) + b"\x03\x00" + check.to_bytes(4, "big")
    good = io.BytesIO()
    pictures.make("clinical", 9, (400, 300)).save(good, "JPEG")

    def stream(head: bytes, body: bytes) -> bytes:
        return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (head, len(body), body)

    image = b"/Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /%s /BitsPerComponent 8 /Filter /%s"
    show = b"q 300 0 0 225 50 400 cm /I Do Q BT /F 10 Tf 50 380 Td (%s) Tj ET"
    font = b"/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 700] /Contents %d 0 R "
        b"/Resources << %s /XObject << /I %d 0 R >> >> >>"
    )
    path.write_bytes(
        _file(
            [
                b"<< /Type /Catalog /Pages 2 0 R >>",
                b"<< /Type /Pages /Kids [3 0 R 6 0 R] /Count 2 >>",
                page % (4, font, 5),
                stream(b"", show % b"Figure 1. A very large nodule on the back."),
                stream(image % (side, side, b"DeviceGray", b"FlateDecode"), data),
                page % (7, font, 8),
                stream(b"", show % b"Figure 2. Annular plaque on the left forearm."),
                stream(image % (400, 300, b"DeviceRGB", b"DCTDecode"), good.getvalue()),
            ]
        )
    )
    return path


def long_book(path: Path, pages: int = 300) -> list[Truth]:
    """A book of any length, quick to draw: text on every page, a picture of its own on every tenth.

    Between them a decorative photograph and a banner come back again and again (the same object), as in real books.
    """
    book = Book(path, 3, "long", House(cap=Face("helvetica", 8, 10, "left"), furniture=("folio", "logo")))
    banner = book.shot("clinical", (480, 60))
    for page in range(pages):
        area = book.turn()
        y = area.y0
        if page % 10 == 0:
            shot = book.shot(size=(300, 225))
            shot.image = shot.image.rotate(page % 90, fillcolor=(90, 70, 60))
            said, (markup, plain) = book.words(shot, "short"), book.label()
            y = book.set(markup + said.text, area.x0, book.put(shot, area.x0, y, 220).y1 + 5, 300) + 10
            book.own(shot, said, plain)
        else:
            book.put(banner, area.x0, area.y0 - 30, 200)
        book.fill(area.x0, y, min(area.y1, y + 60), area.width)
    return book.done()


def copies(folder: Path) -> list[Path]:
    """One book under two names, the second with spaces and accents."""
    first, second = folder / "book.pdf", folder / "Książka o skórze (2).pdf"
    small_book(first)
    shutil.copyfile(first, second)
    return [first, second]


KINDS: dict[str, Callable[[Path], Path]] = {
    f.__name__: f
    for f in (
        encrypted,
        owner_password,
        truncated,
        cut_short,
        empty,
        zero_pages,
        text_file,
        jpeg_file,
        page_loop,
        no_xref,
        garbage_first,
        bad_page,
        bad_image,
        gigapixel,
    )
}
READABLE = frozenset({"owner_password", "no_xref", "garbage_first", "bad_page", "bad_image", "gigapixel", "page_loop"})
