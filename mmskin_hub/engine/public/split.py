"""Which rows are trained on: ``grouped`` (ours), ``paper`` (the original release's lists), ``official`` (the source's).

**grouped**: rows that share a lesion, a patient, a slide, a case series, or nearly the same picture are a group; a
group has one split. Within each class, groups stand in the order of a number drawn from their name by SHA-256, and
the first tenth of the rows is test, the next tenth validation, the rest train. Names alone decide, so the same files
give the same splits, and more files move few rows. Rows of a release's official test set are always test.

**paper**: the rows of the list are test (of Patch16 also validation); the others are split among train and validation
by groups, as there is no list of them. That the lists themselves divide lesions is counted, and told.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from mmskin_hub.curate.disjoint import DisjointSets
from mmskin_hub.engine.public.spec import Record
from mmskin_hub.errors import WrongUse
from mmskin_hub.schema import SPLITS

SHARE = 0.1
"""The share of the rows in test, and in validation."""
MAX_COPIES = 50
"""No photograph stands under more ids than this in one dataset."""
NEAR_ROWS = 60_000
"""Rows up to which hashes that are near, not equal, are looked for: every one is compared with every other."""
HOW = ("grouped", "paper", "official")
_SALT = "mmskin-public-1:"


def group(records: Sequence[Record]) -> None:
    """Give every record its ``group_id``: the first, by name, of the widest keys that its group holds."""
    sets = DisjointSets(len(records))
    sets.join_alike((index, key) for index, record in enumerate(records) for key in _keys(record))
    for members in _same_pictures(records):
        for other in members[1:]:
            sets.join(members[0], other)
    names: dict[int, str] = {}
    for index, record in enumerate(records):
        root = sets.find(index)
        own = min((value for kind, value in _keys(record) if kind == _kind(record)), default=record.image_id)
        names[root] = min(names.get(root, own), own)
    for index, record in enumerate(records):
        record.group_id = names[sets.find(index)]


def _same_pictures(records: Sequence[Record]) -> Iterable[list[int]]:
    """Places of records that show one picture under several ids: the same bytes, or hashes that differ little.

    Where a picture has more ids than any photograph would, it is a placeholder ("image not found") and ties nothing.
    """
    from mmskin_hub.curate.duplicates import SAME_SCENE, HashIndex

    sets = DisjointSets(len(records))
    sets.join_alike((index, record.sha256) for index, record in enumerate(records) if record.sha256)
    hashes = HashIndex([{"phash": record.phash} for record in records])
    for alike in hashes.groups():
        for other in alike[1:]:
            sets.join(alike[0], other)
    if len(records) <= NEAR_ROWS:
        for one, other, _ in hashes.neighbours(SAME_SCENE):
            sets.join(one, other)
    most = copies_at_most(len({record.image_id for record in records}))
    for members in sets.groups():
        if len(members) > 1 and len({records[index].image_id for index in members}) <= most:
            yield members


def copies_at_most(pictures: int) -> int:
    """How many ids one picture may have among ``pictures``."""
    return min(max(2, pictures // 20), MAX_COPIES)


def _kind(record: Record) -> str:
    """The kind of key that a group is named by: the widest the record has."""
    kinds = {kind for kind, _ in _keys(record)}
    return next((kind for kind in ("group", "patient", "lesion") if kind in kinds), "")


def _keys(record: Record) -> Iterable[tuple[str, str]]:
    yield from (("group", name) for name in record.groups)
    if record.patient_id:
        yield "patient", record.patient_id
    if record.lesion_id:
        yield "lesion", record.lesion_id
    yield "image", record.image_id


def assign(records: Sequence[Record], how: str, dataset: str) -> dict[str, Any]:
    """Give every record its ``split``; what is worth telling about it goes into ``build.json``.

    Raises :class:`WrongUse` where ``how`` is not offered for ``dataset``.
    """
    group(records)
    if how == "official":
        return _official(records, dataset)
    if how == "paper":
        return _paper(records, dataset)
    if how != "grouped":
        raise WrongUse(f"--split {how!r} is not known.", f"There are: {', '.join(HOW)}")
    pinned = {record.group_id for record in records if record.pinned}
    free = [record for record in records if record.group_id not in pinned]
    _stratified(free, (("test", SHARE), ("validation", SHARE)))
    for record in records:
        if record.group_id in pinned:
            record.split = "test"
    return _facts(records, how, {"pinned": len(records) - len(free)} if pinned else {})


def _official(records: Sequence[Record], dataset: str) -> dict[str, Any]:
    for record in records:
        record.split = record.official or ""
    without = sum(not record.split for record in records)
    if without:
        raise WrongUse(
            f"The source of {dataset} gives no official split for {without:,} of {len(records):,} rows.",
            "Say --split grouped instead.",
        )
    if all(record.split == "train" for record in records):
        raise WrongUse(f"The official test set of {dataset} is not among the files.", "Add it, or say --split grouped")
    return _facts(records, "official", {})


def _paper(records: Sequence[Record], dataset: str) -> dict[str, Any]:
    from mmskin_hub.engine.public.paper_lists import LISTS, paper_list

    lists = [paper_list(dataset, split) for split in LISTS.get(dataset, ("test",))]
    told: dict[str, Any] = {}
    for found in lists:
        # Where the source has sets of its own, a picture of the same name in another of them is not meant.
        here = [r for r in records if r.image_id in found.rows and r.official in (None, found.split)]
        other = sum(
            found.rows[r.image_id] is not None and r.label is not None and found.label(r.image_id) != r.label
            for r in here
        )
        for record in here:
            record.split = found.split
        ids = {record.image_id for record in here}
        told[found.split] = {"listed": len(found.rows), "found": len(ids), "other_label": other}
    if not any(record.split for record in records):
        raise WrongUse(f"None of the pictures of the paper's test list of {dataset} is here.", "Say --split grouped")
    rest = [record for record in records if not record.split]
    _stratified(rest, () if "validation" in told else (("validation", SHARE),))
    return _facts(records, "paper", {"lists": told})


def not_listed(records: Iterable[Record], dataset: str) -> set[str]:
    """Ids of the official test pictures that the paper's test list leaves out: under ``paper`` they have no place."""
    from mmskin_hub.engine.public.paper_lists import paper_list

    listed = paper_list(dataset).rows
    return {record.id for record in records if record.pinned and record.image_id not in listed}


def _stratified(records: Sequence[Record], shares: Sequence[tuple[str, float]]) -> None:
    """Split ``records`` by groups, each class by itself; a group counts to the class of most of its rows."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.group_id].append(record)
    strata: dict[str, list[list[Record]]] = defaultdict(list)
    for name in sorted(groups, key=lambda name: (_unit(name), name)):
        labels = Counter(record.label or "" for record in groups[name])
        strata[min(labels, key=lambda label: (-labels[label], label))].append(groups[name])
    for stratum in strata.values():
        total, before = sum(map(len, stratum)), 0
        for members in stratum:
            middle = (before + len(members) / 2) / total
            before += len(members)
            limit = 0.0
            split = "train"
            for name, share in reversed(shares):
                limit += share
                if middle < limit:
                    split = name
                    break
            for record in members:
                record.split = split
    _fill_empty(list(strata.values()), [name for name, _ in shares])


def _fill_empty(strata: Sequence[Sequence[list[Record]]], names: Sequence[str]) -> None:
    """Few groups may leave a split without any: it gets the smallest one of train, if more than one is there."""
    groups = [members for stratum in strata for members in stratum]
    for name in names:
        trained = [members for members in groups if members[0].split == "train"]
        if len(trained) > 1 and all(members[0].split != name for members in groups):
            for record in min(trained, key=lambda members: (len(members), _unit(members[0].group_id))):
                record.split = name


def _facts(records: Sequence[Record], how: str, more: dict[str, Any]) -> dict[str, Any]:
    """What ``build.json`` says of the split; ``divided`` counts groups with rows in several splits."""
    splits: dict[str, set[str]] = defaultdict(set)
    for record in records:
        splits[record.group_id].add(record.split)
    return {
        "how": how,
        "groups": len(splits),
        "divided": sum(len(found) > 1 for found in splits.values()),
        "rows": {split: sum(record.split == split for record in records) for split in SPLITS},
        **more,
    }


def _unit(name: str) -> float:
    """A number from 0 to 1 that ``name`` alone decides."""
    return int.from_bytes(hashlib.sha256((_SALT + name).encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
