"""The answers of a run as they come: one JSON line a sample, on the disk before the next chunk is asked.

::

    <out>/journal/<task>.<rank>.jsonl    a header with the identity of the run, then one line a sample

Everything the model was asked and said is here, and nothing that is computed from it: readings and metrics are made
at the end, from the journals of all processes. A run that is killed goes on where its journals end. A last line that
was torn by the kill is dropped, and its sample asked again.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from mmskin_hub.errors import MmskinError, OutputExists

FORMAT = 1
"""Raised when the lines change in a way that an older journal cannot be gone on with."""
FOLDER = "journal"

Line = dict[str, Any]
"""``row`` is the number of the sample among the task's rows, from 0; the rest is the business of who writes."""


def journals(out: Path, task: str = "*") -> list[Path]:
    """The journals of ``task`` (of every task by default) below ``out``, by name."""
    return sorted((out / FOLDER).glob(f"{task}.*.jsonl"))


def check(out: Path, identity: Mapping[str, Any], task: str = "*") -> None:
    """Raise :class:`OutputExists` naming the first value in which a journal below ``out`` is of another run.

    Compared are the keys of ``identity`` alone, so that one part of it can be checked against every task's journals.
    """
    for path in journals(out, task):
        held = _header(path)
        if held is None:
            continue  # killed before its first line was whole: nothing was asked
        there, here = _flat(held.get("identity", {})), _flat(identity)
        told = {key: value for key, value in there.items() if key.partition(".")[0] in identity}
        if held.get("journal") != FORMAT:
            told, here = {"journal": held.get("journal")}, {"journal": FORMAT}
        for key in dict.fromkeys([*here, *told]):
            if here.get(key) != told.get(key):
                raise OutputExists(
                    f"--out {out} holds answers of another run: {key} is {_shown(told, key)} there ({path.name}) and "
                    f"{_shown(here, key)} now.",
                    "Name another folder, or say --overwrite to throw its answers away.",
                )


class Journal:
    """The journal of one task by one process, open for more lines; a context manager.

    Raises :class:`MmskinError` where the disk takes no more; what was written before is kept.
    """

    def __init__(self, out: Path, task: str, rank: int, identity: Mapping[str, Any]) -> None:
        self.path = out / FOLDER / f"{task}.{rank}.jsonl"
        self.identity = dict(identity)
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = max((end for _, end, _ in _lines(self.path)), default=0)
        self._file = self.path.open("r+b" if self.path.exists() else "w+b")
        self._file.truncate(whole)
        self._file.seek(whole)
        if not whole:
            self.write([{"journal": FORMAT, "identity": self.identity}])
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, lines: Iterable[Line]) -> None:
        """Add ``lines``; they are on the disk when this returns."""
        assert self._file is not None, "the journal is not open"
        data = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        try:
            self._file.write(data.encode("ascii"))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise MmskinError(
                f"{self.path} cannot be written: {error.strerror}.", "Make room; the same command then goes on."
            ) from error


class Answers:
    """The lines of one task in the journals of all processes, in the order of the rows; each row once.

    In memory are the places of the lines, never the lines.
    """

    def __init__(self, out: Path, task: str) -> None:
        self._paths = journals(out, task)
        places: dict[int, tuple[int, int]] = {}
        for number, path in enumerate(self._paths):
            for offset, _, line in _lines(path):
                if "row" in line:
                    places.setdefault(int(line["row"]), (number, offset))
        rows = sorted(places)
        self.rows = array("q", rows)
        self._files = array("q", (places[row][0] for row in rows))
        self._offsets = array("q", (places[row][1] for row in rows))

    def __len__(self) -> int:
        return len(self.rows)

    def lines(self, limit: int | None = None) -> Iterator[Line]:
        """The lines of the rows below ``limit``."""
        files = [path.open("rb") for path in self._paths]
        try:
            for row, number, offset in zip(self.rows, self._files, self._offsets, strict=True):
                if limit is None or row < limit:
                    files[number].seek(offset)
                    yield json.loads(files[number].readline())
        finally:
            for file in files:
                file.close()


def remove(out: Path) -> None:
    """Throw away every journal below ``out``."""
    for path in journals(out):
        path.unlink()


def _lines(path: Path) -> Iterator[tuple[int, int, Line]]:
    """The whole lines of ``path``, each with its first byte and the one after its last, up to the first torn line."""
    if not path.exists():
        return
    with path.open("rb") as file:
        first = 0
        for data in file:
            try:
                line = json.loads(data) if data.endswith(b"\n") else None
            except ValueError:
                line = None
            if not isinstance(line, dict) or (not first and "journal" not in line):
                return
            yield first, first + len(data), line
            first += len(data)


def _header(path: Path) -> Line | None:
    first = next(_lines(path), None)
    return first[2] if first else None


def _flat(value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys; as JSON has the values, so that a tuple equals a list."""
    found: dict[str, Any] = {}
    for key, each in value.items():
        if isinstance(each, Mapping):
            found.update(_flat(each, f"{before}{key}."))
        else:
            found[f"{before}{key}"] = json.loads(json.dumps(each))
    return found


def _shown(values: Mapping[str, Any], key: str) -> str:
    return json.dumps(values[key], ensure_ascii=False)[:80] if key in values else "not told"
