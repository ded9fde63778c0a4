"""Figures made of vector paths alone: charts, diagrams, maps. They are pictures too, and they own their captions.

A drawing that went unseen would leave its caption to the nearest photograph. Tables, rules and tinted boxes are made
of paths as well and are told apart here: their paths are all horizontals, verticals and rectangles.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmskin_hub.pdf.layout import Box, Page, Stroke

#: Side of a cell of the coarse map on which paths are joined, in points.
CELL = 4.0
#: A drawing is at least this large, in points.
SMALLEST = (50.0, 40.0)
#: Above this share of its area under lines of text, a box is a sidebar.
PROSE_SHARE = 0.3


def find_drawings(page: Page, taken: Sequence[Box]) -> list[Box]:
    """Boxes of the vector drawings of ``page`` that lie clear of the pictures ``taken``, top to bottom."""
    from scipy import ndimage

    strokes = [s for s in page.strokes if _counts(s, page, taken)]
    if not any(_free_form(s) for s in strokes):
        return []
    columns, rows = int(page.width / CELL) + 2, int(page.height / CELL) + 2
    cells = np.zeros((rows, columns), dtype=bool)
    for stroke in strokes:
        x0, y0, x1, y1 = (int(v / CELL) for v in stroke.box.grow(CELL / 2).intersect(page.box))
        cells[y0 : y1 + 1, x0 : x1 + 1] = True
    labels, count = ndimage.label(cells)
    members: list[list[Stroke]] = [[] for _ in range(count + 1)]
    for stroke in strokes:
        x, y = stroke.box.intersect(page.box).centre
        members[labels[int(y / CELL), int(x / CELL)]].append(stroke)
    boxes = [box for group in members[1:] if (box := _drawing(group, page)) is not None]
    return sorted(boxes, key=lambda b: (b.y0, b.x0))


def _counts(stroke: Stroke, page: Page, taken: Sequence[Box]) -> bool:
    box = stroke.box
    if box.width > 0.95 * page.width or box.height > 0.95 * page.height:
        return False
    if not page.box.grow(1).covers(box.grow(0.1), 0.9):
        return False
    return not any(t.grow(3).covers(box.grow(0.1), 0.6) or box.covers(t, 0.95) for t in taken)


def _free_form(stroke: Stroke) -> bool:
    """A path that no table, rule or frame is made of: it runs aslant, or is round."""
    return not stroke.rectangle and stroke.box.width > 3 and stroke.box.height > 3


def _drawing(group: Sequence[Stroke], page: Page) -> Box | None:
    """The box of a cluster of paths, where it is a drawing; None for a table, a frame, an icon, a tinted box."""
    box = group[0].box
    for stroke in group[1:]:
        box = box.union(stroke.box)
    free = [s for s in group if _free_form(s)]
    spread = max((s.box.area for s in free), default=0.0)
    if box.width < SMALLEST[0] or box.height < SMALLEST[1] or not free:
        return None
    if len(free) < 8 and spread < 0.05 * box.area:
        return None
    # A box full of prose is a sidebar whose corners are rounded, not a drawing.
    printed = sum(line.box.area for line in page.lines if box.covers(line.box, 0.9))
    if printed > PROSE_SHARE * box.area:
        return None
    return box.intersect(page.box)
