"""Splits are disjoint: no row, picture, patient, lesion or group of one stands in another.

Configs that share pairs (captions, questions, patients of MM-Skin) count as one: a question of test about a picture
that ``captions`` trains on is a leak. What is looked at is what the rows themselves say, not what the record says.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mmskin_hub.engine.names import space_of
from mmskin_hub.engine.public.split import copies_at_most
from mmskin_hub.errors import some
from mmskin_hub.hub.checks.dataset import rebuild
from mmskin_hub.hub.checks.look import Look, Row
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted
from mmskin_hub.registry import DATASETS

SPLITS = Wanted("splits", "no row, picture, patient, lesion, figure or book in two splits")
_FIGURE = re.compile(r"(?P<figure>.+-p\d+-f\d+)(?:-.*)?")
KINDS = {
    "id": "row",
    "picture": "picture",
    "phash": "picture (by its perceptual hash)",
    "patient_id": "patient",
    "lesion_id": "lesion",
    "group_id": "group",
    "figure": "figure",
    "book": "book",
}
"""The keys by which two splits may meet, in the order they are told."""

Places = Mapping[str, Mapping[tuple[str, ...], Sequence[Row]]]


def splits(look: Look, thresholds: Thresholds) -> Verdict:
    """Ids, pictures (bytes, and perceptual hashes that are equal), and the groups that the dataset records.

    Of a mixture, whose sources were split each by itself, a share of the training rows (``mixture_overlap``) may meet
    validation rows in anything but the id; it has no test rows.
    """
    rows = [row for row in look.rows if row.table.split]
    found = {key: dict(_straddling(_grouped(rows, key, look))) for key in KINDS}
    allowed = ""
    if _kind(look) == "mixture":
        share, most = _share(rows, found), float(thresholds["mixture_overlap"])
        if share <= most:
            allowed = f"; {share:.2%} of the training rows meet validation rows, at most {most:.0%} may"
            found = {"id": found["id"]}
    wrong = [
        f"{KINDS[kind]} {_shown(key)} is in {_splits(met)}" for kind, keys in found.items() for key, met in keys.items()
    ]
    if wrong:
        return SPLITS.bad(some(wrong), _remedy(look))
    names = list(dict.fromkeys(row.table.split for row in rows))
    return SPLITS.good(f"{', '.join(names) or 'no rows'}: {len(rows):,} rows{allowed}")


def _kind(look: Look) -> str:
    name = str(look.record.get("dataset"))
    return DATASETS[name].source if name in DATASETS else ""


def _shown(key: tuple[str, ...]) -> str:
    return key[-1] if len(key[-1]) < 40 else f"{key[-1][:12]}…"


def _splits(rows: Sequence[Row]) -> str:
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.table.split, row)
    return " and ".join(f"{row.table.name} row {row.at + 1}" for row in first.values())


def _grouped(rows: Iterable[Row], kind: str, look: Look) -> dict[tuple[str, ...], list[Row]]:
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        for key in _keys(row, kind, look):
            found[key].append(row)
    if kind in ("picture", "phash"):
        # A picture under more ids than any photograph has is a placeholder, and ties nothing (engine/public/split.py).
        most = copies_at_most(len({row.keys.get("image_id") or row.keys.get("id") for row in look.rows}))
        return {key: own for key, own in found.items() if len({_picture_name(row) for row in own}) <= most}
    return found


def _picture_name(row: Row) -> str:
    return row.keys.get("caption_id") or row.keys.get("image_id") or row.keys.get("id") or str(row.at)


def _keys(row: Row, kind: str, look: Look) -> Iterator[tuple[str, ...]]:
    if kind == "id":
        # A question's id is its own; the pair it asks about ties it to the other configs.
        yield from ((name,) for name in {row.keys.get("id"), row.keys.get("caption_id")} if name)
    elif kind == "picture":
        # A locator has the digest in the place of the picture.
        yield from ((digest,) for digest in {*row.pictures, row.keys.get("image_sha256")} if digest)
    elif kind == "figure":
        named = row.keys.get("caption_id") or row.keys.get("id") or ""
        if _kind(look) == "books" and (match := _FIGURE.fullmatch(named)):
            yield (match["figure"],)
    elif kind == "book":
        if (look.record.get("options") or {}).get("split_by") == "book" and row.keys.get("book"):
            yield (row.keys["book"],)
    elif value := row.keys.get(kind):
        space = space_of(row.keys["source"]) if row.keys.get("source") else ""
        yield (space, value)


def _straddling(groups: Mapping[tuple[str, ...], list[Row]]) -> Iterator[tuple[tuple[str, ...], list[Row]]]:
    for key, rows in groups.items():
        if len({row.table.split for row in rows}) > 1:
            yield key, rows


def _share(rows: Sequence[Row], found: Places) -> float:
    """The share of the training rows that meet a row of validation in anything but the id."""
    met = {
        (row.table.name, row.at)
        for kind, keys in found.items()
        if kind != "id"
        for own in keys.values()
        for row in own
        if row.table.split == "train"
    }
    train = sum(row.table.split == "train" for row in rows)
    return len(met) / train if train else 0.0


def _remedy(look: Look) -> str:
    how = (look.record.get("split") or {}).get("how")
    if how in ("paper", "official"):
        return f"The {how} lists divide groups. Build it with splits of ours: --split grouped"
    if look.record.get("dataset") == "skinvl_sft":
        return "Take the rows out: mmskin audit MIXTURE --against VALIDATION --fix DIR, or " + rebuild(look)
    return rebuild(look)
