"""Every shipped YAML trains two steps through the real command line, on a CPU, with a tiny model of its own kind."""

from __future__ import annotations

import json
import math
import os
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("trl")

from mmskin_hub.cli import main
from tests.drawing import shapes
from tests.recipes.running import ACCELERATE, CONFIGS, QUIET, RECIPE, ROOT, arguments, losses, mmskin, newest, train

RECIPES = sorted(CONFIGS.rglob("*.yaml"))
LAUNCHES = sorted(ACCELERATE.rglob("*.yaml"))
VARIANTS = ("skinvl_mm", "skinvl_pub", "skinvl_pubmm")
NAMES = {*VARIANTS, *(f"{name}_qwen3vl" for name in VARIANTS), "tiny"}
MACHINES = {"cpu", "cpu_two", "single_gpu", "ddp", "fsdp", "deepspeed_zero3", "multi_node"}
BY_COMMAND = {"tiny", "skinvl_mm_qwen3vl"}
TWO_STEPS = {
    "max_steps": 2, "logging_steps": 1, "save_steps": 2, "per_device_train_batch_size": 2, "log_to": "none",
    "gradient_accumulation_steps": 1, "generate_every_epoch": 1, "generate_tokens": 4,
}  # fmt: skip


def test_none_is_left_out() -> None:
    assert {path.stem for path in RECIPES} == NAMES and len(RECIPES) == len(NAMES) == 7
    assert {path.stem for path in LAUNCHES} == MACHINES and len(LAUNCHES) == len(MACHINES) == 7


def read(path: Path) -> dict[str, Any]:
    """The keys and values of a recipe."""
    return dict(yaml.safe_load(path.read_text("utf-8")))


def fitting(path: Path, folder: Path, base: Callable[[str], Path]) -> tuple[Path, Path | None]:
    """Data of the version and variant that the recipe wants, and a tiny model of the kind that it trains."""
    config = read(path)
    wanted = {"version": config.get("data_version"), "variant": config.get("variant")}
    data = shapes.write_mixture(folder / "data", 8, 2, **{key: value for key, value in wanted.items() if value})
    if path.stem == "tiny":  # draws its own
        return data, None
    return data, base("qwen3_vl" if path.stem.endswith("qwen3vl") else "llava")


def check(output: Path, path: Path) -> None:
    """Two steps were made, and what they were made with is that of the recipe."""
    curve = losses(output)
    assert list(curve) == [1, 2]
    assert all(math.isfinite(loss) and loss > 0 for loss in curve.values())
    config, run = read(path), json.loads((output / "run.json").read_text())
    assert (output / "adapter_config.json").is_file() == bool(config.get("use_peft"))
    said = json.dumps(run)
    assert all(f'"{key}"' in said for key in ("learning_rate", "seed", "skinvl_sft"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_two_steps_of_the_recipe(path: Path, base: Callable[[str], Path], tmp_path: Path) -> None:
    data, model = fitting(path, tmp_path, base)
    given = {**TWO_STEPS, "data": f"skinvl_sft={data}", "output_dir": tmp_path / "out"}
    if model is not None:
        given["model_name_or_path"] = model
    train(arguments(path, **given), tmp_path / "log")
    check(tmp_path / "out", path)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_command_hands_over_the_recipe(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--data", "skinvl_sft=data", "--output", str(tmp_path / "out")]
    assert main(["train", path.stem, *place, "--accelerate", "cpu", "--dry-run", "--", *arguments(**TWO_STEPS)]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert Path(words[words.index("--config") + 1]).read_text("utf-8") == path.read_text("utf-8")
    assert RECIPE in words and any(word.endswith("cpu.yaml") for word in words)
    assert all(f"--{key}" in words for key in TWO_STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in RECIPES if path.stem in BY_COMMAND], ids=lambda path: path.stem)
def test_two_steps_of_the_command(path: Path, base: Callable[[str], Path], tmp_path: Path) -> None:
    """``mmskin train NAME``, which hands over to ``accelerate launch``: the recipe that draws its model, and another.

    What the others would add is in the two tests above: each trains, and each is what is handed over.
    """
    data, model = fitting(path, tmp_path, base)
    chosen = ["--model", str(model)] if model else []
    place = ["--data", f"skinvl_sft={data}", "--output", str(tmp_path / "out")]
    status, said = mmskin("train", path.stem, *place, *chosen, "--accelerate", "cpu", "--", *arguments(**TWO_STEPS))
    assert status == 0, said[-5000:]
    assert "cpu.yaml" in said
    check(tmp_path / "out", path)


def both_took_part(output: Path) -> None:
    """The checkpoint of two steps holds what each of two processes left there."""
    checkpoint = newest(output)
    assert json.loads((checkpoint / "complete.json").read_text())["processes"] == 2
    assert {path.name for path in checkpoint.glob("rng_state*")} == {"rng_state_0.pth", "rng_state_1.pth"}


@pytest.mark.slow
def test_two_processes_of_the_command(base: Callable[[str], Path], tmp_path: Path) -> None:
    path = CONFIGS / "skinvl_pubmm.yaml"
    data, model = fitting(path, tmp_path, base)
    place = ["--data", f"skinvl_sft={data}", "--model", str(model), "--output", str(tmp_path / "out")]
    status, said = mmskin("train", path.stem, *place, "--accelerate", "cpu_two", "--", *arguments(**TWO_STEPS))
    assert status == 0, said[-5000:]
    check(tmp_path / "out", path)
    both_took_part(tmp_path / "out")


def by_hand(config: Path, argv: list[str], *options: str) -> subprocess.Popen[str]:
    """``accelerate launch --config_file CONFIG recipes/sft.py ARGV``, as the recipe's own docstring says."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config), *options]
    # MASTER_ADDR and the like of another run must not reach this one.
    return subprocess.Popen(
        [*command, str(ROOT / "recipes" / "sft.py"), *argv], cwd=ROOT, env={**os.environ, **QUIET}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cpu", "ddp", "multi_node"])
def test_every_accelerate_config_that_a_cpu_can_run(name: str, base: Callable[[str], Path], tmp_path: Path) -> None:
    """``single_gpu``, ``fsdp`` and ``deepspeed_zero3`` need a GPU; two machines are two launches on this one.

    ``cpu_two`` runs above, by the command.
    """
    path = CONFIGS / "skinvl_pubmm.yaml"
    data, model = fitting(path, tmp_path, base)
    argv = arguments(path, **TWO_STEPS, use_cpu=True, data=f"skinvl_sft={data}", model_name_or_path=model,
                     output_dir=tmp_path / "out")  # fmt: skip
    port = ["--main_process_port", free_port()]
    options: dict[str, list[list[str]]] = {
        "cpu": [[]],
        "ddp": [["--num_processes", "2", *port]],
        "multi_node": [
            ["--num_machines", "2", "--machine_rank", rank, "--num_processes", "2", "--main_process_ip", "127.0.0.1",
             *port] for rank in "01"
        ],
    }  # fmt: skip
    running = [by_hand(ACCELERATE / f"{name}.yaml", argv, *each) for each in options[name]]
    said = [process.communicate(timeout=600)[0] for process in running]
    assert all(process.returncode == 0 for process in running), said[0][-5000:]
    check(tmp_path / "out", path)
    if name == "cpu":
        assert json.loads((newest(tmp_path / "out") / "complete.json").read_text())["processes"] == 1
    else:
        both_took_part(tmp_path / "out")


@pytest.mark.parametrize("name", ["ddp", "fsdp", "deepspeed_zero3"])
def test_configs_for_accelerators_are_refused_without_one(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    if torch.accelerator.is_available():
        pytest.skip("there is an accelerator")
    assert main(["train", "tiny", "--accelerate", name, "--output", str(tmp_path / "out")]) == 2
    assert "cpu_two" in capsys.readouterr().err
