"""Splits: what belongs together stays together, shares are kept, and content alone decides."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.curate.splits import SHARE, TOLERANCE, assign_splits

Rows = list[dict[str, Any]]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def bits_of(text: str) -> np.ndarray:
    seed = int(digest(text)[:8], 16)
    return np.random.default_rng(seed).permutation(np.arange(256) % 2).astype(np.uint8)


def near(bits: np.ndarray, distance: int) -> np.ndarray:
    out = bits.copy()
    for value in (0, 1):
        out[np.flatnonzero(bits == value)[: distance // 2]] = 1 - value
    return out


def row(book: str, page: int, figure: int = 1, panel: str = "", **changes: Any) -> dict[str, Any]:
    name = f"{book}-{page}-{figure}-{panel}"
    bits = changes.pop("bits", bits_of(name))
    return {
        "id": name, "book": digest(book), "page": page, "figure": f"p{page}-f{figure}", "panel": panel,
        "caption": f"Plaque {name}.", "figure_label": "", "phash": np.packbits(bits).tobytes().hex(),
        "digest": digest(name), "pair_score": 0.9, "width": 10, "height": 10, **changes,
    }  # fmt: skip


def book(name: str, pages: int, **changes: Any) -> Rows:
    return [row(name, page, **changes) for page in range(1, pages + 1)]


def splits_of(rows: Rows, how: str = "auto") -> dict[str, str]:
    return dict(zip((one["id"] for one in rows), assign_splits(rows, how), strict=True))


def together(rows: Rows, *pairs: Rows, how: str = "figure") -> bool:
    """Whether each pair ends in one split, in each of many worlds that differ by what else there is."""
    split = splits_of(rows, how)
    return all(len({split[one["id"]] for one in pair}) == 1 for pair in pairs)


def pairs_of(make: Any, count: int = 60) -> tuple[Rows, list[Rows]]:
    """``count`` pairs of rows that ``make`` relates, with rows between them; unrelated, some would straddle."""
    pairs = [make(f"book{n}") for n in range(count)]
    return [one for pair in pairs for one in pair], pairs


def test_unrelated_figures_do_straddle() -> None:
    rows, pairs = pairs_of(lambda b: [row(b, 1), row(b, 2)])
    assert not together(rows, *pairs)


@pytest.mark.parametrize(
    "make",
    [
        lambda b: [row(b, 1, 1, "A"), row(b, 1, 1, "B")],
        lambda b: [row(b, 1, bits=bits_of(b)), row(b, 9, bits=near(bits_of(b), 40))],
        lambda b: [row(b, 1, digest=digest(b)), row(b, 9, digest=digest(b))],
        lambda b: [row(b, 4, figure_label="Fig. 3.2"), row(b, 5, figure_label="Figure 3-2 (cont.)")],
        lambda b: [row(b, 1), row(b, 2, caption="Same patient after two weeks.")],
        lambda b: [row(b, 1), row(b, 1, 2, caption="Histology of the same lesion.")],
        lambda b: [
            row(b, 1, figure_label="Fig. 1"),
            row(b, 9, caption="The same child as in Figure 1.", figure_label="Fig. 8"),
        ],
        lambda b: [row(b, p, caption=f"A very long and telling caption about the lesion of {b}") for p in (1, 9)],
    ],
    ids=["panels", "near duplicates", "same bytes", "facing pages", "same patient", "same lesion", "named", "caption"],
)
def test_what_belongs_together_never_straddles(make: Any) -> None:
    rows, pairs = pairs_of(make)
    assert together(rows, *pairs)
    assert len(set(assign_splits(rows, "figure"))) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda b: [row(b, 1, bits=bits_of(b)), row(b, 9, bits=near(bits_of(b), 44))],
        lambda b: [row(b, 1, figure_label="Fig. 1"), row(b, 90, figure_label="Fig. 1")],
        lambda b: [row(b, 1, caption=f"Psoriasis {b}."), row(b, 9, caption=f"Psoriasis {b}.")],
    ],
    ids=["other scene", "other chapter", "everybody's caption"],
)
def test_what_does_not_belong_together_is_not_tied(make: Any) -> None:
    rows, pairs = pairs_of(make)
    assert not together(rows, *pairs)


def test_by_book_from_five_books_on() -> None:
    rows = [one for n in range(5) for one in book(f"b{n}", 20)]
    by_book: dict[str, set[str]] = {}
    for one, split in zip(rows, assign_splits(rows), strict=True):
        by_book.setdefault(one["book"], set()).add(split)
    assert all(len(found) == 1 for found in by_book.values())
    assert Counter(min(found) for found in by_book.values()) == {"train": 3, "validation": 1, "test": 1}
    four = [one for n in range(4) for one in book(f"b{n}", 20)]
    assert assign_splits(four) == assign_splits(four, "figure")
    assert assign_splits(rows, "figure") != assign_splits(rows)


def test_books_that_share_a_picture_share_a_split() -> None:
    rows = [one for n in range(40) for one in book(f"b{n}", 5)]
    for n in range(0, 40, 2):
        bits = bits_of(f"shared {n}")
        rows += [row(f"b{n}", 90, bits=bits), row(f"b{n + 1}", 91, bits=near(bits, 30))]
    split = {one["book"]: name for one, name in zip(rows, assign_splits(rows), strict=True)}
    assert all(split[digest(f"b{n}")] == split[digest(f"b{n + 1}")] for n in range(0, 40, 2))
    assert len(set(split.values())) == 3


def test_books_that_all_share_pictures_are_split_by_figure() -> None:
    bits = bits_of("stock")
    rows = [one for n in range(6) for one in [*book(f"b{n}", 20), row(f"b{n}", 99, bits=near(bits, 2 * n))]]
    assert len(set(assign_splits(rows))) == 3
    assert set(assign_splits(rows, "book")) == {"train"}


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, {}), (1, {"train": 1}), (2, {"train": 1, "test": 1}), (3, {"train": 1, "validation": 1, "test": 1}),
     (10, {"train": 8, "validation": 1, "test": 1})],
)  # fmt: skip
def test_tiny_sets(count: int, expected: dict[str, int]) -> None:
    assert Counter(assign_splits(book("b", count))) == expected


@pytest.mark.parametrize("count", [200, 1000, 5000])
def test_shares(count: int) -> None:
    sizes = Counter(assign_splits(book("b", count)))
    for name in ("validation", "test"):
        assert abs(sizes[name] / count - SHARE) <= TOLERANCE


def test_a_huge_group_stays_in_train() -> None:
    rows = [*(row("b", 1, 1, chr(65 + n)) for n in range(26)), *book("c", 10)]
    split = splits_of(rows, "figure")
    assert {split[one["id"]] for one in rows[:26]} == {"train"}
    assert set(split.values()) == {"train", "validation", "test"}


def test_added_books_move_almost_nothing() -> None:
    before = splits_of(book("old", 1000), "figure")
    after = splits_of([*book("old", 1000), *book("new", 700)], "figure")
    assert sum(after[name] != split for name, split in before.items()) <= 0.02 * len(before)


def test_an_unknown_way_is_refused() -> None:
    with pytest.raises(ValueError, match="page"):
        assign_splits([], "page")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 7), st.integers(1, 4), st.integers(1, 2), st.sampled_from(["", "A", "B"]), st.integers(0, 9)
        ),
        max_size=40,
    ),
    st.sampled_from(["auto", "book", "figure"]),
    st.randoms(use_true_random=False),
)
@settings(max_examples=80, deadline=None)
def test_order_decides_nothing_and_no_group_straddles(
    spec: list[tuple[int, int, int, str, int]], how: str, shuffle: random.Random
) -> None:
    rows = []
    for number, (name, page, figure, panel, scene) in enumerate(spec):
        bits = near(bits_of(f"scene {scene}"), 2 * (number % 10)) if scene < 4 else bits_of(f"own {number}")
        caption = "Same patient." if scene == 9 else f"Plaque {number}"
        changes = {"id": f"{number}", "digest": digest(f"{number}"), "bits": bits, "caption": caption}
        rows.append(row(f"book {name}", page, figure, panel, **changes))
    split = splits_of(rows, how)
    mixed = rows[:]
    shuffle.shuffle(mixed)
    assert splits_of(mixed, how) == split
    assert "train" in split.values() or not rows
    for keys in (
        lambda one: (one["book"], one["figure"]),
        lambda one: spec[int(one["id"])][4] if spec[int(one["id"])][4] < 4 else one["id"],
        lambda one: one["book"] if how == "book" else one["id"],
    ):
        found: dict[Any, set[str]] = {}
        for one in rows:
            found.setdefault(keys(one), set()).add(split[one["id"]])
        assert all(len(names) == 1 for names in found.values())
