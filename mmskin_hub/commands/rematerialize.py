"""``mmskin rematerialize``: the options, the call, the report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.api import rematerialize
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import positive, print_json

if TYPE_CHECKING:
    from mmskin_hub.api.records import RematerializeReport


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "rematerialize",
        help="make a dataset again from its locator and your books or data",
        description="Make the dataset of a locator release again, byte for byte, from the same books, raw data or "
        "parts. Every Parquet file is verified by its SHA-256.",
        example="mmskin rematerialize me/mm-skin@v1.0.0 --books ~/books --out data/mm-skin",
        exits={
            0: "the dataset is in OUT, and identical",
            1: "something differs, and the list says what; what could be made lies in OUT.differs",
        },
    )
    parser.add_argument("locator", metavar="LOCATOR", help="owner/name@vX.Y.Z on the Hub, or a folder")
    parser.add_argument(
        "--books",
        nargs="+",
        action="extend",
        metavar="BOOKS",
        help="your PDF files, folders that hold some, or glob patterns; names do not matter, more do no harm",
    )
    parser.add_argument("--raw", type=Path, metavar="DIR", help="of a public dataset: its download")
    parser.add_argument("--data", nargs="+", action="extend", metavar="NAME=PATH", help="of a mixture: its parts")
    parser.add_argument(
        "--against",
        nargs="+",
        action="extend",
        metavar="[NAME=]PATH",
        help="of a mixture: the other datasets it was compared with",
    )
    parser.add_argument("--mixture", type=Path, metavar="FILE", help="of a mixture: its YAML with weights and caps")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write the dataset into")
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="DIR",
        help="folder of the answers of the model that wrote questions",
    )
    parser.add_argument("--vqa-model", metavar="NAME", help="that model's whole name, where the locator withholds it")
    parser.add_argument("--workers", type=positive, metavar="N", help="processes to work with (default: all cores)")
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="folder for intermediate results of books, kept (default: OUT.remade.work, removed at the end)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace whatever OUT holds")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    take_defaults(parser, rematerialize)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    report = call(rematerialize, args)
    if args.json:
        print_json(report)
    else:
        _print_report(report)
    return 0 if report["identical"] else 1


def _print_report(report: RematerializeReport) -> None:
    name = f"{report['dataset']} {report['version']}"
    if report["identical"]:
        print(f"{name}: {len(report['files'])} Parquet files, each identical by SHA-256.\nwritten to {report['out']}")
        return
    print(f"{name} could not be made again byte for byte:", file=sys.stderr)
    for found in report["differences"]:
        print(f"  {found['text']}", file=sys.stderr)
    if report["out"]:
        print(f"what could be made lies in {report['out']}", file=sys.stderr)
