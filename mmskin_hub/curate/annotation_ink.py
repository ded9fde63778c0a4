"""Where might something be drawn on the picture? Crisp, flat patches in a graphic colour, each with its own outline.

Three maps answer it, each the local background taken away, so that 1 is full ink and 0 the picture around it: *white*,
*black* and *colour* (far from the background in the chroma plane, and saturated). The half-way level of a drawn stroke
is where its true outline runs whatever blurred it (JPEG, downscaling, a scan), so a map is cut at 1/2. What skin and
tissue put into these maps (glare, hair, pen, gaps) is sorted out by flatness, by sharpness and then by shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

WORK_SIDE = 640  # px of the longer side at which marks are looked for; smaller pictures are enlarged up to twice
WHITE_INK, BLACK_INK = 250.0, 8.0
LEAST_STEP = 48.0  # gray levels between ink and background below which nothing is legible
CROWD = 10  # patches of one ink from which on only a perfect mark counts
GAP_WHITE, PAPER_WHITE = 236.0, 255.0  # levels of the glass between tissue, and of drawn white
SMALLEST = 9  # px of a patch's longer side
MOST_PATCHES = 100  # a map rarely has more that survive the cheap tests; the largest are kept

Mask = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Patch:
    """A connected piece of one map. ``box`` is x0, y0, x1, y1 in working pixels; ``mask`` covers exactly that box."""

    ink: str  # "white", "black" or "colour"
    box: tuple[int, int, int, int]
    mask: Mask
    touches: int  # how many of the picture's edges it reaches

    @property
    def width(self) -> int:
        """In working pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> int:
        """In working pixels."""
        return self.box[3] - self.box[1]

    @property
    def length(self) -> int:
        """The longer side of the box, in working pixels."""
        return max(self.width, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the box (x, y), in working pixels."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


@dataclass(frozen=True)
class Texture:
    """What tells ink from skin. ``flat``: standard deviation inside, gray levels, mean of the channels; ``crisp``: step
    of the map across the outline, 1 = full ink to bare ground; ``pure``: 1 for paper white, jet black, full colour."""

    flat: float
    crisp: float
    pure: float


@dataclass(frozen=True)
class Sheet:
    """One map of a picture with the patches cut from it."""

    ink: str
    image: Image
    plane: Plane
    patches: tuple[Patch, ...]
    crowded: bool  # so many patches of one ink that an odd one may well look like a mark


def working_size(image: Image, cv2: Any) -> tuple[Image, float]:
    """The picture at WORK_SIDE (enlarged at most twice) and the factor that made it so."""
    scale = min(2.0, WORK_SIDE / max(image.shape[:2]))
    if abs(scale - 1) < 1e-6:
        return image, 1.0
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), scale


def find_sheets(image: Image, cv2: Any) -> list[Sheet]:
    """The maps of a working-size picture that hold any ink, each with its patches, largest first."""
    sheets = []
    for ink, plane, seed in _maps(image, cv2):
        patches = _cut(ink, plane, seed, cv2)
        crowded = sum(patch.length >= 14 for patch in patches) > CROWD
        if patches:
            sheets.append(Sheet(ink, image, plane, patches, crowded))
        if crowded and ink == "white":
            # Tissue with gaps: an arrow runs together with them at the half-way level, but drawn white is whiter still.
            light = _extremes(image, cv2)[0]
            glaring = (light - GAP_WHITE) / np.float32(PAPER_WHITE - GAP_WHITE)
            sheets.append(Sheet(ink, image, glaring, _cut(ink, glaring, light > 250, cv2), True))
    return sheets


def _maps(image: Image, cv2: Any) -> list[tuple[str, Plane, Mask]]:
    """(name, map, seed pixels): a patch without a pixel of pure ink (the seed) is not ink."""
    height, width = image.shape[:2]
    small = cv2.resize(image, (max(8, width // 8), max(8, height // 8)), interpolation=cv2.INTER_AREA)
    reach = max(3, min(small.shape[:2]) // 3) | 1
    ground = cv2.resize(cv2.medianBlur(small, reach), (width, height), interpolation=cv2.INTER_LINEAR)
    light, dark = _extremes(image, cv2)
    ground_light, ground_dark = _extremes(ground, cv2)
    white = (light - ground_light) / np.maximum(WHITE_INK - ground_light, LEAST_STEP)
    black = (ground_dark - dark) / np.maximum(ground_dark - BLACK_INK, LEAST_STEP)
    maps: list[tuple[str, Plane, Mask]] = [("white", white, light > 222), ("black", black, dark < 60)]
    saturation = dark - light
    if float(saturation.max()) > 110:
        a, b = _chroma(image, cv2)
        ground_a, ground_b = _chroma(ground, cv2)
        colour = cv2.magnitude(a - ground_a, b - ground_b) / np.float32(150)
        colour[saturation <= 70] = 0
        maps.append(("colour", colour, (colour > 0.6) & (saturation > 110)))
    return maps


def _extremes(image: Image, cv2: Any) -> tuple[Plane, Plane]:
    red, green, blue = cv2.split(image)
    least, most = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
    return least.astype(np.float32), most.astype(np.float32)


def _chroma(image: Image, cv2: Any) -> tuple[Plane, Plane]:
    red, green, blue = (channel.astype(np.float32) for channel in cv2.split(image))
    return red - green, (red + green) * np.float32(0.5) - blue


def _cut(ink: str, plane: Plane, seed: Mask, cv2: Any) -> tuple[Patch, ...]:
    """Connected pieces of the map above one half that hold a seed and have a plausible size."""
    if not seed.any():
        return ()
    above = (plane > 0.5).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(above, connectivity=8)
    seeds = np.bincount(labels[seed], minlength=len(stats))
    height, width = plane.shape
    x, y, w, h, area = stats.T
    fits = (seeds > 0) & (area >= 12) & (np.maximum(w, h) >= SMALLEST) & (w < 0.9 * width) & (h < 0.9 * height)
    fits &= area < 0.08 * width * height
    fits[0] = False
    order = sorted(np.flatnonzero(fits).tolist(), key=lambda i: (-int(area[i]), i))[:MOST_PATCHES]
    patches = []
    for i in order:
        x0, y0, x1, y1 = int(x[i]), int(y[i]), int(x[i] + w[i]), int(y[i] + h[i])
        edges = int(x0 == 0) + int(y0 == 0) + int(x1 == width) + int(y1 == height)
        patches.append(Patch(ink, (x0, y0, x1, y1), labels[y0:y1, x0:x1] == i, edges))
    return tuple(patches)


def texture(patch: Patch, sheet: Sheet, cv2: Any) -> Texture:
    """Measure a patch; its inside is what one erosion leaves, or the fuller half where that is next to nothing."""
    x0, y0 = max(0, patch.box[0] - 3), max(0, patch.box[1] - 3)
    values: Any = sheet.plane[y0 : patch.box[3] + 3, x0 : patch.box[2] + 3]
    mask: Any = np.zeros(values.shape, np.uint8)
    top, left = patch.box[1] - y0, patch.box[0] - x0
    mask[top : top + patch.height, left : left + patch.width] = patch.mask
    kernel = np.ones((3, 3), np.uint8)
    inside: Any = cv2.erode(mask, kernel) > 0
    if inside.sum() < 0.3 * mask.sum():
        inside = (values >= np.median(values[mask > 0])) & (mask > 0)
    outside = (cv2.dilate(mask, np.ones((7, 7), np.uint8)) > 0) & (cv2.dilate(mask, kernel) == 0)
    window: npt.NDArray[np.float32] = sheet.image[y0 : y0 + mask.shape[0], x0 : x0 + mask.shape[1]].astype(np.float32)
    pixels = window[inside]
    around = float(np.maximum(values[outside], 0).mean()) if outside.any() else 1.0
    red, green, blue = pixels[:, 0], pixels[:, 1], pixels[:, 2]
    least = float(np.minimum(np.minimum(red, green), blue).mean())
    most = float(np.maximum(np.maximum(red, green), blue).mean())
    pure = {"white": least, "black": 255 - most, "colour": most - least}[patch.ink] / 255
    return Texture(float(pixels.std(axis=0).mean()), min(1.0, float(values[inside].mean())) - around, pure)
