"""The own solver finds scikit-learn's optimum: binary, many classes, more columns than rows, odd columns, any path."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from mmskin_hub.evals.probes.fit import GRID, fits
from mmskin_hub.evals.probes.solver import path, pose
from tests.evals.probes.drawn import clouds


def reference(x: np.ndarray, y: np.ndarray, c: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients, intercepts (both summing to zero over the classes) and probabilities of scikit-learn."""
    scaled = StandardScaler().fit_transform(x.astype(np.float64))
    model = LogisticRegression(C=c, tol=1e-9, max_iter=50_000).fit(scaled, y)
    coef, intercept = model.coef_, model.intercept_
    if len(coef) == 1:
        coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return coef, intercept - intercept.mean(), model.predict_proba(scaled)


@pytest.mark.parametrize(
    ("rows", "columns", "classes", "skewed"),
    [
        (400, 30, 5, False),
        (400, 30, 5, True),
        (300, 40, 2, False),
        (60, 150, 4, False),
        (50, 80, 2, True),
        (90, 90, 3, True),
    ],
)
def test_the_optimum_is_that_of_scikit_learn(rows: int, columns: int, classes: int, skewed: bool) -> None:
    x, y = clouds(rows, columns, classes, skewed=skewed)
    for c, model in zip(GRID, path(pose(x, y, classes), GRID), strict=True):
        coef, intercept, chances = reference(x, y, c)
        assert model.converged
        assert np.abs(model.coef - coef).max() <= 1e-3
        assert np.abs(model.intercept - intercept).max() <= 1e-2
        assert np.abs(np.exp(model.log_probabilities(x)) - chances).max() <= 1e-3


def test_the_check_can_fail() -> None:
    x, y = clouds(400, 30, 5)
    *_, model = path(pose(x, y, 5), GRID)
    coef, _, chances = reference(x, y, GRID[-2])
    assert np.abs(model.coef - coef).max() > 1e-2
    assert np.abs(np.exp(model.log_probabilities(x)) - chances).max() > 1e-3


def test_each_solution_is_its_own_whatever_came_before() -> None:
    x, y = clouds(200, 20, 3)
    problem = pose(x, y, 3)
    along = list(path(problem, GRID))
    for c, model in zip(GRID, along, strict=True):
        (alone,) = path(problem, (c,))
        assert np.abs(alone.coef - model.coef).max() <= 1e-3


def test_columns_that_do_not_vary_and_classes_that_are_absent() -> None:
    x, y = clouds(200, 12, 3)
    x[:, 4] = 7.25
    x[:, 5] = 0.0
    y = np.where(y == 1, 5, y)
    (model,) = path(pose(x, y, 8), (1.0,))
    assert model.present.tolist() == [0, 2, 5]
    logs = model.log_probabilities(x)
    assert logs.shape == (200, 8)
    assert np.isneginf(np.delete(logs, [0, 2, 5], axis=1)).all()
    assert np.allclose(np.exp(logs).sum(axis=1), 1.0)
    coef, _, chances = reference(x, y, 1.0)
    assert np.abs(model.coef - coef).max() <= 1e-3
    assert np.abs(np.exp(logs[:, [0, 2, 5]]) - chances).max() <= 1e-3


def test_both_solvers_are_the_same_probe() -> None:
    x, y = clouds(150, 25, 4)
    for ours, theirs in zip(fits(x, y, 6, GRID), fits(x, y, 6, GRID, "sklearn"), strict=True):
        left, right = ours.log_probabilities(x), theirs.log_probabilities(x)
        assert np.abs(np.exp(left) - np.exp(right)).max() <= 1e-3
        assert (left.argmax(axis=1) == right.argmax(axis=1)).mean() > 0.99


def test_features_far_from_zero_lose_nothing() -> None:
    """Means a thousand times the spread, as some encoders have them: standardising happens in float64."""
    x, y = clouds(200, 10, 3)
    far = x + np.float32(4096.0)
    near = far.astype(np.float64) - 4096.0
    (moved,) = path(pose(far, y, 3), (1.0,))
    (plain,) = path(pose(near, y, 3), (1.0,))
    assert np.abs(moved.log_probabilities(far) - plain.log_probabilities(near)).max() < 1e-4


def test_same_input_same_weights() -> None:
    x, y = clouds(200, 40, 4)
    first, second = (list(path(pose(x, y, 4), GRID))[-1] for _ in range(2))
    assert np.array_equal(first.coef, second.coef)
