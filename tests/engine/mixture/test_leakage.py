"""The search finds what comparing all with all finds, and nothing else, in seconds."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from mmskin_hub.curate.duplicates import SAME_SCENE, HashIndex, close_across
from mmskin_hub.engine.mixture.items import Item
from mmskin_hub.engine.mixture.leakage import find_leaks


def codes(count: int, seed: int) -> NDArray[np.uint8]:
    """``count`` hashes of 256 bits, half of them set, as pictures have."""
    order = np.random.default_rng(seed).random((count, 256)).argsort(axis=1)
    packed: NDArray[np.uint8] = np.packbits(order < 128, axis=1)
    return packed


def near(code: NDArray[np.uint8], bits: int, seed: int) -> NDArray[np.uint8]:
    """``code`` with ``bits`` of its bits changed, half of them from set to unset."""
    plain = np.unpackbits(code)
    rng = np.random.default_rng(seed)
    places = [rng.choice(np.flatnonzero(plain == value), bits // 2, replace=False) for value in (0, 1)]
    plain[np.concatenate(places)] ^= 1
    packed: NDArray[np.uint8] = np.packbits(plain)
    return packed


def items(source: str, hashes: NDArray[np.uint8]) -> list[Item]:
    made = [Item(source, "default", "train", f"{source}/{n}", "vqa", (), "", "f", n) for n in range(len(hashes))]
    for item, code in zip(made, hashes, strict=True):
        item.phash, item.sha = code.tobytes().hex(), item.id
    return made


@pytest.mark.parametrize("radius", [0, 14, 28, 40, 100])
def test_two_sets_are_compared_exactly(radius: int) -> None:
    left = codes(150, 1)
    right = np.concatenate([codes(90, 2), [near(left[n], 2 * n, n) for n in range(40)]])
    words = [np.frombuffer(part.tobytes(), dtype=np.uint64).reshape(-1, 4) for part in (left, right)]
    bits = np.unpackbits(left, axis=1)[:, None].astype(int) != np.unpackbits(right, axis=1)[None]
    distance = bits.sum(axis=2)
    wanted = [(int(a), int(b), int(distance[a, b])) for a, b in np.argwhere(distance <= radius)]
    assert close_across(*words, radius) == wanted
    assert wanted


def test_nothing_is_compared_with_nothing() -> None:
    empty = HashIndex([{"phash": ""}]).words
    words = HashIndex([{"phash": code.tobytes().hex()} for code in codes(3, 0)]).words
    assert close_across(empty, words, 40) == close_across(words, empty, 40) == []


def test_near_duplicates_are_found_up_to_the_radius_and_not_beyond() -> None:
    hashes = codes(50, 3)
    tests = [("t", item) for item in items("t", hashes)]
    for bits, found in ((0, True), (SAME_SCENE, True), (SAME_SCENE + 2, False)):
        leaks = find_leaks(items("a", np.array([near(hashes[7], bits, 5)])), tests)
        assert bool(leaks) is found
        if found:
            assert (leaks[0][0].reason, leaks[0][0].test_id, leaks[0][0].bits) == ("leak_near_duplicate", "t/7", bits)


def test_each_test_set_is_told_once_with_its_surest_reason() -> None:
    hashes = codes(2, 4)
    (row,) = items("a", hashes[:1])
    row.lesion, row.sha = "L", "same"
    (one,), (other,) = items("a", hashes[1:]), items("a", hashes[:1])
    one.lesion, one.sha = "L", "else"
    other.sha, other.lesion = "same", "L"
    (found,) = find_leaks([row], [("first", one), ("second", other), ("second", one)]).values()
    assert [(leak.test_set, leak.reason) for leak in found] == [
        ("second", "leak_same_picture"),
        ("first", "leak_same_lesion"),
    ]


def test_sixty_thousand_rows_against_twenty_thousand_take_seconds() -> None:
    rows = items("a", codes(60_000, 5))
    tests = [("t", item) for item in items("t", codes(20_000, 6))]
    rows[123].phash = near(np.frombuffer(bytes.fromhex(tests[456][1].phash), np.uint8), 20, 7).tobytes().hex()
    began = time.perf_counter()
    leaks = find_leaks(rows, tests)
    assert time.perf_counter() - began < 60
    assert [(index, own[0].test_id) for index, own in leaks.items()] == [(123, "t/456")]
