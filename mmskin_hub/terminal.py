"""What the house writes, and for whom: tables on standard output, progress on standard error, JSON for programs.

The rules, in one place:

- Colours and styles only on a terminal that has them: none where ``NO_COLOR`` is set (not empty), where ``TERM`` is
  dumb, or in a pipe or a file, unless ``FORCE_COLOR`` asks for them there. rich's own reading of ``NO_COLOR`` drops
  colours but keeps bold and italics (``Console.no_color``), so its colour system is taken away instead.
- A table is never cut. On a terminal, and wherever ``COLUMNS`` is set, cells that are too wide are folded; in a pipe or
  a file a table is as wide as it needs to be, so that an id or a path stays in one piece. rich would take 80 columns.
- What moves is drawn on a terminal only; elsewhere there is a line now and then. The bars of datasets, transformers
  and huggingface_hub are switched off there by the environment variables that they read when they are imported.
- A reader that left early (``mmskin tasks | head -1``) changes nothing: the work goes on, and the exit status is that
  of the work.

This module loads the standard library only; rich comes in where something is drawn.
"""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console
    from rich.table import Table

WIDE = 10_000
"""Columns of a pipe or a file: more than any table has."""
DUMB = ("dumb", "unknown")
"""Values of ``TERM`` that mean a terminal without control codes; rich has the same two."""
NO_BARS = ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS", "TQDM_DISABLE")
"""Read by huggingface_hub (transformers asks it), by datasets, and by tqdm itself when they are imported.

The bar of transformers' Trainer is tqdm's own; what it logs at each step is printed all the same.
"""


def live() -> bool:
    """Whether standard error is a terminal that something may move on."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in DUMB


def console(*, stderr: bool = False) -> Console:
    """A rich console for standard output or standard error that keeps the rules of this module.

    What is printed is taken as it is: markup, emoji codes and highlighting are off.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # Both must be given, or rich looks for a terminal and takes its size.
    width, height = (None, None) if stream.isatty() else (_columns() or WIDE, 25)
    return Console(
        stderr=stderr,
        color_system="auto" if _styled(stream) else None,
        width=width,
        height=height,
        markup=False,
        emoji=False,
        highlight=False,
    )


def table(*columns: str, right: Collection[str] = (), title: str = "", header: bool = True) -> Table:
    """A rich table of ``columns``, those in ``right`` to the right, whose cells are folded rather than cut."""
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", show_header=header)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def show(*parts: Table | str) -> None:
    """Print tables and sentences on standard output, whole: no column is cut, no sentence is broken."""
    out = console()
    for part in parts:
        if isinstance(part, str):
            out.print(part, soft_wrap=True)
            continue
        for column in part.columns:
            column.overflow, column.no_wrap = "fold", False  # rich cuts what may not be wrapped
        out.print(part)


def facts(rows: Iterable[tuple[str, str]], indent: int = 2) -> str:
    """Names and what is said of each, in two columns; lines are broken between words to suit a terminal.

    A name that repeats the one above it is left out.
    """
    told = list(rows)
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else _columns() or WIDE
    width = max((len(name) for name, _ in told), default=0) + 2
    lines, before = [], ""
    for name, text in told:
        lead = f"{' ' * indent}{'' if name == before else name:<{width}}"
        rest = " " * len(lead)
        lines.append(
            textwrap.fill(text, max(40, room), initial_indent=lead, subsequent_indent=rest,
                          break_on_hyphens=False, break_long_words=False)
        )  # fmt: skip
        before = name
    return "\n".join(lines)


def print_json(value: Any) -> None:
    """Print ``value`` as one line of JSON on standard output; a number that JSON does not have (NaN) becomes null."""
    # What the encoding cannot say is written as JSON says it, not as Python would.
    plain = (sys.stdout.encoding or "utf-8").lower().replace("-", "") != "utf8"
    print(json.dumps(_finite(value), ensure_ascii=plain, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


def _columns() -> int:
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() else 0


def _styled(stream: IO[str]) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (
        stream.isatty() and os.environ.get("TERM", "").lower() not in DUMB
    )  # fmt: skip


def prepare() -> None:
    """Set the streams and the environment of a process that is ours, and of those it starts, to these rules."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
    if not live():
        for name in NO_BARS:
            os.environ.setdefault(name, "1")
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None or stream is not getattr(sys, f"__{name}__") or not isinstance(stream, io.TextIOWrapper):
            continue  # somebody else has taken it over
        # File names that are not UTF-8, and encodings that lack a sign, are escaped rather than fatal.
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
            continue
        stream.flush()
        buffer = io.BufferedWriter(_Patient(number, "wb", closefd=False))
        lines = name == "stderr"
        made = io.TextIOWrapper(buffer, stream.encoding, "backslashreplace", line_buffering=lines, write_through=lines)
        setattr(sys, name, made)


_LOST: list[OSError] = []


def lost() -> OSError | None:
    """Why something that was printed could not be written, a full disk say; ``None`` where all of it was."""
    with suppress(OSError):
        sys.stdout.flush()
    return next(iter(_LOST), None)


class _Patient(io.FileIO):
    """A stream whose reader may leave, and whose disk may be full: what cannot be written is dropped.

    A reader that left did so on purpose; any other fault is kept for :func:`lost`.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            pass
        except OSError as error:
            _LOST.append(error)
        return memoryview(data).nbytes
