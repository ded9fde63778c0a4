"""What each process of a run does around its training: says who it is, why it ended, and with which status.

``accelerate launch`` makes status 1 of every other, and does not hand on signals to the one process that it starts
without torchrun. So the command that launched leaves a folder, named by :data:`FOLDER`, in which each process keeps a
file ``<rank>.json`` under a lock as long as it lives.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, NothingUsable, WrongUse
from mmskin_hub.training.stopping import Terminated, end_workers

FOLDER, PROCESSES = "MMSKIN_LAUNCHED", "MMSKIN_PROCESSES"
"""Environment variables: folder of the files, and how many processes there are meant to be."""
EXIT_FAILED, EXIT_WRONG, EXIT_INTERRUPTED = 1, 2, 130
_SET_DEATH_SIGNAL = 1
"""Linux, prctl(2): PR_SET_PDEATHSIG."""


def worker(run: Callable[[], Any]) -> int:
    """Call ``run``, and return the status this process should exit with.

    0, 1 (failed), 2 (wrong use, or nothing usable), 143 (asked to leave by SIGTERM, saved) or 130 (Ctrl-C); below
    ``mmskin train``, which learns of 143 from the file, 0 in its place. A :class:`MmskinError` becomes its text without
    a traceback; every other error passes through.
    """
    with _registered() as note:
        try:
            _check_processes()
            run()
            return _noted(note, 0)
        except MmskinError as error:
            status = EXIT_WRONG if isinstance(error, (NothingUsable, WrongUse)) else EXIT_FAILED
            if not launched():
                rank = os.environ.get("RANK", "0")
                where = "" if rank == "0" else f" (process {rank})"
                print(f"mmskin: error{where}: {error}", file=sys.stderr, flush=True)
            return _noted(note, status, str(error))
        except Terminated as left:
            status = _noted(note, int(left.code or 0))
            # The launcher reads 143 from the file; torchrun would print a traceback for it.
            return 0 if launched() else status
        except KeyboardInterrupt:
            return _noted(note, EXIT_INTERRUPTED)
        except SystemExit as left:
            _noted(note, left.code if isinstance(left.code, int) else EXIT_FAILED if left.code else 0)
            raise
        except BaseException:
            _noted(note, EXIT_FAILED)
            raise
        finally:
            end_workers()
            _leave_group()


def launched() -> bool:
    """Whether ``mmskin train`` launched this process: it prints the error then, once for all processes."""
    return bool(os.environ.get(FOLDER))


def _check_processes() -> None:
    """accelerate can start one process where several were asked for, and says nothing."""
    wanted, found = int(os.environ.get(PROCESSES, "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if wanted and wanted != found:
        raise MmskinError(
            f"accelerate started {found} processes where {wanted} were asked for.",
            "Look at distributed_type in its config: MULTI_GPU with use_cpu runs several processes on a CPU.",
        )


def _noted(note: Callable[..., None], status: int, error: str = "") -> int:
    note(status, error)
    return status


@contextlib.contextmanager
def _registered() -> Iterator[Callable[..., None]]:
    """Keep this process's file while it lives; yields what writes down how it ended."""
    folder = os.environ.get(FOLDER)
    if not folder:
        yield lambda status, error="": None
        return
    # accelerate was started with SIGTERM ignored, and what ignores a signal hands that on.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with_parent()
    path = Path(folder) / f"{os.environ.get('RANK', '0')}.json"
    with path.open("w+", encoding="utf-8") as file:
        _lock(file)

        def note(status: int | None, error: str = "") -> None:
            file.seek(0)
            file.truncate()
            file.write(json.dumps({"pid": os.getpid(), "status": status, "error": error}))
            file.flush()

        note(None)
        try:
            yield note
        finally:
            file.flush()
            os.fsync(file.fileno())


def _lock(file: Any) -> None:
    import fcntl

    # A lock of POSIX: it belongs to the process alone, not to children that inherit the file.
    fcntl.lockf(file, fcntl.LOCK_EX)


def _end_with_parent() -> None:
    """SIGTERM, so a checkpoint, when accelerate is killed; Linux only. A run without a launcher would be a ghost."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, int(signal.SIGTERM), 0, 0, 0)


def _leave_group() -> None:
    torch = sys.modules.get("torch")
    if torch is None:
        return
    with contextlib.suppress(Exception):
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
