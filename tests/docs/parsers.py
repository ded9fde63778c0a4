"""The parsers of the command line, by the names that lead to them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmskin_hub.commands.common import Parser


def children(parser: argparse.ArgumentParser) -> dict[str, Parser]:
    """The commands right below a parser."""
    return {
        name: child
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, child in action.choices.items()
    }


def leaves(parser: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Parser]:
    """Every command that does something, by its names."""
    found: dict[tuple[str, ...], Parser] = {}
    for name, child in children(parser).items():
        found.update(leaves(child, (*path, name)) or {(*path, name): child})
    return found


def leaf_of(parser: Parser, words: Sequence[str]) -> Parser | None:
    """The command that ``words`` begin with, or the nearest above it; ``None`` where the first word is none."""
    found = None
    below = children(parser)
    for word in words:
        if word not in below:
            break
        found = below[word]
        below = children(found)
    return found
