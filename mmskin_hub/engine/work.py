"""The work folder: every intermediate result, written so that a kill at any moment costs one unit at most.

::

    <work>/lock                                  held while a build runs
    <work>/<key>/plan.json                       the units, in rank order
    <work>/<key>/survey/<stamp>.json             one book surveyed, or its reject row
    <work>/<key>/units/<fp16>-<first>.parquet    candidates of a page range
    <work>/<key>/units/<fp16>-<first>.rejects.parquet
    <work>/<key>/units/<fp16>-<first>.json       written last: the unit is complete, and what it counted
    <work>/<key>/progress/<fp16>-<first>         one byte a page done, for the progress bar only
    <work>/<key>/finished/                       what the builders read

``<key>`` is a digest of everything that changes a result (:func:`work_key`), so results of other options or another
version of the library never mix. A file is written under a temporary name, flushed to the disk, and renamed: what has
its final name is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

TEMPORARY = ".tmp-"
_NAMES = "surrogateescape"
"""How the bytes of a path that are not UTF-8 get into JSON and out again."""


@dataclass(frozen=True, slots=True)
class WorkFolder:
    """The paths below one ``<work>/<key>``. Plain strings inside, so that it travels to any worker."""

    root: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return Path(self.root)

    @property
    def plan(self) -> Path:
        """The units in rank order."""
        return self.path / "plan.json"

    @property
    def survey(self) -> Path:
        """One JSON file a book."""
        return self.path / "survey"

    @property
    def units(self) -> Path:
        """Three files a unit; the ``.json`` one marks it complete."""
        return self.path / "units"

    @property
    def progress(self) -> Path:
        """One file a unit that was begun, one byte a page done."""
        return self.path / "progress"

    @property
    def finished(self) -> Path:
        """What the builders read."""
        return self.path / "finished"

    @property
    def logs(self) -> Path:
        """datatrove's own logs."""
        return self.path / "logs"

    def candidates(self, unit: str) -> Path:
        """The candidates of ``unit``."""
        return self.units / f"{unit}.parquet"

    def rejects(self, unit: str) -> Path:
        """The reject rows of ``unit``."""
        return self.units / f"{unit}.rejects.parquet"

    def marker(self, unit: str) -> Path:
        """The file that says ``unit`` is complete."""
        return self.units / f"{unit}.json"

    def poison(self, unit: str) -> Path:
        """The pages of ``unit`` that took their worker process down with them."""
        return self.units / f"{unit}.poison.json"

    def create(self) -> None:
        """Make the folders and clear away what a killed run left half written."""
        for folder in (self.survey, self.units, self.progress, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
            for entry in os.scandir(folder):
                if TEMPORARY in entry.name:
                    Path(entry.path).unlink(missing_ok=True)


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is flushed to disk and takes the name of ``path``."""
    temporary = path.with_name(f"{path.name}{TEMPORARY}{os.getpid()}")
    try:
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as UTF-8 JSON, keys in their own order, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8", _NAMES)


def read_json(path: Path) -> Any:
    """The value :func:`write_json` wrote."""
    return json.loads(path.read_text("utf-8", _NAMES))


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]], schema: pa.Schema, group: int = 1000) -> None:
    """Write ``rows`` as Parquet with ``group`` rows a row group, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for start in range(0, len(rows), group):
            writer.write_table(pa.Table.from_pylist(list(rows[start : start + group]), schema=schema))


def read_rows(path: Path, columns: Sequence[str] | None = None, batch: int = 16) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, ``batch`` of them in memory at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for part in file.iter_batches(batch_size=batch, columns=columns):
            yield from part.to_pylist()


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def work_key(settings: Mapping[str, Any]) -> str:
    """A short digest of ``settings`` and of the library's own code: everything that changes what a unit holds."""
    package = Path(__file__).resolve().parents[1]
    code = hashlib.sha256()
    for folder in ("pdf", "curate", "engine"):
        for path in sorted((package / folder).rglob("*")):
            if path.suffix in (".py", ".json"):
                code.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest_of({"settings": dict(settings), "code": code.hexdigest()})[:16]


@contextmanager
def locked(work: Path) -> Iterator[None]:
    """Hold ``work`` for this process; raises :class:`MmskinError` where another build holds it."""
    from filelock import FileLock, Timeout

    from mmskin_hub.errors import MmskinError

    lock = FileLock(work / "lock")
    try:
        work.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise MmskinError(
            f"Another build is using the work folder {work}.", "Wait for it to end, or name another folder with --work."
        ) from None
    except OSError as error:
        raise MmskinError(
            f"The work folder {work} cannot be made: {error.strerror}.", "Name another folder with --work."
        ) from error
    try:
        yield
    finally:
        lock.release()
