"""``mmskin`` as one of several processes that signs a list and may be killed: ``torchrun … one_of_two.py eval …``.

``MMSKIN_TEST_LIST`` is the file to sign with rank and process id; the process of rank ``MMSKIN_TEST_KILLED`` kills
itself when its first chunk is in the journal.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.cli import main
from mmskin_hub.evals import asking, journal

RANK = os.environ["RANK"]


def dying() -> None:
    """Let the first chunk that is written be the last thing this process does."""
    write = journal.Journal.write

    def last(book: journal.Journal, lines: Sequence[dict[str, Any]]) -> None:
        write(book, lines)
        if "row" in lines[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    journal.Journal.write = last  # type: ignore[method-assign]


if __name__ == "__main__":
    with Path(os.environ["MMSKIN_TEST_LIST"]).open("a", encoding="utf-8") as file:
        file.write(f"{RANK} {os.getpid()}\n")
    asking.CHUNK = 4
    if os.environ.get("MMSKIN_TEST_KILLED") == RANK:
        dying()
    sys.exit(main(sys.argv[1:]))
