"""Compares the rows of training sets, one batch at a time, with the rows that must not be seen.

Only the test rows are held in memory: their keys, and their hashes in two indexes. Train rows pass by. A train picture
as a whole is looked up among all windows of the test pictures, and all windows of the train picture among the whole
test pictures, so that it does not matter which of the two was cropped; mirror images are in the indexes.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.evals.overlap import hashes
from mmskin_hub.evals.overlap.embed import Encoder, VectorIndex
from mmskin_hub.evals.overlap.hashes import Codes, Unreadable
from mmskin_hub.evals.overlap.index import HashIndex
from mmskin_hub.evals.overlap.rows import Key, Row, keys_of

RADIUS = 36
"""Bits, of 256, up to which two pictures, or windows of them, are near-duplicates.

Over 855 real pictures (640 of HAM10000, 181 of PAD-UFES-20, 34 of histology): copies halved to doubled, JPEG 90 to 50,
mirrored, or with 5 % cut off by a centred, one-sided or cornered window are all within 14 bits of the original; windows
of 95 % anywhere 99.9 % within 36, and 0 to 5 % off each side 98.6 %. Of 362,000 pairs of pictures of different
lesions, through all windows, none is within 40 bits and 2 are within 44.
"""
SURE = 14
"""Bits up to which no second look is needed (:data:`mmskin_hub.curate.duplicates.SAME_PICTURE`)."""
LIKENESS = 0.88
"""What two pictures must have of :func:`hashes.likeness` where their hashes are farther apart than that.

Of 1,206 copies as above the least has .927; pairs of different lesions within 50 bits have at most .81.
"""
BATCH = 1024
"""Rows read, hashed and looked up together."""
_PICTURES = 128


@dataclass(slots=True)
class Seen:
    """What one row is compared by.

    ``upright`` are the hashes of the picture (the first) and of its windows, ``all`` those and their mirror images;
    both, and ``small`` (:func:`hashes.small`), are ``None`` without a picture. ``problem``: why it has none.
    """

    keys: list[Key]
    upright: Codes | None = None
    all: Codes | None = None
    small: NDArray[np.uint8] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A row of training set ``train`` and the row ``test_row`` (a place in :attr:`Guards.rows`) it repeats.

    ``distance`` counts bits of the hash for a near-duplicate, is 1 - cosine for an embedding, and 0 otherwise.
    """

    train: int
    row: Row
    kind: str
    test_row: int
    distance: float = 0.0


def look(row: Row) -> Seen:
    """Decode and hash the picture of ``row``; its bytes are let go."""
    seen = Seen(keys_of(row))
    data, row.data = row.data, None
    if data is None:
        code = hashes.parse(row.phash)
        if code is not None:
            seen.upright, seen.all = code, np.concatenate([code, hashes.mirrored(code)])
        return seen
    digest = hashlib.sha256(data).hexdigest()
    if digest not in row.digests:
        seen.keys.append(("same_bytes", "", digest))
    try:
        greys = hashes.grey(hashes.decode(data, draft=True))
        codes, telling = hashes.windows(greys)
        if telling:
            seen.upright, seen.all, seen.small = codes[: len(codes) // 2], codes, hashes.small(greys)
        else:  # one blank picture is like another: only the pixels tell
            seen.keys.append(("same_pixels", "", hashes.pixel_digest(hashes.decode(data))))
    except Unreadable as error:
        seen.problem = str(error)
    return seen


def looked(rows: Iterable[Row], encoder: Encoder | None) -> Iterator[list[tuple[Row, Seen, object]]]:
    """``rows`` in batches, each with what it is compared by and its vector (``None`` without encoder or picture)."""
    stream = iter(rows)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        batch: list[tuple[Row, Seen, object]] = []
        while part := list(islice(stream, _PICTURES)):
            vectors = encoder.encode([row.data for row in part]) if encoder else [None] * len(part)
            batch += zip(part, pool.map(look, part), vectors, strict=True)
            if len(batch) >= BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


@dataclass
class Guards:
    """The rows that must not be seen, of all test sets: ``owner`` says of which."""

    rows: list[Row] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    keys: dict[Key, list[int]] = field(default_factory=lambda: defaultdict(list))
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    small: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    _codes: list[Codes] = field(default_factory=list)
    _of: list[int] = field(default_factory=list)
    _vectors: list[object] = field(default_factory=list)
    _vector_of: list[int] = field(default_factory=list)

    def add(self, owner: int, rows: Iterable[Row], encoder: Encoder | None = None) -> None:
        """Take in the rows of test set ``owner``."""
        for batch in looked(rows, encoder):
            for row, seen, vector in batch:
                place = len(self.rows)
                self.rows.append(row)
                self.owner.append(owner)
                for key in seen.keys:
                    self.keys[key].append(place)
                if seen.all is not None:
                    self._codes.append(seen.all)
                    self._of.append(place)
                if seen.small is not None:
                    self.small[place] = seen.small
                if vector is not None:
                    self._vectors.append(vector)
                    self._vector_of.append(place)
                if seen.problem:
                    self.problems.append((owner, row.id, seen.problem))

    def lend(self, rows: Iterable[Row]) -> None:
        """Learn lesion and patient of test rows from other datasets that hold the same pictures."""
        for row in rows:
            keys = keys_of(row)
            for place in [
                place for key in keys if key[0] in ("same_id", "same_bytes") for place in self.keys.get(key, ())
            ]:
                own = {key[0] for key in keys_of(self.rows[place])}
                for key in keys:
                    lent = key[0] in ("same_lesion", "same_patient") and key[0] not in own
                    if lent and place not in self.keys[key]:
                        self.keys[key].append(place)

    def index(self) -> None:
        """Make the indexes; to be called once, before :meth:`compare`."""
        sizes = [len(codes) for codes in self._codes]
        empty: Codes = np.empty((0, 4), dtype=np.uint64)
        self.windows = HashIndex(np.concatenate([empty, *self._codes]))
        self.windows_of = np.repeat(np.array(self._of, dtype=np.int64), sizes)
        self.whole = HashIndex(np.concatenate([empty, *(codes[:: len(codes) // 2] for codes in self._codes)]))
        self.whole_of = np.repeat(np.array(self._of, dtype=np.int64), 2)
        self._codes = []
        self.vectors = VectorIndex(self._vectors) if self._vectors else None

    def near(self, seen: Sequence[Seen], radius: int) -> dict[tuple[int, int], int]:
        """(place in ``seen``, test row) and the fewest bits between them, for those within ``radius``."""
        best: dict[tuple[int, int], int] = {}
        having = [(place, each.upright) for place, each in enumerate(seen) if each.upright is not None]
        if not having:
            return best
        first = np.concatenate([codes[:1] for _, codes in having])
        rest = np.concatenate([codes[1:] for _, codes in having])
        first_of = np.array([place for place, _ in having])
        rest_of = np.repeat(first_of, [len(codes) - 1 for _, codes in having])
        for index, index_of, queries, queries_of in (
            (self.windows, self.windows_of, first, first_of),
            (self.whole, self.whole_of, rest, rest_of),
        ):
            if not len(queries):
                continue
            found = index.search(queries, radius)
            for query, place, bits in zip(*(part.tolist() for part in found), strict=True):
                pair = int(queries_of[query]), int(index_of[place])
                best[pair] = min(bits, best.get(pair, bits))
        return best


@dataclass
class Findings:
    """What the comparison found. ``rows`` and ``compared``: rows of each training set, and those with a picture or
    hash; ``touched``: test rows (places) by train set, test set and kind; ``unlike``: pairs whose hashes are near, but
    not their pictures (train set, id, test row, bits, likeness)."""

    matches: list[Match] = field(default_factory=list)
    touched: dict[tuple[int, int, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    rows: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    hashed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    unnamed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[tuple[int, str, str]] = field(default_factory=list)
    unlike: list[tuple[int, str, int, int, float]] = field(default_factory=list)


def compare(
    guards: Guards,
    train: int,
    rows: Iterable[Row],
    findings: Findings,
    radius: int,
    encoder: Encoder | None,
    far: float,
) -> None:
    """Add to ``findings`` every row of training set ``train`` that repeats one of ``guards``.

    Of the test rows of one set that a row repeats in one kind, the nearest is kept (the first of equals); all count as
    touched. ``far`` is the largest 1 - cosine of an embedding match.
    """
    for batch in looked(rows, encoder):
        seen = [each for _, each, _ in batch]
        hits: list[tuple[int, str, int, float]] = []
        for place, each in enumerate(seen):
            hits += [(place, key[0], test, 0.0) for key in each.keys for test in guards.keys.get(key, ())]
        for (place, test), bits in sorted(guards.near(seen, radius).items()):
            one, other = seen[place].small, guards.small.get(test)
            like = 1.0 if bits <= SURE or one is None or other is None else hashes.likeness(one, other)
            if like >= LIKENESS:
                hits.append((place, "near_duplicate", test, bits))
            else:
                findings.unlike.append((train, batch[place][0].id, test, bits, like))
        if guards.vectors is not None:
            places = [place for place, (*_, vector) in enumerate(batch) if vector is not None]
            found = guards.vectors.search([batch[place][2] for place in places], far)
            hits += [(places[query], "embedding", guards._vector_of[test], away) for query, test, away in found]
        best: dict[tuple[int, int, str], tuple[float, int]] = {}
        for place, kind, test, distance in hits:
            owner = guards.owner[test]
            findings.touched[train, owner, kind].add(test)
            known = best.get((place, owner, kind))
            if known is None or (distance, test) < known:
                best[place, owner, kind] = distance, test
        for (place, _, kind), (distance, test) in sorted(best.items()):
            findings.matches.append(Match(train, batch[place][0], kind, test, distance))
        findings.rows[train] += len(batch)
        findings.hashed[train] += sum(each.upright is not None for each in seen)
        findings.unnamed[train] += sum(not row.image_id for row, *_ in batch)
        findings.problems += [(train, row.id, each.problem) for row, each, _ in batch if each.problem]
