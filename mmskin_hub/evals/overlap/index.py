"""Finds the near ones among millions of hashes without comparing all with all.

Multi-index hashing (M. Norouzi, A. Punjani, D. J. Fleet, "Fast Exact Search in Hamming Space with Multi-Index
Hashing", 2014): the 256 bits are cut into 16 bands of 16 bits, and each band is a table from its value to the hashes
that have it. Two hashes that differ in at most 31 bits differ in at most one bit of some band (pigeonhole), so looking
up a band's value and its 16 neighbours, in all bands, finds every one of them. Beyond half a million hashes there are
13 bands of 20 bits, with which the same holds up to 25 bits, and the tables stay as sparse. Farther pairs are found
if their differing bits leave one band nearly alone. Measured with hashes like those of HAM10000:

=======  ==============  ==============
apart    16 bands        13 bands
=======  ==============  ==============
30 bits  all             99.9 %
36 bits  all of 4,000    98.1 %
40 bits  99.9 %          93.4 %
=======  ==============  ==============

Bits go to bands by a fixed shuffle, because neighbouring frequencies of a picture go together and would fill some
bands' tables unevenly.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.evals.overlap.hashes import BITS, Codes

_FEW = 500_000
"""Hashes up to which bands are 16 bits wide."""

_SHUFFLE = np.random.default_rng(256).permutation(BITS)
_QUERIES = 2048
_CANDIDATES = 1 << 20
"""Candidates looked at together: they, and what is computed of them, stay in the cache."""


class HashIndex:
    """An index of hashes. It takes 110 bytes a hash, and up to 60 MB."""

    def __init__(self, codes: Codes) -> None:
        """``codes`` are n × 4 uint64, n below 2³¹; a code may stand there twice."""
        self.codes: Codes = np.ascontiguousarray(codes).reshape(-1, 4)
        self.exact = 31 if len(self.codes) <= _FEW else 25
        """Bits up to which :meth:`search` finds every pair."""
        self._head = np.ascontiguousarray(self.codes[:, :2])
        self._bits = np.array_split(_SHUFFLE, (self.exact + 1) // 2)
        self._order: list[NDArray[np.int32]] = []
        self._first: list[NDArray[np.int32]] = []
        for band in self._bits:
            values = _values(self.codes, band)
            self._order.append(np.argsort(values, kind="stable").astype(np.int32))
            sizes = np.bincount(values, minlength=1 << len(band))
            self._first.append(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))

    def __len__(self) -> int:
        return len(self.codes)

    def search(
        self, queries: Codes, radius: int, threads: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(query, place in the index, bits that differ), ordered by the first two, of pairs within ``radius``.

        ``queries`` are m × 4; every pair is told once. Exact up to ``exact`` bits; beyond, nearly (see above).
        """
        queries = np.ascontiguousarray(queries).reshape(-1, 4)
        starts = range(0, len(queries), _QUERIES) if len(self.codes) else range(0)
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            parts = list(pool.map(lambda start: self._block(queries, start, radius), starts))
        if not parts:
            nothing = np.empty(0, dtype=np.int64)
            return nothing, nothing, nothing
        pairs = np.concatenate(parts)
        query, place = pairs // len(self.codes), pairs % len(self.codes)
        distance = np.bitwise_count(queries[query] ^ self.codes[place]).sum(axis=1, dtype=np.int64)
        return query, place, distance

    def _block(self, queries: Codes, start: int, radius: int) -> NDArray[np.int64]:
        """The pairs of one block of queries, each as query · n + place, in order."""
        block = queries[start : start + _QUERIES]
        found = [np.empty(0, dtype=np.int64)]
        for band, bits in enumerate(self._bits):
            flips = np.concatenate([[0], 1 << np.arange(len(bits))]).astype(np.int32)
            probes = (_values(block, bits)[:, None] ^ flips).ravel()
            first = self._first[band][probes]
            sizes = self._first[band][probes + 1] - first
            some = np.flatnonzero(sizes)
            query = some // len(flips)
            ends = np.cumsum(sizes[some], dtype=np.int64)
            cuts = np.searchsorted(ends, np.arange(_CANDIDATES, ends[-1] if some.size else 0, _CANDIDATES)).tolist()
            for low, high in zip([0, *cuts], [*cuts, len(some)], strict=True):
                part = some[low:high]
                near = self._check(block, band, first[part], sizes[part], query[low:high], radius)
                found.append(near + start * len(self.codes))
        return np.unique(np.concatenate(found))

    def _check(
        self,
        block: Codes,
        band: int,
        first: NDArray[np.int32],
        sizes: NDArray[np.int32],
        owner: NDArray[np.int64],
        radius: int,
    ) -> NDArray[np.int64]:
        """Of the buckets that begin at ``first``, the pairs of their owners within ``radius``."""
        before = np.cumsum(sizes) - sizes
        place = self._order[band][np.repeat(first - before, sizes) + np.arange(int(sizes.sum()))]
        query = np.repeat(owner, sizes)
        bits = np.bitwise_count(self._head[place] ^ block[query, :2])
        near = np.flatnonzero(bits[:, 0] + bits[:, 1] <= radius)
        place, query = place[near], query[near]
        near = np.bitwise_count(self.codes[place] ^ block[query]).sum(axis=1, dtype=np.int64) <= radius
        pairs: NDArray[np.int64] = query[near] * len(self.codes) + place[near]
        return pairs


def _values(codes: Codes, band: NDArray[np.int64]) -> NDArray[np.int32]:
    """The value of one band in each hash: the bits ``band``, the first the least."""
    values = np.zeros(len(codes), dtype=np.int32)
    octets = codes.view(np.uint8)
    for weight, bit in enumerate(band.tolist()):
        values |= ((octets[:, bit // 8] >> (7 - bit % 8)) & 1).astype(np.int32) << weight
    return values
