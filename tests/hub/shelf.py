"""Books drawn in code, the MM-Skin built from them, and its locator."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmskin_hub.builders.mm_skin import Request, build
from mmskin_hub.hub.locator import make_locator
from mmskin_hub.hub.locator.rematerialize import Request as Remake
from mmskin_hub.hub.locator.rematerialize import rematerialize
from mmskin_hub.hub.subject import Subject, read_record
from tests.engine import drawn
from tests.engine.drawn import draw_book, promise_pages

ATLAS, LITTLE = "Großer Atlas, 2nd ed.pdf", "small.PDF"
SMALL = range(100, 106)
"""The seeds of the pages of ``small.PDF``."""


def lay_shelf(folder: Path) -> Path:
    """Three books, one with a page that cannot be read, a copy, and two files that are no books."""
    folder.mkdir(parents=True)
    draw_book(folder / ATLAS, range(10))
    draw_book(folder / LITTLE, SMALL)
    promise_pages(draw_book(folder / "short.pdf", range(200, 203)), 1)
    shutil.copy(folder / LITTLE, folder / "copy of small.pdf")
    (folder / "empty.pdf").touch()
    (folder / "letter.pdf").write_text("Dear reader, this is no PDF.")
    return folder


def mm_skin(books: Path, out: Path, **other: Any) -> Path:
    """MM-Skin out of ``books``, version 1.2.3."""
    build(Request((str(books),), out, "1.2.3", **other))
    return out


def subject_of(folder: Path) -> Subject:
    """What a release reads from ``folder``."""
    record = read_record(folder, "dataset")
    return Subject("dataset", folder, str(record["dataset"]), str(record["version"]), record)


def locator_of(folder: Path, out: Path) -> Path:
    """The locator of the dataset in ``folder``."""
    make_locator(subject_of(folder), out)
    return out


def again(locator: Path, out: Path, *books: Path, **other: Any) -> dict[str, Any]:
    """The report of ``mmskin rematerialize``."""
    return rematerialize(Remake(str(locator), out, books=tuple(map(str, books)), **other))


def leftovers(out: Path) -> set[str]:
    """What lies beside ``out``, itself included."""
    return {path.name for path in out.parent.iterdir()}


def draw_other(path: Path, seeds: Any, words: Callable[[int, str], str] = lambda seed, text: text) -> Path:
    """A book like :func:`draw_book`'s whose captions went through ``words`` (seed and caption to caption)."""
    real = drawn.caption_of
    try:
        drawn.caption_of = lambda seed: words(seed, real(seed))
        return draw_book(path, seeds)
    finally:
        drawn.caption_of = real


def digests(out: Path) -> dict[str, str]:
    """SHA-256 of every Parquet file below ``out``."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*.parquet"))
    }


def edited(locator: Path, out: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    """A copy of ``locator`` whose build.json ``edit`` has changed."""
    shutil.copytree(locator, out)
    record = json.loads((out / "build.json").read_text(encoding="utf-8"))
    edit(record)
    (out / "build.json").write_text(json.dumps(record), encoding="utf-8")
    return out


def texts(report: dict[str, Any]) -> str:
    """The sentences of a report."""
    return "\n".join(found["text"] for found in report["differences"])
