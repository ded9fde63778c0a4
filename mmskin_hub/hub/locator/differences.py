"""What differs between a dataset that was made again and its locator, in words a person can act on.

Rows are compared by id where the book is the same, byte for byte; where it is another copy or edition its rows have
other ids, and pages are compared by what stands on them.
"""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mmskin_hub
from mmskin_hub.engine.tools import installed_versions
from mmskin_hub.hub.locator.read import Locator, page_of

NAMED = 20
"""So many pages or rows are named in a sentence; the report has them all."""
TWINS = ("duplicate", "near_duplicate")
"""Reasons that another book decides about: no change of the page they stand on."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs: its ``kind``, a sentence, and the facts behind it (``facts``, for JSON)."""

    kind: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """The difference as the report has it."""
        return {"kind": self.kind, "text": self.text, **self.facts}


def listed(things: Sequence[object]) -> str:
    """``things`` by commas, the first :data:`NAMED` of them."""
    more = len(things) - NAMED
    return ", ".join(str(thing) for thing in things[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def counted(number: int, what: str) -> str:
    """ "1 row is", or "7 rows are"."""
    return f"{number:,} {what} is" if number == 1 else f"{number:,} {what}s are"


def pages(numbers: Sequence[int]) -> str:
    """ "page 7", or "pages 3, 7 and 12 more"."""
    return f"page{'s' * (len(numbers) != 1)} {listed(numbers)}"


def short(book: str) -> str:
    """A fingerprint as sentences and ids have it: its first 12 digits."""
    return book[:12]


def same_books(
    locator: Locator, rows: Iterable[Mapping[str, Any]], rejects: Sequence[Mapping[str, Any]], tables: Collection[str]
) -> list[Difference]:
    """Where the rows of the same books, made again, differ: books and pages by number.

    ``rows`` and ``rejects`` are located rows of the new dataset, which has the ``tables`` and is compared in them.
    """
    old, new = _by_id(row for row in locator.rows() if row["table"] in tables), _by_id(rows)
    changed: dict[str, Counter[int]] = defaultdict(Counter)
    facts: Counter[str] = Counter()
    for name in {*old, *new}:
        was, now = old.get(name), new.get(name)
        one = was or now or {}
        if was is None or now is None:
            facts[f"rows of {name[0]} {'missing' if now is None else 'too many'}"] += 1
        elif _said(was) != _said(now):
            what = "with another picture" if was["image_sha256"] != now["image_sha256"] else "changed"
            facts[f"rows of {name[0]} {what}"] += 1
        elif was["split"] != now["split"]:
            facts[f"rows of {name[0]} in another split"] += 1
            continue
        else:
            continue
        changed[_book(one)][page_of(one)] += 1
    but = ("survey",) if "open_vqa" in tables else ("survey", "vqa")
    for book, page in _reject_pages(locator.rejects(), rejects, but):
        changed[book][page] += 1
        facts["reject rows that differ"] += 1
    found = [
        Difference(
            "pages",
            f"book {short(book)}: {pages(sorted(numbers))} differ{'s' if len(numbers) == 1 else ''}.",
            {"book": book, "pages": sorted(numbers)},
        )
        for book, numbers in sorted(changed.items())
    ]
    if facts:
        told = ", ".join(f"{what}: {number:,}" for what, number in sorted(facts.items()))
        found.append(Difference("rows", f"In all, {told}.", {"rows": dict(sorted(facts.items()))}))
    return found


def same_rows(locator: Locator, rows: Iterable[Mapping[str, Any]]) -> list[Difference]:
    """Where the rows of a public dataset or a mixture, made again, differ: by their ids."""
    old, new = _by_id(locator.rows()), _by_id(rows)
    sets = {
        "missing": sorted(name[1] for name in old.keys() - new.keys()),
        "too many": sorted(name[1] for name in new.keys() - old.keys()),
        "with another picture": [],
        "changed": [],
        "in another split": [],
    }
    for name in sorted(old.keys() & new.keys()):
        was, now = old[name], new[name]
        if was["image_sha256"] != now["image_sha256"]:
            sets["with another picture"].append(name[1])
        elif _said(was) != _said(now):
            sets["changed"].append(name[1])
        elif was["split"] != now["split"]:
            sets["in another split"].append(name[1])
    return [
        Difference("rows", f"{counted(len(names), 'row')} {what}: {listed(names)}.", {"what": what, "ids": names})
        for what, names in sets.items()
        if names
    ]


def other_copy(
    book: str,
    locator: Locator,
    stranger: str,
    rows: Sequence[Mapping[str, Any]],
    rejects: Sequence[Mapping[str, Any]],
) -> tuple[list[int], list[int]]:
    """The pages on which the book ``stranger`` (its fingerprint) says the same as ``book``, and those that differ.

    ``rows`` and ``rejects`` are located rows of a dataset that holds ``stranger``; only tables that both have count.
    """
    tables = {str(row["table"]) for row in rows} or {"captions"}
    was = _content([row for row in locator.rows() if row["table"] in tables and _book(row) == short(book)])
    now = _content([row for row in rows if _book(row) == short(stranger)])
    old = [row for row in locator.rejects() if row["book"] == book]
    new = [row for row in rejects if row["book"] == stranger]
    twins = {(row["page"], _box(row)) for row in (*old, *new) if row["reason"] in TWINS}
    same, differ = [], set()
    for page in sorted({*was, *now}):
        gap = (was[page] - now[page]) + (now[page] - was[page])
        if all((page, box) in twins for box, _ in gap):
            same.append(page)
        else:
            differ.add(page)
    differ |= {page for _, page in _reject_pages(old, [{**row, "book": book} for row in new], but=("vqa", "survey"))}
    return [page for page in same if page not in differ], sorted(differ)


def versions(locator: Locator) -> list[Difference]:
    """The packages whose versions are not those the dataset was built with."""
    was: Mapping[str, str] = locator.record.get("tools") or {}
    now = {"python": platform.python_version(), **installed_versions(was), "mmskin-hub": mmskin_hub.__version__}
    gaps = {name: [told, now.get(name, "")] for name, told in was.items() if now.get(name, "") != told}
    if not gaps:
        return []
    told = ", ".join(f"{name} {was} (here {now or 'not installed'})" for name, (was, now) in gaps.items())
    pins = " ".join(f'"{name}=={old}"' for name, (old, _) in gaps.items() if name != "python")
    text = f"It was built with other versions of packages, which could explain it: {told}."
    return [Difference("versions", f"{text} pip install {pins}" if pins else text, {"versions": gaps})]


def _by_id(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {(str(row["table"]), str(row["id"])): row for row in rows}


def _said(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["row_sha256"], row["image_sha256"], row.get("caption_id"), page_of(row))


def _book(row: Mapping[str, Any]) -> str:
    """The first 12 digits of the book's fingerprint, which begin every id."""
    return short(str(row.get("book") or row.get("caption_id") or row["id"]))


def _box(row: Mapping[str, Any]) -> tuple[float, ...]:
    return tuple(round(float(side), 2) for side in row.get("bbox") or ())


def _content(rows: Iterable[Mapping[str, Any]]) -> dict[int, Counter[tuple[tuple[float, ...], str]]]:
    """Page to what stands on it: box, and what the row says; of questions, whose wording an id decides, the picture."""
    found: dict[int, Counter[tuple[tuple[float, ...], str]]] = defaultdict(Counter)
    for row in rows:
        words = row["row_sha256"] if row["table"] == "captions" else row["image_sha256"]
        found[page_of(row)][_box(row), str(words)] += 1
    return found


def _reject_pages(
    old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]], but: Sequence[str] = ("survey",)
) -> list[tuple[str, int]]:
    """Book (12 digits) and page of the reject rows that only one of both has; twins and the stages ``but`` left out."""

    def counted(rows: Iterable[Mapping[str, Any]]) -> Counter[tuple[Any, ...]]:
        return Counter(
            (short(str(row["book"])), int(row["page"]), _box(row), row["stage"], row["reason"])
            for row in rows
            if row["stage"] not in but and row["reason"] not in TWINS
        )

    was, now = counted(old), counted(new)
    return [(key[0], key[1]) for key in ((was - now) + (now - was)).elements()]
