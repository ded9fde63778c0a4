"""A probe from end to end: figures, samples, modes, extras, seeds, bad data; and the real benchmark where it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from mmskin_hub.errors import MissingExtra, MmskinError, WrongUse
from mmskin_hub.evals.metrics import classification
from mmskin_hub.evals.probes import GROUPS, ProbeRequest, run_probe, tasks_of
from mmskin_hub.evals.probes.run import protocol_of
from mmskin_hub.evals.probes.task import _pool, plan_of
from mmskin_hub.evals.results import TaskResult
from mmskin_hub.evals.samples import COLUMNS, read_samples, write_samples
from mmskin_hub.registry import PUBLIC
from tests.evals.probes.drawn import BROKEN, FACTORY, Means, dataset

NAME = "probe_ham10000"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("data") / "ham10000", noise=0.6)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("features")


def request(built: Path, cache: Path, **more: Any) -> ProbeRequest:
    given: dict[str, Any] = {"encoder": FACTORY, "tasks": (NAME,), "device": "cpu", "cache": cache, "extras": ()}
    return ProbeRequest(data={"ham10000": str(built)}, **{**given, **more})


@pytest.fixture(scope="module")
def found(built: Path, cache: Path) -> dict[str, Any]:
    """The probe with all its extras."""
    return run_probe(request(built, cache, extras=("labels", "knn", "few_shot")))


def test_figures_are_those_of_the_samples(found: dict[str, Any], tmp_path: Path) -> None:
    task, samples = found["tasks"][NAME], found["samples"][NAME]
    gold, predicted = ([sample[key] for sample in samples] for key in ("gold", "predicted"))
    value = task["metrics"]["balanced_accuracy"]
    assert value["value"] == pytest.approx(balanced_accuracy_score(gold, predicted))
    assert 0.5 < value["low"] <= value["value"] <= value["high"] < 1.0, "the drawn colours overlap somewhat"
    assert task["metrics"]["clusters"] == 40 and task["samples"] == len(samples) == 79
    shares = np.exp([sample["loglik"] for sample in samples])
    assert np.allclose(shares.sum(axis=1), 1.0) and shares.argmax(axis=1).tolist() == predicted
    groups = [sample["group"] for sample in samples]
    whole = classification(gold, predicted, shares, PUBLIC["ham10000"].classes, groups)
    assert whole["auroc"] == pytest.approx(task["metrics"]["auroc"])
    assert set(task["slices"]) == {"skin_tone", "sex", "age_group", "modality"}
    write_samples(tmp_path / "samples.parquet", samples)
    (first, *_) = read_samples(tmp_path / "samples.parquet")
    assert list(first) == list(COLUMNS) and first["gold_text"] == PUBLIC["ham10000"].classes[gold[0]]


def test_the_result_has_the_shape_of_every_task(found: dict[str, Any]) -> None:
    task = found["tasks"][NAME]
    assert set(task) < set(TaskResult.__annotations__)
    needed = "kind mode version data classes samples outcomes metrics slices seconds probe"
    assert set(needed.split()) == set(task)
    assert (task["kind"], task["mode"], task["data"]["split"]) == ("probe", "strict", "test")
    assert len(task["data"]["revision"]) == len(found["model"]["revision"]) == 64
    json.dumps(found, allow_nan=False)


def test_the_search_and_the_extras_are_told(found: dict[str, Any]) -> None:
    probe = found["tasks"][NAME]["probe"]
    assert [row["C"] for row in probe["grid"]] == pytest.approx(10 ** np.linspace(-5, 1, 10))
    assert all(len(row["of_folds"]) == 5 for row in probe["grid"])
    assert probe["C"] == max(probe["grid"], key=lambda row: (row["score"], -row["C"]))["C"]
    assert probe["rows"] == {"train": 200, "refit": 200, "test": 79} and probe["groups"] == 100
    assert [share["share"] for share in probe["labels"]] == [0.01, 0.1, 1.0]
    assert [share["groups"] for share in probe["labels"]] == [7, 13, 100]
    assert probe["labels"][0]["folds"] == 2 < probe["labels"][2]["folds"], "one lesion a class makes no five folds"
    assert probe["labels"][2]["balanced_accuracy"] == found["tasks"][NAME]["metrics"]["balanced_accuracy"]
    assert probe["test_rows_of_known_groups"] == 0
    few = {(each["shots"], each["method"]): each["balanced_accuracy"]["value"] for each in probe["few_shot"]}
    whole = found["tasks"][NAME]["metrics"]["balanced_accuracy"]["value"]
    assert few[1, "prototype"] < few[16, "prototype"] and few[1, "logistic"] < whole
    assert probe["knn"]["k"] in (1, 3, 5, 10, 20, 50, 100) and probe["knn"]["balanced_accuracy"]["value"] > 0.4


def test_the_same_request_gives_the_same_result(built: Path, cache: Path, found: dict[str, Any]) -> None:
    Means.seen = 0
    again = run_probe(request(built, cache, extras=("labels", "knn", "few_shot")))
    assert Means.seen == 0, "features are cached"
    for key in ("seconds",):
        again["tasks"][NAME].pop(key), found["tasks"][NAME].pop(key)
    for result in (again, found):
        for key in ("seconds_features", "seconds_fit"):
            result["tasks"][NAME]["probe"].pop(key, None)
    assert again == found


def test_the_paper_mode_searches_and_refits_as_the_paper(built: Path, cache: Path) -> None:
    task = run_probe(request(built, cache, mode="paper"))["tasks"][NAME]
    assert task["mode"] == "paper"
    probe = task["probe"]
    assert (probe["select"], probe["grouped"]) == ("roc_auc_ovr", False)
    assert probe["rows"] == {"train": 200, "refit": 160, "test": 79}


def test_the_paper_takes_a_tenth_of_patch16(built: Path) -> None:
    from mmskin_hub.evals.probes.cache import Rows

    words = {"group_id": np.array([f"g{row}" for row in range(200)])}
    rows = Rows(np.zeros((200, 2), np.float32), np.arange(200) % 2, words, np.zeros(200), np.arange(200))
    assert len(_pool(protocol_of("probe_patch16", "paper"), [rows], 0)[1]) == 20
    assert len(_pool(protocol_of("probe_patch16", "strict"), [rows], 0)[1]) == 200
    assert len(_pool(protocol_of("probe_ddi", "paper"), [rows], 0)[1]) == 200


def test_both_solvers_give_the_same_answers(built: Path, cache: Path, found: dict[str, Any]) -> None:
    theirs = run_probe(request(built, cache, solver="sklearn"))["samples"][NAME]
    for ours, other in zip(found["samples"][NAME], theirs, strict=True):
        assert ours["predicted"] == other["predicted"]
        assert np.abs(np.exp(ours["loglik"]) - np.exp(other["loglik"])).max() < 1e-3


def test_a_class_nobody_taught_keeps_its_place(cache: Path, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "ham10000", labels=(0, 2, 4, 6), groups=70)
    task = run_probe(request(folder, cache))["tasks"][NAME]
    classes = PUBLIC["ham10000"].classes
    assert task["probe"]["absent_classes"] == [classes[1], classes[3], classes[5]]
    assert len(task["metrics"]["confusion"]) == 7 and task["metrics"]["balanced_accuracy"]["value"] > 0.8


def test_a_dataset_without_validation_rows(cache: Path, tmp_path: Path) -> None:
    folder = dataset(tmp_path / "ham10000", splits=("train", "test"), groups=70)
    probe = run_probe(request(folder, cache))["tasks"][NAME]["probe"]
    assert probe["rows"]["train"] == probe["rows"]["refit"] < 100


@pytest.mark.parametrize(
    ("drawn", "words"),
    [
        ({"labels": (4,), "groups": 70}, "are of one class; a probe needs two"),
        ({"splits": ("train",), "groups": 70}, "no Parquet files of test"),
        ({"splits": ("test",), "groups": 70}, "no Parquet files of train"),
    ],
)
def test_data_that_cannot_be_probed_is_told(drawn: dict[str, Any], words: str, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(MmskinError, match=words):
        run_probe(request(dataset(tmp_path / "ham10000", **drawn), cache))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"encoder": BROKEN}, "are not finite numbers"),
        ({"encoder": "python:tests.evals.probes.drawn:gone"}, "cannot be called"),
        ({"tasks": ("probe_scin",)}, "There is no probe 'probe_scin'"),
        ({"tasks": ()}, "No probe is named"),
        ({"tasks": ("probe8",)}, "Nothing says where isic2019 is"),
        ({"mode": "loose"}, "no mode 'loose'"),
        ({"select": "f1"}, "C cannot be chosen by 'f1'"),
        ({"folds": 1}, "at least two folds"),
        ({"folds": 200}, "200 rows in 100 groups cannot be parted into 200 folds"),
        ({"extras": ("more",)}, "no extra 'more'"),
    ],
)
def test_requests_that_make_no_sense_are_told(more: dict[str, Any], words: str, built: Path, cache: Path) -> None:
    with pytest.raises(MmskinError, match=words):
        run_probe(request(built, cache, **more))


def test_names_of_probes() -> None:
    assert len(tasks_of("probe8")) == 8 and NAME in GROUPS["probe8"]
    assert tasks_of("probe_mskcc") == ("probe_mskcc",)
    with pytest.raises(WrongUse, match="no probe 'probe9'"):
        tasks_of("probe9")
    assert plan_of(ProbeRequest("x", (), {}, mode="paper", select="log_loss")).select == "log_loss"


def test_a_missing_package_names_the_extra(built: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"mmskin-hub\[eval\]"):
        run_probe(request(built, cache, encoder="timm:resnet18"))


def test_importing_probes_loads_nothing_heavy() -> None:
    code = (
        "import sys, mmskin_hub.evals.probes; "
        "print({'torch', 'sklearn', 'scipy', 'timm', 'transformers', 'PIL'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


def test_test_rows_of_lesions_that_were_learned_from_are_told(cache: Path, tmp_path: Path) -> None:
    """As in the original release's split, where pictures of one lesion are on both sides."""
    folder = dataset(tmp_path / "ham10000", groups=70, shared=3)
    said: list[str] = []
    task = run_probe(request(folder, cache), said.append)["tasks"][NAME]
    assert task["probe"]["test_rows_of_known_groups"] == 5
    assert any("5 test rows are of groups (lesions, patients) that were learned from" in text for text in said)
