"""``mmskin build``: one command a dataset of the registry, with the options of what it is built from."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from mmskin_hub.api import build
from mmskin_hub.api.arguments import path_of
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import print_json
from mmskin_hub.registry import DATASETS


def add(commands: Any) -> None:
    """The command, and below it one for each dataset.

    ``commands/<source>.py`` has what is particular to what a dataset is built from: ``add`` makes its parser,
    ``show_report`` prints the record, ``warnings`` yields what a reader of it must not overlook.
    """
    parser = commands.add_parser(
        "build",
        help="build a dataset from books, raw data or other datasets",
        description="Build one dataset into a folder: Parquet files, a card, a record, and what was refused.",
        epilog="The options of each: mmskin build DATASET --help",
    )
    names = parser.add_subparsers(dest="dataset", metavar="DATASET", required=True)
    for dataset in DATASETS.values():
        below = _source(dataset.name).add(names, dataset, [_common()])
        take_defaults(below, build)
        below.set_defaults(run=_run)


def _common() -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write the dataset into")
    parser.add_argument("--version", metavar="X.Y.Z", help="version of the dataset (default: %(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace whatever OUT holds")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    return parser


def _source(dataset: str) -> Any:
    return import_module(f"mmskin_hub.commands.{DATASETS[dataset].source}")


def _run(args: argparse.Namespace) -> int:
    record = call(build, args)
    source = _source(args.dataset)
    if args.json:
        print_json(record)
    else:
        source.show_report(record)
        print(f"written to {path_of(args.out)}")
    for warning in source.warnings(record):
        print(warning, file=sys.stderr)
    return 0
