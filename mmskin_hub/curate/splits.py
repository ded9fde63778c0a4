"""Train, validation and test (80 / 10 / 10), decided by content: what belongs together is never torn apart.

Rows become groups, groups become splits. What must not straddle a split, because one side would give the other away:

* the panels of a figure, and the pictures that share a figure label on one page or the next;
* pictures of the same scene: hashes up to :data:`duplicates.SAME_SCENE` bits apart, which also holds copies cropped
  by 2 % and most second photographs of a lesion, far more than is removed as a duplicate;
* the same bytes; the same caption, where it is long enough to be somebody's own words (and, to tie two books that are
  split as books, long enough to be a reprint);
* figures of one patient, where a caption says so ("same patient as in Figure 3", "the same lesion");
* with splits by book, everything in a book, and books that share any of the above.

A group has a number between 0 and 1, from the SHA-256 of its content, and that number alone puts it into test (below
.1), validation (below .2) or train, so a pair does not change sides when books are added, unless they tie groups
together. Only where the shares would stray by more than :data:`TOLERANCE` (few groups, or large ones) are the groups
next to the boundary moved. From three groups on, no split is empty; two groups become train and test, one is train.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

from mmskin_hub.curate.disjoint import DisjointSets
from mmskin_hub.curate.duplicates import SAME_SCENE, HashIndex, caption_key
from mmskin_hub.pdf.labels import parse_label
from mmskin_hub.schema import Row

SHARE = 0.1
"""The share of the rows in test, and in validation."""
TOLERANCE = 0.02
"""How far a share may stray before groups are moved, in shares of all rows."""
MIN_BOOKS = 5
"""With fewer books, splits go by figure."""
MIN_BOOK_GROUPS = 3
"""The same where the books share pictures until fewer groups than splits are left of them."""

OWN_WORDS = 8
"""Words from which an identical caption ties two figures: "Basal cell carcinoma of the nose" is everybody's."""
REPRINT_WORDS = 20
"""Words from which it ties two books: one is a reprint of the other, or both print a third."""

_SALT = "mmskin-split-1:"

_SAME_PATIENT = re.compile(
    r"\bsame\s+(?:\w+\s+)?(?:patient|lesion|case|child|infant|baby|boy|girl|man|woman|individual|person|plaque|nodule|"
    r"tumou?r|area|site|biopsy|specimen|section|nevus|naevus|mole|family)\b",
    re.IGNORECASE,
)
_MENTION = re.compile(
    r"\b(?:fig|figs|figure|figures|plate|picture|photo|photograph|image)\b\.?\s*[0-9IVXL]", re.IGNORECASE
)


def assign_splits(rows: Sequence[Row], how: str = "auto") -> list[str]:
    """The split ("train", "validation" or "test") of each of ``rows``, whatever their order.

    ``rows`` need the fields of :class:`mmskin_hub.schema.Candidate`, the image excepted. ``how`` is "figure", "book",
    or "auto": by book where there are at least :data:`MIN_BOOKS`, otherwise by figure. Raises ``ValueError`` for any
    other ``how``.
    """
    if how not in ("auto", "book", "figure"):
        raise ValueError(f"how={how!r} is none of auto, book, figure")
    sets = _figure_groups(rows)
    if how != "figure":
        books = sets.copy()
        books.join_alike(enumerate(str(row["book"]) for row in rows))
        groups = books.groups()
        enough = len({row["book"] for row in rows}) >= MIN_BOOKS and len(groups) >= MIN_BOOK_GROUPS
        if how == "book" or enough:
            return _assign(groups, lambda i: str(rows[i]["book"]), len(rows))
    sets.join_alike(enumerate(caption_key(str(row["caption"]), OWN_WORDS) for row in rows))
    return _assign(sets.groups(), lambda i: _content(rows[i]), len(rows))


def _content(row: Row) -> str:
    # The digest of the picture; where pictures repeat, they are one group and share it.
    return str(row["digest"]) or f"{row['book']}:{row['figure']}:{row['panel']}"


def _figure_groups(rows: Sequence[Row]) -> DisjointSets:
    sets = DisjointSets(len(rows))
    sets.join_alike(enumerate((str(row["book"]), str(row["figure"])) if row["figure"] else None for row in rows))
    sets.join_alike(enumerate(str(row["digest"]) for row in rows))
    sets.join_alike(enumerate(caption_key(str(row["caption"]), REPRINT_WORDS) for row in rows))
    hashes = HashIndex(rows)
    for group in hashes.groups():
        for other in group[1:]:
            sets.join(group[0], other)
    for one, other, _ in hashes.neighbours(SAME_SCENE):
        sets.join(one, other)
    labels = [_label_key(row) for row in rows]
    _join_labels(rows, labels, sets)
    _join_patients(rows, labels, sets)
    return sets


def _join_labels(rows: Sequence[Row], labels: Sequence[str], sets: DisjointSets) -> None:
    """One label on one page or on facing pages is one figure; chapters may use it again, so no further."""
    places: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for index, row in enumerate(rows):
        if labels[index]:
            places[str(row["book"]), labels[index]].append((int(row["page"]), index))
    for found in places.values():
        for (page, index), (next_page, next_index) in pairwise(sorted(found)):
            if next_page - page <= 1:
                sets.join(index, next_index)


def _join_patients(rows: Sequence[Row], labels: Sequence[str], sets: DisjointSets) -> None:
    """Figures whose caption says that they show the patient of another: the one it names, or the one before."""
    books: dict[str, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        books[str(row["book"])].append(index)
    for members in books.values():
        members.sort(key=lambda i: _reading_order(rows[i]))
        labelled: dict[str, list[int]] = defaultdict(list)
        for index in members:
            labelled[labels[index]].append(index)
        for place, index in enumerate(members):
            row = rows[index]
            if not _SAME_PATIENT.search(str(row["caption"])):
                continue
            named = [labelled[key] for key in _mentioned(str(row["caption"])) if key in labelled]
            for same in named:
                # Labels start again with each chapter: the nearest of that name is meant.
                sets.join(index, min(same, key=lambda i: abs(int(rows[i]["page"]) - int(row["page"]))))
            before = (i for i in reversed(members[:place]) if rows[i]["figure"] != row["figure"])
            if not named and (other := next(before, None)) is not None:
                sets.join(index, other)


def _mentioned(caption: str) -> list[str]:
    """The numbers of the figures a caption speaks of, in normal form."""
    found = [parse_label(caption[match.start() :]) for match in _MENTION.finditer(caption)]
    return [key for label in found if label for key in (label.numbers or (label.key,)) if key]


def _label_key(row: Row) -> str:
    label = parse_label(str(row["figure_label"]))
    return label.key if label else ""


def _reading_order(row: Row) -> tuple[int, int, str, str]:
    return int(row["page"]), _figure_number(row), str(row["panel"]), _content(row)


def _figure_number(row: Row) -> int:
    digits = re.search(r"\d+$", str(row["figure"]))
    return int(digits[0]) if digits else 0


def _assign(groups: Sequence[list[int]], key: Callable[[int], str], count: int) -> list[str]:
    """The split of each row: groups in the order of their number, test first, then validation, the rest train."""
    ranked = sorted((_unit(min(key(i) for i in group)), group) for group in groups)
    splits = ["train"] * count
    limit = 0.0
    for name in ("test", "validation"):
        limit += SHARE
        chosen = _fill(ranked, limit, count)
        if not chosen and len(ranked) > 1:
            # Too few groups for a tenth of them: the smallest one is nearest to it.
            chosen = [min(range(len(ranked)), key=lambda place: (len(ranked[place][1]), ranked[place][0]))]
        taken = set(chosen)
        for place in taken:
            for index in ranked[place][1]:
                splits[index] = name
        ranked = [group for place, group in enumerate(ranked) if place not in taken]
    return splits


def _fill(ranked: Sequence[tuple[float, list[int]]], limit: float, count: int) -> list[int]:
    """Places of the groups that make up a tenth: those numbered below ``limit``, more or fewer where that strays."""
    low, high = (SHARE - TOLERANCE) * count, (SHARE + TOLERANCE) * count
    chosen: list[int] = []
    size = 0
    for place, (number, group) in enumerate(ranked):
        middle = size + len(group) / 2
        if middle <= low or (number < limit and middle <= high):
            chosen.append(place)
            size += len(group)
    return chosen


def _unit(key: str) -> float:
    """A number from 0 to 1 that ``key`` alone decides."""
    return int.from_bytes(hashlib.sha256((_SALT + key).encode()).digest()[:8], "big") / 2**64
