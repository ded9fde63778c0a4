"""The files of a built public dataset: pictures wait in a spool until their split is known, then go to Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.public.records import Read
from mmskin_hub.engine.public.spec import Record, Rejected, Spec
from mmskin_hub.engine.tables import write_split
from mmskin_hub.registry import PublicDataset
from mmskin_hub.schema import SPLITS, public_features

if TYPE_CHECKING:
    from datasets import Features


class Spool:
    """One file that holds the pictures one after the other until the split of each is known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w+b")
        self._where: list[tuple[int, int, str]] = []
        self._end = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the file; twice does no harm."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def add(self, data: bytes, suffix: str) -> None:
        """Append the next picture."""
        self._file.seek(self._end)
        self._file.write(data)
        self._where.append((self._end, len(data), suffix))
        self._end += len(data)

    def get(self, number: int) -> tuple[bytes, str]:
        """The picture that was added as ``number`` (0-based), and the ending of its name."""
        start, size, suffix = self._where[number]
        self._file.seek(start)
        return self._file.read(size), suffix


@dataclass
class Part:
    """One config on its way: what was read of it, and what became of its pictures."""

    spec: Spec
    read: Read
    records: list[Record]
    rejects: list[Rejected]
    split: dict[str, Any]
    spool: Spool


def classes_of(facts: PublicDataset, records: Sequence[Record]) -> tuple[str, ...]:
    """The classes of the registry or, where the data decides, those that occur, by alphabet."""
    return facts.classes or tuple(sorted({record.label for record in records if record.label is not None}))


def write_part(stage: Path, part: Part, facts: PublicDataset) -> dict[str, dict[str, int]]:
    """Write the Parquet files of a config, rows by id; the rows and bytes of each split."""
    features = public_features(classes_of(facts, part.records), part.spec.extra, part.spec.plain)
    folder = stage / ("data" if part.spec.config == "default" else part.spec.config)
    order = sorted(range(len(part.records)), key=lambda number: part.records[number].id)
    sizes = {}
    for split in SPLITS:
        rows = _rows(part, [number for number in order if part.records[number].split == split], features)
        size = write_split(folder, split, rows, _Encoded(features), lambda row: row["sha256"])
        if size is not None:
            sizes[split] = {"rows": size.rows, "bytes": size.bytes}
    return sizes


class _Encoded:
    """``features`` for rows that need no encoding: it would look through each picture's bytes for paths and arrays."""

    def __init__(self, features: Features) -> None:
        self.arrow_schema = features.arrow_schema

    def encode_example(self, row: dict[str, Any]) -> dict[str, Any]:
        """``row`` as it is."""
        return row


def _rows(part: Part, numbers: Sequence[int], features: Features) -> Iterator[dict[str, Any]]:
    from datasets import ClassLabel

    numbers_of = {
        name: {word: place for place, word in enumerate(feature.names)}
        for name, feature in features.items()
        if isinstance(feature, ClassLabel)
    }
    for number in numbers:
        record = part.records[number]
        data, suffix = part.spool.get(number)
        row = {name: getattr(record, name, None) for name in features}
        row.update({name: record.extra.get(name) for name in part.spec.extra})
        row.update({name: numbers_of[name].get(row[name]) for name in numbers_of})
        row["image"] = {"bytes": data, "path": f"{record.sha256[:16]}.{suffix}"}
        yield row


def write_rejects(stage: Path, rows: Sequence[tuple[str, Rejected]]) -> None:
    """Write ``rejects.parquet`` into the folder ``stage``; ``rows`` are pairs of config and reject, in any order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {name: pa.int64() if name == "line" else pa.string() for name in ("config", *Rejected.__dataclass_fields__)}
    ordered = sorted(rows, key=lambda pair: (pair[0], pair[1].table, pair[1].line, pair[1].image_id, pair[1].reason))
    table = pa.Table.from_pylist(
        [{"config": config, **asdict(row)} for config, row in ordered], schema=pa.schema(list(kinds.items()))
    )
    pq.write_table(table, stage / "rejects.parquet", compression="zstd")
