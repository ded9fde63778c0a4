"""Which caption belongs to which picture: one assignment over a page, then over what its neighbours left.

Every picture-caption couple of a page gets a **score** from 0 to 1: how near they are, how well they share a column,
whether something stands between them, and how often the book puts its captions on that side (the *habit*, learned
from the couples of the same run of pages that leave no doubt). The assignment that maximises the sum of scores is
found with the Hungarian method (Kuhn 1955; :func:`scipy.optimize.linear_sum_assignment`); a caption with lettered
panels, or with several numbers, may take as many pictures.

What is left then finds its partner by number ("7" at the picture, "7. Psoriasis …" in the legend), on the facing
page, in a caption that a whole row of pictures shares, or in a paragraph without a label.

All boxes are in PDF points of the upright page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from mmskin_hub.pdf.captions import NOT_FIGURES, TypeStyle
from mmskin_hub.pdf.layout import Box, Caption, Page, Picture
from mmskin_hub.pdf.legends import find_legends
from mmskin_hub.pdf.panels import read_panels
from mmskin_hub.pdf.unlabelled import REACH, find_unlabelled

#: Couples that score below this are no couples.
LEAST_SCORE = 0.12
#: Distance (points) over which the score falls to 1/e; in a margin a narrow picture leaves its caption far away.
DECAY = {"below": 70.0, "above": 70.0, "left": 140.0, "right": 140.0, "inside": 70.0}
SIDES = ("below", "above", "right", "left", "inside")


@dataclass(frozen=True, slots=True)
class Match:
    """One picture with its caption. ``score`` is 0 to 1; ``how`` names the rule that found it."""

    picture: Picture
    caption: Caption
    score: float
    how: str = "place"


@dataclass
class PageMatch:
    """One page while it is being solved: what it holds, and what has been matched so far."""

    page: Page
    pictures: list[Picture]
    captions: list[Caption]
    matches: list[Match] = field(default_factory=list)

    @cached_property
    def prose(self) -> list[Box]:
        """The boxes of the lines that are more than a letter or a number at a picture."""
        return [line.box for line in self.page.lines if len(line.text) > 12]

    @property
    def free_pictures(self) -> list[Picture]:
        """The pictures of the page that no match has."""
        taken = {m.picture.index for m in self.matches}
        return [p for p in self.pictures if p.index not in taken]

    def free_captions(self, used: set[tuple[int, Box]]) -> list[Caption]:
        """Labelled figure captions of the page that no picture anywhere has; ``used`` holds (page, box) of the rest."""
        return [c for c in self.captions if c.kind not in NOT_FIGURES and (c.page, c.box) not in used]


Habit = dict[str, float]


def side_of(picture: Box, caption: Box) -> tuple[str, float, float]:
    """Where a caption stands: the side, the gap in points, and the share (0 to 1) of the narrower one that overlaps."""
    dx = max(picture.x0 - caption.x1, caption.x0 - picture.x1)
    dy = max(picture.y0 - caption.y1, caption.y0 - picture.y1)
    across = max(0.0, min(picture.x1, caption.x1) - max(picture.x0, caption.x0))
    along = max(0.0, min(picture.y1, caption.y1) - max(picture.y0, caption.y0))
    share_x = across / max(1.0, min(picture.width, caption.width))
    share_y = along / max(1.0, min(picture.height, caption.height))
    if dx < -2 and dy < -2 and min(share_x, share_y) > 0.6:
        return "inside", 0.0, 1.0
    if dy >= dx:
        side = "below" if caption.centre[1] > picture.centre[1] else "above"
        return side, (max(0.0, dy) if dx <= 0 else math.hypot(dx, max(0.0, dy))), share_x
    side = "right" if caption.centre[0] > picture.centre[0] else "left"
    return side, (max(0.0, dx) if dy <= 0 else math.hypot(dx, max(0.0, dy))), share_y


def learn_habit(pages: Sequence[PageMatch]) -> Habit:
    """How often each side carries the caption, as a factor from .4 to 1, from couples that are each other's nearest.

    Without any such couple captions are expected below, then beside, then above.
    """
    votes = dict.fromkeys(SIDES, 0.0)
    votes.update(below=1.0, right=0.6, left=0.6, above=0.6, inside=0.3)
    for page in pages:
        figures = [c for c in page.captions if c.kind not in NOT_FIGURES]
        for caption in figures:
            near = sorted(
                (gap, p.index, side)
                for p in page.pictures
                for side, gap, share in [side_of(p.box, caption.box)]
                if share > 0.5 and gap < 60
            )
            if not near:
                continue
            gap, index, side = near[0]
            if len(near) > 1 and near[1][2] != side and near[1][0] < 1.5 * gap + 4:
                continue
            picture = page.pictures[index]
            rivals = [side_of(picture.box, c.box) for c in figures if c is not caption]
            if any(g < 1.5 * gap + 4 and s > 0.5 for _, g, s in rivals):
                continue
            votes[side] += 1
    best = max(votes.values())
    return {side: 0.4 + 0.6 * count / best for side, count in votes.items()}


def couple_score(page: PageMatch, picture: Picture, caption: Caption, habit: Habit, chained: bool = False) -> float:
    """The score (0 to 1) of one couple of a page; ``chained`` lets other pictures stand between (lettered panels)."""
    side, gap, share = side_of(picture.box, caption.box)
    if share <= 0.05 and gap > 30:
        return 0.0
    aligned = min(abs(picture.box.x0 - caption.box.x0), abs(picture.box.centre[0] - caption.box.centre[0])) < 8
    score = habit[side] * math.exp(-gap / DECAY[side]) * (0.35 + 0.6 * min(1.0, share) + 0.05 * aligned)
    corridor = _corridor(picture.box, caption.box, side)
    if corridor.area > 0:
        for other in page.captions:
            if other is not caption and _stands_in(corridor, other.box):
                score *= 0.25
        if not chained:
            for rival in page.pictures:
                if rival is not picture and _stands_in(corridor, rival.box):
                    score *= 0.3
        between = sum(corridor.covers(box, 0.5) for box in page.prose)
        score *= 0.75 ** min(between, 6)
    return score * caption.certainty


def _corridor(picture: Box, caption: Box, side: str) -> Box:
    if side in ("below", "above"):
        x0, x1 = max(picture.x0, caption.x0), min(picture.x1, caption.x1)
        y0, y1 = (picture.y1, caption.y0) if side == "below" else (caption.y1, picture.y0)
    else:
        y0, y1 = max(picture.y0, caption.y0), min(picture.y1, caption.y1)
        x0, x1 = (picture.x1, caption.x0) if side == "right" else (caption.x1, picture.x0)
    return Box(x0, y0, max(x0, x1), max(y0, y1))


def _stands_in(corridor: Box, box: Box) -> bool:
    shared = corridor.intersect(box)
    wide = shared.width > 0.3 * min(corridor.width, box.width)
    return wide and shared.height > 0.5 * min(corridor.height, box.height)


def capacity(caption: Caption) -> int:
    """How many pictures a caption may take on its own account: its lettered panels, or the numbers of its label."""
    panels = read_panels(caption.body)
    return max(1, len(panels.letters) if panels else 1, len(caption.numbers))


def match_page(page: PageMatch, habit: Habit) -> None:
    """Solve the labelled captions of one page, then let captions take the rest of a row or grid of pictures."""
    from scipy.optimize import linear_sum_assignment

    if not page.pictures or not page.captions:
        return
    columns: list[tuple[Caption, int]] = []
    for caption in page.captions:
        columns += [(caption, k) for k in range(capacity(caption))]
    utility = np.zeros((len(page.pictures), len(columns)))
    for c, (caption, k) in enumerate(columns):
        many = capacity(caption) > 1
        for p, picture in enumerate(page.pictures):
            if k and many:
                utility[p, c] = utility[p, c - 1] * 0.98
            elif picture.number and caption.key and _same_number(picture.number, caption.key):
                utility[p, c] = 0.97 * caption.certainty
            elif many:
                utility[p, c] = _chained_score(page, picture, caption, habit)
            else:
                utility[p, c] = couple_score(page, picture, caption, habit)
    utility[utility < LEAST_SCORE] = 0.0
    for p, c in zip(*linear_sum_assignment(-utility), strict=True):
        if utility[p, c] > 0:
            rivals = np.delete(utility[p], [n for n, (cap, _) in enumerate(columns) if cap is columns[c][0]])
            doubt = float(rivals.max()) / utility[p, c] if rivals.size else 0.0
            score = min(1.0, utility[p, c]) * (1 - 0.3 * min(1.0, max(0.0, doubt)))
            page.matches.append(Match(page.pictures[p], columns[c][0], round(float(score), 4)))
    _share_rows(page)


def _same_number(printed: str, key: str) -> bool:
    """Whether a bare "7" at a picture may stand for the key: "3.7" as well as "7"."""
    return printed == key or ("." in key and "." not in printed and key.rsplit(".", 1)[1] == printed)


def _chained_score(page: PageMatch, picture: Picture, caption: Caption, habit: Habit) -> float:
    """The score of a picture for a caption with panels: that of the nearest picture of its group, a little less."""
    own = couple_score(page, picture, caption, habit, chained=True)
    best = own
    for other in neighbours(page, picture):
        _, _, share = side_of(other.box, caption.box)
        direct = couple_score(page, other, caption, habit, chained=True)
        if share > 0.3 and direct > best:
            best = max(best, 0.9 * direct)
    return best


def neighbours(page: PageMatch, picture: Picture) -> list[Picture]:
    """The pictures of one group with ``picture``: side by side or stacked within :data:`REACH`, no caption between."""
    group = [picture]
    grown = True
    while grown:
        grown = False
        for other in page.pictures:
            if other in group:
                continue
            for member in group:
                side, gap, share = side_of(member.box, other.box)
                if gap <= REACH and share > 0.5:
                    corridor = _corridor(member.box, other.box, side).grow(1)
                    if any(_stands_in(corridor, c.box) for c in page.captions):
                        continue
                    group.append(other)
                    grown = True
                    break
    return [p for p in group if p is not picture]


def _share_rows(page: PageMatch) -> None:
    """Give a picture without a caption that of the picture beside it, where the caption plainly spans both."""
    for picture in page.free_pictures:
        best: Match | None = None
        for match in page.matches:
            caption, partner = match.caption, match.picture
            if caption.kind in NOT_FIGURES or partner.page != picture.page or partner.kind == "vector":
                continue
            if partner not in neighbours(page, picture):
                continue
            side, gap, share = side_of(picture.box, caption.box)
            partner_side, partner_gap, _ = side_of(partner.box, caption.box)
            together = partner.box.union(picture.box)
            level = side == partner_side and abs(gap - partner_gap) < 12 and gap < 40
            centred = abs(together.centre[0] - caption.box.centre[0]) < 0.06 * together.width
            wide = caption.box.width > 1.15 * partner.box.width or (centred and side in ("below", "above"))
            plural = len(caption.numbers) > 1 or capacity(caption) > 1
            flush = abs(picture.box.y0 - partner.box.y0) < 4 and abs(picture.box.y1 - partner.box.y1) < 4
            if (level and wide and share > 0.08) or plural or (flush and side_of(picture.box, partner.box)[1] < 14):
                score = (0.85 if wide or plural else 0.6) * match.score
                if best is None or score > best.score:
                    best = Match(picture, caption, round(score, 4), "shared")
        if best is not None:
            page.matches.append(best)


def match_numbers(page: PageMatch, around: Sequence[PageMatch]) -> None:
    """Match pictures that carry only a number with the legends of the page, or of the pages ``around`` it."""
    wanted = [p.number for p in page.pictures if p.number]
    if not wanted:
        return
    for source in (page, *around):
        free = {p.number: p for p in page.free_pictures if p.number}
        if not free:
            return
        for legend in find_legends(source.page, sorted(free)):
            if (picture := free.get(legend.key)) is not None:
                score = 0.95 if source is page else 0.9
                page.matches.append(Match(picture, legend, score * legend.certainty, "number"))


def match_neighbours(pages: Sequence[PageMatch]) -> None:
    """Match what single pages left over with the captions left over on the page before or after.

    In reading order: the first picture with the first caption. A caption that names the facing page is surer.
    """
    from scipy.optimize import linear_sum_assignment

    used = {(m.caption.page, m.caption.box) for page in pages for m in page.matches}
    pictures = [(n, place, p) for n, page in enumerate(pages) for place, p in enumerate(page.free_pictures)]
    captions = [(n, place, c) for n, page in enumerate(pages) for place, c in enumerate(page.free_captions(used))]
    if not pictures or not captions:
        return
    utility = np.zeros((len(pictures), len(captions)))
    for i, (n, rank, picture) in enumerate(pictures):
        if picture.kind == "vector":
            continue
        for j, (m, place, caption) in enumerate(captions):
            if abs(pages[n].page.number - pages[m].page.number) != 1:
                continue
            score = 0.6 - 0.08 * abs(rank - place)
            if _names_facing_page(caption.text):
                score += 0.25
            if picture.number and caption.key:
                score += 0.3 if _same_number(picture.number, caption.key) else -0.3
            if m == n + 1 and caption.box.y0 < 0.25 * pages[m].page.height:
                score += 0.05  # runs over to the top of the next page
            utility[i, j] = max(0.0, score) * caption.certainty
    for i, j in zip(*linear_sum_assignment(-utility), strict=True):
        if utility[i, j] >= 0.3:
            n, _, picture = pictures[i]
            pages[n].matches.append(Match(picture, captions[j][2], round(float(utility[i, j]), 4), "facing page"))
            _share_across(pages[n], picture, captions[j][2], float(utility[i, j]))


def _names_facing_page(text: str) -> bool:
    head = text[:80].lower()
    return any(word in head for word in ("facing page", "opposite", "overleaf", "previous page", "next page"))


def _share_across(page: PageMatch, picture: Picture, caption: Caption, score: float) -> None:
    """A caption with panels on the facing page takes the other pictures of the group as well."""
    room = capacity(caption) - 1
    for other in page.free_pictures:
        if room <= 0:
            return
        page.matches.append(Match(other, caption, round(0.9 * score, 4), "facing page"))
        room -= 1


def match_unlabelled(page: PageMatch, habit: Habit, style: TypeStyle) -> None:
    """Match the pictures still free with paragraphs that have no label but the type and place of a caption."""
    from scipy.optimize import linear_sum_assignment

    free = [p for p in page.free_pictures if p.kind != "vector"]
    if not free:
        return
    offers = find_unlabelled(page.page, free, page.captions, style)
    if not offers:
        return
    trial = PageMatch(page.page, page.pictures, page.captions + offers)
    utility = np.array([[couple_score(trial, p, c, habit) for c in offers] for p in free])
    utility[utility < 0.2] = 0.0
    strict = 0.85 if style.labelled >= 3 else 1.0  # in a book whose captions have labels one without is doubtful
    for p, c in zip(*linear_sum_assignment(-utility), strict=True):
        if utility[p, c] > 0:
            page.matches.append(Match(free[p], offers[c], round(float(utility[p, c]) * strict, 4), "unlabelled"))
            page.captions.append(offers[c])
