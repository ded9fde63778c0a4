"""What a run says while it trains, and when it stops by itself.

Everything about a global step is added up over the processes in one small all-reduce, just before the optimizer moves:
loss, tokens, whether a process saw a number that is none, and whether one was asked to leave. So all processes come to
the same decision in the same step, and a batch that breaks a training is found before it has changed a weight.
"""

from __future__ import annotations

import importlib.util
import math
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mmskin_hub.engine.work import write_json
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.training.stopping import Notice

WINDOW, LEAST = 50, 20
"""Losses a spike is measured against at most, and at least."""
FLOOR_SHARE, FLOOR_NATS = 0.1, 0.2
"""The least spread that losses are credited with: a share of their median, and nats a token."""
STOPPED = "stopped.json"
TRACKERS = {"trackio": "trackio", "wandb": "wandb", "tensorboard": "tensorboard"}
"""Names of ``log_to`` and the package that each needs."""


def limit_of(losses: Sequence[float], k: float) -> float | None:
    """The loss above which a step is a spike, after the ``losses`` of the steps before; ``None``: too early to say.

    ``median + k · s`` with ``s = max(1.4826 · MAD, 0.1 · median, 0.2)``. MAD is the median absolute deviation from the
    median; 1.4826 makes it the standard deviation of a normal distribution (Rousseeuw and Croux 1993), and neither
    moves when one of the losses is itself a spike. The floors keep a run that has learned its data, whose losses lie
    within a hair, from stopping at one hard batch: with k = 10 it takes at least 2 nats a token above the median.
    """
    if k <= 0 or len(losses) < LEAST:
        return None
    middle = statistics.median(losses)
    spread = 1.4826 * statistics.median(abs(loss - middle) for loss in losses)
    return middle + k * max(spread, FLOOR_SHARE * middle, FLOOR_NATS)


class FiguresInLog:
    """Mixin for a ``Trainer``: hands itself and the loss of each micro-batch to its callbacks, and logs their figures.

    A callback may have ``take(trainer)``, ``loss(tensor)``, ``norm(tensor)``, ``figures() -> dict``, ``left(error)``.
    """

    def _said(self, name: str, *values: Any) -> list[Any]:
        callbacks = self.callback_handler.callbacks  # type: ignore[attr-defined]
        return [getattr(each, name)(*values) for each in callbacks if hasattr(each, name)]

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; every callback knows its trainer from here on, and hears of an error that ends it."""
        self._said("take", self)
        try:
            return super().train(*args, **kwargs)  # type: ignore[misc]
        except BaseException as error:
            self._said("left", error)
            raise

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """One micro-batch, forward and backward."""
        loss = super().training_step(*args, **kwargs)  # type: ignore[misc]
        self._said("loss", loss)
        return loss

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        norm = super()._get_grad_norm(*args, **kwargs)  # type: ignore[misc]
        self._said("norm", norm)
        return norm

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log; the figures of the callbacks stand beside the loss."""
        if "loss" in logs:
            for figures in self._said("figures"):
                logs.update(figures)
        super().log(logs, *args, **kwargs)  # type: ignore[misc]


class Watch(TrainerCallback):  # type: ignore[misc]
    """Figures of the steps, and the end of a run whose loss is lost.

    Into the trainer's log go ``lr_<group>``, ``tokens_per_second`` (without padding) and ``samples_per_second`` of all
    processes together, ``padding_share`` (0 to 1, of all tokens that were computed), ``memory_gb`` (the most on the
    device of the first process since the last log; without one its resident memory) and ``seconds_left``. Time that
    goes into evaluation, answers and checkpoints does not count.

    A step stops the run where its loss or gradient is NaN or infinite, or its loss is above :func:`limit_of` the last
    50; the rows of the step are in ``<output>/stopped.json``, and the weights are those of the step before. The window
    begins anew with every start of a run.
    """

    def __init__(self, facts: Any, notice: Notice, spike: float) -> None:
        self.facts, self.notice, self.spike = facts, notice, spike
        self.trainer: Any = None
        self.window: deque[float] = deque(maxlen=WINDOW)
        self.rates: dict[str, float] = {}
        self._losses: list[Any] = []
        self._norm: Any = None
        self._since = 0.0
        self._times: deque[float] = deque(maxlen=WINDOW)
        self._clear()

    def _clear(self) -> None:
        self._tokens = self._slots = self._samples = self._seconds = 0.0

    # ---- what the trainer hands over ----

    def take(self, trainer: Any) -> None:
        """The trainer of the run."""
        self.trainer = trainer

    def loss(self, value: Any) -> None:
        """The loss of a micro-batch, scaled so that those of a step add up."""
        self._losses.append(value)

    def norm(self, value: Any) -> None:
        """The gradient's norm of the step under way."""
        self._norm = value

    def figures(self) -> dict[str, float]:
        """What is logged, since the last time."""
        found = {f"lr_{group}": rate for group, rate in self.rates.items()}
        if self._seconds > 0:
            found["tokens_per_second"] = round(self._tokens / self._seconds, 1)
            found["samples_per_second"] = round(self._samples / self._seconds, 3)
        if self._slots:
            found["padding_share"] = round(1.0 - self._tokens / self._slots, 4)
        if (memory := _memory()) is not None:
            found["memory_gb"] = round(memory / 1e9, 3)
        if self._times:
            state = self.trainer.state
            found["seconds_left"] = round(statistics.median(self._times) * (state.max_steps - state.global_step), 1)
        self._clear()
        return found

    # ---- the course of a step ----

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The clock starts."""
        self._since = time.perf_counter()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A step begins with nothing."""
        self._losses, self._norm = [], None

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Add up over the processes, and stop before the optimizer moves where the loss is lost."""
        groups = getattr(kwargs.get("optimizer"), "param_groups", ())
        self.rates = {str(group["group"]): float(group["lr"]) for group in groups if "group" in group}
        live = self.facts.live
        loss, bad, asked, tokens, slots, samples = self._summed(
            self._local_loss(), self._bad(), float(self.notice.heard), live.tokens, live.slots, live.samples
        )
        processes = max(1, int(args.world_size))
        loss = math.nan if bad else loss / processes
        self._tokens, self._slots = self._tokens + tokens, self._slots + slots
        self._samples += samples
        self.notice.agreed = asked > 0
        limit = limit_of(self.window, self.spike)
        if bad or (limit is not None and loss > limit):
            self._stop(args, state, loss, limit)
        self.window.append(loss)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """The clock of the step ends; the next one's waiting for its batch counts as its own."""
        now = time.perf_counter()
        if self._since:
            self._seconds += now - self._since
            self._times.append(now - self._since)
        self._since = now

    def _pause(self, *args: Any, **kwargs: Any) -> None:
        self._since = time.perf_counter()

    on_save = on_evaluate = on_epoch_end = _pause

    # ---- within ----

    def _local_loss(self) -> Any:
        return sum(self._losses[1:], self._losses[0]) if self._losses else 0.0

    def _bad(self) -> Any:
        """Whether loss or gradient is no number. With fp16 the scaler skips such gradients, as it should."""
        import torch

        loss, norm = self._local_loss(), self._norm
        bad = ~torch.isfinite(torch.as_tensor(loss, dtype=torch.float32)).reshape(())
        if norm is not None and getattr(self.trainer.accelerator, "scaler", None) is None:
            whole = norm.full_tensor() if hasattr(norm, "full_tensor") else norm  # FSDP2 has it in pieces
            whole = torch.as_tensor(whole, dtype=torch.float32).reshape(()).to(bad.device)
            bad = bad | ~torch.isfinite(whole)
        return bad

    def _summed(self, *values: Any) -> list[float]:
        """Each of ``values`` added up over the processes. A NaN must not hide the others: it counts as 0 here."""
        import torch
        import torch.distributed as dist

        device = self.trainer.args.device
        parts = [torch.as_tensor(value, dtype=torch.float32, device=device).reshape(()) for value in values]
        tensor = torch.nan_to_num(torch.stack(parts), nan=0.0, posinf=0.0, neginf=0.0)
        if dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1:
            dist.all_reduce(tensor)
        return [float(value) for value in tensor.tolist()]

    def _stop(self, args: Any, state: Any, loss: float, limit: float | None) -> None:
        """Write down the rows of the step, and raise."""
        from mmskin_hub.training.checkpoints import gathered

        ids = [row for rows in gathered(list(self.facts.live.ids)) for row in rows]
        step, spike = int(state.global_step) + 1, math.isfinite(loss)
        reason = "spike" if spike else "nan"
        path = Path(args.output_dir) / STOPPED
        middle = statistics.median(self.window) if self.window else None
        if state.is_world_process_zero:
            own = _number(self._local_loss())
            write_json(path, {
                "reason": reason, "step": step, "epoch": state.epoch, "loss": loss if spike else str(own),
                "gradient_norm": str(self._norm) if not spike else None, "limit": limit, "median": middle,
                "k": self.spike, "window": list(self.window), "rates": self.rates, "ids": ids,
            })  # fmt: skip
        what = (
            f"The loss of step {step} is {loss:.4g}, above {limit:.4g}: the median of the last {len(self.window)} is "
            f"{middle:.4g}."
            if limit is not None and middle is not None and spike
            else f"The loss or the gradient of step {step} is not a number."
        )
        raise MmskinError(
            f"{what} The run stopped before this step changed a weight; its {len(ids)} rows are listed in {path}, the "
            f"first is {ids[0] if ids else 'unknown'}.",
            "Look at these rows. Then go on with --resume: without them, at a lower --learning_rate, or, for a spike, "
            "with --stop_on_spike 0",
        )


def _number(value: Any) -> float:
    return float(value.item() if hasattr(value, "item") else value)


def _memory() -> int | None:
    """Bytes: the most that tensors took on this device since the last call, or the resident memory of the process."""
    import torch

    if torch.cuda.is_available():
        most = int(torch.cuda.max_memory_allocated())
        torch.cuda.reset_peak_memory_stats()
        return most
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def reporters(log_to: Sequence[str], output: str | Path) -> list[str]:
    """What ``report_to`` of the trainer is to be: the places of ``log_to`` whose package is installed.

    trackio is the default and goes without a word more than one where it is missing; wandb and tensorboard were asked
    for, and raise :class:`WrongUse` there. All of them write into ``output`` and stay offline unless their own
    environment variables (``TRACKIO_DIR``, ``WANDB_MODE``, ``TENSORBOARD_LOGGING_DIR``) say otherwise.
    """
    wanted = [name for name in log_to if name != "none"]
    for name in wanted:
        if name not in TRACKERS:
            raise WrongUse(f"log_to names {name!r}.", f"It takes {', '.join(TRACKERS)} and none.")
    found = []
    for name in wanted:
        if _installed(TRACKERS[name]) or (name == "tensorboard" and _installed("tensorboardX")):
            found.append(name)
        elif name == "trackio":
            if os.environ.get("RANK", "0") == "0":
                print("mmskin: trackio is not installed (pip install trackio): figures go to the log only.",
                      file=sys.stderr, flush=True)  # fmt: skip
        else:
            raise WrongUse(f"log_to names {name}, which is not installed.", f"pip install {name}, or --log_to none")
    folder = Path(output).absolute()
    os.environ.setdefault("TRACKIO_DIR", str(folder / "trackio"))
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(folder / "tensorboard"))
    os.environ.setdefault("WANDB_DIR", str(folder))
    os.environ.setdefault("WANDB_MODE", "offline")
    return found


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def make_callbacks(script: Any, training: Any, facts: Any, model: Any = None) -> list[Any]:
    """The callbacks of a run, in the order in which they must be called.

    ``script``, ``training``, ``model``: the three classes of arguments; ``facts``: the ``DataFacts``. Raises
    :class:`~mmskin_hub.errors.OutputExists` where the output folder holds the checkpoints of another run. The trainer
    must have the mixins :class:`FiguresInLog` and :class:`~mmskin_hub.training.checkpoints.WholeCheckpoints`.
    """
    from mmskin_hub.training.checkpoints import check_output
    from mmskin_hub.training.record import Record
    from mmskin_hub.training.samples import Samples
    from mmskin_hub.training.saving import Checkpoints

    check_output(Path(training.output_dir), training.resume_from_checkpoint not in (None, False, "", "false", "False"))
    notice = Notice()
    watch = Watch(facts, notice, script.stop_on_spike)
    record = Record(script, training, model, facts)
    samples = Samples(facts, script.generate_every_epoch, script.generate_tokens, notice)
    # Samples answer after the epoch; the clock of Watch starts again after them. Checkpoints may leave: it is last.
    return [record, samples, watch, Checkpoints(notice, script.keep_checkpoints)]
