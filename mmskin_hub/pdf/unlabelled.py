"""Captions without a label: a short paragraph close to a picture, in another type than the body, or of its width.

All boxes are in PDF points of the upright page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmskin_hub.pdf.captions import TypeStyle, figure_label, paragraphs
from mmskin_hub.pdf.labels import parse_bare_number, parse_panel_letter
from mmskin_hub.pdf.layout import Box, Caption, Line, Page, Picture

#: An unlabelled caption has at most this many words, and at least two.
LONGEST_UNLABELLED = 90
#: Captions start at most this far (points) from their picture when nothing but place tells them.
REACH = 26.0

_NOT_A_CAPTION = re.compile(
    r"©|copyright|creative commons|open.access|licen[cs]e|all rights|correspond(?:ence|ing)|https?:|www\.|\bdoi\b|@|"
    r"quick response|\breceived\b.*\baccepted\b|how to cite|department of|university|\bISBN\b|\bISSN\b|^chapter \d",
    re.IGNORECASE,
)


def find_unlabelled(
    page: Page, pictures: Sequence[Picture], captions: Sequence[Caption], style: TypeStyle
) -> list[Caption]:
    """Paragraphs of ``page`` that may be captions though they have no label, told by type and place.

    ``captions`` are those already found; their lines are not offered again.
    """
    used = {line.box for caption in captions for line in caption.lines}
    boxes = [c.box for c in captions]
    found = []
    for block in paragraphs(page.lines):
        block = [li for li in block if li.box not in used and not any(b.covers(li.box, 0.7) for b in boxes)]
        if not block:
            continue
        text = "\n".join(line.text for line in block)
        words = len(text.split())
        if not 2 <= words <= LONGEST_UNLABELLED or figure_label(text) or not re.search(r"[^\W\d_]{3}", text):
            continue
        if parse_panel_letter(text) or parse_bare_number(text) or _NOT_A_CAPTION.search(text):
            continue
        box = block[0].box
        for line in block[1:]:
            box = box.union(line.box)
        if box.y1 < 0.06 * page.height or box.y0 > 0.94 * page.height:
            continue  # a running head or a page number
        certainty = max((_unlabelled_certainty(block, box, picture.box, style) for picture in pictures), default=0.0)
        if certainty > 0:
            found.append(Caption(page.number, box, text, certainty=certainty, lines=tuple(block), body=text))
    return found


def _unlabelled_certainty(block: Sequence[Line], box: Box, picture: Box, style: TypeStyle) -> float:
    """How sure it is (0 to 1) that a paragraph is the caption of the picture at ``picture``."""
    below, above = box.y0 - picture.y1, picture.y0 - box.y1
    aside = max(box.x0 - picture.x1, picture.x0 - box.x1)
    within = min(box.x1, picture.x1) - max(box.x0, picture.x0) >= 0.7 * min(box.width, picture.width)
    beside = min(box.y1, picture.y1) - max(box.y0, picture.y0) >= 0.7 * min(box.height, picture.height)
    near = (within and (-2 <= below <= REACH or -2 <= above <= REACH)) or (beside and -2 <= aside <= REACH)
    if not near:
        return 0.0
    line = block[0]
    smaller = style.size and line.size < style.size - 0.4
    larger = style.size and line.size > style.size + 1.5
    other = line.italic or line.bold or (style.font and line.font != style.font)
    if larger:
        return 0.0  # a heading
    if line.bold and len(block) == 1 and line.size >= style.size:
        return 0.0  # a heading too
    fits = within and box.x0 >= picture.x0 - 8 and box.x1 <= picture.x1 + 8
    if smaller or other:
        return 0.75 if fits or beside else 0.6
    # Set like the body: only a short paragraph that keeps to the picture's width is believed.
    words = sum(len(li.text.split()) for li in block)
    return 0.45 if fits and words <= 40 and len(block) <= 5 else 0.0
