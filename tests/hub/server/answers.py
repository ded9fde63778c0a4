"""What a route returns, and what it refuses with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Refused(Exception):
    """The request is answered with ``status``; ``code`` is what clients read from ``X-Error-Code``."""

    def __init__(self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, dict(headers or {})

    def answer(self) -> Answer:
        """The refusal as the Hub words it: a JSON body and two headers."""
        headers = {"X-Error-Message": self.message, **self.headers}
        if self.code:
            headers["X-Error-Code"] = self.code
        return Answer.of({"error": self.message}, self.status, headers)


@dataclass(slots=True)
class Answer:
    """``status``, ``headers`` and a body: bytes, or ``length`` bytes of ``file`` from byte ``first`` on."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    file: Path | None = None
    first: int = 0
    length: int = 0

    @classmethod
    def of(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
        """``data`` as JSON."""
        kinds = {"Content-Type": "application/json; charset=utf-8"}
        return cls(status, {**kinds, **(headers or {})}, json.dumps(data).encode())

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return self.length if self.file else len(self.body)

    def content(self) -> bytes:
        """The body."""
        if self.file is None:
            return self.body
        with self.file.open("rb") as file:
            file.seek(self.first)
            return file.read(self.length)


def repo_not_found(known: bool) -> Refused:
    """A repository that is not there, or not for this reader; 401 to a reader without a token, as the real one says."""
    if known:
        return Refused(404, "Repository not found", "RepoNotFound")
    return Refused(401, "Invalid username or password.", "RepoNotFound")


def revision_not_found(revision: str) -> Refused:
    """No branch, tag or commit of that name."""
    return Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(path: str, commit: str) -> Refused:
    """No file or folder of that name in the revision."""
    return Refused(404, f"Entry not found: {path}", "EntryNotFound", {"X-Repo-Commit": commit})
