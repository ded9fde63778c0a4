"""``mmskin audit``: which rows of training sets repeat what test sets hold."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.api import audit
from mmskin_hub.api.arguments import path_of
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import print_json, show, table

if TYPE_CHECKING:
    from mmskin_hub.api.records import AuditReport

EXIT_CONTAMINATED = 3
"""The exit status where overlap was found and --fix did not take it away."""


def add(commands: Any) -> None:
    """The options of the command."""
    parser = commands.add_parser(
        "audit",
        help="find what training sets and test sets share",
        description="Find the rows of training sets that repeat what test sets hold: the same id, file, pixels, nearly "
        "the same picture (resized, recompressed, mirrored, cropped), the same lesion, patient, slide or series. Of "
        "the training sets the test split is left out; of test sets, where they have one, only that split counts.",
        epilog="NAME=PATH: a folder that mmskin built, a list of ids (CSV, TSV, JSON, or one id a line; with its "
        "pictures: list.csv:FOLDER), a folder of pictures, or a Hub repository owner/name@revision. Pictures turned by "
        "a quarter or upside down, or with far more than 5 % cut off, are not found by their hash.",
        example="mmskin audit isic=data/isic2019 --against ham=data/ham10000 --out audit",
        exits={0: "nothing found, or --fix took it away", EXIT_CONTAMINATED: "overlap was found"},
    )
    parser.add_argument(
        "train",
        nargs="+",
        metavar="TRAIN",
        help="training sets, as NAME=PATH; PATH is a folder, a list of ids, or a repository owner/name@revision",
    )
    parser.add_argument(
        "--against",
        nargs="+",
        action="extend",
        required=True,
        metavar="TEST",
        help="test sets, likewise",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for report.json, lists of ids to exclude, and a sheet of pictures",
    )
    parser.add_argument(
        "--fix", type=Path, metavar="DIR", help="write the training set without those rows (of several: DIR/NAME)"
    )
    parser.add_argument(
        "--ignore",
        metavar="KINDS",
        help="kinds that are told but exclude nothing, by commas: same_series, …",
    )
    parser.add_argument("--radius", type=int, metavar="BITS", help="of 256, for near-duplicates (default: %(default)s)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="trust the hashes stored with training sets, and do not decode their pictures; test pictures that were "
        "cropped out of them are then missed",
    )
    parser.add_argument(
        "--embeddings",
        metavar="MODEL",
        help="also compare by an image encoder of transformers (extra: audit)",
    )
    parser.add_argument(
        "--similarity",
        type=float,
        metavar="COSINE",
        help="from which two pictures are the same to the encoder (default: %(default)s)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace whatever the folder of --fix holds")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    take_defaults(parser, audit)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    report = call(audit, args)
    if args.json:
        print_json(report)
    else:
        _show(report)
        if args.out:
            print(f"written to {path_of(args.out)}")
    for each in (*report["train"], *report["against"]):
        if each["unreadable"]:
            number = len(each["unreadable"])
            print(f"warning: {number} pictures of {each['name']} could not be read; ids alone count.", file=sys.stderr)
    return EXIT_CONTAMINATED if report["contaminated"] and not report["fixed"] else 0


def _show(report: AuditReport) -> None:
    if report["counts"]:
        columns = ("train", "test", "what", "train rows", "test rows")
        told = table(*columns, right=columns[3:], title="What the training sets share with the test sets")
        for row in report["counts"]:
            kind = f"{row['kind']} (ignored)" if row["kind"] in report["settings"]["ignore"] else row["kind"]
            told.add_row(row["train"], row["test"], kind, f"{row['train_rows']:,}", f"{row['test_rows']:,}")
        show(told)
    for train in report["train"]:
        show(f"{train['name']}: {train['to_exclude']:,} of {train['rows']:,} rows to exclude")
    for fixed in report["fixed"]:
        show(f"{fixed['train']}: {fixed['kept']:,} rows written, {fixed['dropped']:,} dropped")
