"""Classification metrics as functions of column sums, so that one pass serves the figure and its interval.

Equal to scikit-learn's where that defines them. ``gold`` (rows,) holds class indices 0 … classes-1, ``predicted`` the
same or -1, which is no class.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.evals.metrics.bootstrap import Floats, Sums

Ints = NDArray[np.int64]


def accuracy(gold: Ints, predicted: Ints) -> Sums:
    """Share of rows that are right; -1 is wrong."""
    return mean((gold == predicted).astype(np.float64))


def mean(values: Floats) -> Sums:
    """The mean of a value per row."""
    return Sums(np.stack([values, np.ones(len(values))], axis=1), lambda sums: _ratio(sums[..., 0], sums[..., 1]))


def balanced_accuracy(gold: Ints, predicted: Ints, classes: int) -> Sums:
    """Mean recall over the classes that gold has."""
    return _by_class(gold, predicted, classes, False, lambda right, true, said: (_ratio(right, true), true > 0))


def macro(gold: Ints, predicted: Ints, classes: int, what: str, *, minus_one: bool = False) -> Sums:
    """Macro "precision", "recall" or "f1", over the classes that gold or the predictions have, 0 where undefined.

    That is scikit-learn's default. With ``minus_one`` (paper mode) the predictions that are no class count as a class
    of their own, as -1 does there; without it they are only wrong.
    """
    ratios: dict[str, Callable[[Floats, Floats, Floats], Floats]] = {
        "precision": lambda right, true, said: _ratio(right, said, 0.0),
        "recall": lambda right, true, said: _ratio(right, true, 0.0),
        "f1": lambda right, true, said: _ratio(2.0 * right, true + said, 0.0),
    }
    of_class = ratios[what]
    return _by_class(
        gold,
        predicted,
        classes,
        minus_one,
        lambda right, true, said: (of_class(right, true, said), (true > 0) | (said > 0)),
    )


def confusion(gold: Ints, predicted: Ints, classes: int) -> Ints:
    """Counts, (classes, classes + 1): rows are the truth, columns the predictions, the last one "no class"."""
    columns = np.where(predicted < 0, classes, predicted)
    flat = np.bincount(gold * (classes + 1) + columns, minlength=classes * (classes + 1))
    return flat.reshape(classes, classes + 1)


def _by_class(
    gold: Ints,
    predicted: Ints,
    classes: int,
    minus_one: bool,
    of_class: Callable[[Floats, Floats, Floats], tuple[Floats, NDArray[np.bool_]]],
) -> Sums:
    """The mean, over the classes that count, of a function of right, true and predicted numbers."""
    names = np.arange(-1 if minus_one else 0, classes)
    true = gold[:, None] == names
    said = predicted[:, None] == names
    parts = np.concatenate([true & said, true, said], axis=1).astype(np.float64)
    width = len(names)

    def value(sums: Floats) -> Floats:
        each, counts = of_class(sums[..., :width], sums[..., width : 2 * width], sums[..., 2 * width :])
        return _ratio(np.where(counts, each, 0.0).sum(axis=-1), counts.sum(axis=-1))

    return Sums(parts, value)


def _ratio(top: Floats, bottom: Floats, empty: float = float("nan")) -> Floats:
    bottom = np.asarray(bottom, dtype=np.float64)
    found: Floats = np.divide(top, bottom, out=np.full(np.broadcast(top, bottom).shape, empty), where=bottom > 0)
    return found
