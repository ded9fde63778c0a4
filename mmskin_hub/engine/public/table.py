"""A table as its source publishes it: commas, tabs or semicolons, with or without BOM, any line ends.

Which mark parts the columns is not guessed from the numbers of marks: it is the one under which the head has the
columns that the builder needs.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmskin_hub.engine.public.raw import MAX_TABLE_BYTES, Entry, Raw, UnreadableFile
from mmskin_hub.errors import MmskinError, WrongUse

DELIMITERS = (",", "\t", ";", "|")
Cells = Mapping[str, str]
"""One line: column (lower case) to text (stripped); a column that the table lacks is not a key."""


@dataclass(frozen=True, slots=True)
class Line:
    """One record of a table: ``number`` is 1 for the first below the head; ``problem`` says why it has no cells."""

    table: str
    number: int
    cells: Cells
    problem: str = ""


def read_table(raw: Raw, entry: Entry, needs: Sequence[str]) -> list[Line]:
    """Every record of ``entry``. ``needs`` are columns that must be there, "a|b" where one of two will do.

    Raises :class:`WrongUse` naming the columns that are missing, :class:`MmskinError` where it is not a table.
    """
    text = _text(raw, entry)
    head = next((line for line in text.splitlines() if line.strip()), "")
    if not head:
        raise WrongUse(f"{entry.path} below --raw is empty.", "Download it again.")
    lacking = {mark: missing(_names(head, mark), needs) for mark in DELIMITERS}
    mark = min(DELIMITERS, key=lambda mark: (len(lacking[mark]), -len(_names(head, mark))))
    if lacking[mark]:
        found = ", ".join(name for name in _names(head, mark) if name) or "none"
        raise WrongUse(
            f"{entry.path} below --raw has no column {', '.join(lacking[mark])}; it has {found[:300]}.",
            "Take the table as the source publishes it.",
        )
    try:
        return list(_lines(entry.path, text, mark))
    except csv.Error as error:
        raise MmskinError(
            f"{entry.path} below --raw is no whole table: {error}.",
            "A quote mark is left open, or stands where none can. Download it again (it may have been cut short).",
        ) from error


def missing(names: Iterable[str], needs: Sequence[str]) -> list[str]:
    """Which of ``needs`` no column answers."""
    own = set(names)
    return [need.replace("|", " or ") for need in needs if not own & set(need.casefold().split("|"))]


def _names(head: str, mark: str) -> list[str]:
    try:
        cells = next(csv.reader([head], delimiter=mark), [])
    except csv.Error:
        return []
    return [name.strip().casefold() for name in cells]


def _lines(path: str, text: str, mark: str) -> Iterator[Line]:
    csv.field_size_limit(1 << 24)
    # Line ends inside quotes are part of a cell, and csv knows all three kinds of line end by itself.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    records = (cells for cells in reader if any(cell.strip() for cell in cells))
    names = [name.strip().casefold() for name in next(records)]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise WrongUse(f"{path} below --raw has the column {twice[0]} twice.", "Take the table as published.")
    for number, cells in enumerate(records, 1):
        if len(cells) != len(names):
            yield Line(path, number, {}, f"It has {len(cells)} cells, the head {len(names)}.")
        elif swallowed := _swallowed(cells, mark):
            yield Line(path, number, {}, f"A quote mark in it swallowed other lines, the first {swallowed[:80]!r}.")
        else:
            yield Line(path, number, {name: cell.strip() for name, cell in zip(names, cells, strict=True)})


def _swallowed(cells: Sequence[str], mark: str) -> str:
    """A line inside a cell that is a whole record by itself; "" where there is none.

    A quote mark too many opens a cell that the next one closes, some lines further down. A text of several lines has
    no line with a name in front and as many marks as the head.
    """
    for cell in cells:
        for line in cell.splitlines()[1:]:
            parts = line.split(mark)
            if len(parts) >= len(cells) > 1 and parts[0] and " " not in parts[0].strip():
                return line
    return ""


def _text(raw: Raw, entry: Entry) -> str:
    try:
        data = raw.read(entry, MAX_TABLE_BYTES)
    except UnreadableFile as error:
        raise MmskinError(f"{entry.path} below --raw: {error}", "Download it again.") from error
    coding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(coding)
    except UnicodeDecodeError as error:
        raise MmskinError(
            f"{entry.path} below --raw is not UTF-8: byte {error.start} is {data[error.start]:#04x}.",
            "Take the table as the source publishes it, or convert it.",
        ) from error
