"""``mmskin card``: the card of a dataset or a model as a release would write it, without releasing anything."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.api.arguments import path_of, path_or_none
from mmskin_hub.errors import MissingExtra, WrongUse, describe

if TYPE_CHECKING:
    from mmskin_hub.hub.subject import Kind, Subject


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "card",
        help="render the card of a dataset or a model",
        description="Render the card (README.md) of the dataset or model in PATH from its records, to standard output, "
        "as a release would write it. Nothing is pushed, and nothing in PATH is changed.",
        example="mmskin card data/ham10000 --repo me/ham10000",
        exits={0: "rendered", 1: "failed: the Hub did not give what --data names"},
    )
    parser.add_argument("path", type=Path, metavar="PATH", help="folder that mmskin build, train or merge wrote")
    parser.add_argument("--repo", default="", metavar="OWNER/NAME", help="repository it is meant for: how to load it")
    parser.add_argument(
        "--version", default="", metavar="X.Y.Z", help="version it is meant to have (default: that of its record)"
    )
    parser.add_argument(
        "--locator", action="store_true", help="of a dataset: the card of its locator release, without its content"
    )
    parser.add_argument("--results", type=Path, metavar="DIR", help="of a model: folder of the mmskin eval of it")
    parser.add_argument(
        "--data",
        nargs="+",
        action="extend",
        default=[],
        metavar="DATA",
        help="of a model: what it was trained on, OWNER/NAME@vX.Y.Z or a folder that mmskin built",
    )
    parser.add_argument(
        "--audit",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="of a model: report.json of mmskin audit; say it once for each",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the card there instead of standard output")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    folder = path_of(args.path)
    kind = _kind(folder)
    if kind == "dataset" and (args.results or args.data or args.audit):
        raise WrongUse("--results, --data and --audit are for models.", "Leave them out.")
    if kind == "model" and args.locator:
        raise WrongUse("--locator is for datasets.", "Leave it out.")
    from mmskin_hub.hub.reading import read_subject
    from mmskin_hub.hub.release import Request

    request = Request(
        kind=kind,
        folder=folder,
        repo=args.repo,
        version=args.version,
        results=path_or_none(args.results),
        data=tuple(args.data),
        audit=tuple(path_of(path) for path in args.audit),
    )
    try:
        card = _card(read_subject(request, private=True), args.locator)
    except ImportError as error:
        extra = "eval" if kind == "model" else "build"
        raise MissingExtra("mmskin card", extra, error.name or str(error)) from error
    _write(card, args.out)
    return 0


def _card(subject: Subject, as_locator: bool) -> str:
    """The card of ``subject``, or of the locator that is made of it for the purpose."""
    from mmskin_hub.hub.cards import render

    if not as_locator:
        return render(subject)
    from mmskin_hub.hub.locator import make_locator

    with tempfile.TemporaryDirectory(prefix="mmskin-card-") as folder:
        return render(make_locator(subject, Path(folder)))


def _kind(folder: Path) -> Kind:
    """What ``folder`` holds, by the record in it."""
    if (folder / "run.json").is_file():
        return "model"
    if (folder / "build.json").is_file():
        return "dataset"
    what = "holds neither build.json nor run.json" if folder.is_dir() else "is no folder"
    raise WrongUse(f"{folder} {what}.", "Name a folder that mmskin build, train or merge wrote.")


def _write(card: str, out: Path | None) -> None:
    if out is None:
        # Whatever the terminal can show: a card is UTF-8.
        sys.stdout.buffer.write(card.encode())
        sys.stdout.flush()
        return
    try:
        path_of(out).write_text(card, encoding="utf-8", newline="\n")
    except OSError as error:
        raise WrongUse(f"--out {out} cannot be written ({describe(error)}).", "Name another file.") from error
