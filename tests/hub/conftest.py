"""A Hub of one's own for every test.

The tests of this folder run before huggingface_hub 1.x and 2.x alike. For 1.x, in an environment of its own::

    python -m venv hub1 && hub1/bin/pip install -e ".[eval,train]" datasets scipy imagehash pytest "huggingface_hub<2"
    hub1/bin/python -m pytest tests/hub/test_server.py tests/hub/test_watching.py tests/hub/test_round_trip.py \\
        tests/hub/test_faults.py tests/hub/test_kills.py tests/hub/test_secrets.py

and with ``-m slow`` for the whole campaigns: each fault at each kind of request, kill -9 at 25 random moments.
``MMSKIN_LIVE_HUB=1`` takes the round trip to the real Hub (tests/hub/test_live.py).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub.server import Hub

ROOT = Path(__file__).resolve().parents[2]
Script = Callable[..., str]


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running, empty Hub; its accounts are made with ``hub.user(name)``. Fails the test on a defect of its own.

    In-process clients must be told ``endpoint=hub.url``: huggingface_hub reads ``HF_ENDPOINT`` when it is imported.
    """
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path_factory.mktemp("cache")))
    server = Hub(tmp_path_factory.mktemp("hub"))
    yield server
    server.stop()
    assert not server.defects, server.defects


@pytest.fixture
def token(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token of the account ``me``, which is also where in-process clients look for one (``HF_TOKEN``)."""
    found = hub.user("me")
    monkeypatch.setenv("HF_TOKEN", found)
    return found


@pytest.fixture
def script(hub: Hub, token: str, tmp_path: Path) -> Script:
    """``script(code, *arguments, token=None, **environment)``: run Python with unmodified clients whose Hub is ``hub``.

    Returns what it printed; a failure fails the test with its stderr. ``token=""``: without a token. Caches are new
    for every test and shared by its scripts.
    """

    def run(code: str, *arguments: str, token: str = token, **environment: str) -> str:
        found = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=hub.environment(tmp_path / "huggingface", token, **environment),
            cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert found.returncode == 0, f"{found.stderr}\n{found.stdout}"
        return found.stdout

    return run


# The books of the locator tests, drawn and built once. What makes them is imported late: it needs the extra build.


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn books: see :func:`tests.hub.shelf.lay_shelf`. Nothing may be written into it."""
    pytest.importorskip("reportlab", reason="books are drawn with what the extras build and dev bring")
    from tests.hub.shelf import lay_shelf

    return lay_shelf(tmp_path_factory.mktemp("books") / "shelf")


@pytest.fixture(scope="session")
def full(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MM-Skin of the books of ``shelf``."""
    from tests.hub.shelf import mm_skin

    return mm_skin(shelf, tmp_path_factory.mktemp("full") / "mm-skin")


@pytest.fixture(scope="session")
def locator(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locator of ``full``."""
    from tests.hub.shelf import locator_of

    return locator_of(full, tmp_path_factory.mktemp("locator") / "mm-skin")


@pytest.fixture
def mine(shelf: Path, tmp_path: Path) -> Path:
    """The two other books of the shelf, without the little one, under other names and in two folders."""
    from tests.hub.shelf import ATLAS

    folder = tmp_path / "mine"
    (folder / "atlases").mkdir(parents=True)
    shutil.copy(shelf / ATLAS, folder / "atlases" / "1.pdf")
    shutil.copy(shelf / "short.pdf", folder / "2.pdf")
    return folder
