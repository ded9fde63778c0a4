"""``mmskin datasets``: the public datasets, what they hold, what may be done with them, and how to get them."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from mmskin_hub.commands.common import facts, print_json
from mmskin_hub.errors import WrongUse
from mmskin_hub.registry import PUBLIC, PublicDataset

PUSH = {
    "yes": "yes, with attribution",
    "no": "no",
    "labels": "labels yes, pictures no",
    "gated": "yes, behind an agreement",
}


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "datasets",
        help="list the public datasets",
        description="List the public datasets: modality, classes, sizes, licence, source, what may be pushed.",
        epilog="A star marks the eight that models are judged on.",
        example="mmskin datasets ham10000",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="tell all about these, and how to get them")
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    unknown = [name for name in args.names if name not in PUBLIC]
    if unknown:
        raise WrongUse(f"There is no public dataset {unknown[0]!r}.", f"There are: {', '.join(PUBLIC)}")
    chosen = [PUBLIC[name] for name in args.names] or list(PUBLIC.values())
    if args.json:
        print_json([_row(dataset) for dataset in chosen])
        return 0
    if args.names:
        print("\n\n".join(_whole(dataset) for dataset in chosen))
        return 0
    print(_table(chosen))
    return 0


def _row(dataset: PublicDataset) -> dict[str, Any]:
    return {**asdict(dataset), "module": dataset.module}


def _table(chosen: list[PublicDataset]) -> str:
    """The list without any package: columns as wide as their widest cell."""
    rows = [("name", "modality", "classes", "images", "licence", "push", "split by", "source")]
    rows += [
        (
            dataset.name + ("*" if dataset.benchmark else ""),
            ", ".join(dataset.modality) or "mixed",
            str(len(dataset.classes) or "-"),
            f"{dataset.images:,}" if dataset.images else "-",
            dataset.licence,
            dataset.may_push,
            ", ".join(dataset.group_by) or "picture",
            dataset.source,
        )
        for dataset in chosen
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    told = "* one of the eight benchmarks. How to get one: mmskin datasets NAME"
    return "\n".join((lines[0], "-" * len(lines[0]), *lines[1:], "", told))


def _whole(dataset: PublicDataset) -> str:
    counts = dataset.per_class
    classes = ", ".join(f"{name} ({counts[name]:,})" if name in counts else name for name in dataset.classes)
    told = {
        "modality": ", ".join(dataset.modality) or "mixed",
        "images": f"{dataset.images:,}" if dataset.images else "not stated",
        "classes": classes or "those that occur",
        "licence": dataset.licence,
        "may be pushed": PUSH[dataset.may_push],
        "source": dataset.source,
        "how to get it": dataset.how_to_get,
        "split by": ", ".join(dataset.group_by) or "picture",
        "splits": ", ".join(dataset.splits) + ("" if "paper" in dataset.splits else " (the paper has no list of it)"),
        "build": f"mmskin build {dataset.name} --raw DIR --out data/{dataset.name}",
    }
    mark = " (one of the eight benchmarks)" if dataset.benchmark else ""
    return f"{dataset.name}: {dataset.title}{mark}\n{facts(told.items())}"
