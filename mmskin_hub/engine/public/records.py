"""Lines of tables become records: fields filled, labels named, ids checked, pictures looked up. Nothing is guessed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.lookup import Ambiguous, Lookup
from mmskin_hub.engine.public.raw import Entry, Raw
from mmskin_hub.engine.public.spec import Join, Record, Refuse, Rejected, Spec, Table, Take, Verbatim
from mmskin_hub.engine.public.table import Cells, Line, read_table
from mmskin_hub.errors import WrongUse

CONVERT: dict[str, Callable[[str | None], Any]] = {
    "image_id": values.image_id,
    "age_years": values.age_years,
    "sex": values.sex,
    "skin_tone": values.skin_tone,
    "monk_tone": values.monk_tone,
    "official": values.split,
}
"""How the text of a cell becomes the value of a field; any other field takes the text as it is."""
DECISIVE = ("image_id", "picture", "official")
"""Fields without which a row is not known: where one is not understood, the row is refused, not the value."""
_NAMED = 5
"""So many ids are named in a reject row."""
_OWN = frozenset(Record.__dataclass_fields__) - {"extra", "table", "line", "label", "picture"}
"""Fields of a record that a builder fills as they are."""


@dataclass
class Read:
    """What came of the tables: ``lines`` read are ``records`` and ``rejects`` together.

    ``missing`` are the records whose picture is not there (they are not among ``records``); ``unread`` counts cells
    that were not understood and became null, by field; ``inputs`` are the tables' paths below --raw.
    """

    records: list[Record] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    missing: list[Record] = field(default_factory=list)
    lines: int = 0
    unread: Counter[str] = field(default_factory=Counter)
    inputs: list[str] = field(default_factory=list)
    unlisted: int = 0


def read_records(spec: Spec, raw: Raw) -> Read:
    """Every record of the dataset in the order of its tables.

    Raises :class:`WrongUse` where a required table is not there or lacks columns.
    """
    read = Read()
    found: list[tuple[Record, tuple[Any, ...]]] = []
    known = {values.key(word): name for word, name in (spec.labels or {}).items()}
    for table, lines in _tables(spec, raw, read):
        for line in lines:
            read.lines += 1
            result = _record(spec, known, table, line, read.unread)
            if isinstance(result, Rejected):
                read.rejects.append(result)
            else:
                found.append((result, _content(result)))
    records = list(_once(found, read.rejects))
    if spec.check is not None:
        spec.check(records)
    _find_pictures(records, raw, read)
    return read


def _find_pictures(records: Sequence[Record], raw: Raw, read: Read) -> None:
    """Look up the picture of each record; two ids never share one."""
    lookup = Lookup(raw, [name for record in records for name in record.names])
    users: dict[Entry, set[str]] = defaultdict(set)
    for record in records:
        try:
            record.picture = next((entry for name in record.names if (entry := lookup.find(name))), None)
        except Ambiguous as error:
            read.rejects.append(refused(record, "ambiguous_picture", str(error)))
            continue
        if record.picture is None:
            read.missing.append(record)
        else:
            users[record.picture].add(record.image_id)
            read.records.append(record)
    read.unlisted = sum(entry not in users for entry in raw.pictures())
    for record in read.records:
        if record.picture is not None and len(users[record.picture]) > 1:
            names = ", ".join(sorted(users[record.picture])[:_NAMED])
            read.rejects.append(refused(record, "shared_picture", f"{record.picture.path} is that of {names}."))
    read.records = [record for record in read.records if record.picture and len(users[record.picture]) == 1]


def refused(record: Record, reason: str, detail: str) -> Rejected:
    """The reject row of a record."""
    return Rejected(record.image_id, record.table, record.line, reason, detail, record.label_text or "")


def _tables(spec: Spec, raw: Raw, read: Read) -> Iterator[tuple[Table, Iterable[Line]]]:
    if spec.listed is not None:
        yield Table((), ()), _listed(spec, raw)
        return
    for table in spec.tables:
        lines = _lines_of(spec, table, raw, read)
        if lines is not None:
            yield table, lines


def _listed(spec: Spec, raw: Raw) -> Iterator[Line]:
    assert spec.listed is not None
    seen: set[tuple[tuple[str, str], ...]] = set()
    for entry in raw.pictures():
        cells = spec.listed(entry)
        # Plain files come first: of a picture that also lies in a zip, that copy is passed over.
        if cells is not None and (known := tuple(sorted(cells.items()))) not in seen:
            seen.add(known)
            yield Line(entry.path, 0, cells)


def _lines_of(spec: Spec, table: Table, raw: Raw, read: Read) -> list[Line] | None:
    entries = raw.tables(table.names)
    if not entries:
        if not table.required:
            return None
        raise WrongUse(
            f"--raw {raw.root} holds no {' or '.join(table.names)}.",
            f"Is it the folder of {spec.name}? What it needs, and where to get it: mmskin datasets {spec.name}",
        )
    if len({entry.name.casefold() for entry in entries}) < len(entries):
        first, second, *_ = sorted((entry.path for entry in entries), key=lambda path: (path.count("/"), path))
        contents = {raw.read(entry, 1 << 31) for entry in entries}
        if len(contents) > 1:
            raise WrongUse(
                f"--raw {raw.root} holds {first} and {second}, and they differ.",
                "Leave one of them in the folder.",
            )
    lines: list[Line] = []
    for name in sorted({entry.name.casefold() for entry in entries}):
        entry = next(entry for entry in entries if entry.name.casefold() == name)
        lines += read_table(raw, entry, table.needs)
        read.inputs.append(entry.path)
    for join in table.joins:
        lines = _joined(lines, join, raw, read)
    if table.expand is not None:
        lines = [replace(line, cells=cells) for line in lines for cells in _expanded(table, line)]
    return lines


def _expanded(table: Table, line: Line) -> Iterable[Cells]:
    assert table.expand is not None
    return [line.cells] if line.problem else table.expand(line.cells)


def _joined(lines: list[Line], join: Join, raw: Raw, read: Read) -> list[Line]:
    entries = raw.tables(join.names)
    if not entries:
        if join.required:
            raise WrongUse(f"--raw {raw.root} holds no {' or '.join(join.names)}.", "Download it as well.")
        return lines
    here, there = join.on
    known: dict[str, Cells] = {}
    for line in read_table(raw, entries[0], (there, *join.needs)):
        if not line.problem:
            # The first line of an id counts; one that says otherwise would be found out by nobody.
            name = line.cells[there]
            if known.setdefault(name, line.cells) != line.cells:
                known[name] = {there: name}
                read.unread[f"{entries[0].name}: lines of one {there} that differ"] += 1
    read.inputs.append(entries[0].path)
    return [
        Line(ln.table, ln.number, {**known.get(ln.cells.get(here, ""), {}), **ln.cells}, ln.problem) for ln in lines
    ]


def _record(
    spec: Spec, known: Mapping[str, str | None], table: Table, line: Line, unread: Counter[str]
) -> Record | Rejected:
    """The record of one line, or its reject row; ``known`` are the labels by their key."""
    if line.problem:
        return Rejected("", line.table, line.number, "bad_row", line.problem)
    taken: dict[str, Any] = {}
    try:
        fields = {**spec.fields, **table.fields}
        for name in _ordered(fields):
            taken[name] = _take(name, fields[name], line.cells, unread)
        own = {name: value for name, value in taken.items() if name in _OWN}
        record = Record(**{"id": taken.get("image_id"), **own}, table=line.table, line=line.number)
        record.names = _pictures(taken, line)
        _check_id(record.image_id, record.names)
        record.pinned = table.pinned
        record.official = table.official or record.official
        record.extra = {name: value for name, value in taken.items() if name in spec.extra}
        _name_label(spec, known, record, taken.get("label"))
        record.groups = tuple(spec.group(record)) if spec.group is not None else ()
        record.id = spec.id_of(record) if spec.id_of is not None else record.id
        return record
    except Refuse as error:
        image_id, words = taken.get("image_id") or "", taken.get("label_text") or taken.get("label") or ""
        return Rejected(str(image_id), line.table, line.number, error.reason, error.detail, str(words))


def _ordered(fields: Mapping[str, Take]) -> list[str]:
    """The names of ``fields``, the id and the words first: a row that is refused on the way is known by them."""
    first = [name for name in ("image_id", "label_text", "label") if name in fields]
    return first + [name for name in fields if name not in first]


def _take(key: str, take: Take, cells: Cells, unread: Counter[str]) -> Any:
    try:
        found = take(cells) if callable(take) else cells.get(take)
        if isinstance(found, Verbatim):
            return str(found)
        if not (found is None or isinstance(found, str)):
            return found
        return CONVERT.get(key, values.text)(found)
    except values.NotUnderstood as error:
        if key in DECISIVE:
            raise Refuse("bad_value", f"{key} {str(error)!r} is not understood.") from None
        unread[key] += 1
        return None


def _pictures(taken: Mapping[str, Any], line: Line) -> tuple[str, ...]:
    """The names the picture may have, the likeliest first."""
    given = taken.get("picture")
    names = given if isinstance(given, tuple) else (given,)
    return tuple(str(name) for name in names if name)


def _check_id(name: str, pictures: Iterable[str]) -> None:
    if not name:
        raise Refuse("bad_id", "It has no id.")
    for given in (name, *pictures):
        parts = given.replace("\\", "/").split("/")
        if ".." in parts or given.startswith(("/", "\\")) or "\0" in given or ":" in parts[0]:
            raise Refuse("bad_id", f"{given!r} leads out of the folder.")


def _name_label(spec: Spec, known: Mapping[str, str | None], record: Record, label: Any) -> None:
    """Give ``record`` its class, its words and its side, or refuse it."""
    if spec.plain:
        return
    words = None if label is None else str(label)
    record.label_text = record.label_text or words
    if words is None:
        if spec.label_required:
            raise Refuse("no_label", "The source gives no label.")
    elif spec.labels is None:
        record.label = words
    else:
        if values.key(words) not in known:
            raise Refuse("unknown_label", f"{words!r} is none of the classes of {spec.name}.")
        record.label = known[values.key(words)]
    if record.binary is None and spec.binary is not None and record.label is not None:
        record.binary = spec.binary.get(record.label)


def _content(record: Record) -> tuple[Any, ...]:
    """What a record says; two lines of one id must say the same."""
    own = {name: getattr(record, name) for name in (*_OWN, "label")}
    return tuple(sorted((name, repr(value)) for name, value in {**own, **record.extra}.items()))


def _once(found: list[tuple[Record, tuple[Any, ...]]], rejects: list[Rejected]) -> Iterator[Record]:
    """The records whose id stands once, or always with the same words; the others become reject rows."""
    saying: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for record, content in found:
        saying[record.id].add(content)
    seen: set[str] = set()
    for record, _ in found:
        many = len(saying[record.id]) > 1
        if not many and record.id not in seen:
            seen.add(record.id)
            yield record
            continue
        reason = "conflicting_id" if many else "duplicate_id"
        detail = "" if not many else f"{len(saying[record.id])} lines say different things."
        rejects.append(refused(record, reason, detail))
