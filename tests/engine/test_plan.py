"""Units cover every page once, the same ones whatever the order of the books."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mmskin_hub.engine.plan import PAGES_A_UNIT, make_plan, read_plan, write_plan
from mmskin_hub.engine.work import WorkFolder
from mmskin_hub.pdf import BookSurvey


def book(number: int, pages: int) -> BookSurvey:
    fingerprint = f"{number:02x}" * 32
    return BookSurvey(f"{number}.pdf", f"/books/{number}.pdf", fingerprint, 1000 * pages + number, pages, {})


page_counts = st.lists(st.integers(1, 3 * PAGES_A_UNIT + 1), min_size=1, max_size=5)


@given(page_counts)
def test_every_page_of_every_book_is_in_exactly_one_unit(counts: list[int]) -> None:
    plan = make_plan([book(n, pages) for n, pages in enumerate(counts)], {})
    covered = [(unit.book, page) for unit in plan.units for page in range(unit.first, unit.last + 1)]
    assert sorted(covered) == sorted(
        (book(n, 1).fingerprint, page) for n, pages in enumerate(counts) for page in range(1, pages + 1)
    )
    assert all(unit.pages <= PAGES_A_UNIT for unit in plan.units)
    assert len({unit.name for unit in plan.units}) == len(plan.units)


@given(page_counts, st.randoms(use_true_random=False))
def test_the_order_of_the_books_changes_nothing(counts: list[int], rng: random.Random) -> None:
    books = [book(n, pages) for n, pages in enumerate(counts)]
    shuffled = rng.sample(books, len(books))
    assert make_plan(books, {}).units == make_plan(shuffled, {}).units


def test_results_leave_by_book_and_page_whatever_the_order_of_work() -> None:
    plan = make_plan([book(2, 40), book(1, 20)], {})
    assert [(unit.book[:2], unit.first) for unit in plan.in_book_order()] == [
        ("01", 1), ("01", 17), ("02", 1), ("02", 17), ("02", 33),
    ]  # fmt: skip


def test_a_plan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    folder = WorkFolder(str(tmp_path / "key"))
    folder.create()
    plan = make_plan([book(1, 20), book(2, 3)], {"ocr": "none", "min_size": 96})
    write_plan(folder, plan)
    assert read_plan(folder) == plan


def test_scans_are_cut_finer_and_come_first() -> None:
    scan = replace(book(9, 9), profile={"scanned": 1.0})
    plan = make_plan([book(1, 32), scan], {})
    assert [(unit.book[:2], unit.first, unit.last) for unit in plan.in_book_order()] == [
        ("01", 1, 16), ("01", 17, 32), ("09", 1, 4), ("09", 5, 8), ("09", 9, 9),
    ]  # fmt: skip
    assert plan.units[0].book == scan.fingerprint
