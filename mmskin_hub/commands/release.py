"""``mmskin release``: a dataset or a model goes to the Hub complete, checked, versioned and lawful, or not at all."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from mmskin_hub.api import release
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import print_json, show, table

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
        help="put a dataset or a model on the Hub, or into a folder like it",
        description="Check a dataset or a model, write its card from its records, and put it on the Hub in one commit "
        "with a tag, which is then downloaded again and compared. The same command finishes what was interrupted. With "
        "--to the Hub is a folder of this machine.",
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
        help="I may pass on the pictures and texts in it (recorded on the card); with --private or --to only",
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
        metavar="REPO@TAG",
        help="what it was trained on, released before: OWNER/NAME@vX.Y.Z",
    )
    model.add_argument(
        "--audit",
        type=Path,
        action="append",
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
        metavar="X.Y.Z",
        help="version of the release (default: of a dataset that of its build, of a model the next minor one)",
    )
    parser.add_argument(
        "--to",
        metavar="FOLDER",
        help="release into this folder instead of the Hub; it is laid out as huggingface_hub's own cache and counts as "
        "private",
    )
    parser.add_argument("--private", action="store_true", help="make the repository a private one")
    parser.add_argument("--dry-run", action="store_true", help="show files, verdicts and the card, and push nothing")
    parser.add_argument("--force", action="store_true", help="release although the gate is shut; needs --reason")
    parser.add_argument("--reason", metavar="TEXT", help="why; the card shows it")
    parser.add_argument(
        "--json", action="store_true", help="print the report as JSON, and nothing else, on standard output"
    )
    take_defaults(parser, release)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    report: dict[str, Any] = dict(call(release, args))
    if args.json:
        print_json(report)
    else:
        _print_report(report)
    for note in report["notes"]:
        print(f"note: {note}", file=sys.stderr)
    shut = [verdict["check"] for verdict in report.get("verdicts", ()) if verdict["passed"] is False]
    if not shut or report["forced_reason"]:
        return 0
    print(_refused(report, shut), file=sys.stderr)
    return EXIT_REFUSED


def _refused(report: dict[str, Any], shut: list[str]) -> str:
    would = "would not be" if report["status"] == "dry run" else "was not"
    return (
        f"mmskin: error: {report['name']} {report['version']} {would} released, the gate is shut: {', '.join(shut)}.\n"
        '  Do what the table says, or say --force --reason "...", which the card will show.'
    )


def _print_report(report: dict[str, Any]) -> None:
    if report["status"] == "dry run":
        _show_files(report)
    if report.get("verdicts"):
        _show_verdicts(report)
    if report["status"] == "dry run":
        print(f"{'-' * 16} README.md {'-' * 16}\n{report['card']}\n{'-' * 43}")
    print(_outcome(report))


def _outcome(report: dict[str, Any]) -> str:
    what = f"{report['name']} {report['version']} ({report['form']})"
    if report["status"] == "dry run":
        size = sum(facts["size"] for facts in report["files"].values())
        where = f"{report['repo']}, {'private' if report['private'] else 'public'}"
        if report["to"]:
            where = f"{report['repo']} in {report['to']}"
        return f"dry run: {what}, {len(report['files'])} files, {_size(size)}, would go to {where}; nothing was pushed"
    if report["status"] == "refused":
        return f"{what}: nothing was pushed"
    compared = "read again and compared" if report["to"] else "downloaded and compared"
    checked = f"{report['verified']['files']} files, {_size(report['verified']['bytes'])} {compared}"
    lines = [f"released {what}; {checked}"]
    if report["status"] == "already released":
        lines = [f"{what} is released already, with the same content; {checked}"]
    lines.append(report["url"])
    if report.get("forced_reason"):
        lines.append(f"the gate was overruled: {report['forced_reason']}")
    if report["to"]:
        lines += ["", "Load it, without a network:", *(f"  {line}" for line in _loading(report))]
    return "\n".join(lines)


def _loading(report: dict[str, Any]) -> list[str]:
    """What a person types to use what lies in a folder now.

    A model is loaded from its snapshot: by name, transformers 5 asks the Hub for an adapter even where it was told that
    local files are all there is.
    """
    offline = f"HF_HUB_CACHE={shlex.quote(report['to'])} HF_HUB_OFFLINE=1"
    place, snapshot = f"{report['repo']}@{report['tag']}", Path(report["url"])
    if report["form"] == "locator":
        return [f"{offline} mmskin rematerialize {place} --out DIR ..."]
    if report["kind"] == "dataset":
        return [f"datasets.load_dataset({str(snapshot)!r})", f"{offline} mmskin audit {place} ..."]
    if (snapshot / "adapter_config.json").exists():
        return [f"peft.PeftModel.from_pretrained(BASE, {str(snapshot)!r})"]
    return [
        f"transformers.AutoModelForImageTextToText.from_pretrained({str(snapshot)!r})",
        f"mmskin eval {shlex.quote(str(snapshot))} ...",
    ]


def _show_files(report: dict[str, Any]) -> None:
    files = table("file", "size", right=("size",), title=f"{report['repo']} {report['tag']}")
    for path, facts in report["files"].items():
        files.add_row(path, _size(facts["size"]))
    show(files)


def _show_verdicts(report: dict[str, Any]) -> None:
    words = {True: "passed", False: "FAILED", None: "n/a"}
    columns = ["check", "verdict", "found", "wanted", "remedy"]
    if not any(verdict["remedy"] for verdict in report["verdicts"]):
        columns.remove("remedy")
    gate = table(*columns, title="The gate")
    for verdict in report["verdicts"]:
        cells = {**verdict, "verdict": words[verdict["passed"]]}
        gate.add_row(*(str(cells[column]) for column in columns))
    show(gate)


def _size(size: int) -> str:
    for unit, bytes_in in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_in:
            return f"{size / bytes_in:.1f} {unit}"
    return f"{size} bytes"
