"""``mmskin build <training mixture>``: the options, the call, the report."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmskin_hub.commands.common import available_cores, builder_of, teller
from mmskin_hub.registry import DATASETS, Dataset


def add(names: Any, dataset: Dataset) -> None:
    """The options of a mixture of built datasets."""
    parser = names.add_parser(
        dataset.name,
        help=dataset.title,
        description=f"Build {dataset.title}. Rows that repeat what a test split holds are refused.",
        epilog="NAME=PATH: a folder mmskin built, a Hub repository (owner/name@revision), or a table of the original "
        "release with its pictures (train.json:IMAGES, VQA.csv:IMAGES).",
        example=f"mmskin build {dataset.name} --variant mm --data mm_skin=data/mm-skin --out data/sft-mm",
    )
    parser.add_argument(
        "--variant", choices=dataset.configs, required=True, help="mm: MM-Skin; pub: the public sets; pubmm: both"
    )
    parser.add_argument(
        "--data", action="append", default=[], metavar="NAME=PATH", help="a source; say it once for each"
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write the mixture into")
    parser.add_argument(
        "--version", default="0.1.0", metavar="X.Y.Z", help="version of the mixture (default: %(default)s)"
    )
    parser.add_argument(
        "--mixture",
        type=Path,
        default=None,
        metavar="FILE",
        help="YAML with weights and caps (default: the shipped one)",
    )
    parser.add_argument(
        "--against",
        nargs="+",
        action="extend",
        default=[],
        metavar="[NAME=]PATH",
        help="more datasets whose test split must not be seen; of a table (NAME=FILE[:IMAGES]) every row is a test row",
    )
    parser.add_argument(
        "--allow-leakage", action="store_true", help="keep the rows that test splits know; they are counted, and told"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="decides what a cap leaves, and the order (default: %(default)s)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace whatever OUT holds")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    module = builder_of(DATASETS[args.dataset])
    request = module.Request(
        variant=args.variant,
        data=tuple(args.data),
        out=args.out.expanduser().absolute(),
        version=args.version,
        mixture=args.mixture,
        against=tuple(args.against),
        allow_leakage=args.allow_leakage,
        seed=args.seed,
        threads=available_cores(),
        overwrite=args.overwrite,
    )
    record = module.build(request, teller())
    if args.json:
        print(json.dumps(record, ensure_ascii=False))
    else:
        _print_report(record, request.out)
    _warn(record)
    return 0


def _warn(record: dict[str, Any]) -> None:
    leakage, absent = record["leakage"], record["absent"]
    if absent:
        print(f"note: without {', '.join(absent)}, which no --data holds.", file=sys.stderr)
    if not leakage["checked_against"]:
        print("warning: no test split was there to compare with; name some with --against.", file=sys.stderr)
    if leakage["rows"]:
        fate = "are KEPT (--allow-leakage)" if leakage["allowed"] else "were refused; see rejects.parquet"
        print(f"warning: {leakage['rows']} rows repeat what is in a test split; they {fate}.", file=sys.stderr)
    if record["counts"]["rejected"]:
        print(f"warning: {record['counts']['rejected']} rows could not be used; see rejects.parquet.", file=sys.stderr)


def _print_report(record: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    counts = record["counts"]
    console = Console()
    fates = ("read", "taken", "capped", "test", "leaked", "rejected")
    table = Table(title=f"{record['dataset']} {record['version']}, variant {record['variant']}")
    table.add_column("source")
    for fate in fates:
        table.add_column(fate, justify="right")
    for source, configs in counts["sources"].items():
        for config, row in configs.items():
            table.add_row(f"{source}/{config}", *(f"{row[fate]:,}" for fate in fates))
    table.add_section()
    table.add_row("all", *(f"{counts[fate]:,}" for fate in fates))
    console.print(table)
    if record["leakage"]["pairs"]:
        table = Table("source", "split", "test set", "reason", title="What test splits know")
        table.add_column("rows", justify="right")
        for pair in record["leakage"]["pairs"]:
            names = (pair["source"], pair["split"], pair["test_set"], pair["reason"])
            table.add_row(*names, f"{pair['rows']:,}")
        console.print(table)
    run = record["run"]
    words = f"{counts['pictures']:,} pictures, {run['seconds']:.1f} s, {run['rows_a_second']:,.0f} rows a second"
    console.print(words, highlight=False)
    console.print(f"written to {out}", soft_wrap=True, highlight=False, markup=False)
