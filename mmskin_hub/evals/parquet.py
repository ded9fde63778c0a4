"""Reads Parquet files a row group at a time, and decodes the pictures in them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import MmskinError, WrongUse, describe

if TYPE_CHECKING:
    import pyarrow.parquet as pq
    from PIL.Image import Image

BATCH = 8
"""Rows with pictures that are in memory at a time as Python objects."""


def decoded(data: bytes | None, name: str) -> Image:
    """``data``, the bytes of a picture file, in RGB; ``name`` is the row's, for the error."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data or b"")) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        what = "holds no picture" if not data else f"holds a picture that cannot be decoded ({describe(error)})"
        raise MmskinError(f"Row {name} {what}.", "Build the dataset again.") from None


def opened(file: Path) -> pq.ParquetFile:
    """``file``, to be closed by the caller; raises :class:`WrongUse` where it is no Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise WrongUse(f"{file} cannot be read: {describe(error)}.", "Build the dataset again.") from None


def group_pictures(file: Path, group: int) -> list[bytes | None]:
    """The bytes of the pictures of row group ``group`` (0-based) of ``file``."""
    with opened(file) as parquet:
        return [(cells["image"] or {}).get("bytes") for cells in cells_of(file, parquet, group, ["image"], BATCH)]


def cells_of(file: Path, parquet: pq.ParquetFile, group: int, names: list[str], batch: int) -> Iterator[dict[str, Any]]:
    """The rows of row group ``group`` (0-based), ``batch`` of them in memory at a time, as dicts of ``names``.

    Raises :class:`MmskinError` where the file is damaged.
    """
    import pyarrow as pa

    try:
        for rows in parquet.iter_batches(batch, row_groups=[group], columns=names):
            yield from rows.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise MmskinError(f"{file} cannot be read: {describe(error)}.", "Build the dataset again.") from None
