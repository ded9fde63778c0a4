"""Before a commit: which files go by way of LFS. Then the commit itself, whole or not at all."""

from __future__ import annotations

import base64
import binascii
import fnmatch
import json
from typing import Any

from tests.hub.server.answers import Answer, Refused, entry_not_found, revision_not_found
from tests.hub.server.blobs import git_oid, pointer
from tests.hub.server.calls import Call
from tests.hub.server.metadata import problems
from tests.hub.server.store import Commit, Entry, Repo

LARGEST = 10 << 20
"""Bytes above which a file must go by way of LFS."""


def _head(call: Call, repo: Repo) -> tuple[str, Commit]:
    """The branch to commit to, and its head; nothing else can be committed to."""
    branch = call.part("revision", "main").removeprefix("refs/heads/")
    if branch not in call.store.refs(repo, "branch"):
        raise revision_not_found(branch)
    return branch, call.store.find(repo, f"refs/heads/{branch}")


def _lfs_patterns(call: Call, head: Commit) -> list[str]:
    entry = head.tree.get(".gitattributes")
    text = call.store.blobs.path(entry.sha256).read_text("utf-8") if entry else ""
    return [line.split()[0] for line in text.splitlines() if "filter=lfs" in line]


def preupload(call: Call) -> Answer:
    """``POST {api}/preupload/{rev}``: by LFS what ``.gitattributes`` says, what is large, and what is no text."""
    repo = call.repo(write=True)
    _, head = _head(call, repo)
    patterns, found = _lfs_patterns(call, head), []
    for file in call.json().get("files", []):
        path, sample = file["path"], base64.b64decode(file.get("sample", ""))
        lfs = file["size"] > LARGEST or b"\0" in sample
        lfs = lfs or any(fnmatch.fnmatch(path.rsplit("/", 1)[-1], pattern) for pattern in patterns)
        told: dict[str, Any] = {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        if known := head.tree.get(path):
            told["oid"] = known.sha256 if known.lfs else known.oid
        found.append(told)
    return Answer.of({"files": found})


def commit(call: Call) -> Answer:
    """``POST {api}/commit/{rev}``: lines of JSON; the header first. 412 where the parent is no longer the head."""
    repo = call.repo(write=True)
    branch, head = _head(call, repo)
    try:
        lines = [json.loads(line) for line in call.body.splitlines() if line.strip()]
    except ValueError:
        raise Refused(400, "A line is no JSON.") from None
    if not lines or lines[0].get("key") != "header":
        raise Refused(400, "The first line must be the header.")
    header, tree = lines[0]["value"], dict(head.tree)
    parent = header.get("parentCommit") or head.oid
    if parent != head.oid:
        raise Refused(412, "A commit has happened since. Please refresh and try again.", "PreconditionFailed")
    for line in lines[1:]:
        _apply(call, repo, head, tree, str(line.get("key")), line["value"])
    user, _ = call.account()
    oid = call.store.commit(repo, branch, parent, tree, header["summary"], header.get("description", ""), user)
    place = f"{call.hub.url}/{'' if repo.type == 'model' else repo.type + 's/'}{repo.name}/commit/{oid}"
    return Answer.of({"success": True, "commitUrl": place, "commitOid": oid, "hookOutput": ""})


def _apply(call: Call, repo: Repo, head: Commit, tree: dict[str, Entry], key: str, value: dict[str, Any]) -> None:
    path = str(value.get("path", ""))
    if key == "file":
        try:
            content = base64.b64decode(value["content"], validate=True)
        except binascii.Error:
            raise Refused(400, f"{path}: the content is no base64") from None
        if len(content) > LARGEST:
            raise Refused(400, f"{path}: too large for a regular file, use LFS")
        if path == "README.md" and (errors := problems(content.decode(), repo.type)[0]):
            raise Refused(400, f"Invalid metadata in README.md: {'; '.join(errors)}")
        sha256, size = call.store.blobs.put([content])
        tree[path] = Entry(git_oid(content), sha256, size, False)
    elif key == "lfsFile":
        found = call.store.rows("select size from objects where repo=? and sha256=?", repo.id, value["oid"])
        if not found:
            raise Refused(400, f"{path}: the LFS pointer points to a file that does not exist: {value['oid']}")
        size = int(found[0][0])
        tree[path] = Entry(git_oid(pointer(value["oid"], size)), value["oid"], size, True)
    elif key == "deletedFile":
        if tree.pop(path, None) is None:
            raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    elif key == "deletedFolder":
        inside = [name for name in tree if name.startswith(f"{path.rstrip('/')}/")]
        if not inside:
            raise entry_not_found(path, head.oid)
        for name in inside:
            del tree[name]
    else:
        raise Refused(400, f"Unknown operation {key!r}")
