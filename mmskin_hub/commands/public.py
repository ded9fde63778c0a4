"""``mmskin build <public dataset>``: the options, and how the record is shown."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from mmskin_hub.api.building import Split
from mmskin_hub.commands.common import positive, show, table
from mmskin_hub.registry import PUBLIC, Dataset

_CLASSES = 30
"""So many classes are shown."""


def add(names: Any, dataset: Dataset, common: Sequence[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """The options of a dataset that is built from the files of its official source, after those ``common`` to all."""
    facts = PUBLIC[dataset.name]
    parser: argparse.ArgumentParser = names.add_parser(
        dataset.name,
        parents=common,
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
    parser.add_argument(
        "--split",
        choices=get_args(Split),
        help="grouped: ours, by what must stay together; paper: the original release's test list; official: the "
        f"source's own. Of this dataset: {', '.join(facts.splits)} (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="build what is there; rows without a picture are rejected"
    )
    parser.add_argument(
        "--max-side",
        type=_side,
        metavar="PX",
        help="longer side of a published picture; 0 copies every picture as it is (default: %(default)s)",
    )
    parser.add_argument("--workers", type=positive, metavar="N", help="threads to work with (default: all cores)")
    return parser


def _side(text: str) -> int:
    """The type of a number of pixels that may be 0."""
    return 0 if text == "0" else positive(text)


def warnings(record: dict[str, Any]) -> Iterator[str]:
    """What a reader of the report must not overlook."""
    main, *others = record["configs"]
    sets = {main: record["counts"], **{name: record["sets"][name]["counts"] for name in others}}
    for config, counts in sets.items():
        of = f" of {config}" if others else ""
        if counts["rejected"]:
            reasons = ", ".join(f"{number:,} {reason}" for reason, number in counts["rejects"].items())
            yield f"warning: {counts['rejected']:,} rows{of} could not be used ({reasons}); see rejects.parquet."
        for field, number in counts["cells_not_understood"].items():
            yield f"note: {number:,} cells of {field}{of} were not understood and are null."
    for what, found in record["counts"]["differs"].items():
        gap = found["here"] - found["expected"]
        yield f"note: {what}: {found['here']:,} here, {found['expected']:,} in the full release ({gap:+,})."
    for split, found in record["split"].get("lists", {}).items():
        if found["found"] < found["listed"] or found["other_label"]:
            yield (
                f"note: {found['found']:,} of the {found['listed']:,} pictures of the paper's {split} list are here; "
                f"{found['other_label']:,} have another class there."
            )
    if record["split"]["divided"]:
        words = "groups (of one lesion, patient, slide or series) have rows in several splits."
        yield f"warning: {record['split']['divided']:,} {words}"


def show_report(record: dict[str, Any]) -> None:
    """Print the record for people."""
    title = f"{record['dataset']} {record['version']}, split {record['split']['how']}"
    told = table("config", "split", "rows", right=("rows",), title=title)
    for config, splits in record["configs"].items():
        for split, size in splits.items():
            told.add_row(config, split, f"{size['rows']:,}")
    show(told)
    if any(record["counts"]["classes"].values()):
        told = table("class", "rows", right=("rows",), title="Classes")
        for name, number in list(record["counts"]["classes"].items())[:_CLASSES]:
            told.add_row(name, f"{number:,}")
        show(told)
    counts, run = record["counts"], record["run"]
    words = f"{counts['read']:,} lines read, {counts['published']:,} published, {counts['rejected']:,} rejected"
    show(f"{words}; {run['seconds']:.1f} s, {run['pictures_a_second']:,.0f} pictures a second")
    show(f"licence: {record['licence']}; may be pushed: {record['may_push']}")
