"""The files of the original release: LLaVA-style JSON, and CSV tables beside a folder of pictures.

A row that cannot be used is a reject row with its number: of a CSV the record (1 is the first below the head), of a
JSON file the entry. A conversation with several answers counts once for each.
"""

from __future__ import annotations

import ast
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from mmskin_hub.engine.mixture.built import settle
from mmskin_hub.engine.mixture.conversations import classify, describe
from mmskin_hub.engine.mixture.items import Item, Place, refuse
from mmskin_hub.engine.mixture.llava import Bad, read_conversation, without_token
from mmskin_hub.engine.mixture.pictures import Draft
from mmskin_hub.engine.mixture.sources import Part
from mmskin_hub.errors import WrongUse
from mmskin_hub.schema import MODALITIES

_MODALITY = {"skin": "clinical", "dermoscopy": "dermoscopic", "histopathology": "pathology", "histology": "pathology"}
_SETS = {"train": "train", "training": "train", "val": "validation", "validation": "validation", "test": "test"}
_CLASS_COLUMNS = ("categories", "category", "label")


def read_release(part: Part) -> Iterator[Draft]:
    """The rows of one JSON or CSV file in their order.

    Raises :class:`WrongUse`, naming the file and the line, where it is not what its name says.
    """
    finder = _Finder(part.images)
    yield from _conversations(part, finder) if part.file.suffix.lower().startswith(".json") else _table(part, finder)


class _Finder:
    """Finds the pictures a table names, below one folder; without a folder it finds none."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder.resolve() if folder else None
        self.find = lru_cache(maxsize=4096)(self._find)

    def _find(self, name: str) -> Path | tuple[str, str]:
        """The file ``name`` names, or a reason and a sentence. Leading folders that are not here are passed over."""
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\0" in name:
            return "outside_folder", f"{name!r} leads out of the folder of pictures."
        for start in range(len(path.parts) if self.folder else 0):
            assert self.folder is not None
            file = self.folder.joinpath(*path.parts[start:])
            try:
                if file.is_file():
                    inside = file.resolve().is_relative_to(self.folder)
                    return file if inside else ("outside_folder", f"{name!r} is a link out of the folder of pictures.")
            except OSError:
                break
        return "missing_picture", f"There is no {name!r} in the folder of pictures."


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongUse(
            f"{file} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}.", "Convert it."
        ) from error
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}.", "Name another file.") from error


def _conversations(part: Part, finder: _Finder) -> Iterator[Draft]:
    for number, entry in enumerate(_entries(part.file), 1):
        item = _item(part, "conversations", number)
        item.task = "conversation"
        if not isinstance(entry, Mapping):
            yield refuse(item, "bad_row", "The entry is not a JSON object.")
            continue
        image = entry.get("image")
        names = [str(name) for name in (image if isinstance(image, list) else [image]) if name not in (None, "")]
        name = str(entry.get("id") or (PurePosixPath(names[0]).stem if names else f"row-{number}"))
        item.id = f"{part.source}/{item.config}/{name}"
        if len(names) > 1:
            yield refuse(item, "several_pictures", f"{len(names)} pictures.")
            continue
        turns = read_conversation(entry.get("conversations"), bool(names))
        problem = (turns.reason, turns.detail) if isinstance(turns, Bad) else None
        problem = (_place(item, names[0], finder) if names else None) or problem
        if problem or isinstance(turns, Bad):
            yield _unless_test(part, item, problem or ("bad_row", ""))
            continue
        for place, turn in enumerate(turns, 1):
            own = item.id if len(turns) == 1 else f"{item.id}-t{place}"
            yield replace(item, id=own, prompt=turn.prompt, answer=turn.answer), None


def _entries(file: Path) -> list[Any]:
    text = _text_of(file)
    try:
        if file.suffix.lower() == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{file} is not JSON: {error}.", "Download it again, or name another file.") from error
    if not isinstance(entries, list):
        raise WrongUse(f"{file} is not a list of conversations.", 'Needed is [{"id", "image", "conversations"}, …].')
    return entries


def _table(part: Part, finder: _Finder) -> Iterator[Draft]:
    rows, columns = _records(part.file)
    label = next((name for name in _CLASS_COLUMNS if name in columns), "")
    if "image" not in columns or not (label or "caption" in columns or {"question", "answer"} <= set(columns)):
        found = ", ".join(columns) or "none"
        raise WrongUse(
            f"{part.file} has no columns of the original release: {found}.",
            "Needed are image with question and answer, with caption, or with categories.",
        )
    labels = [_label(row.get(label)) for row in rows] if label else []
    classes = sorted({name for name in labels if isinstance(name, str)})
    for number, row in enumerate(rows, 1):
        item = _item(part, "classes" if label else "vqa" if "question" in columns else "captions", number)
        image = (row.get("image") or "").strip()
        item.id = f"{part.source}/{item.config}/{PurePosixPath(image).stem or f'row-{number}'}"
        item.modality = _modality(row.get("modality"))
        item.stratum = item.modality or ""
        own = (row.get("set") or row.get("split") or "").strip().casefold()
        item.split = _SETS.get(own, item.split)
        if own and own not in _SETS:
            yield refuse(item, "bad_row", f"It is of the set {own!r}, which is none of train, validation and test.")
            continue
        if row.get(_TOO_MANY) is not None or None in row.values():
            yield refuse(item, "bad_row", f"The record has not {len(columns)} fields.")
            continue
        problem = _place(item, image, finder) if image else ("missing_picture", "The record names no picture.")
        problem = _say(item, row, labels[number - 1] if label else None, classes) or problem
        yield _unless_test(part, item, problem) if problem else (item, None)


_TOO_MANY = "\0more"


def _records(file: Path) -> tuple[list[dict[str, str]], list[str]]:
    text = _text_of(file)
    head = text.partition("\n")[0]
    delimiter = max(",\t;", key=head.count)
    csv.field_size_limit(1 << 24)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey=_TOO_MANY)
        columns = [name.strip().casefold() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        return list(reader), columns
    except csv.Error as error:
        raise WrongUse(f"{file} is not a table: {error}.", "Download it again, or name another file.") from error


def _label(text: str | None) -> str | None:
    """The class in a cell: a word, or a Python list of words; several are joined."""
    plain = (text or "").strip()
    if plain.startswith("[") and plain.endswith("]"):
        try:
            found = ast.literal_eval(plain)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        names = [name.strip() for name in found if isinstance(name, str) and name.strip()]
        return ", ".join(names) or None
    return plain or None


def _say(item: Item, row: Mapping[str, str], label: str | None, classes: Sequence[str]) -> tuple[str, str] | None:
    if item.config == "classes":
        item.task, item.stratum = "classification", label or ""
        item.prompt = classify(item.id, item.modality, classes)
        return settle(item, label) if label else ("no_label", "")
    if item.config == "captions":
        item.task = "caption"
        item.prompt = describe(item.id, item.modality)
        return settle(item, row["caption"])
    question = without_token(row["question"])
    item.task, item.prompt = "vqa", (("user", question),)
    return settle(item, row["answer"]) if question else ("empty_question", "")


def _modality(text: str | None) -> str | None:
    plain = (text or "").strip().casefold()
    plain = _MODALITY.get(plain, plain)
    return plain if plain in MODALITIES else None


def _item(part: Part, config: str, number: int) -> Item:
    item = Item(part.source, config, part.split, f"{part.source}/{config}/row-{number}", "", (), "", part.name, number)
    item.licence = part.licence
    return item


def _unless_test(part: Part, item: Item, problem: tuple[str, str]) -> Draft:
    # A test row guards its picture and its ids, whatever else is wrong with it.
    return (item, None) if part.guards or item.split == "test" else refuse(item, *problem)


def _place(item: Item, image: str, finder: _Finder) -> tuple[str, str] | None:
    item.image_id = PurePosixPath(image.replace("\\", "/")).stem
    found = finder.find(image)
    if isinstance(found, tuple):
        return found
    item.place = Place(found)
    return None
