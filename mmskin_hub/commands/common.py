"""What several commands share: how their help is set, types of options, and what the machine has."""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from mmskin_hub.errors import MissingExtra
from mmskin_hub.registry import Dataset

EXITS: Mapping[int, str] = {0: "done", 1: "failed", 2: "wrong use, or nothing usable", 130: "interrupted (Ctrl-C)"}
"""What the exit status of every command says; a command may add to them, or say it more exactly."""


class Parser(argparse.ArgumentParser):
    """The parser of one command: below its options stand notes, an ``example``, and what its exit status says.

    ``exits`` are added to :data:`EXITS`, or take the place of one of them. A parser without an example, which has
    commands below it, says neither.
    """

    def __init__(self, *args: Any, example: str = "", exits: Mapping[int, str] | None = None, **kwargs: Any) -> None:
        self.example = example
        self.exits = dict(sorted({**EXITS, **(exits or {})}.items()))
        if example:
            told = "; ".join(f"{status} {what}" for status, what in self.exits.items())
            notes = [kwargs.get("epilog"), f"example:\n  {example}", f"exit status: {told}"]
            kwargs["epilog"] = "\n\n".join(note for note in notes if note)
        kwargs.setdefault("formatter_class", _Help)
        super().__init__(*args, **kwargs)


class _Help(argparse.HelpFormatter):
    """argparse's own, but paragraphs stay apart, and a line that is indented stays as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(
            part if "\n  " in part else textwrap.fill(part, width, initial_indent=indent, subsequent_indent=indent)
            for part in text.split("\n\n")
        )


def positive(text: str) -> int:
    """The type of an option that is a whole number above zero."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return number


def available_cores() -> int:
    """The cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def builder_of(dataset: Dataset) -> ModuleType:
    """The module that builds ``dataset``; raises :class:`MissingExtra` where a package it needs is not installed."""
    try:
        return dataset.load()
    except ImportError as error:
        raise MissingExtra(f"mmskin build {dataset.name}", "build", error.name or str(error)) from error


def teller() -> Callable[[str], None]:
    """What tells a person at a terminal what is under way, on standard error, and keeps silent elsewhere."""
    return _tell if sys.stderr.isatty() else lambda text: None


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
