"""The Parquet files of a dataset, opened once: which config and split each is of, its rows, and what cannot be read.

A file that does not open is told by the check ``opens`` alone; every other check leaves it out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import MmskinError, describe
from mmskin_hub.hub.subject import Subject
from mmskin_hub.schema import SPLITS

if TYPE_CHECKING:
    import pyarrow as pa

ASIDE = ("rejects.parquet", "dropped.parquet")
"""Tables beside the splits: what was refused, and what ``mmskin audit --fix`` took out."""
_NAME = re.compile(r"(?P<split>[a-z]+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.parquet")
_BATCH = 200
PICTURES = ("image", "images")
_KEYS = (
    "id", "caption_id", "image_id", "source", "patient_id", "lesion_id", "group_id", "book", "phash", "image_sha256",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """One Parquet file that opens. ``name`` is its path in the repository; ``config`` and ``split`` are "" for a table
    beside the splits or one whose name says neither; ``number`` of ``count`` files of its split, from 0."""

    name: str
    path: Path
    config: str
    split: str
    number: int
    count: int
    rows: int
    schema: pa.Schema


@dataclass(slots=True)
class Row:
    """The keys of one row, "" where it has none, and the SHA-256 of each of its pictures (``None``: no bytes)."""

    table: Table
    at: int
    keys: Mapping[str, str]
    pictures: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """The text of ``README.md``; where it could not be rendered it is empty, and ``why`` says so."""

    text: str
    why: str = ""


@dataclass
class Look:
    """The folder of what is released as the checks see it; what is read once is kept for all of them."""

    subject: Subject
    _broken: dict[str, str] = field(default_factory=dict)

    @property
    def record(self) -> Mapping[str, Any]:
        """The content of ``build.json``."""
        return self.subject.record

    @property
    def name(self) -> str:
        """What the user calls the folder, for commands: a release looks at a staged one, and says so in ``facts``."""
        return str(self.subject.facts.get("folder") or self.subject.folder.name)

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every file of the folder by its path in the repository."""
        return self.subject.files()

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Every Parquet file that opens, by name."""
        found = (self._open(name, path) for name, path in self.files.items() if name.endswith(".parquet"))
        return tuple(table for table in found if table is not None)

    @cached_property
    def card(self) -> Card:
        """The card as it would be written now."""
        return _rendered(self.subject)

    @property
    def broken(self) -> Mapping[str, str]:
        """Why a Parquet file does not open, by its name."""
        return self._broken if self.tables is not None else {}

    @property
    def parts(self) -> tuple[Table, ...]:
        """The tables of the splits."""
        return tuple(table for table in self.tables if table.name not in ASIDE)

    def table(self, name: str) -> Table | None:
        """The table of that name; ``None`` where there is none that opens."""
        return next((table for table in self.tables if table.name == name), None)

    @cached_property
    def rows(self) -> list[Row]:
        """Keys and pictures of every row of the splits, in the order of the files."""
        return [row for table in self.parts for row in self._rows(table)]

    def batches(self, table: Table, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows of ``table``, some at a time; what cannot be read ends it, and is remembered as broken."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(table.path, pre_buffer=False) as parquet:
                yield from parquet.iter_batches(_BATCH, columns=None if columns is None else list(columns))
        except (pa.ArrowException, OSError) as error:
            self._broken[table.name] = _line(error)

    def _open(self, name: str, path: Path) -> Table | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(path, pre_buffer=False) as parquet:
                rows, schema = parquet.metadata.num_rows, parquet.schema_arrow
        except (pa.ArrowException, OSError) as error:
            self._broken[name] = _line(error)
            return None
        folder, _, file = name.rpartition("/")
        match = _NAME.fullmatch(file)
        if name in ASIDE or match is None or match["split"] not in SPLITS:
            return Table(name, path, "", "", 0, 0, rows, schema)
        config = "default" if folder in ("", "data") else folder
        return Table(name, path, config, match["split"], int(match["number"]), int(match["count"]), rows, schema)

    def _rows(self, table: Table) -> Iterator[Row]:
        names = [name for name in _KEYS if name in table.schema.names]
        picture = next((name for name in PICTURES if name in table.schema.names), None)
        at = 0
        for batch in self.batches(table, [*names, *([picture] if picture else [])]):
            for cells in batch.to_pylist():
                held = cells.get(picture) if picture else []
                images = (held or []) if picture == "images" else [held] * bool(picture)
                digests = tuple(_digest(image) for image in images)
                yield Row(table, at, {name: str(cells[name] or "") for name in names}, digests)
                at += 1


def _rendered(subject: Subject) -> Card:
    # Here, for the cards know the gate's verdicts.
    from mmskin_hub.hub.cards import render

    try:
        return Card(render(subject))
    except MmskinError as error:
        return Card("", error.what)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # A record that lacks what every record of ours has, or has it in another form.
        return Card("", f"the record does not say enough: {describe(error)}")


def _digest(image: Any) -> str | None:
    data = image.get("bytes") if isinstance(image, Mapping) else None
    return hashlib.sha256(data).hexdigest() if data else None


def picture_bytes(image: Any) -> bytes:
    """The bytes in a cell of a column of pictures, empty where there are none."""
    return (image.get("bytes") if isinstance(image, Mapping) else None) or b""


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160]
