"""SIGTERM asks a run to save and leave. Slurm sends it so many seconds before the end (``--signal=TERM@600``).

The signal is *blocked* in the main thread while a run trains, and looked for between two steps. Child processes begin
with the mask of their parent: when Slurm signals every process of a job, the workers of a DataLoader live on, where
they would otherwise die and take the step under way, and so the checkpoint, with them. A thread that a library made
earlier does not block it; for that case there is a handler too.
"""

from __future__ import annotations

import atexit
import contextlib
import signal
import threading
from typing import Any

EXIT_TERMINATED = 128 + signal.SIGTERM
"""Exit status of a run that saved and left because it was asked to: 143."""


class Terminated(SystemExit):
    """The run was asked to leave, and has saved; the exit status is 143."""

    def __init__(self, said: str) -> None:
        super().__init__(EXIT_TERMINATED)
        self.said = said


class Notice:
    """Whether this process was asked to leave. ``agreed`` is what all processes of the run know of each other."""

    def __init__(self) -> None:
        self.agreed = False
        self._heard = False
        self._before: Any = None
        self._installed = False

    @property
    def heard(self) -> bool:
        """Whether SIGTERM has come to this process since :meth:`install`."""
        if self._installed and not self._heard and hasattr(signal, "sigpending"):
            self._heard = signal.SIGTERM in signal.sigpending()
        return self._heard

    def install(self) -> None:
        """Take SIGTERM over; outside the main thread, where Python cannot, everything stays as it is."""
        if self._installed or threading.current_thread() is not threading.main_thread():
            return
        self._before = signal.signal(signal.SIGTERM, self._hear)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self._installed = True
        atexit.register(end_workers)

    def release(self) -> None:
        """Give SIGTERM back as it was found; one that is waiting is dropped: there is nothing left to save."""
        if not self._installed:
            return
        self._installed = False
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # POSIX: a signal that waits is dropped when it is ignored
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        signal.signal(signal.SIGTERM, self._before)

    def _hear(self, number: int, frame: Any) -> None:
        self._heard = True


def end_workers() -> None:
    """End child processes of ``multiprocessing`` that are left at the very end.

    Python ends them with SIGTERM, which they block, and would then wait for them for ever.
    """
    import multiprocessing

    children = multiprocessing.active_children()
    if not children:
        return
    with contextlib.suppress(ValueError):  # not the main thread
        # torch raises in the main thread when a worker of a DataLoader dies: these are meant to.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for child in children:
        child.kill()
