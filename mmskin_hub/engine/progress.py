"""How far the run is: a bar on a terminal, a line every few seconds elsewhere. All of it goes to standard error.

A terminal that cannot draw (``TERM=dumb``) gets lines as well; with ``NO_COLOR`` the bar moves, but has no colours.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmskin_hub.terminal import console, live

LINE_SECONDS = 10.0


def pages_done(progress: Path, known: dict[str, int]) -> int:
    """The pages done, from the sizes of the files in ``progress``; of the units in ``known``, their page counts.

    ``known`` holds every unit of this run, so that files left by units of another plan do not count.
    """
    done = 0
    for entry in os.scandir(progress):
        if entry.name in known:
            done += min(entry.stat().st_size, known[entry.name])
    return done


@contextmanager
def stage(title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Show ``title`` with ``total`` things to do; yields ``update(done)``."""
    if live():
        with _bar(title, total, unit) as update:
            yield update
    else:
        yield _lines(title, total, unit)


@contextmanager
def _bar(title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True)) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)
        progress.update(task, completed=total)


def _lines(title: str, total: int, unit: str) -> Callable[[int], None]:
    began = said = time.monotonic()
    first: int | None = None

    def update(done: int) -> None:
        nonlocal said, first
        now = time.monotonic()
        first = done if first is None else first
        if now - said < LINE_SECONDS:
            return
        said = now
        rate = (done - first) / (now - began)
        left = f", {(total - done) / rate:.0f} s left" if rate > 0 else ""
        print(f"{title}: {done} of {total} {unit}{left}", file=sys.stderr, flush=True)

    return update
