"""``mmskin release``: a dataset or a model goes to the Hub complete, checked, versioned and lawful, or not at all."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmskin_hub.commands.common import teller
from mmskin_hub.errors import MissingExtra

EXIT_REFUSED = 1
"""The exit status where the gate is shut."""
_EXITS = {
    0: "released, or released before with the same content",
    EXIT_REFUSED: "the gate is shut, or the Hub failed",
    2: "wrong use, or the version exists with other content",
}


def add(commands: Any) -> None:
    """The command, for a dataset and for a model."""
    parser = commands.add_parser(
        "release",
        help="put a dataset or a model on the Hub",
        description="Check a dataset or a model, write its card from its records, and put it on the Hub in one commit "
        "with a tag, which is then downloaded again and compared. The same command finishes what was interrupted.",
        epilog="The options of each: mmskin release dataset --help, mmskin release model --help",
    )
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    dataset = kinds.add_parser(
        "dataset",
        help="release a dataset that mmskin built",
        description="Release the dataset in DIR. Without its rights it goes out as a locator: no picture and no "
        "sentence, but all it takes to make the same dataset again from the same books or raw data.",
        example="mmskin release dataset data/ham10000 --repo me/ham10000 --dry-run",
        exits=_EXITS,
    )
    dataset.add_argument("folder", type=Path, metavar="DIR", help="folder that mmskin build wrote")
    dataset.add_argument(
        "--i-hold-the-rights",
        action="store_true",
        help="I may pass on the pictures and texts in it (recorded on the card); with --private only",
    )
    dataset.add_argument("--full", action="store_true", help="fail rather than release a locator")
    model = kinds.add_parser(
        "model",
        help="release a model that mmskin trained",
        description="Release the model, or the adapter, in DIR, with its results and the audits of its data.",
        example="mmskin release model merged/pubmm --repo me/SkinVL-PubMM --results runs/a --audit audit/report.json "
        "--data me/sft-pubmm@v1.0.0",
        exits=_EXITS,
    )
    model.add_argument("folder", type=Path, metavar="DIR", help="folder that mmskin train or mmskin merge wrote")
    model.add_argument("--results", type=Path, metavar="DIR", help="folder of the mmskin eval of these weights")
    model.add_argument(
        "--data",
        nargs="+",
        action="extend",
        default=[],
        metavar="REPO@TAG",
        help="what it was trained on, released before: OWNER/NAME@vX.Y.Z",
    )
    model.add_argument(
        "--audit",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="report.json of mmskin audit, of its training data against the benchmarks; say it once for each",
    )
    for each in (dataset, model):
        _add_common(each)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repo", required=True, metavar="OWNER/NAME", help="repository; it is made where there is none"
    )
    parser.add_argument(
        "--version",
        default="",
        metavar="X.Y.Z",
        help="version of the release (default: of a dataset that of its build, of a model the next minor one)",
    )
    parser.add_argument("--private", action="store_true", help="make the repository a private one")
    parser.add_argument("--dry-run", action="store_true", help="show files, verdicts and the card, and push nothing")
    parser.add_argument("--force", action="store_true", help="release although the gate is shut; needs --reason")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; the card shows it")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from mmskin_hub.hub.push.trouble import redacted_in
    from mmskin_hub.hub.release import Request, release

    model = args.kind == "model"
    request = Request(
        kind=args.kind,
        folder=_absolute(args.folder),
        repo=args.repo,
        version=args.version,
        private=args.private,
        dry_run=args.dry_run,
        results=_absolute(args.results) if model and args.results else None,
        data=tuple(args.data) if model else (),
        audit=tuple(_absolute(path) for path in args.audit) if model else (),
        i_hold_the_rights=not model and args.i_hold_the_rights,
        full=not model and args.full,
        force=args.force,
        reason=args.reason,
    )
    try:
        # What the gate refuses for a token in it must not be printed either: names of files, the card.
        report = redacted_in(release(request, teller()))
    except ImportError as error:
        extra = "eval" if model else "build"
        raise MissingExtra("mmskin release", extra, error.name or str(error)) from error
    if left := report["left_at_home"]:
        folders = ", ".join(dict.fromkeys(f"{path.partition('/')[0]}{'/' * ('/' in path)}" for path in left))
        report["notes"].append(f"{len(left)} files that training left are not part of the release: {folders}")
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
    else:
        _print_report(report)
    for note in report["notes"]:
        print(f"note: {note}", file=sys.stderr)
    shut = [verdict["check"] for verdict in report.get("verdicts", ()) if verdict["passed"] is False]
    if not shut or report["forced_reason"]:
        return 0
    print(_refused(report, shut), file=sys.stderr)
    return EXIT_REFUSED


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _refused(report: dict[str, Any], shut: list[str]) -> str:
    would = "would not be" if report["status"] == "dry run" else "was not"
    return (
        f"mmskin: error: {report['name']} {report['version']} {would} released, the gate is shut: {', '.join(shut)}.\n"
        '  Do what the table says, or say --force --reason "...", which the card will show.'
    )


def _print_report(report: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console()
    if report["status"] == "dry run":
        _print_files(console, report)
    if report.get("verdicts"):
        _print_verdicts(console, report)
    if report["status"] == "dry run":
        console.rule("README.md")
        console.print(report["card"], soft_wrap=True, highlight=False, markup=False)
        console.rule()
    console.print(_outcome(report), soft_wrap=True, highlight=False, markup=False)


def _outcome(report: dict[str, Any]) -> str:
    what = f"{report['name']} {report['version']} ({report['form']})"
    if report["status"] == "dry run":
        size = sum(facts["size"] for facts in report["files"].values())
        where = f"{report['repo']}, {'private' if report['private'] else 'public'}"
        return f"dry run: {what}, {len(report['files'])} files, {_size(size)}, would go to {where}; nothing was pushed"
    if report["status"] == "refused":
        return f"{what}: nothing was pushed"
    checked = f"{report['verified']['files']} files, {_size(report['verified']['bytes'])} downloaded and compared"
    if report["status"] == "already released":
        return f"{what} is released already, with the same content; {checked}\n{report['url']}"
    forced = f"\nthe gate was overruled: {report['forced_reason']}" if report.get("forced_reason") else ""
    return f"released {what}; {checked}\n{report['url']}{forced}"


def _print_files(console: Any, report: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("file", title=f"{report['repo']} {report['tag']}")
    table.add_column("size", justify="right")
    for path, facts in report["files"].items():
        table.add_row(Text(path), _size(facts["size"]))
    console.print(table)


def _print_verdicts(console: Any, report: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    words = {True: "passed", False: "FAILED", None: "n/a"}
    columns = ["check", "verdict", "found", "wanted", "remedy"]
    if not any(verdict["remedy"] for verdict in report["verdicts"]):
        columns.remove("remedy")
    table = Table(*columns, title="The gate")
    for verdict in report["verdicts"]:
        cells = {**verdict, "verdict": words[verdict["passed"]]}
        table.add_row(*(Text(str(cells[column])) for column in columns))
    console.print(table)


def _size(size: int) -> str:
    for unit, bytes_in in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_in:
            return f"{size / bytes_in:.1f} {unit}"
    return f"{size} bytes"
