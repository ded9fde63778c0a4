"""Classification metrics against scikit-learn on random inputs, and calibration against closed forms."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mmskin_hub.evals.metrics import auroc, classification, paper_metrics, point_metrics, softmax
from mmskin_hub.evals.metrics.bootstrap import Sums
from mmskin_hub.evals.metrics.calibration import bins_of, brier, ece, reliability
from mmskin_hub.evals.metrics.counts import accuracy, balanced_accuracy, confusion, macro

SEEDS = st.integers(0, 2**32 - 1)


def runs(seed: int, unmatched: bool = True) -> tuple[np.ndarray, np.ndarray, int]:
    rng = np.random.default_rng(seed)
    classes, rows = int(rng.integers(2, 9)), int(rng.integers(1, 80))
    gold = rng.integers(0, classes, rows)
    guess = rng.integers(-1 if unmatched else 0, classes, rows)
    return gold, np.where(rng.random(rows) < 0.5, gold, guess), classes


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.booleans())
def test_figures_equal_scikit_learn(seed: int, unmatched: bool) -> None:
    gold, said, classes = runs(seed, unmatched)
    held = sorted({*gold.tolist(), *said.tolist()} - {-1})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert accuracy(gold, said)() == pytest.approx(sk.accuracy_score(gold, said))
        assert balanced_accuracy(gold, said, classes)() == pytest.approx(sk.balanced_accuracy_score(gold, said))
        for what, score in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
            strict = score(gold, said, labels=held, average="macro", zero_division=0)
            assert macro(gold, said, classes, what)() == pytest.approx(strict)
            paper = score(gold, said, average="macro", zero_division=0)
            assert macro(gold, said, classes, what, minus_one=True)() == pytest.approx(paper)
    table = sk.confusion_matrix(gold, said, labels=[*range(classes), -1])[:classes]
    assert (confusion(gold, said, classes) == table).all()


@settings(deadline=None, max_examples=60)
@given(SEEDS)
def test_points_of_both_modes_equal_scikit_learn(seed: int) -> None:
    gold, said, classes = runs(seed)
    strict, paper = point_metrics(gold, said, classes), paper_metrics(gold, said)
    assert strict["unmatched_rate"] == pytest.approx(float((said == -1).mean()))
    assert strict["accuracy"] == paper["accuracy"] == pytest.approx(sk.accuracy_score(gold, said))
    assert paper["macro_f1"] == pytest.approx(sk.f1_score(gold, said, average="macro", zero_division=0))
    if (said == -1).any():
        assert paper["macro_f1"] < strict["macro_f1"] or strict["macro_f1"] == 0


@settings(deadline=None, max_examples=60)
@given(SEEDS, st.booleans())
def test_auroc_equals_scikit_learn_ties_included(seed: int, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    classes, rows = int(rng.integers(2, 6)), int(rng.integers(12, 90))
    gold = rng.permutation(np.r_[np.arange(classes), rng.integers(0, classes, rows - classes)])
    shares = rng.dirichlet(np.ones(classes), rows)
    if coarse:
        shares = np.round(shares, 1)
        shares[:, 0] = 1 - shares[:, 1:].sum(axis=1)
    score = shares[:, 1] if classes == 2 else shares
    assert auroc(gold, shares)() == pytest.approx(sk.roc_auc_score(gold, score, multi_class="ovr"))


def test_auroc_leaves_out_classes_that_do_not_occur() -> None:
    gold = np.array([0, 0, 1, 1])
    shares = np.array([[0.8, 0.1, 0.1], [0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.6, 0.2, 0.2]])
    expected = np.mean([sk.roc_auc_score(gold == name, shares[:, name]) for name in (0, 1)])
    assert auroc(gold, shares)() == pytest.approx(expected)
    assert np.isnan(auroc(np.zeros(4, dtype=int), shares)())


@settings(deadline=None, max_examples=25)
@given(SEEDS)
def test_brier_and_top_k_equal_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gold, shares = rng.integers(0, 7, 40), rng.dirichlet(np.ones(7), 40)
    found = classification(gold, shares.argmax(axis=1), shares, [str(name) for name in range(7)], n=2)
    for k in (2, 3, 5):
        expected = sk.top_k_accuracy_score(gold, shares, k=k, labels=range(7))
        assert found["top_k"][str(k)]["value"] == pytest.approx(expected)
    two = np.stack([shares[:, 0], 1 - shares[:, 0]], axis=1)
    expected = sk.brier_score_loss(gold % 2, two[:, 1])
    assert brier(two, gold % 2)() == pytest.approx(2 * expected)


def test_calibration_error_by_hand() -> None:
    confidence, right = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55]), np.array([1, 1, 1, 0, 0, 1.0])
    # Bin of .95: |.75 - .95| over 4 of 6 rows; bin of .55: |.5 - .55| over 2 of 6.
    assert ece(confidence, right)() == pytest.approx(0.2 * 4 / 6 + 0.05 * 2 / 6)
    diagram = reliability(confidence, right)
    assert [each["n"] for each in diagram if each["n"]] == [2, 4] and len(diagram) == 15
    assert diagram[14]["accuracy"] == 0.75 and diagram[14]["confidence"] == pytest.approx(0.95)
    assert diagram[0]["accuracy"] is None


def test_calibration_error_of_known_distributions() -> None:
    """Confidence uniform on (0, 1): perfectly calibrated gives 0, always right gives E(1 - c) = 1/2, and a constant
    overconfidence of d gives d."""
    rng = np.random.default_rng(0)
    confidence = rng.random(400_000)
    drawn = rng.random(400_000)
    assert ece(confidence, (drawn < confidence).astype(float))() < 0.005
    assert ece(confidence, np.ones(400_000))() == pytest.approx(0.5, abs=0.002)
    high = 0.3 + 0.7 * confidence
    assert ece(high, (drawn < high - 0.25).astype(float))() == pytest.approx(0.25, abs=0.005)


def test_bins_are_closed_above() -> None:
    assert bins_of(np.array([0.0, 1e-9, 1 / 15, 0.0667, 14 / 15, 0.94, 1.0])).tolist() == [0, 0, 0, 1, 13, 14, 14]


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_calibration_error_equals_a_loop_over_bins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.random(60)
    right = (rng.random(60) < 0.5).astype(float)
    total = 0.0
    for low in np.arange(15) / 15:
        held = (confidence > low) & (confidence <= low + 1 / 15)
        if held.any():
            total += held.sum() / 60 * abs(right[held].mean() - confidence[held].mean())
    assert ece(confidence, right)() == pytest.approx(total)


def test_the_report_is_whole_and_fit_for_json() -> None:
    gold, said = [0, 0, 1, 2, 2, 2], [0, -1, 1, 2, 2, 0]
    shares = np.full((6, 3), 1 / 3)
    shares[0] = np.nan
    found = classification(gold, said, shares, ["a", "b", "c"], ["p", "p", "q", "r", "r", "s"], n=50)
    json.dumps(found, allow_nan=False)
    assert found["n"] == 6 and found["clusters"] == 4 and found["few_clusters"] and found["without_scores"] == 1
    assert found["accuracy"]["value"] == pytest.approx(4 / 6)
    assert found["accuracy"]["low"] <= 4 / 6 <= found["accuracy"]["high"]
    assert found["unmatched"]["value"] == pytest.approx(1 / 6)
    assert found["confusion"] == [[1, 0, 0, 1], [0, 1, 0, 0], [1, 0, 2, 0]]
    first = {"class": "a", "support": 2, "predicted": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    assert found["per_class"][0] == first
    assert set(found["top_k"]) == {"2"}


def test_one_cluster_has_no_interval_and_broken_input_is_refused() -> None:
    found = classification([0, 1], [0, 1], None, ["a", "b"], ["p", "p"])
    assert found["accuracy"] == {"value": 1.0, "low": None, "high": None}
    for gold, said in (([], []), ([0], [0, 1]), ([2], [0]), ([-1], [0]), ([0], [2])):
        with pytest.raises(ValueError):
            classification(gold, said, None, ["a", "b"])
    with pytest.raises(ValueError):
        classification([0, 1], [0, 1], [[0.5, 0.5]], ["a", "b"])


def test_softmax_marks_rows_that_hold_no_number() -> None:
    found = softmax(np.array([[0.0, np.log(3.0)], [np.nan, 1.0], [-1000.0, -1001.0], [-np.inf, 0.0]]))
    assert found[0] == pytest.approx([0.25, 0.75]) and np.isnan(found[1]).all()
    assert found[2].sum() == pytest.approx(1) and found[3] == pytest.approx([0, 1])


def test_a_metric_of_sums_is_the_metric_of_rows() -> None:
    gold, said, classes = runs(3)
    statistic = balanced_accuracy(gold, said, classes)
    assert isinstance(statistic, Sums)
    twice = statistic.value((2 * statistic.parts.sum(axis=0))[None])[0]
    assert twice == pytest.approx(statistic())
