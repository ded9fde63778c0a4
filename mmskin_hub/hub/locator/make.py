"""Writes the locator of a dataset: the tables, and the record that leads back to it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import file_digests
from mmskin_hub.engine.tables import write_split
from mmskin_hub.engine.work import read_rows, write_json, write_rows
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.locator.rows import REJECT_COLUMNS, REJECTS, located_features, located_rows, tables_of
from mmskin_hub.hub.locator.sealed import key_of, seal
from mmskin_hub.hub.subject import Form, Subject
from mmskin_hub.registry import DATASETS

FORM: Form = "locator"
_LOCAL = re.compile(r"(?:~|/|\\|\.{1,2}[/\\]|[A-Za-z]:[/\\]|file:)")


def make_locator(subject: Subject, out: Path) -> Subject:
    """Write the locator of the dataset ``subject`` into the folder ``out``, and return it as a subject of its own.

    ``out`` is made, or empty. What is a locator already stays as and where it is. Raises :class:`WrongUse` where
    ``subject`` is a model, or ``out`` holds files; :class:`MmskinError` where the files of the dataset are not those
    that its ``build.json`` names. The same dataset gives the same bytes.
    """
    if subject.record.get("form") == FORM:
        return replace(subject, form=FORM)
    kind = _kind(subject)
    if out.exists() and any(out.iterdir()):
        raise WrongUse(f"{out} holds files; a locator is written into an empty folder.", "Name another folder.")
    out.mkdir(parents=True, exist_ok=True)
    record = subject.record
    whole = _whole(subject)
    configs: dict[str, dict[str, dict[str, int]]] = {}
    columns: dict[str, list[str]] = {}
    for folder, split, names in tables_of(whole):
        config = "default" if folder == "data" else folder
        files = [subject.folder / name for name in names]
        features = located_features(files[0], kind)
        columns.setdefault(config, list(features))
        rows = (row for file in files for row in located_rows(file, kind, split))
        size = write_split(out / folder, split, rows, features, lambda row: row["id"])
        if size is not None:
            configs.setdefault(config, {})[split] = {"rows": size.rows, "bytes": size.bytes}
    if REJECTS in whole:
        _write_rejects(subject.folder / REJECTS, out / REJECTS, kind)
    written = {
        **{name: value for name, value in _without_folders(record).items() if name not in ("run", "files", "configs")},
        "form": FORM,
        "inputs": [_input(entry, kind) for entry in record.get("inputs") or ()],
        "configs": configs,
        "files": file_digests(out),
        "full": {"configs": record.get("configs") or {}, "files": whole},
        "columns": columns,
        "sealed": _sealed(subject, whole, kind),
    }
    write_json(out / "build.json", written)
    return replace(subject, folder=out, record=written, form=FORM)


def _kind(subject: Subject) -> str:
    if subject.kind != "dataset":
        raise WrongUse("A model has no locator: there is nothing in it to be found in a book.", "Release it as it is.")
    known = DATASETS.get(subject.name)
    if known is None:
        raise WrongUse(
            f"{subject.folder} holds {subject.name!r}, which the registry does not know: nobody could make it again.",
            f"There are: {', '.join(DATASETS)}",
        )
    return known.source


def _whole(subject: Subject) -> dict[str, dict[str, Any]]:
    """The files of the dataset with their SHA-256, which are those that its record names."""
    here = file_digests(subject.folder)
    told = subject.record.get("files") or here
    wrong = sorted(name for name in {*here, *told} if here.get(name) != told.get(name))
    if wrong:
        raise MmskinError(
            f"{subject.folder} is not as it was built: not as build.json says are {', '.join(wrong[:5])}.",
            "Build the dataset again, then release that.",
        )
    return here


def _write_rejects(source: Path, target: Path, kind: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(source)
    kept = [name for name in REJECT_COLUMNS[kind] if name in schema.names]
    rows = list(read_rows(source, kept, batch=500))
    write_rows(target, rows, pa.schema([schema.field(name) for name in kept]))


def _without_folders(record: Mapping[str, Any]) -> dict[str, Any]:
    """``record`` without the folders of the machine it was made on, of which the last part stays.

    ``withheld`` names the options that had some: a model that was named by its folder has its name in them and, say,
    in the counts of what it wrote.
    """
    options: Mapping[str, Any] = record.get("options") or {}
    local = {name: value for name, value in options.items() if isinstance(value, str) and _LOCAL.match(value)}
    names = {value: _last(value) for value in sorted(local.values(), key=len, reverse=True)}

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {plain(key): plain(inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(inner) for inner in value]
        if not isinstance(value, str):
            return value
        for path, name in names.items():
            value = value.replace(path, name)
        return _last(value) if _LOCAL.match(value) else value

    found: dict[str, Any] = plain(record)
    # A record may have come here without its folders; then the writer of the questions is not the model and its prompt.
    writer = ((record.get("counts") or {}).get("questions") or {}).get("writer")
    if options.get("vqa") == "endpoint" and writer != f"{options.get('vqa_model')}/{options.get('vqa_prompt')}":
        local["vqa_model"] = ""
    return {**found, **({"withheld": sorted(local)} if local else {})}


def _last(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def _input(entry: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """One input of the build; of a book everything but what its file was called."""
    return {name: value for name, value in entry.items() if kind != "books" or name != "name"}


def _sealed(subject: Subject, whole: Mapping[str, Any], kind: str) -> str:
    """What only the dataset itself opens: its ``build.json`` and, of books, what the survey refused."""
    published = [name for name in whole if name != REJECTS]
    text = (subject.folder / "build.json").read_text("utf-8", "surrogateescape")
    held: dict[str, Any] = {"build": text}
    if kind == "books" and REJECTS in whole:
        rows = read_rows(subject.folder / REJECTS, batch=500)
        held["survey"] = [row for row in rows if row["stage"] == "survey"]
    return seal(json.dumps(held), key_of(subject.folder, published))
