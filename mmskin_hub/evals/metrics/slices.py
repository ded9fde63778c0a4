"""Figures by skin tone, sex, age group and modality, and the group that fares worst.

A group of fewer than :data:`SMALL` rows is shown and marked, and does not count as the worst: its figure is chance. So
is the row whose value is not known: it is a group of its own, "unknown", and never the worst.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmskin_hub.evals.metrics.bootstrap import RESAMPLES, Sums, cluster_numbers
from mmskin_hub.evals.metrics.classification import figures
from mmskin_hub.evals.metrics.counts import accuracy, balanced_accuracy, macro, mean

SLICES = ("skin_tone", "sex", "age_group", "modality")
SMALL = 20
UNKNOWN = "unknown"
_AGES = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"))


def age_group(years: float | None) -> str | None:
    """The group of an age in years: 0-17, 18-39, 40-59, 60-79 or 80+; None where the age is unknown or no age."""
    if years is None or years != years or years < 0:
        return None
    return next((name for limit, name in _AGES if years < limit), "80+")


def slices(
    rows: Sequence[Mapping[str, Any]],
    by: Sequence[str] = SLICES,
    *,
    score: str | None = None,
    n: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """The figures of each group of each slice.

    ``rows`` have ``gold`` and ``predicted`` (class indices; None or -1: no class) and ``group`` (the cluster), or, for
    answers that are texts, a number under the key ``score``. The value of a slice stands in the row itself or in its
    mapping ``slices``. Returns, by slice, ``groups`` (``value``, ``n``, ``clusters``, ``small``, and accuracy,
    balanced_accuracy and macro_f1, or the score, as {"value", "low", "high"}), ``worst`` and ``gap`` by metric: the
    lowest group that is neither small nor unknown (``value``, ``n``, ``figure``), and best minus worst (None with
    fewer than two such groups). A slice that no row knows is left out.
    """
    found: dict[str, Any] = {}
    for name in by:
        values = [_value(row, name) for row in rows]
        if all(value == UNKNOWN for value in values):
            continue
        groups = [_group(value, rows, values, score, n, seed) for value in sorted(set(values), key=_order)]
        worst, gap = _worst(groups, [score] if score else ["accuracy", "balanced_accuracy", "macro_f1"])
        found[name] = {"groups": groups, "worst": worst, "gap": gap}
    return found


def _group(
    value: str, rows: Sequence[Mapping[str, Any]], values: Sequence[str], score: str | None, n: int, seed: int
) -> dict[str, Any]:
    held = [row for row, its in zip(rows, values, strict=True) if its == value]
    clusters = [row.get("group") for row in held]
    found: dict[str, Any] = {
        "value": value,
        "n": len(held),
        "clusters": cluster_numbers(clusters, len(held))[1],
        "small": len(held) < SMALL,
    }
    found.update(figures(_statistics(held, score), clusters, n, seed))
    return found


def _statistics(rows: Sequence[Mapping[str, Any]], score: str | None) -> dict[str, Sums]:
    if score is not None:
        return {score: mean(np.array([float(row[score]) for row in rows]))}
    gold = np.array([row["gold"] for row in rows], dtype=np.int64)
    said = np.array([-1 if row["predicted"] is None else row["predicted"] for row in rows], dtype=np.int64)
    classes = int(max(gold.max(), said.max())) + 1
    return {
        "accuracy": accuracy(gold, said),
        "balanced_accuracy": balanced_accuracy(gold, said, classes),
        "macro_f1": macro(gold, said, classes, "f1"),
    }


def _worst(groups: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    worst: dict[str, Any] = {}
    gap: dict[str, Any] = {}
    for metric in metrics:
        known = [
            each
            for each in groups
            if not each["small"] and each["value"] != UNKNOWN and each[metric]["value"] is not None
        ]
        figures = [each[metric]["value"] for each in known]
        lowest = known[int(np.argmin(figures))] if known else None
        worst[metric] = lowest and {"value": lowest["value"], "n": lowest["n"], "figure": lowest[metric]["value"]}
        gap[metric] = max(figures) - min(figures) if len(figures) > 1 else None
    return worst, gap


def _value(row: Mapping[str, Any], name: str) -> str:
    inner = row.get("slices")
    value = inner.get(name) if isinstance(inner, Mapping) and name in inner else row.get(name)
    if value is None and name == "age_group":
        value = age_group(row.get("age_years"))
    text = "" if value is None or value != value else str(value).strip()
    return text or UNKNOWN


def _order(value: str) -> tuple[bool, bool, float, str]:
    # Numbers by size, the unknown last: skin types, Monk tones and ages read in their order.
    head = value.partition("-")[0].rstrip("+")
    number = float(head) if head.replace(".", "", 1).isdigit() else 0.0
    return value == UNKNOWN, not head[:1].isdigit(), number, value
