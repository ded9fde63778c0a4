"""A run streams, keeps what it was told, goes on where it stopped, and measures what its samples say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mmskin_hub.errors import MmskinError, OutputExists, WrongUse
from mmskin_hub.evals import journal
from mmskin_hub.evals.asking import CHUNK, identity_of, score
from mmskin_hub.evals.metrics import classification, softmax
from mmskin_hub.evals.model.api import Scores
from mmskin_hub.evals.protocol import protocol
from mmskin_hub.evals.results import read_results, write_results
from mmskin_hub.evals.run import evaluate, expand
from mmskin_hub.evals.samples import COLUMNS
from mmskin_hub.evals.team import Team
from tests.evals.fakes import CHOICE, GEN, Drawn, Fake, Place, install, request

ROOT = Path(__file__).parents[2]
ROWS = 2 * CHUNK + 7


@pytest.fixture
def scorer(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    install(monkeypatch, fake, ROWS)
    return fake


def lines(out: Path, task: str = GEN) -> list[dict[str, Any]]:
    """What the journals of ``task`` hold, headers left out."""
    texts = [line for path in journal.journals(out, task) for line in path.read_text("utf-8").splitlines()]
    return [line for line in map(json.loads, texts) if "row" in line]


def timeless(value: Any) -> Any:
    """``value`` without the seconds in it."""
    if isinstance(value, dict):
        return {key: timeless(each) for key, each in value.items() if key != "seconds"}
    return [timeless(each) for each in value] if isinstance(value, list) else value


def figures(out: Path) -> Any:
    return timeless(read_results(out)["tasks"])


def test_every_sample_is_asked_once_and_told_whole(scorer: Fake, tmp_path: Path) -> None:
    results = evaluate(request(tmp_path / "run", (GEN, CHOICE)))
    assert Counter(scorer.asked) == {f"ISIC_{n:07d}": 2 for n in range(ROWS)}
    for task in (GEN, CHOICE):
        table = pq.read_table(tmp_path / "run" / f"samples-{task}.parquet")
        assert table.column_names == list(COLUMNS) and table["row"].to_pylist() == list(range(ROWS))
        told = results["tasks"][task]["metrics"]
        assert told["n"] == ROWS and told["clusters"] == -(-ROWS // 2)
        assert told["accuracy"]["value"] == pytest.approx(np.mean(table["correct"].to_pylist()))
        assert sum(results["tasks"][task]["outcomes"].values()) == ROWS
    assert read_results(tmp_path / "run") == json.loads(json.dumps(results))
    assert not [path for path in (tmp_path / "run").iterdir() if ".tmp-" in path.name]


def test_the_figures_are_those_of_the_samples(scorer: Fake, tmp_path: Path) -> None:
    results = evaluate(request(tmp_path, (CHOICE,), calibrate=True))
    rows = pq.read_table(tmp_path / f"samples-{CHOICE}.parquet").to_pylist()
    loglik, tokens = np.array([r["loglik"] for r in rows]), np.array([r["tokens"] for r in rows])
    gold, groups = [r["gold"] for r in rows], [r["group"] for r in rows]
    task: Any = results["tasks"][CHOICE]
    for scores, told in ((loglik, task["metrics"]), (loglik / tokens, task["normalised"])):
        best, classes = scores.argmax(axis=1), protocol(CHOICE).classes
        mine = classification(gold, best, softmax(scores), classes, groups)
        assert told == json.loads(json.dumps(mine))
    assert [r["predicted"] for r in rows] == loglik.argmax(axis=1).tolist()
    # The fake says the same of every picture that shows nothing: one number a class, the same for all samples.
    assert task["calibrated"]["accuracy"] != task["metrics"]["accuracy"]
    assert set(task["slices"]) == {"sex", "age_group", "modality"}
    assert {g["value"] for g in task["slices"]["sex"]["groups"]} == {"male", "female", "unknown"}


def test_what_an_answer_becomes(scorer: Fake, tmp_path: Path) -> None:
    results = evaluate(request(tmp_path))
    rows = pq.read_table(tmp_path / f"samples-{GEN}.parquet").to_pylist()
    empty = [row for row in rows if row["said"] == ""]
    assert empty and {(row["outcome"], row["predicted"], row["correct"]) for row in empty} == {("empty", None, False)}
    assert results["tasks"][GEN]["metrics"]["unmatched"]["value"] > 0
    nevus = next(row for row in rows if row["said"] == "Nevus")
    assert (nevus["outcome"], nevus["predicted"]) == ("matched", 5)
    assert any(row["said"] == "??" for row in rows)  # half a surrogate pair, which Parquet does not take
    assert {row["age_group"] for row in rows if row["row"] % 5 == 4} == {None}


def test_a_model_that_fails_leaves_what_it_said_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, broken = Fake(), Fake(fails=frozenset({f"ISIC_{CHUNK + 3:07d}"}))
    install(monkeypatch, whole, ROWS)
    evaluate(request(tmp_path / "whole"))
    install(monkeypatch, broken, ROWS)
    with pytest.raises(MmskinError) as told:
        evaluate(request(tmp_path / "run"))
    words = str(told.value)
    assert "NaN" in words and "--dtype float32" in words and "the same command goes on" in words
    assert f"{CHUNK + 3} of {ROWS} samples" in words and str(tmp_path / "run") in words
    assert [line["row"] for line in lines(tmp_path / "run")] == list(range(CHUNK + 3))
    assert not (tmp_path / "run" / "results.json").exists()
    broken.fails, broken.asked = frozenset(), []
    evaluate(request(tmp_path / "run"))
    assert broken.asked == [f"ISIC_{n:07d}" for n in range(CHUNK + 3, ROWS)]
    assert figures(tmp_path / "run") == figures(tmp_path / "whole")
    # A third time nothing is asked at all.
    broken.asked = []
    evaluate(request(tmp_path / "run"))
    assert not broken.asked and figures(tmp_path / "run") == figures(tmp_path / "whole")


def test_a_picture_that_cannot_be_read_and_a_likelihood_that_is_none_stop_the_run_where_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, Fake(), 10)
    whole = Drawn.__iter__

    def damaged(self: Drawn) -> Iterator[dict[str, Any]]:
        for row in whole(self):
            yield {**row, "image": {"bytes": b"no picture"}} if row["row"] == 6 else row

    with monkeypatch.context() as patch:
        patch.setattr(Drawn, "__iter__", damaged)
        with pytest.raises(MmskinError, match="ISIC_0000006"):
            evaluate(request(tmp_path / "a"))
    assert [line["row"] for line in lines(tmp_path / "a")] == list(range(6))
    nan = Fake()
    right = nan.choose

    def odd(asks: Any, choices: Any) -> list[Scores]:
        found = right(asks, choices)
        found[3] = Scores((float("nan"),) * 7, (1,) * 7)
        return found

    with monkeypatch.context() as patch:
        install(patch, nan, 10)
        patch.setattr(nan, "choose", odd)
        with pytest.raises(MmskinError, match="ISIC_0000003"):
            evaluate(request(tmp_path / "b", (CHOICE,)))
    assert [line["row"] for line in lines(tmp_path / "b", CHOICE)] == [0, 1, 2, *range(4, 10)]
    evaluate(request(tmp_path / "b", (CHOICE,)))
    assert pq.read_table(tmp_path / "b" / f"samples-{CHOICE}.parquet")["row"].to_pylist() == list(range(10))


@pytest.mark.parametrize("cut", [1, 40, -1])
def test_a_torn_last_line_is_dropped_and_asked_again(scorer: Fake, tmp_path: Path, cut: int) -> None:
    evaluate(request(tmp_path))
    (path,) = journal.journals(tmp_path)
    before, last = path.read_bytes().rstrip(b"\n").rsplit(b"\n", 1)
    path.write_bytes(before + b"\n" + (last + b"\n")[:cut])
    first, scorer.asked = figures(tmp_path), []
    evaluate(request(tmp_path))
    assert scorer.asked == [f"ISIC_{ROWS - 1:07d}"]
    assert figures(tmp_path) == first
    assert [line["row"] for line in lines(tmp_path)] == list(range(ROWS))


def test_a_damaged_line_costs_what_follows_it_and_a_torn_header_everything(scorer: Fake, tmp_path: Path) -> None:
    evaluate(request(tmp_path))
    (path,) = journal.journals(tmp_path)
    data = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*data[:11], b"\0" * 30, *data[11:]]))
    scorer.asked = []
    evaluate(request(tmp_path))
    assert len(scorer.asked) == ROWS - 10
    path.write_bytes(data[0][:-5])
    scorer.asked = []
    evaluate(request(tmp_path))
    assert len(scorer.asked) == ROWS and len(lines(tmp_path)) == ROWS


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"weights": "sha256:other"}, "model.weights"),
        ({"revision": "2"}, "model.revision"),
        ({"seed": 1}, "seed"),
        ({"data": "drawn-2"}, "data.revision"),
    ],
)
def test_another_run_in_the_same_folder_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    install(monkeypatch, Fake(), 5)
    evaluate(request(tmp_path))
    kept = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    other = Fake(**{key: value for key, value in change.items() if key in ("weights", "revision")})
    install(monkeypatch, other, 5, change.get("data", "drawn-1"))
    again = request(tmp_path, seed=change.get("seed", 0))
    with pytest.raises(OutputExists, match=f"{named} is "):
        evaluate(again)
    assert kept == {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not other.asked
    evaluate(request(tmp_path, seed=change.get("seed", 0), overwrite=True))
    assert len(other.asked) == 5


def test_a_model_is_checked_against_the_journals_of_other_tasks_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    install(monkeypatch, Fake(), 5)
    evaluate(request(tmp_path))
    install(monkeypatch, Fake(weights="sha256:other"), 5)
    with pytest.raises(OutputExists, match=r"model\.weights"):
        evaluate(request(tmp_path, (CHOICE, GEN)))


def test_a_larger_limit_and_more_tasks_go_on_and_fewer_tasks_are_refused(scorer: Fake, tmp_path: Path) -> None:
    evaluate(request(tmp_path, limit=10))
    assert read_results(tmp_path)["tasks"][GEN]["samples"] == 10
    evaluate(request(tmp_path, limit=15))
    assert scorer.asked == [f"ISIC_{n:07d}" for n in range(15)]
    evaluate(request(tmp_path, limit=4))
    assert len(scorer.asked) == 15 and read_results(tmp_path)["tasks"][GEN]["samples"] == 4
    evaluate(request(tmp_path, (GEN, CHOICE), limit=4))
    assert len(scorer.asked) == 19
    with pytest.raises(OutputExists, match=CHOICE):
        evaluate(request(tmp_path, (GEN,), limit=4))


def test_a_folder_of_somebody_else_is_left_alone(scorer: Fake, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExists, match="no evaluation of ours"):
        evaluate(request(tmp_path))
    evaluate(request(tmp_path, overwrite=True))
    assert (tmp_path / "thesis.txt").read_text() == "mine" and (tmp_path / "results.json").is_file()
    with pytest.raises(OutputExists, match="not a folder"):
        evaluate(request(tmp_path / "thesis.txt"))


def test_two_runs_do_not_write_to_one_folder(scorer: Fake, tmp_path: Path) -> None:
    from filelock import FileLock

    (tmp_path / "journal").mkdir()
    with FileLock(tmp_path / "journal" / "lock"), pytest.raises(MmskinError, match="Another run"):
        evaluate(request(tmp_path))


def test_names_of_tasks() -> None:
    assert expand(("mmskin_ham10000_gen", "probe_ham10000")) == (("mmskin_ham10000_gen",), ("probe_ham10000",))
    tasks, probes = expand(("skinvl8", "skinvl8_gen", "probe8"))
    assert len(tasks) == 16 and len(probes) == 8
    for wrong in ((), ("mmskin_ham",), ("probe_ham",)):
        with pytest.raises(WrongUse):
            expand(wrong)


def test_journals_of_several_processes_make_one_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, Fake(), ROWS)
    evaluate(request(tmp_path / "one"))
    three = request(tmp_path / "three")
    rows = Drawn(protocol(GEN), tuple(Place(row) for row in range(ROWS)))
    parts: list[str] = []
    for rank in (2, 0, 1):
        fake = Fake()
        task: Any = type("Asked", (), {"protocol": protocol(GEN), "benchmark": rows})
        task.identity = identity_of(three, fake, rows)  # type: ignore[arg-type]
        score(three, task, rows.shard(rank, 3), fake, Team(rank, 3))  # type: ignore[arg-type]
        parts += fake.asked
    assert len(journal.journals(tmp_path / "three")) == 3
    last = Fake()
    install(monkeypatch, last, ROWS)
    # One process finishes what three began; nothing is left to ask.
    evaluate(three)
    assert not last.asked and sorted(parts) == [f"ISIC_{n:07d}" for n in range(ROWS)]
    assert figures(tmp_path / "three") == figures(tmp_path / "one")


def test_results_are_json_without_nan(tmp_path: Path) -> None:
    odd: Any = {"format": 1, "tasks": {}, "seconds": float("nan"), "model": {"n": np.float32(0.5), "a": np.arange(2)}}
    assert write_results(tmp_path, odd) == read_results(tmp_path)
    assert read_results(tmp_path) == {"format": 1, "tasks": {}, "seconds": None, "model": {"n": 0.5, "a": [0, 1]}}
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(WrongUse):
        read_results(tmp_path)


def started(out: Path, rows: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.evals.fakes", str(out), str(rows), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_run_that_is_killed_goes_on_without_repeating_or_losing_a_sample(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows, out = 6 * CHUNK, tmp_path / "run"
    for kills in range(1, 4):
        process = started(out, rows, "--delay", "0.01")
        while len(lines(out)) < kills * CHUNK:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        held = [line["row"] for line in lines(out)]
        assert held == list(range(len(held))) and kills * CHUNK <= len(held) < rows
    rest = Fake()
    install(monkeypatch, rest, rows)
    evaluate(request(out))
    assert rest.asked == [f"ISIC_{n:07d}" for n in range(len(held), rows)]
    assert [line["row"] for line in lines(out)] == list(range(rows))
    install(monkeypatch, Fake(), rows)
    evaluate(request(tmp_path / "whole"))
    assert figures(out) == figures(tmp_path / "whole")


def test_memory_does_not_follow_the_length_of_a_benchmark(tmp_path: Path) -> None:
    """The pictures of 6,000 rows would be 290 MB; what grows is the bookkeeping of metrics, 1 to 10 KB a row."""
    both = [started(tmp_path / str(rows), rows) for rows in (2_000, 8_000)]
    highest = []
    for process in both:
        said, wrong = process.communicate(timeout=120)
        assert process.returncode == 0, wrong
        highest.append(int(said.split()[-1]))
    assert highest[1] - highest[0] < 48 * 1024, highest
