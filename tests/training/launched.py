"""Stands in for ``accelerate launch`` (``launched.py accelerate N HOW``) and for a process that trains (``HOW``).

Like accelerate's own launchers it starts its processes, waits, and makes status 1 of every other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.training.process import worker
from mmskin_hub.training.stopping import Notice, Terminated


def accelerate(count: int, how: str) -> int:
    children = [
        subprocess.Popen(
            [sys.executable, __file__, how], env={**os.environ, "RANK": str(rank), "WORLD_SIZE": str(count)}
        )
        for rank in range(count)
    ]
    statuses = [child.wait() for child in children]
    return 1 if any(statuses) else 0


def wait_to_be_asked(seconds: float = 60) -> None:
    notice = Notice()
    notice.install()
    os.write(1, b"training\n")  # in one piece: two processes write here
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if notice.heard:
            time.sleep(0.3)  # the checkpoint
            os.write(1, b"saved\n")
            raise Terminated("saved")
        time.sleep(0.01)
    raise RuntimeError("nobody asked")


def train(how: str) -> None:
    rank = os.environ["RANK"]
    if how == "asked":
        wait_to_be_asked()
    elif how == "error":
        raise MmskinError(f"Row r1 of process {rank} is bad.", "Mend it.")
    elif how == "wrong":
        raise WrongUse("There is no such key.", "Did you mean another?")
    elif how == "defect":
        raise ZeroDivisionError
    elif how == "one fails":
        if rank == "1":
            raise MmskinError("Process 1 met a bad row.", "Mend it.")
        time.sleep(60)  # in a collective that never comes
    elif how == "killed":
        os.kill(os.getpid(), 9)


if __name__ == "__main__":
    if sys.argv[1] == "accelerate":
        sys.exit(accelerate(int(sys.argv[2]), sys.argv[3]))
    sys.exit(worker(lambda: train(sys.argv[1])))
