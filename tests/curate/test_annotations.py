"""Drawn marks: found in every colour and print quality, and not seen in skin, tissue, hair, glare, pen or scales."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

pytest.importorskip("cv2")

from mmskin_hub.curate.annotations import find_marks

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
Picture = npt.NDArray[np.uint8]
WHITE, BLACK, YELLOW, RED, BLUE = (255, 255, 255), (0, 0, 0), (255, 255, 0), (230, 20, 20), (20, 40, 230)
INKS = {"white": WHITE, "black": BLACK, "yellow": YELLOW, "red": RED, "blue": BLUE}
FINE = 4  # marks are drawn this much larger and brought down, as a layout program smooths them


def noise(seed: int, shape: tuple[int, int], grain: float) -> npt.NDArray[np.float64]:
    """Smooth random texture, mean 0 and deviation 1."""
    values = np.random.default_rng(seed).normal(0, 1, shape)
    image = Image.fromarray((np.clip(values / 6 + 0.5, 0, 1) * 255).astype(np.uint8))
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(grain)), dtype=np.float64)
    return np.asarray((blurred - blurred.mean()) / blurred.std())


@functools.cache
def skin(width: int = 420, height: int = 320, seed: int = 1) -> Picture:
    """Skin-coloured texture with a dark lesion, at two grains."""
    texture = 7 * noise(seed, (height, width), 1.2) + 9 * noise(seed + 1, (height, width), 14)
    y, x = np.mgrid[:height, :width]
    lesion = np.exp(-((((x - width * 0.5) / 60) ** 2 + ((y - height * 0.5) / 45) ** 2) ** 2))
    base = np.array([201.0, 152, 131]) - lesion[..., None] * np.array([90.0, 85, 70])
    return np.clip(base + texture[..., None] * [1.0, 0.9, 0.85], 0, 255).astype(np.uint8)


@functools.cache
def tissue(width: int = 400, height: int = 400) -> Picture:
    """Pink ground with purple nuclei."""
    canvas = Image.new("RGB", (width, height), (222, 150, 200))
    pen = ImageDraw.Draw(canvas)
    random = np.random.default_rng(9)
    for _ in range(260):
        x, y, a, b = random.uniform(0, width), random.uniform(0, height), random.uniform(4, 9), random.uniform(4, 9)
        shade = int(random.uniform(60, 110))
        pen.ellipse([x - a, y - b, x + a, y + b], fill=(shade, shade // 2, shade + 50))
    pixels = np.asarray(canvas.filter(ImageFilter.GaussianBlur(1)), dtype=np.float64)
    return np.clip(pixels + 6 * noise(3, (height, width), 1)[..., None], 0, 255).astype(np.uint8)


def turned(points: list[tuple[float, float]], degrees: float, x: float, y: float) -> list[tuple[float, float]]:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(x + u * cosine - v * sine, y + u * sine + v * cosine) for u, v in points]


Pen = ImageDraw.ImageDraw
Stroke = Callable[[Pen, float, float, float], None]


def line_arrow(pen: Pen, x: float, y: float, degrees: float) -> None:
    s = FINE * 1.0
    pen.polygon(
        turned([(-30 * s, -2 * s), (20 * s, -2 * s), (20 * s, 2 * s), (-30 * s, 2 * s)], degrees, x, y), fill=255
    )
    pen.polygon(turned([(14 * s, -8 * s), (30 * s, 0), (14 * s, 8 * s)], degrees, x, y), fill=255)


def open_arrow(pen: Pen, x: float, y: float, degrees: float) -> None:
    s = FINE * 1.0
    for end in ((-30 * s, 0.0), (16 * s, -12 * s), (16 * s, 12 * s)):
        pen.line(turned([end, (30 * s, 0)], degrees, x, y), fill=255, width=4 * FINE)


def block(x: float, y: float, degrees: float) -> list[tuple[float, float]]:
    half = [(-32, 7), (6, 7), (6, 16)]
    shape = [*((u, -v) for u, v in half), (34, 0), *reversed(half)]
    return turned([(u * FINE, v * FINE) for u, v in shape], degrees, x, y)


def block_arrow(pen: Pen, x: float, y: float, degrees: float) -> None:
    pen.polygon(block(x, y, degrees), fill=255)


def outline_arrow(pen: Pen, x: float, y: float, degrees: float) -> None:
    points = block(x, y, degrees)
    pen.line([*points, points[0], points[1]], fill=255, width=3 * FINE, joint="curve")


def arrowhead(pen: Pen, x: float, y: float, degrees: float) -> None:
    s = FINE * 1.0
    pen.polygon(turned([(-12 * s, -11 * s), (14 * s, 0), (-12 * s, 11 * s)], degrees, x, y), fill=255)


def asterisk(pen: Pen, x: float, y: float, degrees: float) -> None:
    s = FINE * 1.0
    for k in range(3):
        pen.line(turned([(-13 * s, 0), (13 * s, 0)], degrees + 60 * k, x, y), fill=255, width=4 * FINE)


def circle(pen: Pen, x: float, y: float, degrees: float) -> None:
    pen.ellipse([x - 40 * FINE, y - 30 * FINE, x + 40 * FINE, y + 30 * FINE], outline=255, width=3 * FINE)


def frame(pen: Pen, x: float, y: float, degrees: float) -> None:
    pen.rectangle([x - 40 * FINE, y - 30 * FINE, x + 40 * FINE, y + 30 * FINE], outline=255, width=3 * FINE)


def scale_bar(pen: Pen, x: float, y: float, degrees: float) -> None:
    pen.rectangle([x - 35 * FINE, y - 2 * FINE, x + 35 * FINE, y + 2 * FINE], fill=255)


def words(pen: Pen, x: float, y: float, degrees: float) -> None:
    pen.text((x - 100 * FINE, y - 15 * FINE), "12.03.2004", fill=255, font=ImageFont.load_default(26 * FINE))


def letter(pen: Pen, x: float, y: float, degrees: float) -> None:
    pen.text((x, y), "B", fill=255, font=ImageFont.load_default(34 * FINE), anchor="mm")


ARROWS = {"line": line_arrow, "open": open_arrow, "block": block_arrow, "outline": outline_arrow}
OTHERS = {"star": asterisk, "outline": circle, "frame": frame, "scale bar": scale_bar, "text": words, "letter": letter}


def draw(picture: Picture, stroke: Stroke, ink: tuple[int, int, int], degrees: float = 30, at: float = 0.3) -> Picture:
    height, width = picture.shape[:2]
    canvas = Image.new("L", (width * FINE, height * FINE), 0)
    stroke(ImageDraw.Draw(canvas), width * FINE * at, height * FINE * at, degrees)
    cover = np.asarray(canvas.resize((width, height), Image.Resampling.BOX), dtype=np.float64)[..., None] / 255
    return np.asarray(picture * (1 - cover) + np.array(ink) * cover + 0.5, dtype=np.uint8)


def as_jpeg(picture: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def scanned(picture: Picture) -> Picture:
    soft = np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float64) * 0.93 + 8
    return np.clip(soft + np.random.default_rng(4).normal(0, 3, soft.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 50, 90, 135, 180, 250, 310])
@pytest.mark.parametrize("name", ARROWS)
def test_arrows_in_every_direction(name: str, degrees: int) -> None:
    finding = find_marks(draw(skin(), ARROWS[name], WHITE, degrees))
    assert finding.annotated and finding.kind == "arrow"
    assert finding.box is not None
    x, y = (finding.box[0] + finding.box[2]) / 2, (finding.box[1] + finding.box[3]) / 2
    assert abs(x - 126) < 12 and abs(y - 96) < 12


@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("name", ARROWS)
def test_arrows_in_every_colour_after_jpeg_and_scan(name: str, ink: str) -> None:
    drawn = draw(skin(), ARROWS[name], INKS[ink])
    assert find_marks(as_jpeg(drawn, 75)).annotated
    assert find_marks(as_jpeg(scanned(drawn), 80)).annotated


@pytest.mark.parametrize("ink", ["white", "yellow", "black"])
def test_arrows_on_tissue(ink: str) -> None:
    assert find_marks(as_jpeg(draw(tissue(), line_arrow, INKS[ink]), 85)).annotated


@pytest.mark.parametrize("size", [(224, 171), (1700, 1295)])
def test_arrows_at_other_sizes(size: tuple[int, int]) -> None:
    drawn = Image.fromarray(draw(skin(), line_arrow, WHITE)).resize(size, Image.Resampling.BICUBIC)
    finding = find_marks(np.asarray(drawn))
    assert finding.kind == "arrow" and finding.box is not None
    assert abs((finding.box[0] + finding.box[2]) / 2 / size[0] - 0.3) < 0.03


@pytest.mark.parametrize("degrees", [0, 80, 200])
def test_arrowheads(degrees: int) -> None:
    assert find_marks(draw(skin(), arrowhead, BLACK, degrees)).annotated


@pytest.mark.parametrize("ink", ["white", "black", "yellow"])
@pytest.mark.parametrize("name", OTHERS)
def test_other_marks(name: str, ink: str) -> None:
    expected = {"frame": "outline", "letter": "text"}.get(name, name)
    finding = find_marks(as_jpeg(draw(skin(), OTHERS[name], INKS[ink], 0), 90))
    assert finding.annotated and finding.kind == expected


@pytest.mark.parametrize("text", ["a", "B", "(c)", "A1"])
@pytest.mark.parametrize("corner", ["top left", "bottom right"])
def test_a_panel_letter_does_not_count(text: str, corner: str) -> None:
    canvas = Image.fromarray(skin())
    pen = ImageDraw.Draw(canvas)
    place, anchor = ((8, 6), "lt") if corner == "top left" else ((412, 314), "rb")
    pen.text(place, text, fill=WHITE, font=ImageFont.load_default(34), anchor=anchor)
    assert not find_marks(np.asarray(canvas)).annotated
    assert find_marks(draw(np.asarray(canvas), line_arrow, WHITE, at=0.6)).annotated


def test_a_panel_letter_on_its_plate_does_not_count() -> None:
    canvas = Image.fromarray(skin())
    pen = ImageDraw.Draw(canvas)
    pen.rectangle([0, 0, 44, 44], fill=WHITE)
    pen.text((22, 22), "A", fill=BLACK, font=ImageFont.load_default(34), anchor="mm")
    assert not find_marks(np.asarray(canvas)).annotated


def with_hair(picture: Picture) -> Picture:
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    random = np.random.default_rng(8)
    for _ in range(25):
        x, y, a = random.uniform(0, 420), random.uniform(0, 320), random.uniform(0, 360)
        pen.arc([x - 90, y - 60, x + 90, y + 60], a, a + 60, fill=(30, 22, 20), width=2)
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(0.7)))


def with_glare(picture: Picture) -> Picture:
    spots = np.clip(noise(21, picture.shape[:2], 3) * 2 - 3.4, 0, 1)[..., None]
    return np.asarray(picture * (1 - spots) + 250 * spots, dtype=np.uint8)


def with_pen(picture: Picture) -> Picture:
    """Surgical pen around the lesion: broken, uneven in width and tone."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    ragged = noise(31, picture.shape[:2], 4)
    radius = np.hypot((x - 210) / 1.25, y - 160) + 3.5 * ragged
    ink = np.exp(-(((radius - 88) / 4.5) ** 2)) * np.clip(0.65 + 0.3 * noise(32, picture.shape[:2], 2), 0, 1)
    return np.asarray(picture * (1 - ink[..., None]) + np.array([60, 40, 120]) * ink[..., None], dtype=np.uint8)


def with_vignette(picture: Picture) -> Picture:
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    inside = np.clip((205 - np.hypot(x - 210, y - 160)) / 4, 0, 1)[..., None]
    return np.asarray(picture * inside, dtype=np.uint8)


def with_engraved_scale(picture: Picture) -> Picture:
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    pen.line([60, 270, 360, 270], fill=(15, 8, 8), width=2)
    for k in range(31):
        pen.line([60 + 10 * k, 270 - (16 if k % 5 == 0 else 7), 60 + 10 * k, 270], fill=(15, 8, 8), width=2)
    pen.text((60, 276), "MM", fill=(15, 8, 8), font=ImageFont.load_default(18))
    return np.asarray(canvas)


CLEAN: dict[str, Callable[[Picture], Picture]] = {
    "bare": lambda picture: picture,
    "hair": with_hair,
    "glare": with_glare,
    "pen": with_pen,
    "vignette": with_vignette,
    "engraved scale": with_engraved_scale,
}


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("seed", [1, 5])
def test_what_belongs_to_the_picture_is_no_mark(name: str, seed: int) -> None:
    picture = CLEAN[name](skin(seed=seed))
    assert not find_marks(picture).annotated
    assert not find_marks(as_jpeg(picture, 70)).annotated


def test_clean_tissue_is_no_mark() -> None:
    assert not find_marks(tissue()).annotated
    data = pytest.importorskip("skimage.data")
    assert not find_marks(data.immunohistochemistry()).annotated


def test_same_answer_twice() -> None:
    drawn = draw(skin(), open_arrow, YELLOW)
    assert find_marks(drawn) == find_marks(drawn.copy())


@pytest.mark.parametrize("shape", [(1, 1, 3), (24, 24, 3), (30, 2000, 3), (2000, 30, 3), (640, 640, 3)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_odd_shapes_and_flat_pictures(shape: tuple[int, int, int], level: int) -> None:
    assert not find_marks(np.full(shape, level, np.uint8)).annotated


def test_gray_or_float_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8 RGB"):
        find_marks(np.zeros((50, 50), np.uint8))


@pytest.mark.parametrize(
    "pattern", ["pad_ufes_20/*/*.png", "histology/*.*", "ham10000_fullsize/*.jpg", "ham10000/*/*.jpg"]
)
def test_at_most_one_per_cent_of_real_pictures(pattern: str) -> None:
    files = sorted(SHARED.glob(pattern))
    files = files[:: max(1, len(files) // 60)]
    if not files:
        pytest.skip(f"no shared data at {pattern}")
    seen = [file.name for file in files if find_marks(np.asarray(Image.open(file).convert("RGB"))).annotated]
    assert len(seen) <= len(files) // 100 + (len(files) > 30), seen


def test_arrows_on_real_pictures() -> None:
    files = sorted(SHARED.glob("pad_ufes_20/*/*.png"))[::6]
    if not files:
        pytest.skip("no shared data at pad_ufes_20")
    seen = 0
    for number, file in enumerate(files):
        picture = np.asarray(Image.open(file).convert("RGB").resize((420, 420), Image.Resampling.BICUBIC))
        ink = list(INKS.values())[number % len(INKS)]
        stroke = list(ARROWS.values())[number % len(ARROWS)]
        seen += find_marks(as_jpeg(draw(picture, stroke, ink, 37.0 * number), 80)).annotated
    assert seen >= 0.9 * len(files)
