"""``mmskin demo``: the whole line on two drawn books, in a few minutes, without a GPU or a network."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import Any

from mmskin_hub.api.arguments import path_of
from mmskin_hub.commands.common import print_json


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "demo",
        help="walk the whole line on two drawn books",
        description="Draw two small dermatology books, build MM-Skin from them, train a model of a million parameters "
        "on it, score it before and after, and release both into a folder, with every check on the way. It takes "
        "about five minutes on two cores, needs no GPU, no network and no account, and writes into one folder.",
        epilog="Each step is a command of its own, which is shown, and written to DIR/commands.sh. A demo that was "
        "stopped goes on when the same command is given again.",
        example="mmskin demo",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("mmskin-demo"),
        metavar="DIR",
        help="folder for all of it (default: %(default)s)",
    )
    parser.add_argument("--seed", type=_seed, default=0, metavar="N", help="draws the books (default: %(default)s)")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=_run)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from zero on")
    return int(text)


def _run(args: argparse.Namespace) -> int:
    from mmskin_hub.demo.line import steps
    from mmskin_hub.demo.run import Request, demo
    from mmskin_hub.demo.show import show_table, watcher

    for name in ("SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.default_int_handler)  # the step under way is stopped then, too
    request = Request(path_of(args.out), args.seed)
    with watcher(len(steps(args.seed))) as watching:
        record = demo(request, watching)
    if args.json:
        print_json(record)
    else:
        show_table(record)
    return 0
