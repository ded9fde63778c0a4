"""Two runs on the same rows: is one better?

McNemar's exact test asks whether the rows on which only one run is right split evenly (McNemar Q. Psychometrika
1947;12:153-157; the exact form is a binomial test of the discordant pairs). It takes rows as independent; the interval
of the difference resamples clusters, and is the one to trust where a patient has several pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mmskin_hub.evals.metrics.bootstrap import RESAMPLES, Floats, Sums, cluster_numbers
from mmskin_hub.evals.metrics.classification import figure
from mmskin_hub.evals.metrics.counts import balanced_accuracy, macro, mean


def mcnemar(only_a: int, only_b: int) -> float:
    """The two-sided exact p of McNemar's test; 1 where no row is discordant."""
    pairs, fewer = only_a + only_b, min(only_a, only_b)
    if not pairs:
        return 1.0
    # Whole numbers throughout: 2**-pairs underflows beyond a thousand pairs, the ratio of integers does not.
    tail = sum(math.comb(pairs, k) for k in range(fewer + 1)) if pairs <= 2000 else None
    if tail is not None:
        return min(1.0, float(2 * tail / 2**pairs))
    logs = [
        math.lgamma(pairs + 1) - math.lgamma(k + 1) - math.lgamma(pairs - k + 1) - pairs * math.log(2)
        for k in range(fewer + 1)
    ]
    top = max(logs)
    return min(1.0, 2.0 * math.exp(top) * math.fsum(math.exp(each - top) for each in logs))


def paired(
    a: ArrayLike, b: ArrayLike, groups: Sequence[Any] | None, *, n: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Compare two runs by a score a row: 0 or 1 for right or wrong, or any number (token F1).

    ``a`` and ``b`` (rows,) are the scores of the same rows in the same order. Returns ``n``, ``clusters``, the means
    ``a`` and ``b``, ``difference`` (a - b), its 95 % interval ``low`` and ``high`` over resampled clusters and, for 0
    and 1 only, ``only_a``, ``only_b`` (rows on which that run alone is right) and ``mcnemar``, the exact p. Raises
    ValueError where the lengths differ or there are no rows.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape or not first.size:
        raise ValueError(f"the runs have the shapes {first.shape} and {second.shape}: they need the same rows")
    drawn = figure(mean(first - second), groups, n, seed)
    found: dict[str, Any] = {
        "n": len(first),
        "clusters": cluster_numbers(groups, len(first))[1],
        "a": float(first.mean()),
        "b": float(second.mean()),
        "difference": drawn["value"],
        "low": drawn["low"],
        "high": drawn["high"],
    }
    if np.isin(first, (0.0, 1.0)).all() and np.isin(second, (0.0, 1.0)).all():
        only_a, only_b = int(((first == 1) & (second == 0)).sum()), int(((first == 0) & (second == 1)).sum())
        found.update(only_a=only_a, only_b=only_b, mcnemar=mcnemar(only_a, only_b))
    return found


def paired_classification(
    gold: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    classes: int,
    groups: Sequence[Any] | None,
    *,
    n: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Two runs' predictions (class index, or -1) on the same rows: ``accuracy`` as :func:`paired` gives it, and
    ``balanced_accuracy`` and ``macro_f1`` as differences (a - b) with ``value``, ``low`` and ``high``."""
    true, first, second = (np.asarray(each, dtype=np.int64) for each in (gold, a, b))
    found: dict[str, Any] = {"accuracy": paired(first == true, second == true, groups, n=n, seed=seed)}
    pairs = {
        "balanced_accuracy": [balanced_accuracy(true, each, classes) for each in (first, second)],
        "macro_f1": [macro(true, each, classes, "f1") for each in (first, second)],
    }
    for name, (one, other) in pairs.items():
        found[name] = figure(_difference(one, other), groups, n, seed)
    return found


def _difference(one: Sums, other: Sums) -> Sums:
    width = one.parts.shape[1]

    def value(sums: Floats) -> Floats:
        return one.value(sums[..., :width]) - other.value(sums[..., width:])

    return Sums(np.concatenate([one.parts, other.parts], axis=1), value)
