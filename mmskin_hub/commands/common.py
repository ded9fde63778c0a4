"""What several commands share: how their help is set, how they speak, and types of options.

How to speak: :func:`print_json` for programs; for people ``print`` for a sentence, :func:`table` and :func:`show` for
a table, :func:`console` where that is not enough, :func:`teller` for what is under way. See
:mod:`mmskin_hub.terminal` for the rules they keep.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmskin_hub.api.arguments import teller
from mmskin_hub.terminal import console, facts, print_json, show, table

__all__ = [
    "EXITS",
    "Parser",
    "console",
    "facts",
    "positive",
    "print_json",
    "show",
    "table",
    "teller",
]

EXITS: Mapping[int, str] = {0: "done", 1: "failed", 2: "wrong use, or nothing usable", 130: "interrupted (Ctrl-C)"}
"""What the exit status of every command says; a command may add to them, or say it more exactly."""


class Parser(argparse.ArgumentParser):
    """The parser of one command: below its options stand notes, an ``example``, and what its exit status says.

    ``exits`` are added to :data:`EXITS`, or take the place of one of them. A parser without an example, which has
    commands below it, says neither. A command, an option or a choice that is not there is answered with the nearest
    one (argparse's own ``suggest_on_error`` is there from Python 3.14 on only).
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

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        near, known = _nearest(value, action.choices), ", ".join(map(str, action.choices))
        if isinstance(action, argparse._SubParsersAction):
            there = f"did you mean {near!r}?" if near else f"there are: {known}"
            raise argparse.ArgumentError(None, f"there is no {str(action.metavar).lower()} {value!r}; {there}")
        hint = f"did you mean {near!r}? " if near else ""
        raise argparse.ArgumentError(action, f"invalid choice: {value!r} ({hint}choose from {known})")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's own; what is unknown is told by the command it was given to, with the nearest option."""
        given = sys.argv[1:] if args is None else list(args)
        found, unknown = self.parse_known_args(given, namespace)
        if unknown:
            parser = self._called(given)
            near = _nearest(unknown[0].partition("=")[0], parser._option_string_actions)
            hint = f"; did you mean {near}?" if near and unknown[0].startswith("-") else ""
            parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found

    def _called(self, words: Sequence[str]) -> argparse.ArgumentParser:
        """The parser of the command that ``words`` lead to."""
        parser: argparse.ArgumentParser = self
        for word in words:
            below = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
            if below and word in below[0].choices:
                parser = below[0].choices[word]
        return parser


def _nearest(word: Any, known: Iterable[Any]) -> str:
    """The one of ``known`` that ``word`` was probably meant to be; "" where none is near."""
    names = [str(each) for each in known]
    begun = [name for name in names if len(str(word)) > 1 and name.startswith(str(word))]
    return next(iter([*begun, *difflib.get_close_matches(str(word), names, 1, 0.6)]), "")


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
