"""Drawn datasets that may be released, and ``mmskin release`` in processes of its own that can be killed.

A release is run the way a person runs it, through ``mmskin_hub.cli.main``, in a process that dies alone. So that
hundreds of them are affordable, one process (this module run as a script) imports everything once and forks for every
command; there, the pauses before a repeat are shortened, and nothing else is changed.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
DIAGNOSES = ("nv", "mel", "bkl", "bcc", "akiec", "df", "vasc")
SEXES = ("male", "female")


def ham(folder: Path, version: str, pictures: int, rows_a_file: int = 10) -> Path:
    """HAM10000 (which its licence lets us publish) drawn and built for real, with ``rows_a_file`` rows a Parquet file.

    Another number of pictures gives other rows, and other names of files: what the older version had is stale then.
    """
    from mmskin_hub.engine.public import build as core
    from mmskin_hub.registry import PUBLIC
    from tests.builders.drawn_public import lay, picture, table

    columns = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    rows = [
        (f"HAM_{n // 2:07}", f"ISIC_{n:07}", DIAGNOSES[n // 2 % 7], "histo", 20 + n % 60, SEXES[n % 2], "back")
        for n in range(pictures)
    ]
    drawn = {f"HAM10000_images_part_1/{row[1]}.jpg": picture(row[1]) for row in rows}
    raw = lay(folder / f"raw-{version}", {"HAM10000_metadata.csv": table(columns, rows), **drawn})
    spec = importlib.import_module(PUBLIC["ham10000"].module).SPEC
    out = folder / f"ham10000-{version}"
    small = {"ROWS_A_GROUP": rows_a_file, "SHARD_BYTES": 1}
    with contextlib.ExitStack() as stack:
        for name, value in small.items():
            stack.enter_context(mock.patch(f"mmskin_hub.engine.tables.{name}", value))
        core.build(spec, core.Request(raw=raw, out=out, version=version))
    return out


@dataclass(slots=True)
class Done:
    """What became of a command: its exit status (negative: the signal that killed it) and what it printed."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything it printed."""
        return self.out + self.err


class Running:
    """A command under way. ``pid`` is its process."""

    def __init__(self, shop: Workshop, out: Path, err: Path) -> None:
        self.shop, self.out, self.err, self.ended = shop, out, err, False
        self.pid = int(shop.answer()["pid"])

    def kill(self) -> None:
        """kill -9, at once; nothing where it has ended."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Done:
        """Wait for the end."""
        status = int(self.shop.answer()["status"])
        self.ended = True
        return Done(status, self.out.read_text("utf-8", "replace"), self.err.read_text("utf-8", "replace"))


class Workshop:
    """The process that forks. One command at a time; ``environment`` is that of all of them."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.folder, self._count = folder, 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hub.releases"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment,
        )  # fmt: skip

    def start(self, *arguments: str, **environment: str) -> Running:
        """Run ``mmskin`` with ``arguments``."""
        self._count += 1
        out, err, modules = (self.folder / f"{self._count}.{name}" for name in ("out", "err", "modules"))
        order = {"arguments": arguments, "environment": environment}
        order |= {"out": str(out), "err": str(err), "modules": str(modules)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Running(self, out, err)

    def run(self, *arguments: str, **environment: str) -> Done:
        """:meth:`start` and wait."""
        return self.start(*arguments, **environment).wait()

    def answer(self) -> dict[str, Any]:
        """The next line of the forking process."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the forking process is gone"
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


@contextlib.contextmanager
def workshop(environment: dict[str, str], folder: Path) -> Iterator[Workshop]:
    """A :class:`Workshop` for as long as the block lasts."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Workshop(environment, folder)
    try:
        yield made
    finally:
        made.close()


def killer(running: list[Running], pause: float) -> None:
    """Kill what runs, ``pause`` seconds from now and without holding anybody up."""

    def act() -> None:
        time.sleep(pause)
        if running:
            running[-1].kill()

    threading.Thread(target=act, daemon=True).start()


def _work(order: dict[str, Any]) -> None:
    """In the fork: the command itself, then the end of the process."""
    for name, number in (("out", 1), ("err", 2)):
        os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.update(order["environment"])
    pause = time.sleep
    time.sleep = lambda seconds: pause(min(seconds / 50, 0.2))
    if "WATCHED" in os.environ:
        _watch(os.environ["WATCHED"], int(os.environ.get("DIE_AT", 0)))
    from mmskin_hub import cli

    status = 70
    try:
        status = cli.main(order["arguments"])
    except SystemExit as left:
        status = int(left.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    Path(order["modules"]).write_text(json.dumps(sorted(sys.modules)))
    os._exit(status)


def _watch(folder: str, die_at: int) -> None:
    """kill -9 right before this process does the ``die_at``-th thing to the file system below ``folder``; how many it
    did stands beside it in the end."""
    count = itertools.count(1)
    written = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & written):
            return
        if event != "open" and event not in ("os.rename", "os.symlink", "os.mkdir", "os.remove", "os.rmdir"):
            return
        if not any(isinstance(each, str | os.PathLike) and os.fspath(each).startswith(folder) for each in arguments):
            return
        number = next(count)
        if number == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if not die_at:
            os.write(log, f"{number} {event} {arguments[:2]}\n".encode())

    log = os.open(f"{folder}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    sys.addaudithook(hook)


def _learn(modules: Path) -> None:
    """Import what the fork imported, so that the next one finds it here."""
    if modules.exists():
        for name in json.loads(modules.read_text()):
            if name not in sys.modules:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)
        modules.unlink()


def _serve() -> None:
    """Fork for every line; tell the number of the process, then how it ended."""
    for module in ("datasets", "huggingface_hub.hf_api", "mmskin_hub.cli", "mmskin_hub.hub.release"):
        importlib.import_module(module)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            _work(order)
        print(json.dumps({"pid": pid}), flush=True)
        _, how = os.waitpid(pid, 0)
        _learn(Path(order["modules"]))
        print(json.dumps({"status": os.waitstatus_to_exitcode(how)}), flush=True)


if __name__ == "__main__":
    _serve()
