"""The server as a test holds it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.hub.server.blobs import git_oid, pointer
from tests.hub.server.faults import Fault, Request, Script
from tests.hub.server.handler import Handler
from tests.hub.server.store import Entry, Repo, Store

SECOND = "localhost"
"""The second host, of uploads and downloads: the same server by another name, as clients tell hosts apart by name."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is gone (killed, cut) is part of the tests."""


class Hub:
    """A running server. ``root`` keeps everything it is told; a second one started there goes on where the first ended.

    ``chunk``: bytes above which LFS objects are uploaded in parts of that size. ``page``: entries a page of a tree
    (0: 1000). ``defects``: what went wrong in the server itself.
    """

    def __init__(self, root: Path, port: int = 0, chunk: int = 16 << 20) -> None:
        self.root, self.chunk, self.page = root, chunk, 0
        self.store, self.script, self.secret = Store(root), Script(), os.urandom(16)
        self.defects: list[str] = []
        handler = type("BoundHandler", (Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.second = f"http://{SECOND}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.store.close()

    def user(self, name: str, token: str = "", role: str = "write", organisations: tuple[str, ...] = ()) -> str:
        """An account; returns its token."""
        token = token or f"hf_{name}{'x' * (34 - len(name))}"
        with self.store.change() as base:
            base.execute("insert or replace into tokens values (?,?,?)", (token, name, role))
            base.executemany("insert into members values (?,?)", [(name, each) for each in organisations])
        return token

    def environment(self, home: Path, token: str = "", **more: str) -> dict[str, str]:
        """The environment of a subprocess whose Hub is this one: ``home`` is its HF_HOME; no token: none anywhere."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("HF_", "HUGGING")) and not key.lower().endswith("_proxy")
        }
        ours = {
            "HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "*", "no_proxy": "*", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false",
        }  # fmt: skip
        return kept | ours | ({"HF_TOKEN": token} if token else {}) | more

    # faults and the log

    def fault(self, kind: Any = "pass", **options: Any) -> Fault:
        """Set a :class:`Fault`; it counts requests from now on."""
        fault = Fault(kind, **options)
        self.script.faults.append(fault)
        return fault

    def clear(self) -> None:
        """Forget faults and log."""
        self.script.faults.clear()
        self.script.requests.clear()

    @property
    def requests(self) -> list[Request]:
        """Every request since the last :meth:`clear`, in the order of arrival."""
        return list(self.script.requests)

    @property
    def unknown(self) -> list[str]:
        """Requests to addresses this server does not know."""
        return [f"{request.method} {request.path}" for request in self.requests if request.route == "unknown"]

    def save(self) -> bytes:
        """Everything the server knows, accounts and repositories, for :meth:`restore`."""
        return self.store.save()

    def restore(self, saved: bytes) -> None:
        """As it was when ``saved`` was made; faults and log are forgotten."""
        self.store.restore(saved)
        self.clear()

    # looking, and meddling, behind the clients' backs

    def repo(self, name: str, type: str = "dataset") -> Repo:
        """The repository, private or not; raises LookupError."""
        found = self.store.repo(type, name)
        if found is None:
            raise LookupError(f"no {type} {name}")
        return found

    def refs(self, name: str, type: str = "dataset") -> dict[str, str]:
        """Commit by branch and tag."""
        repo = self.repo(name, type)
        return self.store.refs(repo, "branch") | self.store.refs(repo, "tag")

    def tags(self, name: str, type: str = "dataset") -> dict[str, str]:
        """Commit by tag."""
        return self.store.refs(self.repo(name, type), "tag")

    def moved_tags(self, name: str, type: str = "dataset") -> list[str]:
        """Tags that were ever removed, or pointed at another commit than their first."""
        moves = [move for move in self.store.moves(self.repo(name, type)) if move[0] == "tag"]
        return sorted({tag for _, tag, old, new in moves if old or not new})

    def files(self, name: str, revision: str = "main", type: str = "dataset") -> dict[str, bytes]:
        """Content by path."""
        commit = self.store.find(self.repo(name, type), revision)
        return {path: self.store.blobs.path(entry.sha256).read_bytes() for path, entry in sorted(commit.tree.items())}

    def digests(self, name: str, revision: str = "main", type: str = "dataset") -> dict[str, str]:
        """SHA-256 by path."""
        commit = self.store.find(self.repo(name, type), revision)
        return {path: entry.sha256 for path, entry in sorted(commit.tree.items())}

    def meddle(
        self, name: str, add: Mapping[str, bytes] | None = None, delete: tuple[str, ...] = (), type: str = "dataset",
        author: str = "somebody-else", branch: str = "main", lfs: bool = False,
    ) -> str:  # fmt: skip
        """Somebody else's commit; returns its name."""
        repo = self.repo(name, type)
        head = self.store.find(repo, f"refs/heads/{branch}")
        tree = {path: entry for path, entry in head.tree.items() if path not in delete}
        for path, content in (add or {}).items():
            sha256, size = self.store.blobs.put([content])
            tree[path] = Entry(git_oid(pointer(sha256, size) if lfs else content), sha256, size, lfs)
            if lfs:
                with self.store.change() as base:
                    base.execute("insert or replace into objects values (?,?,?)", (repo.id, sha256, size))
        return self.store.commit(repo, branch, head.oid, tree, "somebody else's commit", "", author)
