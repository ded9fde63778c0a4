"""The files below ``--raw``: plain ones, and those in zips nobody has opened (and in zips inside those, once).

Everything is listed once; whatever a table names is then looked up in that list, so that no id, however it is spelled,
can lead out of the folder. A member of a zip is read up to a limit, never by its own word about its size.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO

from mmskin_hub.errors import MmskinError, WrongUse

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
MAX_PICTURE_BYTES = 256 << 20
MAX_TABLE_BYTES = 2 << 30
MAX_NESTED_BYTES = 64 << 30
"""How much is read of one picture, one table and one zip inside a zip."""
MAX_RATIO = 200
"""Photographs and CSV files shrink to a half or a tenth; what shrinks further than this is made to burst."""
_RATIO_FROM = 16 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class UnreadableFile(Exception):
    """One file cannot be read; the text says why. It becomes a reject row (a picture) or an error (a table)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file: ``path`` as a person would name it ("imgs.zip/imgs_part_1/a.png", "/" between the parts).

    ``archive`` is the place of its zip in :class:`Raw`, -1 for a plain file; ``member`` the name it is opened by.
    """

    path: str
    archive: int
    member: str

    @property
    def name(self) -> str:
        """The last part of ``path``."""
        return self.path.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without a picture's ending."""
        return stem_of(self.name)


def stem_of(name: str) -> str:
    """``name`` without its last ending, if that is one of a picture."""
    start, dot, ending = name.rpartition(".")
    return start if dot and f".{ending.casefold()}" in PICTURES else name


class Raw:
    """The files below ``root`` (a folder, or one zip). Use it in a ``with`` block: it keeps zips open.

    Raises :class:`WrongUse` where ``root`` is not there, :class:`MmskinError` where a zip is broken, is protected by a
    password, or is made to burst.
    """

    def __init__(self, root: Path, scratch: Path | None = None) -> None:
        self.root = root
        self._scratch = scratch
        self._zips: list[zipfile.ZipFile] = []
        self._files: list[IO[bytes]] = []
        self.entries: list[Entry] = []
        if not root.exists():
            raise WrongUse(f"--raw {root} does not exist.", "Name the folder that holds the files of the source.")
        try:
            if root.is_dir():
                self._folder()
            elif zipfile.is_zipfile(root):
                self._open_zip(root.name, str(root), nested=False)
            else:
                raise WrongUse(f"--raw {root} is neither a folder nor a zip.", "Name the folder of the download.")
        except BaseException:
            self.close()
            raise
        # A plain file comes before its copy in a zip, then by path: which copy is read depends on nothing else.
        self.entries.sort(key=lambda entry: (entry.archive >= 0, entry.path.count("/"), entry.path))
        self._by_stem: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.pictures():
            self._by_stem[entry.stem.casefold()].append(entry)

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the zips; temporary copies of nested ones vanish."""
        for opened in self._zips:
            opened.close()
        for copy in self._files:
            copy.close()

    def pictures(self) -> Iterator[Entry]:
        """The files whose name ends like a picture's."""
        return (entry for entry in self.entries if entry.name.casefold().endswith(PICTURES))

    def tables(self, patterns: Sequence[str]) -> list[Entry]:
        """The files whose name fits the first of ``patterns`` (``fnmatch``, case ignored) that any file fits."""
        for pattern in patterns:
            found = [entry for entry in self.entries if fnmatchcase(entry.name.casefold(), pattern.casefold())]
            if found:
                return found
        return []

    def named(self, stem: str) -> list[Entry]:
        """The pictures whose name without its ending is ``stem``, whatever the capitals."""
        return self._by_stem.get(stem.casefold(), [])

    def alike(self, one: Entry, other: Entry) -> bool:
        """Whether two files hold the same bytes; what cannot be read is like nothing."""
        if self._size(one) != self._size(other):
            return False
        try:
            return self.read(one) == self.read(other)
        except UnreadableFile:
            return False

    def _size(self, entry: Entry) -> int:
        if entry.archive < 0:
            return Path(entry.member).stat().st_size
        return self._zips[entry.archive].getinfo(entry.member).file_size

    def read(self, entry: Entry, limit: int = MAX_PICTURE_BYTES) -> bytes:
        """The bytes of ``entry``; raises :class:`UnreadableFile` where they cannot be had or exceed ``limit``."""
        try:
            if entry.archive < 0:
                with Path(entry.member).open("rb") as file:
                    data = file.read(limit + 1)
            else:
                opened = self._zips[entry.archive]
                info = opened.getinfo(entry.member)
                if bursts(info):
                    raise UnreadableFile(f"It would unpack to {info.file_size:,} bytes from {info.compress_size:,}.")
                with opened.open(info) as member:
                    data = member.read(limit + 1)
        except OSError as error:
            raise UnreadableFile(f"It cannot be read: {error.strerror or error}.") from error
        except _BROKEN as error:
            raise UnreadableFile(f"Its zip is damaged there: {error}.") from error
        if len(data) > limit:
            raise UnreadableFile(f"It is larger than {limit:,} bytes.")
        return data

    def _folder(self) -> None:
        known: set[tuple[int, int]] = set()
        for place, folders, names in os.walk(self.root, followlinks=True):
            own = Path(place).stat()
            if (own.st_dev, own.st_ino) in known:  # a link that leads back, or to a folder that was seen
                folders.clear()
                continue
            known.add((own.st_dev, own.st_ino))
            folders[:] = sorted(name for name in folders if not _is_litter(name))
            for name in sorted(names):
                if _is_litter(name):
                    continue
                file = Path(place) / name
                path = os.fsencode(file.relative_to(self.root).as_posix()).decode("utf-8", "backslashreplace")
                if name.casefold().endswith(".zip"):
                    self._open_zip(path, str(file), nested=False)
                else:
                    self.entries.append(Entry(path, -1, str(file)))

    def _open_zip(self, path: str, file: str | IO[bytes], nested: bool) -> None:
        try:
            opened = zipfile.ZipFile(file)
        except (*_BROKEN, OSError) as error:
            raise MmskinError(
                f"{path} below --raw is no whole zip: {error}.",
                "Download it again (a download may have been cut short), or move it out of the folder.",
            ) from error
        place = len(self._zips)
        self._zips.append(opened)
        inner = []
        for info in opened.infolist():
            name = info.filename.replace("\\", "/")
            parts = PurePosixPath(name).parts
            if info.is_dir() or any(_is_litter(part) for part in parts):
                continue
            if name.startswith("/") or ".." in parts or "\0" in name:
                raise MmskinError(f"{path} holds {name!r}, which leads out of it.", "Do not use this file.")
            if info.flag_bits & 1:
                raise MmskinError(f"{path} is protected by a password.", "Unpack it into the folder first.")
            if name.casefold().endswith(".zip") and not nested:
                inner.append(info)
            else:
                self.entries.append(Entry(f"{path}/{name}", place, info.filename))
        for info in inner:
            self._open_zip(f"{path}/{info.filename}", self._unpacked(path, opened, info), nested=True)

    def _unpacked(self, path: str, opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
        """A temporary copy of a zip inside a zip: jumping about in a compressed member would unpack it each time."""
        if info.file_size > MAX_NESTED_BYTES or bursts(info):
            raise MmskinError(
                f"{path}/{info.filename} would unpack to {info.file_size:,} bytes.", "Do not use this file."
            )
        copy = tempfile.TemporaryFile(dir=self._scratch)  # noqa: SIM115
        self._files.append(copy)
        try:
            with opened.open(info) as member:
                left = info.file_size
                while chunk := member.read(1 << 20):
                    left -= len(chunk)
                    if left < 0:
                        raise zipfile.BadZipFile("a member is larger than it says")
                    copy.write(chunk)
        except _BROKEN as error:
            raise MmskinError(f"{path}/{info.filename} is damaged: {error}.", "Download it again.") from error
        copy.seek(0)
        return copy


def bursts(info: zipfile.ZipInfo) -> bool:
    """Whether a member unpacks to far more than pictures and tables do."""
    return info.file_size > _RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1)


def _is_litter(name: str) -> bool:
    return name.startswith("._") or name in ("__MACOSX", ".DS_Store", "Thumbs.db")
