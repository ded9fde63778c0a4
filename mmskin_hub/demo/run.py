"""``mmskin demo``: run the steps of :mod:`mmskin_hub.demo.line` one after the other, in one folder.

::

    FOLDER/demo.json    the marker of a demo: its seed, and what is done, with seconds and what was found
          /log/         what each step said
          /cache, /tmp-…  what libraries keep and put down; nothing is written anywhere else
          /commands.sh  the steps, to be read, or run by hand; /mixture.yaml  what the model is trained on

A step that is done is not done again, as long as what it wrote is still there, so a demo that was stopped goes on with
the same command. What a step makes is removed before it begins: nothing is left of one that was stopped.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

import mmskin_hub
from mmskin_hub.demo.found import LOGS, hash_of, log_of
from mmskin_hub.demo.line import Step, steps
from mmskin_hub.engine.locks import lock
from mmskin_hub.engine.work import atomic, read_json
from mmskin_hub.errors import MissingExtra, MmskinError, OutputExists, WrongUse

MARKER, RECIPE = "demo.json", "mixture.yaml"
NEEDED = ("pymupdf", "datatrove", "trl", "lm_eval")
"""Packages by which it is known that the extra ``demo`` is not installed."""
ROOM = 1 << 30
"""Bytes that must be free on the disk; the demo writes less than a tenth of it."""
FOREIGN = ("HF_", "HUGGING", "TRANSFORMERS_", "MMSKIN_", "ACCELERATE_", "WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_")
"""What the environment says of other work: of the user's Hub, or of a training among whose processes this is one."""
PATTERNS = frozenset("*?[]")
"""What load_dataset, given a folder, does not take as it stands (fsspec's glob)."""
LONGEST = 60
"""Bytes of the path of a folder for temporary files; forty more follow in the name of a socket, and 104 may be."""
TAIL = 15
"""Lines of a step that failed that are shown."""
_AGAIN = 0.2
"""Seconds between two looks at what a step says."""


class Watcher(Protocol):
    """Who is told how far the line is."""

    def begin(self, number: int, step: Step) -> None:
        """A step begins."""

    def says(self, text: str) -> None:
        """What the step under way said last."""

    def end(self, number: int, step: Step, done: Mapping[str, Any], before: bool) -> None:
        """A step is done; ``before`` where an earlier run did it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A demo in the folder ``out``, with books drawn from ``seed``."""

    out: Path
    seed: int = 0


def demo(request: Request, watcher: Watcher) -> dict[str, Any]:
    """Run what is not done yet; returns the record of ``demo.json`` with ``hashes`` of the two datasets (SHA-256).

    Raises :class:`MissingExtra` where a package is missing, and as :func:`walk` does.
    """
    _check_packages()
    record = walk(steps(request.seed), request, watcher)
    record["hashes"] = {name: hash_of(request.out / "data" / name) for name in ("mm-skin", "sft-mm")}
    _write(request.out, record)
    return {"out": str(request.out), **record}


def walk(line: Sequence[Step], request: Request, watcher: Watcher) -> dict[str, Any]:
    """Run the steps of ``line`` that are not done yet in the folder of ``request``; returns the record.

    Raises :class:`OutputExists` where the folder holds something else, :class:`WrongUse` where it holds a demo of
    another seed or version, :class:`MmskinError` where a step fails.
    """
    _refuse_patterns(request.out)
    with _locked(request.out) as held:
        record = _open(request, line)
        with _temporary(request.out) as temporary:
            return _walked(line, record, request.out, _environment(request.out, temporary), held, watcher)


def _walked(
    line: Sequence[Step], record: dict[str, Any], out: Path, environment: Mapping[str, str], held: int, watcher: Watcher
) -> dict[str, Any]:
    known, record["steps"] = record["steps"], {}
    whole = True
    for number, step in enumerate(line):
        done = known.get(step.name)
        whole = whole and done is not None and _still_there(step, out, done["found"])
        if not whole:
            watcher.begin(number, step)
            done = _done(step, out, environment, held, watcher.says)
        record["steps"][step.name] = done
        if not whole:  # what was known of the steps behind this one holds no longer
            _write(out, record)
        watcher.end(number, step, done, whole)
    return record


def _done(
    step: Step, out: Path, environment: Mapping[str, str], held: int, says: Callable[[str], None]
) -> dict[str, Any]:
    """Run ``step``; what the record says of it."""
    began = time.monotonic()
    for path in step.makes:
        shutil.rmtree(out / path, ignore_errors=True)
    _run(step, out, environment, held, says)
    return {"command": step.command, "seconds": round(time.monotonic() - began, 1), "found": _found(step, out)}


def _still_there(step: Step, out: Path, found: str) -> bool:
    try:
        return step.found(out) == found
    except (OSError, KeyError, ValueError, StopIteration):
        return False


def _check_packages() -> None:
    from importlib.util import find_spec

    for package in NEEDED:
        if find_spec(package) is None:
            raise MissingExtra("mmskin demo", "demo", package)


def _refuse_patterns(out: Path) -> None:
    if odd := PATTERNS.intersection(str(out)):
        raise WrongUse(
            f"{out} holds {' and '.join(sorted(odd))}, which the library datasets takes for a pattern of names.",
            "Name another folder with --out",
        )


def _open(request: Request, line: Sequence[Step]) -> dict[str, Any]:
    """The record of the folder, which is made or gone on with."""
    out, version = request.out, mmskin_hub.__version__
    record = {"mmskin_hub": version, "seed": request.seed, "steps": {}}
    try:
        if any(out.iterdir()):
            record = _held(out)
        if (record["mmskin_hub"], record["seed"]) != (version, request.seed):
            raise WrongUse(
                f"{out} holds a demo of seed {record['seed']}, by mmskin {record['mmskin_hub']}.",
                "Delete that folder, or name another with --out",
            )
        if (free := shutil.disk_usage(out).free) < ROOM:
            raise MmskinError(
                f"{out} has {free / 1e9:.1f} GB free, and the demo wants {ROOM / 1e9:.1f} GB.", "Make room."
            )
        _write(out, record)
        for folder in (LOGS, "cache"):
            (out / folder).mkdir(exist_ok=True)
        (out / RECIPE).write_bytes((resources.files("mmskin_hub.demo") / RECIPE).read_bytes())
        (out / "commands.sh").write_text("".join(f"{step.command}\n" for step in line), "utf-8")
    except OSError as error:
        raise WrongUse(f"{out} cannot be used ({error.strerror}).", "Name another folder with --out") from error
    return record


def _held(out: Path) -> dict[str, Any]:
    """The record in the folder ``out``; raises :class:`OutputExists` where there is none."""
    try:
        held: dict[str, Any] = read_json(out / MARKER)
        steps, _ = held["steps"], (held["mmskin_hub"], held["seed"])
        if all(isinstance(done["found"], str) and "seconds" in done for done in steps.values()):
            return held
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise OutputExists(f"{out} holds something else than a demo.", "Name another folder with --out")


@contextmanager
def _locked(out: Path) -> Iterator[int]:
    """Hold the folder ``out``, which is made, for this process and the steps it starts; the lock's descriptor.

    Raises :class:`MmskinError` where another holds it, :class:`WrongUse` where there can be no such folder.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out, os.O_RDONLY)
    except OSError as error:
        raise WrongUse(f"{out} cannot be used ({error.strerror}).", "Name another folder with --out") from error
    try:
        if not lock(handle):
            raise MmskinError(
                f"Another mmskin demo, or a step of one that was killed, is at work in {out}.",
                "Wait for it to end, or name another folder with --out",
            )
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _temporary(out: Path) -> Iterator[Path]:
    """A folder for what libraries put down, removed at the end.

    It lies in ``out`` unless its path is then too long for the sockets of worker processes, which the system cuts at
    about a hundred characters.
    """
    for left in out.glob("tmp-*"):  # by one that was killed
        shutil.rmtree(left, ignore_errors=True)
    inside = len(os.fsencode(out / "tmp")) <= LONGEST
    with tempfile.TemporaryDirectory(prefix="tmp-", dir=out if inside else None, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _write(out: Path, record: Mapping[str, Any]) -> None:
    with atomic(out / MARKER) as temporary:
        temporary.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _environment(out: Path, temporary: Path) -> dict[str, str]:
    """That of this process, but offline, quiet, and with every cache in the demo's folder.

    One thread a process: matrices this small gain nothing by a second, and sums come out alike on any machine.
    """
    found = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    cache = str(out / "cache")
    return {
        **found,
        "HF_HOME": cache,
        "XDG_CACHE_HOME": cache,
        "MPLCONFIGDIR": cache,
        "TMPDIR": str(temporary),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "COLUMNS": "160",
    }


def arguments(command: str) -> list[str]:
    """``command`` as it is run: by this interpreter, whatever PATH has."""
    program, *rest = shlex.split(command)
    return [sys.executable, "-P", *(("-m", "mmskin_hub") if program == "mmskin" else ()), *rest]


def _run(step: Step, out: Path, environment: Mapping[str, str], held: int, says: Callable[[str], None]) -> None:
    """Run ``step`` to its end; raises :class:`MmskinError` where its status is none of those that it may have.

    The step keeps the lock (``held``) too, so that one whose demo was killed is not joined by another.
    """
    said, complained = log_of(out, step.name, "out"), log_of(out, step.name, "err")
    with said.open("wb") as stdout, complained.open("wb") as stderr:
        process = subprocess.Popen(
            arguments(step.command), cwd=out, env=dict(environment), stdin=subprocess.DEVNULL, stdout=stdout,
            stderr=stderr, pass_fds=(held,), start_new_session=True,
        )  # fmt: skip
        try:
            while process.poll() is None:
                time.sleep(_AGAIN)
                says(last_line(complained))
        except BaseException:
            _stop(process)
            raise
    if process.returncode not in step.statuses:
        raise _failed(step, out, process.returncode)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a step and all that it started: asked at first, as by Ctrl-C, and at last not asked."""
    for number, seconds in ((signal.SIGINT, 5), (signal.SIGINT, 5), (signal.SIGTERM, 10), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            break
    with suppress(ProcessLookupError):  # what the step itself left behind
        os.killpg(process.pid, signal.SIGKILL)


def _found(step: Step, out: Path) -> str:
    try:
        return step.found(out)
    except (OSError, KeyError, ValueError, StopIteration) as error:
        raise _failed(step, out, 0) from error


def _failed(step: Step, out: Path, status: int) -> MmskinError:
    log = log_of(out, step.name, "err")
    lines = [line.rstrip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()][-TAIL:]
    told = "".join(f"\n    {line}" for line in lines)
    return MmskinError(
        f"The step “{step.title}” failed (status {status}): {step.command}{told}",
        f"All it said is in {log}; the same mmskin demo goes on there. Something missing? mmskin doctor",
    )


def last_line(log: Path) -> str:
    """The last line of ``log`` with something on it; of a bar that is drawn over itself, the last state."""
    with log.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 2048))
        text = file.read().decode("utf-8", "replace")
    lines = [line for line in text.replace("\r", "\n").splitlines() if line.strip(" \x1b[A")]
    return lines[-1].strip() if lines else ""
