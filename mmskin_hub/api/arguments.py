"""What the functions of the API take: places, names and choices, brought into the form that the rooms below expect."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from mmskin_hub.errors import WrongUse

Place = str | os.PathLike[str]
"""A folder or a file; ``~`` and relative paths are resolved. Where a place may be on the Hub too,
``owner/name@revision``."""
Places = Mapping[str, Place | Sequence[Place]] | Sequence[Place] | Place
"""Datasets and where they are: ``{"ham10000": "data/ham10000"}``, or ``"NAME=PLACE"`` as the command line has it, one
or several."""
Names = Sequence[str] | str
"""Names, or one string that holds them, parted by commas."""


def path_of(place: Place) -> Path:
    """``place`` as an absolute path; raises :class:`WrongUse` where it is empty, or in the home of an unknown user."""
    if not os.fspath(place):
        raise WrongUse("A place is empty.", 'Name a file or a folder; that where you stand is "."')
    if "\0" in str(place):
        raise WrongUse(f"{place!r} holds a null byte, as no name of a file can.", "Name another.")
    try:
        return Path(place).expanduser().absolute()
    except RuntimeError as error:
        raise WrongUse(f"{place}: there is no such user here.", "Say the whole path.") from error
    except FileNotFoundError as error:
        raise WrongUse("The folder in which this runs is not there any more.", "Go to another one: cd") from error


def path_or_none(place: Place | None) -> Path | None:
    """The same of a place that may be left out."""
    return None if place is None else path_of(place)


def text_of(place: Place) -> str:
    """``place`` as text, ``~`` resolved; whatever is no path (``owner/name``, an address) stays as it is."""
    text = os.fspath(place)
    return str(path_of(text)) if text.startswith("~") else text


def several(places: Sequence[Place] | Place) -> tuple[str, ...]:
    """One place or several, as texts."""
    return tuple(text_of(each) for each in ([places] if isinstance(places, str | os.PathLike) else places))


def named(places: Places) -> tuple[str, ...]:
    """Datasets as the command line has them, ``NAME=PLACE`` each, in the order given."""
    if not isinstance(places, Mapping):
        return several(places)
    return tuple(f"{name}={place}" for name, found in places.items() for place in several(found))


def where_of(places: Places) -> dict[str, str]:
    """The place of each dataset; raises :class:`WrongUse` where a dataset has several, or none."""
    if not isinstance(places, Mapping):
        from mmskin_hub.evals.locations import parse_where

        return parse_where(several(places))
    found = {name: several(place) for name, place in places.items()}
    for name, given in found.items():
        if len(given) != 1:
            raise WrongUse(f"data: {name} is at {len(given)} places.", "Name one for each dataset.")
    return {name: given[0] for name, given in found.items()}


def names_of(names: Names) -> tuple[str, ...]:
    """Names one by one, each once, in the order given."""
    parts = (part.strip() for text in ([names] if isinstance(names, str) else names) for part in text.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def check_choice(name: str, value: str | None, kind: Any, known: Sequence[str] = ()) -> None:
    """Raise :class:`WrongUse` where ``value`` is none of the Literal ``kind``; the command line asks argparse."""
    there = known or get_args(kind)
    if value not in there:
        raise WrongUse(f"{name}={value!r} is not known.", f"There are: {', '.join(map(repr, there))}")


def check_whole(name: str, value: int | None, least: int = 1, optional: bool = True) -> None:
    """Raise :class:`WrongUse` where ``value`` is no whole number from ``least`` on, nor ``None`` where it may be."""
    if not (optional and value is None) and (not isinstance(value, int) or isinstance(value, bool) or value < least):
        raise WrongUse(f"{name}={value!r} is not a whole number from {least} on.", "Leave it out for the default.")


def available_cores() -> int:
    """The cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def teller() -> Callable[[str], None]:
    """What tells a person at a terminal what is under way, on standard error, and keeps silent elsewhere."""
    return _tell if sys.stderr is not None and sys.stderr.isatty() else lambda text: None


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
