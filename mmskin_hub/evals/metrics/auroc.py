"""Area under the ROC curve, one class against the rest.

It is the chance that a row of the class scores higher than a row of another, ties counting half (Mann-Whitney). Each
row has a *placement*: of a row of the class, the share of the others below it; of another row, the share of the class
above it. The mean placement of either side is the area. Resampled placements give the interval: that is the
projection of the U-statistic (DeLong ER et al. Biometrics 1988;44:837-845), with its components summed by cluster as in
Obuchowski NA. Biometrics 1997;53:567-578. It differs from ranking every resample anew by a term of order 1 / rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.evals.metrics.bootstrap import Floats, Sums
from mmskin_hub.evals.metrics.counts import Ints


def auroc(gold: Ints, probabilities: Floats) -> Sums:
    """Macro one-versus-rest AUROC over the classes that gold has and lacks somewhere; NaN where none is such.

    ``gold`` (rows,), ``probabilities`` (rows, classes), finite. Of two classes it is the one area both have. A class
    that a resample lacks is left out of its mean.
    """
    # Two classes have one area, and its second computation would differ from it in the last digit.
    classes = [1] if probabilities.shape[1] == 2 else range(probabilities.shape[1])
    names = [name for name in classes if 0 < np.count_nonzero(gold == name) < len(gold)]
    if not names:
        return Sums(np.zeros((len(gold), 1)), lambda sums: np.full(sums.shape[:-1], np.nan))
    parts = np.concatenate([_placements(gold == name, probabilities[:, name]) for name in names], axis=1)
    exact = parts.sum(axis=0).reshape(-1, 4)
    areas = exact[:, 0] / exact[:, 1]

    def value(sums: Floats) -> Floats:
        each = sums.reshape(*sums.shape[:-1], len(names), 4)
        known = (each[..., 1] > 0) & (each[..., 3] > 0)
        inside = np.divide(each[..., 0], each[..., 1], out=np.zeros(known.shape), where=known)
        outside = np.divide(each[..., 2], each[..., 3], out=np.zeros(known.shape), where=known)
        area = np.where(known, np.clip(inside + outside - areas, 0.0, 1.0), 0.0)
        held = known.sum(axis=-1)
        found: Floats = np.divide(area.sum(axis=-1), held, out=np.full(held.shape, np.nan), where=held > 0)
        return found

    return Sums(parts, value)


def _placements(positive: NDArray[np.bool_], score: Floats) -> Floats:
    """(rows, 4): placement and 1 for rows of the class, then placement and 1 for the others; 0 elsewhere."""
    found = np.zeros((len(score), 4))
    inside, outside = np.sort(score[positive]), np.sort(score[~positive])
    found[positive, 0] = _below(outside, score[positive])
    found[~positive, 2] = 1.0 - _below(inside, score[~positive])
    found[positive, 1] = 1.0
    found[~positive, 3] = 1.0
    return found


def _below(others: Floats, scores: Floats) -> Floats:
    """The share of ``others`` (sorted) below each of ``scores``, ties counting half."""
    ties = np.searchsorted(others, scores, "left") + np.searchsorted(others, scores, "right")
    return np.asarray(ties / (2.0 * len(others)), dtype=np.float64)
