"""Copies the rows of a mixture, pictures and all, into Parquet files: no picture is decoded, few are in memory.

The rows come out shuffled, but a Parquet file gives a picture only together with its row group. So the pictures that
are wanted are first copied, file by file from front to back, into one spool file in the staging folder, each distinct
one once; from there any of them is one seek away. The spool is as large as the dataset, and gone before it is moved
into place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from mmskin_hub.engine.mixture.items import Item, mixture_features, row_of
from mmskin_hub.engine.mixture.pictures import BATCH
from mmskin_hub.engine.mixture.recipe import Recipe
from mmskin_hub.engine.tables import SplitSize, write_split

_KINDS = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG", "png"), (b"RIFF", "webp"), (b"GIF8", "gif"), (b"BM", "bmp"))


class Spool:
    """One file that holds pictures one after the other, found by their SHA-256."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._where: dict[str, tuple[int, int]] = {}
        self._file: BinaryIO = path.open("w+b")
        self._end = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    def add(self, sha: str, data: bytes) -> None:
        """Append a picture, unless it is here."""
        if sha not in self._where:
            self._file.seek(self._end)
            self._file.write(data)
            self._where[sha] = self._end, len(data)
            self._end += len(data)

    def get(self, sha: str) -> bytes:
        """The bytes of the picture ``sha``; raises ``KeyError`` where it was never added."""
        start, size = self._where[sha]
        self._file.seek(start)
        return self._file.read(size)


def fill(spool: Spool, rows: Sequence[Item]) -> None:
    """Copy the pictures of ``rows`` into ``spool``."""
    wanted: dict[Path, dict[int, str]] = defaultdict(dict)
    seen: set[str] = set()
    for item in rows:
        if item.place is not None and item.sha not in seen:
            seen.add(item.sha)
            wanted[item.place.file][item.place.row] = item.sha
    for file in sorted(wanted):
        for row, data in _bytes_of(file, wanted[file]):
            spool.add(wanted[file][row], data)


def _bytes_of(file: Path, rows: Mapping[int, str]) -> Iterator[tuple[int, bytes]]:
    import pyarrow.parquet as pq

    if -1 in rows:
        yield -1, file.read_bytes()
        return
    with pq.ParquetFile(file, pre_buffer=False) as parquet:
        first = 0
        for group in range(parquet.num_row_groups):
            size = parquet.metadata.row_group(group).num_rows
            if any(row in rows for row in range(first, first + size)):
                row = first
                for batch in parquet.iter_batches(BATCH, row_groups=[group], columns=["image.bytes"]):
                    for struct in batch.column(0):
                        if row in rows:
                            yield row, struct["bytes"].as_py()
                        row += 1
            first += size


def write_rows(
    folder: Path, split: str, rows: Sequence[Item], spool: Spool, recipe: Recipe, weights: Mapping[str, float]
) -> SplitSize | None:
    """Write ``rows`` as ``split`` into ``folder``; a pool that ``weights`` does not know weighs 1."""

    def complete() -> Iterator[dict[str, Any]]:
        last: tuple[str, list[dict[str, Any]]] = ("", [])
        for item in rows:
            if item.sha != last[0]:
                last = item.sha, _images(item.sha, spool)
            pool = recipe.entries[item.source].pool(item.config)
            yield row_of(item, weights.get(pool, 1.0), last[1])

    return write_split(folder, split, complete(), mixture_features(), lambda row: row["image_sha256"] or row["id"])


def _images(sha: str, spool: Spool) -> list[dict[str, Any]]:
    if not sha:
        return []
    data = spool.get(sha)
    kind = next((suffix for start, suffix in _KINDS if data.startswith(start)), "bin")
    return [{"bytes": data, "path": f"{sha[:16]}.{kind}"}]
