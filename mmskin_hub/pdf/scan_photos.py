"""Where the photographs are on a deskewed page raster: not the print, the charts, the tables or the tinted boxes.

What is not paper is gathered into regions; a region is cut where a straight gutter crosses it; what is left is a
photograph if it is filled, not drawn in lines, and its tones change from place to place as those of a photograph do
and those of a printed area do not. All boxes are (left, top, right, bottom) in pixels, right and bottom exclusive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.pdf.scan_paper import Mask, Raster, difference

PixelBox = tuple[int, int, int, int]

#: The shortest side of a photograph, in inches.
SMALLEST = 0.45
#: Letters and marks are smaller than this, in inches.
LETTER = 0.36
#: The least softness (see :func:`_softness`) of a photograph; printed areas of one colour have about 0.1.
SOFT = 0.35


def find_photos(page: Raster, paper: Raster | None, dpi: float) -> list[PixelBox]:
    """The boxes of the photographs on a page (RGB, upright), in reading order (rows from the top, then from the left).

    ``paper`` is what :func:`mmskin_hub.pdf.scan_paper.paper_colour` gave; without it the page is one photograph or
    nothing. Edges are exact to about two pixels.
    """
    height, width = page.shape[:2]
    if paper is None or bleeds(page, paper, dpi):
        box = (0, 0, width, height)
        return [box] if _softness(page, np.full((height, width), 255, np.uint8), box, dpi) >= SOFT else []
    found = _search(page, paper, dpi, depth=0)
    kept: list[PixelBox] = []
    for box in sorted(found, key=lambda b: -(b[2] - b[0]) * (b[3] - b[1])):
        if not any(_overlap(box, other) > 0.5 for other in kept):
            kept.append(box)
    return _reading_order(kept, dpi)


def _reading_order(boxes: list[PixelBox], dpi: float) -> list[PixelBox]:
    """Rows from the top, each from the left; tops that differ by less than a tenth of an inch are one row."""
    rows: list[list[PixelBox]] = []
    for box in sorted(boxes, key=lambda b: (b[1], b[0])):
        if rows and box[1] - rows[-1][0][1] < 0.1 * dpi:
            rows[-1].append(box)
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row)]


def bleeds(page: Raster, paper: Raster, dpi: float) -> bool:
    """Whether the whole page is one photograph: unlike paper's, tones change softly all over it and along its rim."""
    import cv2

    # Cells of several JPEG blocks: what the codec and the scanner do to even paper is averaged out.
    cell = max(8, round(dpi / 6))
    rows, columns = page.shape[0] // cell, page.shape[1] // cell
    if min(rows, columns) < 8:
        return False
    cells = cv2.resize(page, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    change = np.maximum(np.abs(cells[1:, 1:] - cells[:-1, 1:]), np.abs(cells[1:, 1:] - cells[1:, :-1])).max(axis=2)
    soft = (change > 1.8) & (change < 60)
    rim = np.concatenate([soft[:2].ravel(), soft[-2:].ravel(), soft[:, :2].ravel(), soft[:, -2:].ravel()])
    if float(rim.mean()) < 0.55 or float(soft.mean()) < 0.65:
        return False
    far, edge = difference(page, paper), 2 * cell
    sides = (far[:edge], far[-edge:], far[:, :edge], far[:, -edge:])
    return float((np.concatenate([side.ravel() for side in sides]) < 10).mean()) < 0.88


def _search(page: Raster, paper: Raster, dpi: float, depth: int) -> list[PixelBox]:
    """The photographs on ``page``; a flat tinted panel is searched once more with its own tint as the paper."""
    far = difference(page, paper)
    noise = _noise(far)
    out: list[PixelBox] = []
    for region in _regions(page, far, noise, dpi):
        for box in _cut(far, region, noise, dpi):
            box = _trim(far, box, noise, dpi)
            if min(box[2] - box[0], box[3] - box[1]) < SMALLEST * dpi or _is_shadow(page, box, dpi):
                continue
            softness = _softness(page, far, box, dpi)
            inner = _in_panel(page, box, dpi) if depth == 0 and softness < 0.8 else []
            if inner:
                out += inner
            elif softness >= SOFT:
                out.append(box)
    return out


def _in_panel(page: Raster, box: PixelBox, dpi: float) -> list[PixelBox]:
    """The photographs in a box that is a panel of one flat tint with photographs (and print) on it; [] where it is not.

    A picture with an even background is told apart by what stands on it: not filled rectangles.
    """
    x0, y0, x1, y1 = box
    panel = page[y0:y1, x0:x1]
    tint = _flat_tint(panel) if min(x1 - x0, y1 - y0) >= 1.2 * dpi else None
    if tint is None:
        return []
    plain = np.ascontiguousarray(np.broadcast_to(tint, panel.shape))
    far = difference(panel, plain)
    printed = far > 12
    inner = [b for b in _search(panel, plain, dpi, 1) if printed[b[1] : b[3], b[0] : b[2]].mean() > 0.92]
    rest = np.ones(printed.shape, bool)
    for a, b, c, d in inner:
        rest[max(0, b - 4) : d + 4, max(0, a - 4) : c + 4] = False
    # Print takes a tenth of the ground it stands on, the tones of a photograph far more.
    if not rest.any() or printed[rest].mean() > 0.2:
        return []
    return [(a + x0, b + y0, c + x0, d + y0) for a, b, c, d in inner]


def _noise(far: Mask) -> float:
    """The scanner's noise on the paper: the spread of the differences that are paper's, in grey levels, at least 1."""
    sample = far[::3, ::3]
    low = sample[sample < 30]
    return max(1.0, float(np.percentile(low, 70)) if low.size else 1.0)


def _regions(page: Raster, far: Mask, noise: float, dpi: float) -> list[PixelBox]:
    """The boxes of what is large and not paper, print taken away; touching boxes are joined."""
    import cv2

    sharp = cv2.medianBlur(far, 3)
    level = max(8.0, 3.0 * noise)
    count, labels, stats, _ = cv2.connectedComponentsWithStats((sharp > level).astype(np.uint8), connectivity=8)
    longest = np.maximum(stats[:, 2], stats[:, 3])
    large = [n for n in range(1, count) if stats[n, 2] >= SMALLEST * dpi and stats[n, 3] >= SMALLEST * dpi]
    # Print is small and dark; pale specks of a faint photograph stay, and so does what lies within a large part.
    dark = np.zeros(count, bool)
    dark[np.unique(labels[sharp > 60])] = True
    print_ = (longest < LETTER * dpi) & dark
    print_ |= (np.minimum(stats[:, 2], stats[:, 3]) < 0.12 * dpi) & (longest < 8 * dpi) & dark
    print_[0] = False
    for n in large:
        x0, y0, w, h = (int(v) for v in stats[n, :4])
        print_[np.unique(labels[y0 : y0 + h, x0 : x0 + w])] &= not _is_solid(labels, stats, n)
    # A frame, a table's grid, the axes of a chart: large, and nothing but thin lines.
    drawn = np.zeros(count, bool)
    drawn[[n for n in large if not _is_solid(labels, stats, n)]] = True
    erased = (print_ | drawn)[labels]
    erased = cv2.dilate(erased.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    keep = (~(print_ | drawn) & (np.arange(count) > 0))[labels] & (sharp > level)
    soft_source = np.where(erased & ~keep, 0, far)
    sigma = dpi / 75
    soft = cv2.GaussianBlur(soft_source, (0, 0), sigma) > max(4.0, 1.6 * noise)
    soft = cv2.erode(soft.astype(np.uint8), np.ones((3, 3), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(soft | keep.astype(np.uint8), connectivity=8)
    boxes = [
        (int(x), int(y), int(x + w), int(y + h))
        for x, y, w, h, area in stats[1:]
        if max(w, h) >= 0.5 * SMALLEST * dpi and area >= 0.12 * w * h
    ]
    joined = _join(boxes)
    return sorted(b for b in joined if min(b[2] - b[0], b[3] - b[1]) >= SMALLEST * dpi)


def _is_solid(labels: NDArray[np.int32], stats: NDArray[np.int32], n: int) -> bool:
    """Whether component ``n`` has a body: an area that stays when strokes of 2.5 points are worn away."""
    import cv2

    x0, y0, w, h, area = (int(v) for v in stats[n])
    part = (labels[y0 : y0 + h, x0 : x0 + w] == n).astype(np.uint8)
    size = 7
    body = int(cv2.erode(part, np.ones((size, size), np.uint8)).sum())
    return body >= 0.2 * area and body >= 0.04 * w * h


def _join(boxes: list[PixelBox]) -> list[PixelBox]:
    """Boxes that overlap by a tenth of the smaller become one, until none do."""
    boxes = sorted(boxes)
    merged = True
    while merged:
        merged = False
        for i in range(len(boxes)):
            for j in range(i + 1, len(boxes)):
                if _overlap(boxes[i], boxes[j]) > 0.1:
                    a, b = boxes[i], boxes.pop(j)
                    boxes[i] = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
                    merged = True
                    break
            if merged:
                break
    return boxes


def _overlap(a: PixelBox, b: PixelBox) -> float:
    """The shared area as a share of the smaller box."""
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    smaller = min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))
    return max(0, w) * max(0, h) / smaller if w > 0 and h > 0 and smaller else 0.0


def _cut(far: Mask, box: PixelBox, noise: float, dpi: float, depth: int = 0) -> list[PixelBox]:
    """The box, cut along the straight gutters of paper that cross it from side to side (a recursive X-Y cut).

    A gutter has a sharp edge on at least one side: the white ground between pieces of tissue has none.
    """
    x0, y0, x1, y1 = box
    if depth > 6:
        return [box]
    part = far[y0:y1, x0:x1]
    for axis in (0, 1):  # rows of paper first, then columns
        gaps = _gutters(part if axis == 0 else part.T, noise)
        if not gaps:
            continue
        edges = [0, *(v for gap in gaps for v in gap), part.shape[axis]]
        pieces = [(edges[k], edges[k + 1]) for k in range(0, len(edges), 2) if edges[k + 1] - edges[k] > 2]
        out: list[PixelBox] = []
        for low, high in pieces:
            piece = (x0, y0 + low, x1, y0 + high) if axis == 0 else (x0 + low, y0, x0 + high, y1)
            if high - low >= SMALLEST * dpi:
                out += _cut(far, piece, noise, dpi, depth + 1)
        return out
    return [box]


def _gutters(part: Mask, noise: float) -> list[tuple[int, int]]:
    """The runs of rows [start, end) of ``part`` that are paper from side to side between printed ones."""
    inked = part > max(8.0, 3.0 * noise)
    filled = inked.mean(axis=1)
    typical = float(np.median(part[filled > 0.2])) if (filled > 0.2).any() else 0.0
    # The ringing of JPEG and the blur of the lens reach into a narrow gutter: it may be this far from paper.
    level = min(45.0, max(6.0, 2.0 * noise, 0.3 * typical))
    clear = (part > level).mean(axis=1) < 0.02
    starts = np.flatnonzero(np.diff(np.concatenate([[0], clear.astype(np.int8), [0]])) == 1)
    ends = np.flatnonzero(np.diff(np.concatenate([[0], clear.astype(np.int8), [0]])) == -1)
    gaps = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        if start == 0 or end == len(clear):
            if end - start > 2:
                gaps.append((start, end))
            continue
        before, after = float(filled[max(0, start - 4) : start].max()), float(filled[end : end + 4].max())
        wide = end - start >= 2 or (end - start == 1 and min(before, after) > 0.9)
        if wide and max(before, after) > 0.55 and min(before, after) > 0.02:
            gaps.append((start, end))
    return gaps


def _trim(far: Mask, box: PixelBox, noise: float, dpi: float) -> PixelBox:
    """The box with each side moved to where the picture begins, at most 1/55 inch outwards and 1/20 inwards."""
    x0, y0, x1, y1 = box
    level = max(8.0, 3.0 * noise)
    out, inwards = max(2, round(dpi / 55)), max(4, round(dpi / 20))
    height, width = far.shape
    left, top = max(0, x0 - out), max(0, y0 - out)
    part = far[top : min(height, y1 + out), left : min(width, x1 + out)] > level
    across = part[y0 - top : y1 - top].mean(axis=0)
    down = part[:, x0 - left : x1 - left].mean(axis=1)
    new = (
        left + _rise(across, x0 - left, inwards),
        top + _rise(down, y0 - top, inwards),
        left + len(across) - _rise(across[::-1], left + len(across) - x1, inwards),
        top + len(down) - _rise(down[::-1], top + len(down) - y1, inwards),
    )
    return new if new[2] - new[0] >= 4 and new[3] - new[1] >= 4 else box


def _rise(share: NDArray[np.float64], at: int, inwards: int) -> int:
    """The index, up to ``at + inwards``, from which on ``share`` is high; ``at`` itself where nothing rises."""
    inside = float(np.median(share[at : at + 4 * inwards])) if at < len(share) else 0.0
    threshold = max(0.5 * inside, 0.08)
    window = share[: at + inwards + 1]
    low = np.flatnonzero(window < threshold)
    # Behind the last clear row or column: what is printed before it is a neighbour's edge.
    first = int(low[-1]) + 1 if len(low) else 0
    return first if first < len(window) else at


def _is_shadow(page: Raster, box: PixelBox, dpi: float) -> bool:
    """Whether a region is the shadow of the book's fold or of the sheet's edge: narrow, grey, along a whole side."""
    height, width = page.shape[:2]
    x0, y0, x1, y1 = box
    tall = (x0 <= 0.03 * width or x1 >= 0.97 * width) and y1 - y0 > 0.6 * height and x1 - x0 < 0.12 * width
    broad = (y0 <= 0.03 * height or y1 >= 0.97 * height) and x1 - x0 > 0.6 * width and y1 - y0 < 0.12 * height
    if not (tall or broad):
        return False
    part = page[y0:y1:3, x0:x1:3].astype(np.int16)
    return float(np.percentile(part.max(axis=2) - part.min(axis=2), 80)) < 32


def _softness(page: Raster, far: Mask, box: PixelBox, dpi: float) -> float:
    """The share (0 to 1) of the printed area where tones change a little, as they do all over a photograph.

    0 where the box is too small, too empty, or strokes only.
    """
    import cv2

    x0, y0, x1, y1 = box
    part, printed = page[y0:y1, x0:x1], far[y0:y1, x0:x1] > 8
    if min(part.shape[:2]) < SMALLEST * dpi or printed.mean() < 0.25:
        return 0.0
    body = cv2.erode(printed.astype(np.uint8), np.ones((5, 5), np.uint8)).mean()
    if body < 0.15:
        return 0.0
    # Means of cells of 1/18 inch: print's own noise is averaged out, a photograph's soft changes are not.
    cell = max(4, round(dpi / 18))
    rows, columns = max(3, part.shape[0] // cell), max(3, part.shape[1] // cell)
    cells = cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    filled = cv2.resize(printed.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA) > 0.6
    if filled.mean() < 0.15:
        return 0.0
    # Only cells with printed cells all round: the edges of bars and curves change as well, their insides do not.
    inner = cv2.erode(filled.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) > 0
    steps, deep = [], []
    for here, there in ((np.s_[2:], np.s_[:-2]), (np.s_[:, 2:], np.s_[:, :-2])):
        both = inner[here] & inner[there]
        steps.append(np.abs(cells[here] - cells[there]).max(axis=2)[both])
        deep.append(np.maximum(cells[here], cells[there]).max(axis=2)[both] < 45)
    change, dark = np.concatenate(steps), np.concatenate(deep)
    soft = change > max(1.0, 3.2 * _grain(part, printed) / cell)
    told = soft | ~dark  # the black round a dermoscope's field or on a surgical drape is even, and says nothing
    if told.sum() < 0.08 * 2 * rows * columns:
        return 0.0
    return float(soft[told].mean())


def _grain(part: Raster, printed: NDArray[np.bool_]) -> float:
    """The noise of single pixels (grey levels): the median difference of neighbours where something is printed."""
    grey = part[::2, :, 1].astype(np.int16)
    steps = np.abs(np.diff(grey, axis=1))[printed[::2, 1:]]
    return float(np.median(steps)) if steps.size else 0.0


def _flat_tint(panel: Raster) -> NDArray[np.uint8] | None:
    """The one colour that fills at least a third of a tinted panel, or ``None``."""
    sample = panel[::4, ::4].reshape(-1, 3)
    counts = np.bincount((sample.astype(int) // 12) @ np.array([484, 22, 1]))
    code = int(counts.argmax())
    mode = np.array([code // 484, code // 22 % 22, code % 22]) * 12 + 6
    near = np.abs(sample.astype(int) - mode).max(axis=1) < 14
    return np.median(sample[near], axis=0).astype(np.uint8) if near.mean() > 0.33 else None
