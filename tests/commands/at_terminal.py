"""A command on a terminal that is none: a pseudo-terminal, with what it was sent."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MMSKIN = (sys.executable, "-m", "mmskin_hub")
TELLING = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


def environment(**more: str) -> dict[str, str]:
    """The environment without what says how a terminal looks, and with ``more``."""
    kept = {name: value for name, value in os.environ.items() if name not in TELLING}
    return {**kept, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **more}


def piped(command: Sequence[str], cwd: Path = ROOT, **more: str) -> subprocess.CompletedProcess[str]:
    """A command whose standard output and standard error are pipes."""
    return subprocess.run(
        list(command), capture_output=True, text=True, cwd=cwd, env=environment(**more), timeout=120, check=False
    )


def on_terminal(
    command: Sequence[str], columns: int = 80, cwd: Path = ROOT, typed: Mapping[str, str] | None = None, **more: str
) -> tuple[int, str]:
    """The exit status of a command on a terminal of ``columns``, and all it wrote.

    ``typed`` is what is typed once a text has been seen: {"$ ": "exit\\r"}; each answers once, in this order.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        list(command), stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=environment(**more), start_new_session=True
    )
    os.close(slave)
    waiting, seen, told = list((typed or {}).items()), 0, b""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if not select.select([master], [], [], 1)[0]:
            continue
        part = b""
        with contextlib.suppress(OSError):  # Linux says EIO where the other end is closed
            part = os.read(master, 65536)
        if not part:
            break
        told += part
        while waiting and (at := told.find(waiting[0][0].encode(), seen)) >= 0:
            seen = at + len(waiting[0][0].encode())
            os.write(master, waiting.pop(0)[1].encode())
    else:
        process.kill()
    os.close(master)
    return process.wait(), told.decode("utf-8", "replace")
