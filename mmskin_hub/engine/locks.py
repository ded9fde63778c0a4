"""Locks on folders, by ``flock(2)`` on the folder itself: no file beside it, and a kill lets go.

A lock is held as long as any process has the folder open under the descriptor it was taken with, so a process that
inherits the descriptor holds it too. A file system without such locks is trusted.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def lock(handle: int) -> bool:
    """Lock the open folder; ``False`` where another process, or another descriptor of this one, holds it."""
    with suppress(OSError):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody else is in ``folder``, and hold it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
