"""The answers of an endpoint on disk, so that nothing is asked, and paid for, twice.

::

    <cache>/answers.jsonl    one JSON object a line, only ever appended to
    <cache>/lock             held while a run writes

One file, not one a caption: a hundred thousand answers are 80 MB that load in some seconds, where a hundred thousand
files are as many inodes to make, list, copy and delete. A line is handed to the disk whole and flushed before its
answer counts, so a kill costs the requests under way and the end of a line at most; that end is cut away at the next
start. Answers are kept as the model wrote them and read anew by every run, so a better reader makes more of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from mmskin_hub.errors import MmskinError


@dataclass(frozen=True, slots=True)
class Stored:
    """One answer: to which question (``key``, SHA-256), by whom, its text, why the model stopped, and its tokens."""

    key: str
    writer: str
    content: str
    finish: str
    tokens_in: int = 0
    tokens_out: int = 0


class AnswerCache:
    """The answers in ``folder``; made by :func:`opened`.

    ``answers`` holds the last answer to each key that was wanted, ``times`` how many there are, ``dropped`` the number
    of lines that could not be read.
    """

    def __init__(self, folder: Path, wanted: Set[str]) -> None:
        self.path = folder / "answers.jsonl"
        self.answers: dict[str, Stored] = {}
        self.times: dict[str, int] = {}
        self.dropped = 0
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
        self._size = self._load(wanted)

    def _load(self, wanted: Set[str]) -> int:
        """Read the file and cut away the line that a kill left unfinished; returns the size in bytes."""
        size = 0
        with self.path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    self.dropped += 1
                    os.ftruncate(self._file, size)
                    break
                size += len(line)
                stored = _stored(line)
                if stored is None:
                    self.dropped += 1
                elif stored.key in wanted:
                    self.answers[stored.key] = stored
                    self.times[stored.key] = self.times.get(stored.key, 0) + 1
        return size

    def add(self, stored: Stored) -> None:
        """Put ``stored`` on the disk; when this returns, no kill and no power cut undoes it.

        Raises :class:`MmskinError` where the disk refuses.
        """
        line = (json.dumps(asdict(stored), ensure_ascii=True) + "\n").encode()
        try:
            written = 0
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise _refused(self.path, error) from error
        self._size += len(line)
        self.answers[stored.key] = stored
        self.times[stored.key] = self.times.get(stored.key, 0) + 1

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)


def _stored(line: bytes) -> Stored | None:
    try:
        value = json.loads(line)
        stored = Stored(**{field.name: value[field.name] for field in fields(Stored)})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = (stored.key, stored.writer, stored.content, stored.finish)
    return stored if all(isinstance(text, str) for text in texts) else None


@contextmanager
def opened(folder: Path, wanted: Set[str]) -> Iterator[AnswerCache]:
    """The cache in ``folder`` with the answers to the keys ``wanted``, locked against other runs.

    Raises :class:`MmskinError` where another run holds it or the folder cannot be written to.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise MmskinError(
            f"Another run is asking an endpoint with the cache {folder}.", "Wait for it to end, then run this again."
        ) from None
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        try:
            cache = AnswerCache(folder, wanted)
        except OSError as error:
            raise _refused(folder, error) from error
        try:
            yield cache
        finally:
            cache.close()
    finally:
        lock.release()


def _refused(path: Path, error: OSError) -> MmskinError:
    return MmskinError(
        f"The answers of the endpoint cannot be kept in {path}: {os.strerror(error.errno or 0)}.",
        "Make room there, or name another folder with --vqa-cache, and run the same command again: what was answered "
        "is not asked again.",
    )
