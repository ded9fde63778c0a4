"""What goes wrong, and at which request; and what was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = int | Literal["slow", "cut", "truncated", "pass"]


@dataclass(slots=True)
class Fault:
    """Something that happens to the ``at``-th matching request from now on, and to ``times`` of them (0: to all).

    ``kind`` is an HTTP status (401, 403, 409, 412, 429, 500, ...) that is answered instead; ``"cut"``: half of the
    request's body is read and the connection is reset; ``"truncated"``: half of the answer's body is sent and the
    connection is closed; ``"slow"``: ``seconds`` pass before the request is looked at; ``"pass"``: nothing but ``act``.
    With ``done`` the request is carried out first and only its answer is lost (a status, a cut): the cruel case.
    ``route`` (see :mod:`routes`), ``method`` and ``repo`` choose among requests, empty: any. ``act`` is called before
    anything else, in the server's thread: somebody else's commit, a kill. ``headers`` go with a status.
    """

    kind: Kind = "pass"
    route: str = ""
    method: str = ""
    repo: str = ""
    at: int = 1
    times: int = 1
    done: bool = False
    seconds: float = 1.0
    headers: Mapping[str, str] = field(default_factory=dict)
    act: Callable[[], None] | None = None
    seen: int = 0
    hits: int = 0

    def matches(self, method: str, route: str, repo: str) -> bool:
        """Whether the fault concerns such a request at all."""
        wanted = ((self.method, method), (self.route, route), (self.repo, repo))
        return all(not mine or mine == theirs for mine, theirs in wanted)


@dataclass(slots=True)
class Request:
    """One request: ``number`` counts from 1; ``body`` is kept up to 1 MiB and not for uploads of LFS objects."""

    number: int
    method: str
    path: str
    route: str
    repo: str
    headers: dict[str, str]
    body: bytes = b""
    status: int = 0
    fault: Kind | None = None

    def __str__(self) -> str:
        told = "" if self.fault is None else f" [{self.fault}]"
        return f"{self.number} {self.method} {self.route} {self.path} {self.status}{told}"


class Script:
    """The faults in wait and the log of requests. Safe among threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.faults: list[Fault] = []
        self.requests: list[Request] = []

    def note(self, request: Request) -> Fault | None:
        """Log ``request`` and return the fault that strikes it. One marked ``X-Reader`` is a bystander's: neither."""
        if "x-reader" in request.headers:
            return None
        with self._lock:
            request.number = len(self.requests) + 1
            self.requests.append(request)
            due = None
            for fault in self.faults:
                if not fault.matches(request.method, request.route, request.repo):
                    continue
                fault.seen += 1
                if due is None and fault.seen >= fault.at and (not fault.times or fault.hits < fault.times):
                    due = fault
            if due is not None:
                due.hits += 1
                request.fault = due.kind
            return due
