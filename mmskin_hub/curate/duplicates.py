"""The same pair met twice, in one book or in two: one stays, the others become reject rows.

A **pair** is a duplicate where picture and words are those of another: a second edition, a second scan, a figure
printed again. The same picture under other words is not one, unless the caller says so (``by="picture"``): it says
something more, or something else, of what is seen. Its split follows the picture (:mod:`mmskin_hub.curate.splits`).

A picture is known by two names: the SHA-256 of its bytes, and its perceptual hash, 256 bits that tell whether each
of the 16 × 16 lowest frequencies of the picture lies above their median (``imagehash.phash(hash_size=16)``;
C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). Two hashes are compared by
the number of bits in which they differ. As half of the bits are set, that number is even.

The radii come from 2,149 pictures (HAM10000, PAD-UFES-20, histology), each against each and against its own copies:

======================================================================  ====================================
copies: JPEG 90 to 50, half to double size, tone, 0.5 % cropped           99.8 % within 14, all within 20
copies: 1 % cropped all round; scanned (turned by half a degree, toned)   median 14, 95 % within 28
copies: 2 % cropped all round                                             median 28, 96 % within 40
two photographs of one lesion (HAM10000)                                  1 pair within 14, 5 within 28, 8 to 40
pictures of two different lesions, 2.3 million pairs                      none within 46; 3 to 52
======================================================================  ====================================

So 14 bits tell the same picture, and leave two photographs of one lesion alone. 28 tell it only together with the
same caption in another book (a scanned edition of a born-digital one). Up to 40 bits two pictures show the same
scene: both may be published, but never on two sides of a split (:mod:`mmskin_hub.curate.splits`).
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.schema import Row, row_id

SAME_PICTURE = 14
"""Bits, of 256, up to which two hashes are of the same picture."""
SAME_CAPTION = 28
"""The same, where both carry the same caption in two books."""
SAME_SCENE = 40
"""Bits up to which two pictures must not straddle a split."""

SAME_WORDS = 0.8
"""Share of words (Dice coefficient of the two bags of words) from which two captions say the same."""

CAPTION_WORDS = 4
"""A shorter caption ("Psoriasis of the elbow" has four) says too little to tell a picture by."""

ASPECT_TOLERANCE = 0.05
"""Two copies of a picture have the same ratio of width to height, up to this share."""

_TIES = 16
_ROWS = 64
_COLUMNS = 4096

Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class DuplicateOf:
    """One pair that leaves: ``rows[index]`` shows the picture of ``rows[kept]``, which stays.

    ``reason`` is "duplicate" (the same bytes) or "near_duplicate"; ``distance`` counts the bits, of 256, in which
    the hashes differ; ``detail`` is the sentence for the reject row.
    """

    index: int
    kept: int
    id: str
    kept_id: str
    reason: str
    distance: int
    detail: str


def find_duplicates(rows: Sequence[Row], by: str = "pair") -> list[DuplicateOf]:
    """Every pair of ``rows`` that repeats a better one, in the order of ``rows``.

    ``by`` is "pair" (the same picture with the same words) or "picture" (the same picture, whatever is said of it);
    anything else raises ``ValueError``.

    The better of two is the one with the higher ``pair_score``, then the one with more pixels, then the longer
    caption, then the first by id: never the one that happened to come first. A pair leaves only where its picture
    is that of a pair that stays, so a chain of similar pictures does not collapse into one. ``rows`` need the fields
    of :class:`mmskin_hub.schema.Candidate`, the image excepted; a row without ``phash`` is compared by digest only.
    """
    if by not in ("pair", "picture"):
        raise ValueError(f"by is 'pair' or 'picture', not {by!r}")
    ids = [str(row.get("id") or row_id(row)) for row in rows]
    words = [_words(str(row["caption"])) for row in rows]

    def repeats(one: int, other: int) -> bool:
        return by == "picture" or _say_the_same(words[one], words[other])

    order = sorted(range(len(rows)), key=lambda i: _preference(rows[i], ids[i]))
    rank = {index: place for place, index in enumerate(order)}
    near = _near(rows)
    stays: set[int] = set()
    by_digest: dict[str, list[int]] = defaultdict(list)
    found: dict[int, DuplicateOf] = {}
    for index in order:
        digest = str(rows[index]["digest"])
        twin = next((other for other in by_digest.get(digest, ()) if digest and repeats(index, other)), None)
        if twin is not None:
            found[index] = _duplicate(ids, index, twin, "duplicate", 0)
            continue
        close = [
            (distance, rank[other], other)
            for other, distance in near.get(index, ())
            if other in stays and repeats(index, other)
        ]
        if close:
            distance, _, twin = min(close)
            found[index] = _duplicate(ids, index, twin, "near_duplicate", distance)
            continue
        stays.add(index)
        by_digest[digest].append(index)
    return [found[index] for index in sorted(found)]


def _words(caption: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", caption.casefold()))


def _say_the_same(one: Counter[str], other: Counter[str]) -> bool:
    """Whether two captions share enough words to be one caption, reset or misread here and there."""
    return 2 * (one & other).total() >= SAME_WORDS * (one.total() + other.total())


def _preference(row: Row, identity: str) -> tuple[Any, ...]:
    pixels = int(row.get("width") or 0) * int(row.get("height") or 0)
    # The book's whole fingerprint and the box decide where even the ids are alike.
    last = (str(row["book"]), tuple(row.get("bbox") or ()), str(row["digest"]))
    return (-float(row["pair_score"]), -pixels, -len(str(row["caption"])), identity, *last)


def _duplicate(ids: Sequence[str], index: int, kept: int, reason: str, distance: int) -> DuplicateOf:
    if reason == "duplicate":
        detail = f"The same bytes as {ids[kept]}, which is kept."
    else:
        detail = f"Nearly the same picture as {ids[kept]}, which is kept ({distance} of 256 bits of the hash differ)."
    return DuplicateOf(index, kept, ids[index], ids[kept], reason, distance, detail)


def _near(rows: Sequence[Row]) -> dict[int, list[tuple[int, int]]]:
    """For each row the rows of the same picture, with the distance; rows of one digest stand for each other."""
    first: dict[str, int] = {}
    several = [i for i, row in enumerate(rows) if first.setdefault(str(row["digest"]) or f"#{i}", i) == i]
    # Byte-identical pictures differ in what surrounds them, so each of them needs its own neighbours.
    members: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        members[first.get(str(row["digest"]), i)].append(i)
    links: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for i, j, distance in _same_pictures([rows[k] for k in several]):
        for left in members[several[i]]:
            for right in members[several[j]]:
                links[left].append((right, distance))
                links[right].append((left, distance))
    return links


def _same_pictures(rows: Sequence[Row]) -> Iterable[tuple[int, int, int]]:
    """All (i, j, distance), i < j, of rows that show the same picture by their hashes; every pair once."""
    index = HashIndex(rows)
    seen: dict[tuple[int, int], int] = {}
    for i, j, distance in index.pairs(SAME_PICTURE):
        if _same_shape(rows[i], rows[j]):
            seen[i, j] = distance
    captions: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        if key := caption_key(str(row["caption"]), CAPTION_WORDS):
            captions[key].append(i)
    for group in captions.values():
        if len({str(rows[i]["book"]) for i in group}) > 1:
            for a, b, distance in HashIndex([rows[i] for i in group]).pairs(SAME_CAPTION):
                i, j = group[a], group[b]
                if rows[i]["book"] != rows[j]["book"] and _same_shape(rows[i], rows[j]):
                    seen[i, j] = distance
    return ((i, j, distance) for (i, j), distance in seen.items())


def _same_shape(one: Row, other: Row) -> bool:
    sides = [float(row.get(side) or 0) for row in (one, other) for side in ("width", "height")]
    if min(sides) <= 0:
        return True
    ratio = (sides[0] / sides[1]) / (sides[2] / sides[3])
    return 1 / (1 + ASPECT_TOLERANCE) <= ratio <= 1 + ASPECT_TOLERANCE


def caption_key(caption: str, words: int) -> str:
    """The letters and digits of ``caption`` in lower case; "" where it has fewer than ``words`` words."""
    found: list[str] = re.findall(r"\w+", caption.casefold())
    return " ".join(found) if len(found) >= words else ""


class HashIndex:
    """The perceptual hashes of some rows, each distinct hash once.

    A hash with many ties at the median comes from a picture without any texture (a blank field): all of those are
    alike to the eye of the hash, so it is left out and such a picture is known by its bytes alone.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.members: dict[bytes, list[int]] = defaultdict(list)
        for index, row in enumerate(rows):
            code = _parse(str(row["phash"] or ""))
            if code is not None:
                self.members[code].append(index)
        self.codes = sorted(self.members)
        self.words: Words = np.frombuffer(b"".join(self.codes), dtype=np.uint64).reshape(-1, 4)

    def groups(self) -> Iterable[list[int]]:
        """The rows of each hash that several rows share."""
        return (rows for code in self.codes if len(rows := self.members[code]) > 1)

    def neighbours(self, radius: int) -> Iterable[tuple[int, int, int]]:
        """(row, row, bits) for one row each of every two distinct hashes at most ``radius`` bits apart."""
        for a, b, distance in close_pairs(self.words, radius):
            yield self.members[self.codes[a]][0], self.members[self.codes[b]][0], distance

    def pairs(self, radius: int) -> Iterable[tuple[int, int, int]]:
        """(i, j, bits), i < j, for every two rows whose hashes are at most ``radius`` bits apart."""
        for rows in self.groups():
            for place, i in enumerate(rows):
                for j in rows[place + 1 :]:
                    yield i, j, 0
        for a, b, distance in close_pairs(self.words, radius):
            for i in self.members[self.codes[a]]:
                for j in self.members[self.codes[b]]:
                    yield min(i, j), max(i, j), distance


def _parse(text: str) -> bytes | None:
    try:
        code = bytes.fromhex(text)
    except ValueError:
        return None
    if len(code) != 32 or abs(int.from_bytes(code, "big").bit_count() - 128) > _TIES:
        return None
    return code


def close_pairs(words: Words, radius: int, threads: int | None = None) -> list[tuple[int, int, int]]:
    """All (a, b, bits), a < b, of rows of ``words`` that differ in at most ``radius`` bits, in order.

    ``words`` is n × 4 uint64. Exact: every two rows are compared, in blocks that stay in the cache, first by as many
    words as can tell two random hashes apart at that radius, and only the few that pass by all four. Memory does not
    grow with n, but with what is found.
    """
    count = len(words)
    columns = np.ascontiguousarray(words.T)
    lead = min(4, 1 + radius // 24)

    def block(start: int) -> list[tuple[int, int, int]]:
        stop = min(start + _ROWS, count)
        found: list[tuple[int, int, int]] = []
        for left in range(start, count, _COLUMNS):
            right = min(left + _COLUMNS, count)
            bits = np.bitwise_count(columns[0, start:stop, None] ^ columns[0, None, left:right])
            for word in range(1, lead):
                bits += np.bitwise_count(columns[word, start:stop, None] ^ columns[word, None, left:right])
            near = np.flatnonzero(bits <= radius)
            if not near.size:
                continue
            a, b = start + near // (right - left), left + near % (right - left)
            a, b = a[a < b], b[a < b]
            distance = np.bitwise_count(words[a] ^ words[b]).sum(axis=1, dtype=np.int64)
            hit = distance <= radius
            found.extend(zip(a[hit].tolist(), b[hit].tolist(), distance[hit].tolist(), strict=True))
        return found

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        return sorted(pair for part in pool.map(block, range(0, count, _ROWS)) for pair in part)


def close_across(left: Words, right: Words, radius: int, threads: int | None = None) -> list[tuple[int, int, int]]:
    """All (a, b, bits), in order, of a row ``a`` of ``left`` and a row ``b`` of ``right`` that differ in few bits.

    ``left`` is n × 4 uint64, ``right`` m × 4, "few" at most ``radius``; exact, and as frugal as :func:`close_pairs`.
    """
    columns, others = np.ascontiguousarray(left.T), np.ascontiguousarray(right.T)
    lead = min(4, 1 + radius // 24)

    def block(start: int) -> list[tuple[int, int, int]]:
        stop = min(start + _ROWS, len(left))
        found: list[tuple[int, int, int]] = []
        for first in range(0, len(right), _COLUMNS):
            last = min(first + _COLUMNS, len(right))
            bits = np.bitwise_count(columns[0, start:stop, None] ^ others[0, None, first:last])
            for word in range(1, lead):
                bits += np.bitwise_count(columns[word, start:stop, None] ^ others[word, None, first:last])
            near = np.flatnonzero(bits <= radius)
            if not near.size:
                continue
            a, b = start + near // (last - first), first + near % (last - first)
            distance = np.bitwise_count(left[a] ^ right[b]).sum(axis=1, dtype=np.int64)
            hit = distance <= radius
            found.extend(zip(a[hit].tolist(), b[hit].tolist(), distance[hit].tolist(), strict=True))
        return found

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        return sorted(pair for part in pool.map(block, range(0, len(left), _ROWS)) for pair in part)
