"""What the user named as BOOKS becomes a sorted list of files; nothing named is passed over in silence."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmskin_hub.errors import NothingUsable, WrongUse, name_of
from mmskin_hub.schema import Rejected


@dataclass(frozen=True, slots=True)
class FoundBooks:
    """``paths``: the files to survey, sorted and without repeats. ``rejects``: folders that may not be listed."""

    paths: tuple[str, ...]
    rejects: tuple[Rejected, ...]


def find_books(inputs: Sequence[str]) -> FoundBooks:
    """Resolve files, folders (searched downwards for ``*.pdf`` in any case) and glob patterns.

    A file named outright is taken whatever its name; whether it is a book is for the survey to say. The same file
    reached twice counts once. Raises :class:`WrongUse` for a name that is not there, :class:`NothingUsable` where
    the folders hold no PDF at all.
    """
    found: dict[str, str] = {}
    rejects: list[Rejected] = []
    for name in inputs:
        for path in _resolve(name):
            members = _pdfs_below(path, rejects) if path.is_dir() else iter([path])
            for member in members:
                found.setdefault(os.path.realpath(member), str(member))
    if not found and not rejects:
        raise NothingUsable(
            f"There is no PDF file in {', '.join(map(str, inputs)) or 'nothing'}.",
            "Name PDF files, folders that hold some, or a pattern such as 'books/*.pdf'.",
        )
    return FoundBooks(tuple(sorted(found.values())), tuple(rejects))


def _resolve(name: str) -> list[Path]:
    if not name:  # a variable of the shell that is not set; Path("") would be the current folder
        raise WrongUse("An empty name was given among BOOKS.", "BOOKS are PDF files, folders or glob patterns.")
    path = Path(name).expanduser()
    # A file may really be called "Atlas [2nd ed].pdf": what exists under its own name is no pattern.
    if os.path.lexists(path):
        return [path]
    # Path.glob takes no absolute pattern.
    matches = sorted(glob.glob(str(path), recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    if not matches:
        what = "matches no file" if glob.has_magic(name) else "does not exist"
        raise WrongUse(f"{name!r} {what}.", "Check the name; BOOKS are PDF files, folders or glob patterns.")
    return [Path(match) for match in matches]


def _pdfs_below(folder: Path, rejects: list[Rejected]) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        rejects.append(
            Rejected(
                "",
                name_of(str(error.filename)),
                "survey",
                "permission_denied",
                detail=f"The folder cannot be listed: {error.strerror}.",
            )
        )

    for place, folders, names in os.walk(folder, onerror=refused):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(".pdf"):
                yield Path(place) / name
