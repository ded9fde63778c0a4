"""Rows by their number, pictures as bytes: mapped (an Arrow copy on disk) or streamed (the Parquet files as they lie).

Both are datasets for torch's DataLoader, and go to its worker processes as file names, not as open files.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmskin_hub.training.lengths import NEEDED

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

HELD_BYTES = 256 << 20
"""Row groups that one reader of streamed rows holds, in bytes; at least one is held."""


class Source(Protocol):
    """Anything that gives the row at a place of a split."""

    def at(self, place: int) -> dict[str, Any]:
        """``id``, ``prompt``, ``completion`` and ``images`` (a list of ``{"bytes", "path"}``) of a row."""


class Mapped:
    """Rows from a memory-mapped Arrow copy that ``datasets`` makes once, in its own cache."""

    def __init__(self, files: Sequence[Path], split: str) -> None:
        from datasets import load_dataset

        columns = list(NEEDED)
        loaded = load_dataset(
            "parquet", data_files={split: [str(file) for file in files]}, split=split, columns=columns
        )
        # As Arrow, pictures stay bytes. (Casting the column to Image(decode=False) would copy the whole dataset.)
        self._rows = loaded.with_format("arrow")

    def at(self, place: int) -> dict[str, Any]:
        """The row at ``place``."""
        row: dict[str, Any] = self._rows[place].to_pylist()[0]
        return row


class Streamed:
    """Rows from Parquet files, a row group at a time; the last few groups are held.

    A reader that asks in the order of :class:`mmskin_hub.training.sampler.Order` (with ``groups``) reads each group
    once; memory stays at :data:`HELD_BYTES`, however many rows there are.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        import pyarrow.parquet as pq

        self._files = list(files)
        self._starts: list[int] = []  # of each row group, counted over all files
        self._where: list[tuple[int, int]] = []
        rows = 0
        for number, file in enumerate(self._files):
            with pq.ParquetFile(file) as parquet:
                for group in range(parquet.num_row_groups):
                    self._starts.append(rows)
                    self._where.append((number, group))
                    rows += parquet.metadata.row_group(group).num_rows
        self._held: OrderedDict[int, pa.Table] = OrderedDict()
        self._owner = os.getpid()

    def at(self, place: int) -> dict[str, Any]:
        """The row at ``place``."""
        group = bisect_right(self._starts, place) - 1
        table = self._group(group)
        row: dict[str, Any] = table.slice(place - self._starts[group], 1).to_pylist()[0]
        return row

    def _group(self, group: int) -> pa.Table:
        import pyarrow.parquet as pq

        if self._owner != os.getpid():  # a worker process: what its parent held is not to be copied
            self._held, self._owner = OrderedDict(), os.getpid()
        if group in self._held:
            self._held.move_to_end(group)
            return self._held[group]
        number, inside = self._where[group]
        with pq.ParquetFile(self._files[number], pre_buffer=False) as parquet:
            table = parquet.read_row_group(inside, columns=list(NEEDED), use_threads=False)
        self._held[group] = table
        while len(self._held) > 1 and sum(each.nbytes for each in self._held.values()) > HELD_BYTES:
            self._held.popitem(last=False)
        return table


class Rows:
    """The rows that are trained on: number in the index → row, with that number as ``row``."""

    def __init__(self, source: Source, places: NDArray[np.int32]) -> None:
        self.source, self.places = source, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> dict[str, Any]:
        return {**self.source.at(int(self.places[number])), "row": int(number)}
