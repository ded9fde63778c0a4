"""What ends a whole run, and what a worker process is allowed: one thread, no signals, no life after its parent."""

from __future__ import annotations

import errno
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from types import ModuleType
from typing import Any

from mmskin_hub.errors import MissingExtra, MmskinError

WORKER_ENVIRONMENT = {
    # The cores are shared out by process, and sums come out alike on any number of them.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    # onnxruntime otherwise keeps a device id and a data base of events under ~/.cache and sends them home.
    "ORT_DISABLE_TELEMETRY": "1",
    # A file random.py in the folder where the user stands is not for them.
    "PYTHONSAFEPATH": "1",
}
"""The environment that worker processes are started with."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""What a full disk, a used-up quota or a read-only disk answers."""
REFUSED = (*NO_ROOM, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG, errno.ENOTDIR, errno.ENAMETOOLONG)
"""The same, and what else may keep a folder from being written to."""

_STARTING = threading.Lock()
PRELOAD = "mmskin_hub.engine.preload"
"""The module imported once, in the process all workers are forked from."""


def is_fatal(error: BaseException) -> bool:
    """Whether ``error`` is about the machine, not about a book: a package is missing, or there is no room left."""
    return isinstance(error, MissingExtra) or (isinstance(error, OSError) and error.errno in NO_ROOM)


@contextmanager
def writing(what: str, option: str) -> Iterator[None]:
    """Raise :class:`MmskinError` where the disk refuses to take ``what``, which the user may place with ``option``."""
    try:
        yield
    except MmskinError:
        raise
    except Exception as error:
        cause: BaseException | None = error  # datasets wraps what befalls it while it writes
        while cause is not None and not (isinstance(cause, OSError) and cause.errno in REFUSED):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        raise MmskinError(
            f"{what} cannot be written: {os.strerror(cause.errno or 0)}.",
            f"Make room (or name another folder with {option}) and run the same command to go on.",
        ) from error


@contextmanager
def worker_environment() -> Iterator[None]:
    """Set :data:`WORKER_ENVIRONMENT` while worker processes are started, then put the environment back."""
    before = {name: os.environ.get(name) for name in WORKER_ENVIRONMENT}
    os.environ.update(WORKER_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Worker(ForkServerProcess):
    """A process that is not told of the script that started it.

    ``multiprocessing.spawn.get_preparation_data`` (read in CPython 3.11) sends the file of ``__main__`` along, which
    the new process runs: a script that calls us without ``if __name__ == "__main__"`` would start over in each. Our
    workers need nothing of it, so while one is started a bare module stands in its place.
    """

    @staticmethod
    def _Popen(process_obj: Any) -> Any:
        with _STARTING:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                return ForkServerProcess._Popen(process_obj)
            finally:
                sys.modules["__main__"] = main


class _Workers(ForkServerContext):
    Process = _Worker


def worker_context() -> ForkServerContext:
    """The process context of all workers, its server started; they never see the caller's script.

    The server loads :data:`PRELOAD` by itself, so whoever calls this early has it done by the time it is needed. Raises
    :class:`MmskinError` where its socket cannot be made: the path of one has a hundred letters at most.
    """
    from multiprocessing import forkserver

    context = _Workers()
    context.set_forkserver_preload([PRELOAD])
    with worker_environment():
        try:
            forkserver.ensure_running()
        except OSError as error:
            raise MmskinError(
                f"Workers cannot be started in the folder for temporary files, {tempfile.gettempdir()}: {error}.",
                "Name another one, with a short path: TMPDIR=/tmp",
            ) from error
    return context


def start_worker() -> None:
    """Prepare a fresh worker process: Ctrl-C is the parent's, one thread a library, and it dies with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    _quiet_logs()
    try:
        import cv2
    except ImportError:
        return
    cv2.setNumThreads(1)


def _quiet_logs() -> None:
    # datatrove would print the traceback of a full disk to the terminal, and loguru that of a log it cannot write; the
    # parent tells both in one sentence.
    from loguru import logger

    add = logger.add

    def add_file(sink: Any, **options: Any) -> int:
        return -1 if sink is sys.stderr else add(sink, **{**options, "catch": False})

    logger.add = add_file  # type: ignore[method-assign]


def _die_with_parent() -> None:
    # A worker whose parent was killed would wait for its next task for ever, holding its memory.
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
