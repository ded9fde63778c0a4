"""``mmskin build``: one command a dataset of the registry, with the options of what it is built from."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mmskin_hub.registry import DATASETS


def add(commands: Any) -> None:
    """The command, and below it one for each dataset."""
    parser = commands.add_parser(
        "build",
        help="build a dataset from books, raw data or other datasets",
        description="Build one dataset into a folder: Parquet files, a card, a record, and what was refused.",
        epilog="The options of each: mmskin build DATASET --help",
    )
    names = parser.add_subparsers(dest="dataset", metavar="DATASET", required=True)
    for dataset in DATASETS.values():
        import_module(f"mmskin_hub.commands.{dataset.source}").add(names, dataset)
