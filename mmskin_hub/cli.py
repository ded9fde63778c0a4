"""``mmskin``: parse, call, print. This module, and ``mmskin --help``, load nothing but the standard library."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

import mmskin_hub
from mmskin_hub.commands.common import Parser
from mmskin_hub.errors import MmskinError, NothingUsable, WrongUse
from mmskin_hub.terminal import lost, prepare

CHAPTERS: Mapping[str, tuple[str, ...]] = {
    "start": ("demo", "doctor", "completion"),
    "data": ("datasets", "build", "audit"),
    "training": ("convert", "train", "merge"),
    "evaluation": ("tasks", "eval", "compare"),
    "release": ("card", "release", "rematerialize"),
}
"""The commands as ``mmskin --help`` lists them, in the order of the work; each has its module in ``commands/``."""
EXIT_FAILED, EXIT_NOTHING, EXIT_INTERRUPTED = 1, 2, 130
STATUS = (
    (0, "done"),
    (1, "failed, or refused: a shut gate, an output folder that holds something"),
    (2, "wrong use, or nothing usable"),
    (3, "mmskin audit found overlap, and did not take it away"),
    (EXIT_INTERRUPTED, "interrupted by Ctrl-C; the same command goes on"),
    (143, "mmskin train was asked to leave by SIGTERM, and has saved"),
)
"""What the exit status of ``mmskin`` says."""


def make_parser() -> Parser:
    """The whole command line; every option has a help text, every command an example."""
    parser = Parser(
        prog="mmskin",
        usage="mmskin [-h] [--version] COMMAND ...",
        description="Textbooks and public skin data go in; versioned Hugging Face datasets, and SkinVL models trained "
        "on them, come out.\n\nNew here: mmskin demo walks the whole line on this machine in a few minutes; mmskin "
        "doctor says what is installed.",
    )
    parser.add_argument(
        "--version", action="version", version=f"mmskin {mmskin_hub.__version__}", help="print the version and exit"
    )
    commands = parser.add_subparsers(
        prog="mmskin", dest="command", metavar="COMMAND", required=True, help=argparse.SUPPRESS
    )
    told, known = [], 0
    for chapter, modules in CHAPTERS.items():
        for module in modules:
            import_module(f"mmskin_hub.commands.{module}").add(commands)
        # A module may add more than one command, so what is listed is what it added.
        added = commands._choices_actions[known:]
        known += len(added)
        told.append(f"{chapter}:\n" + "\n".join(f"  {each.dest:<15}{each.help}" for each in added))
    status = "exit status:\n" + "\n".join(f"  {number:<5}{meaning}" for number, meaning in STATUS)
    more = "Options and an example of each: mmskin COMMAND --help"
    parser.epilog = "\n\n".join([*told, status, more])
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is one of :data:`STATUS`.

    Without ``argv`` the process is ours: its streams and its environment are set (:func:`mmskin_hub.terminal.prepare`).
    """
    if argv is None:
        prepare()
    given = sys.argv[1:] if argv is None else argv
    try:
        parser = make_parser()
        if not given:
            parser.print_help()
            return 0
        args = parser.parse_args(given)
        status: int = args.run(args)
    except MmskinError as error:
        print(f"mmskin: error: {error}", file=sys.stderr)
        return EXIT_NOTHING if isinstance(error, (NothingUsable, WrongUse)) else EXIT_FAILED
    except KeyboardInterrupt:
        print("mmskin: interrupted; run the same command to go on.", file=sys.stderr)
        return EXIT_INTERRUPTED
    if (fault := lost()) is not None:
        print(f"mmskin: error: the report could not be written ({fault.strerror}).", file=sys.stderr)
        return EXIT_FAILED
    return status
