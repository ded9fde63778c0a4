"""What travels: the folder of a subject, staged as it will stand in the repository, and every file with its hash.

The staged folder holds links to the files and, in their place, what differs from the folder at home:

* the record (``build.json``, ``run.json``) without the timings of its run and without paths of this machine, so that
  the same dataset built twice is the same release;
* of a model also ``results.json`` and the reports of its audits (``audit.json``, or ``audit-1.json`` …), which the next
  version is compared with;
* not the card (it is rendered anew), nothing hidden, and of a model nothing of :data:`_AT_HOME`.

The gate, the card and the push all look at this folder, so what was judged is what is pushed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.push import manifest as release_json
from mmskin_hub.hub.subject import RECORDS, Subject

CARD = "README.md"
_AT_HOME: Mapping[str, tuple[str, ...]] = {
    "dataset": (),
    "model": (
        "checkpoint-*/*", "runs/*", "logs/*", "wandb/*", "samples/*", "index/*", "tiny-base/*", "*.jsonl",
        "training_args.bin", "trainer_state.json", "complete.json", "stopped", "optimizer*", "scheduler*",
        "rng_state*", "scaler*",
    ),
}  # fmt: skip
"""What training leaves beside a model: states to go on from, logs, and pictures and sentences of its own data."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A file as it will stand in the repository; ``stamp`` is (size, modification time in ns) when it was hashed."""

    path: str
    source: Path | bytes
    sha256: str
    size: int
    stamp: tuple[int, int] | None = None

    def unchanged(self) -> bool:
        """Whether the file on the disk still looks as it did when it was hashed."""
        return not isinstance(self.source, Path) or _stamp(self.source) == self.stamp

    def git_oid(self) -> str:
        """The id git gives to a blob of this content."""
        if isinstance(self.source, bytes):
            return git_oid(self.source)
        digest = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
        with self.source.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()


def git_oid(data: bytes) -> str:
    """The id git gives to a blob of these bytes: SHA-1 over its length and its bytes, 40 hex digits."""
    return hashlib.sha1(f"blob {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()


def stage(subject: Subject, folder: Path) -> Subject:
    """Fill the empty ``folder`` with what is to travel; returns the subject that lies there.

    Raises :class:`WrongUse` where a file cannot be linked to.
    """
    from mmskin_hub.hub.checks.text import without_paths

    record = without_paths({key: value for key, value in subject.record.items() if key != "run"})
    written: dict[str, Any] = {RECORDS[subject.kind]: record}
    if subject.results is not None:
        written["results.json"] = without_paths(subject.results)
    for number, report in enumerate(subject.audits, 1):
        written["audit.json" if len(subject.audits) == 1 else f"audit-{number}.json"] = without_paths(report)
    for path, source in subject.files().items():
        if path in (*written, CARD, release_json.NAME) or stays_at_home(subject.kind, path):
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            target.symlink_to(source.absolute())
        except OSError as error:
            raise WrongUse(f"{path} cannot be linked to: {error.strerror}.", "Say another TMPDIR.") from error
    for path, value in written.items():
        (folder / path).write_bytes(_encoded(value))
    return replace(subject, folder=folder, record=record, facts={**subject.facts, "folder": subject.folder.name})


def stays_at_home(kind: str, path: str) -> bool:
    """Whether a file of the folder of a ``kind`` is left out of its release."""
    return any(fnmatch(path, pattern) for pattern in _AT_HOME[kind])


def hashed(staged: Subject, update: Callable[[int], None] = lambda done: None) -> list[File]:
    """The files of the ``staged`` folder; ``update`` is told how many bytes were read.

    Raises :class:`MmskinError` where a file holds the token of the one who releases it, byte for byte.
    """
    token = _token()
    found, done = [], 0
    for path, source in staged.files().items():
        stamp, digest, tail = _stamp(source), hashlib.sha256(), b""
        with source.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                _refuse_token(path, token, tail + block)
                tail, done = block[-len(token) :] if token else b"", done + len(block)
                update(done)
        found.append(File(path, source.resolve(), digest.hexdigest(), stamp[0], stamp))
    return found


def in_memory(path: str, data: bytes) -> File:
    """A file that the release made itself."""
    _refuse_token(path, _token(), data)
    return File(path, data, hashlib.sha256(data).hexdigest(), len(data))


def facts_of(files: list[File]) -> dict[str, Mapping[str, Any]]:
    """The ``files`` of the manifest."""
    return {file.path: {"sha256": file.sha256, "size": file.size} for file in files}


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _token() -> bytes:
    from huggingface_hub import get_token

    return (get_token() or "").encode()


def _refuse_token(path: str, token: bytes, data: bytes) -> None:
    if token and token in data:
        raise MmskinError(
            f"{path} holds your token for the Hub.", "Take it out, and get yourself a new token: it has been written."
        )


def _encoded(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace")
