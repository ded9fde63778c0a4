"""Clustered intervals: that they cover, that they are wider than naive ones, that they are quick and repeatable."""

from __future__ import annotations

import time

import numpy as np
import pytest

from mmskin_hub.evals.metrics import auroc, bootstrap, paired, paired_classification
from mmskin_hub.evals.metrics.bootstrap import cluster_numbers, counts_of, intervals
from mmskin_hub.evals.metrics.counts import accuracy, balanced_accuracy, macro, mean
from mmskin_hub.evals.metrics.paired import mcnemar

TRIALS = 1000
CLUSTERS = 120


def patients(rng: np.random.Generator, clusters: int = CLUSTERS) -> tuple[np.ndarray, np.ndarray]:
    """Right or wrong by picture, and whose picture it is: 1 to 5 pictures a patient, whose own chance of being right is
    drawn from Beta(2.8, 1.2), so that pictures of one patient are alike; 0.7 in the long run."""
    sizes = rng.integers(1, 6, clusters)
    owner = np.repeat(np.arange(clusters), sizes)
    chance = rng.beta(2.8, 1.2, clusters)[owner]
    return (rng.random(len(owner)) < chance).astype(np.float64), owner


def covered(method: str, trials: int, clusters: int = CLUSTERS, clustered: bool = True) -> float:
    rng = np.random.default_rng(17)
    held = 0
    for trial in range(trials):
        right, owner = patients(rng, clusters)
        groups = owner.tolist() if clustered else None
        low, high = bootstrap(mean(right), groups, n=500, seed=trial, method=method)
        held += low <= 0.7 <= high
    return held / trials


def test_95_percent_intervals_cover_95_percent_of_the_time() -> None:
    assert 0.93 <= covered("percentile", TRIALS) <= 0.97


def test_bca_intervals_cover_too() -> None:
    assert 0.92 <= covered("bca", 300) <= 0.98


def test_intervals_that_ignore_patients_do_not_cover() -> None:
    """The control: the same simulation fails where pictures are taken as independent."""
    assert covered("percentile", 200, clustered=False) < 0.92


def test_balanced_accuracy_and_macro_f1_cover() -> None:
    """Three classes, the chance of being right .9, .7 and .5: the true balanced accuracy is their mean."""
    rng = np.random.default_rng(4)
    held = 0
    for trial in range(300):
        owner = np.repeat(np.arange(150), 2)
        gold = np.repeat(rng.integers(0, 3, 150), 2)
        hit = rng.random(300) < np.array([0.9, 0.7, 0.5])[gold]
        said = np.where(hit, gold, -1)
        low, high = bootstrap(balanced_accuracy(gold, said, 3), owner.tolist(), n=500, seed=trial)
        held += low <= 0.7 <= high
    assert 0.91 <= held / 300 <= 0.98


def test_sums_and_rows_give_the_same_interval() -> None:
    """The fast way, through sums, and the plain way, which computes the metric of every resample from its rows."""
    rng = np.random.default_rng(1)
    gold, groups = rng.integers(0, 3, 60), [f"p{n // 3}" for n in range(60)]
    said = np.where(rng.random(60) < 0.6, gold, rng.integers(-1, 3, 60))
    for made in (
        lambda g, s: accuracy(g, s),
        lambda g, s: balanced_accuracy(g, s, 3),
        lambda g, s: macro(g, s, 3, "f1"),
    ):
        fast = bootstrap(made(gold, said), groups, n=200, seed=3)
        slow = bootstrap(lambda rows, made=made: made(gold[rows], said[rows])(), groups, n=200, seed=3)
        assert fast == pytest.approx(slow)
        for_bca = [
            bootstrap(each, groups, n=200, seed=3, method="bca")
            for each in (made(gold, said), lambda rows, made=made: made(gold[rows], said[rows])())
        ]
        assert for_bca[0] == pytest.approx(for_bca[1])


def test_auroc_interval_is_near_that_of_ranking_every_resample() -> None:
    rng = np.random.default_rng(2)
    gold = rng.integers(0, 2, 400)
    score = gold + rng.normal(0, 1.2, 400)
    shares = np.stack([-score, score], axis=1)
    groups = [f"p{n // 2}" for n in range(400)]
    fast = bootstrap(auroc(gold, shares), groups, n=500)
    slow = bootstrap(lambda rows: auroc(gold[rows], shares[rows])(), groups, n=500)
    assert fast == pytest.approx(slow, abs=0.004)


def test_a_thousand_resamples_of_30000_rows_are_quick() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 8, 30_000)
    said = np.where(rng.random(30_000) < 0.6, gold, rng.integers(-1, 8, 30_000))
    groups = [f"patient {n // 3}" for n in range(30_000)]
    named = {"a": accuracy(gold, said), "b": balanced_accuracy(gold, said, 8), "f": macro(gold, said, 8, "f1")}
    start = time.process_time()
    found = intervals(named, groups, 1000)
    # Two seconds on a free core; the limit leaves room for a busy one.
    assert time.process_time() - start < 6
    assert all(0.6 < low < high < 0.7 for low, high in found.values())


def test_resamples_are_of_whole_clusters_and_repeatable() -> None:
    one, two = (np.concatenate(list(counts_of(7, 40, seed))) for seed in (5, 5))
    assert (one == two).all() and (one.sum(axis=1) == 7).all() and one.shape == (40, 7)
    assert (one != np.concatenate(list(counts_of(7, 40, 6)))).any()
    right = np.array([1.0, 1, 1, 0, 0, 0])
    # Two patients, one always right and one never: a resample is 0, 1/2 or 1 and nothing else.
    assert bootstrap(mean(right), ["a", "a", "a", "b", "b", "b"], n=400) == (0.0, 1.0)
    drawn = {
        bootstrap(lambda rows: float(right[rows].mean()), ["a"] * 3 + ["b"] * 3, n=1, seed=s)[0] for s in range(30)
    }
    assert drawn == {0.0, 0.5, 1.0}


def test_rows_without_a_group_stand_alone() -> None:
    numbers, clusters = cluster_numbers(["a", None, "", "a", float("nan"), None], 6)
    assert clusters == 5 and numbers[0] == numbers[3]
    assert cluster_numbers(None, 3)[1] == 3
    with pytest.raises(ValueError):
        cluster_numbers(["a"], 2)
    assert all(np.isnan(bootstrap(mean(np.ones(3)), ["a", "a", "a"])))


def test_mcnemar_is_the_exact_binomial_test() -> None:
    from scipy.stats import binomtest

    for only_a, only_b in ((0, 0), (1, 0), (5, 1), (10, 10), (3, 17), (40, 62), (900, 1000), (1300, 1210)):
        expected = binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
        assert mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_paired_runs() -> None:
    a, b = np.array([1, 1, 1, 0, 1, 1, 0, 1]), np.array([0, 1, 0, 0, 1, 0, 1, 1])
    found = paired(a, b, None, n=300)
    assert (found["only_a"], found["only_b"]) == (3, 1) and found["difference"] == pytest.approx(0.25)
    assert found["low"] < 0.25 < found["high"] and found["mcnemar"] == pytest.approx(0.625)
    assert "mcnemar" not in paired([0.5, 1.0], [0.25, 1.0], None)
    same = paired(a, a, ["p"] * 4 + ["q"] * 4)
    assert (same["difference"], same["low"], same["high"], same["mcnemar"]) == (0, 0, 0, 1)
    with pytest.raises(ValueError):
        paired([1], [1, 0], None)


def test_paired_differences_equal_the_difference_of_the_figures() -> None:
    rng = np.random.default_rng(8)
    gold, groups = rng.integers(0, 4, 200), [n // 4 for n in range(200)]
    one, other = (np.where(rng.random(200) < share, gold, rng.integers(-1, 4, 200)) for share in (0.7, 0.3))
    found = paired_classification(gold, one, other, 4, groups, n=300)
    expected = balanced_accuracy(gold, one, 4)() - balanced_accuracy(gold, other, 4)()
    assert found["balanced_accuracy"]["value"] == pytest.approx(expected)
    assert found["macro_f1"]["value"] == pytest.approx(macro(gold, one, 4, "f1")() - macro(gold, other, 4, "f1")())
    assert found["balanced_accuracy"]["low"] > 0 and found["accuracy"]["mcnemar"] < 1e-6
