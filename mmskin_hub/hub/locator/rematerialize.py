"""From a locator and what one owns back to the dataset, byte for byte; or a list of what differs.

The real builder makes it again with the recorded options, into a folder beside ``--out``. Only where the SHA-256 of
every Parquet file is that of the locator does it take the place of ``--out``; otherwise it stays where it is, under a
name that says so, and rows and pages are compared to tell what differs and what could explain it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.engine.limits import writing
from mmskin_hub.engine.publish import check_out, file_digests
from mmskin_hub.errors import OutputExists, WrongUse
from mmskin_hub.hub.locator import differences
from mmskin_hub.hub.locator.books import make_books, shelf_of
from mmskin_hub.hub.locator.differences import Difference
from mmskin_hub.hub.locator.missing import missing_books
from mmskin_hub.hub.locator.parts import make_mixture, make_public, parts_of
from mmskin_hub.hub.locator.read import Locator, open_locator
from mmskin_hub.hub.locator.request import Request, Tell
from mmskin_hub.hub.locator.rows import REJECTS, dataset_rejects, dataset_rows
from mmskin_hub.hub.locator.verify import verified
from mmskin_hub.served.faults import EndpointFailed

__all__ = ["Request", "rematerialize"]
_OPTIONS = {"books": "books", "public": "raw", "mixture": "data"}
_NEEDS = {"books": "--books DIR", "public": "--raw DIR", "mixture": "--data NAME=PATH"}


def rematerialize(request: Request, tell: Tell = lambda text: None) -> dict[str, Any]:
    """Make the dataset of a locator again and return the report; ``identical`` says whether it is the same.

    The report has ``dataset``, ``version``, ``identical``, ``out`` (where the dataset lies, "" where none was made),
    ``files`` (path to "identical", "differs", "missing" or "unexpected") and ``differences`` (``kind``, ``text``,
    facts). Raises :class:`WrongUse` for a wrong command and for what is no locator, :class:`OutputExists` where
    ``request.out`` holds something else, and what the builders raise.
    """
    locator = open_locator(request.place)
    _check_options(locator, request)
    if _is_there(locator, request):
        return _report(locator, dict.fromkeys(locator.files, "identical"), [], str(request.out))
    made = request.out.with_name(f"{request.out.name}.remade")
    with writing(f"--out {request.out}", "--out"):
        shutil.rmtree(made, ignore_errors=True)
        found = _make(locator, request, made, tell)
        if not made.exists():
            return _report(locator, {}, [*found, *_explained(locator, found)], "")
        states = verified(locator, made, tell)
        if set(states.values()) == {"identical"}:
            _take_place(made, request.out)
            return _report(locator, states, [], str(request.out))
        tell("comparing rows")
        found += _compared(locator, made, states)
        kept = request.out.with_name(f"{request.out.name}.differs")
        shutil.rmtree(kept, ignore_errors=True)
        made.rename(kept)
    return _report(locator, states, [*found, *_explained(locator, found)], str(kept))


def _check_options(locator: Locator, request: Request) -> None:
    given = {"books": request.books, "public": request.raw, "mixture": request.data}
    others = [_NEEDS[kind].split()[0] for kind, value in given.items() if value and kind != locator.kind]
    if others:
        raise WrongUse(f"{locator.name} is not made from {others[0]}.", f"Say {_NEEDS[locator.kind]}")
    hub = any(entry.get("kind") == "hub" for entry in locator.inputs)
    if not given[locator.kind] and not (locator.kind == "mixture" and hub):
        raise WrongUse(
            f"{locator.name} is made from what you have, and nothing is named.", f"Say {_NEEDS[locator.kind]}"
        )
    if locator.folder.resolve().is_relative_to(request.out.resolve()):
        raise WrongUse(f"The locator lies in --out {request.out}, which is replaced.", "Name another folder.")


def _is_there(locator: Locator, request: Request) -> bool:
    """Whether ``--out`` holds the dataset already; refuses where it holds anything else."""
    out = request.out
    check_out(out, locator.dataset, locator.version, request.overwrite)
    if not out.exists() or not any(out.iterdir()):
        return False
    if {name: file["sha256"] for name, file in file_digests(out).items()} == locator.files:
        return True
    if not request.overwrite:
        raise OutputExists(
            f"--out {out} holds a {locator.name} that is not the one of the locator.",
            "Name another folder, or say --overwrite to have it replaced.",
        )
    return False


def _make(locator: Locator, request: Request, made: Path, tell: Tell) -> list[Difference]:
    """Have ``made`` built, or leave it out and return what is missing for it."""
    if locator.kind == "public":
        make_public(locator, request, made, tell)
        return []
    if locator.kind == "mixture":
        given, wrong = parts_of(locator, request)
        if not wrong:
            make_mixture(locator, request, given, made, tell)
        return wrong
    shelf = shelf_of(locator, request.books, tell)
    for path in shelf.found.values():
        if Path(path).resolve().is_relative_to(request.out.resolve()):
            raise WrongUse(f"{path} lies inside --out {request.out}, which is replaced.", "Name another folder.")
    if shelf.missing:
        return missing_books(locator, request, shelf, made, tell)
    return _books(locator, request, list(shelf.found.values()), made, tell)


def _books(locator: Locator, request: Request, books: Sequence[str], made: Path, tell: Tell) -> list[Difference]:
    """Build from the books themselves; questions that a model wrote can only come out of its cache."""
    configs = [str(name) for name in locator.options.get("configs") or ()]
    rest = [name for name in configs if name != "open_vqa"]
    asked = locator.options.get("vqa") == "endpoint" and "open_vqa" in configs
    if not asked or request.cache is not None:
        try:
            make_books(locator, request, books, made, configs)
            return []
        except EndpointFailed:
            text = f"The cache {request.cache} lacks answers that {locator.options.get('vqa_model')!r} gave"
            text += "; the questions of open_vqa cannot be made again without all of them."
    else:
        text = (
            f"The questions of open_vqa were written by {locator.options.get('vqa_model')!r}, whose sentences cannot "
            "be made again without its answers: say --cache DIR where you have them."
        )
    if rest:
        tell(text)
        make_books(locator, request, books, made, rest)
    return [Difference("questions", text, {"model": locator.options.get("vqa_model")})]


def _compared(locator: Locator, made: Path, states: Mapping[str, str]) -> list[Difference]:
    """The files that differ, and what of their rows does."""
    rows = list(dataset_rows(made, locator.kind))
    here = {str(row["table"]) for row in rows}
    if locator.kind == "books":
        found = differences.same_books(locator, rows, dataset_rejects(made, "books"), here)
    else:
        found = differences.same_rows(locator, rows)
    differ = [name for name, state in states.items() if state != "identical"]
    text = ", ".join(f"{name} {'is ' if states[name] != 'differs' else ''}{states[name]}" for name in differ)
    if not found and differ == [REJECTS]:
        text += "; every published file is identical"
    elif not found:
        text += "; the rows say the same, so they are only stored otherwise"
    return [Difference("files", f"{text}.", {"files": differ}), *found]


def _explained(locator: Locator, found: Sequence[Difference]) -> list[Difference]:
    """What could explain rows that differ: other packages, and OCR."""
    if not any(one.kind in ("files", "other_book") for one in found):
        return []
    told = differences.versions(locator)
    ocr, scanned = locator.options.get("ocr"), (locator.record.get("counts") or {}).get("scanned_pages")
    if ocr not in (None, "none") and scanned:
        text = f"{scanned:,} pages are scans that {ocr} read: other weights, or another processor, read otherwise."
        told.append(Difference("ocr", text, {"ocr": ocr, "scanned_pages": scanned}))
    return told


def _take_place(made: Path, out: Path) -> None:
    """Move ``made`` to ``out``, whose content goes only then."""
    old = out.with_name(f"{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    made.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _report(locator: Locator, files: Mapping[str, str], found: Sequence[Difference], out: str) -> dict[str, Any]:
    identical = bool(files) and set(files.values()) == {"identical"}
    return {
        "dataset": locator.dataset,
        "version": locator.version,
        "identical": identical,
        "out": out,
        "files": dict(files),
        "differences": [one.record() for one in found],
    }
