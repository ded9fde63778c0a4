"""The plots of a report, as inline SVG: no script, no style attribute, colours from the page's classes, and a text.

Every plot is a ``role="img"`` with a label that says what it shows; its numbers also stand in a table near it.
Lengths are in pixels of the drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from markupsafe import Markup

LABELS = 260
"""The room for labels on the left."""
SHADE = 0.65
"""How dark a cell of a whole row is: any darker, and its number could not be read on the page's colours."""
_LETTER = 6.6


class Mark(NamedTuple):
    """One line of an interval plot; ``quiet`` draws it pale (too few samples to count)."""

    label: str
    value: float
    low: float | None
    high: float | None
    quiet: bool = False


def confusion(classes: Sequence[str], table: Sequence[Sequence[int]]) -> Markup:
    """The confusion matrix: a row a true class, a column a class said, shaded by the share of the row."""
    side = 34 if len(classes) <= 12 else 24
    columns = [str(number) for number in range(1, len(classes) + 1)] + ["none"]
    parts = [_text(LABELS + side * (n + 0.5), side * 0.65, name, "middle") for n, name in enumerate(columns)]
    for row, (name, counts) in enumerate(zip(classes, table, strict=True)):
        top, total = side * (row + 1), sum(counts)
        parts.append(_text(LABELS - 6, top + side * 0.65, f"{_cut(name)} {row + 1}", "end"))
        for column, count in enumerate(counts):
            share = count / total if total else 0.0
            said = classes[column] if column < len(classes) else "no class"
            kind = "right" if column == row else "wrong"
            left = LABELS + side * column
            parts.append(
                f"<g><title>{escape(f'{name}, said {said}: {count} of {total}')}</title>"
                f'<rect class="frame" x="{left}" y="{top}" width="{side}" height="{side}"/>'
                f'<rect class="{kind}" x="{left}" y="{top}" width="{side}" height="{side}" '
                f'fill-opacity="{SHADE * share:.3f}"/>'
                + (_text(left + side / 2, top + side * 0.65, str(count), "middle") if count else "")
                + "</g>"
            )
    right = sum(table[n][n] for n in range(len(classes)))
    label = f"Confusion matrix of {len(classes)} classes; {right} of {sum(map(sum, table))} samples on the diagonal"
    return _svg(LABELS + side * len(columns) + 2, side * (len(classes) + 1) + 2, parts, label)


def reliability(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """The reliability diagram: accuracy over confidence, the share of the samples in a bin below."""
    left, side, below = 44, 260, 50
    total = max(1, sum(each["n"] for each in bins))
    parts = [f'<rect class="frame" x="{left}" y="6" width="{side}" height="{side}"/>']
    parts.append(f'<line class="guide" x1="{left}" y1="{6 + side}" x2="{left + side}" y2="6"/>')
    for each in bins:
        if not each["n"]:
            continue
        x, width = left + side * each["low"], side * (each["high"] - each["low"])
        height, share = side * each["accuracy"], below * each["n"] / total
        words = f"confidence {each['confidence']:.2f}: {each['accuracy']:.2f} right of {each['n']}"
        parts.append(
            f"<g><title>{escape(words)}</title>"
            f'<rect class="right" x="{x:.1f}" y="{6 + side - height:.1f}" width="{width - 1:.1f}" '
            f'height="{height:.1f}"/>'
            f'<rect class="count" x="{x:.1f}" y="{side + 24}" width="{width - 1:.1f}" height="{share:.1f}"/></g>'
        )
    for tick in (0.0, 0.5, 1.0):
        parts.append(_text(left + side * tick, side + 20, f"{tick:g}", "middle"))
        parts.append(_text(left - 6, 10 + side * (1 - tick), f"{tick:g}", "end"))
    parts.append(_text(left + side / 2, side + below + 40, "confidence; below: share of samples", "middle"))
    return _svg(left + side + 10, side + below + 48, parts, "Reliability diagram: accuracy by confidence")


def intervals(marks: Sequence[Mark], label: str, guides: Iterable[float] = ()) -> Markup:
    """Figures from 0 to 1 with their intervals, one a line; ``guides`` are vertical lines, such as chance."""
    line, width = 24, 420
    height = line * len(marks)
    parts = [f'<rect class="frame" x="{LABELS}" y="2" width="{width}" height="{height}"/>']
    for at in guides:
        parts.append(f'<line class="guide" x1="{_at(at, width)}" y1="2" x2="{_at(at, width)}" y2="{height + 2}"/>')
    for number, mark in enumerate(marks):
        y = line * number + line / 2 + 2
        words = f"{mark.label}: {mark.value:.3f}"
        parts.append(f'<g class="{"pale" if mark.quiet else "plain"}">')
        if mark.low is not None and mark.high is not None:
            words += f", 95 % interval {mark.low:.3f} to {mark.high:.3f}"
            parts.append(
                f'<line class="whisker" x1="{_at(mark.low, width)}" y1="{y}" x2="{_at(mark.high, width)}" y2="{y}"/>'
            )
        parts.append(f"<title>{escape(words)}</title>")
        parts.append(f'<circle class="dot" cx="{_at(mark.value, width)}" cy="{y}" r="5"/>')
        parts.append(_text(LABELS - 8, y + 4, _cut(mark.label), "end") + "</g>")
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_text(_at(tick, width), height + 18, f"{tick:g}", "middle"))
    return _svg(LABELS + width + 20, height + 26, parts, label)


def _at(value: float, width: int) -> float:
    return round(LABELS + width * min(1.0, max(0.0, value)), 1)


def _cut(text: str) -> str:
    room = int((LABELS - 40) / _LETTER)
    return text if len(text) <= room else text[: room - 1] + "…"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, parts: Iterable[str], label: str) -> Markup:
    head = f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
    return Markup(f'{head} height="{height:g}">{"".join(parts)}</svg>')
