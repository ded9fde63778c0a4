"""Whatever the user may mean by BOOKS is found, once each, and what cannot be meant is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmskin_hub.engine.books import find_books
from mmskin_hub.errors import NothingUsable, WrongUse


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%PDF-1.7\n")


def names(found: tuple[str, ...]) -> list[str]:
    return sorted(Path(path).name for path in found)


def test_a_folder_is_searched_downwards_in_any_case(tmp_path: Path) -> None:
    touch(tmp_path / "a.pdf", tmp_path / "deep" / "er" / "B.PDF", tmp_path / "notes.txt")
    assert names(find_books([str(tmp_path)]).paths) == ["B.PDF", "a.pdf"]


def test_spaces_accents_and_brackets_are_plain_letters(tmp_path: Path) -> None:
    odd = [tmp_path / "Atlas [2nd ed].pdf", tmp_path / "Dermatología clínica.pdf", tmp_path / "皮膚科.pdf"]
    touch(*odd)
    for path in odd:
        assert find_books([str(path)]).paths == (str(path),)


def test_patterns(tmp_path: Path) -> None:
    touch(tmp_path / "one.pdf", tmp_path / "two.pdf", tmp_path / "x" / "three.pdf")
    assert names(find_books([str(tmp_path / "*.pdf")]).paths) == ["one.pdf", "two.pdf"]
    assert names(find_books([str(tmp_path / "**" / "*.pdf")]).paths) == ["one.pdf", "three.pdf", "two.pdf"]


def test_order_and_repetition_of_the_arguments_do_not_matter(tmp_path: Path) -> None:
    touch(tmp_path / "a.pdf", tmp_path / "b.pdf")
    (tmp_path / "link.pdf").symlink_to(tmp_path / "a.pdf")
    a, b = str(tmp_path / "a.pdf"), str(tmp_path / "b.pdf")
    assert find_books([b, a]).paths == find_books([a, b, a]).paths == (a, b)
    assert len(find_books([str(tmp_path)]).paths) == 2


def test_a_file_named_outright_is_taken_whatever_its_name(tmp_path: Path) -> None:
    touch(tmp_path / "book")
    assert names(find_books([str(tmp_path / "book")]).paths) == ["book"]


@pytest.mark.parametrize("name", ["missing.pdf", "none-*.pdf"])
def test_what_is_not_there_is_an_error_that_names_it(tmp_path: Path, name: str) -> None:
    touch(tmp_path / "there.pdf")
    with pytest.raises(WrongUse, match=name.replace("*", r"\*")):
        find_books([str(tmp_path / "there.pdf"), str(tmp_path / name)])


def test_a_folder_without_books_is_nothing_usable(tmp_path: Path) -> None:
    touch(tmp_path / "notes.txt")
    with pytest.raises(NothingUsable, match="no PDF"):
        find_books([str(tmp_path)])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="whoever may read everything is refused nothing")
def test_a_folder_that_may_not_be_listed_is_a_reject(tmp_path: Path) -> None:
    touch(tmp_path / "a.pdf", tmp_path / "closed" / "b.pdf")
    (tmp_path / "closed").chmod(0)
    try:
        found = find_books([str(tmp_path)])
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert names(found.paths) == ["a.pdf"]
    assert [row.reason for row in found.rejects] == ["permission_denied"]
