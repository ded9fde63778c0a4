"""What a locator keeps of a row, and the two columns that are made here.

``image_sha256`` is the SHA-256 of the published picture's bytes. ``row_sha256`` is that of what the row says, its
picture's bytes included, without its id, book, page and split: two editions of a book agree in it where they agree in
the picture and its words. As it covers the picture itself, no sentence can be guessed from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import file_digests
from mmskin_hub.engine.work import read_rows

REJECTS = "rejects.parquet"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "books": (
        "id", "caption_id", "book", "page", "bbox", "phash", "modality", "age_years", "age_group", "sex",
        "question_type", "closed",
    ),
    "public": ("id", "image_id", "modality", "group_id", "patient_id", "lesion_id", "sha256", "phash"),
    "mixture": (
        "id", "source", "config", "task", "modality", "image_id", "patient_id", "lesion_id", "image_sha256", "phash",
        "licence",
    ),
}  # fmt: skip
"""The columns of the dataset that a locator keeps, by what the dataset is built from."""
REJECT_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "books": ("book", "page", "bbox", "stage", "reason", "score", "figure", "panel"),
    "public": ("config", "image_id", "table", "line", "reason"),
    "mixture": ("source", "config", "split", "id", "file", "row", "reason", "test_set", "test_id"),
}
_UNSAID = ("id", "caption_id", "book", "page", "split", "image", "images")
"""Columns that ``row_sha256`` leaves out; the pictures go in by their bytes."""


def tables_of(names: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """Folder, split and the paths of its files, for every split among the Parquet files ``names``."""
    found: dict[tuple[str, str], list[str]] = {}
    for name in sorted(names):
        folder, slash, file = name.rpartition("/")
        if slash:
            found.setdefault((folder, file.split("-")[0]), []).append(name)
    for (folder, split), paths in found.items():
        yield folder, split, paths


def located_rows(file: Path, kind: str, split: str) -> Iterator[dict[str, Any]]:
    """The rows of one Parquet file of a dataset as its locator has them; a few pictures are in memory at a time.

    ``kind`` is a key of :data:`COLUMNS`.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, pre_buffer=False) as parquet:
        names = _class_names(parquet.schema_arrow)
        kept = [name for name in COLUMNS[kind] if name in parquet.schema_arrow.names]
        for batch in parquet.iter_batches(batch_size=16):
            for row in batch.to_pylist():
                for name, spelled in names.items():
                    if row[name] is not None:
                        row[name] = spelled[row[name]]
                pictures = _pictures(row)
                found = {name: row[name] for name in kept}
                found["split"] = split
                found["image_sha256"] = row.get("image_sha256") or _image_digest(pictures)
                found["row_sha256"] = _row_digest(row, pictures)
                yield found


def _pictures(row: Mapping[str, Any]) -> list[bytes]:
    found = row["images"] if "images" in row else [row.get("image")]
    return [picture["bytes"] for picture in found or () if picture and picture.get("bytes") is not None]


def _image_digest(pictures: list[bytes]) -> str | None:
    return hashlib.sha256(b"".join(pictures)).hexdigest() if pictures else None


def _row_digest(row: Mapping[str, Any], pictures: list[bytes]) -> str:
    said = {name: value for name, value in row.items() if name not in _UNSAID}
    whole = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for picture in pictures:
        whole.update(len(picture).to_bytes(8, "big") + picture)
    return whole.hexdigest()


def _class_names(schema: Any) -> dict[str, list[str]]:
    """The spelling of every column that counts through names."""
    from datasets import ClassLabel, Features

    found = Features.from_arrow_schema(schema)
    return {name: list(kind.names) for name, kind in found.items() if isinstance(kind, ClassLabel)}


def located_features(file: Path, kind: str) -> Any:
    """The columns of the locator of a table, as ``datasets.Features``."""
    import pyarrow.parquet as pq
    from datasets import ClassLabel, Features, Value

    own = Features.from_arrow_schema(pq.read_schema(file))
    kept = {name: own[name] for name in COLUMNS[kind] if name in own}
    plain = {name: Value("string") if isinstance(feature, ClassLabel) else feature for name, feature in kept.items()}
    return Features({**plain, **{name: Value("string") for name in ("split", "image_sha256", "row_sha256")}})


def dataset_rows(folder: Path, kind: str) -> Iterator[dict[str, Any]]:
    """The rows of the dataset in ``folder`` as its locator would have them; ``table`` is the folder of their file."""
    for table, split, names in tables_of(file_digests(folder)):
        for name in names:
            for row in located_rows(folder / name, kind, split):
                yield {**row, "table": table}


def dataset_rejects(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The reject rows of the dataset in ``folder`` as its locator would have them."""
    path = folder / REJECTS
    return list(read_rows(path, REJECT_COLUMNS[kind], batch=500)) if path.exists() else []
