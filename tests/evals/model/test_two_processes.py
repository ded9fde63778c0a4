"""``mmskin eval`` in two processes, under both launchers: the results of one process, and proof that there were two.

Without a GPU the processes talk through gloo. ``accelerate launch --cpu --num_processes 2`` starts one process only,
which is the control: what proves two processes here must not find them there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.cli import main
from mmskin_hub.evals.asking import IDENTIFYING
from mmskin_hub.registry import PUBLIC
from tests.drawing.models import tiny_llava
from tests.evals.test_data import row, write

pytestmark = pytest.mark.slow
pytest.importorskip("accelerate")

ROWS = 15
TASKS = ("mmskin_ham10000_gen", "mmskin_ham10000_choice", "mmskin_ddi_choice")
"""15 rows cannot be halved, and the one row of ddi leaves a process without any."""
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc_per_node", "2")
ACCELERATE = ("accelerate.commands.launch", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Model and data, as arguments of ``mmskin eval``."""
    folder = tmp_path_factory.mktemp("given")
    tiny_llava(folder / "llava")
    write(folder / "ham", [row(number) for number in range(ROWS)])
    write(folder / "ddi", [row(3, label=1)], classes=PUBLIC["ddi"].classes)
    data = (f"ham10000={folder / 'ham'}", f"ddi={folder / 'ddi'}")
    return ["eval", str(folder / "llava"), "--batch-size", "4", "--device", "cpu", "--data", *data]


@pytest.fixture(scope="module")
def alone(given: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process."""
    out = tmp_path_factory.mktemp("alone") / "run"
    assert main([*given, "--tasks", *TASKS, "--out", str(out)]) == 0
    return out


def launched(launcher: tuple[str, ...], *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """``python -m launcher words``, with nothing of a launcher around this test in its environment."""
    kept = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    root = str(Path(__file__).resolve().parents[3])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": paths}
    return subprocess.run(
        [sys.executable, "-m", *launcher, *words],
        env={**kept, **quiet, **more},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def journals(out: Path, task: str) -> dict[int, list[int]]:
    """The rows that each rank asked about, in the order asked."""
    found: dict[int, list[int]] = {}
    for path in sorted((out / "journal").glob(f"{task}.*.jsonl")):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        found[int(path.suffixes[-2][1:])] = [line["row"] for line in lines if "row" in line]
    return found


def samples(out: Path, task: str) -> Any:
    return pq.read_table(out / f"samples-{task}.parquet").drop_columns(["seconds"])


def figures(out: Path) -> dict[str, Any]:
    """``results.json`` without what another number of processes may change: times, and how batches were made."""
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    for task in results["tasks"].values():
        del task["seconds"]
    model = {name: results["model"].get(name) for name in ("name", "revision", *IDENTIFYING)}
    settings = {name: value for name, value in results["settings"].items() if name != "processes"}
    return {"model": model, "settings": settings, "tasks": results["tasks"], "packages": results["packages"]}


def assert_same(out: Path, alone: Path, tasks: tuple[str, ...] = TASKS) -> None:
    for task in tasks:
        assert samples(out, task).equals(samples(alone, task)), task
    here, there = figures(out), figures(alone)
    assert here["tasks"] == {task: there["tasks"][task] for task in tasks}


def test_two_processes_of_accelerate_share_the_rows_and_find_the_same(
    given: list[str], alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ("-m", "mmskin_hub", *given, "--tasks", *TASKS, "--out", str(out), "--json")
    ran = launched(ACCELERATE, "--multi_gpu", "--num_processes", "2", "--main_process_port", "0", *words)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert journals(out, TASKS[0]) == {0: [*range(7)], 1: [*range(7, ROWS)]}
    assert {rank: len(rows) for rank, rows in journals(out, TASKS[2]).items()} in ({0: 1, 1: 0}, {0: 0, 1: 1})
    results = json.loads(ran.stdout)
    assert results == json.loads((out / "results.json").read_text(encoding="utf-8")), "one process alone reports"
    assert results["settings"]["processes"] == 2
    assert_same(out, alone)
    assert figures(out) == figures(alone)


def test_accelerate_with_cpu_starts_one_process_and_the_proof_sees_it(
    given: list[str], alone: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    words = ("-m", "mmskin_hub", *given, "--tasks", TASKS[1], "--out", str(out))
    ran = launched(ACCELERATE, "--cpu", "--num_processes", "2", *words)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert journals(out, TASKS[1]) == {0: [*range(ROWS)]}
    assert json.loads((out / "results.json").read_text(encoding="utf-8"))["settings"]["processes"] == 1
    assert_same(out, alone, TASKS[1:2])


def test_one_of_two_is_killed_and_one_alone_goes_on(
    given: list[str], alone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, signed = tmp_path / "run", tmp_path / "list"
    words = (*given, "--tasks", TASKS[0], "--out", str(out))
    script = str(Path(__file__).with_name("one_of_two.py"))
    ran = launched(TORCHRUN, script, *words, MMSKIN_TEST_LIST=str(signed), MMSKIN_TEST_KILLED="1")
    assert ran.returncode != 0
    ranks, processes = zip(*(line.split() for line in signed.read_text().splitlines()), strict=True)
    assert sorted(ranks) == ["0", "1"] and len(set(processes)) == 2
    assert not (out / "results.json").exists()
    kept = journals(out, TASKS[0])
    assert kept[1] == [7, 8, 9, 10], "rank 1 was killed when its first chunk was written"
    assert kept[0] == [*range(len(kept[0]))]
    assert main(list(words)) == 0
    asked = Counter(row for rows in journals(out, TASKS[0]).values() for row in rows)
    assert asked == Counter(range(ROWS)), "no row is lost and none is asked twice"
    assert_same(out, alone, TASKS[:1])
