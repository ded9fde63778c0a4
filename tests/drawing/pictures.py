"""Pictures for test books, drawn from a seed: skin, dermoscopy, H&E and the things that are none of these.

Every picture is 8-bit RGB, 300 to 700 pixels a side, and different from all others of another seed: the 255-bit
hash of two seeds is far apart (see :mod:`tests.drawing.truth`). They imitate colour, texture and composition of
the real thing; they are not meant to teach a classifier.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mmskin_hub.demo import paint

SIZES = ((480, 360), (360, 480), (420, 420), (520, 350), (450, 340), (380, 500), (600, 400), (400, 300))


def clinical(seed: int, size: tuple[int, int] | None = None, tone: int | None = None) -> Image.Image:
    """A photograph of skin: one big lesion, a crop of small ones, a patch with scale, or loss of pigment."""
    rng = np.random.default_rng([1, seed])
    width, height = size or SIZES[int(rng.integers(len(SIZES)))]
    base = paint.TONES[int(rng.integers(6)) if tone is None else tone]
    image = paint.skin(rng, width, height, base, exact=False)
    dark = sum(base) < 360
    red = np.asarray(base) * ((0.75, 0.55, 0.6) if dark else (0.92, 0.55, 0.55))
    short = min(width, height)
    kind = int(rng.integers(5))
    if kind == 0:  # a pigmented or keratotic nodule
        radius = rng.uniform(0.12, 0.25) * short
        centre = (rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height)
        paint.blob(rng, image, centre, radius * 1.5, 0.3, radius / 2, red, 0.5)
        window, mask = paint.blob(rng, image, centre, radius, 0.3, 6, np.asarray(base) * rng.uniform(0.3, 0.6), 0.9)
        image[window] += (mask * 25 * paint.noise(rng, mask.shape[1], mask.shape[0], 9))[..., None]
    elif kind == 1:  # many papules
        for _ in range(int(rng.integers(12, 30))):
            at, radius = (rng.uniform(0.05, 0.95) * width, rng.uniform(0.05, 0.95) * height), rng.uniform(6, 24)
            paint.blob(rng, image, at, radius, 0.3, 5, red, 0.8)
            paint.blob(rng, image, (at[0] - 2, at[1] - 3), radius / 4, 0, 4, (250, 235, 225), 0.5)
    elif kind == 2:  # plaques with silvery scale
        for _ in range(int(rng.integers(2, 5))):
            at = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.1, 0.9) * height)
            window, mask = paint.blob(rng, image, at, rng.uniform(0.15, 0.32) * short, 0.25, 8, red, 0.85)
            flakes = np.clip(1.6 * paint.noise(rng, mask.shape[1], mask.shape[0], 11) - 0.1, 0, 0.8)
            paint.blend(image[window], mask * flakes, (238, 228, 220))
    elif kind == 3:  # depigmented patches
        for _ in range(int(rng.integers(2, 6))):
            at = (rng.uniform(0, 1) * width, rng.uniform(0, 1) * height)
            paint.blob(rng, image, at, rng.uniform(0.12, 0.3) * short, 0.4, 5, (238, 214, 204), 0.8)
    else:  # an ulcer or crusted erosions
        for _ in range(int(rng.integers(1, 5))):
            at = (rng.uniform(0.2, 0.8) * width, rng.uniform(0.2, 0.8) * height)
            radius = rng.uniform(0.08, 0.2) * short
            paint.blob(rng, image, at, radius * 1.4, 0.3, 15, red, 0.7)
            paint.blob(rng, image, at, radius, 0.4, 5, (122, 30, 34), 0.9)
            paint.blob(rng, image, at, radius * 0.6, 0.6, 4, (196, 150, 70), 0.7)
    if rng.random() < 0.35:  # the limb ends: a drape behind it
        x, y = paint.grid(width, height)
        edge = rng.uniform(0.72, 0.88) * width + 0.06 * width * np.sin(y / height * rng.uniform(2, 5))
        drape = ((38, 74, 116), (24, 24, 26), (70, 120, 96), (190, 190, 186))[int(rng.integers(4))]
        paint.blend(image, (x - edge) / 6, np.asarray(drape))
    picture = paint.done(image)
    if rng.random() < 0.3:
        paint.hairs(picture, rng, int(rng.integers(8, 25)), 1)
    return picture.filter(ImageFilter.BoxBlur(0.6))


def dermoscopic(seed: int, size: tuple[int, int] | None = None, vignette: bool | None = None) -> Image.Image:
    """A dermoscopic field: network, globules, veil, hairs; with a black round stop or only darker corners."""
    rng = np.random.default_rng([2, seed])
    width, height = size or SIZES[int(rng.integers(len(SIZES)))]
    image = paint.ones(width, height, ((222, 160, 140), (214, 172, 146), (196, 140, 118))[int(rng.integers(3))])
    image *= (1 + 0.06 * paint.noise(rng, width, height, 90) + paint.grain(rng, width, height, 0.012))[..., None]
    short = min(width, height)
    x, y = paint.grid(width, height)
    centre = (rng.uniform(0.4, 0.6) * width, rng.uniform(0.4, 0.6) * height)
    brown = np.asarray((134, 84, 56)) * rng.uniform(0.7, 1.15)
    window, lesion = paint.blob(rng, image, centre, rng.uniform(0.25, 0.36) * short, 0.4, 14, brown, 0.75)
    pitch = rng.uniform(5, 8)
    warp = 4 * paint.noise(rng, width, height, 25)
    net = sum(np.cos(((x + warp) * math.cos(a) + (y + warp) * math.sin(a)) / pitch * 2.2) for a in (0, 2.094, 4.189))
    paint.blend(image[window], lesion * np.clip(0.4 - net, 0, 1)[window] * 0.4, (70, 40, 28))
    blobs = ((62, 36, 28), (50, 40, 44), (92, 106, 132), (236, 220, 214), (168, 40, 44))
    for _ in range(int(rng.integers(3, 7))):
        at = (centre[0] + rng.normal(0, 0.16) * width, centre[1] + rng.normal(0, 0.16) * height)
        colour = blobs[int(rng.integers(len(blobs)))]
        paint.blob(rng, image, at, rng.uniform(0.04, 0.16) * short, 0.5, 9, colour, 0.75)
    picture = paint.done(image)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(20, 60))):
        px, py, r = centre[0] + rng.normal(0, 0.15) * width, centre[1] + rng.normal(0, 0.15) * height, rng.uniform(2, 4)
        draw.ellipse((px - r, py - r, px + r, py + r), fill=(72, 42, 32))
    if rng.random() < 0.5:
        paint.hairs(picture, rng, int(rng.integers(4, 14)), 3)
    picture = picture.filter(ImageFilter.BoxBlur(1))
    if vignette if vignette is not None else rng.random() < 0.5:
        reach = np.hypot(x - width / 2, y - height / 2)
        stop = np.clip((rng.uniform(0.5, 0.62) * short - reach) / 3, 0, 1)[..., None]
        return paint.done(np.asarray(picture, np.float32) * stop + 6 * (1 - stop))
    corner = 1 - 0.5 * np.clip(np.hypot((x / width - 0.5), (y / height - 0.5)) - 0.3, 0, 1)
    return paint.done(np.asarray(picture, np.float32) * corner[..., None])


def pathology(seed: int, size: tuple[int, int] | None = None) -> Image.Image:
    """An H&E field: eosin fibres, an epidermis with rete ridges, haematoxylin nuclei, white clefts."""
    rng = np.random.default_rng([3, seed])
    width, height = size or SIZES[int(rng.integers(len(SIZES)))]
    x, y = paint.grid(width, height)
    fibres = np.sin((y + 22 * paint.noise(rng, width, height, 70)) / rng.uniform(4, 9) + x / 60)
    image = paint.ones(width, height, (232, 164, 196))
    paint.blend(image, 0.35 * (fibres + 1) / 2 + 0.2 * paint.noise(rng, width, height, 20), (212, 108, 160))
    turn = rng.random() < 0.5
    depth = (x / width if turn else y / height) - rng.uniform(0.15, 0.4)
    along = y if turn else x
    ridges = depth - 0.09 * np.sin(along / rng.uniform(18, 45)) - 0.12 * paint.noise(rng, width, height, 60)
    epidermis = np.clip(-ridges * 25, 0, 1)
    paint.blend(image, 0.6 * epidermis, (176, 98, 172))
    paint.blend(image, np.clip((-depth - 0.16) * 30, 0, 1), (244, 240, 244))
    for _ in range(int(rng.integers(1, 5))):  # clefts and vessels
        at = (rng.uniform(0, 1) * width, rng.uniform(0, 1) * height)
        paint.blob(rng, image, at, rng.uniform(0.04, 0.16) * min(width, height), 0.6, 4, (246, 240, 245), 1.0)
    nests = [(rng.uniform(0, 1) * width, rng.uniform(0, 1) * height) for _ in range(int(rng.integers(2, 6)))]
    for nest in nests:
        paint.blob(rng, image, nest, rng.uniform(0.08, 0.2) * min(width, height), 0.6, 14, (150, 96, 178), 0.5)
    picture = paint.done(image)
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(350, 800))):
        if rng.random() < 0.6:
            nest = nests[int(rng.integers(len(nests)))]
            px, py = nest[0] + rng.normal(0, 0.1) * width, nest[1] + rng.normal(0, 0.1) * height
        else:
            px, py = rng.uniform(0, width), rng.uniform(0, height)
        rx, ry, t = rng.uniform(2, 4.5), rng.uniform(2, 4.5), rng.uniform(0.7, 1.2)
        draw.ellipse((px - rx, py - ry, px + rx, py + ry), fill=(int(80 * t), int(46 * t), int(128 * t)))
    return picture.filter(ImageFilter.BoxBlur(0.7))


def _ecg(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    draw.rectangle((0, 0, width, height), fill=(255, 240, 238))
    for k in range(0, max(width, height), 12):
        shade = (240, 150, 150) if k % 60 == 0 else (250, 210, 208)
        draw.line([(k, 0), (k, height)], fill=shade)
        draw.line([(0, k), (width, k)], fill=shade)
    period = int(rng.integers(60, 110))
    for row in range(1, 4):
        mid = row * height // 4
        beat = {0.2: -6, 0.36: 8, 0.4: -rng.uniform(25, 45), 0.44: 14, 0.5: 0, 0.66: -10}
        points: list[tuple[float, float]] = [(0, mid)]
        for start in range(0, width, period):
            points += [(start + period * at, mid + rise) for at, rise in beat.items()]
        draw.line(points, fill=(20, 20, 30), width=2)


def _scheme(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    for k in range(5):
        left, top = rng.uniform(10, width - 110), 10 + k * (height - 50) / 5
        draw.rounded_rectangle(
            (left, top, left + 100, top + 30), 6, outline=(60, 60, 90), width=2, fill=(226, 234, 246)
        )
        draw.text((left + 14, top + 9), ("Antigen", "T cell", "IL-17", "Keratinocyte", "Scale")[k], fill=(20, 20, 40))
        draw.line([(left + 50, top + 30), (width / 2, top + (height - 50) / 5)], fill=(60, 60, 90), width=2)


def _xray(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    x, y = paint.grid(width, height)
    glow = np.zeros((height, width), np.float32)
    for _ in range(6):
        at = rng.uniform(0.2, 0.8) * width
        lean = rng.uniform(-0.25, 0.25)
        glow += 70 * np.exp(-(((x - at - lean * y) / rng.uniform(14, 40)) ** 2))
    glow += 40 * np.exp(-(((x - width / 2) / (width / 3)) ** 2 + ((y - height / 2) / (height / 2)) ** 2))
    glow += 8 * paint.noise(rng, width, height, 12) + paint.grain(rng, width, height, 3)
    return paint.done(np.repeat(np.clip(glow, 0, 235)[..., None], 3, 2))


def other(seed: int, size: tuple[int, int] | None = None, kind: str | None = None) -> Image.Image:
    """A chart, an ECG, a scheme, or an X-ray (``kind``: chart, ecg, scheme, xray)."""
    rng = np.random.default_rng([4, seed])
    width, height = size or SIZES[int(rng.integers(len(SIZES)))]
    kind = kind or ("chart", "ecg", "scheme", "xray")[int(rng.integers(4))]
    if kind == "xray":
        return _xray(rng, width, height)
    picture = Image.new("RGB", (width, height), (255, 255, 255))
    {"chart": paint.chart, "ecg": _ecg, "scheme": _scheme}[kind](rng, ImageDraw.Draw(picture), width, height)
    return picture


def logo(seed: int, side: int = 200) -> Image.Image:
    """A publisher's mark: a disc and bars of two flat colours."""
    rng = np.random.default_rng([5, seed])
    ink = tuple(int(v) for v in rng.integers(20, 140, 3))
    picture = Image.new("RGB", (side, side), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((8, 8, side - 8, side - 8), fill=ink)
    for k in range(3):
        draw.rectangle((50 + 36 * k, 60 + 15 * k, 72 + 36 * k, side - 50), fill=(255, 255, 255))
    return picture


@functools.lru_cache(maxsize=4)
def face(size: tuple[int, int] = (400, 440)) -> Image.Image:
    """A person who could be recognised: the public-domain NASA portrait that scikit-image ships."""
    from skimage import data

    portrait = Image.fromarray(data.astronaut()).crop((110, 0, 340, 253))
    return portrait.resize(size, Image.Resampling.BICUBIC)


def scenery(seed: int, size: tuple[int, int] = (420, 600)) -> Image.Image:
    """A decorative photograph: sky, hills, sun."""
    rng = np.random.default_rng([6, seed])
    width, height = size
    x, y = paint.grid(width, height)
    image = np.stack([120 + 90 * y / height, 160 + 50 * y / height, 230 - 40 * y / height], 2)
    for k in range(4):
        ridge = height * (0.45 + 0.12 * k) + 40 * np.sin(x / rng.uniform(40, 110) + rng.uniform(0, 6))
        paint.blend(image, np.clip((y - ridge) / 3, 0, 1), (40 + 14 * k, 110 - 18 * k, 60))
    image += 4 * paint.noise(rng, width, height, 6)[..., None]
    return paint.done(image)


POOL = {"clinical": 48, "dermoscopic": 24, "pathology": 24}
TURNS = tuple(Image.Transpose)  # seven ways to turn or mirror a picture; "as it is" is the eighth
SIDE = 480


@functools.lru_cache(maxsize=256)
def _base(modality: str, index: int) -> Image.Image:
    draw = {"clinical": clinical, "dermoscopic": dermoscopic, "pathology": pathology}[modality]
    return draw(index, (SIDE, SIDE))


@functools.lru_cache(maxsize=4096)
def make(modality: str, seed: int, size: tuple[int, int] | None = None) -> Image.Image:
    """The picture of one modality: clinical, dermoscopic, pathology or other. Cached; do not draw on it.

    Quick: a pool of fields is drawn once and each seed sees one of them turned or mirrored and cut in its own way,
    so that eight times the pool (384 clinical, 192 dermoscopic, 192 pathology) are far apart in their hash.
    """
    rng = np.random.default_rng([8, seed])
    width, height = size or SIZES[int(rng.integers(len(SIZES)))]
    if modality == "other":
        return other(seed, (width, height))
    pool = POOL[modality]
    picture = _base(modality, seed % pool)
    if (turn := (seed // pool) % 8) < 7:
        picture = picture.transpose(TURNS[turn])
    scale = min(SIDE / width, SIDE / height)
    wide, high = round(width * scale), round(height * scale)
    left, top = int(rng.integers(0, SIDE - wide + 1)), int(rng.integers(0, SIDE - high + 1))
    picture = picture.crop((left, top, left + wide, top + high))
    return picture if scale >= 1 and scale < 1.02 else picture.resize((width, height), Image.Resampling.BILINEAR)


@dataclass(frozen=True)
class Encoded:
    """A raster as a PDF stores it: its stream and the entries of its dictionary."""

    stream: bytes
    width: int
    height: int
    filters: tuple[str, ...]
    space: str = "DeviceRGB"
    bits: int = 8
    extra: tuple[tuple[str, str], ...] = ()
