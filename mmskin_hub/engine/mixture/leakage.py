"""Which rows of a mixture show what a test split shows: a model trained on them would be asked what it has seen.

A row leaks into a test set where a row of that set has the same picture byte for byte, the same image id, nearly the
same picture by its perceptual hash, the same lesion or the same patient; the first of these is its reason. Ids count
within a space (:mod:`mmskin_hub.engine.names`), which the datasets of the ISIC archive share. Two pictures are nearly
the same up to :data:`duplicates.SAME_SCENE` bits, the distance that no train and test picture of one of our own splits
may have.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mmskin_hub.curate.duplicates import SAME_SCENE, HashIndex, close_across
from mmskin_hub.engine.mixture.items import LEAKS, Item
from mmskin_hub.engine.names import picture_key, space_of


@dataclass(frozen=True, slots=True)
class Leak:
    """``reason`` (one of :data:`items.LEAKS`) ties a row to the row ``test_id`` of ``test_set``; ``bits`` of the hash
    (of 256) differ where the reason is a near-duplicate, otherwise 0."""

    reason: str
    test_set: str
    test_id: str
    bits: int = 0

    @property
    def detail(self) -> str:
        """A sentence for the reject row."""
        near = f" ({self.bits} of 256 bits of the hash differ)" if self.reason == "leak_near_duplicate" else ""
        return f"It is {self.test_id} of the test split of {self.test_set}{near}."


def find_leaks(rows: Sequence[Item], guarded: Sequence[tuple[str, Item]]) -> dict[int, tuple[Leak, ...]]:
    """For each leaking row (its place in ``rows``) one leak for each test set it repeats, the surest first.

    ``guarded`` are the test rows with the name of their test set. Near-duplicates are found by comparing every
    distinct hash of ``rows`` with every one of ``guarded``, in blocks; the rest are look-ups.
    """
    found: dict[int, dict[str, Leak]] = defaultdict(dict)
    for reason, key in _KEYS:
        wanted: dict[object, dict[str, str]] = defaultdict(dict)
        for test_set, item in guarded:
            if value := key(item):
                known = wanted[value].get(test_set)
                wanted[value][test_set] = item.id if known is None else min(known, item.id)
        for index, item in enumerate(rows):
            for test_set, test_id in wanted.get(key(item) or "", {}).items():
                _keep(found[index], Leak(reason, test_set, test_id))
    for index, leak in _near(rows, guarded):
        _keep(found[index], leak)
    return {index: tuple(sorted(leaks.values(), key=_rank)) for index, leaks in sorted(found.items()) if leaks}


def _keep(leaks: dict[str, Leak], leak: Leak) -> None:
    known = leaks.get(leak.test_set)
    if known is None or _rank(leak) < _rank(known):
        leaks[leak.test_set] = leak


def _rank(leak: Leak) -> tuple[int, int, str, str]:
    return LEAKS.index(leak.reason), leak.bits, leak.test_set, leak.test_id


def _near(rows: Sequence[Item], guarded: Sequence[tuple[str, Item]]) -> Iterable[tuple[int, Leak]]:
    own = HashIndex([{"phash": item.phash} for item in rows])
    tests = HashIndex([{"phash": item.phash} for _, item in guarded])
    for a, b, bits in close_across(own.words, tests.words, SAME_SCENE):
        names: dict[str, str] = {}
        for place in tests.members[tests.codes[b]]:
            test_set, item = guarded[place]
            names[test_set] = min(names.get(test_set, item.id), item.id)
        for index in own.members[own.codes[a]]:
            for test_set, test_id in names.items():
                yield index, Leak("leak_near_duplicate", test_set, test_id, bits)


def _own(source: str, value: str) -> tuple[str, str] | None:
    return (space_of(source), value) if value else None


_KEYS: tuple[tuple[str, Callable[[Item], object]], ...] = (
    ("leak_same_picture", lambda item: item.sha),
    ("leak_same_image_id", lambda item: picture_key(space_of(item.source), item.image_id)),
    ("leak_same_lesion", lambda item: _own(item.source, item.lesion)),
    ("leak_same_patient", lambda item: _own(item.source, item.patient)),
)
