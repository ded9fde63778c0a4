"""Repositories, commits and refs in SQLite. A commit is a whole tree; a ref moves in one transaction or not at all."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tests.hub.server.answers import Refused, revision_not_found
from tests.hub.server.blobs import Blobs, git_oid

TABLES = """
create table if not exists tokens (token text primary key, user text, role text);
create table if not exists members (user text, organisation text);
create table if not exists repos (id integer primary key, type text, name text, private integer, created text,
                                  unique (type, name));
create table if not exists objects (repo integer, sha256 text, size integer, primary key (repo, sha256));
create table if not exists commits (id integer primary key, repo integer, oid text unique, parent text, title text,
                                    message text, author text, date text, tree text);
create table if not exists refs (repo integer, kind text, name text, oid text, primary key (repo, kind, name));
create table if not exists moves (id integer primary key, repo integer, kind text, name text, old text, new text);
"""
_LARGE = (
    "7z arrow bin bz2 ckpt ftz gz h5 joblib jpeg jpg mp3 mp4 msgpack npy npz onnx parquet pb pickle pkl png pt pth "
    "safetensors tar tgz tif tiff wav webp xz zip zst"
)
ATTRIBUTES = "".join(f"*.{ending} filter=lfs diff=lfs merge=lfs -text\n" for ending in _LARGE.split()).encode()
"""The ``.gitattributes`` of the repository's first commit, which the Hub itself makes."""
RefKind = Literal["branch", "tag"]


class Entry(NamedTuple):
    """One file of a tree: git's name for it, the SHA-256 of its content, its size in bytes, whether LFS keeps it."""

    oid: str
    sha256: str
    size: int
    lfs: bool


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository; ``type`` is ``model`` or ``dataset``."""

    id: int
    type: str
    name: str
    private: bool
    created: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and its whole tree."""

    number: int
    oid: str
    parent: str
    title: str
    message: str
    author: str
    date: str
    tree: dict[str, Entry]


def now() -> str:
    """The time of day as the API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


class Store:
    """Everything the server remembers, below ``root``."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.blobs = Blobs(root / "blobs")
        self._lock = threading.RLock()
        self._base = sqlite3.connect(root / "hub.sqlite", check_same_thread=False, isolation_level=None)
        self._base.executescript(TABLES)

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self._base.close()

    def save(self) -> bytes:
        """The whole database. Contents of files are kept by their digests and never need going back."""
        with self._lock:
            return self._base.serialize()

    def restore(self, saved: bytes) -> None:
        """The database as it was."""
        with self._lock, closing(sqlite3.connect(":memory:")) as source:
            source.deserialize(saved)
            source.backup(self._base)

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it or nothing."""
        with self._lock:
            self._base.execute("begin immediate")
            try:
                yield self._base
            except BaseException:
                self._base.execute("rollback")
                raise
            self._base.execute("commit")

    def rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        """What ``query`` finds."""
        with self._lock:
            return self._base.execute(query, values).fetchall()

    def repo(self, type: str, name: str) -> Repo | None:
        """The repository of that name, whoever asks."""
        found = self.rows("select id, type, name, private, created from repos where type=? and name=?", type, name)
        return Repo(found[0][0], found[0][1], found[0][2], bool(found[0][3]), found[0][4]) if found else None

    def create(self, type: str, name: str, private: bool, author: str) -> Repo:
        """A new repository with the Hub's own first commit on ``main``."""
        with self.change() as base:
            base.execute(
                "insert into repos (type, name, private, created) values (?,?,?,?)", (type, name, private, now())
            )
        repo = self.repo(type, name)
        assert repo is not None
        sha256, size = self.blobs.put([ATTRIBUTES])
        tree = {".gitattributes": Entry(git_oid(ATTRIBUTES), sha256, size, False)}
        self.commit(repo, "main", "", tree, "initial commit", "", author)
        return repo

    def refs(self, repo: Repo, kind: RefKind) -> dict[str, str]:
        """Commit by name of branch or tag."""
        return dict(self.rows("select name, oid from refs where repo=? and kind=? order by name", repo.id, kind))

    def moves(self, repo: Repo) -> list[tuple[str, str, str, str]]:
        """Every move of a ref since the beginning: kind, name, old and new commit (empty: made, or removed)."""
        return self.rows("select kind, name, old, new from moves where repo=? order by id", repo.id)

    def tag(self, repo: Repo, name: str, oid: str) -> None:
        """Somebody sets a tag, or moves it."""
        with self.change() as base:
            self.move(base, repo, "tag", name, self.refs(repo, "tag").get(name, ""), oid)

    def move(self, base: sqlite3.Connection, repo: Repo, kind: RefKind, name: str, old: str, new: str) -> None:
        """Point a ref at ``new`` inside a transaction; an empty ``new`` removes it."""
        if new:
            base.execute("insert or replace into refs values (?,?,?,?)", (repo.id, kind, name, new))
        else:
            base.execute("delete from refs where repo=? and kind=? and name=?", (repo.id, kind, name))
        base.execute(
            "insert into moves (repo, kind, name, old, new) values (?,?,?,?,?)", (repo.id, kind, name, old, new)
        )

    def find(self, repo: Repo, revision: str) -> Commit:
        """The commit a branch, a tag or an oid stands for; raises :class:`Refused` where there is none."""
        for ref, kind in (
            (revision.removeprefix("refs/heads/"), "branch"),
            (revision.removeprefix("refs/tags/"), "tag"),
        ):
            if oid := self.refs(repo, kind).get(ref):  # type: ignore[arg-type]
                return self.commits(repo, oid)[0]
        if found := self.commits(repo, revision):
            return found[0]
        raise revision_not_found(revision)

    def commits(self, repo: Repo, oid: str = "") -> list[Commit]:
        """The commit ``oid``, or all of the repository, newest first."""
        query = "select id, oid, parent, title, message, author, date, tree from commits where repo=?"
        found = (
            self.rows(f"{query} and oid=?", repo.id, oid) if oid else self.rows(f"{query} order by id desc", repo.id)
        )
        return [
            Commit(
                n,
                name,
                parent,
                title,
                text,
                author,
                date,
                {path: Entry(*each) for path, each in json.loads(tree).items()},
            )
            for n, name, parent, title, text, author, date, tree in found
        ]

    def history(self, repo: Repo, commit: Commit) -> list[Commit]:
        """``commit`` and its ancestors, newest first."""
        every = {each.oid: each for each in self.commits(repo)}
        found = [commit]
        while found[-1].parent:
            found.append(every[found[-1].parent])
        return found

    def commit(
        self, repo: Repo, branch: str, parent: str, tree: Mapping[str, Entry], title: str, message: str, author: str
    ) -> str:
        """Put ``tree`` on ``branch``, whose head must still be ``parent`` (412 otherwise); returns its name."""
        written = json.dumps({path: list(tree[path]) for path in sorted(tree)})
        with self.change() as base:
            head = self.refs(repo, "branch").get(branch, "")
            if head != parent:
                raise Refused(412, "A commit has happened since. Please refresh and try again.", "PreconditionFailed")
            number = base.execute("select coalesce(max(id), 0) + 1 from commits").fetchone()[0]
            oid = hashlib.sha1(f"{number} {repo.id} {parent} {title}\n{written}".encode()).hexdigest()
            base.execute(
                "insert into commits values (?,?,?,?,?,?,?,?,?)",
                (number, repo.id, oid, parent, title, message, author, now(), written),
            )
            self.move(base, repo, "branch", branch, head, oid)
        return oid
