"""``mmskin build <dataset made of books>``: the options, the call, the report."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmskin_hub.commands.common import available_cores, builder_of, positive
from mmskin_hub.errors import WrongUse
from mmskin_hub.registry import DATASETS, Dataset


def add(names: Any, dataset: Dataset) -> None:
    """The options of a dataset that is built from books."""
    known = ",".join(dataset.configs)
    parser = names.add_parser(
        dataset.name,
        help=dataset.title,
        description=f"Build {dataset.title}.",
        epilog="A run that was cut short goes on where it stopped when the same command is given again.",
        example=f"mmskin build {dataset.name} ~/books --out data/mm-skin --version 1.0.0",
        exits={0: "done, with a count of what could not be used"},
    )
    parser.add_argument("books", nargs="+", metavar="BOOKS", help="PDF files, folders that hold some, or glob patterns")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write the dataset into")
    parser.add_argument(
        "--version", default="0.1.0", metavar="X.Y.Z", help="version of the dataset (default: %(default)s)"
    )
    parser.add_argument(
        "--configs", default=known, metavar="NAMES", help="configs to build, by commas (default: %(default)s)"
    )
    parser.add_argument(
        "--workers", type=positive, default=None, metavar="N", help="processes to read with (default: all cores)"
    )
    parser.add_argument(
        "--ocr",
        choices=("auto", "rapidocr", "doctr", "none"),
        default="auto",
        help="engine for scanned pages; auto: docTR where its weights are, otherwise RapidOCR (default: %(default)s)",
    )
    parser.add_argument(
        "--split-by",
        choices=("auto", "book", "figure"),
        default="auto",
        help="what stays together in a split; auto is book from five books on, otherwise figure (default: %(default)s)",
    )
    parser.add_argument(
        "--duplicates",
        choices=("pair", "picture"),
        default="pair",
        help="what stands only once: a picture with its words, or a picture, whatever its words (default: %(default)s)",
    )
    _add_vqa(parser)
    parser.add_argument(
        "--min-size",
        type=positive,
        default=64,
        metavar="PX",
        help="reject pictures with a shorter side (default: %(default)s)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=None,
        metavar="DIR",
        help="folder for intermediate results, kept (default: OUT.work, removed once the dataset is complete)",
    )
    parser.add_argument(
        "--executor", choices=("local",), default="local", help="where the work runs (default: %(default)s)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace whatever OUT holds")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=_run)


def _add_vqa(parser: argparse.ArgumentParser) -> None:
    """Who writes the questions of the config open_vqa."""
    group = parser.add_argument_group(
        "questions (config open_vqa)",
        "The rules need no model and no network. An endpoint is any OpenAI-compatible server; its key is read from the "
        "environment variable MMSKIN_VQA_KEY.",
    )
    group.add_argument("--vqa", choices=("rules", "endpoint"), default=None, help="who writes (default: rules)")
    group.add_argument(
        "--vqa-endpoint",
        metavar="URL",
        help='base URL, such as http://127.0.0.1:8000/v1; "hf" for Hugging Face Inference Providers',
    )
    group.add_argument("--vqa-model", metavar="NAME", help="the model as the endpoint knows it")
    group.add_argument(
        "--vqa-prompt", default="open_vqa-1", metavar="NAME", help="version of the prompt (default: %(default)s)"
    )
    group.add_argument(
        "--vqa-concurrency",
        type=positive,
        default=8,
        metavar="N",
        help="requests under way at most (default: %(default)s)",
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
        default=(0.0, 0.0),
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


def _endpoint(args: argparse.Namespace) -> dict[str, Any]:
    """The endpoint's part of the request, empty for the rules."""
    if args.vqa == "rules" and args.vqa_endpoint:
        raise WrongUse("--vqa rules and --vqa-endpoint exclude each other.", "Leave out one of them.")
    if args.vqa == "endpoint" and not args.vqa_endpoint:
        raise WrongUse("--vqa endpoint needs the address of the endpoint.", "Give it with --vqa-endpoint URL.")
    if not args.vqa_endpoint:
        if args.vqa_model:
            raise WrongUse("--vqa-model needs an endpoint.", "Give its address with --vqa-endpoint URL.")
        return {}
    if not args.vqa_model:
        raise WrongUse("--vqa-endpoint needs a model.", "Name it with --vqa-model NAME.")
    from mmskin_hub.derive.vqa.endpoint import EndpointSettings

    settings = EndpointSettings(
        url="" if args.vqa_endpoint == "hf" else args.vqa_endpoint,
        model=args.vqa_model,
        prompt=args.vqa_prompt,
        concurrency=args.vqa_concurrency,
        time_limit=60.0 * args.vqa_time_limit if args.vqa_time_limit else None,
        price_in=args.vqa_prices[0],
        price_out=args.vqa_prices[1],
    )
    return {"endpoint": settings, "cache": (args.vqa_cache or _answers()).expanduser().absolute()}


def _answers() -> Path:
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "mmskin" / "vqa"


def _run(args: argparse.Namespace) -> int:
    from mmskin_hub.engine.limits import worker_context

    dataset = DATASETS[args.dataset]
    worker_context()  # its server loads what the workers need while this process loads what the builder needs
    module = builder_of(dataset)
    request = module.Request(
        books=tuple(args.books),
        out=args.out.expanduser().absolute(),
        version=args.version,
        configs=tuple(dict.fromkeys(name.strip() for name in args.configs.split(",") if name.strip())),
        workers=args.workers or available_cores(),
        ocr=args.ocr,
        split_by=args.split_by,
        duplicates=args.duplicates,
        min_size=args.min_size,
        **_endpoint(args),
        work=args.work.expanduser().absolute() if args.work else None,
        overwrite=args.overwrite,
    )
    record = module.build(request)
    if args.json:
        print(json.dumps(record, ensure_ascii=False))
    else:
        _print_report(record, request.out)
    _warn(record)
    return 0


def _warn(record: dict[str, Any]) -> None:
    reasons = record["counts"]["rejects"]
    books = record["counts"]["books"]["rejected"]
    pages = sum(reasons.get(reason, 0) for reason in ("page_failed", "ocr_failed", "ocr_needed"))
    parts = [f"{number} {name}{'s' * (number != 1)}" for number, name in ((books, "book"), (pages, "page")) if number]
    if parts:
        print(f"warning: {' and '.join(parts)} could not be used; see rejects.parquet.", file=sys.stderr)


def _print_report(record: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    counts, run = record["counts"], record["run"]
    table = Table(title=f"{record['dataset']} {record['version']}", show_header=False)
    table.add_column("what")
    table.add_column("number", justify="right")
    for name in ("pages", "pictures", "figures", "pairs", "published"):
        table.add_row(name, f"{counts[name]:,}")
    for title, numbers in (
        ("by modality", counts["modalities"]),
        ("by split", counts["splits"]),
        ("questions", _questions(counts)),
        ("rejects", counts["rejects"]),
    ):
        if not numbers:
            continue
        table.add_section()
        table.add_row(title, "")
        for name, number in numbers.items():
            table.add_row(f"  {name}", f"{number:,}")
    table.add_section()
    table.add_row("seconds", f"{run['seconds']:.1f}")
    table.add_row("pages a second", f"{run['pages_a_second']:.1f}")
    console = Console()
    console.print(table)
    console.print(f"written to {out}", soft_wrap=True, highlight=False, markup=False)


def _questions(counts: dict[str, Any]) -> dict[str, int]:
    asked = counts.get("questions") or {}
    return {name: asked[name] for name in ("written", "published", "closed", "yes", "no") if name in asked}
