"""One of each kind, made once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.engine.drawn import draw_book
from tests.evals.tasks import drawn
from tests.hub.cards.records import ddi
from tests.hub.gate.made import Shop, asked, audited, benchmarks, mixture, run_record, weights_in
from tests.hub.shelf import locator_of, mm_skin


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MM-Skin out of two drawn books."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "shelf").mkdir()
    draw_book(folder / "shelf" / "Atlas, 2nd ed.pdf", range(24))
    draw_book(folder / "shelf" / "small.pdf", range(100, 106))
    return mm_skin(folder / "shelf", folder / "mm-skin")


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HAM10000 in its official layout, drawn and built."""
    return drawn.ham10000(tmp_path_factory.mktemp("public"), 70)


@pytest.fixture(scope="session")
def toned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DDI, drawn and built."""
    return ddi(tmp_path_factory.mktemp("toned"))


@pytest.fixture(scope="session")
def mix(tmp_path_factory: pytest.TempPathFactory, books: Path, public: Path) -> Path:
    """A mixture of the two."""
    return mixture(tmp_path_factory.mktemp("mix") / "pubmm", mm_skin=books, ham10000=public)


@pytest.fixture(scope="session")
def locator(tmp_path_factory: pytest.TempPathFactory, books: Path) -> Path:
    """The locator of MM-Skin."""
    return locator_of(books, tmp_path_factory.mktemp("locator") / "mm-skin")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, books: Path, public: Path, toned: Path, mix: Path) -> Shop:
    """A model of real files, evaluated on every task by the real ``evaluate``, its data audited."""
    folder = tmp_path_factory.mktemp("shop")
    merged = weights_in(folder / "merged")
    (merged / "run.json").write_text(json.dumps(run_record(merged, mix)), encoding="utf-8")
    places = benchmarks(folder / "data", ham10000=public, ddi=toned, mm_skin=books)
    return Shop(merged, asked(merged, folder / "results", places), mix, places, audited(mix, places))
