"""Parquet files in which several rows share a picture, and the picture is stored once.

One row a question is what ``load_dataset``, the viewer, a filter and a trainer want, but a plain file would hold the
picture of three questions three times. Parquet has an encoding for just that: in a *dictionary-encoded* column each
value is stored once a row group, and the rows hold its number. Every reader decodes it unasked.

For that, rows of one picture must lie side by side, a row group must end between two pictures, and the dictionary must
be allowed to grow to the size of the group's pictures (pyarrow gives up at 1 MiB unless told otherwise). Pictures are
compressed already and stay as they are, so that storage which finds repeated runs of bytes (the Hub's Xet) recognises
them in the other configs too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

ROWS_A_GROUP = 100
"""Rows a row group: enough to compress, few enough for a viewer to open one quickly."""
SHARD_BYTES = 400_000_000
"""Size from which a split goes on in another file; fixed, so that the number of files follows the content alone."""
_DICTIONARY_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class SplitSize:
    """``rows`` written, and the ``bytes`` of the decoded table, where a shared picture counts every time."""

    rows: int
    bytes: int


def write_split(
    folder: Path,
    split: str,
    rows: Iterable[Mapping[str, Any]],
    features: Features,
    together: Callable[[Mapping[str, Any]], object],
) -> SplitSize | None:
    """Write ``<folder>/<split>-00000-of-0000N.parquet``; ``None``, and no file, where there is no row.

    ``rows`` are encoded by ``features`` (an image is ``{"bytes": …, "path": …}`` or a list of such); neighbours for
    which ``together`` gives the same are kept in one row group. A few hundred rows are in memory at a time. Raises
    ``OSError`` where the folder cannot be written.
    """
    import pyarrow.parquet as pq

    schema = features.arrow_schema
    files: list[Path] = []
    writer: pq.ParquetWriter | None = None
    count = size = 0
    for group in _groups(rows, together):
        table = _table(group, features, schema)
        if writer is not None and files[-1].stat().st_size > SHARD_BYTES:
            writer.close()
            writer = None
        if writer is None:
            folder.mkdir(parents=True, exist_ok=True)
            files.append(folder / f".{split}-{len(files):05d}.parquet")
            writer = pq.ParquetWriter(files[-1], schema, **_options(schema))
        writer.write_table(table, row_group_size=len(group))
        count, size = count + len(group), size + table.nbytes
    if writer is None:
        return None
    writer.close()
    for number, file in enumerate(files):
        file.rename(folder / f"{split}-{number:05d}-of-{len(files):05d}.parquet")
    return SplitSize(count, size)


def _groups(
    rows: Iterable[Mapping[str, Any]], together: Callable[[Mapping[str, Any]], object]
) -> Iterator[list[Mapping[str, Any]]]:
    group: list[Mapping[str, Any]] = []
    for row in rows:
        if len(group) >= ROWS_A_GROUP and together(row) != together(group[-1]):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _table(group: list[Mapping[str, Any]], features: Features, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    encoded = [features.encode_example(dict(row)) for row in group]
    return pa.Table.from_pylist(encoded, schema=schema)


def _options(schema: pa.Schema) -> dict[str, Any]:
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    return {
        "compression": {leaf: "none" if leaf.endswith(".bytes") else "snappy" for leaf in leaves},
        "use_dictionary": True,
        "dictionary_pagesize_limit": _DICTIONARY_BYTES,
        "write_page_index": True,
    }


def _leaves(path: str, kind: pa.DataType) -> list[str]:
    """The paths by which Parquet knows the columns below a field."""
    import pyarrow as pa

    if isinstance(kind, pa.ExtensionType):
        kind = kind.storage_type
    if pa.types.is_struct(kind):
        return [leaf for field in kind for leaf in _leaves(f"{path}.{field.name}", field.type)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _leaves(f"{path}.list.element", kind.value_type)
    return [path]
