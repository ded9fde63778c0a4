"""What a builder says of its dataset: where the tables are, how columns become fields, what the classes are called.

A field is filled by a :data:`Take`: the name of a column, or a function of the whole line. Functions for what sources
do again and again stand below: :func:`first`, :func:`one_hot`, :func:`constant`, :func:`when`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.raw import Entry
from mmskin_hub.engine.public.table import Cells

Take = str | Callable[[Cells], Any]

REASONS: dict[str, str] = {
    "missing_picture": "The picture is not among the files.",
    "ambiguous_picture": "Several files that differ could be the picture.",
    "shared_picture": "Other ids lead to the same file.",
    "not_listed": "It is of the official test set, and not in the paper's list: it is neither test nor trained on.",
    "unreadable_picture": "The picture could not be decoded, or only in part.",
    "too_large": "The picture would decompress to more pixels than any photograph has.",
    "bad_row": "The line has not as many cells as the head.",
    "bad_id": "The line has no id, or one that leads out of its folder.",
    "bad_value": "A cell that decides what the row is could not be understood.",
    "duplicate_id": "The same line stands earlier in the table.",
    "conflicting_id": "Several lines of this id say different things.",
    "unknown_label": "The label is none of the dataset's classes.",
    "no_label": "The line has no label.",
    "foreign": "The row is of another kind than this dataset holds.",
}
"""Every reason of a reject row of a public dataset, with one sentence for a person."""


class Refuse(Exception):
    """Raised by a function of a line: the row is rejected for ``reason`` (one of :data:`REASONS`)."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class Record:
    """One row on its way out. ``line`` is 1-based in ``table``; ``label`` a class name; ``official`` a split's name;
    ``names`` are what the picture may be called, ``picture`` is where it lies.

    ``finer_names`` are further words for the disease, the finest first. ``groups`` are keys of what must stay in one
    split; a ``pinned`` row belongs to the official test set of a release and is never trained on; ``extra`` holds the
    columns that only this dataset has.
    """

    id: str
    image_id: str
    table: str
    line: int
    names: tuple[str, ...] = ()
    picture: Entry | None = None
    label: str | None = None
    label_text: str | None = None
    binary: str | None = None
    diagnosis: str | None = None
    finer_names: list[str] = field(default_factory=list)
    modality: str | None = None
    patient_id: str | None = None
    lesion_id: str | None = None
    age_years: float | None = None
    sex: str | None = None
    skin_tone: str | None = None
    monk_tone: int | None = None
    site: str | None = None
    source_url: str | None = None
    licence: str | None = None
    official: str | None = None
    pinned: bool = False
    groups: tuple[str, ...] = ()
    group_id: str = ""
    split: str = ""
    width: int = 0
    height: int = 0
    sha256: str = ""
    phash: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row of ``rejects.parquet``: which line of which table (0: the file itself), and why."""

    image_id: str
    table: str
    line: int
    reason: str
    detail: str = ""
    label_text: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    """A second table: its columns are added to every line whose ``on`` (a column here, and there) is the same."""

    names: tuple[str, ...]
    on: tuple[str, str]
    needs: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a release.

    ``names``: file names (``fnmatch``), the preferred first. ``needs``: columns that must be there ("a|b": one of
    two). ``fields``: what fills which field, over the dataset's own :attr:`Spec.fields`. ``expand`` makes several
    lines of one. An ``official`` table gives its split to all of its lines; ``pinned`` ones are never trained on.
    A table that is not ``required`` may be absent.
    """

    names: tuple[str, ...]
    needs: tuple[str, ...]
    fields: Mapping[str, Take] = field(default_factory=dict)
    joins: tuple[Join, ...] = ()
    expand: Callable[[Cells], Iterable[Cells]] | None = None
    official: str = ""
    pinned: bool = False
    required: bool = True


@dataclass(frozen=True, slots=True)
class Spec:
    """A public dataset as its builder describes it; ``name`` is its key in ``registry.PUBLIC``.

    ``tables`` are read one after the other; a dataset without tables lists its pictures: ``listed`` makes the cells
    of a line from a file, or ``None`` of a file that is no part of it. ``labels`` maps the source's words (compared by
    :func:`values.key`) to class names; ``None`` takes the words as they are. Where a label may be null,
    ``label_required`` is false. ``check`` raises where the records are those of another dataset. ``extra`` are further
    columns, name to a ``datasets`` feature in words ("string", "list<string>", "float32"); ``plain`` leaves out what
    has to do with labels. ``sets`` are further configs.
    """

    name: str
    fields: Mapping[str, Take]
    tables: tuple[Table, ...] = ()
    listed: Callable[[Entry], Cells | None] | None = None
    labels: Mapping[str, str | None] | None = None
    binary: Mapping[str, str] | None = None
    label_required: bool = True
    id_of: Callable[[Record], str] | None = None
    group: Callable[[Record], Iterable[str]] | None = None
    check: Callable[[Sequence[Record]], None] | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    config: str = "default"
    plain: bool = False
    sets: tuple[Spec, ...] = ()


def short(*words: str) -> str:
    """Ten letters that ``words`` alone decide: the end of an id where rows share a picture."""
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:10]


def first(*columns: str) -> Callable[[Cells], str | None]:
    """The first of ``columns`` that says something."""
    return lambda cells: next((found for name in columns if (found := values.text(cells.get(name)))), None)


class Verbatim(str):
    """Text that no conversion may touch."""

    __slots__ = ()


def verbatim(column: str) -> Callable[[Cells], Verbatim | None]:
    """A column letter by letter: an id that ends like the name of a file keeps its ending."""
    return lambda cells: Verbatim(found) if (found := values.text(cells.get(column))) else None


def constant(value: Any) -> Callable[[Cells], Any]:
    """The same for every line."""
    return lambda cells: value


def when(column: str, known: Mapping[str, Any]) -> Callable[[Cells], Any]:
    """What ``known`` has for the word in ``column`` (compared by :func:`values.key`); null for any other."""
    table = {values.key(word): value for word, value in known.items()}
    return lambda cells: table.get(values.key(cells.get(column, "")))


def one_hot(*columns: str) -> Callable[[Cells], str | None]:
    """The one of ``columns`` that holds 1; the row is refused where none or several do."""

    def take(cells: Cells) -> str | None:
        try:
            hot = [name for name in columns if float(cells.get(name.casefold()) or 0) >= 0.5]
        except ValueError as error:
            raise Refuse("bad_value", f"A class column holds no number: {error}.") from None
        if len(hot) > 1:
            raise Refuse("bad_value", f"It is of several classes: {', '.join(hot)}.")
        return hot[0] if hot else None

    return take
