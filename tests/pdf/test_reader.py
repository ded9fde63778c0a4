"""What real PDFs do to pictures and text, drawn here one quirk at a time, and read back."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image

from mmskin_hub.errors import UnreadableBook
from mmskin_hub.pdf import read_pairs, survey_book
from mmskin_hub.pdf.layout import Box, Pair
from mmskin_hub.pdf.reader import open_book, read_page

BODY = (
    "The eruption runs a chronic course and relapses are usual after treatment has been stopped. "
    "Patients should avoid friction and heat, and topical agents remain the mainstay of care. "
)
CAPTION = "Figure 3.2 Annular plaques with a scaly edge on the forearm of a child."


def photo(seed: int = 1, size: tuple[int, int] = (400, 300)) -> Image.Image:
    """A picture without symmetry: its hash changes with every turn and flip."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 220, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def alike(data: bytes, image: Image.Image, tolerance: float = 12.0) -> bool:
    """Whether ``data`` decodes to the same picture, at whatever size, up to JPEG noise."""
    with Image.open(io.BytesIO(data)) as opened:
        found = np.asarray(opened.convert("RGB").resize((64, 48), Image.Resampling.BOX), dtype=float)
    wanted = np.asarray(image.convert("RGB").resize((64, 48), Image.Resampling.BOX), dtype=float)
    return bool(np.abs(found - wanted).mean() < tolerance)


Drawer = Callable[[pymupdf.Page, pymupdf.Rect], None]


def draw(path: Path, picture: Drawer, before: Callable[[pymupdf.Page], None] | None = None) -> None:
    """One page: body text, the picture, its caption below, body text."""
    book = pymupdf.open()
    page = book.new_page(width=500, height=700)
    if before:
        before(page)
    page.insert_textbox((50, 40, 450, 120), BODY * 2, fontsize=10, fontname="tiro")
    picture(page, pymupdf.Rect(50, 140, 330, 350))
    page.insert_textbox((50, 356, 450, 380), CAPTION, fontsize=8, fontname="tiro")
    page.insert_textbox((50, 400, 450, 650), BODY * 5, fontsize=10, fontname="tiro")
    book.save(path)
    book.close()


def pairs(path: Path) -> list[Pair]:
    survey = survey_book(str(path))
    results = list(read_pairs(survey, 1, survey.pages, ocr="none"))
    assert [r.page for r in results] == list(range(1, survey.pages + 1))
    return [pair for result in results for pair in result.pairs]


def the_pair(path: Path) -> Pair:
    (pair,) = pairs(path)
    assert " ".join(pair.raw_caption.split()) == CAPTION
    assert pair.figure_label == "Figure 3.2"
    return pair


def test_an_untouched_jpeg_keeps_its_bytes(tmp_path: Path) -> None:
    data = encoded(photo(), quality=90)
    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=data))
    pair = the_pair(tmp_path / "a.pdf")
    assert pair.image == data
    assert pair.pixels == (400, 300)
    assert [round(v) for v in pair.box] == [50, 140, 330, 350]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_picture_stored_sideways_comes_out_upright(tmp_path: Path, turn: int) -> None:
    stored = photo().rotate(turn, expand=True)  # counter-clockwise; drawn turned back
    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=encoded(stored), rotate=turn))
    upright = photo() if alike(the_pair(tmp_path / "a.pdf").image, photo()) else photo().rotate(180)
    assert alike(the_pair(tmp_path / "a.pdf").image, upright)
    with Image.open(io.BytesIO(the_pair(tmp_path / "a.pdf").image)) as image:
        assert image.width > image.height


def test_a_mirrored_picture_comes_out_as_printed(tmp_path: Path) -> None:
    mirrored = photo().transpose(Image.Transpose.FLIP_LEFT_RIGHT)

    def mirror(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        page.insert_image(box, stream=encoded(mirrored))
        xref = page.get_contents()[-1]
        stream = page.parent.xref_stream(xref).decode()
        page.parent.update_stream(xref, (f"q -1 0 0 1 {box.x0 + box.x1} 0 cm\n{stream}\nQ\n").encode())

    draw(tmp_path / "a.pdf", mirror)
    assert alike(the_pair(tmp_path / "a.pdf").image, photo())


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_pages_are_read_upright(tmp_path: Path, rotation: int) -> None:
    """A page whose content was drawn sideways and carries the /Rotate that rights it."""
    draw(tmp_path / "flat.pdf", lambda page, box: page.insert_image(box, stream=encoded(photo())))
    book, flat = pymupdf.open(), pymupdf.open(tmp_path / "flat.pdf")
    size = (500, 700) if rotation == 180 else (700, 500)
    page = book.new_page(width=size[0], height=size[1])
    page.show_pdf_page(page.rect, flat, 0, rotate=rotation)
    page.set_rotation(rotation)
    book.save(tmp_path / "a.pdf")
    pair = the_pair(tmp_path / "a.pdf")
    assert alike(pair.image, photo())
    assert [round(v) for v in pair.box] == [50, 140, 330, 350]


@pytest.mark.parametrize("rotation", [90, 270])
def test_a_plate_set_sideways_is_turned(tmp_path: Path, rotation: int) -> None:
    """The page says nothing of a rotation; all its text runs up or down."""
    draw(tmp_path / "flat.pdf", lambda page, box: page.insert_image(box, stream=encoded(photo())))
    book, flat = pymupdf.open(), pymupdf.open(tmp_path / "flat.pdf")
    page = book.new_page(width=700, height=500)
    page.show_pdf_page(page.rect, flat, 0, rotate=rotation)
    book.save(tmp_path / "a.pdf")
    assert alike(the_pair(tmp_path / "a.pdf").image, photo())


def test_cropbox_offset(tmp_path: Path) -> None:
    def crop(page: pymupdf.Page) -> None:
        page.set_mediabox(pymupdf.Rect(-30, -40, 600, 800))
        page.set_cropbox(pymupdf.Rect(20, 30, 520, 730))

    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=encoded(photo())), crop)
    pair = the_pair(tmp_path / "a.pdf")
    assert alike(pair.image, photo())
    assert pair.box.x0 >= 0 and pair.box.y1 <= 700


def test_a_picture_that_bleeds_off_the_page_is_seen(tmp_path: Path) -> None:
    def bleed(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        page.insert_image((-10, 140, 330, 350), stream=encoded(photo()), keep_proportion=False)

    draw(tmp_path / "a.pdf", bleed)
    pair = the_pair(tmp_path / "a.pdf")
    assert pair.box.x0 == 0
    assert alike(pair.image, photo().crop((12, 0, 400, 300)))


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    data = encoded(photo().convert("CMYK"))
    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=data))
    with Image.open(io.BytesIO(the_pair(tmp_path / "a.pdf").image)) as image:
        assert image.mode == "RGB"
    assert alike(the_pair(tmp_path / "a.pdf").image, photo(), 40)


def test_soft_mask_is_applied(tmp_path: Path) -> None:
    image = photo().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=encoded(image, "PNG")))
    white = Image.new("RGBA", image.size, "white")
    assert alike(the_pair(tmp_path / "a.pdf").image, Image.alpha_composite(white, image))


def test_grey_stays_grey(tmp_path: Path) -> None:
    data = encoded(photo().convert("L"))
    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=data))
    assert the_pair(tmp_path / "a.pdf").image == data


def test_jpeg2000_becomes_a_format_every_viewer_opens(tmp_path: Path) -> None:
    data = encoded(photo(), "JPEG2000")
    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=data))
    pair = the_pair(tmp_path / "a.pdf")
    with Image.open(io.BytesIO(pair.image)) as image:
        assert image.format in ("JPEG", "PNG")
    assert alike(pair.image, photo())


def test_inline_image(tmp_path: Path) -> None:
    small = photo(size=(100, 75))
    pixels = small.tobytes().hex()

    def inline(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        flipped = pymupdf.Rect(box.x0, 700 - box.y1, box.x1, 700 - box.y0)
        code = (
            f"q {flipped.width} 0 0 {flipped.height} {flipped.x0} {flipped.y0} cm\n"
            f"BI /W 100 /H 75 /CS /RGB /BPC 8 /F /AHx ID {pixels}> EI Q\n"
        )
        xref = page.parent.get_new_xref()
        page.parent.update_object(xref, "<<>>")
        page.parent.update_stream(xref, code.encode())
        page.insert_text((0, 0), " ")
        contents = [*page.get_contents(), xref]
        page.parent.xref_set_key(page.xref, "Contents", "[" + " ".join(f"{x} 0 R" for x in contents) + "]")

    draw(tmp_path / "a.pdf", inline)
    assert alike(the_pair(tmp_path / "a.pdf").image, photo())


def test_form_xobject(tmp_path: Path) -> None:
    def form(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        inner = pymupdf.open()
        leaf = inner.new_page(width=box.width, height=box.height)
        leaf.insert_image(leaf.rect, stream=encoded(photo()))
        page.show_pdf_page(box, inner, 0)

    draw(tmp_path / "a.pdf", form)
    assert alike(the_pair(tmp_path / "a.pdf").image, photo())


@pytest.mark.parametrize(("columns", "rows"), [(1, 40), (12, 9), (1, 3), (2, 2)])
@pytest.mark.parametrize("gap", [-0.2, 0.0, 0.2])
def test_strips_and_tiles_are_one_picture(tmp_path: Path, columns: int, rows: int, gap: float) -> None:
    image = photo(size=(480, 360))

    def tiles(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        for r in range(rows):
            for c in range(columns):
                left, top = c * 480 // columns, r * 360 // rows
                piece = image.crop((left, top, (c + 1) * 480 // columns, (r + 1) * 360 // rows))
                x0, y0 = box.x0 + box.width * c / columns, box.y0 + box.height * r / rows
                x1, y1 = box.x0 + box.width * (c + 1) / columns - gap, box.y0 + box.height * (r + 1) / rows - gap
                page.insert_image((x0, y0, x1, y1), stream=encoded(piece, "PNG"), keep_proportion=False)

    draw(tmp_path / "a.pdf", tiles)
    pair = the_pair(tmp_path / "a.pdf")
    assert alike(pair.image, image)
    assert abs(pair.pixels[0] - 480) < 12


def test_two_photographs_edge_to_edge_stay_two(tmp_path: Path) -> None:
    def two(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        middle = (box.x0 + box.x1) / 2
        for seed, (x0, x1) in ((11, (box.x0, middle)), (12, (middle, box.x1))):
            page.insert_image((x0, box.y0, x1, box.y1), stream=encoded(photo(seed, (200, 300))), keep_proportion=False)

    draw(tmp_path / "a.pdf", two)
    found = pairs(tmp_path / "a.pdf")
    assert len(found) == 2
    assert {p.figure for p in found} == {"p1-f1"}
    assert len({(p.figure, p.panel) for p in found}) == 2


def test_clip_path_cuts_the_picture(tmp_path: Path) -> None:
    image = photo(size=(400, 600))

    def clipped(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        tall = pymupdf.Rect(box.x0, box.y0, box.x1, box.y0 + 2 * box.height)  # hidden half lies under the caption
        page.insert_image(tall, stream=encoded(image), keep_proportion=False)
        xref = page.get_contents()[-1]
        stream = page.parent.xref_stream(xref).decode()
        clip = f"q {box.x0} {700 - box.y1} {box.width} {box.height} re W n\n{stream}\nQ\n"
        page.parent.update_stream(xref, clip.encode())

    draw(tmp_path / "a.pdf", clipped)
    pair = the_pair(tmp_path / "a.pdf")
    assert alike(pair.image, image.crop((0, 0, 400, 300)))


def test_vector_arrow_over_a_photograph_is_noted(tmp_path: Path) -> None:
    def arrow(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        page.insert_image(box, stream=encoded(photo()))
        page.draw_line((120, 200), (180, 240), color=(1, 1, 1), width=3)
        page.draw_polyline([(180, 240), (168, 240), (176, 228)], color=(1, 1, 1), fill=(1, 1, 1))

    draw(tmp_path / "a.pdf", arrow)
    assert the_pair(tmp_path / "a.pdf").overlaid > 0


def test_a_frame_is_no_mark(tmp_path: Path) -> None:
    def frame(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        page.insert_image(box, stream=encoded(photo()))
        page.draw_rect(box, color=(0, 0, 0), width=1)

    draw(tmp_path / "a.pdf", frame)
    assert the_pair(tmp_path / "a.pdf").overlaid == 0


def test_a_vector_chart_owns_its_caption(tmp_path: Path) -> None:
    def chart(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        page.draw_rect(box, color=(0, 0, 0))
        page.draw_polyline([(60, 340), (120, 260), (200, 300), (310, 160)], color=(0, 0, 1), width=2)
        page.insert_image((350, 140, 450, 220), stream=encoded(photo(3, (200, 160))))

    draw(tmp_path / "a.pdf", chart)
    (pair,) = pairs(tmp_path / "a.pdf")
    assert pair.box.covers(Box(50, 140, 330, 350), 0.9)  # MuPDF reports strokes with room for their mitred corners


def test_background_and_logos_are_furniture(tmp_path: Path) -> None:
    book = pymupdf.open()
    paper, logo = encoded(Image.new("RGB", (250, 350), (250, 246, 235))), encoded(photo(5, (120, 120)))
    for n in range(4):
        page = book.new_page(width=500, height=700)
        page.insert_image(page.rect, stream=paper)
        page.insert_image((440, 20, 480, 60), stream=logo)
        page.insert_textbox((50, 80, 450, 130), BODY, fontsize=10, fontname="tiro")
        page.insert_image((50, 140, 330, 350), stream=encoded(photo(20 + n)))
        page.insert_textbox((50, 356, 450, 380), CAPTION.replace("3.2", f"3.{n}"), fontsize=8, fontname="tiro")
        page.insert_textbox((50, 400, 450, 650), BODY * 5, fontsize=10, fontname="tiro")
    book.save(tmp_path / "a.pdf")
    survey = survey_book(str(tmp_path / "a.pdf"))
    results = list(read_pairs(survey, 1, 4, ocr="none"))
    assert [len(r.pairs) for r in results] == [1, 1, 1, 1]
    assert [[j.reason for j in r.rejects] for r in results] == [["furniture", "furniture"]] * 4
    assert all(r.pictures == 3 for r in results)


def test_gigapixel_image_is_refused_undecoded(tmp_path: Path) -> None:
    def bomb(page: pymupdf.Page, box: pymupdf.Rect) -> None:
        page.insert_image(box, stream=encoded(photo()))
        xref = page.get_images()[0][0]
        page.parent.xref_set_key(xref, "Width", "60000")
        page.parent.xref_set_key(xref, "Height", "60000")

    draw(tmp_path / "a.pdf", bomb)
    survey = survey_book(str(tmp_path / "a.pdf"))
    (result,) = read_pairs(survey, 1, 1, ocr="none")
    assert result.pairs == ()
    assert "too_large" in {reject.reason for reject in result.rejects}


def test_hidden_text_is_told_from_visible(tmp_path: Path) -> None:
    book = pymupdf.open()
    page = book.new_page()
    page.insert_text((72, 72), "a hidden layer of text", render_mode=3)
    page.insert_text((72, 172), "visible")
    book.save(tmp_path / "a.pdf")
    with open_book(tmp_path / "a.pdf") as opened:
        raw = read_page(opened, 1)
    assert (raw.hidden, raw.visible) == (22, 7)


def test_bad_books_say_why(tmp_path: Path) -> None:
    good = tmp_path / "good.pdf"
    draw(good, lambda page, box: page.insert_image(box, stream=encoded(photo())))
    (tmp_path / "empty_file.pdf").write_bytes(b"")
    (tmp_path / "not_pdf.pdf").write_text("not a book")
    (tmp_path / "truncated.pdf").write_bytes(good.read_bytes()[:300])
    with pymupdf.open(good) as book:
        locked = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "user_pw": "secret", "owner_pw": "owner"}
        book.save(tmp_path / "encrypted.pdf", **locked)
    for reason in ("empty_file", "not_pdf", "truncated", "encrypted"):
        with pytest.raises(UnreadableBook) as caught:
            survey_book(str(tmp_path / f"{reason}.pdf"))
        assert caught.value.reason == reason
        assert caught.value.remedy
    with pytest.raises(UnreadableBook) as caught:
        survey_book(str(tmp_path / "missing.pdf"))
    assert caught.value.reason == "unreadable"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_no_book(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pdf")
    with pytest.raises(UnreadableBook) as caught:
        survey_book(str(tmp_path / "pipe.pdf"))
    assert caught.value.reason == "not_pdf"


def test_owner_password_alone_does_not_lock(tmp_path: Path) -> None:
    draw(tmp_path / "a.pdf", lambda page, box: page.insert_image(box, stream=encoded(photo())))
    with pymupdf.open(tmp_path / "a.pdf") as book:
        book.save(tmp_path / "b.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="", owner_pw="owner")
    assert alike(the_pair(tmp_path / "b.pdf").image, photo())
