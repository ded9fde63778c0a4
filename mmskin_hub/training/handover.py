"""Start ``accelerate launch``, hand on SIGTERM to the processes that train, and find out how they ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError
from mmskin_hub.training.launch import MODULE, Choice
from mmskin_hub.training.process import EXIT_FAILED, EXIT_INTERRUPTED, FOLDER, PROCESSES
from mmskin_hub.training.stopping import EXIT_TERMINATED

POLL, GRACE = 0.2, 20.0
"""Seconds between two looks, and how long processes may live on after one of them has failed."""
ELASTIC = "TORCH_ELASTIC_SHUTDOWN_TIMEOUT"
"""torchrun's own patience in seconds after a SIGTERM; its default, 30, is less than a checkpoint can take."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process that trains: ``status`` is ``None`` until it has said how it ends; ``alive`` is known by its lock."""

    rank: str
    pid: int
    status: int | None
    error: str
    alive: bool


def command_of(choice: Choice, arguments: Sequence[str]) -> list[str]:
    """The command line: accelerate with ``choice``, the recipe's module with ``arguments``."""
    # -P: a folder "datasets" where the user stands would hide the library of that name.
    launch = [sys.executable, "-P", "-m", "accelerate.commands.launch", "--config_file", str(choice.config)]
    return [*launch, *choice.options, "--quiet", "--module", MODULE, *arguments]


class Launch:
    """One run of accelerate. :meth:`run` returns the status to exit with.

    ``output`` is the descriptor that takes what the processes print, by default standard output.
    """

    def __init__(self, choice: Choice, arguments: Sequence[str], output: int | None = None) -> None:
        self.command, self.processes = command_of(choice, arguments), choice.processes
        self._output = output
        self._asked = False
        self._told: set[int] = set()
        self._failed_at: float | None = None

    def run(self) -> int:
        """Run to the end. Raises :class:`MmskinError` with what the first process to fail said."""
        with tempfile.TemporaryDirectory(prefix="mmskin-") as folder:
            if threading.current_thread() is not threading.main_thread():
                return self._run(Path(folder))  # signals are the main thread's
            before = signal.signal(signal.SIGTERM, self._hear)
            try:
                return self._run(Path(folder))
            finally:
                signal.signal(signal.SIGTERM, before)

    def _hear(self, number: int, frame: Any) -> None:
        self._asked = True

    def _run(self, folder: Path) -> int:
        environ = {**os.environ, "PYTHONSAFEPATH": "1", FOLDER: str(folder), PROCESSES: str(self.processes)}
        environ.setdefault(ELASTIC, "600")
        # accelerate would die of a SIGTERM to all processes of a job, and leave the one that trains behind.
        launcher = subprocess.Popen(self.command, env=environ, preexec_fn=_prepare, stdout=self._output)
        interrupted = False
        while True:
            try:
                code = launcher.poll()
                found = _processes(folder)
                self._tend(found)
                if code is not None and not any(each.alive for each in found):
                    break
                time.sleep(POLL)
            except KeyboardInterrupt:  # the terminal sends it to every process of the group
                interrupted = True
        return EXIT_INTERRUPTED if interrupted else self._status(_processes(folder), code)

    def _tend(self, found: Sequence[Process]) -> None:
        """Hand on SIGTERM, once to each; end what is left for long after one has failed."""
        living = [each for each in found if each.alive]
        if self._asked:
            for each in living:
                if each.pid not in self._told:
                    self._told.add(each.pid)
                    _send(each.pid, signal.SIGTERM)
        failed = any(each.status not in (None, 0, EXIT_TERMINATED) or (not each.alive and each.status is None)
                     for each in found)  # fmt: skip
        if failed and self._failed_at is None:
            self._failed_at = time.monotonic()
        if self._failed_at is not None and time.monotonic() - self._failed_at > GRACE:
            # They wait for the one that failed: torch's own patience is ten minutes.
            for each in living:
                _send(each.pid, signal.SIGKILL)

    def _status(self, found: Sequence[Process], code: int) -> int:
        known = [each for each in found if each.status]
        errors = [each for each in known if each.error]
        if errors:
            _raise(errors[0])
        if code == 0 and not known:
            return 0
        if self._asked or any(each.status == EXIT_TERMINATED for each in known):
            return EXIT_TERMINATED
        dead = [each for each in found if each.status is None]
        if dead:
            raise MmskinError(
                f"Process {dead[0].rank} of the training was killed from outside, perhaps for want of memory.",
                "Go on with --resume; where memory was short, say a smaller --per_device_train_batch_size",
            )
        return known[0].status or EXIT_FAILED if known else EXIT_FAILED


def _raise(process: Process) -> None:
    from mmskin_hub.errors import WrongUse
    from mmskin_hub.training.process import EXIT_WRONG

    what, _, remedy = process.error.partition("\n  ")
    raise (WrongUse if process.status == EXIT_WRONG else MmskinError)(what, remedy)


def _prepare() -> None:
    """In accelerate, before it begins: it ignores SIGTERM, and on Linux does not outlive this process."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _processes(folder: Path) -> list[Process]:
    """The processes that have said who they are, by their rank."""
    found = []
    for path in sorted(folder.glob("*.json"), key=lambda path: int(path.stem)):
        try:
            said = json.loads(path.read_text("utf-8"))
        except ValueError:
            continue  # it writes just now
        found.append(Process(path.stem, int(said["pid"]), said["status"], str(said["error"]), _locked(path)))
    return found


def _locked(path: Path) -> bool:
    import fcntl

    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        fcntl.lockf(file, fcntl.LOCK_UN)
    return False
