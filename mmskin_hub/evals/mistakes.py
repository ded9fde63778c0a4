"""The worst mistakes of a task, with their pictures: which they are, and what was asked, said and true."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmskin_hub.evals.data import Benchmark
from mmskin_hub.evals.measure import logliks
from mmskin_hub.evals.metrics import softmax
from mmskin_hub.evals.protocol import Protocol
from mmskin_hub.evals.samples import Columns

SHOWN = 20
THUMBNAIL = 240
"""The longer side of a picture, in pixels."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A sample that was answered wrongly; ``sure`` is the belief in the wrong class (0 to 1), where there is one."""

    sample: dict[str, Any]
    picture: str | None
    """A JPEG as a data URI, ``None`` where it cannot be shown; ``width`` and ``height`` in pixels."""
    width: int
    height: int
    sure: float | None


def mistakes(file: Path, p: Protocol, benchmark: Benchmark, columns: Columns, shown: int = SHOWN) -> list[Mistake]:
    """The ``shown`` worst mistakes among the samples of ``file``, which ``columns`` has in the same order."""
    order, sure = worst(p, columns)
    places = order[:shown]
    # The rows of a file are those of the benchmark, in order: a run is measured when it is complete.
    numbers = [benchmark.places[place].row for place in places]
    samples = _samples(file, numbers)
    pictures = _pictures(benchmark, numbers)
    return [
        Mistake(samples[number], *pictures.get(number, (None, 0, 0)), sure.get(place))
        for place, number in zip(places, numbers, strict=True)
    ]


def worst(p: Protocol, columns: Columns) -> tuple[list[int], dict[int, float]]:
    """The places of the wrong samples, the worst first, and the belief in the wrong class of those that have one.

    With scores: by how much more the wrong class was believed than the true one. Of answers that were read: one of
    each kind of mistake (true class, class said) in turn, the most frequent kind first and no class at all last, so
    that as many kinds are seen as there is room for. Of questions: the least agreement first.
    """
    if p.kind == "vqa":
        scores = list(columns.scores)
        return sorted((n for n, score in enumerate(scores) if score < 1), key=lambda n: (scores[n], n)), {}
    gold, predicted = np.asarray(columns.gold), np.asarray(columns.predicted)
    wrong = np.flatnonzero(gold != predicted)
    sums = logliks(p, columns)
    if sums is not None:
        belief = softmax(sums[wrong])
        rows = np.arange(len(wrong))
        said = belief[rows, predicted[wrong]]
        margin = said - belief[rows, gold[wrong]]
        order = np.argsort(-margin, kind="stable")
        return [int(wrong[n]) for n in order], {int(wrong[n]): float(said[n]) for n in order}
    kinds: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place in wrong:
        kinds[int(gold[place]), int(predicted[place])].append(int(place))
    ranked = sorted(kinds, key=lambda kind: (kind[1] < 0, -len(kinds[kind]), kind))
    turns = [(turn, rank, place) for rank, kind in enumerate(ranked) for turn, place in enumerate(kinds[kind])]
    return [place for _, _, place in sorted(turns)], {}


def _samples(file: Path, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
    import pyarrow.parquet as pq

    found = pq.read_table(file, filters=[("row", "in", list(numbers))]).to_pylist() if numbers else []
    return {sample["row"]: sample for sample in found}


def _pictures(benchmark: Benchmark, numbers: Sequence[int]) -> dict[int, tuple[str | None, int, int]]:
    from mmskin_hub.hub.contact_sheet import thumbnail

    wanted = set(numbers)
    others = [place.row for place in benchmark.places if place.row not in wanted]
    found: dict[int, tuple[str | None, int, int]] = {}
    for row in benchmark.without(others):
        small = thumbnail((row["image"] or {}).get("bytes") or b"", THUMBNAIL)
        if small is not None:
            source = f"data:image/jpeg;base64,{base64.b64encode(small[0]).decode()}"
            found[row["row"]] = source, small[1], small[2]
    return found
