"""Did a publisher draw on the picture? Arrows, arrowheads, stars, rings, boxes, scale bars and lettering are rejects.

``find_marks`` cuts the picture into crisp flat patches of graphic colour (``annotation_ink``) and asks of each whether
it has the form of a mark (``annotation_shapes``, ``annotation_glyphs``). What does *not* count: a panel letter in a
corner, the scale engraved in a dermatoscope, pen on skin, hair, glare, gel bubbles, a vignette.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from mmskin_hub.curate import annotation_glyphs as glyphs
from mmskin_hub.curate import annotation_shapes as shapes
from mmskin_hub.curate.annotation_ink import Patch, Sheet, Texture, find_sheets, texture, working_size
from mmskin_hub.errors import MissingExtra

Image = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]
Mark = tuple[str, float, Box]  # kind, score, working-size box

# Measured on marks drawn by a program over real skin and tissue (through JPEG, a scan, resizing): 160 arrows were found
# at 0.46 with recall .88, at 0.53 with .85. Of 2,149 untouched pictures none reached 0.45, but of fourteen clean ones
# in case reports two did (a gap in tissue 0.53), so the higher threshold stands unless the caption speaks of a mark.
LEAST_SCORE = 0.53
LEAST_SCORE_TOLD = 0.36
_TOLD = re.compile(r"\barrow|\basterisk|\bstars?\b|circled\b|\bcircles?\b|\bscale bar|\*\)", re.IGNORECASE)
LEAST_PURE = {"white": 0.96, "black": 0.84, "colour": 0.5}  # ink at its fullest; less lowers the score
ALIKE = (0.78, 0.74, 0.66, 0.5)  # how like characters a row of one, two, three or more patches must be


@dataclass(frozen=True)
class MarkFinding:
    """The surest mark of a picture: ``kind`` is "arrow", "arrowhead", "star", "outline", "scale bar", "text" or "" for
    none; ``score`` 0 to 1; ``box`` is x0, y0, x1, y1 in pixels of the picture, None without a mark."""

    annotated: bool
    kind: str
    score: float
    box: tuple[float, float, float, float] | None


NOTHING = MarkFinding(False, "", 0.0, None)


def find_marks(image: Image, caption: str = "") -> MarkFinding:
    """Look for marks drawn on ``image`` (H x W x 3, uint8, RGB); a caption that names arrows or stars is a clue."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"want H x W x 3 uint8 RGB, got {image.shape} {image.dtype}")
    if min(image.shape[:2]) < 24:
        return NOTHING
    try:
        cv2: Any = import_module("cv2")
    except ImportError as error:
        raise MissingExtra("finding drawn marks", "build", "opencv-python-headless") from error
    work, scale = working_size(image, cv2)
    sheets = find_sheets(work, cv2)
    marks: list[Mark] = []
    corners: list[Box] = []
    least = LEAST_SCORE_TOLD if _TOLD.search(caption) else LEAST_SCORE
    for sheet in sheets:
        found, letters = _marks_of(sheet, cv2, least)
        marks += found
        corners += letters
    marks = [mark for mark in marks if mark[0] == "star" or not any(_inside(mark[2], box) for box in corners)]
    if not marks:
        return NOTHING
    kind, score, box = max(marks, key=lambda mark: (mark[1], mark[0], mark[2]))
    return MarkFinding(True, kind, score, (box[0] / scale, box[1] / scale, box[2] / scale, box[3] / scale))


def _marks_of(sheet: Sheet, cv2: Any, least: float) -> tuple[list[Mark], list[Box]]:
    """The marks in one ink, and where its panel letters stand. What lies about an engraved scale does not count."""
    combs = [patch.box for patch in sheet.patches if shapes.comb(patch.mask)]
    patches = [patch for patch in sheet.patches if not any(_near(patch.box, box) for box in combs)]
    marks, letters = _lettering(patches, sheet, cv2)
    for patch in patches:
        marks += [mark for mark in _judge(patch, sheet, cv2) if mark[1] >= least]
    return marks, letters


def _inside(box: Box, area: Box) -> bool:
    """Whether a mark lies on a panel letter (the letter itself, its fringe in another ink, its plate)."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    near = area[0] - 2 <= x <= area[2] + 2 and area[1] - 2 <= y <= area[3] + 2
    return near and box[2] - box[0] <= 2.5 * (area[3] - area[1])


def _near(box: Box, comb: Box) -> bool:
    reach = 2 * min(comb[2] - comb[0], comb[3] - comb[1])
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return comb[0] - reach <= x <= comb[2] + reach and comb[1] - reach <= y <= comb[3] + reach


def _is_ink(grain: Texture, ink: str, crowded: bool) -> bool:
    if crowded:
        return grain.crisp >= 0.7 and grain.flat <= (9 if ink != "colour" else 22) and grain.pure >= LEAST_PURE[ink]
    return grain.crisp >= 0.58 and grain.flat <= (24 if ink != "colour" else 33)


def _judge(patch: Patch, sheet: Sheet, cv2: Any) -> list[Mark]:
    """The mark that one patch is by itself, if any: shape first where that is cheap, then texture, then the rest."""
    if patch.length < 14 or patch.touches > 1:
        return []
    grain = texture(patch, sheet, cv2)
    if not _is_ink(grain, patch.ink, sheet.crowded or patch.touches > 0):
        return []
    full = shapes.filled(patch.mask, cv2)
    scores = {"arrow": 0.0}
    if patch.length >= (40 if sheet.crowded or patch.touches else 26):
        whole = shapes.arrow(full)
        scores["arrow"] = whole if whole >= 0.7 else max(whole, shapes.arrow(patch.mask))
    if sheet.crowded or patch.touches:
        # Drops of glare and gaps in tissue are short and ragged; an arrow among them stands out by its length.
        clear = scores["arrow"] >= 0.7 and shapes.slender(full, cv2) >= 1.5
        scores["arrow"] *= clear and shapes.corners(full, cv2) <= 16
    if not patch.touches:
        scores["arrowhead"] = shapes.arrowhead(full, cv2) if _is_ink(grain, patch.ink, True) else 0.0
        scores["star"] = shapes.star(patch.mask)
        scores["outline"] = shapes.ring(patch.mask, cv2)
        scores["scale bar"] = max(shapes.bar(patch.mask), shapes.ends_bar(patch.mask))
    kind = max(scores, key=lambda name: scores[name])
    score = scores[kind] * min(1.0, grain.crisp) * min(1.0, grain.pure / LEAST_PURE[patch.ink])
    return [(kind, score, patch.box)]


def _lettering(patches: list[Patch], sheet: Sheet, cv2: Any) -> tuple[list[Mark], list[Box]]:
    """Lines of type anywhere, and single letters or figures; and the boxes of the panel letters, which do not count."""
    height, width = sheet.plane.shape
    side = min(height, width)
    small = [p for p in patches if not p.touches and 9 <= p.height <= 0.24 * side and p.width <= 0.3 * side]
    marks: list[Mark] = []
    letters: list[Box] = []
    for row in glyphs.lines([p.box for p in small]):
        members = [small[i] for i in row]
        box = glyphs.union([p.box for p in members])
        if glyphs.panel_letter(box, (width, height), len(members)):
            if max(glyphs.likeness(p.mask) for p in members) >= 0.55:
                letters.append(box)
            continue
        alike = sorted((glyphs.likeness(p.mask) for p in members), reverse=True)
        best = float(np.mean(alike[: max(1, (2 * len(alike) + 2) // 3)]))
        least = ALIKE[min(len(members), len(ALIKE)) - 1] + (0.1 if sheet.crowded else 0)
        if best < least or (len(members) == 1 and members[0].height < 14):
            continue
        grains = [texture(p, sheet, cv2) for p in members]
        if all(_is_ink(grain, members[0].ink, sheet.crowded or len(members) == 1) for grain in grains):
            marks.append(("text", min(1.0, 0.25 + best), box))
    return marks, letters
