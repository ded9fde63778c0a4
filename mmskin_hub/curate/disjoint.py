"""Disjoint sets: what belongs together, found by joining two at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable


class DisjointSets:
    """Disjoint sets of the numbers below ``count``: the smaller root wins, paths are halved."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def find(self, item: int) -> int:
        """The smallest number of the set that ``item`` is in."""
        parent = self.parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, one: int, other: int) -> None:
        """Make one set of the two that ``one`` and ``other`` are in."""
        one, other = self.find(one), self.find(other)
        self.parent[max(one, other)] = min(one, other)

    def join_alike(self, keys: Iterable[tuple[int, Hashable]]) -> None:
        """Join the items (the first of each pair) whose key (the second) is the same; a false key joins nothing."""
        first: dict[Hashable, int] = {}
        for item, key in keys:
            if key:
                self.join(first.setdefault(key, item), item)

    def copy(self) -> DisjointSets:
        """The same sets, to be joined further without a trace in these."""
        twin = DisjointSets(0)
        twin.parent = list(self.parent)
        return twin

    def groups(self) -> list[list[int]]:
        """The sets, each in order, by their smallest number."""
        found: dict[int, list[int]] = defaultdict(list)
        for item in range(len(self.parent)):
            found[self.find(item)].append(item)
        return list(found.values())
