"""Which file is the picture that a table names. A wrong picture is a wrong label, so where files differ none is taken.

Of the files with the name's stem, masks are left out; so are, where the names of the table stand in several folders,
those of another folder than the name's ("youtube/0_1.jpg" is not "pubmed/0_1.jpg"). Of the rest the one counts that
shares most folders with the name, then its ending, then its capitals. Copies of one file are one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from mmskin_hub.engine.public.raw import Entry, Raw, stem_of

_MASKS = re.compile(r"mask|segment|ground[ _-]?truth|superpixel|lesion[ _-]?attribute", re.IGNORECASE)


class Ambiguous(Exception):
    """Several different files could be the picture; the text names two."""


class Lookup:
    """Finds pictures among the files of ``raw`` for a table whose pictures are called ``names``."""

    def __init__(self, raw: Raw, names: Iterable[str]) -> None:
        self._raw = raw
        self._folders_tell = len({_parts(name)[-2:-1] for name in names}) > 1

    def find(self, name: str) -> Entry | None:
        """The picture called ``name``: a stem, a file name, or a path whose first folders need not be here.

        Raises :class:`Ambiguous` where files that differ fit equally well.
        """
        *folders, last = _parts(name) or ("",)
        found = [entry for entry in self._raw.named(stem_of(last)) if not _is_mask(entry)]
        shared = {entry: self._shared(entry, folders) for entry in found}
        if folders and self._folders_tell:
            found = [entry for entry in found if shared[entry]]
        if len(found) < 2:
            return found[0] if found else None

        def rank(entry: Entry) -> tuple[int, bool, bool]:
            return shared[entry], entry.name.casefold() == last.casefold(), entry.stem == stem_of(last)

        best = max(map(rank, found))
        first, *others = (entry for entry in found if rank(entry) == best)
        for other in others:
            if not self._raw.alike(first, other):
                raise Ambiguous(f"{first.path} and {other.path} differ.")
        return first

    def _shared(self, entry: Entry, folders: Sequence[str]) -> int:
        """How many of the last ``folders`` are also the last ones of ``entry``; a zip is a folder."""
        own = [self._raw.root.resolve().name, *entry.path.split("/")[:-1]]
        count = 0
        for one, other in zip(reversed(own), reversed(folders), strict=False):
            if one.casefold().removesuffix(".zip") != other.casefold():
                break
            count += 1
        return count


def _parts(name: str) -> tuple[str, ...]:
    return PurePosixPath(name.replace("\\", "/")).parts


def _is_mask(entry: Entry) -> bool:
    return any(_MASKS.search(part) for part in entry.path.split("/")[:-1])
