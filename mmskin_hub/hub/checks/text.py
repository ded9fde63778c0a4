"""Nothing private leaves: no tokens and keys, no paths of this machine, no e-mail addresses.

Looked at are every text column of every Parquet file (lists and structs to their leaves, and the files' own metadata),
the record, the card as it will be written, and every other file of text. Verdicts name the place and the kind, and
never repeat what was found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import some
from mmskin_hub.hub.checks.dataset import REPLACED, rebuild
from mmskin_hub.hub.checks.look import Look, Table
from mmskin_hub.hub.checks.patterns import (
    EMAILS,
    EMAILS_COARSE,
    ENCODED,
    PATHS,
    PATHS_COARSE,
    SECRETS,
    SECRETS_COARSE,
    Shape,
    matches,
)
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted

if TYPE_CHECKING:
    import pyarrow as pa

SECRETS_WANTED = Wanted("secrets", "no token, key or password in any text")
PATHS_WANTED = Wanted("paths", "no path of this machine in any text")
EMAILS_WANTED = Wanted("e-mails", "no e-mail address in any text")

_TEXT = (
    ".json",
    ".jsonl",
    ".md",
    ".html",
    ".txt",
    ".yaml",
    ".yml",
    ".csv",
    ".tsv",
    ".jinja",
    ".cff",
    ".bib",
    ".py",
    "",
)
_VOCABULARY = re.compile(r"tokenizer\.json|vocab\..+|merges\.txt|added_tokens\.json|.+\.index\.json")
"""Pieces of words and names of tensors: every short shape is in there."""
_MOST = 64 * 1024 * 1024
_PATH = re.compile(r"(?P<name>[\w-]+=)?(?P<path>(?:/|~/|[A-Za-z]:\\)[^\s:]+(?: [^\s:]+)*)")


def secrets(look: Look, thresholds: Thresholds) -> Verdict:
    """Shapes of tokens and keys, and the very token that huggingface_hub would send."""
    own = own_token()
    shapes = (*SECRETS, Shape("your Hugging Face token", re.compile(re.escape(own)))) if own else SECRETS
    coarse = f"{SECRETS_COARSE}|{_quoted(own)}" if own else SECRETS_COARSE
    found = [*_columns(look, shapes, coarse), *_texts(look, shapes, vocabulary=True)]
    if found:
        return SECRETS_WANTED.bad(some(found), f"Revoke it where it was issued, take it out, and: {_again(look)}")
    return SECRETS_WANTED.good("none found")


def paths(look: Look, thresholds: Thresholds) -> Verdict:
    """Absolute paths, home folders, drives; in the record also whatever value is a whole absolute path."""
    found = [*_columns(look, PATHS, PATHS_COARSE), *_texts(look, PATHS), *_whole(look)]
    if found:
        return PATHS_WANTED.bad(some(dict.fromkeys(found)), f"Take them out, and: {_again(look)}")
    return PATHS_WANTED.good("none found")


def emails(look: Look, thresholds: Thresholds) -> Verdict:
    """Addresses of persons in captions, answers and records."""
    found = [*_columns(look, EMAILS, EMAILS_COARSE), *_texts(look, EMAILS)]
    if found:
        return EMAILS_WANTED.bad(some(found), f"Take them out of the source, and: {_again(look)}")
    return EMAILS_WANTED.good("none found")


def without_paths(value: Any) -> Any:
    """A record with every absolute path of this machine in it shortened to its last part (``NAME=/a/b``: ``NAME=b``).

    Everything else stays as it is; the record itself is not changed.
    """
    if isinstance(value, Mapping):
        return {key: without_paths(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(each) for each in value]
    if isinstance(value, str) and (match := _PATH.fullmatch(value)):
        path = match["path"]
        last = PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name
        return f"{match['name'] or ''}{last}"
    return value


def own_token() -> str:
    """The token that huggingface_hub would send; "" where there is none, or one that is too short to look for."""
    from huggingface_hub import get_token

    token = get_token() or ""
    return token if len(token) >= 8 else ""


def _quoted(text: str) -> str:
    """``text`` as RE2 takes it literally."""
    return "".join(f"\\x{{{ord(letter):x}}}" for letter in text)


def _again(look: Look) -> str:
    if look.subject.kind == "dataset":
        return rebuild(look)[0].lower() + rebuild(look)[1:]
    return "release it again with the same command."


def _columns(look: Look, shapes: tuple[Shape, ...], coarse: str) -> Iterator[str]:
    """Where the text columns of the Parquet files hold something of ``shapes``."""
    for table in look.tables:
        told = b" ".join(value for pair in (table.schema.metadata or {}).items() for value in pair)
        for name, _ in matches(told.decode("utf-8", "replace"), shapes):
            yield f"{table.name} metadata: {name}"
        columns = [field.name for field in table.schema if any(True for _ in _strings(field.type))]
        if columns:
            yield from _of_table(look, table, columns, shapes, coarse)


def _of_table(look: Look, table: Table, columns: list[str], shapes: tuple[Shape, ...], coarse: str) -> Iterator[str]:
    import pyarrow.compute as pc

    first = 0
    for batch in look.batches(table, _leaf_columns(table, columns)):
        for name, array in zip(batch.schema.names, batch.columns, strict=True):
            for path, values, rows in leaves(name, array, list(range(batch.num_rows))):
                hits = pc.match_substring_regex(values, coarse)
                for place in pc.indices_nonzero(hits).to_pylist():
                    for kind in dict.fromkeys(kind for kind, _ in matches(values[place].as_py(), shapes)):
                        yield f"{table.name} row {first + rows[place] + 1}, {path}: {kind}"
        first += batch.num_rows


def _leaf_columns(table: Table, columns: list[str]) -> list[str]:
    """Columns to read: of a picture the path alone, never its bytes."""
    found = []
    for name in columns:
        kind = table.schema.field(name).type
        found += [f"{name}.{leaf}" for leaf in _strings(kind)] if _nested(kind) else [name]
    return found


def _nested(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_nested(kind))


def _strings(kind: pa.DataType) -> Iterator[str]:
    """The paths of the leaves of text below a column of ``kind``, as Parquet names them ("" for the column itself)."""
    import pyarrow as pa

    if isinstance(kind, pa.ExtensionType):
        kind = kind.storage_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield ""
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from (f"{field.name}.{leaf}".rstrip(".") for leaf in _strings(field.type))
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from (f"list.element.{leaf}".rstrip(".") for leaf in _strings(kind.value_type))


def leaves(path: str, array: Any, rows: list[int]) -> Iterator[tuple[str, Any, list[int]]]:
    """The arrays of text below ``array``, each with its path and, for every value, the row it is of."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = array.type
    if isinstance(kind, pa.ExtensionType):
        array, kind = array.storage, kind.storage_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield path, array, rows
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from leaves(f"{path}.{field.name}", pc.struct_field(array, field.name), rows)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        parents = pc.list_parent_indices(array).to_pylist()
        yield from leaves(path, pc.list_flatten(array), [rows[parent] for parent in parents])


def texts(look: Look) -> Iterator[tuple[str, str]]:
    """Name and text of every file of text that is released, the card as it will be written among them."""
    for name, path in look.files.items():
        if name in REPLACED or path.suffix.lower() not in _TEXT or path.stat().st_size > _MOST:
            continue
        yield name, ENCODED.sub("", path.read_text("utf-8", errors="replace"))
    if look.card.text:
        yield "README.md", look.card.text


def _texts(look: Look, shapes: tuple[Shape, ...], vocabulary: bool = False) -> Iterator[str]:
    for number, name in enumerate(look.files, 1):
        yield from (f"the name of file {number}: {kind}" for kind, _ in matches(name, shapes))
    for name, text in texts(look):
        if vocabulary or not _VOCABULARY.fullmatch(Path(name).name):
            for kind, start in matches(text, shapes):
                yield f"{name} line {text.count(chr(10), 0, start) + 1}: {kind}"


def _whole(look: Look) -> Iterator[str]:
    """Values of JSON files that are an absolute path as a whole, whatever its root is called."""
    for name, path in look.files.items():
        if path.suffix != ".json" or _VOCABULARY.fullmatch(path.name) or name in REPLACED:
            continue
        try:
            value = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            continue
        yield from (f"{name} {key}: a local path" for key in _absolute(value, ""))


def _absolute(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inside in value.items():
            yield from _absolute(inside, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inside in enumerate(value):
            yield from _absolute(inside, f"{key}[{number}]")
    elif isinstance(value, str) and _PATH.fullmatch(value) and value.count("/") + value.count("\\") > 1:
        yield key
