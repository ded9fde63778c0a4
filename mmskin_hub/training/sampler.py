"""The order of the rows: a function of rows, seed, epoch and global batch, and of nothing else.

A *global batch* is what one optimizer step sees: rows a process × processes × accumulation. The order is laid down in
global batches, and accelerate hands consecutive pieces of one to the processes, so one process and eight see the same
rows in the same step, and a run goes on after an interruption wherever it was, on another number of processes too.

Numbers come from splitmix64 (Steele, Lea, Flood 2014), not from a library's generator: the order of a run is the same
under every version of numpy and torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUPS_AT_ONCE = 16
"""Row groups that streamed rows are mixed among: what a reader has to hold."""


def hashed(numbers: NDArray[Any], *key: int) -> NDArray[np.uint64]:
    """A random number for each of ``numbers`` (whole, not negative) under ``key``: splitmix64 applied in turn."""
    with np.errstate(over="ignore"):
        state = numbers.astype(np.uint64)
        for part in (*key, 0):
            state = _mixed(state + np.uint64(part & (2**64 - 1)) * np.uint64(0x9E3779B97F4A7C15))
    return state


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _classes(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """Lengths in classes a tenth wide.

    Sorted to the token, questions of one wording would come in batches of their own, and each step would unlearn what
    the one before taught; within a class they stay mixed, at the cost of a few percent of padding.
    """
    found: NDArray[np.int64] = np.floor(np.log(np.maximum(lengths, 1)) / np.log(1.1)).astype(np.int64)
    return found


class Order:
    """A sampler for a DataLoader: numbers of rows, one epoch after the other.

    ``lengths`` (tokens) and ``weights`` (1 on average; ``None``: every row once) have one number a row; ``batch`` is
    the global batch; ``groups`` numbers the row group of each row where rows are streamed. The last batch of an epoch
    is filled up with rows from its beginning, so that every step is a whole one.
    """

    def __init__(
        self,
        lengths: NDArray[Any],
        batch: int,
        seed: int,
        *,
        weights: NDArray[Any] | None = None,
        groups: NDArray[Any] | None = None,
        window: int = 50,
        by_length: bool = True,
    ) -> None:
        self.lengths, self.weights, self.groups = lengths, weights, groups
        self.batch, self.seed, self.by_length = batch, seed, by_length
        self.steps = -(-len(lengths) // batch)
        if groups is not None and len(groups):
            rows_a_group = max(1, len(groups) // (int(groups.max()) + 1))
            window = max(1, min(window, GROUPS_AT_ONCE * rows_a_group // batch))
        self.window = window
        self.epoch = 0

    def facts(self) -> dict[str, Any]:
        """Everything the order is a function of; two orders are the same where these are."""
        rows = hashlib.sha256()
        for part in (self.lengths, self.weights, self.groups):
            rows.update(b"-" if part is None else np.ascontiguousarray(part).tobytes())
        return {
            "global batch": self.batch, "seed": self.seed, "group_by_length": self.by_length,
            "length_window": self.window, "stream": self.groups is not None, "rows": rows.hexdigest(),
        }  # fmt: skip

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch (from 0) that the next pass gives; accelerate and the trainer call it."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps * self.batch

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices(self.epoch).tolist())

    def indices(self, epoch: int) -> NDArray[np.int64]:
        """All rows of ``epoch`` in their order, ``len(self)`` of them."""
        rows = self._drawn(self._shuffled(epoch), epoch)
        if self.by_length:
            rows = self._filled(rows)
            rows = self._grouped(rows, epoch)
        return self._filled(rows)

    def _shuffled(self, epoch: int) -> NDArray[np.int64]:
        own = hashed(np.arange(len(self.lengths)), self.seed, epoch, 1)
        return np.lexsort((own, self._stretches(epoch)))

    def _stretches(self, epoch: int) -> NDArray[np.int64]:
        """For each row the number of the stretch of the epoch that it is mixed within.

        Streamed, groups come in a random order, and a stretch is as many neighbouring ones as a reader holds.
        """
        if self.groups is None:
            return np.zeros(len(self.lengths), np.int64)
        place = np.argsort(np.argsort(hashed(np.arange(int(self.groups.max()) + 1), self.seed, epoch, 2)))
        found: NDArray[np.int64] = place[self.groups] // GROUPS_AT_ONCE
        return found

    def _drawn(self, rows: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """As many rows as there are, each in proportion to its weight: systematic sampling along the order.

        A row of weight w comes floor(w) or ceil(w) times, w times in the mean over epochs (Madow 1949). What is drawn
        is mixed once more: the copies of a row would stand side by side, and fill a batch with one picture.
        """
        if self.weights is None or not len(rows):
            return rows
        total = np.cumsum(self.weights[rows].astype(np.float64))
        total *= len(rows) / total[-1]
        total[-1] = len(rows)
        start = float(hashed(np.zeros(1, np.uint64), self.seed, epoch, 3)[0]) / 2.0**64
        ends = np.floor(total + start)
        times = np.diff(ends, prepend=0.0).astype(np.int64)
        drawn = np.repeat(rows, times)[: len(rows)]
        again = hashed(np.arange(len(drawn)), self.seed, epoch, 5)
        return drawn[np.lexsort((again, self._stretches(epoch)[drawn]))]

    def _filled(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.resize(rows, len(self)) if len(rows) else rows

    def _grouped(self, rows: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Rows of like length side by side: sorted within a window, its batches then in a random order."""
        reach = self.window * self.batch
        batches: list[NDArray[np.int64]] = []
        for first in range(0, len(rows), reach):
            part = rows[first : first + reach]
            part = part[np.argsort(-_classes(self.lengths[part]), kind="stable")].reshape(-1, self.batch)
            order = np.argsort(hashed(np.arange(len(part)), self.seed, epoch, 4, first), kind="stable")
            batches.extend(part[order])
        # The batch with the most tokens comes first: a card too small for it is known at once, not after hours.
        heaviest = max(range(len(batches)), key=lambda place: int(self.lengths[batches[place]].max()), default=0)
        if batches and self.groups is None:
            batches.insert(0, batches.pop(heaviest))
        return np.concatenate(batches) if batches else rows
