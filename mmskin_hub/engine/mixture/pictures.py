"""The names of a picture: SHA-256 of its bytes, and the perceptual hash, computed once for each distinct picture."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from mmskin_hub.engine.mixture.items import Item, Refused, refuse
from mmskin_hub.errors import MissingExtra, describe

BATCH = 64
"""Pictures in memory at a time."""

Draft = tuple[Item, bytes | None] | Refused
"""A row with the bytes of its picture (``None``: it has none, or they are a file of their own), or a reject row."""


class Pictures:
    """Names pictures, ``threads`` at a time. What it knows grows by some hundred bytes a distinct picture."""

    def __init__(self, threads: int = 1) -> None:
        self._phash: dict[str, str] = {}
        self._files: dict[Path, str] = {}
        self._bad: dict[str, str] = {}
        self._threads = threads

    def identify(self, drafts: Iterable[Draft]) -> Iterator[Item | Refused]:
        """The drafts in their order, each item with ``sha`` and ``phash``; unreadable pictures become reject rows.

        A hash that the source gives is taken on trust; otherwise the picture is decoded. Raises
        :class:`MissingExtra` where the package that hashes is not installed.
        """
        stream = iter(drafts)
        with ThreadPoolExecutor(self._threads) as pool:
            while batch := list(islice(stream, BATCH)):
                self._name(batch, pool)
                yield from (draft if isinstance(draft, Refused) else self._named(draft[0]) for draft in batch)

    def _name(self, batch: list[Draft], pool: ThreadPoolExecutor) -> None:
        wanted: dict[str, bytes] = {}
        last: tuple[bytes | None, str] = (None, "")
        for draft in batch:
            if isinstance(draft, Refused):
                continue
            item, data = draft
            if item.place is None:
                continue
            if item.place.row < 0:
                if (known := self._files.get(item.place.file)) is not None:
                    item.sha = known
                    continue
                try:
                    data = item.place.file.read_bytes()
                except OSError as error:
                    self._files[item.place.file] = item.sha = f"{item.place.file}"
                    self._bad[item.sha] = f"It cannot be read: {error.strerror}."
                    continue
            assert data is not None
            if data != last[0]:
                last = data, hashlib.sha256(data).hexdigest()
            item.sha = last[1]
            if item.place.row < 0:
                self._files[item.place.file] = item.sha
            if item.phash:
                self._phash.setdefault(item.sha, item.phash)
            elif item.sha not in self._phash and item.sha not in self._bad:
                wanted[item.sha] = data
        for sha, (code, problem) in zip(wanted, pool.map(_hash, wanted.values()), strict=True):
            if problem:
                self._bad[sha] = problem
            else:
                self._phash[sha] = code

    def _named(self, item: Item) -> Item | Refused:
        if not item.sha:
            return item
        if item.sha in self._bad:
            return refuse(item, "unreadable_picture", self._bad[item.sha])
        item.phash = self._phash[item.sha]
        return item


def _hash(data: bytes) -> tuple[str, str]:
    """The perceptual hash of an encoded picture as a viewer shows it, or what is wrong with it."""
    from PIL import Image, ImageOps

    try:
        from mmskin_hub.curate.pipeline import MAX_PIXELS, perceptual_hash
    except ImportError as error:
        raise MissingExtra("Comparing pictures", "build", error.name or "imagehash") from error
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                return "", f"{image.width} × {image.height} pixels are more than any photograph has."
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # a decoder may raise anything about a broken picture
        return "", describe(error)
    try:
        return perceptual_hash(upright), ""
    except ImportError as error:
        raise MissingExtra("Comparing pictures", "build", error.name or "imagehash") from error
