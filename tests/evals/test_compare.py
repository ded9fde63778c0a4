"""Two runs are joined sample by sample, and compared only where they were asked the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mmskin_hub.cli import main
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.compare import _adjust, compare
from mmskin_hub.evals.metrics import mcnemar
from mmskin_hub.evals.results import read_results
from mmskin_hub.evals.run import evaluate
from tests.evals.fakes import CHOICE, GEN, Fake, install, request

ROWS = 120
BETTER = ("Nevus", "It is melanoma.", "Basal cell carcinoma", "Actinic keratoses", "Benign keratosis")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for name, said, tasks in (("a", BETTER, (GEN, CHOICE)), ("b", ("Vascular lesions", ""), (GEN,))):
        with pytest.MonkeyPatch.context() as patch:
            install(patch, Fake(name=name, said=said), ROWS)
            evaluate(request(folder / name, tasks))
    return folder / "a", folder / "b"


def correct(run: Path, task: str = GEN) -> dict[str, bool]:
    return {row["id"]: row["correct"] for row in pq.read_table(run / f"samples-{task}.parquet").to_pylist()}


def test_the_figures_are_those_of_the_joined_samples(runs: tuple[Path, Path]) -> None:
    found = compare(*runs)
    assert list(found["tasks"]) == [GEN] and found["skipped"] == [CHOICE]
    assert (found["a"]["model"], found["b"]["model"]) == ("a", "b")
    one, other = correct(runs[0]), correct(runs[1])
    task = found["tasks"][GEN]
    only_a = sum(one[name] and not other[name] for name in one)
    only_b = sum(other[name] and not one[name] for name in one)
    assert (task["accuracy"]["only_a"], task["accuracy"]["only_b"]) == (only_a, only_b) and only_a and only_b
    assert task["accuracy"]["mcnemar"] == pytest.approx(mcnemar(only_a, only_b))
    assert task["accuracy"]["difference"] == pytest.approx(np.mean([one[n] - other[n] for n in map(str, one)]))
    assert task["accuracy"]["low"] < task["accuracy"]["difference"] < task["accuracy"]["high"]
    assert (task["joined"], task["only_in_a"], task["only_in_b"]) == (ROWS, 0, 0)
    assert task["accuracy"]["clusters"] == ROWS // 2
    for metric in ("balanced_accuracy", "macro_f1"):
        both = [read_results(run)["tasks"][GEN]["metrics"][metric]["value"] for run in runs]
        assert [task[metric]["a"], task[metric]["b"]] == pytest.approx(both)
        assert task[metric]["value"] == pytest.approx(both[0] - both[1])


def test_a_run_compared_with_itself_and_turned_round(runs: tuple[Path, Path]) -> None:
    same = compare(runs[0], runs[0])["tasks"]
    for task in same.values():
        assert (task["accuracy"]["difference"], task["accuracy"]["mcnemar"]) == (0.0, 1.0)
    there, back = (compare(*pair)["tasks"][GEN]["accuracy"] for pair in (runs, runs[::-1]))
    assert there["difference"] == -back["difference"] and there["mcnemar"] == back["mcnemar"]


def test_samples_are_joined_by_id_and_not_by_place(
    runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, Fake(said=BETTER), ROWS)
    evaluate(request(tmp_path, limit=50))
    file = tmp_path / f"samples-{GEN}.parquet"
    pq.write_table(pq.read_table(file).take(list(range(49, -1, -1))), file)
    task = compare(runs[0], tmp_path)["tasks"][GEN]
    assert (task["joined"], task["only_in_a"], task["only_in_b"]) == (50, ROWS - 50, 0)
    assert task["accuracy"]["only_a"] == task["accuracy"]["only_b"] == 0
    assert main(["compare", str(runs[0]), str(tmp_path)]) == 0
    assert f"{ROWS - 50} samples" in capsys.readouterr().err


def test_other_data_and_other_versions_are_refused_by_name(
    runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, Fake(), ROWS, "drawn-2")
    evaluate(request(tmp_path / "c"))
    with pytest.raises(MmskinError, match=r"revision of ham10000 is drawn-1 in .* and drawn-2 in"):
        compare(runs[0], tmp_path / "c")
    assert main(["compare", str(runs[0]), str(tmp_path / "c")]) == 1
    assert "drawn-2" in capsys.readouterr().err
    results = json.loads((runs[1] / "results.json").read_text("utf-8"))
    results["tasks"][GEN]["version"] = "0.9"
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "results.json").write_text(json.dumps(results))
    with pytest.raises(MmskinError, match=r"two versions: 1\.0 .* and 0\.9"):
        compare(runs[0], tmp_path / "d")


def test_what_is_no_run_is_told(runs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongUse, match="no results"):
        compare(runs[0], tmp_path)
    assert main(["compare", str(tmp_path), str(runs[0])]) == 2
    install(monkeypatch, Fake(), 5)
    evaluate(request(tmp_path / "e", (CHOICE,)))
    with pytest.raises(WrongUse, match="no task in common"):
        compare(runs[1], tmp_path / "e")
    (tmp_path / "e" / f"samples-{CHOICE}.parquet").unlink()
    with pytest.raises(WrongUse, match="is not there"):
        compare(runs[0], tmp_path / "e")


def test_the_table_and_the_json(runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *map(str, runs), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == json.loads(json.dumps(compare(*runs)))
    assert CHOICE in told.err
    assert main(["compare", *map(str, runs)]) == 0
    table = capsys.readouterr().out
    assert f"{GEN}, {ROWS} samples" in table
    accuracy = compare(*runs)["tasks"][GEN]["accuracy"]
    assert f"{accuracy['difference']:+.3f}, {accuracy['low']:+.3f} to {accuracy['high']:+.3f}" in table


def test_p_values_are_adjusted_for_their_number() -> None:
    tasks: dict[str, Any] = {str(p): {"accuracy": {"mcnemar": p}} for p in (0.01, 0.04, 0.03, 0.5)}
    _adjust(tasks)
    adjusted = [tasks[str(p)]["accuracy"]["mcnemar_holm"] for p in (0.01, 0.03, 0.04, 0.5)]
    # By hand: 4 × .01, 3 × .03, no less than that for .04, then .5.
    assert adjusted == pytest.approx([0.04, 0.09, 0.09, 0.5])
