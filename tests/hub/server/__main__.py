"""``python -m tests.hub.server --port 0 --root DIR``: the test-time Hub by itself; prints its URL and a token.

Point a client at it with ``HF_ENDPOINT=<url> HF_TOKEN=<token> HF_HUB_DISABLE_XET=1``. It keeps what it is told in DIR.
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from tests.hub.server.hub import Hub


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (0: any free one)")
    parser.add_argument("--root", type=Path, required=True, help="folder of repositories and files")
    parser.add_argument("--user", default="me", help="name of the account (default: me)")
    options = parser.parse_args()
    hub = Hub(options.root, options.port)
    print(hub.url, hub.user(options.user), flush=True)
    over = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: over.set())
    over.wait()
    hub.stop()


if __name__ == "__main__":
    main()
