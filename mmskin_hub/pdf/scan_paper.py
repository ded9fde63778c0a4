"""The sheet of a scan: how bright its paper is, where the scanner's dark borders are, and how far it is turned.

Rasters are RGB, uint8, H × W × 3; lengths are pixels of the raster given; angles are degrees, positive where the
page is turned clockwise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Raster = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Points = NDArray[np.float64]

#: The widest scanner border or shadow, as a share of the page.
BORDER_DEPTH = 0.15
#: The largest skew looked for, in degrees, and the smallest worth turning for.
MAX_SKEW = 6.0
MIN_SKEW = 0.05


def remove_borders(page: Raster, dpi: float) -> tuple[Raster, Mask]:
    """The page with dark scanner borders (black wedges, lid shadows along an edge) painted in the colour of paper.

    The second value is 1 where something was painted over, 0 elsewhere (H × W).

    A border is a run of near-black, even pixels that begins at the edge of the raster and ends within
    :data:`BORDER_DEPTH` of the page. Where many runs go deeper, the edge belongs to a photograph and is left alone.
    """
    import cv2

    grey = largest(page)
    height, width = grey.shape
    mask = np.zeros((height, width), np.uint8)
    for turns in range(4):
        side = np.rot90(grey, turns)
        limit = max(1, int(BORDER_DEPTH * side.shape[0]))
        bright = side[:limit] > 72
        depth = np.where(bright.any(axis=0), bright.argmax(axis=0), limit)
        if np.mean(depth >= limit) > 0.1 or np.mean(depth > 0) < 0.2:
            continue
        inside = np.arange(limit)[:, None] < np.where(depth < limit, depth, 0)[None, :]
        if float(side[:limit][inside].std()) > 22:
            continue
        view = np.rot90(mask, turns)
        view[:limit][inside] = 1
    if not mask.any():
        return page, mask
    reach = max(3, round(dpi / 40)) | 1
    mask = cv2.dilate(mask, np.ones((reach, reach), np.uint8))
    light = page[(mask == 0) & (grey > 150)]
    cleaned = page.copy()
    cleaned[mask > 0] = np.median(light[:: max(1, len(light) // 50_000)], axis=0) if len(light) else 255
    return cleaned, np.asarray(mask, np.uint8)


def paper_colour(page: Raster) -> Raster | None:
    """The colour of the paper at every pixel (H × W × 3), tint and shading followed; ``None`` where none is seen.

    The commonest bright, weakly coloured tone of the outer tenth of the page, else of the whole page, is paper; a
    quadratic surface per channel is fitted to the cells of that tone, so that uneven light is followed.
    """
    import cv2

    height, width = page.shape[:2]
    cell = max(4, min(height, width) // 110)
    small = cv2.resize(page, (max(8, width // cell), max(8, height // cell)), interpolation=cv2.INTER_AREA)
    cells = small.astype(np.float32)
    rows, columns = small.shape[:2]
    rim = np.ones((rows, columns), bool)
    rim[rows // 12 : rows - rows // 12, columns // 12 : columns - columns // 12] = False
    tone = _paper_tone(page[:: max(1, cell // 2), :: max(1, cell // 2)], cells, rim)
    if tone is None:
        return None
    near = np.abs(cells - tone).max(axis=2) < 45
    # Only cells as even as their neighbours: the inside of a pale photograph is not paper.
    step = np.abs(cells - cv2.blur(cells, (3, 3))).max(axis=2)
    near &= step < max(2.5, float(np.percentile(step[near], 60)) if near.any() else 0)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    flat = cells.reshape(-1, 3)
    use = near.reshape(-1) & (np.abs(flat - tone).max(axis=1) < 14)
    surface = np.broadcast_to(tone, flat.shape)
    for reach in (12.0, 8.0, 6.0):
        if int(use.sum()) < 60:
            break
        weights, *_ = np.linalg.lstsq(basis[use], flat[use], rcond=None)
        # A surface that leaves the tone is one drawn through a photograph.
        surface = np.clip(basis @ weights, tone - 45, tone + 25)
        use = near.reshape(-1) & (np.abs(flat - surface).max(axis=1) < reach)
    plane = np.clip(surface, 0, 255).reshape(rows, columns, 3).astype(np.uint8)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _paper_tone(pixels: Raster, cells: NDArray[np.float32], rim: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """The paper's colour (3 values), or ``None``: bright, weakly coloured, and even over a fair share of the page."""
    import cv2

    step = np.abs(cells - cv2.blur(cells, (3, 3))).max(axis=2)
    light = cells.max(axis=2)
    everywhere = np.ones_like(rim)
    for where, share in ((rim, 0.35), (everywhere, 0.12)):
        even = where & (step < 3.0) & (light > 135)
        if even.mean() < 0.01:
            continue
        tones = cells[even]
        counts = np.bincount(tones.mean(axis=1).astype(int), minlength=256).astype(float)
        mode = int(np.convolve(counts, np.ones(7), "same").argmax())
        tone = np.median(tones[np.abs(tones.mean(axis=1) - mode) <= 5], axis=0)
        if tone.max() - tone.min() > 0.25 * tone.max():
            continue  # skin, not paper
        like = np.abs(cells - tone).max(axis=2) < 12
        if (like & (step < 4.0))[where].mean() >= share:
            return np.asarray(tone, np.float32)
    return None


def difference(page: Raster, paper: Raster) -> Mask:
    """How far each pixel is from its paper: the largest difference of the three channels, 0 to 255 (H × W)."""
    import cv2

    return largest(np.asarray(cv2.absdiff(page, paper), np.uint8))


def largest(page: Raster) -> Mask:
    """The largest of the three channels of every pixel (numpy's own ``max`` takes ten times as long)."""
    import cv2

    red, green, blue = cv2.split(page)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def find_skew(page: Raster, paper: Raster | None, dpi: float) -> float:
    """By how many degrees the page is turned clockwise; 0 where neither lines of print nor straight edges tell it.

    Method: the feet of all letters (the top and bottom ends of photographs' columns where there is little text) are
    projected on the vertical for every angle; at the right one they pile up (Postl 1986; Baird 1987, on points).
    """
    import cv2

    if paper is None:
        return 0.0
    far = difference(page, paper)
    ink = (far > 60).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    left, top, wide, high, area = (stats[1:, k] for k in range(5))
    em = dpi / 72 * 10
    letters = (high > 0.25 * em) & (high < 2.0 * em) & (wide < 2.5 * em) & (area > 0.03 * em * em)
    if int(letters.sum()) >= 60:
        x, y = left[letters] + wide[letters] / 2, (top + high)[letters].astype(float)
        # In strips a column wide: over the whole page, a tilt that brings the lines of two columns level would win.
        strip = 2.0 * dpi
        group = np.concatenate([x // strip, (x + strip / 2) // strip + 64]).astype(int)
        x, y = np.concatenate([x, x]), np.concatenate([y, y])
        return _by_baselines(x, y, group, _best_angle(x, y, group, em / 10))
    kept = cv2.morphologyEx((far > 14).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(kept, connectivity=8)
    ends: list[NDArray[np.int64]] = []
    for n in range(1, count):
        x0, y0, wide_, high_ = (int(v) for v in stats[n, :4])
        if min(wide_, high_) < 0.5 * dpi:
            continue
        part = labels[y0 : y0 + high_, x0 : x0 + wide_] == n
        columns, rows = np.flatnonzero(part.any(axis=0)), np.flatnonzero(part.any(axis=1))
        for side, rim in enumerate((part.argmax(axis=0), high_ - 1 - part[::-1].argmax(axis=0))):
            ends.append(np.stack([columns + x0, rim[columns] + y0, np.full_like(columns, 4 * n + side)]))
        # The upright sides are laid on their back: their points pile up at the same angle.
        for side, rim in enumerate((part.argmax(axis=1), wide_ - 1 - part[:, ::-1].argmax(axis=1))):
            ends.append(np.stack([rows + y0, -rim[rows] - x0, np.full_like(rows, 4 * n + 2 + side)]))
    if not ends:
        return 0.0
    points = np.concatenate(ends, axis=1)
    return _best_angle(points[0].astype(float), points[1].astype(float), points[2], 2.0, least=1.5)


def _best_angle(x: Points, y: Points, group: NDArray[np.int64], width: float, least: float = 1.15) -> float:
    """The angle (degrees) at which the points of each group pile up on the vertical, looked for coarse to fine.

    0 where the best of the coarse angles is not ``least`` times as good as the middling one.
    """

    def piles(angle: float, bin_: float) -> float:
        along = y * np.cos(np.radians(angle)) - x * np.sin(np.radians(angle))
        place = ((along - along.min()) / bin_).astype(np.int64)
        rows = int(place.max()) + 2
        counts = np.bincount(group * rows + place, minlength=rows).astype(float)
        # Neighbouring bins are joined: a pile on the border of two is one pile.
        return float(((counts[:-1] + counts[1:]) ** 2).sum())

    best = 0.0
    for reach, step, bin_ in ((MAX_SKEW, 0.25, width * 2), (0.3, 0.05, width), (0.06, 0.01, width * 0.8)):
        angles = best + step * np.arange(-round(reach / step), round(reach / step) + 1)
        scores = np.array([piles(float(a), bin_) for a in angles])
        if reach == MAX_SKEW and scores.max() < least * np.median(scores):
            return 0.0
        # The middle of the plateau, not its first angle.
        best = float(np.mean(angles[scores >= scores.max() * 0.995])) if reach < 1 else float(angles[scores.argmax()])
    return round(best, 3) + 0.0 if abs(best) < MAX_SKEW else 0.0


def _by_baselines(x: Points, y: Points, group: NDArray[np.int64], angle: float) -> float:
    """``angle`` (degrees) made exact: the median slope of the rows of feet that it tells apart in each strip."""
    for reach in (2.0, 1.5):
        along = y * np.cos(np.radians(angle)) - x * np.sin(np.radians(angle))
        order = np.lexsort((along, group))
        jump = (np.diff(along[order]) > reach) | (np.diff(group[order]) != 0)
        row = np.empty(len(x), np.int64)
        row[order] = np.concatenate([[0], np.cumsum(jump)])
        count = np.bincount(row)
        centre_x, centre_y = np.bincount(row, x) / count, np.bincount(row, along) / count
        dx, dy = x - centre_x[row], along - centre_y[row]
        spread = np.bincount(row, dx * dx)
        use = (count >= 8) & (np.bincount(row, dy * dy) / count < 2.5 * reach)
        if int(use.sum()) < 5:
            return angle
        slopes = (np.bincount(row, dx * dy) / np.maximum(spread, 1e-9))[use]
        inner = np.argsort(slopes, kind="stable")
        weight = np.sqrt(spread[use])[inner].cumsum()
        rest = float(np.degrees(np.arctan(slopes[inner][np.searchsorted(weight, weight[-1] / 2)])))
        if abs(rest) > 0.5:
            return angle
        angle += rest
    return round(angle, 3)


def turn(page: Raster, angle: float) -> Raster:
    """The page turned back by ``angle`` degrees about its middle, same size; what comes in from outside is paper."""
    import cv2

    if abs(angle) < MIN_SKEW:
        return page
    height, width = page.shape[:2]
    border = np.median(page[::23, ::23].reshape(-1, 3)[page[::23, ::23].reshape(-1, 3).min(axis=1) > 150], axis=0)
    fill = tuple(float(v) for v in np.nan_to_num(np.atleast_1d(border), nan=255.0)) if np.ndim(border) else (255.0,) * 3
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
    turned = cv2.warpAffine(page, matrix, (width, height), flags=cv2.INTER_CUBIC, borderValue=fill)
    return np.asarray(turned, np.uint8)


def paint_outside(upright: Raster, paper: Raster, borders: Mask, angle: float) -> Raster:
    """The turned page with what lies outside the sheet as scanned, or on its painted ``borders``, made exactly paper.

    One colour there would stand out as a wedge where the light on the paper is uneven.
    """
    import cv2

    height, width = borders.shape
    outside = borders
    if abs(angle) >= MIN_SKEW:
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)
        turned = cv2.warpAffine(borders, matrix, (width, height), flags=cv2.INTER_NEAREST, borderValue=1)
        outside = np.asarray(cv2.dilate(turned, np.ones((5, 5), np.uint8)), np.uint8)
    if not outside.any():
        return upright
    painted = upright.copy()
    cv2.copyTo(paper, outside, painted)
    return painted
