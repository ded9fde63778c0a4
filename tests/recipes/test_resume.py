"""A run that was interrupted ends as one that was not: the same loss at every step, to 1e-5, and the same weights."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl")
from safetensors.torch import load_file

from tests.drawing import shapes
from tests.recipes.running import SMALL, Run, arguments, launch, losses, newest, start, train

STEPS, EVERY = 24, 4
"""Six steps are an epoch: the run is interrupted, and goes on, in the midst of one."""
DROPOUT = 0.1
"""Two processes cannot drop what one drops: where their number changes nothing is dropped."""
WHAT = {"lora": {"use_peft": True, "lora_r": 4, "lora_alpha": 8, "lora_dropout": DROPOUT}, "full": {"use_peft": False}}
ARCHITECTURES = ["llava", "qwen3_vl"]
Begin = Callable[[str], Run]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 rows: six steps of eight."""
    return shapes.write_mixture(tmp_path_factory.mktemp("few") / "shapes", 16, 0)


class Case:
    """One architecture, LoRA or full: its arguments, and the run that nothing interrupts."""

    def __init__(self, folder: Path, data: Path, model: Path, what: str, **more: Any) -> None:
        self.folder, self.made_of = folder, (data, model, what)
        self.given: dict[str, Any] = {
            **SMALL, **WHAT[what], "data": f"skinvl_sft={data}", "model_name_or_path": model, "max_steps": STEPS,
            "save_steps": EVERY, "keep_checkpoints": 3, "learning_rate": 2e-3, "projector_learning_rate": 1e-3,
            "per_device_train_batch_size": 8, "weight_decay": 0.01, "lr_scheduler_type": "cosine", **more,
        }  # fmt: skip
        self._plain: Case | None = None
        self.output = folder / "whole"
        self.log = folder / "log"
        train(self.argv(self.output), self.log)
        self.losses = losses(self.output)

    def without_dropout(self) -> Case:
        """The same, where nothing is left to chance."""
        if "lora_dropout" not in self.given:
            return self
        if self._plain is None:
            self._plain = Case(self.folder / "plain", *self.made_of, lora_dropout=0.0)
        return self._plain

    def argv(self, output: Path, **more: Any) -> list[str]:
        """The command line of a run into ``output``."""
        return arguments(**{**self.given, "output_dir": output, **more})

    def interrupted(self, name: str, number: signal.Signals, after: int, processes: int = 1) -> Path:
        """The output folder of a run that got the signal once ``checkpoint-<after>`` was there."""
        output, log = self.folder / name, self.folder / f"{name}.log"
        each = 8 // processes
        argv = self.argv(output, per_device_train_batch_size=each)
        run = start(argv, log) if processes == 1 else launch(argv, log, processes)
        until = time.monotonic() + 240
        while not (output / f"checkpoint-{after}" / "complete.json").is_file():
            assert run.alive() and time.monotonic() < until, run.said()[-5000:]
            time.sleep(0.002)
        run.send(number)
        status = run.wait()
        assert status == {signal.SIGKILL: -9, signal.SIGTERM: 143}[number], run.said()[-5000:]
        return output

    def resumed(self, output: Path, processes: int = 1) -> str:
        """Go on with a run; what it said."""
        more = {"per_device_train_batch_size": 8 // processes, "resume_from_checkpoint": "newest"}
        return train(self.argv(output, **more), self.folder / f"{output.name}-2.log", processes)

    def check(self, output: Path, weights: float = 1e-6) -> None:
        """Every loss of the run in ``output`` is that of the uninterrupted one, and so is every weight."""
        found = losses(output)
        assert list(found) == list(range(1, STEPS + 1)) == list(self.losses)
        assert max(abs(found[step] - loss) for step, loss in self.losses.items()) <= 1e-5
        name = next(path.name for path in self.output.glob("*.safetensors"))
        ours, theirs = load_file(output / name), load_file(self.output / name)
        assert ours.keys() == theirs.keys()
        assert max(float((ours[key] - theirs[key]).abs().max()) for key in theirs) <= weights


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((architecture, what), id=f"{architecture}-{what}", marks=[pytest.mark.slow] if number else [])
        for number, (architecture, what) in enumerate((a, w) for a in ARCHITECTURES for w in WHAT)
    ],
)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, few: Path, base: Callable[[str], Path]
) -> Case:
    """Each architecture, LoRA and full."""
    architecture, what = request.param
    return Case(tmp_path_factory.mktemp(f"{architecture}-{what}"), few, base(architecture), what)


def test_the_run_learns_and_moves(case: Case) -> None:
    """Else equal losses would mean nothing."""
    curve = list(case.losses.values())
    assert sum(curve[-6:]) < 0.9 * sum(curve[:6])
    assert len(set(curve)) == STEPS


def test_killed(case: Case) -> None:
    """kill -9, and the newest checkpoint damaged: the one before it is taken, with a word."""
    output = case.interrupted("killed", signal.SIGKILL, after=2 * EVERY)
    damaged = newest(output)
    weights = next(damaged.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    said = case.resumed(output)
    assert damaged.name in said and "skipped" in said
    case.check(output)


def test_terminated(case: Case) -> None:
    """SIGTERM saves at once, wherever the run is, and the exit status says so."""
    output = case.interrupted("terminated", signal.SIGTERM, after=EVERY)
    saved = int(newest(output).name.rpartition("-")[2])
    assert EVERY <= saved < STEPS
    case.resumed(output)
    case.check(output)


def test_goes_on_with_two_processes(case: Case) -> None:
    """One process is interrupted, and two go on."""
    plain = case.without_dropout()
    output = plain.interrupted("doubled", signal.SIGKILL, after=EVERY)
    plain.resumed(output, processes=2)
    assert json.loads((newest(output) / "complete.json").read_text())["processes"] == 2
    plain.check(output, weights=1e-3)


@pytest.mark.slow
def test_two_processes_are_terminated_and_one_goes_on(case: Case) -> None:
    """The other way round; both processes leave with the status of a run that has saved."""
    plain = case.without_dropout()
    output = plain.interrupted("halved", signal.SIGTERM, after=EVERY, processes=2)
    plain.resumed(output)
    plain.check(output, weights=1e-3)


def test_a_control_that_must_fail(case: Case, tmp_path: Path) -> None:
    """With the optimizer's state lost the curve differs: 1e-5 is no tolerance that anything passes."""
    output = tmp_path / "control"
    first = case.output / f"checkpoint-{STEPS - 2 * EVERY}"
    shutil.copytree(first, output / first.name)
    (output / first.name / "optimizer.pt").unlink()
    mark = output / first.name / "complete.json"
    record = json.loads(mark.read_text())
    del record["files"]["optimizer.pt"]
    mark.write_text(json.dumps(record))
    case.resumed(output)
    found = losses(output)
    assert max(abs(found[step] - case.losses[step]) for step in found) > 1e-5
