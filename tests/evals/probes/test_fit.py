"""Folds keep groups together, C is chosen as scikit-learn chooses it, labels are cut by group, draws are fair."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.probes.fit import (
    GRID,
    Plan,
    by_group,
    check,
    choose,
    fits,
    hold_back,
    make_folds,
    score,
)
from mmskin_hub.evals.probes.neighbours import draw, few_shot, prototypes, vote
from mmskin_hub.evals.probes.task import fitted
from tests.evals.probes.drawn import clouds, pairs


def grouped(rows: int = 300, classes: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clouds of which neighbouring rows are pictures of one lesion."""
    x, y = clouds(rows, 12, classes, apart=0.5)
    y[1::2] = y[::2]
    return x, y, np.array(list(pairs(rows)))


def test_no_group_is_on_both_sides_of_a_fold() -> None:
    x, y, groups = grouped()
    folds = make_folds(y, groups, 5, grouped=True, seed=0)
    assert len(folds) == 5
    assert sorted(np.concatenate([held for _, held in folds]).tolist()) == list(range(len(x)))
    for learn, held in folds:
        assert not set(groups[learn]) & set(groups[held])
        assert set(y[held]) == set(y)
    plain = make_folds(y, groups, 5, grouped=False, seed=0)
    assert any(set(groups[learn]) & set(groups[held]) for learn, held in plain), "the check must be able to fail"
    again, other = make_folds(y, groups, 5, True, 0), make_folds(y, groups, 5, True, 1)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))
    assert not all(np.array_equal(a[1], b[1]) for a, b in zip(folds, other, strict=True))


@pytest.mark.parametrize(
    ("grouped_folds", "select"), [(True, "balanced_accuracy"), (False, "roc_auc_ovr"), (True, "log_loss")]
)
def test_c_is_the_one_a_grid_search_of_scikit_learn_chooses(grouped_folds: bool, select: str) -> None:
    x, y, groups = grouped()
    names = {"log_loss": "neg_log_loss"}
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0) if grouped_folds else StratifiedKFold(5)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(tol=1e-8, max_iter=20_000)),
        {"logisticregression__C": GRID},
        scoring=names.get(select, select),
        cv=folds,
    ).fit(x.astype(np.float64), y, **({"groups": groups} if grouped_folds else {}))
    chosen = choose(x, y, groups, 4, Plan(grouped=grouped_folds, select=select))
    assert np.abs(chosen.scores.mean(axis=1) - search.cv_results_["mean_test_score"]).max() < 2e-3
    assert chosen.c == pytest.approx(search.best_params_["logisticregression__C"])


def test_measures_are_those_of_scikit_learn() -> None:
    x, y = clouds(200, 8, 5, apart=0.4)
    (model,) = fits(x, y, 5, (0.1,))
    logs = model.log_probabilities(x)
    assert score("balanced_accuracy", y, logs) == pytest.approx(balanced_accuracy_score(y, logs.argmax(axis=1)))
    assert score("roc_auc_ovr", y, logs) == pytest.approx(roc_auc_score(y, np.exp(logs), multi_class="ovr"))
    assert np.isnan(score("roc_auc_ovr", np.zeros(4, dtype=np.int64), logs[:4]))
    with pytest.raises(WrongUse, match="no measure 'f2'"):
        score("f2", y, logs)


def test_a_class_with_one_group_keeps_its_id() -> None:
    x, y, groups = grouped()
    y[:2] = 6
    model, chosen, rows = fitted(x, y, groups, 9, Plan(), "strict")
    assert model.present.tolist() == [0, 1, 2, 3, 6]
    assert model.log_probabilities(x).shape == (300, 9)
    assert chosen.scores.shape == (len(GRID), 5) and len(rows) == 300


def test_the_paper_refits_without_a_fifth_of_the_rows() -> None:
    x, y, groups = grouped()
    _, _, rows = fitted(x, y, groups, 4, Plan(grouped=False, select="roc_auc_ovr"), "paper")
    assert len(rows) == 240
    kept, held = hold_back(300, 0.2, seed=0)
    assert np.array_equal(rows, kept) and sorted([*kept, *held]) == list(range(300))
    assert not np.array_equal(held, hold_back(300, 0.2, seed=1)[1])


def test_labels_are_cut_by_whole_groups_and_nested() -> None:
    _, y, groups = grouped(2000)
    small, large = by_group(y, groups, 0.01, 0), by_group(y, groups, 0.1, 0)
    assert set(small) < set(large)
    for rows, share in ((small, 0.01), (large, 0.1)):
        assert set(y[rows]) == set(y)
        assert len(np.unique(groups[rows])) == pytest.approx(share * 1000, abs=4)
        for group in np.unique(groups[rows]):
            assert (groups[rows] == group).sum() == (groups == group).sum()
    assert np.array_equal(by_group(y, groups, 1.0, 0), np.arange(2000))


def test_what_cannot_be_fitted_is_told() -> None:
    x, y, groups = grouped(40)
    with pytest.raises(MmskinError, match="all 40 rows to learn from are of one class"):
        check(x, np.zeros_like(y), groups, 5, "here")
    with pytest.raises(MmskinError, match="40 rows in 3 groups cannot be parted into 5 folds"):
        check(x, y, np.array([f"g{row % 3}" for row in range(40)]), 5, "here")
    x[7, 3], x[9, 0] = np.nan, np.inf
    with pytest.raises(MmskinError, match="2 of 40 rows are not finite"):
        check(x, y, groups, 5, "here")
    with pytest.raises(MmskinError, match="cannot be parted into 5 folds"):
        choose(x[:4], np.arange(4), groups[:4], 4, Plan())
    with pytest.raises(WrongUse, match="no solver 'newton'"):
        list(fits(x[:6], y[:6], 4, GRID, "newton"))


def test_neighbours_vote_as_scikit_learn_has_them() -> None:
    x, y = clouds(300, 10, 4, apart=0.5)
    found = vote(x[:200], y[:200], x[200:], 4, (1, 15, 1000))

    def weigh(distances: np.ndarray) -> np.ndarray:
        return np.exp(-distances / 0.07)

    for k, votes in found.items():
        peer = KNeighborsClassifier(min(k, 200), metric="cosine", weights=weigh, algorithm="brute")
        assert np.abs(votes - peer.fit(x[:200], y[:200]).predict_proba(x[200:])).max() < 1e-4
        assert np.allclose(votes.sum(axis=1), 1.0)


def test_prototypes_are_class_means_of_unit_rows() -> None:
    x = np.array([[2.0, 0.0], [0.0, 5.0], [0.0, 1.0]], dtype=np.float32)
    found = prototypes(x, np.array([0, 2, 2]), np.array([[3.0, 0.0], [1.0, 1.0]], dtype=np.float32), 4)
    assert np.allclose(found[:, [0, 2]], [[1.0, 0.0], [0.5**0.5, 0.5**0.5]])
    assert np.isneginf(found[:, [1, 3]]).all()


def test_few_shot_takes_one_picture_a_lesion() -> None:
    x, y, groups = grouped(400)
    rows = draw(y, groups, 4, seed=3)
    assert np.bincount(y[rows]).tolist() == [4, 4, 4, 4]
    assert len(set(groups[rows])) == 16
    assert np.array_equal(rows, draw(y, groups, 4, seed=3)) and not np.array_equal(rows, draw(y, groups, 4, seed=4))
    y[np.isin(groups, groups[:6])] = 0
    y[6:][y[6:] == 0] = 1
    told = few_shot((x, y, groups), (x, y), 4, 0, shots=(1, 16), draws=4)
    assert [(each["shots"], each["method"]) for each in told[:2]] == [(1, "prototype"), (1, "logistic")]
    assert told[-1]["fewer_of"] == [0] and told[-1]["rows"] == [51] * 4
    assert told == few_shot((x, y, groups), (x, y), 4, 0, shots=(1, 16), draws=4)
    by = {(each["shots"], each["method"]): each["balanced_accuracy"]["value"] for each in told}
    assert by[16, "prototype"] > by[1, "prototype"]
