"""Uploads of large files, in one piece or in parts, and downloads, by way of a second host that takes no token."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from typing import Any
from urllib.parse import quote

from tests.hub.server.answers import Answer, Refused, entry_not_found
from tests.hub.server.calls import Call
from tests.hub.server.store import Repo


def signature(call: Call, what: str) -> str:
    """What makes an address of the second host good; it stands in for a token there."""
    return hmac.new(call.hub.secret, what.encode(), hashlib.sha256).hexdigest()[:32]


def _signed(call: Call, what: str) -> None:
    if not hmac.compare_digest(call.query.get("signature", [""])[0], signature(call, what)):
        raise Refused(403, "The signature does not match.")


def batch(call: Call) -> Answer:
    """``POST /[datasets/]{id}.git/info/lfs/objects/batch``: what is there needs no upload."""
    repo, asked = call.repo(write=True), call.json()
    objects = []
    for wanted in asked.get("objects", []):
        oid, size = str(wanted["oid"]), int(wanted["size"])
        told: dict[str, Any] = {"oid": oid, "size": size}
        if not call.store.rows("select 1 from objects where repo=? and sha256=?", repo.id, oid):
            told |= {"authenticated": True, "actions": _actions(call, repo, oid, size)}
        objects.append(told)
    return Answer.of({"transfer": "basic", "objects": objects, "hash_algo": "sha256"})


def _actions(call: Call, repo: Repo, oid: str, size: int) -> dict[str, Any]:
    place = f"{call.hub.second}/lfs/{repo.id}/{oid}"
    verify = {"href": f"{call.hub.url}/lfs/{repo.id}/{oid}/verify"}
    if size <= call.hub.chunk:
        return {"upload": {"href": f"{place}?signature={signature(call, oid)}"}, "verify": verify}
    count = math.ceil(size / call.hub.chunk)
    parts = {f"{n:05d}": f"{place}/{n}?signature={signature(call, f'{oid}/{n}')}" for n in range(1, count + 1)}
    done = f"{call.hub.url}/lfs/{repo.id}/{oid}/complete?signature={signature(call, oid)}"
    return {"upload": {"href": done, "header": {"chunk_size": str(call.hub.chunk), **parts}}, "verify": verify}


def put(call: Call) -> Answer:
    """An object in one piece: kept only where its SHA-256 is what was announced."""
    oid = call.part("oid")
    _signed(call, oid)
    return _kept(call, oid, call.stream)


def put_part(call: Call) -> Answer:
    """One part of an object."""
    oid, number = call.part("oid"), int(call.part("number"))
    _signed(call, f"{oid}/{number}")
    content = b"".join(call.stream)
    call.store.blobs.part(oid, number).write_bytes(content)
    return Answer(200, {"ETag": f'"{hashlib.md5(content).hexdigest()}"'})


def complete(call: Call) -> Answer:
    """The parts become the object."""
    oid = call.part("oid")
    _signed(call, oid)
    paths = [call.store.blobs.part(oid, int(part["partNumber"])) for part in call.json()["parts"]]
    if not all(path.exists() for path in paths):
        raise Refused(400, "A part is missing.")
    answer = _kept(call, oid, call.store.blobs.pieces(paths))
    for path in paths:
        path.unlink(missing_ok=True)
    return answer


def _kept(call: Call, oid: str, pieces: Any) -> Answer:
    try:
        sha256, size = call.store.blobs.put(pieces, oid)
    except ValueError as error:
        raise Refused(400, str(error)) from None
    with call.store.change() as base:
        base.execute("insert or replace into objects values (?,?,?)", (int(call.part("id")), sha256, size))
    return Answer.of({})


def verify(call: Call) -> Answer:
    """Whether the object arrived with the size that was announced."""
    asked = call.json()
    found = call.store.rows("select size from objects where repo=? and sha256=?", int(call.part("id")), asked["oid"])
    if not found or found[0][0] != asked["size"]:
        raise Refused(404, "The object is not there, or is of another size.")
    return Answer.of({})


def resolve(call: Call) -> Answer:
    """``HEAD`` and ``GET /[datasets/]{id}/resolve/{rev}/{path}``; large files are found at the second host."""
    repo = call.repo()
    commit, path = call.store.find(repo, call.part("revision")), call.part("path")
    entry = commit.tree.get(path)
    if entry is None:
        raise entry_not_found(path, commit.oid)
    headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
    if entry.lfs:
        headers |= {"X-Linked-Etag": f'"{entry.sha256}"', "X-Linked-Size": str(entry.size), "ETag": f'"{entry.oid}"'}
        place = f"/cdn/{entry.sha256}/{quote(path.rsplit('/', 1)[-1])}?signature={signature(call, entry.sha256)}"
        return Answer(302, headers | {"Location": call.hub.second + place})
    return _content(call, entry.sha256, entry.size, headers | {"ETag": f'"{entry.oid}"'})


def cdn(call: Call) -> Answer:
    """The second host: content by its digest, for whoever has the signed address."""
    sha256 = call.part("oid")
    _signed(call, sha256)
    size = call.store.blobs.path(sha256).stat().st_size
    return _content(call, sha256, size, {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"})


def _content(call: Call, sha256: str, size: int, headers: dict[str, str]) -> Answer:
    path, asked = call.store.blobs.path(sha256), call.headers.get("range", "")
    headers["Content-Type"] = "application/octet-stream"
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if match is None or match[0] == "bytes=-":
        return Answer(200, headers, file=path, length=size)
    first = int(match[1]) if match[1] else max(0, size - int(match[2]))
    last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
    if first > last:
        raise Refused(416, "Range not satisfiable", headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Answer(206, headers, file=path, first=first, length=last - first + 1)
