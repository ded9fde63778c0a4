"""Reads every source once, front to back: each row named, or refused with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from mmskin_hub.engine.mixture.built import read_built
from mmskin_hub.engine.mixture.items import Item, Refused, refuse
from mmskin_hub.engine.mixture.pictures import Pictures
from mmskin_hub.engine.mixture.release import read_release
from mmskin_hub.engine.mixture.sources import Part, Source
from mmskin_hub.errors import NothingUsable, WrongUse


@dataclass
class Rows:
    """What was read: the rows of all sources, and those that were refused."""

    items: list[Item] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    _seen: Counter[str] = field(default_factory=Counter)

    def add(self, row: Item | Refused) -> None:
        """Take a row in. Of several with one id (questions about one picture) the first keeps the plain name."""
        if isinstance(row, Item) and not _is_text(row):
            row = refuse(row, "bad_row", "It holds half a character, which cannot be written.")
        if isinstance(row, Refused):
            self.refused.append(row)
            return
        self._seen[row.id] += 1
        if self._seen[row.id] > 1:
            row.id = f"{row.id}-{self._seen[row.id]}"
        self.items.append(row)


def _is_text(item: Item) -> bool:
    try:
        "".join((item.id, item.answer, item.image_id, *(text for _, text in item.prompt))).encode()
    except UnicodeEncodeError:
        return False
    return True


def read_sources(sources: Sequence[Source], pictures: Pictures, tell: Callable[[str], None]) -> Rows:
    """Every row of ``sources``; ``tell`` hears of each file.

    Raises :class:`NothingUsable` for a table of which not one row could be used.
    """
    rows = Rows()
    for source in sources:
        for part in sorted(source.parts, key=_hashed_first):
            tell(f"reading {source.name}: {part.name}")
            before = len(rows.items), len(rows.refused)
            _read(part, pictures, rows)
            if len(rows.items) == before[0] and len(rows.refused) > before[1] and not part.config:
                first = rows.refused[before[1]]
                raise NothingUsable(
                    f"Not one of the {len(rows.refused) - before[1]} rows of {part.file} can be used; row {first.row}: "
                    f"{first.reason}, {first.detail}",
                    f"Name the folder of its pictures: --data {source.name}={part.file}:IMAGES",
                )
    return rows


def read_guards(sources: Sequence[Source], pictures: Pictures, tell: Callable[[str], None]) -> list[tuple[str, Item]]:
    """The test rows of ``sources`` with the name of their test set; of a table every row is one.

    Raises :class:`WrongUse` where a source has none: nothing would be compared with it.
    """
    guarded: list[tuple[str, Item]] = []
    for source in sources:
        rows = Rows()
        # Rows may have a split of their own, but where files are split, only that of the test rows is read.
        for part in [part for part in source.parts if part.split == "test"] or source.parts:
            tell(f"reading {source.name}: {part.name}")
            _read(part, pictures, rows)
        tests = [(source.name, item) for item in rows.items if item.split == "test" or source.parts[0].guards]
        if not tests:
            raise WrongUse(f"--against {source.parts[0].file}: it has no test split.", "Name a dataset that has one.")
        guarded += tests
    return guarded


def _read(part: Part, pictures: Pictures, rows: Rows) -> None:
    drafts = read_built(part) if part.config else read_release(part)
    named: Iterator[Item | Refused] = pictures.identify(drafts)
    for row in named:
        rows.add(row)


def _hashed_first(part: Part) -> tuple[bool, str, str]:
    """Tables that bring the hashes of their pictures come first: the others then need not compute them."""
    if not part.config:
        return False, part.config, part.file.name
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(part.file).names
    except Exception:  # told with its reason when the file is read
        names = []
    return "phash" not in names, part.config, part.file.name
