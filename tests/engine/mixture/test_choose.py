"""Caps keep proportions, weights keep promises, and the order depends on nothing but the rows and the seed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmskin_hub.engine.mixture.choose import mixed, shares, under_cap, weights
from mmskin_hub.engine.mixture.items import Item
from mmskin_hub.engine.mixture.recipe import Recipe, read_recipe


def item(source: str, number: int, stratum: str = "", sha: str = "", split: str = "train") -> Item:
    name = f"{source}/default/{number}"
    return Item(source, "default", split, name, "vqa", (("user", "?"),), "!", "f", number, None, stratum, None, sha)


def recipe(text: str) -> Recipe:
    return read_recipe(Path("mine.yaml"), "pub", text)


@given(st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 200), min_size=1), st.integers(1, 300))
def test_shares_add_up_and_follow_the_sizes(sizes: dict[str, int], cap: int) -> None:
    total = sum(sizes.values())
    if cap >= total:
        return
    quota = shares(sizes, cap)
    assert sum(quota.values()) == cap
    assert all(0 <= quota[name] <= sizes[name] for name in sizes)
    if cap >= len(sizes):
        assert min(quota.values()) >= 1
        assert all(abs(quota[name] - sizes[name] * cap / total) <= len(sizes) for name in sizes)


def test_a_cap_keeps_classes_in_proportion_for_each_split() -> None:
    rows = [
        item("a", n, "common" if n % 10 else "rare", split="validation" if n < 100 else "train") for n in range(1100)
    ]
    rows += [item("b", n) for n in range(5)]
    kept = under_cap(rows, recipe("pub:\n  a: {cap: 50}\n  b: {cap: 50}\n"), 0)
    assert Counter((row.source, row.split, row.stratum) for row in kept) == {
        ("a", "train", "common"): 45,
        ("a", "train", "rare"): 5,
        ("a", "validation", "common"): 45,
        ("a", "validation", "rare"): 5,
        ("b", "train", ""): 5,
    }


def test_a_cap_depends_on_the_seed_and_not_on_the_order_and_a_larger_one_only_adds() -> None:
    rows = [item("a", n, str(n % 3)) for n in range(300)]
    shuffled = random.Random(1).sample(rows, len(rows))
    small, large = recipe("pub:\n  a: {cap: 30}\n"), recipe("pub:\n  a: {cap: 60}\n")

    def ids(rows: list[Item], what: Recipe, seed: int = 0) -> set[str]:
        return {row.id for row in under_cap(rows, what, seed)}

    assert ids(rows, small) == ids(shuffled, small)
    assert ids(rows, small) < ids(rows, large)
    assert ids(rows, small) != ids(rows, small, seed=1)


def test_weights_draw_each_source_as_often_as_it_weighs() -> None:
    rows = [item("a", n) for n in range(60)] + [item("b", n) for n in range(30)] + [item("c", n) for n in range(10)]
    found = weights(rows, recipe("pub:\n  a:\n  b: {weight: 60}\n  c: {weight: 30}\n"))
    assert sum(found[row.source] for row in rows) == pytest.approx(len(rows))
    drawn = {name: found[name] * count for name, count in (("a", 60), ("b", 30), ("c", 10))}
    assert drawn["a"] == pytest.approx(drawn["b"]) == pytest.approx(2 * drawn["c"])
    plain = weights(rows, recipe("pub:\n  a:\n  b:\n  c:\n"))
    assert plain == {"a": 1.0, "b": 1.0, "c": 1.0}


def test_rows_of_a_picture_stay_together_and_the_order_is_that_of_the_rows_alone() -> None:
    rows = [item("ab"[n % 2], n, sha=f"picture {n % 40}") for n in range(200)]
    order = [row.id for row in mixed(rows, 0)]
    assert order == [row.id for row in mixed(rows[::-1], 0)]
    assert order != [row.id for row in mixed(rows, 1)]
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(mixed(rows, 0)):
        places[row.sha].append(place)
    assert all(own[-1] - own[0] == len(own) - 1 for own in places.values())
