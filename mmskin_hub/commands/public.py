"""``mmskin build <public dataset>``: the options, the call, the report."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmskin_hub.commands.common import available_cores, builder_of, positive, teller
from mmskin_hub.registry import DATASETS, PUBLIC, Dataset

SPLITTERS = ("grouped", "paper", "official")


def add(names: Any, dataset: Dataset) -> None:
    """The options of a dataset that is built from the files of its official source."""
    facts = PUBLIC[dataset.name]
    parser = names.add_parser(
        dataset.name,
        help=dataset.title,
        description=f"Build {dataset.title}.",
        epilog=f"Where to get it: {facts.source}; {facts.how_to_get}. Licence: {facts.licence}.",
        example=f"mmskin build {dataset.name} --raw ~/raw/{dataset.name} --out data/{dataset.name} --version 1.0.0",
    )
    parser.add_argument(
        "--raw",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder of the download; zips in it are read unopened",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write the dataset into")
    parser.add_argument(
        "--version", default="0.1.0", metavar="X.Y.Z", help="version of the dataset (default: %(default)s)"
    )
    parser.add_argument(
        "--split",
        choices=SPLITTERS,
        default="grouped",
        help="grouped: ours, by what must stay together; paper: the original release's test list; official: the "
        f"source's own. Of this dataset: {', '.join(facts.splits)} (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="build what is there; rows without a picture are rejected"
    )
    parser.add_argument(
        "--max-side",
        type=_side,
        default=512,
        metavar="PX",
        help="longer side of a published picture; 0 copies every picture as it is (default: %(default)s)",
    )
    parser.add_argument(
        "--workers", type=positive, default=None, metavar="N", help="threads to work with (default: all cores)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace whatever OUT holds")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=_run)


def _side(text: str) -> int:
    """The type of a number of pixels that may be 0."""
    return 0 if text == "0" else positive(text)


def _run(args: argparse.Namespace) -> int:
    spec = builder_of(DATASETS[args.dataset]).SPEC
    from mmskin_hub.engine.public.build import Request, build

    request = Request(
        raw=args.raw.expanduser(),
        out=args.out.expanduser().absolute(),
        version=args.version,
        split=args.split,
        allow_missing=args.allow_missing,
        max_side=args.max_side,
        threads=args.workers or available_cores(),
        overwrite=args.overwrite,
    )
    record = build(spec, request, teller())
    if args.json:
        print(json.dumps(record, ensure_ascii=False))
    else:
        _print_report(record, request.out)
    _warn(record)
    return 0


def _warn(record: dict[str, Any]) -> None:
    """What a reader of the report must not overlook."""
    main, *others = record["configs"]
    sets = {main: record["counts"], **{name: record["sets"][name]["counts"] for name in others}}
    for config, counts in sets.items():
        of = f" of {config}" if others else ""
        if counts["rejected"]:
            reasons = ", ".join(f"{number:,} {reason}" for reason, number in counts["rejects"].items())
            print(
                f"warning: {counts['rejected']:,} rows{of} could not be used ({reasons}); see rejects.parquet.",
                file=sys.stderr,
            )
        for field, number in counts["cells_not_understood"].items():
            print(f"note: {number:,} cells of {field}{of} were not understood and are null.", file=sys.stderr)
    for what, found in record["counts"]["differs"].items():
        gap = found["here"] - found["expected"]
        print(
            f"note: {what}: {found['here']:,} here, {found['expected']:,} in the full release ({gap:+,}).",
            file=sys.stderr,
        )
    for split, found in record["split"].get("lists", {}).items():
        if found["found"] < found["listed"] or found["other_label"]:
            print(
                f"note: {found['found']:,} of the {found['listed']:,} pictures of the paper's {split} list are here; "
                f"{found['other_label']:,} have another class there.",
                file=sys.stderr,
            )
    if record["split"]["divided"]:
        words = "groups (of one lesion, patient, slide or series) have rows in several splits."
        print(f"warning: {record['split']['divided']:,} {words}", file=sys.stderr)


def _print_report(record: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{record['dataset']} {record['version']}, split {record['split']['how']}")
    table.add_column("config")
    table.add_column("split")
    table.add_column("rows", justify="right")
    for config, splits in record["configs"].items():
        for split, size in splits.items():
            table.add_row(config, split, f"{size['rows']:,}")
    console.print(table)
    if any(record["counts"]["classes"].values()):
        table = Table("class", title="Classes")
        table.add_column("rows", justify="right")
        for name, number in list(record["counts"]["classes"].items())[:30]:
            table.add_row(name, f"{number:,}")
        console.print(table)
    counts, run = record["counts"], record["run"]
    words = f"{counts['read']:,} lines read, {counts['published']:,} published, {counts['rejected']:,} rejected"
    console.print(
        f"{words}; {run['seconds']:.1f} s, {run['pictures_a_second']:,.0f} pictures a second", highlight=False
    )
    console.print(f"licence: {record['licence']}; may be pushed: {record['may_push']}", highlight=False, markup=False)
    console.print(f"written to {out}", soft_wrap=True, highlight=False, markup=False)
