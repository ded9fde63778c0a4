"""All units are brought together: names, duplicates across books, splits, and counts that balance.

Only words and numbers are held here; the pictures stay in the unit files until the builder streams them. Everything
goes by fingerprint and page, so neither the order of the books nor that of the work leaves a trace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.counts import Counts, sorted_counts
from mmskin_hub.engine.plan import Unit
from mmskin_hub.engine.run import Worked
from mmskin_hub.engine.work import WorkFolder, read_json, read_rows, write_json, write_rows
from mmskin_hub.schema import CANDIDATE_COLUMNS, MODALITIES, SPLITS, Rejected, reject_schema, row_id

_WORDS = [name for name in CANDIDATE_COLUMNS if name != "image"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a published pair lies: row ``row`` (0-based) of ``unit``, and the split and name it leaves under."""

    unit: str
    row: int
    split: str
    id: str


def finish(worked: Worked, split_by: str, duplicates: str = "pair") -> dict[str, Any]:
    """Decide what is published, write ``finished/``, and return the counts for ``build.json``.

    ``finished/index.json`` holds the :class:`Place` of every published pair, ``finished/rejects.parquet`` every reject
    row. Raises :class:`mmskin_hub.engine.counts.ImbalanceError` where the counts do not balance.
    """
    from mmskin_hub.curate.duplicates import find_duplicates
    from mmskin_hub.curate.splits import assign_splits

    units = worked.plan.in_book_order()
    counts = Counts()
    for unit in units:
        counts.add(read_json(worked.folder.marker(unit.name)))
    rows, where = _read(worked.folder, units)
    rejects = [*(row.row() for row in worked.surveyed.rejects), *_rejects(worked.folder, units)]
    gone: set[int] = set()
    for twin in find_duplicates(rows, duplicates):
        gone.add(twin.index)
        counts.pair_rejects[twin.reason] += 1
        rejects.append(_duplicate(rows[twin.index], twin.reason, twin.detail).row())
    kept = [index for index in range(len(rows)) if index not in gone]
    splits = assign_splits([rows[index] for index in kept], split_by)
    places = [Place(*where[index], split, rows[index]["id"]) for index, split in zip(kept, splits, strict=True)]
    counts.check(len(places), sum(unit.pages for unit in units))
    rejects.sort(key=reject_order)
    finished = worked.folder.finished
    finished.mkdir(exist_ok=True)
    write_json(finished / "index.json", [[p.unit, p.row, p.split, p.id] for p in places])
    write_rows(finished / "rejects.parquet", rejects, reject_schema())
    return _record(worked, counts, [rows[index] for index in kept], splits, rejects)


def _read(folder: WorkFolder, units: Sequence[Unit]) -> tuple[list[dict[str, Any]], list[tuple[str, int]]]:
    """Every candidate without its picture, with a name no other has, and its unit and row."""
    rows: list[dict[str, Any]] = []
    where: list[tuple[str, int]] = []
    for unit in units:
        for number, row in enumerate(read_rows(folder.candidates(unit.name), _WORDS, batch=500)):
            rows.append(row)
            where.append((unit.name, number))
    seen: Counter[str] = Counter()
    for row in rows:
        name = row_id(row)
        seen[name] += 1
        # Two pictures of one figure may carry the same letter, or none: the first keeps the plain name.
        row["id"] = name if seen[name] == 1 else f"{name}-{seen[name]}"
    return rows, where


def _rejects(folder: WorkFolder, units: Sequence[Unit]) -> Iterator[dict[str, Any]]:
    for unit in units:
        yield from read_rows(folder.rejects(unit.name), batch=500)


def _duplicate(row: dict[str, Any], reason: str, detail: str) -> Rejected:
    return Rejected(
        book=row["book"],
        book_name=row["book_name"],
        stage="duplicates",
        reason=reason,
        page=row["page"],
        bbox=tuple(row["bbox"]),
        score=row["pair_score"],
        detail=detail,
        figure=row["figure"],
        panel=row["panel"],
        caption=row["raw_caption"],
    )


def reject_order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key that reject rows are sorted by: book, page, and the place on it."""
    box = row["bbox"]
    return (row["book"], row["page"], box[1], box[0], row["book_name"], row["stage"], row["reason"], row["detail"])


def _record(
    worked: Worked,
    counts: Counts,
    kept: Sequence[dict[str, Any]],
    splits: Sequence[str],
    rejects: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    modalities = Counter(row["modality"] for row in kept)
    return {
        "books": {
            "given": len(worked.surveyed.inputs),
            "read": len(worked.surveyed.books),
            "rejected": len(worked.surveyed.rejects),
        },
        "pages": counts.pages,
        "scanned_pages": counts.scanned_pages,
        "pictures": counts.pictures,
        "panel_extra": counts.panel_extra,
        "pairs": counts.pairs,
        "published": len(kept),
        "figures": len({(row["book"], row["figure"]) for row in kept}),
        "rejected_pictures": counts.rejected_pictures,
        "rejected_pairs": counts.pair_rejects.total(),
        "rejects": sorted_counts(row["reason"] for row in rejects),
        "modalities": {name: modalities[name] for name in MODALITIES},
        "splits": {name: splits.count(name) for name in SPLITS},
        "split_modalities": {name: _modalities(kept, splits, name) for name in SPLITS if name in splits},
    }


def _modalities(kept: Sequence[dict[str, Any]], splits: Sequence[str], split: str) -> dict[str, int]:
    counted = Counter(row["modality"] for row, own in zip(kept, splits, strict=True) if own == split)
    return {name: counted[name] for name in MODALITIES}


def read_places(folder: WorkFolder) -> list[Place]:
    """The published pairs, by fingerprint and page."""
    return [Place(*fields) for fields in read_json(folder.finished / "index.json")]


def published_rows(folder: WorkFolder, split: str | None = None) -> Iterator[dict[str, Any]]:
    """The published candidates, pictures and all, with ``id`` and ``split``; a few in memory at a time."""
    wanted: dict[str, dict[int, Place]] = {}
    for place in read_places(folder):
        if split in (None, place.split):
            wanted.setdefault(place.unit, {})[place.row] = place
    for unit, places in wanted.items():
        for number, row in enumerate(read_rows(folder.candidates(unit))):
            if number in places:
                yield {**row, "id": places[number].id, "split": places[number].split}


def rejects_file(folder: WorkFolder) -> Path:
    """The table of everything that does not leave."""
    return folder.finished / "rejects.parquet"
