"""Which of the lines of a page are captions, told by their label ("Fig. 3.2 …").

The label grammar (:mod:`mmskin_hub.pdf.labels`) says where one may begin; the line before it says whether the label
only stands at the start of a line of prose; the caption then grows line by line while column, type and leading stay
the same. Plates and captions without any label have rooms of their own: :mod:`mmskin_hub.pdf.legends` and
:mod:`mmskin_hub.pdf.unlabelled`.

All boxes are in PDF points of the upright page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from mmskin_hub.pdf.labels import Label, normal_number, parse_label, parse_panel_letter
from mmskin_hub.pdf.layout import Box, Caption, Line, Page

#: Label kinds that announce something other than a figure; such captions own their (vector) table or chart.
NOT_FIGURES = ("table", "box", "scheme", "algorithm", "video")

_MAYBE_LABEL = re.compile(r"[\W_]*(?:[FEfPpIiAaTtBbSsCcDdVvLlGgMmРрOoWwe])")
_ENDED = re.compile(r"[.!?)\]”\"’]\s*$")
_DANGLING = re.compile(
    r"(?:\b(?:see|in|and|of|the|from|with|to|by|or|cf\.?|also|as|e\.g\.|compare|both|than|on|for|at|a|an|that|is|are)|[(,\[])\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TypeStyle:
    """The type of body text: what most characters of a run of pages are set in."""

    font: str = ""
    size: float = 0.0
    labelled: int = 0

    def is_body(self, line: Line) -> bool:
        """Whether ``line`` is set like the body text."""
        slack = 0.25 if line.font else 0.06 * self.size  # OCR measures sizes, it does not read them
        return abs(line.size - self.size) <= slack and line.font == self.font and not line.lead_bold


def body_style(pages: Iterable[Page]) -> TypeStyle:
    """The type most characters of ``pages`` are set in, counted over lines of at least four words.

    Paragraphs that open with a label do not count where there are others: an atlas may hold more captions than text.
    """
    prose: Counter[tuple[str, float]] = Counter()
    captions: Counter[tuple[str, float]] = Counter()
    labelled = 0
    for page in pages:
        opened = set()
        for line in page.lines:
            if (label := figure_label(line.text)) and label.certainty >= 0.7 and label.end < len(line.text):
                labelled += 1
                opened.add(line.block)
            if line.text.count(" ") >= 3:
                size = round(line.size * 2) / 2 if line.confidence < 1 else line.size
                weight = captions if line.block in opened and line.block >= 0 else prose
                weight[line.font, size] += len(line.text)
    if not (weight := prose or captions):
        return TypeStyle()
    (font, size), _ = max(weight.items(), key=lambda item: (item[1], item[0]))
    return TypeStyle(font, size, labelled)


@lru_cache(maxsize=16384)
def figure_label(text: str) -> Label | None:
    """:func:`mmskin_hub.pdf.labels.parse_label`, quick on the many lines that cannot begin with a label."""
    return parse_label(text) if _MAYBE_LABEL.match(text) else None


def find_captions(page: Page, style: TypeStyle) -> list[Caption]:
    """The labelled captions of a page, tables and boxes included (``kind`` tells), in reading order of their labels."""
    lines = _joined_labels(page.lines)
    starts = {n: label for n, line in enumerate(lines) if (label := _starts_caption(lines, n, style)) is not None}
    taken: set[int] = set(starts)
    found = []
    for n, label in starts.items():
        members = _grow(lines, n, label, taken, style)
        taken.update(members)
        text = "\n".join(lines[m].text for m in members)
        whole = parse_label(text) or label
        box = lines[n].box
        for m in members[1:]:
            box = box.union(lines[m].box)
        found.append(
            Caption(
                page.number, box, text, whole.printed, whole.key, whole.kind,
                certainty=whole.certainty * min(lines[m].confidence for m in members),
                numbers=whole.numbers, lines=tuple(lines[m] for m in members), body=text[whole.end :],
            )
        )  # fmt: skip
    return found


_BARE = re.compile(r"[\W_]*(?P<number>\d{1,3}[.\-–—]\d{1,3}[A-Z]?)(?P<mark>[.:]?)(?:\s+(?=[A-Z(“\"])|$)")


def _bare_label(lines: Sequence[Line], n: int, style: TypeStyle) -> Label | None:
    """A label of a number alone ("**8.1** Alopecia …"), as atlases set it in the margin in small type.

    Section headings are numbered too: they are larger than the body, or bold to the end.
    """
    line = lines[n]
    found = _BARE.match(line.text)
    if not found or not style.size or line.size > style.size - 0.4:
        return None
    alone = found.end() >= len(line.text)
    below = _next_line(lines, n)
    if alone and (below is None or (line.font and lines[below].block != line.block) or lines[below].bold):
        return None
    if not alone and not line.lead_bold:
        return None
    number = found["number"]
    return Label("figure", number, normal_number(number), "", found.end(), 0.85, (normal_number(number),))


def _joined_labels(lines: Sequence[Line]) -> list[Line]:
    """The lines, with a label that stands alone joined to the text on its right, and in order from top to bottom."""
    ordered = sorted(lines, key=lambda li: (li.box.y0, li.box.x0))
    gone: set[int] = set()
    out: list[Line] = []
    for n, line in enumerate(ordered):
        if n in gone:
            continue
        label = figure_label(line.text)
        if label and label.end >= len(line.text):
            best: int | None = None
            for m in range(max(0, n - 6), min(len(ordered), n + 7)):
                other = ordered[m]
                level = abs(other.box.y1 - line.box.y1) <= 0.35 * max(line.size, other.size, 6)
                gap = other.box.x0 - line.box.x1
                if (
                    m != n
                    and m not in gone
                    and level
                    and 0 <= gap <= 4 * max(line.size, 6)
                    and not figure_label(other.text)
                ):
                    best = m if best is None or ordered[best].box.x0 > other.box.x0 else best
            if best is not None:
                other = ordered[best]
                gone.add(best)
                out = [o for o in out if o is not other]
                text = f"{line.text} {other.text}"
                line = replace(
                    other, text=text, box=line.box.union(other.box), lead_bold=True, block=other.block,
                    confidence=min(line.confidence, other.confidence),
                )  # fmt: skip
        out.append(line)
    return out


def _starts_caption(lines: Sequence[Line], n: int, style: TypeStyle) -> Label | None:
    """The label, where line ``n`` begins a caption rather than a sentence of the body that mentions a figure."""
    line = lines[n]
    label = figure_label(line.text)
    if label is None:
        return _bare_label(lines, n, style)
    below = _next_line(lines, n)
    if below is not None and label.end < len(line.text):
        label = parse_label(f"{line.text}\n{lines[below].text}") or label
    if label.certainty < 0.3:
        return None
    if label.end >= len(line.text) and below is None:
        return None  # nothing but a label: the number of a plate's picture
    plain = style.is_body(line) and not line.bold
    before = _line_above(lines, n)
    if before is not None and before.block == line.block and not parse_panel_letter(before.text):
        # Mid-paragraph: a wrapped reference, unless type or the end of a paragraph set it off.
        if _DANGLING.search(before.text):
            return None
        if plain and not (_ENDED.search(before.text) and before.box.x1 < line.box.x1 - 2 * line.size):
            separated = re.search(r"[.:|—–]", line.text[: label.end][len(label.printed) :])
            if not (separated and _ENDED.search(before.text)):
                return None
    if plain and label.certainty < 0.5:
        return None
    return label


def _line_above(lines: Sequence[Line], n: int) -> Line | None:
    """The nearest line above line ``n`` in its column, within two line heights."""
    line = lines[n]
    for other in reversed(lines[:n]):
        if line.box.y0 - other.box.y1 > 2.5 * max(line.size, 6):
            if line.box.y0 - other.box.y1 > 8 * max(line.size, 6):
                return None
            continue
        shared = min(line.box.x1, other.box.x1) - max(line.box.x0, other.box.x0)
        if other.box.y1 <= line.box.y0 + 0.4 * line.size and shared > 0.3 * min(line.box.width, other.box.width):
            return other
    return None


def _next_line(lines: Sequence[Line], n: int, box: Box | None = None) -> int | None:
    """The line right below line ``n`` in its column, or None; ``box`` is the caption so far."""
    line = lines[n]
    span = box or line.box
    best: int | None = None
    for m in range(n + 1, len(lines)):
        other = lines[m]
        if other.box.y0 - line.box.y1 > 2.2 * max(line.size, 6):
            break
        if other.box.y1 <= line.box.y1 + 0.3 * line.size:
            continue
        shared = min(span.x1, other.box.x1) - max(span.x0, other.box.x0)
        if shared < 0.5 * min(span.width, other.box.width):
            continue
        if best is None or (round(other.box.y0), abs(other.box.x0 - span.x0)) < (
            round(lines[best].box.y0),
            abs(lines[best].box.x0 - span.x0),
        ):
            best = m
    return best


def _grow(lines: Sequence[Line], n: int, label: Label, taken: set[int], style: TypeStyle) -> list[int]:
    """The numbers of the lines of the caption that begins at line ``n``."""
    members = [n]
    box = lines[n].box
    leading = 0.0
    lonely = label.end >= len(lines[n].text)  # the label stands on a line of its own
    while (m := _next_line(lines, members[-1], box)) is not None:
        last, line = lines[members[-1]], lines[m]
        size = max(last.size, line.size, 1.0)
        pitch = line.box.y1 - last.box.y1
        # OCR boxes hug their letters, so that a line without descenders seems closer to the next than it is.
        widest = 1.3 if line.font else 1.7
        if m in taken or pitch > (widest * leading + 0.5 if leading else 1.9 * size):
            break
        fresh = lonely and len(members) == 1
        if not fresh:
            if abs(line.size - last.size) > _size_slack(last):
                break
            if line.bold and not last.bold and not any(lines[k].bold for k in members):
                break
            if line.block != last.block and not (_wraps(last) and _same_type(last, line)):
                break
            if _paragraph_ends(lines, members, line, box, style):
                break
            if line.box.width > 1.35 * box.width and len(members) > 1 and line.box.x0 < box.x0 - 3 * size:
                break
        leading = leading or (0.0 if fresh else pitch)
        members.append(m)
        box = box.union(line.box)
    return members


def _same_type(a: Line, b: Line) -> bool:
    return a.font == b.font and a.italic == b.italic and abs(a.size - b.size) < _size_slack(a)


def _size_slack(line: Line) -> float:
    """By how much type sizes may differ and be the same: OCR, which knows no font, measures the height of letters."""
    return max(0.35, 0.05 * line.size) if line.font else 0.3 * line.size


def _wraps(line: Line) -> bool:
    """Whether a line of a caption stops in the middle of a sentence, so that more must follow."""
    return not _ENDED.search(line.text)


def _paragraph_ends(lines: Sequence[Line], members: Sequence[int], line: Line, box: Box, style: TypeStyle) -> bool:
    """Whether the caption ended with its last line although the next one is set alike.

    A full stop on a line that stops short ends a paragraph; so does a change from the caption's type to the body's.
    """
    last = lines[members[-1]]
    short = last.box.x1 < max(box.x1, line.box.x1) - 0.12 * max(box.width, line.box.width)
    ended = bool(re.search(r"[.!?)\]]\s*$", last.text))
    to_body = style.is_body(line) and not style.is_body(lines[members[-1]])
    if to_body and len(members) > 1 and (ended or last.font != line.font):
        return True
    return ended and short and (style.is_body(line) or line.box.x0 > box.x0 + 0.6 * line.size)


def paragraphs(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines grouped by ``Line.block``, each group from top to bottom, groups in order of their first line."""
    groups: dict[int, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.block, []).append(line)
    return [sorted(g, key=lambda li: (round(li.box.y0), li.box.x0)) for _, g in sorted(groups.items())]
