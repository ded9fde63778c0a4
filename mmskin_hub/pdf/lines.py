"""Fragments of text become printed lines, and lines become paragraphs.

A PDF knows no lines: a word, a letter or a whole row may be one drawing operation, in any order. What a reader sees
as one line is what stands on one baseline with gaps no wider than a word space; what a reader sees as one paragraph
is lines of one type size, evenly led, in one column. All boxes are in PDF points of the upright page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mmskin_hub.pdf.layout import Box, Line

_LABEL_WORD = re.compile(r"\s*(?:Fig|FIG|Plate|PLATE|Photo|Image)")

#: Larger type than this (points) is a title, whose raised letters nobody joins.
TALLEST = 40.0

#: A gap wider than this many type sizes ends a line: a gutter, or the next cell of a table.
WIDEST_SPACE = 1.0
#: The same between fragments of one MuPDF line, which MuPDF has already judged to belong together.
WIDEST_SPACE_WITHIN = 2.2


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of text in one style: ``block`` and ``row`` number the MuPDF block and line it came from."""

    text: str
    box: Box
    font: str
    size: float
    bold: bool
    italic: bool
    superscript: bool
    colour: int
    block: int
    row: int


def assemble_lines(fragments: Sequence[Fragment]) -> tuple[Line, ...]:
    """Join fragments to lines by baseline and gap, then number their paragraphs (``Line.block``), top to bottom.

    Order of the input does not matter. Cost is O(n log n) but for crowded baselines.
    """
    rows: list[list[Fragment]] = []
    bases: list[float] = []
    recent = 0  # rows before this one end too far above to be gone on with
    for piece in sorted(fragments, key=lambda f: (round(_baseline(f), 1), f.box.x0, f.text)):
        base = _baseline(piece)
        while recent < len(rows) and bases[recent] < base - TALLEST:
            recent += 1
        for number in range(len(rows) - 1, recent - 1, -1):
            if abs(bases[number] - base) < 0.7 * max(piece.size, rows[number][0].size) and _continues(
                rows[number], piece
            ):
                rows[number].append(piece)
                break
        else:
            rows.append([piece])
            bases.append(base)
    merged = [_line(sorted(row, key=_left)) for row in _close_rows(rows)]
    return number_paragraphs(merged)


def _baseline(piece: Fragment) -> float:
    # The bottom of the box less the descender (about a fifth of the size) is the baseline, near enough to sort by.
    return piece.box.y1 - 0.2 * piece.size


def _continues(row: list[Fragment], piece: Fragment) -> bool:
    """Whether ``piece`` stands on the same baseline as ``row`` and next to one of its fragments."""
    for other in row[-1], row[0]:
        small, large = sorted((other.size, piece.size))
        raised = piece.superscript or other.superscript or small < 0.75 * large
        slack = (0.6 if raised else 0.25) * large
        if abs(_baseline(other) - _baseline(piece)) > slack:
            continue
        gap = max(piece.box.x0 - other.box.x1, other.box.x0 - piece.box.x1)
        if gap <= _widest_space(other, piece) * max(large, 4.0):
            return True
    return False


def _widest_space(a: Fragment, b: Fragment) -> float:
    """How wide, in type sizes, a space between two fragments may be before it is a gutter.

    Runs of several words that MuPDF put into different blocks, or of which the right one opens with a label, stand in
    neighbouring columns even where the gutter is hardly wider than a space.
    """
    if a.block == b.block:
        return WIDEST_SPACE_WITHIN if a.row == b.row else WIDEST_SPACE
    right = a if a.box.x0 > b.box.x0 else b
    if min(a.text.strip().count(" "), b.text.strip().count(" ")) >= 2 or _LABEL_WORD.match(right.text):
        return 0.45
    return WIDEST_SPACE


def _close_rows(rows: list[list[Fragment]]) -> list[list[Fragment]]:
    """Join rows that came apart because their fragments were met out of order."""
    ends = [
        (row[0], row[0], row) if len(row) == 1 else (min(row, key=_left), max(row, key=_right), row) for row in rows
    ]
    ends.sort(key=lambda end: (round(_baseline(end[2][0]) / 2), end[0].box.x0))
    done: list[list[Fragment]] = []
    tails: list[tuple[Fragment, Fragment, int]] = []  # leftmost and rightmost fragment of a row, and its place
    for first, last, row in ends:
        for k in range(len(tails) - 1, max(-1, len(tails) - 7), -1):
            head, tail, place = tails[k]
            if abs(tail.box.y1 - first.box.y1) > 2 * first.size + 4:
                continue
            a, b = (tail, first) if head.box.x0 <= first.box.x0 else (last, head)
            if abs(a.box.y1 - b.box.y1) < max(a.size, b.size) and _continues([a], b):
                done[place].extend(row)
                tails[k] = (min(head, first, key=_left), max(tail, last, key=_right), place)
                break
        else:
            tails.append((first, last, len(done)))
            done.append(list(row))
    return done


def _left(piece: Fragment) -> float:
    return piece.box.x0


def _right(piece: Fragment) -> float:
    return piece.box.x1


def _line(row: list[Fragment]) -> Line:
    """One line of the fragments of ``row`` (left to right), with a space where the gap is that of a word."""
    if len(row) == 1:  # most lines
        only = row[0]
        text = " ".join(only.text.split())
        return Line(text, only.box, only.font, round(only.size, 1), only.bold, only.italic, False, only.colour)
    text = row[0].text
    box = row[0].box
    for before, piece in pairwise(row):
        gap = piece.box.x0 - before.box.x1
        spaced = text.endswith((" ", "\xa0")) or piece.text.startswith((" ", "\xa0"))
        text += piece.text if spaced or gap < 0.12 * min(before.size, piece.size) else " " + piece.text
        box = box.union(piece.box)
    weight: Counter[tuple[str, float]] = Counter()
    bold = italic = total = 0
    for piece in row:
        count = len(piece.text.strip())
        weight[piece.font, round(piece.size, 1)] += count
        bold += count * piece.bold
        italic += count * piece.italic
        total += count
    (font, size), _ = max(weight.items(), key=lambda item: (item[1], item[0]))
    first, last = row[0], row[-1]
    lead = (first.bold, first.font, first.colour) != (last.bold, last.font, last.colour)
    return Line(
        text=" ".join(text.split()),
        box=box,
        font=font,
        size=size,
        bold=2 * bold > total,
        italic=2 * italic > total,
        lead_bold=lead and (first.bold or first.colour != last.colour or first.font != last.font),
        colour=last.colour,
    )


def number_paragraphs(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Set ``Line.block``: lines of one size, evenly led and overlapping sideways make one paragraph."""
    ordered = sorted(lines, key=lambda li: (li.box.y0, li.box.x0, li.text))
    tails: list[tuple[Line, int, float]] = []  # last line of each open paragraph, its number, its leading (0: unknown)
    count = 0
    out: list[Line] = []
    for line in ordered:
        tails = [t for t in tails if line.box.y0 - t[0].box.y1 < 3 * max(line.size, 6.0)]
        best = None
        for place, (tail, _, leading) in enumerate(tails):
            if not _follows(tail, line, leading):
                continue
            offset = abs(tail.box.x0 - line.box.x0)
            if best is None or offset < best[0]:
                best = (offset, place)
        if best is None:
            tails.append((line, count, 0.0))
            out.append(_numbered(line, count))
            count += 1
        else:
            tail, number, leading = tails[best[1]]
            pitch = line.box.y1 - tail.box.y1
            tails[best[1]] = (line, number, leading or pitch)
            out.append(_numbered(line, number))
    return tuple(out)


def _numbered(line: Line, block: int) -> Line:
    # dataclasses.replace() costs three times as much, and every line of every page comes by here.
    return Line(
        line.text, line.box, line.font, line.size, line.bold, line.italic, line.lead_bold, line.colour, block,
        line.confidence,
    )  # fmt: skip


def _follows(tail: Line, line: Line, leading: float) -> bool:
    size = max(tail.size, line.size, 1.0)
    pitch = line.box.y1 - tail.box.y1
    if not 0.5 * size < pitch < (1.25 * leading if leading else 1.75 * size):
        return False
    if abs(tail.size - line.size) > max(0.3, 0.04 * size):
        return False
    overlap = min(tail.box.x1, line.box.x1) - max(tail.box.x0, line.box.x0)
    if overlap < 0.3 * min(tail.box.width, line.box.width):
        return False
    # Prose fills its column: where the two begin at the same place, centred or justified, they are of one paragraph.
    aligned = abs(tail.box.x0 - line.box.x0) < 2.5 * size
    centred = abs(tail.box.centre[0] - line.box.centre[0]) < 1.5 * size
    right = abs(tail.box.x1 - line.box.x1) < 1.0 * size
    return aligned or centred or right
