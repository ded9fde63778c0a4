"""What a revision holds: folders page by page, and single paths."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode

from tests.hub.server.answers import Answer
from tests.hub.server.calls import Call
from tests.hub.server.repos import folder_of
from tests.hub.server.store import Commit, Entry

PAGE = 1000
"""Entries a page, as the real one; :attr:`Hub.page` makes it smaller."""


def told_file(path: str, entry: Entry, commit: Commit, expand: bool) -> dict[str, Any]:
    """A file as ``RepoFile`` reads it."""
    found: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        found["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": 134}
    return found | _last(commit, expand)


def told_folder(path: str, commit: Commit, expand: bool) -> dict[str, Any]:
    """A folder as ``RepoFolder`` reads it."""
    below = sorted((name, entry.oid) for name, entry in commit.tree.items() if name.startswith(f"{path}/"))
    oid = hashlib.sha1(repr(below).encode()).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path} | _last(commit, expand)


def _last(commit: Commit, expand: bool) -> dict[str, Any]:
    if not expand:
        return {}
    return {"lastCommit": {"id": commit.oid, "title": commit.title, "date": commit.date}}


def tree(call: Call) -> Answer:
    """``GET {api}/tree/{rev}[/{path}]``."""
    repo = call.repo()
    commit = call.store.find(repo, call.part("revision", "main"))
    prefix, recursive, expand = folder_of(commit, call.part("path")), call.told("recursive"), call.told("expand")
    files, folders = {}, set()
    for path, entry in commit.tree.items():
        if not path.startswith(prefix):
            continue
        steps = path[len(prefix) :].split("/")
        folders |= {
            prefix + "/".join(steps[:depth]) for depth in range(1, len(steps) if recursive else min(2, len(steps)))
        }
        if recursive or len(steps) == 1:
            files[path] = entry
    every = sorted({*folders, *files})
    first, size = int(call.query.get("cursor", ["0"])[0]), call.hub.page or PAGE
    found = [
        told_file(path, files[path], commit, expand) if path in files else told_folder(path, commit, expand)
        for path in every[first : first + size]
    ]
    more = {}
    if len(every) > first + size:
        place = f"/api/{repo.type}s/{repo.name}/tree/{call.parts['revision']}/{call.parts.get('path') or ''}".rstrip(
            "/"
        )
        asked = {"recursive": str(recursive).lower(), "expand": str(expand).lower(), "cursor": str(first + size)}
        more["Link"] = f'<{call.hub.url}{place}?{urlencode(asked)}>; rel="next"'
    return Answer.of(found, headers=more)


def paths_info(call: Call) -> Answer:
    """``POST {api}/paths-info/{rev}``: those of the paths that exist. A form or JSON."""
    commit = call.store.find(call.repo(), call.part("revision", "main"))
    if call.headers.get("content-type", "").startswith("application/json"):
        asked = call.json()
        paths, expand = asked.get("paths", []), bool(asked.get("expand"))
    else:
        form = parse_qs(call.body.decode())
        paths, expand = form.get("paths", []), form.get("expand", [""])[0].lower() == "true"
    found = []
    for path in paths:
        if path in commit.tree:
            found.append(told_file(path, commit.tree[path], commit, expand))
        elif any(name.startswith(f"{path}/") for name in commit.tree):
            found.append(told_folder(path, commit, expand))
    return Answer.of(found)
