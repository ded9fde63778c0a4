"""Every link leads somewhere, every file that is named is there, and no page is out of reach."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, anchors, blocks, code, links, name_of

FOLDERS = ("mmskin_hub", "builders", "recipes", "cards", "benchmarks", "tests", "docs")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    for target in links(page):
        if target.startswith("https://"):
            continue
        assert ":" not in target, f"{target} is neither a page of ours nor https"
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(ROOT) and file.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(file), f"{target}: {name_of(file)} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_are_there(page: Path) -> None:
    named = {text for text in code(page) if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*", text)}
    for block in blocks(page):
        named |= {word for word in block.text.split() if re.fullmatch(r"recipes/[\w./-]+\.(?:py|yaml)", word)}
    missing = sorted(name for name in named if not (ROOT / name).exists())
    assert not missing


def test_every_page_is_in_the_table_of_contents() -> None:
    contents = set(links(ROOT / "docs" / "README.md"))
    assert {page.name for page in DOCS} - contents == {"README.md"}


def test_lines_are_no_longer_than_those_of_the_code() -> None:
    long = [
        f"{name_of(page)}:{number}"
        for page in DOCS
        if page.name != "api.md"  # lines of signatures
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > 120 and not line.startswith("|")
    ]
    assert not long
