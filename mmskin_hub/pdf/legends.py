"""The legends of a plate: "7. Psoriasis … 8. Lichen planus …", told by the numbers printed at the pictures.

All boxes are in PDF points of the upright page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmskin_hub.pdf.captions import figure_label, paragraphs
from mmskin_hub.pdf.labels import normal_number
from mmskin_hub.pdf.layout import Box, Caption, Line, Page

_ENTRY = re.compile(
    r"(?:(?<=^)|(?<=\n)|(?<=[.;:)] )|(?<=[.;:)]\n)|(?<=[.;:)]  ))"
    r"(?P<label>(?:Figs?\.?|Figures?|Nos?\.?|Plate)?\s*[(\[]?(?P<number>\d{1,3}(?:[.\-–]\d{1,3})?|[IVX]{1,5})[)\]]?)"
    r"(?P<mark>[.:,)—–]?)\s+(?=[A-Z(“\"])"
)


def find_legends(page: Page, wanted: Sequence[str]) -> list[Caption]:
    """Legends on ``page`` for pictures that carry only the numbers ``wanted``, one Caption a number.

    A paragraph (or run of paragraphs) is cut at each wanted number that opens a sentence or a line, in the order in
    which the numbers rise.
    """
    needed = set(wanted)
    found: dict[str, Caption] = {}
    for block in paragraphs(page.lines):
        text = "\n".join(line.text for line in block)
        starts = [e for e in _ENTRY.finditer(text) if normal_number(e["number"]) in needed]
        starts = _rising(starts)
        if not starts:
            continue
        if starts[0].start() > 0 and not (figure_label(text) or len(starts) > 1):
            continue
        for k, entry in enumerate(starts):
            end = starts[k + 1].start() if k + 1 < len(starts) else len(text)
            key = normal_number(entry["number"])
            words = text[entry.end() : end].strip()
            if key in found or len(words.split()) < 3:
                continue
            box = _span_box(block, text, entry.start(), end)
            whole = text[entry.start() : end].strip()
            found[key] = Caption(page.number, box, whole, entry["label"].strip(), key, "legend", 0.95, body=words)
    return [found[key] for key in sorted(found)]


def _rising(entries: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """The entries whose numbers rise; one that falls back is a number inside the words of another."""
    out: list[re.Match[str]] = []
    top: tuple[int, ...] = ()
    for entry in entries:
        value = tuple(int(v) for v in normal_number(entry["number"]).split(".") if v.isdigit())
        if value > top:
            out.append(entry)
            top = value
    return out


def _span_box(block: Sequence[Line], text: str, start: int, end: int) -> Box:
    """The box of the lines of ``block`` that hold the characters ``start`` to ``end`` of its joined text."""
    at = 0
    box: Box | None = None
    for line in block:
        if at < end and at + len(line.text) > start:
            box = box.union(line.box) if box else line.box
        at += len(line.text) + 1
    return box or block[0].box
