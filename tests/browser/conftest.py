"""The pages to look at, made by the house's own code, and a browser for each module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmskin_hub.builders.mm_skin import Request, build
from mmskin_hub.cli import main
from mmskin_hub.evals.run import evaluate
from tests.browser.looking import Looker, chromium
from tests.drawing.pictures import make
from tests.engine.drawn import draw_book
from tests.evals.fakes import CHOICE, GEN, Fake, install, request

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TASKS = (GEN, CHOICE, "mmskin_ham10000_paper")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the whole session: Playwright's event loop would be in the way of other tests' asyncio.run.
    with chromium() as running:
        yield running


@pytest.fixture
def look(browser: Browser) -> Iterator[Looker]:
    """Opens pages; when the test ends, none of them may have asked for anything or made the browser complain."""
    looker = Looker(browser)
    yield looker
    looker.close()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MM-Skin of two drawn books, built as a user would; its contact sheet is the one to look at."""
    folder = tmp_path_factory.mktemp("shelf")
    draw_book(folder / "Großer Atlas, 2nd ed.pdf", range(12))
    draw_book(folder / "small.pdf", range(100, 106))
    (folder / "letter.pdf").write_text("Dear reader, this is no PDF.")
    out = tmp_path_factory.mktemp("built") / "mm-skin"
    build(Request((str(folder),), out, "1.2.3", workers=1))
    return out


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """An evaluation of three tasks on drawn rows: its folder and its results."""
    out = tmp_path_factory.mktemp("run")
    said = ("Nevus", "<script>alert(1)</script> & melanoma", "", "Dermatofibroma")
    with pytest.MonkeyPatch.context() as patch:
        install(patch, Fake(said=said), 90)
        found: Any = evaluate(request(out, TASKS, calibrate=True))
    return out, found


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit of two folders of pictures: five of the test set's are in the training set, two of them shrunken."""
    folder = tmp_path_factory.mktemp("audit")
    for name, seeds in (("train", range(12)), ("test", range(7, 19))):
        (folder / name).mkdir()
        for seed in seeds:
            picture = make(("clinical", "dermoscopic", "pathology")[seed % 3], seed, (320, 240))
            small = name == "test" and seed > 9
            (picture.resize((160, 120)) if small else picture).save(folder / name / f"{name}{seed:02d}.png")
    command = ["audit", f"web={folder / 'train'}", "--against", f"kept={folder / 'test'}"]
    assert main([*command, "--out", str(folder / "out")]) == 3
    return folder / "out"


@pytest.fixture(params=["contact sheet", "report", "audit"])
def any_page(request: pytest.FixtureRequest) -> Path:
    """Each of the pages in turn."""
    if request.param == "contact sheet":
        return Path(request.getfixturevalue("dataset")) / "contact_sheet.html"
    if request.param == "report":
        return Path(request.getfixturevalue("results")[0]) / "report.html"
    return Path(request.getfixturevalue("audited")) / "audit.html"
