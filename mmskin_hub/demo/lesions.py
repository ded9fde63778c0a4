"""The pictures in the books of ``mmskin demo``: eight diseases in eleven looks, painted as their captions say.

A look is one disease in one modality. Number, site and magnification are painted too: lesions are one or several, the
back fills the picture, a forearm crosses it, a lower leg stands in it, and a higher power makes everything larger.
Looks are told apart by colour and form even at 48 pixels. They imitate the real thing; nobody should learn from them
what the diseases look like.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from mmskin_hub.demo import paint
from mmskin_hub.demo.words import Case

SIZES = ((384, 288), (396, 300), (372, 288), (390, 294))
DRAPES = ((52, 92, 136), (62, 118, 106), (92, 104, 112), (120, 150, 176))
ARROWS = 4
"""The seed of the arrows on the one picture that has some: white and long, whatever they lie on."""
Spot = tuple[float, float, float]
"""Centre and radius of a lesion, in pixels."""


def picture(case: Case, seed: int) -> Image.Image:
    """The picture of ``case``, 8-bit RGB, about 384 x 290 pixels; ``seed`` decides all that the case leaves open."""
    rng = np.random.default_rng([9, seed])
    if case.look == "chart":
        white = Image.new("RGB", (420, 300), (255, 255, 255))
        paint.chart(rng, ImageDraw.Draw(white), *white.size)
        return white
    size = SIZES[int(rng.integers(len(SIZES)))]
    painted = LOOKS[case.look](rng, size, case)
    return paint.arrows(painted, ARROWS) if case.drop == "annotated" else painted


# photographs

Lesion = Callable[[np.random.Generator, paint.Floats, Spot, Any], None]


def _photograph(lesion: Lesion, tones: tuple[int, ...]) -> Callable[..., Image.Image]:
    """A painter of photographs: skin of one of ``tones`` with lesions of one kind."""

    def paint_one(rng: np.random.Generator, size: tuple[int, int], case: Case) -> Image.Image:
        tone = paint.TONES[tones[int(rng.integers(len(tones)))]]
        image = paint.skin(rng, *size, tone)
        cover, box = _limb(rng, size, case.site)
        for spot in _spots(rng, box, case.number):
            lesion(rng, image, spot, np.asarray(tone, np.float32))
        done = paint.done(image)
        if rng.random() < 0.3:
            paint.hairs(done, rng, int(rng.integers(6, 16)), 1)
        if cover is not None:
            image = np.asarray(done, np.float32)
            drape = np.asarray(DRAPES[int(rng.integers(len(DRAPES)))], np.float32)
            folds = 1 + 0.12 * paint.noise(rng, *size, 45) + paint.grain(rng, *size, 0.015)
            shade = np.clip(cover + 1, 0, 1)[..., None]
            image = image * (1 - 0.55 * shade * shade * shade)  # a limb is round
            paint.blend(image, np.clip(8 * cover, 0, 1), drape * folds[..., None])
            done = paint.done(image)
        return done.filter(ImageFilter.BoxBlur(0.6))

    return paint_one


def _limb(
    rng: np.random.Generator, size: tuple[int, int], site: str
) -> tuple[paint.Floats | None, tuple[float, float, float, float]]:
    """Where the limb ends (-1 within, 0 at its edge, 1 outside; None for the back), and the box that lesions fill."""
    width, height = size
    if site == "back":
        return None, (0.06 * width, 0.06 * height, 0.94 * width, 0.94 * height)
    x, y = paint.grid(width, height)
    along, across = (x / width, y / height) if site == "forearm" else (y / height, x / width)
    middle = 0.5 + rng.uniform(-0.04, 0.04) + rng.uniform(-0.08, 0.08) * (along - 0.5)
    half = (0.33 if site == "forearm" else 0.27) * (1 + 0.08 * paint.wave(3 * along + rng.uniform(0, 6)))
    cover = np.clip((np.abs(across - middle) - half) * 8, -1, 1)
    edge = 0.5 - 0.24
    if site == "forearm":
        return cover, (0.05 * width, edge * height, 0.95 * width, (1 - edge) * height)
    return cover, (0.3 * width, 0.05 * height, 0.7 * width, 0.95 * height)


def _spots(rng: np.random.Generator, box: tuple[float, float, float, float], number: str) -> list[Spot]:
    """Where the lesions lie, none upon another: one that is large, or four to six."""
    x0, y0, x1, y1 = box
    short = min(x1 - x0, y1 - y0)
    if number == "solitary":
        radius = rng.uniform(0.38, 0.46) * short if short < 200 else rng.uniform(0.28, 0.36) * short
        inset = 0.9 * radius
        return [(rng.uniform(x0 + inset, x1 - inset), rng.uniform(y0 + inset, y1 - inset), radius)]
    wanted = int(rng.integers(4, 7))
    low, high = (0.17, 0.24) if short < 200 else (0.12, 0.16)
    found: list[Spot] = []
    for _ in range(400):
        radius = rng.uniform(low, high) * short
        spot = (rng.uniform(x0 + radius, x1 - radius), rng.uniform(y0 + radius, y1 - radius), radius)
        if all(math.hypot(spot[0] - x, spot[1] - y) > 1.25 * (radius + r) for x, y, r in found):
            found.append(spot)
        if len(found) == wanted:
            break
    return found


def _psoriasis(rng: np.random.Generator, image: paint.Floats, spot: Spot, tone: Any) -> None:
    x, y, radius = spot
    window, mask = paint.blob(rng, image, (x, y), radius, 0.2, 5, tone * (0.9, 0.34, 0.36), 0.95)
    inner = np.square(np.clip(1.8 * mask - 0.8, 0, 1))
    flakes = np.clip(1.8 * paint.noise(rng, mask.shape[1], mask.shape[0], max(7, radius / 6)) + 0.15, 0, 0.95)
    paint.blend(image[window], inner * flakes, (240, 236, 234))


def _vitiligo(rng: np.random.Generator, image: paint.Floats, spot: Spot, tone: Any) -> None:
    x, y, radius = spot
    window, mask = paint.blob(rng, image, (x, y), 1.15 * radius, 0.35, 9, tone, 0.0)
    # The light on the skin stays, only its colour goes.
    image[window] += 0.93 * mask[..., None] * (image[window] / tone * (228, 216, 208) - image[window])


def _tinea(rng: np.random.Generator, image: paint.Floats, spot: Spot, tone: Any) -> None:
    x, y, radius = spot
    wide = max(7.0, 0.26 * radius)
    state = rng.bit_generator.state
    bare = image.copy()
    paint.blob(rng, image, (x, y), 1.1 * radius, 0.12, 4, tone * (0.86, 0.36, 0.36), 0.9)
    end = rng.bit_generator.state
    rng.bit_generator.state = state  # the same outline again, smaller
    window, mask = paint.blob(rng, bare.copy(), (x, y), 1.1 * radius - wide, 0.12, 6, tone, 1.0)
    rng.bit_generator.state = end
    image[window] += mask[..., None] * (bare[window] * np.float32(0.97) - image[window])


def _impetigo(rng: np.random.Generator, image: paint.Floats, spot: Spot, tone: Any) -> None:
    x, y, radius = spot
    radius = min(radius, 0.26 * image.shape[0])
    paint.blob(rng, image, (x, y), 1.1 * radius, 0.35, 12, tone * (0.95, 0.7, 0.64), 0.5)
    window, mask = paint.blob(rng, image, (x, y), 0.98 * radius, 0.4, 6, (208, 164, 74), 0.9)
    lumps = paint.noise(rng, mask.shape[1], mask.shape[0], 8)
    image[window] += (mask * 22 * lumps)[..., None]


def _melanoma(rng: np.random.Generator, image: paint.Floats, spot: Spot, tone: Any) -> None:
    x, y, radius = spot
    paint.blob(rng, image, (x, y), 1.05 * radius, 0.5, 12, (84, 50, 38), 0.8)
    window, mask = paint.blob(rng, image, (x, y), 0.95 * radius, 0.4, 11, (46, 34, 36), 0.93)
    image[window] += (mask * 20 * paint.noise(rng, mask.shape[1], mask.shape[0], 10))[..., None]


def _keratosis(rng: np.random.Generator, image: paint.Floats, spot: Spot, tone: Any) -> None:
    x, y, radius = spot
    window, mask = paint.blob(rng, image, (x, y), radius, 0.15, 3, (128, 82, 46), 0.95)
    warts = paint.noise(rng, mask.shape[1], mask.shape[0], 7)
    image[window] += (mask * 24 * warts)[..., None]


# dermoscopy


def _dermoscopy(lesion: Callable[..., None]) -> Callable[..., Image.Image]:
    """A painter of dermoscopic fields with a black round stop."""

    def paint_one(rng: np.random.Generator, size: tuple[int, int], case: Case) -> Image.Image:
        width, height = size
        base = ((226, 164, 144), (216, 172, 148), (206, 150, 128))[int(rng.integers(3))]
        image = paint.ones(width, height, base)
        image *= (1 + 0.06 * paint.noise(rng, width, height, 90) + paint.grain(rng, width, height, 0.012))[..., None]
        centre = (rng.uniform(0.42, 0.58) * width, rng.uniform(0.42, 0.58) * height)
        lesion(rng, image, centre, (0.27 if case.power == 10 else 0.42) * height)
        done = paint.done(image)
        if rng.random() < 0.4:
            paint.hairs(done, rng, int(rng.integers(3, 8)), 3)
        image = np.asarray(done.filter(ImageFilter.BoxBlur(1)), np.float32)
        x, y = paint.grid(width, height)
        reach = np.sqrt(np.square(x - width / 2) + np.square(y - height / 2))
        stop = np.clip((rng.uniform(0.54, 0.62) * height - reach) / 3, 0, 1)[..., None]
        return paint.done(image * stop + 6 * (1 - stop))

    return paint_one


def _veil(rng: np.random.Generator, image: paint.Floats, centre: tuple[float, float], radius: float) -> None:
    height, width = image.shape[:2]
    window, mask = paint.blob(rng, image, centre, radius, 0.4, 12, (98, 64, 48), 0.9)
    x, y = paint.grid(width, height)
    warp, pitch = 4 * paint.noise(rng, width, height, 25), rng.uniform(2.6, 3.6)
    turns = [((x + warp) * math.cos(a) + (y + warp) * math.sin(a)) / pitch for a in (0, 2.094, 4.189)]
    net = np.clip(0.4 - sum(paint.wave(turn + math.pi / 2) for turn in turns), 0, 1)
    paint.blend(image[window], mask * net[window] * 0.6, (40, 26, 24))
    for _ in range(int(rng.integers(2, 4))):
        at = (centre[0] + rng.normal(0, 0.25) * radius, centre[1] + rng.normal(0, 0.25) * radius)
        paint.blob(rng, image, at, rng.uniform(0.35, 0.5) * radius, 0.5, 14, (120, 134, 164), 0.8)


def _milia(rng: np.random.Generator, image: paint.Floats, centre: tuple[float, float], radius: float) -> None:
    window, mask = paint.blob(rng, image, centre, 1.05 * radius, 0.15, 6, (146, 98, 58), 0.92)
    image[window] += (mask * 18 * paint.noise(rng, mask.shape[1], mask.shape[0], 12))[..., None]
    for _ in range(int(rng.integers(10, 17))):
        far, angle = radius * 0.85 * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
        at = (centre[0] + far * math.cos(angle), centre[1] + far * math.sin(angle))
        paint.blob(rng, image, at, rng.uniform(0.06, 0.1) * radius, 0.1, 3, (246, 238, 220), 0.92)


def _lacunae(rng: np.random.Generator, image: paint.Floats, centre: tuple[float, float], radius: float) -> None:
    paint.blob(rng, image, centre, radius, 0.15, 12, (206, 122, 112), 0.6)
    placed: list[Spot] = []
    for _ in range(300):
        size = rng.uniform(0.17, 0.27) * radius
        far, angle = (radius - size) * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
        x, y = centre[0] + far * math.cos(angle), centre[1] + far * math.sin(angle)
        if all(math.hypot(x - px, y - py) > 0.95 * (size + r) for px, py, r in placed):
            placed.append((x, y, size))
            paint.blob(rng, image, (x, y), size, 0.1, 4, (150 + rng.uniform(-14, 14), 34, 44), 0.9)


# sections


def _section(tissue: Callable[..., paint.Floats]) -> Callable[..., Image.Image]:
    """A painter of H&E sections: pink fibres, whatever ``tissue`` paints on them, and nuclei where it says."""

    def paint_one(rng: np.random.Generator, size: tuple[int, int], case: Case) -> Image.Image:
        width, height = size
        x, y = paint.grid(width, height)
        fibres = paint.wave((y + 22 * paint.noise(rng, width, height, 70)) / rng.uniform(4, 9) + x / 60)
        image = paint.ones(width, height, (234, 168, 198))
        paint.blend(image, 0.3 * (fibres + 1) / 2 + 0.2 * paint.noise(rng, width, height, 20), (214, 112, 162))
        scale = 1.0 if case.power == 40 else 1.9
        dense = tissue(rng, image, scale)
        done = paint.done(image)
        draw = ImageDraw.Draw(done)
        count = int(3200 / scale)
        at, radii = rng.random((count, 2)) * (width, height), scale * rng.uniform(1.3, 2.4, (count, 2))
        kept = rng.random(count) < dense[at[:, 1].astype(int), at[:, 0].astype(int)]
        shades = rng.uniform(0.7, 1.2, count)
        for (px, py), (rx, ry), t in zip(at[kept].tolist(), radii[kept].tolist(), shades[kept].tolist(), strict=True):
            draw.ellipse((px - rx, py - ry, px + rx, py + ry), fill=(int(80 * t), int(46 * t), int(128 * t)))
        return done.filter(ImageFilter.BoxBlur(0.7))

    return paint_one


def _ridges(rng: np.random.Generator, image: paint.Floats, scale: float) -> paint.Floats:
    """Horn, an epidermis with long even ridges, and how dense nuclei lie."""
    height, width = image.shape[:2]
    x, y = paint.grid(width, height)
    slope = rng.uniform(-0.22, 0.22)
    depth = y + slope * (x - width / 2) + 10 * paint.noise(rng, width, height, 90) - rng.uniform(0.12, 0.26) * height
    pitch = scale * rng.uniform(5.5, 8.0)
    comb = 0.5 + 0.5 * paint.wave(x / pitch + rng.uniform(0, 6) + 0.5 * paint.noise(rng, width, height, 60))
    reach = scale * height * (0.1 + rng.uniform(0.17, 0.24) * np.sqrt(np.maximum(comb, 0)))
    epidermis = np.clip((reach - depth) / 4, 0, 1) * np.clip(depth / 3 + 0.5, 0, 1)
    paint.blend(image, 0.8 * epidermis, (150, 82, 168))
    horn = np.clip(1 - np.abs(depth + 9 * scale) / (9 * scale), 0, 1) * (depth < 2)
    paint.blend(image, np.clip(-depth / 3, 0, 1), (246, 242, 246))
    paint.blend(image, np.clip(2.5 * horn, 0, 1), (214, 76, 132))
    dense: paint.Floats = np.clip(0.75 * epidermis + 0.06 * (depth > 0), 0, 1)
    return dense


def _nests(rng: np.random.Generator, image: paint.Floats, scale: float) -> paint.Floats:
    """Dark nests with a darker rim and a white cleft, and how dense nuclei lie."""
    height, width = image.shape[:2]
    dense = np.full((height, width), 0.05, np.float32)
    placed: list[Spot] = []
    for _ in range(200):
        radius = scale * rng.uniform(0.09, 0.15) * height
        spot = (rng.uniform(0.02, 0.98) * width, rng.uniform(0.02, 0.98) * height, radius)
        if any(math.hypot(spot[0] - px, spot[1] - py) < 1.3 * (radius + r) for px, py, r in placed):
            continue
        placed.append(spot)
        state = rng.bit_generator.state
        paint.blob(rng, image, spot[:2], radius + 5 * scale, 0.3, 4, (248, 240, 246), 0.8)
        rng.bit_generator.state = state
        window, mask = paint.blob(rng, image, spot[:2], radius, 0.3, 4, (72, 44, 128), 0.92)
        paint.blend(image[window], np.clip(2.2 * mask - 1.2, 0, 1) * 0.35, (130, 86, 172))
        dense[window] = np.maximum(dense[window], 0.7 * mask)
        if len(placed) == (8 if scale < 1.5 else 4):
            break
    return dense


LOOKS: dict[str, Callable[..., Image.Image]] = {
    "psoriasis": _photograph(_psoriasis, (0, 1, 2)),
    "psoriasis histology": _section(_ridges),
    "vitiligo": _photograph(_vitiligo, (3, 4)),
    "tinea": _photograph(_tinea, (0, 1, 2)),
    "impetigo": _photograph(_impetigo, (0, 1, 2)),
    "melanoma": _photograph(_melanoma, (0, 1, 2)),
    "melanoma dermoscopy": _dermoscopy(_veil),
    "keratosis": _photograph(_keratosis, (0, 1)),
    "keratosis dermoscopy": _dermoscopy(_milia),
    "angioma dermoscopy": _dermoscopy(_lacunae),
    "carcinoma histology": _section(_nests),
}
"""A painter for each look: (generator, (width, height) in pixels, case) -> picture."""
