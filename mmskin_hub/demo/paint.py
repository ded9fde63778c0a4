"""How a picture of skin is painted: noise, grain, bare skin, lesions with irregular edges, hair, marks.

Pictures in the making are float32, height x width x 3, 0 to 255 (:func:`done` makes them 8-bit RGB). Everything is
decided by the generator that is handed in. :mod:`mmskin_hub.demo.lesions` paints the books of ``mmskin demo`` with
these, ``tests/drawing`` those of the tests.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats = NDArray[np.floating[Any]]
Window = tuple[slice, slice]

TONES = ((236, 200, 184), (226, 182, 158), (207, 158, 128), (176, 124, 92), (134, 88, 62), (92, 60, 46))
"""Fitzpatrick I to VI under a warm flash."""


def noise(rng: np.random.Generator, width: int, height: int, cell: float) -> Floats:
    """Smooth noise in -1..1 whose bumps are about ``cell`` pixels wide."""
    shape = (max(2, int(height / cell) + 2), max(2, int(width / cell) + 2))
    small = Image.fromarray(rng.normal(0, 1, shape).astype(np.float32))
    way = Image.Resampling.BICUBIC if cell > 15 else Image.Resampling.BILINEAR
    big = np.asarray(small.resize((width, height), way), np.float32)
    return np.clip(big / 2, -1, 1)


def grain(rng: np.random.Generator, width: int, height: int, sigma: float) -> Floats:
    """Grain of the film: white noise, float32, height x width, ``sigma`` its standard deviation."""
    return rng.standard_normal((height, width), np.float32) * np.float32(sigma)


def grid(width: int, height: int) -> tuple[Floats, Floats]:
    """The x and the y of every pixel, float32, height x width each."""
    y, x = np.mgrid[0:height, 0:width]
    return x.astype(np.float32), y.astype(np.float32)


def ones(width: int, height: int, colour: Any) -> Floats:
    """A picture of one colour (0 to 255)."""
    return np.broadcast_to(np.asarray(colour, np.float32), (height, width, 3)).copy()


def blend(image: Floats, alpha: Floats, colour: Any) -> None:
    """Paint ``colour`` over ``image``, in place; ``alpha`` (height x width) is how much of it, 0 to 1."""
    image += np.clip(alpha, 0, 1)[..., None] * (np.asarray(colour, np.float32) - image)


def done(image: Floats) -> Image.Image:
    """The picture as 8-bit RGB."""
    return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))


def wave(x: Floats) -> Floats:
    """Nearly the sine of ``x`` (radians), by arithmetic alone: numpy's own differs in its last bits between processors.

    Two parabolas, corrected once; within 0.001 of the sine.
    """
    turns = x * np.float32(1 / (2 * math.pi))
    part = 4 * (turns - np.floor(turns + np.float32(0.5)))
    arc = 2 * part - part * np.abs(part)
    corrected: Floats = np.float32(0.225) * (arc * np.abs(arc) - arc) + arc
    return corrected


def skin(rng: np.random.Generator, width: int, height: int, tone: tuple[int, int, int], exact: bool = True) -> Floats:
    """Bare skin: flash falloff, mottling, fine creases and grain.

    ``exact`` is the same on every processor; without it numpy's sine and power are used, as the test books have it.
    """
    x, y = grid(width, height)
    cx, cy = rng.uniform(0.2, 0.8) * width, rng.uniform(0.1, 0.7) * height
    far = np.hypot((x - cx) / width, (y - cy) / height)
    light = 1.1 - 0.35 * (far * np.sqrt(far) if exact else far**1.5)
    light += 0.10 * noise(rng, width, height, width / 3) + 0.03 * noise(rng, width, height, 5)
    lines = (x * math.cos(a := rng.uniform(0, 3)) + y * math.sin(a)) / rng.uniform(2.5, 5) + 3 * noise(
        rng, width, height, 40
    )
    light += 0.012 * (wave(lines) if exact else np.sin(lines)) + grain(rng, width, height, 0.012)
    image = light[..., None] * np.asarray(tone, np.float32)
    image[..., 0] += 8 * noise(rng, width, height, 60)
    return image


def blob(
    rng: np.random.Generator,
    image: Floats,
    centre: tuple[float, float],
    radius: float,
    ragged: float,
    soft: float,
    colour: Any,
    strength: float,
) -> tuple[Window, Floats]:
    """Paint a lesion with an irregular edge about ``soft`` pixels wide; its window and mask (0 to 1) come back."""
    height, width = image.shape[:2]
    reach = radius * (1 + ragged) + soft
    x0, x1 = max(0, int(centre[0] - reach)), min(width, int(centre[0] + reach) + 2)
    y0, y1 = max(0, int(centre[1] - reach)), min(height, int(centre[1] + reach) + 2)
    window = (slice(y0, max(y0, y1)), slice(x0, max(x0, x1)))
    wide, high = max(0, x1 - x0), max(0, y1 - y0)
    if not wide or not high:
        return window, np.zeros((high, wide), np.float32)
    x, y = grid(wide, high)
    x, y = x + np.float32(x0 - centre[0]), y + np.float32(y0 - centre[1])
    stretch, angle = rng.uniform(0.65, 1.0), rng.uniform(0, math.pi)
    u = x * math.cos(angle) + y * math.sin(angle)
    v = (y * math.cos(angle) - x * math.sin(angle)) / stretch
    far = np.sqrt(u * u + v * v) + np.float32(ragged * radius) * noise(rng, wide, high, max(6, radius / 2))
    mask: Floats = np.clip((radius - far) / soft + 0.5, 0, 1)
    blend(image[window], strength * mask, colour)
    return window, mask


def hairs(picture: Image.Image, rng: np.random.Generator, count: int, width: int) -> None:
    """Draw ``count`` dark bent hairs, ``width`` pixels wide, in place."""
    draw = ImageDraw.Draw(picture)
    for _ in range(count):
        x, y = rng.uniform(0, picture.width), rng.uniform(0, picture.height)
        angle, bend, points = rng.uniform(0, 6.3), rng.uniform(-0.1, 0.1), []
        for _ in range(int(rng.integers(10, 22))):
            points.append((x, y))
            angle += bend
            x, y = x + 9 * math.cos(angle), y + 9 * math.sin(angle)
        draw.line(points, fill=(42, 26, 20), width=width)


def chart(rng: np.random.Generator, draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    """Draw bars or curves with axes on white paper, in place: what is no picture of skin."""
    draw.line([(40, 20), (40, height - 40), (width - 20, height - 40)], fill=(30, 30, 30), width=2)
    colours = ((40, 90, 160), (200, 80, 40), (60, 140, 80))
    if rng.random() < 0.5:
        count = int(rng.integers(4, 9))
        step = (width - 70) / count
        for k in range(count):
            top = rng.uniform(30, height - 80)
            draw.rectangle((50 + k * step, top, 50 + (k + 0.7) * step, height - 41), fill=colours[k % 3])
    else:
        for colour in colours:
            points = [(40 + k * (width - 60) / 8, rng.uniform(30, height - 60)) for k in range(9)]
            draw.line(points, fill=colour, width=3)
    for k in range(5):
        draw.text((10, 20 + k * (height - 60) / 4), str(100 - 25 * k), fill=(20, 20, 20))
    draw.text((width // 2 - 30, height - 25), "Years", fill=(20, 20, 20))


def arrows(picture: Image.Image, seed: int) -> Image.Image:
    """The same picture with arrows (or an asterisk) that a publisher drew on it."""
    rng = np.random.default_rng([7, seed])
    picture = picture.copy()
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0.3, 0.7) * picture.width, rng.uniform(0.3, 0.7) * picture.height
        angle, ink = rng.uniform(0, 6.3), (255, 255, 255) if rng.random() < 0.6 else (0, 0, 0)
        tail = (x + 70 * math.cos(angle), y + 70 * math.sin(angle))
        draw.line([tail, (x, y)], fill=ink, width=6)
        barbs = [(x + 26 * math.cos(angle + d), y + 26 * math.sin(angle + d)) for d in (0.45, -0.45)]
        draw.polygon([(x, y), *barbs], fill=ink)
    return picture
