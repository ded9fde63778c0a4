"""The figures alone, without intervals: what lm-eval's aggregations want."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mmskin_hub.evals.metrics.counts import accuracy, balanced_accuracy, macro


def point_metrics(gold: ArrayLike, predicted: ArrayLike, classes: Sequence[str] | int) -> dict[str, float]:
    """Strict: accuracy, balanced_accuracy, macro_f1 and unmatched_rate (the share of -1), each 0 to 1.

    ``gold`` and ``predicted`` (rows,) are class indices, ``predicted`` -1 where an answer names no class, which is
    wrong and no class of its own. ``classes`` are their names, or how many there are.
    """
    true, said = np.asarray(gold, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    number = classes if isinstance(classes, int) else len(classes)
    return {
        "accuracy": accuracy(true, said)(),
        "balanced_accuracy": balanced_accuracy(true, said, number)(),
        "macro_f1": macro(true, said, number, "f1")(),
        "unmatched_rate": float(np.mean(said < 0)),
    }


def paper_metrics(gold: ArrayLike, predicted: ArrayLike) -> dict[str, float]:
    """As the original scripts: accuracy, and macro precision, recall and F1 over every value that occurs, -1 too."""
    true, said = np.asarray(gold, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    number = int(max(true.max(), said.max())) + 1
    found = {"accuracy": accuracy(true, said)()}
    for what in ("precision", "recall", "f1"):
        found[f"macro_{what}"] = macro(true, said, number, what, minus_one=True)()
    return found
