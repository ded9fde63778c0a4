"""Pictures that stay on disk until somebody looks at them, for programs that keep every picture they are given.

lm_eval builds all requests before the first is run, holds them to the end, and each holds its picture: 30,000 of them
decoded are 17 GB. A :class:`StoredPicture` is a ``PIL.Image.Image`` that knows where its bytes are. It is decoded at
the first use and may be let go at any time after; the next use decodes it again. :data:`_HELD` keeps the latest ones.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from mmskin_hub.evals.parquet import decoded, group_pictures

MAX_PIXELS = 16_000_000
"""Pixels (three bytes each) that all stored pictures together may keep decoded; one is always kept."""


class StoredPicture(Image.Image):
    """The picture of the ``at``-th row (0-based) of ``file``, in RGB; ``name`` is the row's id, for errors.

    Whatever reads it may raise :class:`MmskinError` where the bytes cannot be decoded.
    """

    def __init__(self, file: Path, at: int, name: str) -> None:
        super().__init__()
        self._place = (file, at, name)
        self._mode = "RGB"

    def load(self) -> Any:
        """Decode the picture unless it is; as ``Image.load``."""
        _HELD.use(self)
        return super().load()

    @property
    def im(self) -> Any:
        """Pillow's pixels; the picture is decoded for them unless it is."""
        return _HELD.use(self)

    @im.setter
    def im(self, im: Any) -> None:
        self._im = im

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; the picture is decoded for it."""
        size: tuple[int, int] = _HELD.use(self).size
        return size

    def copy(self) -> Image.Image:
        """A plain picture that nobody lets go."""
        return self._new(self.im.copy())

    def __repr__(self) -> str:
        return f"<picture of {self._place[2]}>"

    def __hash__(self) -> int:
        return hash(self._place)

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredPicture, self._place

    def __deepcopy__(self, memo: Any) -> StoredPicture:
        return StoredPicture(*self._place)


class _Held:
    """The decoded pictures, the latest used last; the earliest are let go where there are too many pixels."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[int, StoredPicture] = OrderedDict()
        self._pixels = 0
        self._lock = threading.RLock()

    def use(self, picture: StoredPicture) -> Any:
        """The pixels of ``picture`` (PIL's core image)."""
        with self._lock:
            key = id(picture)
            if key in self._pictures:
                self._pictures.move_to_end(key)
                return picture._im
            file, at, name = picture._place
            image = decoded(_bytes(file, at), name)
            picture._im, picture._size = image.im, image.size
            self._pictures[key] = picture
            self._pixels += image.width * image.height
            while self._pixels > MAX_PIXELS and len(self._pictures) > 1:
                _, oldest = self._pictures.popitem(last=False)
                self._pixels -= oldest._size[0] * oldest._size[1]
                oldest._im = None
            return picture._im


_HELD = _Held()


@lru_cache(maxsize=4)
def _group(file: Path, group: int) -> list[bytes | None]:
    return group_pictures(file, group)


@lru_cache(maxsize=64)
def _starts(file: Path) -> tuple[int, ...]:
    """The first row of each row group, and the number of rows last."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as parquet:
        sizes = [parquet.metadata.row_group(group).num_rows for group in range(parquet.num_row_groups)]
    return tuple(sum(sizes[:group]) for group in range(len(sizes) + 1))


def _bytes(file: Path, at: int) -> bytes | None:
    from bisect import bisect_right

    starts = _starts(file)
    group = bisect_right(starts, at) - 1
    return _group(file, group)[at - starts[group]]
