"""A locator points to what it must not hold: no pixels, no sentences, no names of anybody's files.

It is looked at as a stranger would see it, whatever made it: columns are taken for what they hold, not for what they
are called. Ids, hashes, numbers and names of classes are short; what reads like a sentence, or is bytes, is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.public.raw import PICTURES as PICTURE_ENDINGS
from mmskin_hub.errors import some
from mmskin_hub.hub.checks.look import Look, Table
from mmskin_hub.hub.checks.text import leaves
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted
from mmskin_hub.registry import DATASETS, PUBLIC

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

LOCATOR = Wanted("locator", "no pixels, no sentences, no names of books")
_BOOKS = re.compile(r"\.(?:pdf|epub|djvu|mobi|azw3?)\b", re.IGNORECASE)
_DATA_URI = re.compile(r"data:image/", re.IGNORECASE)
_MAY_SPEAK = {"licence", "license", "title", "source", "how_to_get", "sealed", "description", "detail", "name"}
"""Keys of ``build.json`` that hold words of the registry or, ``sealed``, of nobody; of inputs ``name`` is a file's."""


def locator(look: Look, thresholds: Thresholds) -> Verdict:
    """Every column, file and value of the record; ``locator_words`` (a number of words) make a sentence."""
    if look.subject.form != "locator":
        return LOCATOR.unfit("it is a full release")
    most = int(thresholds["locator_words"])
    wrong = [
        *_files(look),
        *(each for table in look.tables for each in _table(look, table, most)),
        *_record(look, most),
    ]
    if wrong:
        return LOCATOR.bad(some(wrong), "Make the locator again: release the full dataset with the same command.")
    return LOCATOR.good(f"{len(look.tables)} tables of ids, places and hashes")


def _files(look: Look) -> Iterator[str]:
    for name, path in look.files.items():
        ending = path.suffix.lower()
        if ending in PICTURE_ENDINGS or ending in (".pdf", ".html", ".zip", ".tar", ".gz"):
            yield f"{name} may hold pixels or sentences"
        elif ending in (".md", ".json", ".txt") and _DATA_URI.search(path.read_text("utf-8", errors="replace")):
            yield f"{name} holds a picture"


def _table(look: Look, table: Table, most: int) -> Iterator[str]:
    for field in table.schema:
        if any(_bytes(field.type)):
            yield f"{table.name}: the column {field.name} holds bytes"
    allowed = _class_names(look)
    names = [field.name for field in table.schema]
    told: set[str] = set()
    first = 0
    for batch in look.batches(table, names):
        for name, array in zip(batch.schema.names, batch.columns, strict=True):
            for path, values, rows in leaves(name, array, list(range(batch.num_rows))):
                for place, value in enumerate(values.to_pylist()):
                    if path not in told and value and _reads(value, most, allowed):
                        told.add(path)
                        yield f"{table.name} row {first + rows[place] + 1}: {path} holds a sentence or a file's name"
        first += batch.num_rows


def _bytes(kind: pa.DataType) -> Iterator[bool]:
    import pyarrow as pa

    if isinstance(kind, pa.ExtensionType):
        kind = kind.storage_type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        yield True
    elif pa.types.is_nested(kind):
        for number in range(kind.num_fields):
            yield from _bytes(kind.field(number).type)


def _reads(text: str, most: int, allowed: set[str]) -> bool:
    """Whether ``text`` reads like a sentence (``most`` words or more), or is the name of a book's file.

    Dermnet's ids begin with a folder's name that is as long as a sentence: of a path its last part counts.
    """
    if _BOOKS.search(text):
        return True
    return text not in allowed and len(text.rpartition("/")[2].split()) >= most


def _class_names(look: Look) -> set[str]:
    """Names of classes, licences and age groups, which may be long and quote nobody."""
    from mmskin_hub.curate.demographics import AGE_GROUPS

    found = {public.licence for public in PUBLIC.values()} | {name for each in PUBLIC.values() for name in each.classes}
    found |= {name for _, name in AGE_GROUPS} | {"textbook content, not redistributable"}
    return found | {str(name) for name in look.record.get("classes") or ()}


def _record(look: Look, most: int) -> Iterator[str]:
    """Values of the record that quote; the text of other JSON files likewise."""
    allowed = _class_names(look)
    for name, path in look.files.items():
        if path.suffix == ".json" and name != "release.json":
            try:
                value = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError):
                continue
            books = DATASETS[str(look.record.get("dataset"))].source == "books"
            yield from (
                f"{name} {key}: a sentence or a file's name" for key in _spoken(value, "", most, allowed, books)
            )


def _spoken(value: Any, key: str, most: int, allowed: set[str], books: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inside in value.items():
            if books and name == "name" and key.startswith("inputs"):
                yield f"{key}.name"
            elif isinstance(name, str) and _BOOKS.search(name):
                yield f"{key} (a key)"
            else:
                yield from _spoken(inside, f"{key}.{name}".lstrip("."), most, allowed, books)
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from _spoken(inside, f"{key}[{number}]", most, allowed, books)
    elif isinstance(value, str):
        last = re.sub(r"\[\d+\]$", "", key).rpartition(".")[2]
        if _BOOKS.search(value) or (last not in _MAY_SPEAK and _reads(value, most, allowed)):
            yield key


def features(look: Look) -> dict[str, Features]:
    """The columns of each config of a locator: those of the dataset that :mod:`mmskin_hub.hub.locator` keeps."""
    from datasets import ClassLabel, Value
    from datasets import Features as Columns

    from mmskin_hub.hub.checks.dataset import full_features
    from mmskin_hub.hub.locator import COLUMNS

    kept = COLUMNS[DATASETS[str(look.record["dataset"])].source]
    found = {}
    for config, whole in full_features(look).items():
        own = {name: whole[name] for name in kept if name in whole}
        plain = {name: Value("string") if isinstance(each, ClassLabel) else each for name, each in own.items()}
        made = {name: Value("string") for name in ("split", "image_sha256", "row_sha256")}
        found[config] = Columns({**plain, **made})
    return found
