"""``mmskin build <dataset made of books>``: the options, and how the record is shown."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from mmskin_hub.api.building import Duplicates, Executor, Ocr, SplitBy, Writer
from mmskin_hub.commands.common import positive, show, table
from mmskin_hub.registry import Dataset


def add(names: Any, dataset: Dataset, common: Sequence[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """The options of a dataset that is built from books, after those ``common`` to all."""
    parser: argparse.ArgumentParser = names.add_parser(
        dataset.name,
        parents=common,
        help=dataset.title,
        description=f"Build {dataset.title}.",
        epilog="A run that was cut short goes on where it stopped when the same command is given again.",
        example=f"mmskin build {dataset.name} ~/books --out data/mm-skin --version 1.0.0",
        exits={0: "done, with a count of what could not be used"},
    )
    parser.add_argument("books", nargs="+", metavar="BOOKS", help="PDF files, folders that hold some, or glob patterns")
    parser.add_argument("--configs", metavar="NAMES", help="configs to build, by commas (default: %(default)s)")
    parser.add_argument("--workers", type=positive, metavar="N", help="processes to read with (default: all cores)")
    parser.add_argument(
        "--ocr",
        choices=get_args(Ocr),
        help="engine for scanned pages; auto: docTR where its weights are, otherwise RapidOCR (default: %(default)s)",
    )
    parser.add_argument(
        "--split-by",
        choices=get_args(SplitBy),
        help="what stays together in a split; auto is book from five books on, otherwise figure (default: %(default)s)",
    )
    parser.add_argument(
        "--duplicates",
        choices=get_args(Duplicates),
        help="what stands only once: a picture with its words, or a picture, whatever its words (default: %(default)s)",
    )
    _add_vqa(parser)
    parser.add_argument(
        "--min-size",
        type=positive,
        metavar="PX",
        help="reject pictures with a shorter side (default: %(default)s)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="folder for intermediate results, kept (default: OUT.work, removed once the dataset is complete)",
    )
    parser.add_argument("--executor", choices=get_args(Executor), help="where the work runs (default: %(default)s)")
    return parser


def _add_vqa(parser: argparse.ArgumentParser) -> None:
    """Who writes the questions of the config open_vqa."""
    group = parser.add_argument_group(
        "questions (config open_vqa)",
        "The rules need no model and no network. An endpoint is any OpenAI-compatible server; its key is read from the "
        "environment variable MMSKIN_VQA_KEY.",
    )
    group.add_argument("--vqa", choices=get_args(Writer), help="who writes (default: rules)")
    group.add_argument(
        "--vqa-endpoint",
        metavar="URL",
        help='base URL, such as http://127.0.0.1:8000/v1; "hf" for Hugging Face Inference Providers',
    )
    group.add_argument("--vqa-model", metavar="NAME", help="the model as the endpoint knows it")
    group.add_argument("--vqa-prompt", metavar="NAME", help="version of the prompt (default: %(default)s)")
    group.add_argument(
        "--vqa-concurrency", type=positive, metavar="N", help="requests under way at most (default: %(default)s)"
    )
    group.add_argument(
        "--vqa-time-limit",
        type=positive,
        metavar="MINUTES",
        help="ask no longer than this; the same command goes on later (default: no limit)",
    )
    group.add_argument(
        "--vqa-prices",
        type=_prices,
        metavar="IN,OUT",
        help="prices of a million tokens, to show the cost so far",
    )
    group.add_argument(
        "--vqa-cache",
        type=Path,
        metavar="DIR",
        help="folder the answers are kept in, so that nothing is asked twice "
        "(default: mmskin/vqa in the cache of Hugging Face)",
    )


def _prices(text: str) -> tuple[float, float]:
    try:
        price_in, price_out = (float(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not two numbers, such as 0.15,0.60") from error
    if not all(0 <= price < float("inf") for price in (price_in, price_out)):
        raise argparse.ArgumentTypeError(f"{text!r}: a price is a number from zero on")
    return price_in, price_out


def warnings(record: dict[str, Any]) -> Iterator[str]:
    """What a reader of the report must not overlook."""
    reasons = record["counts"]["rejects"]
    books = record["counts"]["books"]["rejected"]
    pages = sum(reasons.get(reason, 0) for reason in ("page_failed", "ocr_failed", "ocr_needed"))
    parts = [f"{number} {name}{'s' * (number != 1)}" for number, name in ((books, "book"), (pages, "page")) if number]
    if parts:
        yield f"warning: {' and '.join(parts)} could not be used; see rejects.parquet."


def show_report(record: dict[str, Any]) -> None:
    """Print the record for people."""
    counts, run = record["counts"], record["run"]
    told = table("what", "number", right=("number",), title=f"{record['dataset']} {record['version']}", header=False)
    for name in ("pages", "pictures", "figures", "pairs", "published"):
        told.add_row(name, f"{counts[name]:,}")
    for title, numbers in (
        ("by modality", counts["modalities"]),
        ("by split", counts["splits"]),
        ("questions", _questions(counts)),
        ("rejects", counts["rejects"]),
    ):
        if not numbers:
            continue
        told.add_section()
        told.add_row(title, "")
        for name, number in numbers.items():
            told.add_row(f"  {name}", f"{number:,}")
    told.add_section()
    told.add_row("seconds", f"{run['seconds']:.1f}")
    told.add_row("pages a second", f"{run['pages_a_second']:.1f}")
    show(told)


def _questions(counts: dict[str, Any]) -> dict[str, int]:
    asked = counts.get("questions") or {}
    return {name: asked[name] for name in ("written", "published", "closed", "yes", "no") if name in asked}
