"""A request as a route sees it: who asks, for which repository, with what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.hub.server.answers import Refused, repo_not_found
from tests.hub.server.store import Repo, Store

if TYPE_CHECKING:
    from tests.hub.server.hub import Hub


@dataclass(slots=True)
class Call:
    """``parts`` are the named pieces of the address, still quoted; ``body`` is empty where ``stream`` is to be read."""

    hub: Hub
    method: str
    parts: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes = b""
    stream: Iterable[bytes] = field(default=())

    @property
    def store(self) -> Store:
        """What the server remembers."""
        return self.hub.store

    def part(self, name: str, default: str = "") -> str:
        """A piece of the address, unquoted."""
        return unquote(self.parts.get(name) or default)

    def told(self, name: str) -> bool:
        """Whether the query says yes to ``name``."""
        return self.query.get(name, [""])[0].lower() in ("1", "true")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            raise Refused(400, "The body is no JSON.") from None
        if not isinstance(found, dict):
            raise Refused(400, "The body is no JSON object.")
        return found

    def account(self) -> tuple[str, str]:
        """Name and role (``read`` or ``write``) of who asks; empty without a token. A false token is refused."""
        token = self.headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not token:
            return "", ""
        found = self.store.rows("select user, role from tokens where token=?", token)
        if not found:
            raise Refused(401, "Invalid credentials in Authorization header")
        return found[0][0], found[0][1]

    def may_write(self, space: str) -> str:
        """The name of who asks, who may write into the namespace ``space``; raises :class:`Refused` for others."""
        user, role = self.account()
        if not user:
            raise Refused(401, "Invalid username or password.")
        spaces = {user, *(row[0] for row in self.store.rows("select organisation from members where user=?", user))}
        if space not in spaces or role != "write":
            raise Refused(403, f"You don't have the rights to write under the namespace {space!r}")
        return user

    def repo(self, write: bool = False) -> Repo:
        """The repository the address names; a private one is there only for its owners."""
        kind = self.part("kind").rstrip("s") or "model"
        name = f"{self.part('space')}/{self.part('name')}"
        user, _ = self.account()
        found = self.store.repo(kind, name)
        owners = self.store.rows("select user from members where organisation=?", self.part("space"))
        mine = bool(user) and user in {self.part("space"), *(row[0] for row in owners)}
        if found is None or (found.private and not mine):
            raise repo_not_found(bool(user))
        if write:
            self.may_write(self.part("space"))
        return found
