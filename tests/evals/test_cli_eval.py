"""``mmskin eval`` as a user runs it: a real model on a small benchmark, killed, gone on with, measured, reported."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.cli import main
from mmskin_hub.engine.tables import write_split
from mmskin_hub.evals import journal
from mmskin_hub.registry import PUBLIC
from mmskin_hub.schema import public_features
from tests.builders.drawn_public import picture
from tests.drawing.models import tiny_llava
from tests.evals.tasks.drawn import open_vqa

ROOT = Path(__file__).parents[2]
TASKS = ("mmskin_ham10000_gen", "mmskin_ham10000_choice", "mmskin_vqa_open", "mmskin_vqa_closed")
PROBE = "probe_ham10000"
ROWS = 48


def ham10000(folder: Path, rows: int = ROWS) -> Path:
    """A build of HAM10000 with a train split as large as the test split, two pictures a lesion."""
    features = public_features(PUBLIC["ham10000"].classes)
    for split in ("train", "test"):
        drawn = []
        for number in range(rows):
            name = f"{split}{number:04d}"
            known = {
                "id": name,
                "image": {"bytes": picture(name), "path": None},
                "image_id": name,
                "label": random.Random(number // 2).randrange(7),
                "modality": 1,
                "lesion_id": f"{split}{number // 2}",
                "group_id": f"{split}{number // 2}",
                "sex": ("male", "female")[number % 2],
                "age_years": float(20 + number % 60),
                "sha256": f"{split}{number:060d}",
            }
            drawn.append({column: known.get(column) for column in features})
        write_split(folder / "data", split, drawn, features, lambda row: row["sha256"])
    return folder


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command but for --out."""
    pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("inputs")
    tiny_llava(folder / "tiny-llava")
    data = [f"ham10000={ham10000(folder / 'ham')}", f"mm_skin={open_vqa(folder / 'mm_skin')}"]
    words = [sys.executable, "-m", "mmskin_hub", "eval", str(folder / "tiny-llava"), "--tasks", ",".join(TASKS), PROBE]
    cache = ["--feature-cache", str(folder / "features")]
    return [*words, "--data", *data, "--device", "cpu", "--dtype", "float32", "--calibrate", *cache, "--json", "--out"]


def asked(out: Path, task: str) -> list[int]:
    texts = [line for path in journal.journals(out, task) for line in path.read_text("utf-8").splitlines()]
    return [line["row"] for line in map(json.loads, texts) if "row" in line]


@pytest.fixture(scope="module")
def run(command: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run that was killed once it had begun, and then run to its end; its folder and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "run"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    first = subprocess.Popen([*command, str(out)], cwd=ROOT, env=environment, stdout=-1, stderr=-1, text=True)
    while not asked(out, TASKS[0]):
        assert first.poll() is None, first.communicate()[1]
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    held = asked(out, TASKS[0])
    assert held and len(held) < ROWS and not (out / "results.json").exists()
    stamps = {path.name: path.read_bytes() for path in journal.journals(out)}
    done = subprocess.run([*command, str(out)], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name, before in stamps.items():
        assert (out / "journal" / name).read_bytes().startswith(before)
    assert "no overlap audit" in done.stderr
    return out, json.loads(done.stdout)


def test_nothing_is_asked_twice_or_lost(run: tuple[Path, dict[str, Any]]) -> None:
    out, results = run
    assert asked(out, TASKS[0]) == asked(out, TASKS[1]) == list(range(ROWS))
    assert results == json.loads((out / "results.json").read_text("utf-8"))
    assert list(results["tasks"]) == [*TASKS, PROBE]
    for name, task in results["tasks"].items():
        table = pq.read_table(out / task["file"])
        assert table.num_rows == task["samples"] == task["metrics"]["n"], name
        assert sum(task["outcomes"].values()) == task["samples"]


def test_the_results_say_how_to_get_them_again(run: tuple[Path, dict[str, Any]], command: list[str]) -> None:
    out, results = run
    assert results["model"]["name"] == "tiny-llava"
    assert results["model"]["weights"].startswith("sha256:") and results["model"]["dtype"] == "float32"
    assert {"torch", "transformers"} <= results["packages"].keys()
    for task in results["tasks"].values():
        assert re.fullmatch("[0-9a-f]{64}", task["data"]["revision"]) and task["version"] and task["seconds"] > 0
    assert results["tasks"][TASKS[0]]["generation"]["do_sample"] is False
    assert results["tasks"][TASKS[1]]["choices"] == list(PUBLIC["ham10000"].classes)
    # Nothing of this machine's paths.
    assert str(Path(command[4]).parent) not in (out / "results.json").read_text() + (out / "report.html").read_text()


def test_the_report_has_every_figure_and_every_picture(run: tuple[Path, dict[str, Any]]) -> None:
    out, results = run
    page = (out / "report.html").read_text("utf-8")
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    for task in results["tasks"].values():
        for name in ("accuracy", "balanced_accuracy", "macro_f1", "token_f1", "rouge_l"):
            if name in task["metrics"]:
                figure = task["metrics"][name]
                # The four questions are about one picture: there is no interval.
                between = "" if figure["low"] is None else f" [{figure['low']:.3f}, {figure['high']:.3f}]"
                assert f"{figure['value']:.3f}{between}" in words, name
    for name in (*TASKS, PROBE):
        wrong = page.partition(f'id="mistakes-{name}"')[2].partition("</ul>")[0]
        rows = pq.read_table(out / f"samples-{name}.parquet", columns=["score"]).column(0).to_pylist()
        assert wrong.count("data:image/jpeg;base64,") == min(20, sum(score < 1 for score in rows)) > 0, name
    assert "cannot be shown" not in page


def test_choices_are_likelihoods_of_the_right_kind(run: tuple[Path, dict[str, Any]]) -> None:
    rows = pq.read_table(run[0] / f"samples-{TASKS[1]}.parquet").to_pylist()
    assert all(len(row["loglik"]) == len(row["tokens"]) == 7 for row in rows)
    assert all(value < 0 for row in rows for value in row["loglik"]) and max(rows[0]["tokens"]) > 1
    assert {"normalised", "calibrated"} <= run[1]["tasks"][TASKS[1]].keys()


def test_the_same_command_prints_a_table_and_asks_nothing(
    run: tuple[Path, dict[str, Any]], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in journal.journals(run[0])}
    assert main([*[word for word in command[3:] if word != "--json"], str(run[0])]) == 0
    told = capsys.readouterr().out
    assert TASKS[0] in told and "balanced" in told and str(run[0]) in told
    assert before == {path.name: path.read_bytes() for path in journal.journals(run[0])}
    assert main(["compare", str(run[0]), str(run[0])]) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--tasks", "mmskin_ham"], "no task 'mmskin_ham'"),
        (["--tasks", "skinvl8", "--data", "ham10000=nowhere"], "ham10000"),
        (["--tasks", TASKS[0]], "Nothing says where ham10000 is"),
        (["--tasks", TASKS[0], "--data", "ham10000"], "names no dataset"),
        (["--tasks", TASKS[0], "--audit", "nowhere.json"], "--audit"),
    ],
)
def test_wrong_use_is_told_before_a_model_is_loaded(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "no/such", *words, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
