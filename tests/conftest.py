"""For every test: no network beyond this machine, no telemetry, and nothing written into the user's caches."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Read when the libraries are imported, so set before any test module is.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
# One thread a process, here and in all that is started: models of a few thousand weights gain nothing by more, and
# several processes with as many threads as cores each (pytest -n) spend half their time waiting for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs the tests in the background has them, and all that they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


class NetworkForbidden(RuntimeError):
    """A test tried to reach another machine."""


def _allowed(address: Any) -> bool:
    return not isinstance(address, tuple) or str(address[0]).startswith(LOOPBACK)


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection but those to this machine."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(call: Any) -> Any:
        def attempt(self: socket.socket, address: Any) -> Any:
            if not _allowed(address):
                raise NetworkForbidden(f"tests may not connect to {address!r}")
            return call(self, address)

        return attempt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        yield


@pytest.fixture(autouse=True, scope="session")
def own_caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what ``datasets`` caches while a test reads a dataset back inside pytest's folder."""
    import datasets

    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("huggingface")
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real books beside the checkout; the test is skipped where they are absent."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    return folder
