"""Runs of the recipe as processes of their own, with their own command line, environment and exit status.

Importing torch, transformers and trl takes longer than two steps of a tiny model. So a server process (the standard
library's ``forkserver``) imports them once, and each run is forked from it: :func:`start` runs ``python -m
mmskin_hub.recipes.sft`` in such a process, :func:`launch` several of them as ``torchrun`` would. :func:`mmskin` is the
installed command itself, launcher and all.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RECIPE = "mmskin_hub.recipes.sft"
CONFIGS = ROOT / "recipes" / "configs"
ACCELERATE = ROOT / "recipes" / "accelerate"
QUIET = {
    "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
    "TRANSFORMERS_VERBOSITY": "warning", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}  # fmt: skip
"""Environment of every run: one thread each, nothing from the network."""
SMALL = {
    "per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "logging_steps": 1, "log_to": "none",
    "dataloader_num_workers": 0, "use_cpu": True, "bf16": False, "generate_every_epoch": 0, "eval_strategy": "no",
    "gradient_checkpointing": False,
}  # fmt: skip
"""Arguments of most runs here: float32 and one process, as exact as it gets."""


def arguments(config: Path | None = None, **given: Any) -> list[str]:
    """``--config FILE --key value …`` as a shell would hand it over."""
    made = [] if config is None else ["--config", str(config)]
    for key, value in given.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        made += [f"--{key}", *(str(each).lower() if isinstance(each, bool) else str(each) for each in values)]
    return made


@dataclass
class Run:
    """One or more processes of a run; their output goes to one file."""

    processes: list[Any]
    log: Path

    def wait(self, seconds: float = 300) -> int:
        """The exit status of the first process that failed, 0 where none did; kills what takes longer."""
        until = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(0.0, until - time.monotonic()))
        late = [process for process in self.processes if process.exitcode is None]
        for process in late:
            process.kill()
            process.join()
        assert not late, f"the run took longer than {seconds} s:\n{self.said()[-3000:]}"
        return next((process.exitcode for process in self.processes if process.exitcode), 0)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process of the run."""
        for process in self.processes:
            if process.is_alive():
                os.kill(process.pid, number)

    def alive(self) -> bool:
        """Whether any process still runs."""
        return any(process.is_alive() for process in self.processes)

    def said(self) -> str:
        """What standard output and standard error say so far."""
        return self.log.read_text("utf-8", errors="replace")


def _enter(
    argv: Sequence[str], environment: Mapping[str, str], log: Path, method: str, prepare: Callable[[], None] | None
) -> None:
    """In the forked process: become ``python -m mmskin_hub.recipes.sft ARGV``."""
    # A child of the server would start its own children through servers, which import everything anew.
    multiprocessing.set_start_method(method, force=True)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.environ.update(environment)
    if "torch" in sys.modules:
        # The pool of threads does not survive a fork; two threads that make a new one at once fail (torch 2.15).
        sys.modules["torch"].set_num_threads(1)
    sys.argv = [RECIPE, *argv]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    if prepare is not None:
        prepare()
    runpy.run_module(RECIPE, run_name="__main__", alter_sys=True)


def start(argv: Sequence[str], log: Path, prepare: Callable[[], None] | None = None) -> Run:
    """Begin ``python -m mmskin_hub.recipes.sft ARGV``, its output in ``log``; ``prepare`` is called in its process."""
    return Run([_forked(argv, QUIET, log, prepare)], log)


def launch(argv: Sequence[str], log: Path, processes: int) -> Run:
    """Begin so many processes of one run, told of each other as ``torchrun`` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1",
              "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true", **QUIET}  # fmt: skip
    ranks = [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
    return Run([_forked(argv, rank, log) for rank in ranks], log)


def _forked(
    argv: Sequence[str], environment: Mapping[str, str], log: Path, prepare: Callable[[], None] | None = None
) -> Any:
    context, method = multiprocessing.get_context("forkserver"), multiprocessing.get_start_method()
    context.set_forkserver_preload(["tests.recipes.preloaded"])
    # The server is started by the first call, and stays for the whole session. What it imports reads QUIET then.
    server = {**QUIET, "PYTHONPATH": str(ROOT)}
    before = {name: os.environ.get(name) for name in server}
    os.environ.update(server)
    try:
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    log.parent.mkdir(parents=True, exist_ok=True)
    process = context.Process(target=_enter, args=(list(argv), dict(environment), log, method, prepare))
    process.start()
    return process


def train(
    argv: Sequence[str],
    log: Path,
    processes: int = 1,
    status: int = 0,
    seconds: float = 300,
    prepare: Callable[[], None] | None = None,
) -> str:
    """Run to the end, which must be of this exit ``status``; what the run said."""
    run = start(argv, log, prepare) if processes == 1 else launch(argv, log, processes)
    found = run.wait(seconds)
    said = run.said()
    assert found == status, f"exit status {found}\n{said[-6000:]}"
    return said


def mmskin(*argv: str, environment: Mapping[str, str] | None = None, seconds: float = 600) -> tuple[int, str]:
    """Run the command ``mmskin`` to its end: exit status, and what it said."""
    command = [sys.executable, "-m", "mmskin_hub", *argv]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **QUIET, **(environment or {})}, capture_output=True, text=True,
        timeout=seconds, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def newest(output: Path) -> Path:
    """The checkpoint of the highest step."""
    found = sorted(output.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    assert found, f"{output} has no checkpoint: {sorted(path.name for path in output.iterdir())}"
    return found[-1]


def history(output: Path) -> list[dict[str, Any]]:
    """What the trainer logged, up to the newest checkpoint."""
    return list(json.loads((newest(output) / "trainer_state.json").read_text("utf-8"))["log_history"])


def losses(output: Path) -> dict[int, float]:
    """The training loss of each step up to the newest checkpoint."""
    return {entry["step"]: float(entry["loss"]) for entry in history(output) if "loss" in entry}
