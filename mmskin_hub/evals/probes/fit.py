"""Fits a probe: the folds, the choice of C, the refit; by the paper's protocol and by the strict one.

================  ====================================================  ================================================
                  ``strict``                                            ``paper``
================  ====================================================  ================================================
folds             5, stratified, seeded, no group in two of them        5, stratified, in the order of the rows
C                 10^linspace(-5, 1, 10), by balanced accuracy          the same grid, by roc_auc_ovr
searched on       train + validation                                    train + validation
refit on          train + validation                                    train, without a fifth of its rows (seeded here)
================  ====================================================  ================================================

Features are standardised (StandardScaler) within every fit. A class without a row in a fold keeps its id and gets
probability 0. Source of ``paper``: the classification script of github.com/ZwQ803/MM-Skin.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.probes.solver import Linear, path, pose

Features = NDArray[np.float32]
Labels = NDArray[np.int64]
Groups = NDArray[np.str_]
Fold = tuple[NDArray[np.int64], NDArray[np.int64]]

GRID: tuple[float, ...] = tuple(float(c) for c in 10 ** np.linspace(-5, 1, 10))
"""The values of C the paper's script tries; from 0.00001 to 10."""
FOLDS = 5
SELECT = ("balanced_accuracy", "roc_auc_ovr", "log_loss")
HELD_BACK = 0.2
"""The share of rows the paper's protocol searches with, but does not refit on."""
SOLVERS = ("path", "sklearn")


@dataclass(frozen=True, slots=True)
class Plan:
    """How C is chosen. ``select`` is one of :data:`SELECT`, ``solver`` of :data:`SOLVERS` (the same optimum)."""

    grouped: bool = True
    select: str = "balanced_accuracy"
    folds: int = FOLDS
    grid: tuple[float, ...] = GRID
    seed: int = 0
    solver: str = "path"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best C, and the score of every C of the grid, [grid, folds]: higher is better. ``steps`` are the solver's."""

    c: float
    scores: NDArray[np.float64]
    steps: int


def check(x: Features, y: Labels, groups: Groups, folds: int, where: str) -> None:
    """Raise :class:`MmskinError` where no probe can be fitted: features that are no numbers, one class, few groups."""
    bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
    if len(bad):
        raise MmskinError(
            f"{where}: the features of {len(bad):,} of {len(x):,} rows are not finite numbers.",
            "Extract them in another dtype (float32), or look at the encoder.",
        )
    present = np.unique(y)
    if len(present) < 2:
        raise MmskinError(
            f"{where}: all {len(y):,} rows to learn from are of one class; a probe needs two.", "Build another split."
        )
    held = len(np.unique(groups))
    if held < folds:
        raise MmskinError(
            f"{where}: {len(y):,} rows in {held} groups cannot be parted into {folds} folds.",
            "Use more rows, or fewer folds.",
        )


def make_folds(y: Labels, groups: Groups, folds: int, grouped: bool, seed: int) -> list[Fold]:
    """(rows to learn from, rows to score), stratified; with ``grouped`` no group is on both sides of any.

    Plain folds are scikit-learn's default ones, in the order of the rows. Folds that could teach nothing, or score
    nothing, are left out.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    rows = np.zeros(len(y))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        if grouped:
            made = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(rows, y, groups)
        else:
            made = StratifiedKFold(folds).split(rows, y)
        try:
            found = [(learn.astype(np.int64), held.astype(np.int64)) for learn, held in made]
        except ValueError as error:
            # No class has as many rows as there are folds.
            raise MmskinError(
                f"{len(y):,} rows cannot be parted into {folds} folds: {str(error).rstrip('.')}."
            ) from None
    return [(learn, held) for learn, held in found if len(held) and len(np.unique(y[learn])) > 1]


def fits(x: Features, y: Labels, classes: int, grid: Sequence[float], solver: str = "path") -> Iterator[Linear]:
    """A classifier for each C of ``grid`` (rising); both solvers find the same optimum."""
    if solver == "path":
        yield from path(pose(x, y, classes), grid)
    elif solver == "sklearn":
        yield from _sklearn(x, y, classes, grid)
    else:
        raise WrongUse(f"There is no solver {solver!r}.", f"There are: {', '.join(SOLVERS)}")


def _sklearn(x: Features, y: Labels, classes: int, grid: Sequence[float]) -> Iterator[Linear]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(x.astype(np.float64))
    scaled = scaler.transform(x.astype(np.float64))
    for c in grid:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", ConvergenceWarning)
            model = LogisticRegression(C=c, max_iter=10_000, tol=1e-6).fit(scaled, y)
        coef, intercept = model.coef_, model.intercept_
        if len(coef) == 1:
            coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
        stopped = any(issubclass(each.category, ConvergenceWarning) for each in said)
        present = model.classes_.astype(np.int64)
        yield Linear(
            coef, intercept, scaler.mean_, scaler.scale_, present, classes, int(model.n_iter_.max()), not stopped
        )


def choose(x: Features, y: Labels, groups: Groups, classes: int, plan: Plan) -> Chosen:
    """The C with the best mean score over the folds; of equal ones the smallest.

    Raises :class:`MmskinError` where the rows cannot be parted so that every fold teaches two classes.
    """
    folds = make_folds(y, groups, plan.folds, plan.grouped, plan.seed)
    if len(folds) < 2:
        raise MmskinError(f"{len(y):,} rows cannot be parted into folds with two classes each.", "Use more rows.")
    grid = sorted(plan.grid)
    scores = np.full((len(grid), len(folds)), np.nan)
    steps = 0
    for column, (learn, held) in enumerate(folds):
        for line, model in enumerate(fits(x[learn], y[learn], classes, grid, plan.solver)):
            scores[line, column] = score(plan.select, y[held], model.log_probabilities(x[held]))
            steps += model.steps
    told = ~np.isnan(scores).all(axis=0)
    if not told.any():
        raise MmskinError(f"{plan.select} is undefined in every fold: each holds one class only.", "Use more rows.")
    means = np.nanmean(scores[:, told], axis=1)
    return Chosen(grid[int(np.argmax(np.round(means, 12)))], scores, steps)


def score(name: str, y: Labels, logs: NDArray[np.float64]) -> float:
    """How good ``logs`` ([rows, classes], log-probabilities) are for ``y``; higher is better, NaN where undefined.

    Means are over the classes that ``y`` holds; ``log_loss`` is negative and floored at 1e-15.
    """
    present = np.unique(y)
    if name == "log_loss":
        return float(np.maximum(logs[np.arange(len(y)), y], np.log(1e-15)).mean())
    if name == "balanced_accuracy":
        right = logs.argmax(axis=1) == y
        return float(np.mean([right[y == label].mean() for label in present]))
    if name == "roc_auc_ovr":
        from sklearn.metrics import roc_auc_score

        if len(present) < 2:
            return float("nan")
        return float(np.mean([roc_auc_score(y == label, np.exp(logs[:, label])) for label in present]))
    raise WrongUse(f"There is no measure {name!r} to choose C by.", f"There are: {', '.join(SELECT)}")


def hold_back(rows: int, share: float, seed: int) -> Fold:
    """Rows to refit on, and the ``share`` of them held back; drawn by row, as the paper does, but seeded."""
    order = np.random.default_rng(seed).permutation(rows)
    held = max(1, round(share * rows))
    return np.sort(order[held:]), np.sort(order[:held])


def by_group(y: Labels, groups: Groups, share: float, seed: int) -> NDArray[np.int64]:
    """The rows of ``share`` of the groups of each class (its most frequent in the group), at least one group each.

    A smaller share of the same seed is part of a larger one.
    """
    names, number = np.unique(groups, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    counts = np.zeros((len(names), int(y.max()) + 1), dtype=np.int64)
    np.add.at(counts, (number, y), 1)
    kind = counts.argmax(axis=1)
    taken = np.zeros(len(names), dtype=bool)
    for label in np.unique(kind):
        own = order[kind[order] == label]
        taken[own[: max(1, round(share * len(own)))]] = True
    return np.flatnonzero(taken[number])


def told(chosen: Chosen, plan: Plan) -> dict[str, Any]:
    """What the report says of the search."""
    held = ~np.isnan(chosen.scores).all(axis=0)
    means = np.nanmean(chosen.scores[:, held], axis=1)
    return {
        "C": chosen.c,
        "select": plan.select,
        "folds": chosen.scores.shape[1],
        "grouped": plan.grouped,
        "solver": plan.solver,
        "steps": chosen.steps,
        "grid": [
            {"C": c, "score": round(float(mean), 6), "of_folds": [_rounded(value) for value in line]}
            for c, mean, line in zip(sorted(plan.grid), means, chosen.scores, strict=True)
        ],
        "at_edge": chosen.c in (min(plan.grid), max(plan.grid)),
    }


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)
