"""Scanned pages: photographs found to the pixel, pages set upright, captions read, everything else left alone."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pymupdf
import pytest
from PIL import Image, ImageDraw, ImageFilter

from mmskin_hub.pdf.layout import Box
from mmskin_hub.pdf.ocr import OcrEngine, make_engine
from mmskin_hub.pdf.scans import ScanResult, read_scan

DPI = 170
WIDTH, HEIGHT = 500.0, 700.0
BODY = (
    "Topical therapy remains the first line for limited disease, while phototherapy and systemic agents are reserved "
    "for extensive involvement. The mortality of the acute form has fallen since intensive care was introduced. "
)
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def engine() -> OcrEngine:
    made = make_engine("rapidocr")
    assert made is not None
    return made


def photo(seed: int, width: int = 320, height: int = 260, tone: tuple[int, int, int] = (200, 150, 130)) -> Image.Image:
    """A picture with the soft, uneven tones of skin and a darker spot."""
    rng = np.random.default_rng(seed)
    soft = rng.normal(0, 60, (height, width, 1))
    grain = np.asarray(
        Image.fromarray(np.clip(soft[..., 0] + 128, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(6))
    )
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    spot = 50 * np.exp(-((x - rng.uniform(-0.3, 0.3)) ** 2 + y**2) * 8)
    pixels = np.array(tone) + 3.0 * (grain[..., None].astype(float) - 128) - spot[..., None] + 12 * x[..., None]
    return Image.fromarray(np.clip(pixels + rng.normal(0, 3, pixels.shape), 0, 235).astype(np.uint8))


class Sheet:
    """A page drawn with PyMuPDF and scanned: rendered, turned, tinted, speckled, squeezed through JPEG."""

    def __init__(self) -> None:
        self.book = pymupdf.open()
        self.page = self.book.new_page(width=WIDTH, height=HEIGHT)

    def image(self, picture: Image.Image, *box: float) -> Box:
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        self.page.insert_image(pymupdf.Rect(*box), stream=buffer.getvalue(), keep_proportion=False)
        return Box(*box)

    def text(self, words: str, *box: float, size: float = 9.5) -> None:
        left = self.page.insert_textbox(pymupdf.Rect(*box), words, fontsize=size, fontname="tiro", align=3)
        assert left >= 0, "the text does not fit its box"

    def scan(self, turn: float = 0.0, noise: float = 2.0, tint: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
        pixels = self.page.get_pixmap(dpi=DPI)
        sheet = Image.frombytes("RGB", (pixels.w, pixels.h), pixels.samples)
        # PIL turns counter-clockwise, skew is counted clockwise.
        sheet = sheet.rotate(-turn, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
        raster = np.asarray(sheet) * np.array(tint) + np.random.default_rng(1).normal(0, noise, (pixels.h, pixels.w, 3))
        buffer = io.BytesIO()
        Image.fromarray(np.clip(raster, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=80)
        return np.asarray(Image.open(buffer).convert("RGB"))


def read(raster: np.ndarray, engine: OcrEngine | None = None) -> ScanResult:
    return read_scan(raster, WIDTH, HEIGHT, engine)


def assert_boxes(result: ScanResult, expected: list[Box], within: float = 3 * 72 / DPI) -> None:
    assert len(result.pictures) == len(expected)
    for picture, box in zip(result.pictures, expected, strict=True):
        assert np.abs(np.subtract(picture.box, box)).max() <= within, (picture.box, box)
        height, width = picture.pixels.shape[:2]
        assert width == pytest.approx(picture.box.width * DPI / 72, abs=2)
        assert height == pytest.approx(picture.box.height * DPI / 72, abs=2)


def two_columns() -> tuple[Sheet, list[Box]]:
    sheet = Sheet()
    boxes = [sheet.image(photo(1), 40, 60, 242, 220), sheet.image(photo(2), 258, 300, 460, 450)]
    sheet.text("Fig. 4.1 Psoriasis vulgaris. Silvery scale on the elbow of a 54-year-old man (H&E, \u00d7100).",
               40, 225, 242, 260, size=8)  # fmt: skip
    sheet.text(BODY * 3, 40, 268, 242, 560)
    sheet.text(BODY * 3, 258, 60, 460, 292)
    sheet.text("Figure 4-2. Lichen planus on the wrist.", 258, 455, 460, 480, size=8)
    sheet.text(BODY, 258, 482, 460, 600)
    return sheet, boxes


def blocks(result: ScanResult) -> list[str]:
    out: dict[int, list[str]] = {}
    for line in result.lines:
        out.setdefault(line.block, []).append(line.text)
    return [" ".join(lines) for _, lines in sorted(out.items())]


@pytest.mark.parametrize(
    ("turn", "noise", "tint"),
    [(0.0, 0.0, (1, 1, 1)), (2.4, 5.0, (0.97, 0.94, 0.86)), (-4.5, 3.0, (0.9, 0.9, 0.9))],
)
def test_two_columns(engine: OcrEngine, turn: float, noise: float, tint: tuple[float, float, float]) -> None:
    sheet, boxes = two_columns()
    result = read(sheet.scan(turn, noise, tint), engine)
    assert result.skew == pytest.approx(turn, abs=0.06)
    assert_boxes(result, boxes)
    found = blocks(result)
    assert "Fig. 4.1 Psoriasis vulgaris. Silvery scale on the elbow of a 54-year-old man (H&E, \u00d7100)." in found
    assert "Figure 4-2. Lichen planus on the wrist." in found
    assert result.body_size == pytest.approx(9.5, rel=0.12)
    for line in result.lines:
        assert line.size / result.body_size == pytest.approx(8 / 9.5, rel=0.07)
    label = next(line for line in result.lines if line.text.startswith("Fig. 4.1"))
    assert label.box.x0 == pytest.approx(40, abs=2)
    assert 225 <= label.box.y0 <= label.box.y1 <= 238


def test_body_is_not_recognised() -> None:
    class Counting:
        name = version = "test"

        def __init__(self) -> None:
            self.pixels = 0

        def read(self, image: np.ndarray) -> list[object]:
            raise AssertionError("a whole page was read")

        def recognise(self, crops: list[np.ndarray]) -> list[tuple[str, float]]:
            self.pixels += sum(crop.shape[0] * crop.shape[1] for crop in crops)
            return [("Body text", 0.9)] * len(crops)

    sheet = Sheet()
    sheet.image(photo(1), 40, 500, 242, 660)
    sheet.text(BODY * 5, 40, 40, 242, 400)
    sheet.text(BODY * 6, 258, 40, 460, 600)
    counting = Counting()
    result = read(sheet.scan(), counting)  # type: ignore[arg-type]
    assert len(result.pictures) == 1
    assert 0 < counting.pixels < 0.03 * WIDTH * HEIGHT * (DPI / 72) ** 2


def test_collected_legends_far_from_any_picture_are_read(engine: OcrEngine) -> None:
    sheet = Sheet()
    sheet.text("Plate IV. Bullous pemphigoid on the thigh of a woman, with tense blisters and erosions that heal.",
               40, 60, 240, 100)  # fmt: skip
    sheet.text(BODY * 3, 40, 130, 240, 420)
    found = blocks(read(sheet.scan(1.0), engine))
    assert any(block.startswith("Plate IV. Bullous pemphigoid on the thigh") for block in found)
    assert not any("Topical therapy" in block for block in found)


def test_a_sentence_that_mentions_a_figure_is_left_out(engine: OcrEngine) -> None:
    sheet = Sheet()
    sheet.text("Figure 3.2 shows a typical example, and its course is discussed in the next section. " + BODY,
               40, 60, 240, 300)  # fmt: skip
    assert read(sheet.scan(), engine).lines == ()


@pytest.mark.parametrize("gutter", [2.0, 4.0, 9.0])
def test_a_grid_with_a_narrow_gutter_is_single_pictures(gutter: float) -> None:
    sheet = Sheet()
    boxes = []
    for row in range(2):
        for column in range(3):
            x, y = 50 + column * (130 + gutter), 80 + row * (110 + gutter)
            boxes.append(sheet.image(photo(10 + 3 * row + column), x, y, x + 130, y + 110))
    sheet.text("Figure 9. Six views of the same plaque.", 50, 330, 300, 345, size=8)
    assert_boxes(read(sheet.scan(1.3)), boxes)


def test_pale_dark_grey_narrow_and_wide_photographs() -> None:
    sheet = Sheet()
    pale = Image.blend(photo(1, tone=(225, 190, 180)), Image.new("RGB", (320, 260), "white"), 0.35)
    dark = Image.blend(photo(2), Image.new("RGB", (320, 260), "black"), 0.6)
    boxes = [
        sheet.image(pale, 40, 50, 200, 180),
        sheet.image(dark, 220, 50, 380, 180),
        sheet.image(photo(3).convert("L").convert("RGB"), 40, 200, 112, 330),
        sheet.image(photo(4), 40, 360, 460, 560),
    ]
    sheet.text(BODY, 40, 580, 460, 660)
    assert_boxes(read(sheet.scan(-0.8)), boxes)


def test_tissue_on_a_white_ground_is_one_picture() -> None:
    rng = np.random.default_rng(5)
    slide = Image.new("RGB", (400, 300), (243, 238, 243))
    draw = ImageDraw.Draw(slide)
    for _ in range(160):
        x, y, r = rng.integers(0, 400), rng.integers(0, 300), rng.integers(6, 26)
        colour = tuple(int(v) for v in rng.integers((190, 90, 140), (235, 150, 190)))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    sheet = Sheet()
    box = sheet.image(slide.filter(ImageFilter.GaussianBlur(3)), 60, 80, 360, 305)
    sheet.text(BODY, 40, 580, 460, 660)
    assert_boxes(read(sheet.scan(0.7)), [box])


def test_charts_tables_drawings_and_tinted_boxes_are_no_photographs(engine: OcrEngine) -> None:
    sheet = Sheet()
    page = sheet.page
    page.draw_rect(pymupdf.Rect(50, 50, 250, 150), color=(0, 0, 0), width=1)
    page.draw_line((60, 140), (240, 60), color=(0.8, 0, 0), width=2)
    for k in range(5):
        bar = pymupdf.Rect(300 + 30 * k, 140 - 15 * k, 318 + 30 * k, 150)
        page.draw_rect(bar, color=None, fill=(0.2 * k, 0.3, 0.8))
    for row in range(4):
        for column in range(3):
            cell = pymupdf.Rect(50 + 70 * column, 200 + 20 * row, 120 + 70 * column, 220 + 20 * row)
            page.draw_rect(cell, color=(0, 0, 0), width=0.8)
            page.insert_text((cell.x0 + 4, cell.y1 - 6), "25 mg", fontsize=9)
    page.draw_rect(pymupdf.Rect(50, 320, 250, 460), color=None, fill=(0.85, 0.9, 0.96))
    page.draw_circle((360, 390), 60, color=(0, 0, 0), width=1.5)
    result = read(sheet.scan(1.0, noise=3), engine)
    assert result.pictures == ()
    assert not any("mg" in line.text for line in result.lines)


def test_photographs_in_a_tinted_panel() -> None:
    sheet = Sheet()
    sheet.page.draw_rect(pymupdf.Rect(40, 60, 460, 400), color=None, fill=(0.84, 0.9, 0.95))
    boxes = [sheet.image(photo(1), 60, 90, 240, 240), sheet.image(photo(2), 270, 90, 440, 240)]
    assert_boxes(read(sheet.scan()), boxes)


def test_borders_and_specks_of_a_scanner() -> None:
    sheet, boxes = two_columns()
    raster = sheet.scan(1.5).copy()
    rng = np.random.default_rng(0)
    for y, x in zip(rng.integers(0, raster.shape[0], 400), rng.integers(0, raster.shape[1], 400), strict=True):
        raster[y : y + 2, x : x + 2] = 40
    raster[:, :30] = 12
    raster[-25:] = 9
    result = read(raster)
    assert result.skew == pytest.approx(1.5, abs=0.06)
    assert_boxes(result, boxes)


def test_skew_is_told_by_the_edges_of_a_photograph_alone() -> None:
    sheet = Sheet()
    sheet.image(photo(3, 640, 500), 80, 120, 420, 420)
    assert read(sheet.scan(2.0)).skew == pytest.approx(2.0, abs=0.15)


def test_a_page_that_is_one_photograph() -> None:
    raster = np.asarray(photo(7, 500, 700).resize((1180, 1653), Image.Resampling.BICUBIC))
    (picture,) = read(raster).pictures
    assert picture.box == Box(0, 0, WIDTH, HEIGHT)
    assert np.array_equal(picture.pixels, raster)


@pytest.mark.parametrize("kind", ["white", "grey", "black", "noise", "strong noise", "gradient", "fold"])
def test_empty_pages_give_nothing(engine: OcrEngine, kind: str) -> None:
    rng = np.random.default_rng(3)
    page = np.full((1653, 1180, 3), {"black": 6, "grey": 200}.get(kind, 250), float)
    if "noise" in kind:
        page += rng.normal(-20, 30 if "strong" in kind else 6, page.shape)
    if kind == "gradient":
        page *= np.linspace(1, 0.75, 1180)[None, :, None]
    if kind == "fold":
        page[:, :120] *= np.linspace(0.3, 1, 120)[None, :, None]
    result = read(np.clip(page, 0, 255).astype(np.uint8), engine)
    assert result.pictures == ()
    assert result.lines == ()


def test_without_an_engine_there_are_pictures_and_no_lines() -> None:
    sheet, boxes = two_columns()
    result = read(sheet.scan())
    assert_boxes(result, boxes)
    assert result.lines == ()


def test_a_fine_raster_gives_fine_crops() -> None:
    sheet, boxes = two_columns()
    pixels = sheet.page.get_pixmap(dpi=300)
    raster = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.h, pixels.w, 3)
    result = read(raster)
    assert np.abs(np.subtract(result.pictures[0].box, boxes[0])).max() < 1.3
    assert result.pictures[0].pixels.shape[1] == pytest.approx(boxes[0].width * 300 / 72, abs=5)


def test_the_same_page_gives_the_same_result(engine: OcrEngine) -> None:
    raster = two_columns()[0].scan(1.1, 4)
    first, second = read(raster, engine), read(raster, engine)
    assert first.lines == second.lines
    assert first.skew == second.skew
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(first.pictures, second.pictures, strict=True))


@pytest.mark.parametrize(
    ("raster", "width"), [(np.zeros((100, 100), np.uint8), 72.0), (np.zeros((100, 100, 3), float), 72.0),
                          (np.zeros((100, 100, 3), np.uint8), 0.0)],
)  # fmt: skip
def test_wrong_input_is_refused(raster: np.ndarray, width: float) -> None:
    with pytest.raises(ValueError, match="read_scan needs"):
        read_scan(raster, width, 72.0, None)


def test_a_tiny_raster_gives_nothing() -> None:
    assert read_scan(np.zeros((20, 20, 3), np.uint8), 10, 10, None) == ScanResult((), (), 0.0)


def test_real_scan(engine: OcrEngine) -> None:
    path = SHARED / "books" / "scan.pdf"
    if not path.exists():
        pytest.skip("shared/data/books is not beside this checkout")
    truth = [json.loads(line) for line in (SHARED / "books" / "truth.jsonl").read_text().splitlines()]
    wanted = [row for row in truth if row["book"] == "scan.pdf" and row["page"] == 1]
    with pymupdf.open(path) as book:
        pixels = book[0].get_pixmap(dpi=170)
        raster = np.frombuffer(pixels.samples, np.uint8).reshape(pixels.h, pixels.w, 3)
        result = read_scan(raster, book[0].rect.width, book[0].rect.height, engine)
    assert len(result.pictures) == len(wanted)
    found = blocks(result)
    for row in wanted:
        assert f"{row['number']} {row['caption']}" in found
