"""Probes without a search for C: k nearest neighbours, and classifiers taught with a few pictures a class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.evals.probes.fit import Features, Fold, Groups, Labels, fits, score

KS = (1, 3, 5, 10, 20, 50, 100)
"""The numbers of neighbours that are tried."""
SHOTS = (1, 4, 16)
DRAWS = 10
"""How often the pictures of a few-shot probe are drawn anew."""
TEMPERATURE = 0.07
"""Votes weigh exp(cosine / .07), as in the k-NN evaluation of DINO (Caron et al. 2021, and Wu et al. 2018 before)."""
_BLOCK = 1024


def unit(x: NDArray[np.floating]) -> Features:
    """Rows of length 1; a row of zeros stays one."""
    wide = x.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    found: Features = (wide / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return found


def vote(x: Features, y: Labels, queries: Features, classes: int, ks: Sequence[int]) -> dict[int, NDArray[np.float64]]:
    """For each k the share of the votes of the k nearest by cosine: [queries, classes], rows sum to 1.

    A k beyond the number of rows takes all of them. Memory: a block of 1,024 queries by all rows.
    """
    near, asked = unit(x), unit(queries)
    most = min(max(ks), len(near))
    found = {k: np.zeros((len(asked), classes)) for k in ks}
    for start in range(0, len(asked), _BLOCK):
        cosines = asked[start : start + _BLOCK] @ near.T
        best = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
        values = np.take_along_axis(cosines, best, axis=1)
        # By cosine, then by place, so that ties fall alike on every machine.
        order = np.lexsort((best, -values), axis=1)
        best, values = np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)
        weights = np.exp((values - values[:, :1]).astype(np.float64) / TEMPERATURE)
        rows = np.arange(len(best))[:, None]
        for k in ks:
            votes = found[k][start : start + _BLOCK]
            np.add.at(votes, (rows, y[best[:, :k]]), weights[:, :k])
            votes /= votes.sum(axis=1, keepdims=True)
    return found


def choose_k(x: Features, y: Labels, classes: int, folds: Sequence[Fold], ks: Sequence[int] = KS) -> dict[int, float]:
    """Balanced accuracy of each k, the mean over the folds."""
    scores: dict[int, list[float]] = {k: [] for k in ks}
    for learn, held in folds:
        for k, votes in vote(x[learn], y[learn], x[held], classes, ks).items():
            scores[k].append(score("balanced_accuracy", y[held], votes))
    return {k: float(np.mean(values)) for k, values in scores.items()}


def prototypes(x: Features, y: Labels, queries: Features, classes: int) -> NDArray[np.float64]:
    """Cosine of each query to the mean of each class (of rows of length 1): [queries, classes]; -inf where unseen."""
    near = unit(x)
    found = np.full((len(queries), classes), -np.inf)
    present = np.unique(y)
    means = unit(np.stack([near[y == label].mean(axis=0) for label in present]))
    found[:, present] = unit(queries) @ means.T
    return found


def draw(y: Labels, groups: Groups, shots: int, seed: int) -> NDArray[np.int64]:
    """``shots`` rows of each class, no two of one group; all there are where a class has fewer groups."""
    order = np.random.default_rng(seed).permutation(len(y))
    taken: list[int] = []
    held: dict[int, int] = {}
    used: set[tuple[int, str]] = set()
    for place in order.tolist():
        label = int(y[place])
        key = label, str(groups[place])
        if held.get(label, 0) < shots and key not in used:
            held[label] = held.get(label, 0) + 1
            used.add(key)
            taken.append(place)
    return np.array(sorted(taken), dtype=np.int64)


def few_shot(
    train: tuple[Features, Labels, Groups],
    test: tuple[Features, Labels],
    classes: int,
    seed: int,
    shots: Sequence[int] = SHOTS,
    draws: int = DRAWS,
) -> list[dict[str, Any]]:
    """Balanced accuracy on ``test`` of classifiers taught with so many pictures a class, over ``draws`` seeded draws.

    ``prototype`` takes the nearest class mean by cosine; ``logistic`` is the regression at C = 1 (there is nothing to
    choose C with). ``low`` and ``high`` hold the middle 95 % of the draws; they are not an interval over test rows.
    """
    return list(_few_shot(train, test, classes, seed, shots, draws))


def _few_shot(
    train: tuple[Features, Labels, Groups],
    test: tuple[Features, Labels],
    classes: int,
    seed: int,
    shots: Sequence[int],
    draws: int,
) -> Iterator[dict[str, Any]]:
    x, y, groups = train
    queries, gold = test
    for count in shots:
        found: dict[str, list[float]] = {"prototype": [], "logistic": []}
        rows: list[int] = []
        for number in range(draws):
            taken = draw(y, groups, count, seed + number)
            rows.append(len(taken))
            guesses = prototypes(x[taken], y[taken], queries, classes)
            found["prototype"].append(score("balanced_accuracy", gold, guesses))
            (model,) = fits(x[taken], y[taken], classes, (1.0,))
            found["logistic"].append(score("balanced_accuracy", gold, model.log_probabilities(queries)))
        short = sorted(int(label) for label in np.unique(y) if np.sum(y[taken] == label) < count)
        for method, values in found.items():
            low, high = np.quantile(values, (0.025, 0.975))
            yield {
                "shots": count,
                "method": method,
                "balanced_accuracy": {"value": float(np.mean(values)), "low": float(low), "high": float(high)},
                "draws": values,
                "rows": rows,
                "fewer_of": short,
            }
