"""``mmskin``: parse, call, print. This module, and ``mmskin --help``, load nothing but the standard library."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import mmskin_hub
from mmskin_hub.errors import MmskinError, NothingUsable, WrongUse
from mmskin_hub.registry import DATASETS

COMMANDS = ("datasets", "audit", "tasks", "eval", "compare")
"""The commands beside ``build``; each has its module in ``commands/``."""
EXIT_FAILED, EXIT_NOTHING, EXIT_INTERRUPTED = 1, 2, 130


def make_parser() -> argparse.ArgumentParser:
    """The whole command line; every option has a help text."""
    parser = argparse.ArgumentParser(
        prog="mmskin", description="Dermatology textbooks and public skin data become versioned datasets."
    )
    parser.add_argument(
        "--version", action="version", version=f"mmskin {mmskin_hub.__version__}", help="print the version and exit"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    build = commands.add_parser("build", help="build a dataset", description="Build one dataset into a folder.")
    names = build.add_subparsers(dest="dataset", metavar="DATASET", required=True)
    for dataset in DATASETS.values():
        import_module(f"mmskin_hub.commands.{dataset.source}").add(names, dataset)
    for command in COMMANDS:
        import_module(f"mmskin_hub.commands.{command}").add(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 1 (failed), 2 (wrong use, or nothing usable), 3 (an audit found
    overlap) or 130 (Ctrl-C)."""
    args = make_parser().parse_args(argv)
    try:
        status: int = args.run(args)
    except MmskinError as error:
        print(f"mmskin: error: {error}", file=sys.stderr)
        return EXIT_NOTHING if isinstance(error, (NothingUsable, WrongUse)) else EXIT_FAILED
    except KeyboardInterrupt:
        print("mmskin: interrupted; run the same command to go on.", file=sys.stderr)
        return EXIT_INTERRUPTED
    return status
