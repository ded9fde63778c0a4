"""How far confidences can be believed: expected calibration error, its reliability diagram, Brier score.

Confidence is the highest probability of a row, and a row is right where that class is the true one (the lowest index
wins a tie). Bins are of equal width, closed above, (0, 1/15], …, (14/15, 1], with 0 in the first: Guo C et al. On
calibration of modern neural networks. ICML 2017. The error of a finite sample is biased upward, the more so the fewer
rows a bin holds, and its bootstrap interval with it: read it beside the diagram.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmskin_hub.evals.metrics.bootstrap import Floats, Sums
from mmskin_hub.evals.metrics.counts import Ints, mean

BINS = 15


def bins_of(confidence: Floats, bins: int = BINS) -> Ints:
    """The bin (0-based) of each confidence."""
    edges = np.linspace(0.0, 1.0, bins + 1)[1:-1]
    return np.digitize(confidence, edges, right=True).astype(np.int64)


def ece(confidence: Floats, right: Floats, bins: int = BINS) -> Sums:
    """Expected calibration error: the mean over rows of |accuracy - mean confidence| of their bin, 0 to 1."""
    parts = np.zeros((len(confidence), bins + 1))
    parts[np.arange(len(confidence)), bins_of(confidence, bins)] = right - confidence
    parts[:, bins] = 1.0

    def value(sums: Floats) -> Floats:
        rows = sums[..., bins]
        gaps = np.abs(sums[..., :bins]).sum(axis=-1)
        found: Floats = np.divide(gaps, rows, out=np.full(rows.shape, np.nan), where=rows > 0)
        return found

    return Sums(parts, value)


def reliability(confidence: Floats, right: Floats, bins: int = BINS) -> list[dict[str, Any]]:
    """The diagram: for each bin its ``low`` and ``high`` edge, ``n`` rows, mean ``confidence`` and ``accuracy``
    (None where it is empty)."""
    place = bins_of(confidence, bins)
    counts = np.bincount(place, minlength=bins)
    sums = np.bincount(place, weights=confidence, minlength=bins), np.bincount(place, weights=right, minlength=bins)
    return [
        {
            "low": index / bins,
            "high": (index + 1) / bins,
            "n": int(counts[index]),
            "confidence": float(sums[0][index] / counts[index]) if counts[index] else None,
            "accuracy": float(sums[1][index] / counts[index]) if counts[index] else None,
        }
        for index in range(bins)
    ]


def brier(probabilities: Floats, gold: Ints) -> Sums:
    """The Brier score in its original form, the mean over rows of the squared distance to the one-hot truth: 0 to 2.

    Brier GW. Mon Weather Rev 1950;78:1-3. For two classes it is twice what scikit-learn's ``brier_score_loss`` gives
    with its default scaling.
    """
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(gold)), gold] = 1.0
    return mean(((probabilities - truth) ** 2).sum(axis=1))


def softmax(scores: Floats) -> Floats:
    """Probabilities, (rows, classes), from log-likelihoods of the same shape; a row that holds NaN, or no finite
    value, becomes NaN throughout."""
    scores = np.asarray(scores, dtype=np.float64)
    if not scores.size:
        return scores
    top = scores.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        raised = np.exp(scores - top)
        found: Floats = raised / raised.sum(axis=1, keepdims=True)
    found[~np.isfinite(top[:, 0])] = np.nan
    return found
