"""Every block of the pages is run, in order, in a scratch home: README, docs, recipes.

What a page makes is what the next one uses, so the order is that of docs/README.md; README.md, which tells it all once
more, comes last. A block that cannot be run here says why right above it (``<!-- not run: needs four GPUs -->``); those
are counted here, so that none is added unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, Block, blocks, links, name_of

ORDER = [page for page in PAGES if name_of(page) != "benchmarks/README.md"]
RUN = ("sh", "python")
NOT_RUN: dict[str, int] = {"README.md": 5, "docs/demo.md": 1, "docs/evaluation.md": 1, "docs/scaling.md": 2}
"""How many blocks of a page are not run. These numbers may only fall."""


def runnable(page: Path) -> list[Block]:
    """The blocks of a page that are commands or Python."""
    return [block for block in blocks(page) if block.language in RUN]


def order() -> list[Path]:
    """The pages in the order in which docs/README.md names them; the README of the project comes last."""
    told = [(ROOT / "docs" / target.partition("#")[0]).resolve() for target in links(ROOT / "docs" / "README.md")]
    known = {page: told.index(page) for page in ORDER if page in told}
    return sorted(ORDER, key=lambda page: (page == ROOT / "README.md", known.get(page, len(told))))


def test_what_is_not_run_says_why_and_grows_no_more() -> None:
    found = {name_of(page): [block.place for block in runnable(page) if block.not_run] for page in ORDER}
    assert {page: len(places) for page, places in found.items() if places} == NOT_RUN, found


def test_what_is_run_holds_no_placeholder() -> None:
    assert not [block.place for page in ORDER for block in runnable(page) if "…" in block.text and not block.not_run]


def test_every_block_names_its_language() -> None:
    unnamed = [block for page in ORDER for block in blocks(page) if not block.language]
    assert not [block.place for block in unnamed if "mmskin " in block.text]


def run(pages: Sequence[Path], folder: Path, heavy: bool) -> None:
    """Run the blocks of ``pages``; a failure names file and line of each block that failed, with what it said."""
    from tests.docs.home import home

    failed, count = [], 0
    with home(folder, heavy) as scratch:
        for page in pages:
            for ran in scratch.page(name_of(page), runnable(page)):
                count += 1
                if ran.status not in ran.block.statuses:
                    failed.append(
                        f"{ran.block.place}: exit status {ran.status}\n{ran.block.text}\n{ran.said[-3000:]}\n"
                    )
    assert not failed, "\n".join(failed)
    assert count == sum(1 for page in pages for block in runnable(page) if not block.not_run) > 0


def test_the_blocks_of_a_light_page_run(tmp_path: Path) -> None:
    run([ROOT / "docs" / "command_line.md"], tmp_path, heavy=False)


@pytest.mark.slow
def test_every_block_runs(tmp_path: Path) -> None:
    for module in ("trl", "lm_eval", "pymupdf"):
        pytest.importorskip(module)
    run(order(), tmp_path, heavy=True)
