"""Two processes train as one does on the same global batch, and as one does that accumulates gradients."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")

from tests.recipes.running import SMALL, arguments, history, losses, newest, train

WHAT = {"lora": {"use_peft": True, "lora_r": 4, "lora_alpha": 8, "lora_dropout": 0.0}, "full": {"use_peft": False}}


@pytest.mark.parametrize("what", ["lora", pytest.param("full", marks=pytest.mark.slow)])
@pytest.mark.parametrize("architecture", ["llava", pytest.param("qwen3_vl", marks=pytest.mark.slow)])
def test_the_same_losses(
    architecture: str, what: str, mixture: Path, base: Callable[[str], Path], tmp_path: Path
) -> None:
    given: dict[str, Any] = {
        **SMALL, **WHAT[what], "data": f"skinvl_sft={mixture}", "model_name_or_path": base(architecture),
        "max_steps": 10, "save_steps": 10, "learning_rate": 2e-3, "eval_strategy": "steps", "eval_steps": 10,
    }  # fmt: skip
    # Batches of 7 do not go into 48 validation rows: the two processes get rows twice, which must not count.
    ways = {"one": (1, 8, 1, 48), "two": (2, 4, 1, 7), "accumulated": (1, 4, 2, 5)}
    curves, evaluated = {}, {}
    for name, (processes, each, accumulated, evaluation) in ways.items():
        more = {
            "per_device_train_batch_size": each, "gradient_accumulation_steps": accumulated,
            "per_device_eval_batch_size": evaluation,
        }  # fmt: skip
        argv = arguments(**{**given, **more, "output_dir": tmp_path / name})
        train(argv, tmp_path / f"{name}.log", processes)
        curves[name] = losses(tmp_path / name)
        (evaluated[name],) = [entry["eval_loss"] for entry in history(tmp_path / name) if "eval_loss" in entry]
        mark = json.loads((newest(tmp_path / name) / "complete.json").read_text())
        assert mark["processes"] == processes
    assert len(curves["one"]) == 10
    assert curves["one"][10] < curves["one"][1] - 0.1
    for name in ("two", "accumulated"):
        assert max(abs(curves[name][step] - loss) for step, loss in curves["one"].items()) <= 1e-4, name
        assert abs(evaluated[name] - evaluated["one"]) <= 1e-5, name
    # Each of the two processes left its own random state.
    assert len(list(newest(tmp_path / "two").glob("rng_state_*.pth"))) == 2
