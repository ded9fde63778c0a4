"""Every figure of a classification run, with its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmskin_hub.evals.metrics.auroc import auroc
from mmskin_hub.evals.metrics.bootstrap import FEW, RESAMPLES, Floats, Sums, cluster_numbers, intervals
from mmskin_hub.evals.metrics.calibration import BINS, brier, ece, reliability
from mmskin_hub.evals.metrics.counts import Ints, accuracy, balanced_accuracy, confusion, macro, mean

TOP = (2, 3, 5)
"""The k of top-k accuracy, where there are more classes than that."""


def classification(
    gold: ArrayLike,
    predicted: ArrayLike,
    probabilities: ArrayLike | None,
    classes: Sequence[str],
    groups: Sequence[Any] | None = None,
    *,
    mode: str = "strict",
    n: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """The metrics of a run, ready for JSON: what is not defined is None.

    ``gold`` (rows,) are class indices; ``predicted`` (rows,) the same, or -1 where the answer names no class;
    ``probabilities`` (rows, classes), rows summing to 1, or None where a task gives no scores. Rows whose probabilities
    are not finite are left out of what needs them and counted in ``without_scores``. ``groups`` are the clusters of the
    interval. ``mode`` "strict" counts -1 as wrong; "paper" also puts it into the macro means as a class of its own.

    accuracy, balanced_accuracy, macro_f1, macro_precision, macro_recall, unmatched and, with probabilities, auroc, ece,
    brier and top_k (by k) are {"value", "low", "high"}: 95 % percentile intervals of ``n`` resamples of clusters. Then
    ``n``, ``clusters``, ``few_clusters`` (too few for the interval to keep its word), ``per_class`` (name, support,
    predicted, precision, recall, f1), ``confusion`` (classes rows, one column more for "no class") and ``reliability``.

    Raises ValueError where lengths differ, a class index is out of range, or there are no rows.
    """
    true, said = _checked(gold, predicted, len(classes))
    as_class = mode == "paper"
    statistics = {
        "accuracy": accuracy(true, said),
        "balanced_accuracy": balanced_accuracy(true, said, len(classes)),
        "macro_f1": macro(true, said, len(classes), "f1", minus_one=as_class),
        "macro_precision": macro(true, said, len(classes), "precision", minus_one=as_class),
        "macro_recall": macro(true, said, len(classes), "recall", minus_one=as_class),
        "unmatched": mean((said < 0).astype(np.float64)),
    }
    clusters = cluster_numbers(groups, len(true))[1]
    found: dict[str, Any] = {"n": len(true), "clusters": clusters, "few_clusters": clusters < FEW}
    found.update(figures(statistics, groups, n, seed))
    found["per_class"] = per_class(true, said, classes)
    found["confusion"] = confusion(true, said, len(classes)).tolist()
    if probabilities is not None:
        found.update(_of_scores(true, np.asarray(probabilities, dtype=np.float64), len(classes), groups, n, seed))
    return found


def figure(statistic: Sums, groups: Sequence[Any] | None, n: int = RESAMPLES, seed: int = 0) -> dict[str, float | None]:
    """A statistic with its 95 % interval."""
    return figures({"": statistic}, groups, n, seed)[""]


def figures(
    statistics: Mapping[str, Sums], groups: Sequence[Any] | None, n: int = RESAMPLES, seed: int = 0
) -> dict[str, dict[str, float | None]]:
    """Statistics of the same rows, each with its 95 % interval over the same resamples."""
    drawn = intervals(statistics, groups, n, seed)
    return {name: as_figure(each(), drawn[name]) for name, each in statistics.items()}


def as_figure(value: float, interval: tuple[float, float]) -> dict[str, float | None]:
    """{"value", "low", "high"} with None for NaN, which JSON does not have."""
    pairs = zip(("value", "low", "high"), (value, *interval), strict=True)
    return {name: None if math.isnan(number) else float(number) for name, number in pairs}


def per_class(gold: Ints, predicted: Ints, classes: Sequence[str]) -> list[dict[str, Any]]:
    """One row a class: ``support`` rows of it, ``predicted`` as it, precision, recall, f1 (None where not defined)."""
    table = confusion(gold, predicted, len(classes))
    right, true, said = table.diagonal(), table.sum(axis=1), table.sum(axis=0)
    return [
        {
            "class": name,
            "support": int(true[index]),
            "predicted": int(said[index]),
            "precision": float(right[index] / said[index]) if said[index] else None,
            "recall": float(right[index] / true[index]) if true[index] else None,
            "f1": float(2 * right[index] / (true[index] + said[index])) if true[index] + said[index] else None,
        }
        for index, name in enumerate(classes)
    ]


def _checked(gold: ArrayLike, predicted: ArrayLike, classes: int) -> tuple[Ints, Ints]:
    true, said = np.asarray(gold, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if true.ndim != 1 or true.shape != said.shape or not true.size:
        raise ValueError(
            f"gold has the shape {true.shape} and predicted {said.shape}: both need the same number of rows"
        )
    if true.min() < 0 or true.max() >= classes or said.max() >= classes:
        raise ValueError(f"a class index lies outside 0 to {classes - 1}")
    return true, np.where(said < 0, -1, said)


def _of_scores(
    gold: Ints, probabilities: Floats, classes: int, groups: Sequence[Any] | None, n: int, seed: int
) -> dict[str, Any]:
    if probabilities.shape != (len(gold), classes):
        raise ValueError(f"probabilities have the shape {probabilities.shape}, not {(len(gold), classes)}")
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(probabilities).all(axis=1))
    kept = None if groups is None else [name for name, held in zip(groups, whole, strict=True) if held]
    true, shares = gold[whole], probabilities[whole]
    found: dict[str, Any] = {"without_scores": int((~whole).sum())}
    if not len(true):
        return found
    confidence, right = shares.max(axis=1), (shares.argmax(axis=1) == true).astype(np.float64)
    rank = (shares > shares[np.arange(len(true)), true][:, None]).sum(axis=1)
    tops = {str(k): mean((rank < k).astype(np.float64)) for k in TOP if k < classes}
    named = {"auroc": auroc(true, shares), "ece": ece(confidence, right), "brier": brier(shares, true)}
    drawn = figures({**named, **tops}, kept, n, seed)
    found.update({name: drawn[name] for name in named})
    found["top_k"] = {name: drawn[name] for name in tops}
    found["bins"] = BINS
    found["reliability"] = reliability(confidence, right)
    return found
