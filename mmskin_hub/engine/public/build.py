"""A public dataset from ``--raw`` to ``--out``: read, split, published in one move, with every row accounted for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.counts import ImbalanceError
from mmskin_hub.engine.limits import writing
from mmskin_hub.engine.public.facts import record_of
from mmskin_hub.engine.public.pictures import BadPicture, process_all
from mmskin_hub.engine.public.raw import Raw
from mmskin_hub.engine.public.records import Read, read_records, refused
from mmskin_hub.engine.public.spec import REASONS, Record, Rejected, Spec
from mmskin_hub.engine.public.split import assign, not_listed
from mmskin_hub.engine.public.write import Part, Spool, write_part, write_rejects
from mmskin_hub.engine.publish import check_out, check_version, staged
from mmskin_hub.engine.work import write_json
from mmskin_hub.errors import MissingExtra, MmskinError, NothingUsable, WrongUse
from mmskin_hub.registry import PUBLIC, PublicDataset

MAX_SIDE = 512
"""Pixels of the longer side of a published picture, unless asked otherwise."""
_NAMED = 5
"""So many missing pictures are named in an error."""


@dataclass(frozen=True, slots=True)
class Request:
    """What ``mmskin build <public dataset>`` was asked for; ``max_side`` in pixels, 0 to copy every picture."""

    raw: Path
    out: Path
    version: str = "0.1.0"
    split: str = "grouped"
    allow_missing: bool = False
    max_side: int = MAX_SIDE
    threads: int = 1
    overwrite: bool = False


def build(spec: Spec, request: Request, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Make the dataset and return the record that ``build.json`` holds; ``tell`` hears what is under way.

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend; ``request.out`` is then as it
    was before.
    """
    began = time.perf_counter()
    facts = PUBLIC[spec.name]
    _check(facts, request)
    with ExitStack() as stack:
        stack.enter_context(writing(f"--out {request.out}", "--out"))
        stage = stack.enter_context(staged(request.out))
        raw = stack.enter_context(Raw(request.raw, stage))
        parts = []
        for one in (spec, *spec.sets):
            tell(f"reading the tables of {spec.name}")
            read = read_records(one, raw)
            _check_missing(facts, request, read)
            spool = stack.enter_context(Spool(stage / f".spool-{one.config}"))
            parts.append(_pictures(one, request, raw, read, spool, facts, tell))
        tell("writing")
        sizes = {part.spec.config: write_part(stage, part, facts) for part in parts}
        write_rejects(stage, [(part.spec.config, row) for part in parts for row in part.rejects])
        for part in parts:
            part.spool.close()
        record = record_of(stage, facts, request, parts, sizes)
        seconds = time.perf_counter() - began
        pictures = sum(len(part.records) for part in parts)
        record["run"] = {"seconds": round(seconds, 3), "pictures_a_second": round(pictures / seconds, 1)}
        write_json(stage / "build.json", record)
    return record


def _check(facts: PublicDataset, request: Request) -> None:
    """Refuse, before anything is read, what must not be done."""
    check_version(request.version)
    check_out(request.out, facts.name, request.version, request.overwrite)
    if request.split not in facts.splits:
        why = {
            "paper": f"The original release has no test list of {facts.name}.",
            "official": f"The source of {facts.name} has no official split.",
        }.get(request.split, f"--split {request.split!r} is not known.")
        raise WrongUse(why, f"Say --split {' or --split '.join(facts.splits)}")
    if request.max_side < 0:
        raise WrongUse(f"--max-side {request.max_side} is below zero.", "0 keeps every picture as it is.")
    raw, out = request.raw.resolve(), request.out.resolve()
    if raw == out or raw.is_relative_to(out) or (request.raw.is_dir() and out.is_relative_to(raw)):
        raise WrongUse(f"--raw {request.raw} and --out {request.out} lie in each other.", "Name another folder.")
    try:
        import imagehash  # noqa: F401
    except ImportError as error:
        raise MissingExtra(f"mmskin build {facts.name}", "build", error.name or "imagehash") from error


def _check_missing(facts: PublicDataset, request: Request, read: Read) -> None:
    missing, all_of_them = len(read.missing), len(read.missing) + len(read.records)
    if not read.lines:
        empty = f"{', '.join(read.inputs)} below --raw has no line below its head" if read.inputs else ""
        raise NothingUsable(
            f"{empty or f'--raw {request.raw} holds nothing of {facts.name}'}.",
            f"What it needs: {facts.how_to_get} ({facts.source})",
        )
    if not missing or (request.allow_missing and read.records):
        return
    names = [(record.names or (record.image_id,))[0] for record in read.missing]
    some = ", ".join(names[:_NAMED]) + (", …" if missing > _NAMED else "")
    what = f"{missing:,} of {all_of_them:,} pictures of {facts.name} are missing from --raw {request.raw}: {some}"
    where = f"Get them from {facts.source} ({facts.how_to_get})"
    if not read.records:
        raise NothingUsable(what, f"{where}.")
    raise MmskinError(what, f"{where}, or build what is there: --allow-missing")


def _pictures(
    spec: Spec,
    request: Request,
    raw: Raw,
    read: Read,
    spool: Spool,
    facts: PublicDataset,
    tell: Callable[[str], None],
) -> Part:
    """Work on the pictures, split the rows whose picture can be used, refuse the others."""
    from mmskin_hub.engine.progress import stage as showing

    kept, rejects, copied = [], list(read.rejects), 0
    out = not_listed(read.records, spec.name) if request.split == "paper" else set()
    rejects += [refused(record, "not_listed", "") for record in read.records if record.id in out]
    records = [record for record in read.records if record.id not in out]
    entries = [record.picture for record in records if record.picture is not None]
    with showing(f"pictures of {spec.name}", len(entries), "pictures") as update:
        results = process_all(raw, entries, request.max_side, request.threads)
        for number, (record, result) in enumerate(zip(records, results, strict=True), 1):
            if isinstance(result, BadPicture):
                where = record.picture.path if record.picture else ""
                rejects.append(refused(record, result.reason, f"{where}: {result.detail}"))
            else:
                record.width, record.height = result.width, result.height
                record.sha256, record.phash = result.sha256, result.phash
                copied += result.copied
                spool.add(result.data, result.suffix)
                kept.append(record)
            update(number)
    rejects += [refused(record, "missing_picture", ", ".join(record.names)) for record in read.missing]
    if not kept:
        raise _nothing(spec, read.lines, rejects)
    _harmonise(spec, kept)
    split = assign(kept, request.split, spec.name)
    split["pictures_copied"], split["pictures_resized"] = copied, len(kept) - copied
    for record in kept:
        # Where the source licenses each picture, a picture without a licence has none that anybody knows.
        record.licence = record.licence or (None if "licence" in spec.fields else facts.licence)
    if read.lines != len(kept) + len(rejects):
        raise ImbalanceError(f"{read.lines} lines were read, {len(kept)} published and {len(rejects)} rejected.")
    return Part(spec, read, kept, rejects, split, spool)


def _nothing(spec: Spec, lines: int, rejects: Sequence[Rejected]) -> NothingUsable:
    """What to say where no line is left: why the most of them went, and the first of those."""
    reasons = Counter(row.reason for row in rejects)
    (reason, number), *_ = reasons.most_common(1)
    first = next(row for row in rejects if row.reason == reason)
    where = f"{first.table} line {first.line}: {first.detail}" if first.table else first.detail
    return NothingUsable(
        f"None of the {lines:,} lines of {spec.name} can be used: of {number:,}, {REASONS[reason]} ({where})",
        f"Is it the whole download of {spec.name}? What it needs: mmskin datasets {spec.name}",
    )


def _harmonise(spec: Spec, records: Sequence[Record]) -> None:
    """Fill in the shared name of each diagnosis; words that nobody has put in the table stay null."""
    if spec.plain:
        return
    from mmskin_hub.engine.public.harmony import harmonise

    known: dict[str, str | None] = {}
    for record in records:
        for words in (record.label_text, *record.finer_names, record.label):
            if words is None or record.diagnosis is not None:
                continue
            if words not in known:
                try:
                    known[words] = harmonise(spec.name, words).diagnosis or None
                except (KeyError, MmskinError):
                    known[words] = None
            record.diagnosis = known[words]
