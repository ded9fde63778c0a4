"""A real trainer over a model of four numbers: figures, stops, SIGTERM, resume and run.json."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from mmskin_hub.errors import MmskinError, OutputExists, WrongUse
from mmskin_hub.training import watch
from mmskin_hub.training.checkpoints import WholeCheckpoints, newest_whole
from mmskin_hub.training.data import DataFacts
from mmskin_hub.training.saving import Checkpoints
from mmskin_hub.training.stopping import Notice, Terminated
from mmskin_hub.training.watch import FiguresInLog, limit_of, make_callbacks, reporters


@dataclass
class Script:
    """What the callbacks read of ScriptArguments."""

    stop_on_spike: float = 10.0
    generate_every_epoch: int = 0
    generate_tokens: int = 4
    keep_checkpoints: int = 2


class Line(torch.nn.Module):
    """A line through points: y = w x + b, twice."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = torch.nn.Linear(2, 1)

    def forward(self, x: torch.Tensor, labels: torch.Tensor, number: Any = None) -> dict[str, torch.Tensor]:
        """Mean squared error, and what was said."""
        said = self.inner(x).squeeze(-1)
        return {"loss": (said - labels).square().mean(), "logits": said}


class SmallTrainer(WholeCheckpoints, FiguresInLog, Trainer):  # type: ignore[misc]
    """The mixins over transformers' own trainer; rows become ids as SkinTrainer has it."""

    facts: DataFacts

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> Any:
        self.facts.live.reset()
        samples, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        for batch in samples:
            self.facts.live.ids += [f"row-{int(number)}" for number in batch.pop("number")]
            self.facts.live.tokens += 30
            self.facts.live.slots += 40
            self.facts.live.samples += 4
        return samples, items

    def create_optimizer(self, model: Any = None) -> Any:
        if self.optimizer is None:
            groups = [
                {"params": [self.model.inner.weight], "lr": 0.01, "group": "language"},
                {"params": [self.model.inner.bias], "lr": 0.002, "group": "projector"},
            ]
            self.optimizer = torch.optim.AdamW(groups)
        return self.optimizer


def rows(bad: dict[int, float] | None = None) -> list[dict[str, Any]]:
    """Sixty-four rows; the labels of ``bad`` are what it says."""
    made = []
    for number in range(64):
        x = [math.sin(number), math.cos(3 * number)]
        label = 2 * x[0] - x[1] + 0.1 * math.sin(7 * number)
        made.append({"number": number, "x": x, "labels": (bad or {}).get(number, label)})
    return made


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Any]:
    """``build(callbacks=…, bad=…, output=…, key=value)``: a trainer whose figures go nowhere else."""
    notices: list[Notice] = []

    def make(*more: TrainerCallback, bad: dict[int, float] | None = None, resume: Any = None, output: str = "out",
             script: dict[str, Any] | None = None, **given: Any) -> SmallTrainer:  # fmt: skip
        chosen = Script(**(script or {}))
        arguments = {"max_steps": 12, "logging_steps": 1, "save_steps": 4, "per_device_train_batch_size": 4, **given}
        training = TrainingArguments(
            output_dir=str(tmp_path / output), use_cpu=True, report_to=[], disable_tqdm=True, save_total_limit=None,
            logging_nan_inf_filter=False, remove_unused_columns=False, resume_from_checkpoint=resume,
            **arguments,
        )  # fmt: skip
        facts = DataFacts([{"name": "skinvl_sft", "version": "1.0.0"}], {"train": {"read": 64, "used": 64}})
        facts.model_facts = {"name": "line", "revision": None, "place": str(tmp_path)}
        callbacks = make_callbacks(chosen, training, facts)
        notices.append(callbacks[-1].notice)
        trainer = SmallTrainer(Line(), training, train_dataset=rows(bad), eval_dataset=rows(), callbacks=callbacks)
        trainer.facts = facts
        for each in more:
            trainer.add_callback(each)
        return trainer

    yield make
    for notice in notices:
        notice.release()


def losses(trainer: SmallTrainer) -> dict[int, float]:
    """Loss of each step."""
    return {entry["step"]: entry["loss"] for entry in trainer.state.log_history if "loss" in entry}


class At(TrainerCallback):  # type: ignore[misc]
    """Does something when a step begins, or in a step of evaluation."""

    def __init__(self, step: int, do: Any, in_evaluation: bool = False) -> None:
        self.step, self.do, self.in_evaluation = step, do, in_evaluation

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step + 1 == self.step and not self.in_evaluation:
            self.do()

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step and self.in_evaluation:
            self.do()


def release(trainer: SmallTrainer) -> None:
    """What the end of the process does."""
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, Checkpoints):
            callback.notice.release()


def term() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


# ---- the rule ----


def test_a_spike_is_far_above_the_median() -> None:
    losses = [1.0 + 0.3 * math.sin(step) for step in range(50)]
    limit = limit_of(losses, 10.0)
    assert limit is not None and 3.0 < limit < 6.0
    assert limit_of([*losses[:49], 1e6], 10.0) == pytest.approx(limit, rel=0.1)  # a spike among them moves it little
    assert limit_of(losses, 0.0) is None and limit_of(losses[:19], 10.0) is None


def test_a_run_that_has_learned_its_data_does_not_stop_at_one_hard_batch() -> None:
    assert limit_of([0.01] * 50, 10.0) == pytest.approx(2.01)


# ---- figures ----


def test_the_log_has_both_rates_and_the_pace(build: Any) -> None:
    trainer = build()
    trainer.train()
    entries = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert len(entries) == 12
    for entry in entries:
        assert entry["lr_language"] / entry["lr_projector"] == pytest.approx(5.0)
        assert entry["padding_share"] == 0.25
        assert entry["tokens_per_second"] > entry["samples_per_second"] > 0
        assert entry["memory_gb"] > 0
    assert entries[0]["lr_language"] == pytest.approx(0.01)  # of the step itself, before the schedule moved
    assert entries[0]["seconds_left"] >= 0 and entries[-1]["seconds_left"] == 0


# ---- stops ----


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_before_a_weight_changes(build: Any, tmp_path: Path, value: float) -> None:
    trainer = build(bad={33: value}, max_steps=32)
    with pytest.raises(MmskinError, match="not a number") as caught:
        trainer.train()
    said = json.loads((tmp_path / "out" / "stopped.json").read_text())
    assert said["reason"] == "nan" and "row-33" in said["ids"] and len(said["ids"]) == 4
    assert said["step"] == trainer.state.global_step + 1
    assert str(tmp_path / "out" / "stopped.json") in caught.value.what and "--resume" in caught.value.remedy
    assert all(torch.isfinite(weights).all() for weights in trainer.model.parameters())
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["status"] == "stopped" and "not a number" in record["sessions"][0]["ended"]


def test_a_spike_stops_and_0_lets_it_pass(build: Any, tmp_path: Path) -> None:
    order = {}

    class Order(TrainerCallback):  # type: ignore[misc]
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            order[state.global_step + 1] = list(trainer.facts.live.ids)

    trainer = build(Order(), max_steps=40, num_train_epochs=3, save_strategy="no")
    trainer.train()
    late = int(order[30][0].partition("-")[2])
    trainer = build(bad={late: 1000.0}, max_steps=40, save_strategy="no", output="b")
    with pytest.raises(MmskinError):
        trainer.train()
    first = next(step for step in sorted(order) if f"row-{late}" in order[step] and step > 20)
    # The row comes once an epoch: before the 20th step nothing is said, afterwards the first time is the last.
    said = json.loads((tmp_path / "b" / "stopped.json").read_text())
    assert said["reason"] == "spike" and said["step"] == first and f"row-{late}" in said["ids"]
    assert said["loss"] > said["limit"] > said["median"]
    trainer = build(bad={late: 1000.0}, max_steps=40, script={"stop_on_spike": 0.0}, save_strategy="no", output="c")
    trainer.train()
    assert trainer.state.global_step == 40


# ---- SIGTERM ----


def test_sigterm_saves_at_the_next_boundary_and_resume_is_exact(build: Any, tmp_path: Path) -> None:
    whole = build(output="whole")
    whole.train()
    trainer = build(At(6, term))
    with pytest.raises(Terminated) as caught:
        trainer.train()
    assert caught.value.code == 143
    found = newest_whole(tmp_path / "out")
    assert found is not None and found.name == "checkpoint-6"
    assert json.loads((tmp_path / "out" / "run.json").read_text())["sessions"][0]["to_step"] == 6
    release(trainer)
    resumed = build(resume="newest")
    resumed.train(resume_from_checkpoint=str(found))
    expected = losses(whole)
    assert losses(resumed) == pytest.approx(expected, abs=1e-12) and len(expected) == 12
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [(each["from_step"], each["to_step"]) for each in record["sessions"]] == [(0, 6), (6, 12)]
    assert record["hours"] == pytest.approx(sum(each["seconds"] for each in record["sessions"]) / 3600)


def test_sigterm_in_an_evaluation_does_not_wait_for_its_end(build: Any, tmp_path: Path) -> None:
    trainer = build(At(5, term, in_evaluation=True), eval_strategy="steps", eval_steps=5)
    with pytest.raises(Terminated):
        trainer.train()
    found = newest_whole(tmp_path / "out")
    assert found is not None and found.name == "checkpoint-5"
    assert not any("eval_loss" in entry for entry in trainer.state.log_history)


def test_sigterm_at_the_end_of_an_epoch_saves_once_and_skips_the_evaluation(build: Any, tmp_path: Path) -> None:
    trainer = build(At(16, term), max_steps=48, eval_strategy="epoch", save_strategy="epoch")
    with pytest.raises(Terminated):
        trainer.train()
    assert [path.name for path in (tmp_path / "out").glob("checkpoint-*")] == ["checkpoint-16"]
    assert not any("eval_loss" in entry for entry in trainer.state.log_history)


def test_signals_are_as_before_when_the_model_is_saved() -> None:
    before = signal.getsignal(signal.SIGTERM)
    notice = Notice()
    assert not notice.heard
    notice.install()
    term()
    assert notice.heard
    notice.release()
    assert signal.getsignal(signal.SIGTERM) == before
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    assert signal.SIGTERM not in signal.sigpending()


def test_workers_of_a_dataloader_live_through_a_signal_to_all(build: Any, tmp_path: Path) -> None:
    """Slurm signals every process of a job; torch's workers would die of it, and the run with them."""
    import multiprocessing

    def everyone() -> None:
        children = multiprocessing.active_children()
        assert children
        for child in children:
            os.kill(child.pid or 0, signal.SIGTERM)
        term()

    trainer = build(At(3, everyone), dataloader_num_workers=2)
    with pytest.raises(Terminated):
        trainer.train()
    found = newest_whole(tmp_path / "out")
    assert found is not None and found.name == "checkpoint-3"


# ---- what is beside the model ----


def test_run_json_is_whole_at_the_end(build: Any, tmp_path: Path) -> None:
    trainer = build(eval_strategy="steps", eval_steps=6)
    trainer.train()
    (tmp_path / "base.safetensors").write_bytes(b"base")
    output = tmp_path / "out"
    trainer.save_model(str(output))
    for callback in trainer.callback_handler.callbacks:
        if hasattr(callback, "on_saved"):
            callback.on_saved(trainer.args, trainer.state, output)
    record = json.loads((output / "run.json").read_text())
    assert record["status"] == "finished" and record["seed"] == 42
    assert record["data"]["sources"][0]["version"] == "1.0.0" and record["data"]["counts"]["train"]["used"] == 64
    assert record["base"]["name"] == "line" and set(record["base"]["sha256"]) == {"base.safetensors"}
    assert set(record["weights"]) == {"model.safetensors"}
    assert record["configuration"]["training"]["max_steps"] == 12
    assert record["configuration"]["script"]["keep_checkpoints"] == 2
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0] or record["versions"]["torch"]
    assert record["result"]["step"] == 12 and "eval_loss" in record["result"]
    (session,) = record["sessions"]
    assert session["processes"] == 1 and session["hardware"][0]["cores"] == os.cpu_count()
    assert str(Path.home()) not in json.dumps(session)


def test_a_new_run_into_the_folder_of_another_is_refused(build: Any) -> None:
    build(max_steps=4).train()
    with pytest.raises(OutputExists):
        build(max_steps=4)


# ---- where figures go ----


def test_reporters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("TRACKIO_DIR", "WANDB_DIR", "WANDB_MODE", "TENSORBOARD_LOGGING_DIR"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(watch, "_installed", lambda package: package == "tensorboard")
    assert reporters(["none"], tmp_path) == []
    assert reporters(["trackio"], tmp_path) == []
    assert "pip install trackio" in capsys.readouterr().err
    assert reporters(["tensorboard"], tmp_path) == ["tensorboard"]
    assert os.environ["TENSORBOARD_LOGGING_DIR"] == str(tmp_path / "tensorboard")
    assert os.environ["WANDB_MODE"] == "offline"
    with pytest.raises(WrongUse, match="wandb, which is not installed"):
        reporters(["wandb"], tmp_path)
    with pytest.raises(WrongUse, match="mlflow"):
        reporters(["mlflow"], tmp_path)
