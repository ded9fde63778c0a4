"""Nothing vanishes: a sum that does not come out stops the build."""

from __future__ import annotations

from collections import Counter

import pytest

from mmskin_hub.engine.counts import Counts, ImbalanceError, sorted_counts


def balanced() -> Counts:
    """Ten pictures: two rejected, one cut into three panels, the others one pair each; one pair rejected."""
    return Counts(
        pages=4,
        pictures=10,
        pairs=10,
        panels=3,
        page_rejects=Counter(no_caption=1, too_small=1, no_picture=5, page_failed=1),
        pair_rejects=Counter(annotated=1),
    )


def test_a_balanced_build_passes() -> None:
    counts = balanced()
    counts.check(published=9, expected_pages=4)
    assert (counts.rejected_pictures, counts.panel_extra) == (2, 2)


@pytest.mark.parametrize(
    ("field", "value"),
    [("pages", 3), ("pictures", 13), ("pictures", 8), ("pairs", 9), ("panels", 1)],
)
def test_a_picture_a_page_or_a_pair_too_few_or_too_many_is_noticed(field: str, value: int) -> None:
    counts = balanced()
    setattr(counts, field, value)
    with pytest.raises(ImbalanceError):
        counts.check(published=9, expected_pages=4)


@pytest.mark.parametrize("published", [8, 10])
def test_a_pair_lost_or_invented_is_noticed(published: int) -> None:
    with pytest.raises(ImbalanceError):
        balanced().check(published, expected_pages=4)


def test_units_add_up() -> None:
    counts = Counts()
    tally = {
        "pages": 2, "scanned_pages": 1, "pictures": 3, "pairs": 2, "panels": 0, "candidates": 1,
        "page_rejects": {"furniture": 1}, "pair_rejects": {"annotated": 1},
    }  # fmt: skip
    counts.add(tally)
    counts.add(tally)
    counts.check(published=2, expected_pages=4)
    assert counts.page_rejects == {"furniture": 2}


def test_reasons_are_listed_by_frequency_then_name() -> None:
    assert list(sorted_counts(["b", "a", "c", "c"]).items()) == [("c", 2), ("a", 1), ("b", 1)]
