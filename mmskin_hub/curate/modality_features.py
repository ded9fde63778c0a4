"""Colour and texture of a picture as one short vector of numbers, for :mod:`mmskin_hub.curate.modality`.

The features are those with which MM-Skin (Zeng et al., 2025, arXiv:2505.06152) told its modalities apart, colour and
texture, worked out as: shares of hues and of white, black and grey, the skin locus in YCbCr, stain deconvolution
(Ruifrok and Johnston, 2001), local binary patterns (Ojala et al., 2002), gradients over three scales, autocorrelation
(what a co-occurrence matrix measures, at a fraction of its price), the dark round corners of a dermatoscope, and the
flat fills and straight edges of what was drawn rather than photographed.

Everything is measured on a thumbnail of a fixed **area**, so that the number of pixels of a picture says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["FEATURE_VERSION", "feature_names", "features", "thumbnail"]

#: Counts up whenever a feature changes its meaning; weights of another version are refused.
FEATURE_VERSION = 1

Array = NDArray[np.float32]

_AREA = 128 * 128  # the size of the smallest pictures that books print with any detail
_MAX_ASPECT = 3.0  # a banner is squeezed to 3:1, otherwise one side would have no texture left
_EPS = 1e-6

# Optical density of haematoxylin, eosin and DAB (rows), Ruifrok and Johnston 2001.
_STAINS = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]], dtype=np.float64)
_UNSTAIN = np.linalg.inv(_STAINS / np.linalg.norm(_STAINS, axis=1, keepdims=True)).astype(np.float32)


def thumbnail(image: NDArray[np.uint8]) -> Array:
    """The picture scaled to about 16,384 pixels, its shape kept up to 3:1.

    ``image`` is uint8, H × W × 3 (RGB), H × W (grey) or H × W × 4 (alpha is laid on white). Returns float32
    h × w × 3 in 0 to 1. Raises ValueError for anything else and for an empty picture.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"a picture is uint8, H x W or H x W x 3, not {image.dtype} {image.shape}")
    height, width = image.shape[:2]
    step = max(1, int(math.sqrt(height * width / _AREA) / 3))  # three by three read pixels a kept one are enough
    picture = Image.fromarray(np.ascontiguousarray(image[::step, ::step]))
    if picture.mode == "RGBA":
        paper = Image.new("RGB", picture.size, "white")
        paper.paste(picture, mask=picture.getchannel("A"))
        picture = paper
    aspect = min(_MAX_ASPECT, max(1 / _MAX_ASPECT, width / height))
    # Multiples of eight: blocks and halves then come out even.
    size = (8 * round(math.sqrt(_AREA * aspect) / 8), 8 * round(math.sqrt(_AREA / aspect) / 8))
    small = picture.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small, dtype=np.float32) / 255.0


def features(image: NDArray[np.uint8]) -> Array:
    """The feature vector of a picture, float32, in the order of :func:`feature_names`; all finite.

    ``image`` is uint8, H × W × 3. Raises ValueError for anything that is not a picture.
    """
    vector = np.array([value for _, value in _measure(thumbnail(image))], dtype=np.float32)
    return np.nan_to_num(vector, nan=0.0, posinf=0.0, neginf=0.0)


def feature_names() -> tuple[str, ...]:
    """The names of the features, in the order of :func:`features`."""
    return tuple(name for name, _ in _measure(np.full((96, 96, 3), 0.5, dtype=np.float32)))


def _measure(rgb: Array) -> Iterator[tuple[str, float]]:
    rgb = np.ascontiguousarray(rgb.transpose(2, 0, 1))  # one plane a channel from here on: twice as fast
    grey = np.float32(0.299) * rgb[0] + np.float32(0.587) * rgb[1] + np.float32(0.114) * rgb[2]
    yield from _colour(rgb, grey)
    yield from _stain(rgb, grey)
    yield from _texture(rgb, grey)
    yield from _patterns(grey)
    yield from _palette(rgb, grey)
    yield from _vignette(grey)
    yield from _layout(rgb, grey)


def _spread(name: str, values: Array, shares: tuple[int, ...] = (5, 25, 50, 75, 95)) -> Iterator[tuple[str, float]]:
    places = [values.size * share // 100 for share in shares]
    ordered = np.partition(values, places, axis=None)
    for share, place in zip(shares, places, strict=True):
        yield f"{name}_p{share}", float(ordered[place])


def _colour(rgb: Array, grey: Array) -> Iterator[tuple[str, float]]:
    """Brightness, saturation, hues, and how much lies on the skin locus (Cb 77 to 127, Cr 133 to 173 of 255)."""
    red, green, blue = rgb[0], rgb[1], rgb[2]
    high, low = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    chroma = high - low
    saturation = chroma / (high + 0.05)
    red_difference, blue_difference = (red - grey) * 0.713, (blue - grey) * 0.564
    yield from _spread("grey", grey)
    yield "grey_std", float(grey.std())
    yield from _spread("saturation", saturation, (10, 50, 90))
    yield "saturation_std", float(saturation.std())
    white, black = (low > 0.86) & (chroma < 0.08), high < 0.12
    yield "white", float(white.mean())
    yield "pure_white", float((low > 0.975).mean())
    yield "black", float(black.mean())
    yield "neutral", float((chroma < 0.06).mean())
    yield "neutral_mid", float(((chroma < 0.06) & ~white & ~black).mean())
    body = ~(white | black)
    weight = float(body.mean())
    for name, values in (("cr", red_difference), ("cb", blue_difference), ("body_grey", grey)):
        inside = values[body] if weight > 0.01 else values
        yield f"{name}_mean", float(inside.mean())
        yield f"{name}_std", float(inside.std())
    on_locus = (abs(red_difference - 0.098) < 0.079) & (abs(blue_difference + 0.102) < 0.098) & (grey > 0.12)
    yield "skin", float(on_locus.mean())
    yield "skin_of_body", float(on_locus.sum() / (body.sum() + 1.0))
    hue = _hue(rgb, high, chroma)
    counts = np.bincount(np.minimum(hue * 12, 11).astype(np.intp).ravel(), weights=chroma.ravel(), minlength=12)
    total = counts.sum() + 0.01 * grey.size
    for index, count in enumerate(counts):
        yield f"hue_{index * 30}", float(count / total)
    yield "vivid", float((chroma > 0.5).mean())
    yield "red_green_gap", float((red - green).mean())
    yield "green_blue_gap", float((green - blue).mean())


def _hue(rgb: Array, high: Array, chroma: Array) -> Array:
    """Hue in 0 to 1, 0 red and 1/3 green; grey pixels get 0."""
    red, green, blue = rgb[0], rgb[1], rgb[2]
    safe = np.maximum(chroma, _EPS)
    sixth = np.where(
        high == red, (green - blue) / safe, np.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    )
    turn = sixth / np.float32(6.0)
    return np.asarray(np.where(turn < 0, turn + 1, turn), dtype=np.float32)


def _stain(rgb: Array, grey: Array) -> Iterator[tuple[str, float]]:
    """Haematoxylin, eosin and DAB by deconvolution, and how far the optical density lies in one plane."""
    density = -np.log10(np.maximum(rgb, 0.02))
    stains = [density[0] * row[0] + density[1] * row[1] + density[2] * row[2] for row in _UNSTAIN.T]
    for index, name in enumerate(("haematoxylin", "eosin", "dab")):
        stain = stains[index]
        yield f"{name}_mean", float(stain.mean())
        yield f"{name}_std", float(stain.std())
        yield from _spread(name, stain, (90,))
    haematoxylin, eosin = stains[0] - stains[0].mean(), stains[1] - stains[1].mean()
    yield "stain_correlation", _ratio(haematoxylin * eosin, haematoxylin, eosin)
    weight = density[0] + density[1] + density[2]
    dense = weight > 0.15
    pure = (density / (weight + _EPS))[:, dense] if dense.mean() > 0.02 else density.reshape(3, -1)
    pure_mean = pure.mean(axis=1)
    deviation = pure - pure_mean[:, None]
    spread = np.sqrt(np.maximum(np.linalg.eigvalsh(deviation @ deviation.T / pure.shape[1]), 0.0))
    yield "tint_spread_1", float(spread[2])
    yield "tint_spread_2", float(spread[1])
    for channel, name in enumerate(("red", "green", "blue")):
        yield f"tint_{name}", float(pure_mean[channel])
    purple = (rgb[2] > rgb[1] + 0.06) & (rgb[0] > rgb[1] + 0.02)
    yield "purple", float(purple.mean())
    yield "dark_purple", float((purple & (grey < 0.5)).mean())
    yield "blue", float(((rgb[2] > rgb[0] + 0.08) & (rgb[2] >= rgb[1])).mean())


def _ratio(product: Array, first: Array, second: Array) -> float:
    scale = math.sqrt(float((first * first).mean()) * float((second * second).mean()))
    return float(product.mean()) / (scale + 1e-5)


def _halve(plane: Array) -> Array:
    """Half the size by the mean of 2 × 2 pixels; sides are even, see :func:`thumbnail`."""
    pairs = plane[::2] + plane[1::2]
    return np.asarray((pairs[:, ::2] + pairs[:, 1::2]) * np.float32(0.25))


def _texture(rgb: Array, grey: Array) -> Iterator[tuple[str, float]]:
    """Gradient energy over three scales, its directions, autocorrelation, and colour against brightness detail."""
    plane, first = grey, 0.0
    for level in range(3):
        across, down = np.diff(plane, axis=1)[:-1], np.diff(plane, axis=0)[:, :-1]
        size = np.hypot(across, down)
        mean = float(size.mean())
        yield f"edge_{level}_mean", mean
        yield from _spread(f"edge_{level}", size, (50, 90, 99))
        yield f"edge_{level}_flat", float((size < 0.012).mean())
        yield f"edge_{level}_peak", float(size.max()) / (mean + 0.01) / 30.0
        if level:
            yield f"edge_ratio_{level}", math.log((mean + 0.002) / (first + 0.002))
        first = mean
        energy = size**2
        total = float(energy.sum()) + 1e-3
        yield f"axis_{level}", float(energy[np.minimum(abs(across), abs(down)) < 0.15 * size].sum()) / total
        if level == 0:  # at this size directions are mostly noise, and the dearest of all to work out
            plane = _halve(plane)
            continue
        angle = (np.arctan2(down, across) % math.pi) * (8 / math.pi)
        turn = np.bincount(np.minimum(angle, 7).astype(np.intp).ravel(), weights=energy.ravel(), minlength=8) / total
        yield f"directions_{level}", float(-(turn * np.log(turn + 1e-9)).sum())
        plane = _halve(plane)
    centred = grey - grey.mean()
    power = float((centred * centred).mean()) + 1e-4
    for lag in (1, 2, 4, 8, 16, 32):
        both = (centred[:, lag:] * centred[:, :-lag]).mean() + (centred[lag:] * centred[:-lag]).mean()
        yield f"autocorrelation_{lag}", float(both) / 2 / power
    red, green, blue = (plane - _halve(plane).repeat(2, axis=0).repeat(2, axis=1) for plane in rgb)
    yield "detail_red_green", _ratio(red * green, red, green)
    yield "detail_green_blue", _ratio(green * blue, green, blue)
    yield "detail_red_blue", _ratio(red * blue, red, blue)
    yield "detail_colour", math.log((float(abs(red - green).mean()) + 0.001) / (float(abs(green).mean()) + 0.001))


def _patterns(grey: Array) -> Iterator[tuple[str, float]]:
    """Uniform local binary patterns (eight neighbours, rotation invariant, ten bins) at full and half size."""
    plane = grey
    for level in range(2):
        centre = plane[1:-1, 1:-1]
        height, width = centre.shape
        ring = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
        bits = [plane[y : y + height, x : x + width] > centre + 0.004 for y, x in ring]
        ones, changes = np.zeros(centre.shape, np.uint8), np.zeros(centre.shape, np.uint8)
        for index, bit in enumerate(bits):
            ones += bit
            changes += bit ^ bits[index - 1]
        kinds = np.bincount(np.where(changes <= 2, ones, 9).ravel(), minlength=10) / ones.size
        for kind, share in enumerate(kinds):
            yield f"lbp_{level}_{kind}", float(share)
        low, high = _extremes(plane)
        yield f"hair_{level}", float((_extremes(high)[0] - plane).mean())  # closing: thin dark things
        yield f"glint_{level}", float((plane - _extremes(low)[1]).mean())  # opening: thin bright things
        yield f"glint_{level}_bright", float(((plane - _extremes(low)[1] > 0.06) & (plane > 0.75)).mean())
        plane = _halve(plane)


def _extremes(plane: Array) -> tuple[Array, Array]:
    """Minimum and maximum over 3 × 3 pixels, edges repeated."""
    padded = np.pad(plane, 1, mode="edge")
    rows_low = np.minimum(np.minimum(padded[:-2], padded[1:-1]), padded[2:])
    rows_high = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    low = np.minimum(np.minimum(rows_low[:, :-2], rows_low[:, 1:-1]), rows_low[:, 2:])
    high = np.maximum(np.maximum(rows_high[:, :-2], rows_high[:, 1:-1]), rows_high[:, 2:])
    return low, high


def _palette(rgb: Array, grey: Array) -> Iterator[tuple[str, float]]:
    """Few colours and low entropy say drawn; many say photographed."""
    code = (rgb * 15.99).astype(np.intp)
    counts = np.sort(np.bincount(((code[0] * 16 + code[1]) * 16 + code[2]).ravel()))[::-1]
    share = counts[counts > 0] / grey.size
    yield "colours", math.log(len(share)) / 8.0
    for many in (1, 4, 16):
        yield f"top_{many}_colours", float(share[:many].sum())
    yield "colour_entropy", float(-(share * np.log(share)).sum()) / 8.0
    levels = np.bincount((grey * 31.99).astype(np.intp).ravel(), minlength=32) / grey.size
    yield "grey_entropy", float(-(levels * np.log(levels + 1e-9)).sum()) / 3.5
    blocks = grey.reshape(grey.shape[0] // 8, 8, grey.shape[1] // 8, 8)
    deviation = blocks.std(axis=(1, 3))
    yield "block_flat", float((deviation < 0.012).mean())
    yield from _spread("block", deviation, (10, 50, 90))
    yield "block_uneven", float(deviation.std() / (deviation.mean() + 0.01))
    yield "block_means", float(blocks.mean(axis=(1, 3)).std())


class _Places(NamedTuple):
    """Where on the thumbnail something is measured: boolean masks h × w, and the ring (0 to 9) of every pixel."""

    corners: tuple[NDArray[np.bool_], ...]
    centre: NDArray[np.bool_]
    rings: NDArray[np.intp]
    frame: NDArray[np.bool_]
    inner: NDArray[np.bool_]
    outer: NDArray[np.bool_]


@lru_cache(maxsize=64)  # thumbnails have no more than some thirty shapes
def _places(height: int, width: int) -> _Places:
    """Radii are in units of the half diagonal, 0 at the centre and 1 in the corner; the disc is an ellipse instead."""
    down, across = np.mgrid[0:height, 0:width].astype(np.float32)
    down, across = (down + 0.5) / height * 2 - 1, (across + 0.5) / width * 2 - 1
    radius = np.hypot(down * height, across * width) / math.hypot(height, width)
    disc = np.hypot(down, across)
    frame = np.ones((height, width), dtype=bool)
    frame[3:-3, 3:-3] = False
    return _Places(
        corners=tuple((radius > 0.88) & (down * y > 0) & (across * x > 0) for y in (-1, 1) for x in (-1, 1)),
        centre=radius < 0.4,
        rings=np.minimum((radius * 10).astype(np.intp), 9).ravel(),
        frame=frame,
        inner=disc < 0.4,
        outer=(disc > 0.65) & (disc < 0.95),
    )


def _vignette(grey: Array) -> Iterator[tuple[str, float]]:
    """Round dark (or whitened) corners."""
    places = _places(*grey.shape)
    corners = [grey[mask] for mask in places.corners]
    means = sorted(float(corner.mean()) for corner in corners)
    centre = float(grey[places.centre].mean())
    for index, mean in enumerate(means):
        yield f"corner_{index}", mean
    yield "corner_gap", centre - (means[1] + means[2]) / 2
    yield "corner_noise", float(np.mean([corner.std() for corner in corners]))
    yield "corner_dark", float(np.mean([(corner < 0.15).mean() for corner in corners]))
    size = np.bincount(places.rings, minlength=10) + _EPS
    profile = np.bincount(places.rings, weights=grey.ravel(), minlength=10) / size
    ripple = np.bincount(places.rings, weights=(grey * grey).ravel(), minlength=10) / size - profile**2
    yield "ring_fall", float(-np.diff(profile)[5:].min())
    yield "ring_slope", float(profile[3] - profile[8])
    yield "ring_order", float(np.sqrt(np.maximum(ripple[7:], 0)).mean())
    frame = grey[places.frame]
    yield "frame_white", float((frame > 0.93).mean())
    yield "frame_black", float((frame < 0.08).mean())
    yield "frame_std", float(frame.std())


def _layout(rgb: Array, grey: Array) -> Iterator[tuple[str, float]]:
    """Slow light across the picture (a plane fitted to it), and a lesion in the middle."""
    rows = np.linspace(-1, 1, grey.shape[0], dtype=np.float32)
    columns = np.linspace(-1, 1, grey.shape[1], dtype=np.float32)
    mean, variance = float(grey.mean()), float(grey.var()) + 1e-4
    down, across = 3 * float((grey.mean(axis=1) * rows).mean()), 3 * float((grey.mean(axis=0) * columns).mean())
    yield "shade", math.hypot(down, across)
    yield "shade_share", (down**2 + across**2) / 3 / variance
    places = _places(*grey.shape)
    middle, around = grey[places.inner], grey[places.outer]
    lesion = float(middle.mean() - around.mean())
    yield "lesion_grey", lesion
    for channel, name in ((0, "red"), (2, "blue")):
        yield f"lesion_{name}", float(rgb[channel][places.inner].mean() - rgb[channel][places.outer].mean()) - lesion
    yield "lesion_std", float(middle.std() - around.std())
    yield "outer_std", float(around.std())
    centred = grey - mean
    yield "skew", float((centred * centred * centred).mean()) / variance**1.5 / 5.0
