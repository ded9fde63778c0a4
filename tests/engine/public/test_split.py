"""Splits: nothing that belongs together is divided, whatever the ids; shares hold; the paper's lists are obeyed."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.engine.public.paper_lists import LISTS, paper_list
from mmskin_hub.engine.public.spec import Record
from mmskin_hub.engine.public.split import assign, copies_at_most
from mmskin_hub.errors import WrongUse
from mmskin_hub.registry import PUBLIC

_ID = st.one_of(st.none(), st.integers(0, 12).map(str))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_ID, _ID, _ID, st.sampled_from("abc"), st.booleans()), min_size=1, max_size=60))
def test_no_patient_lesion_or_picture_is_in_two_splits(rows: list[tuple[str | None, ...]]) -> None:
    records = [
        Record(str(n), str(n), "t", n, patient_id=patient, lesion_id=lesion, sha256=sha or "", label=str(label),
               pinned=bool(pinned) and n % 7 == 0)
        for n, (patient, lesion, sha, label, pinned) in enumerate(rows)
    ]  # fmt: skip
    assign(records, "grouped", "ham10000")
    for field in ("patient_id", "lesion_id", "sha256", "group_id"):
        splits: dict[str, set[str]] = defaultdict(set)
        for record in records:
            if value := getattr(record, field):
                splits[value].add(record.split)
        if field == "sha256":  # what too many ids share is a placeholder, and ties nothing
            shared = Counter(record.sha256 for record in records)
            splits = {sha: found for sha, found in splits.items() if shared[sha] <= copies_at_most(len(records))}
        assert all(len(found) == 1 for found in splits.values()), field
    assert all(record.split == "test" for record in records if record.pinned)
    assert all(record.split in ("train", "validation", "test") for record in records)


def records_of(count: int) -> list[Record]:
    return [
        Record(str(n), str(n), "t", n, lesion_id=str(n // 2), label="rare" if n % 20 < 2 else "common")
        for n in range(count)
    ]


def test_shares_hold_in_every_class_and_any_order_gives_the_same() -> None:
    records = records_of(2000)
    assign(records, "grouped", "ham10000")
    for label, total in (("rare", 200), ("common", 1800)):
        for split, share in (("test", 0.1), ("validation", 0.1), ("train", 0.8)):
            found = sum(record.label == label and record.split == split for record in records)
            assert abs(found / total - share) <= 0.02, (label, split, found)
    other = list(reversed(records_of(2000)))
    assign(other, "grouped", "ham10000")
    assert {record.id: record.split for record in other} == {record.id: record.split for record in records}


def test_few_groups_leave_no_split_empty() -> None:
    records = records_of(6)
    assign(records, "grouped", "ham10000")
    assert {record.split for record in records} == {"train", "validation", "test"}


@pytest.mark.parametrize("name", sorted(LISTS))
def test_the_papers_test_list_decides(name: str) -> None:
    found = paper_list(name)
    listed = list(found.rows)[:50]
    official = "test" if name == "dermnet" else None
    records = [Record(n, n, "t", 0, label=found.label(n) if found.classes else None, official=official) for n in listed]
    records += [Record(f"own-{n}", f"own-{n}", "t", n, label=None) for n in range(50)]
    facts = assign(records, "paper", name)
    assert all(record.split == "test" for record in records[:50])
    assert all(record.split != "test" for record in records[50:])
    assert facts["lists"]["test"] == {"listed": len(found.rows), "found": 50, "other_label": 0}
    if found.classes:
        assert found.classes == PUBLIC[name].classes
        records[0].label = next(label for label in found.classes if label != records[0].label)
        assert assign(records, "paper", name)["lists"]["test"]["other_label"] == 1


def test_the_paper_offers_what_the_registry_says() -> None:
    assert {name for name, facts in PUBLIC.items() if "paper" in facts.splits} == set(LISTS)
    with pytest.raises(WrongUse):
        assign(records_of(4), "paper", "pad_ufes_20")


def test_official_needs_a_split_of_every_row() -> None:
    with pytest.raises(WrongUse, match="no official split"):
        assign(records_of(4), "official", "ham10000")


def test_near_copies_stay_together_and_placeholders_tie_nothing() -> None:
    dice = random.Random(0)
    hashes = [sum(1 << bit for bit in dice.sample(range(256), 128)) for _ in range(100)]
    records = [Record(str(n), str(n), "t", n, phash=f"{code:064x}") for n, code in enumerate(hashes)]
    records[1].phash, records[2].sha256 = f"{hashes[0] ^ 0b10101:064x}", "same"
    records[3].sha256 = "same"
    for record in records[50:]:
        record.sha256 = "placeholder"
    assign(records, "grouped", "ham10000")
    assert records[0].group_id == records[1].group_id and records[2].group_id == records[3].group_id
    assert len({record.group_id for record in records}) == 98
