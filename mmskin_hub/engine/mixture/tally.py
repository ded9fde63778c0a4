"""What is told of a mixture: what became of every row that was read, what test splits know, what each source weighs.

For each source and config, checked before anything is published::

    read = taken + capped + test + leaked + rejected
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmskin_hub.engine.counts import ImbalanceError
from mmskin_hub.engine.mixture.items import Item, Refused
from mmskin_hub.engine.mixture.leakage import Leak
from mmskin_hub.engine.mixture.read import Rows
from mmskin_hub.engine.mixture.recipe import Recipe

FATES = ("read", "taken", "capped", "test", "leaked", "rejected")
TAKEN = ("train", "validation")
"""The splits a mixture takes rows from, and has itself."""


def count(rows: Rows, clean: Sequence[Item], leaked: Sequence[Refused], taken: Sequence[Item]) -> dict[str, Any]:
    """The counts of ``build.json``: of what was read, what is ``clean`` of leaks, and what the caps left of it.

    Raises :class:`ImbalanceError` where a row is neither here nor there, which is a defect of the library.
    """
    read: list[Item | Refused] = [*rows.items, *rows.refused]
    fates = {
        "read": _places(read),
        "taken": _places(taken),
        "capped": _places(clean) - _places(taken),
        "test": _places(item for item in rows.items if item.split not in TAKEN),
        "leaked": _places(leaked),
        "rejected": _places(rows.refused),
    }
    table: dict[str, dict[str, dict[str, int]]] = {}
    for source, config in sorted(fates["read"]):
        row = {fate: fates[fate][source, config] for fate in FATES}
        if row["read"] != sum(row[fate] for fate in FATES[1:]):
            raise ImbalanceError(f"{source}/{config}: {row}")
        table.setdefault(source, {})[config] = row
    return {
        **{fate: fates[fate].total() for fate in FATES},
        "splits": {split: sum(item.split == split for item in taken) for split in TAKEN},
        "pictures": len({item.sha for item in taken if item.sha}),
        "tasks": by_name(item.task for item in taken),
        "modalities": by_name(item.modality or "unknown" for item in taken),
        "split_modalities": _by_split((item.split, item.modality) for item in taken),
        "split_skin_tones": _by_split((item.split, item.skin_tone) for item in taken),
        "rejects": by_name(row.reason for row in (*rows.refused, *leaked)),
        "licences": _licences(taken),
        "sources": table,
    }


def _places(rows: Iterable[Item | Refused]) -> Counter[tuple[str, str]]:
    return Counter((row.source, row.config) for row in rows)


def _licences(rows: Sequence[Item]) -> dict[str, dict[str, int]]:
    found: dict[str, list[str]] = {}
    for item in rows:
        found.setdefault(item.source, []).append(item.licence or "unknown")
    return {name: by_name(found[name]) for name in sorted(found)}


def _by_split(rows: Iterable[tuple[str, str | None]]) -> dict[str, dict[str, int]]:
    """How many rows of each split have each value; rows without one are "unknown"."""
    found = [(split, value or "unknown") for split, value in rows]
    counts = {split: by_name(value for own, value in found if own == split) for split in TAKEN}
    return {split: held for split, held in counts.items() if held}


def by_name(names: Iterable[str]) -> dict[str, int]:
    """How often each of ``names`` occurs, in alphabetical order."""
    counted = Counter(names)
    return {name: counted[name] for name in sorted(counted)}


def pairs(rows: Sequence[Item], leaks: Mapping[int, Sequence[Leak]]) -> list[dict[str, Any]]:
    """Rows by source, split, test set and reason; a row that repeats rows of two sets counts in both."""
    found = Counter(
        (rows[index].source, rows[index].split, leak.test_set, leak.reason)
        for index, own in leaks.items()
        for leak in own
    )
    names = ("source", "split", "test_set", "reason")
    return [{**dict(zip(names, key, strict=True)), "rows": found[key]} for key in sorted(found)]


def pools(recipe: Recipe, taken: Sequence[Item], weights: Mapping[str, float]) -> list[dict[str, Any]]:
    """For each pool its line of the recipe, its training rows, what one weighs, and its share of what is drawn."""
    train = [item for item in taken if item.split == "train"]
    lines = []
    for name, rows in by_name(recipe.entries[item.source].pool(item.config) for item in train).items():
        source, _, config = name.partition("/")
        share = recipe.entries[source].share_of(config)
        lines.append(
            {
                "pool": name,
                "weight": "rows" if share.weight is None else share.weight,
                "cap": share.cap,
                "rows": rows,
                "row_weight": round(weights[name], 6),
                "share": round(weights[name] * rows / len(train), 6),
            }
        )
    return lines


def absent(recipe: Recipe, read: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The sources, and the configs with a line of their own, that the recipe names and nothing was read of."""
    missing = []
    for name, entry in recipe.entries.items():
        if name not in read:
            missing.append(name)
        else:
            missing += [f"{name}/{config}" for config in entry.configs if config not in read[name]]
    return missing
