"""Small books for the engine: one figure a page under a running text, drawn anew for every test run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from mmskin_hub.pdf.reader import import_pymupdf
from tests.drawing.pictures import make

DISEASES = ("Psoriasis", "Lichen planus", "Nummular eczema", "Tinea corporis", "Granuloma annulare", "Pemphigus")
SITES = ("elbow", "trunk", "forearm", "lower leg", "back", "scalp", "shoulder")
MODALITIES = ("clinical", "dermoscopic", "pathology")
BODY = (
    "The disease runs a chronic course with periods of remission. Most patients are otherwise well. "
    "Treatment depends on the extent of the lesions and on what was given before. "
)


def caption_of(seed: int) -> str:
    """A caption no other seed below some hundreds has."""
    who = ("man", "woman")[seed % 2]
    return (
        f"{DISEASES[seed % 6]} of the {SITES[seed % 7]} in a {20 + seed % 60}-year-old {who}, "
        f"photographed {seed + 2} days after the first visit."
    )


def draw_book(path: Path, seeds: Sequence[int], *, blank: int = 0) -> Path:
    """A born-digital book with one captioned figure a page for every seed, then ``blank`` pages of text alone."""
    book = import_pymupdf().open()
    for number, seed in enumerate(seeds, 1):
        page = book.new_page(width=420, height=595)
        page.insert_textbox((50, 40, 370, 160), BODY * 2, fontsize=10, fontname="tiro")
        stream = io.BytesIO()
        make(MODALITIES[seed % 3], seed, (360, 270)).save(stream, "JPEG", quality=90)
        page.insert_image((110, 170, 310, 320), stream=stream.getvalue())
        page.insert_textbox((110, 326, 310, 380), f"Fig. 1.{number} {caption_of(seed)}", fontsize=8, fontname="helv")
        page.insert_textbox((50, 400, 370, 560), BODY * 3, fontsize=10, fontname="tiro")
    for _ in range(blank):
        book.new_page(width=420, height=595).insert_textbox((50, 40, 370, 560), BODY * 8, fontsize=10, fontname="tiro")
    book.set_metadata({"title": path.stem})
    book.save(path, no_new_id=True)
    return path


def promise_pages(path: Path, more: int) -> Path:
    """Make the book promise ``more`` pages at its end than it holds: the parser fails on each of them."""
    pymupdf = import_pymupdf()
    book = pymupdf.open(path)
    kind, pages = book.xref_get_key(book.pdf_catalog(), "Pages")
    assert kind == "xref"
    book.xref_set_key(int(pages.split()[0]), "Count", str(len(book) + more))
    book.save(path.with_suffix(".more"), no_new_id=True)
    book.close()
    return path.with_suffix(".more").replace(path)
