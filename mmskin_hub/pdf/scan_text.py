"""The print of a deskewed page raster, found without a network: letters, lines of letters, blocks of lines.

All boxes are (left, top, right, bottom) in pixels of the raster, right and bottom exclusive. The type size of a line
is estimated from the heights of its letters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.pdf.scan_paper import Mask
from mmskin_hub.pdf.scan_photos import PixelBox

#: Heights as shares of the type size, mean of common book faces (Times, Garamond, Helvetica, Minion).
X_HEIGHT = 0.46
CAP_HEIGHT = 0.68

Letters = list[tuple[int, int, int, int]]


@dataclass(slots=True)
class PrintLine:
    """One line of print: its letters left to right, the box round them, type size in pixels, number of its block.

    ``foot`` is the row of the baseline. ``sure`` is false where the letters are all of one height, so that the size
    may be that of capitals or of small letters.
    """

    letters: Letters
    box: PixelBox
    size: float = 0.0
    foot: float = 0.0
    block: int = -1
    sure: bool = True

    @property
    def width(self) -> int:
        """In pixels."""
        return self.box[2] - self.box[0]


@dataclass(slots=True)
class Print:
    """What is printed on a page: lines from top to bottom, and the size most of them are set in (0: too few to say)."""

    lines: list[PrintLine] = field(default_factory=list)
    body: float = 0.0
    blocks: list[list[PrintLine]] = field(default_factory=list)


def find_print(far: Mask, photos: Sequence[PixelBox], dpi: float) -> Print:
    """Lines and blocks outside ``photos``; ``far`` is the difference from paper (0 to 255, H × W).

    Print inside a drawn frame (tables, charts with a border) and rules are left out, unless the frame goes round a
    photograph or most of the page.
    """
    letters, marks, frames = _letters(far, photos, dpi)
    letters = [b for b in letters if not any(_inside(b, frame) for frame in frames)]
    marks = [b for b in marks if not any(_inside(b, frame) for frame in frames)]
    lines = _rows(letters, dpi)
    _attach(marks, lines)
    lines = _join_pieces(lines)
    for line in lines:
        _measure(line, far)
    lines = [line for line in lines if 3.5 <= line.size * 72 / dpi <= 60]
    lines.sort(key=lambda line: (line.box[1], line.box[0]))
    body = _body_size(lines)
    return Print(lines, body, _blocks(lines))


def _inside(box: PixelBox, frame: PixelBox) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return frame[0] <= x < frame[2] and frame[1] <= y < frame[3]


def _letters(far: Mask, photos: Sequence[PixelBox], dpi: float) -> tuple[Letters, Letters, list[PixelBox]]:
    """Boxes of letters, of small marks (dots, commas, hyphens), and of drawn frames."""
    import cv2

    height, width = far.shape
    # Ink against its surroundings, so that print on a tinted panel is found as well.
    small = cv2.resize(far, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    size = max(3, round(dpi / 4 / 8)) | 1
    ground = cv2.erode(cv2.medianBlur(small, 3), np.ones((size, size), np.uint8))
    ground = cv2.resize(cv2.blur(ground, (size, size)), (width, height), interpolation=cv2.INTER_LINEAR)
    ink = (cv2.subtract(far, ground) > 62).astype(np.uint8)
    reach = max(1, round(dpi / 100))
    for x0, y0, x1, y1 in photos:
        ink[max(0, y0 - reach) : y1 + reach, max(0, x0 - reach) : x1 + reach] = 0
    # Long rules are lifted off before letters are told: a rule may touch a line of print.
    long = max(12, round(0.6 * dpi))
    rules = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, long), np.uint8))
    rules |= cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((long, 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    frames = _frames(stats, photos, width * height, dpi)
    ink[cv2.dilate(rules, np.ones((3, 3), np.uint8)) > 0] = 0
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    point = dpi / 72
    letters: Letters = []
    marks: Letters = []
    for x, y, w, h, area in stats[1:].tolist():
        box = (x, y, x + w, y + h)
        if area < 0.12 * point * point or h > 45 * point or w > 70 * point:
            continue
        if h >= 2.6 * point and area >= 1.2 * point * point and w <= 12 * h:
            letters.append(box)
        elif w <= 14 * point:
            marks.append(box)
    return letters, marks, frames


def _frames(stats: NDArray[np.int32], photos: Sequence[PixelBox], page: int, dpi: float) -> list[PixelBox]:
    """Boxes of drawings: components of at least 0.6 × 0.3 inch, that hold no photograph and not half the page."""
    out = []
    for x, y, w, h, area in stats[1:].tolist():
        box = (x, y, x + w, y + h)
        if w < 0.6 * dpi or h < 0.3 * dpi or w * h > 0.5 * page:
            continue
        holds = any(_inside(((p[0] + p[2]) // 2, (p[1] + p[3]) // 2) * 2, box) for p in photos)
        if not holds and area < 0.6 * w * h:
            out.append(box)
    return out


def _rows(letters: Letters, dpi: float) -> list[PrintLine]:
    """Letters become lines, from left to right: a letter goes on the line whose last letters it stands level with.

    A gap of more than about one type size begins a new line: a gutter, or the next cell of a table.
    """
    if not letters:
        return []
    step = max(8, round(dpi / 10))
    # A word such as "care" has no tall letter: its gaps are measured by the tall letters of the page.
    usual = int(np.percentile([b[3] - b[1] for b in letters], 75))
    rows: list[Letters] = []
    # Of each row: its right end; top and foot of its last letters; the tallest such band so far, near a type size.
    ends: list[tuple[int, int, int, int]] = []
    shelf: dict[int, list[int]] = defaultdict(list)
    for letter in sorted(letters):
        x0, y0, x1, y1 = letter
        high = y1 - y0
        best, level = -1, 0.0
        for key in range(y0 // step - 1, y1 // step + 2):
            for n in shelf.get(key, ()):
                right, top, foot, tall = ends[n]
                band = foot - top
                tall = tall if tall > high else high
                gap = x0 - right
                if gap > 1.15 * tall or gap < -2.5 * tall or high < 0.35 * band or high > 2.9 * band:
                    continue
                shared = ((y1 if y1 < foot else foot) - (y0 if y0 > top else top)) / (high if high < band else band)
                score = shared - (0.15 * gap / tall if gap > 0 else 0.0)
                if shared >= 0.5 and score > level:
                    best, level = n, score
        if best < 0:
            best = len(rows)
            rows.append([])
            ends.append((x1, y0, y1, max(high, usual)))
        rows[best].append(letter)
        last = rows[best][-5:]
        top, foot = min(b[1] for b in last), max(b[3] for b in last)
        ends[best] = max(ends[best][0], x1), top, foot, max(ends[best][3], foot - top)
        key = (y0 + y1) // 2 // step
        if best not in shelf[key]:
            shelf[key].append(best)
    return [PrintLine(row, _bounds(row)) for row in rows]


def _bounds(boxes: Sequence[PixelBox]) -> PixelBox:
    return min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes)


def _attach(marks: Letters, lines: list[PrintLine]) -> None:
    """Dots, commas and hyphens widen the line they stand in or at the end of; what stands nowhere is dirt."""
    for mark in sorted(marks):
        y = (mark[1] + mark[3]) / 2
        for line in lines:
            x0, y0, x1, y1 = line.box
            high = y1 - y0
            if y0 - 0.1 * high <= y <= y1 + 0.15 * high and x0 - 0.5 * high <= mark[0] and mark[2] <= x1 + 0.7 * high:
                line.box = (min(x0, mark[0]), y0, max(x1, mark[2]), max(y1, min(mark[3], y1 + int(0.2 * high))))
                break


def _join_pieces(lines: list[PrintLine]) -> list[PrintLine]:
    """Pieces of one justified line with a very wide word space are joined where a neighbouring line bridges the gap."""
    lines = sorted(lines, key=lambda line: (line.box[0], line.box[1]))
    usual = float(np.median([line.box[3] - line.box[1] for line in lines])) if lines else 0.0
    gone: set[int] = set()
    for i, a in enumerate(lines):
        if i in gone:
            continue
        for j in range(i + 1, len(lines)):
            b = lines[j]
            if j in gone:
                continue
            high = max(a.box[3] - a.box[1], b.box[3] - b.box[1], 0.8 * usual)
            gap = b.box[0] - a.box[2]
            if gap > 2.6 * high:
                continue
            level = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
            if level < 0.6 * min(a.box[3] - a.box[1], b.box[3] - b.box[1]) or gap < -0.3 * high:
                continue
            bridged = gap <= 0.5 * high or any(
                c.box[0] < a.box[2] - high and c.box[2] > b.box[0] + high
                and min(abs(c.box[1] - a.box[3]), abs(a.box[1] - c.box[3])) < 1.0 * high
                for k, c in enumerate(lines) if k not in (i, j) and k not in gone
            )  # fmt: skip
            if bridged:
                a.letters = sorted(a.letters + b.letters)
                a.box = _bounds([a.box, b.box])
                gone.add(j)
    return [line for n, line in enumerate(lines) if n not in gone]


def _measure(line: PrintLine, far: Mask) -> None:
    """Type size (pixels) and baseline of a line, from the height of its small letters."""
    boxes = np.array(line.letters, float)
    high = boxes[:, 3] - boxes[:, 1]
    line.foot = float(np.median(boxes[:, 3]))
    typical = float(np.median(high))
    standing = high[np.abs(boxes[:, 3] - line.foot) <= max(1.5, 0.12 * typical)]
    low = float(np.percentile(standing if len(standing) else high, 30))
    x_height = _plateau(far, line, low)
    tall = (standing > 1.25 * x_height) & (standing < 1.8 * x_height)
    if tall.sum() >= max(1, 0.06 * len(standing)):
        line.size = x_height / X_HEIGHT
    else:  # capitals or figures only, or a short word
        below = (boxes[:, 3] > line.foot + 0.2 * typical).any()
        line.size = x_height / (X_HEIGHT if below else CAP_HEIGHT)
        line.sure = False


def _plateau(far: Mask, line: PrintLine, rough: float) -> float:
    """The height of the small letters to a part of a pixel: the width at half height of the line's profile of ink.

    Between baseline and x-line every row of pixels crosses all letters; above and below, only a few reach on.
    """
    x0, y0, x1, y1 = line.box
    top, foot = max(0, y0 - 2), min(far.shape[0], y1 + 2)
    profile = far[top:foot, x0:x1].mean(axis=1, dtype=np.float64)
    base, line_x = line.foot - top, line.foot - rough - top
    inside = profile[max(0, round(line_x + 0.25 * rough)) : max(1, round(base - 0.2 * rough))]
    if not len(inside) or len(line.letters) < 6:
        return rough
    half = 0.55 * float(np.median(inside))
    middle = round((base + line_x) / 2)
    edges = []
    for step in (-1, 1):
        at = middle
        while 0 < at + step < len(profile) - 1 and profile[at + step] > half:
            at += step
        beyond = profile[at + step] if 0 <= at + step < len(profile) else 0.0
        edges.append(at + step * (profile[at] - half) / max(1e-6, profile[at] - beyond))
    height = edges[1] - edges[0]
    return float(height) if 0.75 * rough < height < 1.3 * rough else rough


def _body_size(lines: Sequence[PrintLine]) -> float:
    """The size (pixels) of the running text: that of most lines of some length; 0 where there is no telling.

    Twelve lines of one size are running text; five are, where others on the page are set smaller.
    """
    long = [line for line in lines if len(line.letters) >= 15 and line.sure]
    best, most = 0.0, 0.0
    for line in long:
        peers = [other for other in long if abs(other.size - line.size) <= 0.04 * line.size]
        smaller = any(other.size < 0.93 * line.size for other in long)
        weight = float(sum(peer.width for peer in peers))
        if len(peers) >= (5 if smaller else 12) and weight > most:
            best, most = float(np.median([peer.size for peer in peers])), weight
    return best


def _blocks(lines: list[PrintLine]) -> list[list[PrintLine]]:
    """Lines become paragraphs: one column, one type size, even leading. Sets ``block``, counted from the top."""
    blocks: list[list[PrintLine]] = []
    for line in lines:
        best: list[PrintLine] | None = None
        nearest = float("inf")
        for block in blocks:
            last = block[-1]
            down = line.foot - last.foot
            shared = min(line.box[2], last.box[2]) - max(line.box[0], last.box[0])
            if 0 < down < nearest and shared > 0.4 * min(line.width, last.width):
                best, nearest = block, down
        if best is not None and _goes_on(best, line):
            best.append(line)
        else:
            blocks.append([line])
    blocks.sort(key=lambda block: (block[0].box[1], block[0].box[0]))
    for number, block in enumerate(blocks):
        size = float(np.median([line.size for line in block if line.sure] or [line.size for line in block]))
        for line in block:
            line.block = number
            line.size = size
    return blocks


def _goes_on(block: list[PrintLine], line: PrintLine) -> bool:
    """Whether ``line``, the next below ``block`` in its column, belongs to its paragraph."""
    last = block[-1]
    size = float(np.median([other.size for other in block if other.sure] or [last.size]))
    leading = line.foot - last.foot
    if leading > 1.75 * max(size, line.size):
        return False
    reliable = len(line.letters) >= 12 and len(block[0].letters) >= 12 and line.sure and last.sure
    least, most = (0.91, 1.1) if reliable else (0.75, 1.33) if line.sure and last.sure else (0.62, 1.6)
    if not least < line.size / size < most:
        return False
    if len(block) >= 2:
        usual = float(np.median([b.foot - a.foot for a, b in pairwise(block)]))
        if leading > 1.16 * usual + 1 or leading < 0.8 * usual - 1:
            return False
    left, right = min(other.box[0] for other in block), max(other.box[2] for other in block)
    indent = line.box[0] - last.box[0]
    centred = abs((line.box[0] + line.box[2]) - (left + right)) < 2 * size
    if abs(line.box[0] - left) > 3.5 * size and not centred:
        return False
    # A paragraph ends short and the next begins with an indent, or with other type.
    short = last.box[2] < right - 2 * size and len(block) >= 2
    return not (short and (indent > 0.7 * size or abs(line.size - size) > 0.04 * size) and not centred)
