"""Other books, or other versions of packages: what differs is named, by book and page number."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.errors import MmskinError
from mmskin_hub.pdf.reader import import_pymupdf
from tests.engine.drawn import draw_book
from tests.hub.shelf import (
    LITTLE,
    SMALL,
    again,
    draw_other,
    edited,
    leftovers,
    texts,
)


def test_a_missing_book_is_named_and_nothing_is_made(locator: Path, full: Path, mine: Path, tmp_path: Path) -> None:
    report = again(locator, tmp_path / "out", mine)
    (missing,) = report["differences"]
    (little,) = (
        entry
        for entry in json.loads((full / "build.json").read_text("utf-8"))["inputs"]
        if entry["pages"] == len(SMALL) and "rejected" not in entry
    )
    assert (missing["kind"], missing["book"]) == ("missing_book", little["sha256"])
    assert f"book {little['sha256'][:12]} (6 pages" in missing["text"]
    assert (report["identical"], report["out"], report["files"]) == (False, "", {})
    assert leftovers(tmp_path / "out") == {"mine"}


def another_picture(path: Path) -> None:
    draw_book(path, [100, 101, 102, 999, 104, 105])


def another_word(path: Path) -> None:
    draw_other(path, SMALL, lambda seed, text: text.replace("photographed", "seen") if seed == 104 else text)


def a_page_more(path: Path) -> None:
    draw_book(path, [*SMALL, 998])


def other_bytes(path: Path) -> None:
    draw_book(path, SMALL)
    book = import_pymupdf().open(path)
    book.set_metadata({"title": "Bought elsewhere"})
    book.save(path.with_suffix(".new"), no_new_id=True)
    book.close()
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize(
    ("draw", "changed"), [(another_picture, [4]), (another_word, [5]), (a_page_more, [7]), (other_bytes, [])]
)
def test_a_changed_page_is_named_by_number(
    locator: Path, mine: Path, tmp_path: Path, draw: Callable[[Path], None], changed: list[int]
) -> None:
    draw(mine / "the little one.pdf")
    draw_book(mine / "another.pdf", range(300, 303))
    report = again(locator, tmp_path / "out", mine)
    (found,) = report["differences"]
    assert (found["kind"], found["name"], found["pages"]) == ("other_book", "the little one.pdf", changed)
    assert found["same_pages"] >= 4
    assert f"page {changed[0]} differs" in found["text"] if changed else "are the same" in found["text"]
    assert not report["identical"] and not (tmp_path / "out").exists()
    assert leftovers(tmp_path / "out") == {"mine"}


def test_another_edition_is_called_one(locator: Path, mine: Path, tmp_path: Path) -> None:
    draw_book(mine / "3rd edition.pdf", [100, 101, 902, 903, 904, 905, 906, 907])
    report = again(locator, tmp_path / "out", mine)
    (found,) = report["differences"]
    assert found["kind"] == "other_book" and "another edition" in found["text"]
    assert set(found["pages"]) <= set(range(3, 9)) and len(found["pages"]) >= 4


def test_a_book_cut_short_is_told(locator: Path, shelf: Path, mine: Path, tmp_path: Path) -> None:
    (mine / "cut.pdf").write_bytes((shelf / LITTLE).read_bytes()[:60_000])
    report = again(locator, tmp_path / "out", mine)
    assert {found["kind"] for found in report["differences"]} == {"missing_book", "unusable"}
    assert "cut.pdf" in texts(report)


def test_other_results_of_the_same_books_are_named_with_what_could_explain_them(
    locator: Path, shelf: Path, tmp_path: Path
) -> None:
    """Another option in the record stands for another version of a package: the rows come out otherwise."""

    def older(record: dict[str, Any]) -> None:
        record["options"]["min_size"] = 400  # no picture of a page is that large
        record["tools"]["pymupdf"] = "0.1"
        record["counts"]["scanned_pages"] = 3

    with pytest.raises(MmskinError, match="no pair"):
        again(edited(locator, tmp_path / "a", older), tmp_path / "out", shelf)

    def otherwise(record: dict[str, Any]) -> None:
        older(record)
        record["options"] |= {"min_size": 64, "split_by": "book"}

    report = again(edited(locator, tmp_path / "b", otherwise), tmp_path / "out", shelf)
    assert not report["identical"] and report["files"]["captions/train-00000-of-00001.parquet"] == "differs"
    kinds = [found["kind"] for found in report["differences"]]
    assert kinds[0] == "files" and "rows" in kinds and kinds[-2:] == ["versions", "ocr"]
    assert "in another split" in texts(report)
    assert "pymupdf 0.1 (here" in texts(report) and '"pymupdf==0.1"' in texts(report)
    assert "3 pages are scans" in texts(report)
    assert leftovers(tmp_path / "out") == {"a", "b", "out.differs"}
    assert report["out"] == str(tmp_path / "out.differs") and (tmp_path / "out.differs" / "captions").is_dir()


def test_without_what_was_sealed_the_published_files_are_still_made(
    locator: Path, shelf: Path, mine: Path, tmp_path: Path
) -> None:
    """Whoever changed the sealed record has taken the names; the rows of books do not need them."""
    shutil.copy(shelf / LITTLE, mine / "3.pdf")
    report = again(edited(locator, tmp_path / "a", lambda record: record.update(sealed="00")), tmp_path / "out", mine)
    assert not report["identical"]
    assert {name for name, state in report["files"].items() if state != "identical"} == {"rejects.parquet"}
    assert "every published file is identical" in texts(report)
