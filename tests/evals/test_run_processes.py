"""Two processes share a run: each asks its half, and one of them tells the result of both."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mmskin_hub.evals import journal
from mmskin_hub.evals.results import read_results
from mmskin_hub.evals.run import evaluate
from tests.evals.fakes import GEN, Fake, install, request

ROWS = 75


def launched(out: Path) -> subprocess.CompletedProcess[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1"]
    quiet = ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", str(port), "--module"]
    command = [sys.executable, *launch, *quiet, "tests.evals.fakes", str(out), str(ROWS)]
    return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120)


def test_two_processes_ask_everything_once_between_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    done = launched(tmp_path / "two")
    assert done.returncode == 0, done.stderr
    held = [
        [line["row"] for line in map(json.loads, path.read_text("utf-8").splitlines()) if "row" in line]
        for path in journal.journals(tmp_path / "two")
    ]
    assert [len(rows) for rows in held] == [ROWS // 2, ROWS - ROWS // 2]
    assert sorted(row for rows in held for row in rows) == list(range(ROWS))
    results = read_results(tmp_path / "two")
    assert results["settings"]["processes"] == 2
    install(monkeypatch, Fake(), ROWS)
    evaluate(request(tmp_path / "one"))
    alone = read_results(tmp_path / "one")
    assert results["tasks"][GEN]["metrics"] == alone["tasks"][GEN]["metrics"]
    assert results["tasks"][GEN]["slices"] == alone["tasks"][GEN]["slices"]
