"""Is this outline one that a publisher draws? Arrow, arrowhead, star, ring, box, bar, comb: one plain test each.

Every function takes a boolean mask (H x W, working pixels, cropped to the patch) and answers a score from 0 (no) to 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Profile:
    """The shape seen along an axis, one value a pixel: lowest and highest point across it, and how much is filled."""

    low: Floats
    high: Floats
    fill: Floats

    @property
    def extent(self) -> Floats:
        return self.high - self.low

    @property
    def middle(self) -> Floats:
        return (self.low + self.high) / 2

    def reversed(self) -> _Profile:
        return _Profile(self.low[::-1], self.high[::-1], self.fill[::-1])


def filled(mask: Mask, cv2: Any) -> Mask:
    """The mask with its holes closed: an outlined arrow becomes an arrow."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED) > 0)


def _points(mask: Mask) -> Floats:
    rows, columns = np.nonzero(mask)
    return np.stack([columns, rows], axis=1).astype(np.float64)


def _axes(points: Floats) -> tuple[Floats, Floats]:
    """Centre and the two principal directions (rows, longest first)."""
    centre = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T))
    return centre, vectors[:, ::-1].T


def _profile(points: Floats, centre: Floats, axis: Floats) -> _Profile | None:
    along = (points - centre) @ axis
    across = (points - centre) @ np.array([-axis[1], axis[0]])
    bins = np.round(along - along.min()).astype(int)
    count = np.bincount(bins).astype(np.float64)
    if len(count) < 7 or (count == 0).any():
        return None
    low, high = np.full(len(count), np.inf), np.full(len(count), -np.inf)
    np.minimum.at(low, bins, across)
    np.maximum.at(high, bins, across)
    return _Profile(low - 0.5, high + 0.5, count)


def arrow(mask: Mask) -> float:
    """A straight shaft of even width that ends in a wider head which narrows to a tip (or a head at either end)."""
    points = _points(mask)
    centre, axes = _axes(points)
    best = 0.0
    for axis in axes:
        for turn in (axis, -axis):
            profile = _profile(points, centre, turn)
            if profile is not None:
                best = max(best, _arrow_along(profile))
    # The head pulls the principal axis off a thin shaft: look again along the shaft itself.
    if best < 0.5:
        for turn in (axes[0], -axes[0]):
            profile = _profile(points, centre, turn)
            if profile is None or len(profile.low) < 14:
                continue
            tail = slice(1, len(profile.low) // 2)
            slope = float(np.polyfit(np.arange(len(profile.low))[tail], profile.middle[tail], 1)[0])
            if abs(slope) > 0.4:
                continue
            axis = turn + slope * np.array([-turn[1], turn[0]])
            again = _profile(points, centre, axis / np.linalg.norm(axis))
            if again is not None:
                best = max(best, _arrow_along(again))
    return best


def _arrow_along(profile: _Profile) -> float:
    """The test proper: the tail is at the profile's start, the tip at its end."""
    extent, length = profile.extent, len(profile.low)
    trim = 1 if length < 25 else 2
    width = float(np.median(extent[trim : max(trim + 3, int(0.33 * length))]))
    wider = np.flatnonzero(extent[trim:] > 1.25 * width + 1.2) + trim
    if not len(wider):
        return 0.0
    neck = int(wider[0])
    head = extent[neck:]
    tall, peak = float(head.max()), int(head.argmax())
    if not (max(trim + 3, 0.22 * length) <= neck <= 0.9 * length and tall >= 1.4 * width + 1):
        return 0.0
    shaft = slice(trim, max(trim + 3, neck - 1))
    uneven = float(extent[shaft].std()) / (width + 1.5)
    hollow = 1 - float(np.mean(np.minimum(profile.fill[shaft], extent[shaft]) / np.maximum(extent[shaft], 1)))
    steps = np.arange(len(extent[shaft]))
    middle = profile.middle[shaft]
    bent = float(np.abs(middle - np.polyval(np.polyfit(steps, middle, 1), steps)).max())
    longness = len(head) / tall
    taper = head[peak:]
    rises = float(np.maximum(np.diff(taper), 0).sum()) / tall
    tip = float(taper[-max(1, len(taper) // 8) :].mean()) / tall
    triangle = float(np.abs(taper - np.linspace(tall, taper[-1], len(taper))).mean()) / tall
    faults = [
        uneven / 0.25,
        hollow / 0.35,
        bent / (0.25 * width + 1.2),
        abs(np.log(longness / 0.9)) / 1.1,
        peak / len(head) / 0.8,
        rises / 0.2,
        tip / 0.55,
        triangle / 0.2,
    ]
    return max(0.0, 1 - float(np.max(faults)) / 2) if max(faults) <= 1 else 0.0


def corners(mask: Mask, cv2: Any) -> int:
    """How many straight pieces the outline needs (to about a pixel): 7 for an arrow, dozens for a ragged gap."""
    contour = _outline(mask, cv2)
    return len(cv2.approxPolyDP(contour, 1.1 + 0.008 * max(mask.shape), True))


def slender(mask: Mask, cv2: Any) -> float:
    """Length over width of the smallest rectangle of any turn around the shape."""
    (_, _), (first, second), _ = cv2.minAreaRect(_outline(mask, cv2))
    return float((max(first, second) + 1) / (min(first, second) + 1))


def arrowhead(mask: Mask, cv2: Any) -> float:
    """A filled isosceles triangle, plain or notched at its base."""
    contour = _outline(mask, cv2)
    hull = cv2.convexHull(contour)
    hull_area = cv2.contourArea(hull)
    if hull_area < 40:
        return 0.0
    triangle_area, triangle = cv2.minEnclosingTriangle(hull.astype(np.float32))
    if triangle is None or triangle_area <= 0:
        return 0.0
    corners = triangle.reshape(3, 2).astype(np.float64)
    sides = np.sort([np.linalg.norm(corners[i] - corners[(i + 1) % 3]) for i in range(3)])
    even = min(sides[1] / sides[0], sides[2] / sides[1])
    solid = cv2.contourArea(contour) / hull_area
    border = float(2 * (sides.sum()) / triangle_area)  # corners are rounded by a pixel or so: worth more when small
    covered = hull_area / triangle_area + min(0.08, border * 0.3)
    if even > 1.2 or sides[2] > 2.6 * sides[0] or covered < 0.9 or solid < 0.93:
        return 0.0
    return float(min(1.0, covered * solid))


def _outline(mask: Mask, cv2: Any) -> npt.NDArray[np.int32]:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest: npt.NDArray[np.int32] = max(contours, key=len)
    return longest


def star(mask: Mask) -> float:
    """Five, six or eight equal rays around a centre: an asterisk or a star, of any turn."""
    points = _points(mask)
    centre = points.mean(axis=0)
    offset = points - centre
    radius = np.hypot(offset[:, 0], offset[:, 1])
    reach = float(radius.max())
    if reach < 5:
        return 0.0
    bins = (np.arctan2(offset[:, 1], offset[:, 0]) / (2 * np.pi) * 72).astype(int) % 72
    far = np.zeros(72)
    np.maximum.at(far, bins, radius)
    far = (far + np.roll(far, 1) + np.roll(far, -1)) / 3
    waves = np.abs(np.fft.rfft(far / far.mean()))
    best = 0.0
    for rays in (5, 6, 8):
        others = np.delete(waves[1:16], [rays - 1] + ([2 * rays - 1] if 2 * rays <= 15 else []))
        if waves[rays] > 72 * 0.075 and waves[rays] > 2.2 * others.max():
            best = max(best, min(1.0, waves[rays] / (72 * 0.15)))
    return float(best)


def bar(mask: Mask) -> float:
    """A level straight bar of even height, at least five times as long as high."""
    width = mask.shape[1]
    if width < 24:
        return 0.0
    columns = mask[:, max(1, width // 20) : width - max(1, width // 20)]
    heights = columns.sum(axis=0)
    tall = float(np.median(heights))
    if tall < 2 or width < 5 * tall or mask.shape[0] > tall + 3:
        return 0.0
    even = float(np.mean(np.abs(heights - tall) <= 1))
    middle = (columns * np.arange(mask.shape[0])[:, None]).sum(axis=0) / np.maximum(heights, 1)
    return even if even > 0.9 and float(middle.std()) < 0.6 else 0.0


def ends_bar(mask: Mask) -> float:
    """A bar with short strokes across both ends (|---|)."""
    if mask.shape[0] > mask.shape[1]:
        mask = mask.T
    height, width = mask.shape
    if width < 24 or width < 3 * height or height < 4:
        return 0.0
    rows = mask.mean(axis=1)
    line = rows > 0.9
    columns = mask.mean(axis=0)
    end = max(2, width // 12)
    if not 1 <= line.sum() <= 0.5 * height or columns[:end].max() < 0.85 or columns[-end:].max() < 0.85:
        return 0.0
    between = columns[end:-end]
    return 1.0 if float(between.std()) < 0.06 and float(between.mean()) <= line.sum() / height + 0.08 else 0.0


def comb(mask: Mask) -> bool:
    """The scale engraved in a dermatoscope: a line with many teeth, level or upright."""
    if mask.shape[0] > mask.shape[1]:
        mask = mask.T
    height, width = mask.shape
    if width < 4 * height or width < 40 or height < 4:
        return False
    teeth = [int(np.count_nonzero(np.diff(row.astype(np.int8)) == 1)) for row in mask]
    return sum(count >= 6 for count in teeth) >= max(2.0, 0.3 * height) and float(mask.mean()) < 0.65


def ring(mask: Mask, cv2: Any) -> float:
    """A closed thin line of even width in the form of an ellipse or a rectangle."""
    height, width = mask.shape
    if min(height, width) < 16:
        return 0.0
    mask = np.pad(mask, 1)
    full = filled(mask, cv2)
    hole = full & ~mask
    if hole.sum() < 0.3 * full.sum():
        return 0.0
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    edge = cv2.erode(full.astype(np.uint8), np.ones((3, 3), np.uint8)) != full
    half = float(np.percentile(depth[mask], 95))
    stroke = mask.sum() / max(1.0, float(edge.sum()))
    if half > 0.12 * min(height, width) or stroke > 4 * half:
        return 0.0
    contour = _outline(full, cv2).astype(np.float32)
    inner = _outline(hole, cv2).astype(np.float32)
    return max(
        min(_elliptic(contour, cv2), _elliptic(inner, cv2)), min(_rectangular(full, cv2), _rectangular(hole, cv2))
    )


def _elliptic(contour: npt.NDArray[np.float32], cv2: Any) -> float:
    points = contour.reshape(-1, 2).astype(np.float64)
    if len(points) < 20:
        return 0.0
    (cx, cy), (first, second), angle = cv2.fitEllipse(contour)
    if min(first, second) < 8 or max(first, second) > 4 * min(first, second):
        return 0.0
    turn = np.deg2rad(angle)
    offset = points - (cx, cy)
    u = (offset[:, 0] * np.cos(turn) + offset[:, 1] * np.sin(turn)) / (first / 2)
    v = (-offset[:, 0] * np.sin(turn) + offset[:, 1] * np.cos(turn)) / (second / 2)
    off = np.abs(np.hypot(u, v) - 1) * min(first, second) / 2
    return 1.0 if float(np.percentile(off, 95)) < 0.8 + 0.012 * max(first, second) else 0.0


def _rectangular(full: Mask, cv2: Any) -> float:
    if not full.any():
        return 0.0
    contour = _outline(full, cv2)
    (_, _), (w, h), _ = cv2.minAreaRect(contour)
    return 1.0 if min(w, h) > 8 and float(full.sum()) / max(1.0, (w + 1) * (h + 1)) > 0.93 else 0.0
