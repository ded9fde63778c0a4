"""What several commands share: types of options, and what the machine has."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from types import ModuleType

from mmskin_hub.errors import MissingExtra
from mmskin_hub.registry import Dataset


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
