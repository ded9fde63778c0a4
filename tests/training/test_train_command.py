"""``mmskin train`` itself, from the command line to the model: the tiny recipe, asked to leave and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmskin_hub.training.checkpoints import newest_whole
from tests.drawing import shapes

pytestmark = pytest.mark.slow


def command(data: Path, output: Path, *more: str) -> list[str]:
    """The tiny recipe in this environment."""
    line = [sys.executable, "-c", "import sys; from mmskin_hub.cli import main; sys.exit(main())", "train", "tiny"]
    options = ["--logging_steps", "1", "--save_strategy", "steps", "--save_steps", "5", "--eval_strategy", "no"]
    small = ["--max_steps", "12", "--per_device_train_batch_size", "4", "--generate_tokens", "4"]
    return [*line, "--data", f"skinvl_sft={data}", "--output", str(output), *more, "--", *options, *small]


def losses(output: Path) -> dict[int, float]:
    """Loss of each step, from the newest checkpoint."""
    found = newest_whole(output)
    assert found is not None
    history = json.loads((found / "trainer_state.json").read_text())["log_history"]
    return {entry["step"]: entry["loss"] for entry in history if "loss" in entry}


def test_asked_to_leave_and_gone_on_with_equals_never_asked(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shapes.write_mixture(data, pictures=16, validation=4)
    environ = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    said = subprocess.run(command(data, whole), env=environ, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr
    assert "accelerate with cpu.yaml, 1 process: there is no accelerator" in said.stderr

    with (tmp_path / "log").open("w+") as log:
        process = subprocess.Popen(command(data, broken), env=environ, stdout=log, stderr=subprocess.STDOUT)
        until = time.monotonic() + 200
        while "'loss'" not in (text := (tmp_path / "log").read_text()) and time.monotonic() < until:
            assert process.poll() is None, text
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 143
    text = (tmp_path / "log").read_text()
    assert "asked to leave by SIGTERM" in text and "Traceback" not in text
    refused = subprocess.run(command(data, broken), env=environ, capture_output=True, text=True, timeout=120)
    assert refused.returncode == 1 and "--resume" in refused.stderr
    said = subprocess.run(command(data, broken, "--resume"), env=environ, capture_output=True, text=True, timeout=300)
    assert said.returncode == 0, said.stderr

    expected = losses(whole)
    assert losses(broken) == pytest.approx(expected, abs=1e-5) and len(expected) == 12
    record = json.loads((broken / "run.json").read_text())
    assert record["status"] == "finished" and len(record["sessions"]) == 2
    assert record["weights"] == json.loads((whole / "run.json").read_text())["weights"]
    assert (broken / "samples" / "index.html").is_file()
