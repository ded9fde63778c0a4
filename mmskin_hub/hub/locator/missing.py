"""Books that are not there: whether something else that was given is another copy or edition, and on which pages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.engine.work import read_json
from mmskin_hub.errors import NothingUsable, name_of
from mmskin_hub.hub.locator.books import Shelf, make_books, stand_ins
from mmskin_hub.hub.locator.differences import Difference, other_copy, pages, short
from mmskin_hub.hub.locator.read import Locator
from mmskin_hub.hub.locator.request import Request, Tell
from mmskin_hub.hub.locator.rows import dataset_rejects, dataset_rows


def missing_books(locator: Locator, request: Request, shelf: Shelf, made: Path, tell: Tell) -> list[Difference]:
    """What to say of every missing book: that it is, or which file is another copy or edition, and on which pages."""
    others = stand_ins(shelf)
    rows: list[dict[str, Any]] = []
    rejects: list[dict[str, Any]] = []
    inputs: list[dict[str, Any]] = []
    found: list[Difference] = []
    if others:
        tell(f"looking for other editions in {', '.join(map(name_of, others))}")
        configs = [str(name) for name in locator.options.get("configs") or ()]
        config = "captions" if "captions" in configs else configs[0]
        try:
            make_books(locator, request, others, made, [config])
            rows = list(dataset_rows(made, "books"))
            rejects = dataset_rejects(made, "books")
            inputs = read_json(made / "build.json")["inputs"]
        except NothingUsable as error:
            found.append(Difference("unusable", f"Nothing can be read from what else was given: {error.what}"))
        shutil.rmtree(made, ignore_errors=True)
    names = {str(entry["sha256"]): str(entry["name"]) for entry in inputs if not entry.get("rejected")}
    for entry in inputs:
        if entry.get("rejected"):
            text = f"{entry['name']} cannot be read as a book ({entry['rejected']})."
            found.append(Difference("unusable", text, {"name": entry["name"], "reason": entry["rejected"]}))
    more = len(shelf.strangers) - len(others)
    return [*(_missing(locator, entry, names, rows, rejects, more) for entry in shelf.missing), *found]


def _missing(
    locator: Locator,
    entry: Mapping[str, Any],
    names: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    rejects: Sequence[Mapping[str, Any]],
    more: int,
) -> Difference:
    """What to say of the missing book ``entry``; ``more`` unknown books were not looked into."""
    book = str(entry["sha256"])
    title = f"book {short(book)} ({entry.get('pages')} pages, {int(entry['size']):,} bytes)"
    compared = {other: other_copy(book, locator, other, rows, rejects) for other in sorted(names)}
    best = max(compared, key=lambda other: len(compared[other][0]), default="")
    if not best or not compared[best][0]:
        text = f"{title} is missing: none of the books given is it"
        text += f", nor another edition of it as far as {len(names)} were looked into" if names else ""
        text += f" ({more} of another size were not)" if names and more else ""
        return Difference("missing_book", f"{text}.", {"book": book})
    same, differ = compared[best]
    if not differ:
        text = f"all {len(same):,} pages that hold pictures or captions are the same; other bytes of the file differ"
    elif len(differ) <= len(same):
        text = f"{pages(differ)} {'differs' if len(differ) == 1 else 'differ'}, and {len(same):,} are the same"
    else:
        text = f"perhaps another edition: {len(differ):,} pages differ, the first {pages(differ[:5])}"
    facts = {"book": book, "given": best, "name": names[best], "pages": differ, "same_pages": len(same)}
    return Difference("other_book", f"{title} is missing; {names[best]} is another copy of it: {text}.", facts)
