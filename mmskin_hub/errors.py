"""The exceptions a user may meet: each says what was wrong, where, and the next command.

Anything that is the user's to mend is a :class:`MmskinError`; the command line prints its text and leaves without a
traceback. Everything else is a defect of ours and keeps its traceback.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class MmskinError(Exception):
    """A mistake or a circumstance the user can do something about. ``remedy`` is the next thing to try."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}\n  {self.remedy}" if self.remedy else self.what

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors travel from worker processes, and the kinds below take other arguments than they keep.
        return _restored, (type(self), self.args, dict(self.__dict__))


def _restored(kind: type[MmskinError], args: tuple[Any, ...], state: dict[str, Any]) -> MmskinError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class WrongUse(MmskinError):
    """The command itself is wrong: an option, or a name that is not there."""


class MissingExtra(MmskinError):
    """A part of the library needs packages that an extra brings."""

    def __init__(self, purpose: str, extra: str, module: str) -> None:
        super().__init__(
            f"{purpose} needs the package {module!r}, which is not installed.",
            f'Install it with: pip install "mmskin-hub[{extra}]"',
        )


class UnreadableBook(MmskinError):
    """A file that cannot be opened as a book: encrypted, truncated, empty, not a PDF. ``reason`` is a reject reason."""

    def __init__(self, reason: str, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.reason = reason


class NothingUsable(MmskinError):
    """The run came to its end and has nothing to publish."""


class OutputExists(MmskinError):
    """The output folder holds something that must not be overwritten unasked."""


class TrainingStopped(MmskinError):
    """A training was asked to leave (SIGTERM) and has saved: it goes on when it is asked to resume."""


def describe(error: BaseException) -> str:
    """One line about an unforeseen ``error``, the same in every run: memory addresses are left out."""
    text = re.sub(r"\s+at 0x[0-9a-fA-F]+", "", " ".join(str(error).split()))
    return f"{type(error).__name__}: {text}"[:300].rstrip(": ")


def name_of(path: str | os.PathLike[str]) -> str:
    """The name of a file as text that can be written anywhere; bytes in it that are not UTF-8 become ``\\xNN``."""
    return os.fsencode(Path(path).name).decode("utf-8", "backslashreplace")


def some(names: Iterable[str], most: int = 3) -> str:
    """``names`` for a sentence: the first ``most`` of them, and how many more there are."""
    found = list(names)
    more = len(found) - most
    return "; ".join(found[:most]) + (f"; and {more:,} more" if more > 0 else "")
