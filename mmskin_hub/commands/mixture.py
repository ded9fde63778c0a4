"""``mmskin build <training mixture>``: the options, and how the record is shown."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.commands.common import show, table
from mmskin_hub.registry import Dataset

_FATES = ("read", "taken", "capped", "test", "leaked", "rejected")


def add(names: Any, dataset: Dataset, common: Sequence[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """The options of a mixture of built datasets, after those ``common`` to all."""
    parser: argparse.ArgumentParser = names.add_parser(
        dataset.name,
        parents=common,
        help=dataset.title,
        description=f"Build {dataset.title}. Rows that repeat what a test split holds are refused.",
        epilog="NAME=PATH: a folder mmskin built, a Hub repository (owner/name@revision), or a table of the original "
        "release with its pictures (train.json:IMAGES, VQA.csv:IMAGES).",
        example=f"mmskin build {dataset.name} --variant mm --data mm_skin=data/mm-skin --out data/sft-mm",
    )
    parser.add_argument(
        "--variant", choices=dataset.configs, required=True, help="mm: MM-Skin; pub: the public sets; pubmm: both"
    )
    parser.add_argument("--data", nargs="+", action="extend", metavar="NAME=PATH", help="the sources")
    parser.add_argument(
        "--mixture", type=Path, metavar="FILE", help="YAML with weights and caps (default: the shipped one)"
    )
    parser.add_argument(
        "--against",
        nargs="+",
        action="extend",
        metavar="[NAME=]PATH",
        help="more datasets whose test split must not be seen; of a table (NAME=FILE[:IMAGES]) every row is a test row",
    )
    parser.add_argument(
        "--allow-leakage", action="store_true", help="keep the rows that test splits know; they are counted, and told"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="decides what a cap leaves, and the order (default: %(default)s)"
    )
    return parser


def warnings(record: dict[str, Any]) -> Iterator[str]:
    """What a reader of the report must not overlook."""
    leakage, absent = record["leakage"], record["absent"]
    if absent:
        yield f"note: without {', '.join(absent)}, which no --data holds."
    if not leakage["checked_against"]:
        yield "warning: no test split was there to compare with; name some with --against."
    if leakage["rows"]:
        fate = "are KEPT (--allow-leakage)" if leakage["allowed"] else "were refused; see rejects.parquet"
        yield f"warning: {leakage['rows']} rows repeat what is in a test split; they {fate}."
    if record["counts"]["rejected"]:
        yield f"warning: {record['counts']['rejected']} rows could not be used; see rejects.parquet."


def show_report(record: dict[str, Any]) -> None:
    """Print the record for people."""
    counts = record["counts"]
    title = f"{record['dataset']} {record['version']}, variant {record['variant']}"
    told = table("source", *_FATES, right=_FATES, title=title)
    for source, configs in counts["sources"].items():
        for config, row in configs.items():
            told.add_row(f"{source}/{config}", *(f"{row[fate]:,}" for fate in _FATES))
    told.add_section()
    told.add_row("all", *(f"{counts[fate]:,}" for fate in _FATES))
    show(told)
    if record["leakage"]["pairs"]:
        columns = ("source", "split", "test set", "reason", "rows")
        told = table(*columns, right=("rows",), title="What test splits know")
        for pair in record["leakage"]["pairs"]:
            names = (pair["source"], pair["split"], pair["test_set"], pair["reason"])
            told.add_row(*names, f"{pair['rows']:,}")
        show(told)
    run = record["run"]
    show(f"{counts['pictures']:,} pictures, {run['seconds']:.1f} s, {run['rows_a_second']:,.0f} rows a second")
