"""Caps, sampling weights and the order of the rows: decided by the rows and the seed, never by how they came in."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from mmskin_hub.engine.mixture.items import Item
from mmskin_hub.engine.mixture.recipe import Recipe


def under_cap(rows: Sequence[Item], recipe: Recipe, seed: int) -> list[Item]:
    """The rows that the caps of ``recipe`` leave, in the order of ``rows``; a cap holds for each split on its own.

    Of a pool with too many rows each stratum (class, type of question, modality) keeps its share, and at least one
    row as long as the cap allows; which rows stay, the hash of seed and id decides, so that a larger cap only adds.
    """
    pools: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, item in enumerate(rows):
        pools[recipe.entries[item.source].pool(item.config), item.split].append(index)
    gone: set[int] = set()
    for members in pools.values():
        first = rows[members[0]]
        cap = recipe.entries[first.source].share_of(first.config).cap
        if cap is None or len(members) <= cap:
            continue
        strata: dict[str, list[int]] = defaultdict(list)
        for index in members:
            strata[f"{rows[index].config}\0{rows[index].stratum}"].append(index)
        quota = shares({name: len(part) for name, part in strata.items()}, cap)
        for name, part in strata.items():
            part.sort(key=lambda index: (_number(seed, "cap", rows[index].id), rows[index].id))
            gone.update(part[quota[name] :])
    return [item for index, item in enumerate(rows) if index not in gone]


def shares(sizes: Mapping[str, int], cap: int) -> dict[str, int]:
    """``cap`` shared out in proportion to ``sizes`` (their sum is not below it) by largest remainders.

    While there is one for each, every name gets at least one, at the cost of the largest share. None gets more than
    its size.
    """
    names = sorted(sizes, key=lambda name: (-sizes[name], name))
    total = sum(sizes.values())
    quota = {name: sizes[name] * cap // total for name in names}
    rest = sorted(names, key=lambda name: -(sizes[name] * cap % total))  # equal ones: the larger size first
    for name in rest[: cap - sum(quota.values())]:
        quota[name] += 1
    for name in names if cap >= len(names) else []:
        if not quota[name]:
            quota[max(names, key=lambda other: quota[other])] -= 1
            quota[name] = 1
    return quota


def weights(rows: Sequence[Item], recipe: Recipe) -> dict[str, float]:
    """The weight of a row of each pool of the training rows: on average over all rows it is 1.

    A row of pool p weighs (W_p / n_p) · (n / W): n rows in all, n_p in the pool, W_p the weight of the pool in rows,
    W the sum of these. Drawing rows in proportion to their weight draws each pool in proportion to its own.
    """
    counted = Counter(recipe.entries[item.source].pool(item.config) for item in rows)
    given: dict[str, float] = {}
    for item in rows:
        entry = recipe.entries[item.source]
        pool = entry.pool(item.config)
        if pool not in given:
            weight = entry.share_of(item.config).weight
            given[pool] = float(counted[pool]) if weight is None else weight
    total = sum(given[name] for name in sorted(given))
    return {name: given[name] / counted[name] * len(rows) / total for name in sorted(given)}


def mixed(rows: Sequence[Item], seed: int) -> list[Item]:
    """``rows`` shuffled by picture: those of one picture stay side by side, sources and classes mix."""

    def key(item: Item) -> tuple[int, str, str]:
        picture = item.sha or item.id
        return _number(seed, "order", picture), picture, item.id

    return sorted(rows, key=key)


def _number(seed: int, what: str, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{what}:{name}".encode("utf-8", "surrogatepass")).digest()[:8], "big")
