"""Accounts, repositories and refs."""

from __future__ import annotations

from typing import Any

from tests.hub.server.answers import Answer, Refused, entry_not_found
from tests.hub.server.calls import Call
from tests.hub.server.metadata import front_matter, problems
from tests.hub.server.store import Commit, RefKind, Repo

PAGE = 50
"""Commits a page."""


def whoami(call: Call) -> Answer:
    """``GET /api/whoami-v2``."""
    user, role = call.account()
    if not user:
        raise Refused(401, "Invalid username or password.")
    orgs = [row[0] for row in call.store.rows("select organisation from members where user=?", user)]
    return Answer.of({
        "type": "user", "id": user, "name": user, "fullname": user, "isPro": False, "canPay": False,
        "orgs": [{"type": "org", "name": name, "fullname": name, "roleInOrg": "write"} for name in orgs],
        "auth": {"type": "access_token", "accessToken": {"displayName": "test", "role": role}},
    })  # fmt: skip


def create(call: Call) -> Answer:
    """``POST /api/repos/create``; 409 where it exists."""
    asked = call.json()
    user, _ = call.account()
    space = asked.get("organization") or user
    user = call.may_write(space)
    kind, name = asked.get("type") or "model", f"{space}/{asked['name']}"
    place = {"url": f"{call.hub.url}/{'' if kind == 'model' else kind + 's/'}{name}", "name": name}
    if call.store.repo(kind, name):
        return Answer.of({"error": f"You already created this {kind} repo", **place}, 409)
    private = bool(asked.get("private")) or asked.get("visibility") == "private"
    call.store.create(kind, name, private, user)
    return Answer.of({**place, "id": name})


def delete(call: Call) -> Answer:
    """``DELETE /api/repos/delete``."""
    asked = call.json()
    user, _ = call.account()
    space = asked.get("organization") or user
    call.may_write(space)
    repo = call.store.repo(asked.get("type") or "model", f"{space}/{asked['name']}")
    if repo is None:
        raise Refused(404, "Repository not found", "RepoNotFound")
    with call.store.change() as base:
        base.execute("delete from repos where id=?", (repo.id,))
    return Answer.of({})


def settings(call: Call) -> Answer:
    """``PUT {api}/settings``: private or not."""
    repo, asked = call.repo(write=True), call.json()
    if "private" in asked or "visibility" in asked:
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        with call.store.change() as base:
            base.execute("update repos set private=? where id=?", (private, repo.id))
    return Answer.of(asked)


def validate(call: Call) -> Answer:
    """``POST /api/validate-yaml``."""
    asked = call.json()
    errors, warnings = problems(str(asked.get("content", "")), str(asked.get("repoType", "model")))
    found = {"errors": [{"message": text} for text in errors], "warnings": [{"message": text} for text in warnings]}
    return Answer.of(found, 400 if errors else 200)


def harnesses(call: Call) -> Answer:
    """``GET /api/agent-harnesses``: a list the clients ask for and do without."""
    raise Refused(404, "No such list here.")


def info(call: Call) -> Answer:
    """``GET {api}[/revision/{rev}]``."""
    repo = call.repo()
    commit = call.store.find(repo, call.part("revision", "main"))
    return Answer.of(described(call, repo, commit))


def described(call: Call, repo: Repo, commit: Commit) -> dict[str, Any]:
    """A repository as ``dataset_info`` and ``model_info`` read it."""
    siblings: list[dict[str, Any]] = []
    for path, entry in sorted(commit.tree.items()):
        told: dict[str, Any] = {"rfilename": path}
        if call.told("blobs"):
            told |= {"size": entry.size, "blobId": entry.oid}
            if entry.lfs:
                told["lfs"] = {"sha256": entry.sha256, "size": entry.size, "pointerSize": 134}
        siblings.append(told)
    found: dict[str, Any] = {
        "_id": f"{repo.id:024x}", "id": repo.name, "author": repo.name.split("/")[0], "sha": commit.oid,
        "lastModified": commit.date, "createdAt": repo.created, "private": repo.private, "gated": False,
        "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings,
    }  # fmt: skip
    if repo.type == "model":
        found["modelId"] = repo.name
    if card := commit.tree.get("README.md"):
        metadata, _ = front_matter(call.store.blobs.path(card.sha256).read_text("utf-8"))
        if isinstance(metadata, dict):
            found["cardData"] = metadata
    return found


def refs(call: Call) -> Answer:
    """``GET {api}/refs``."""
    repo = call.repo()

    def told(kind: RefKind, prefix: str) -> list[dict[str, str]]:
        found = call.store.refs(repo, kind)
        return [{"name": name, "ref": f"{prefix}/{name}", "targetCommit": oid} for name, oid in found.items()]

    found = {"branches": told("branch", "refs/heads"), "tags": told("tag", "refs/tags"), "converts": []}
    return Answer.of(found | {"pullRequests": []})


def history(call: Call) -> Answer:
    """``GET {api}/commits/{rev}``, page by page."""
    repo = call.repo()
    every = call.store.history(repo, call.store.find(repo, call.part("revision", "main")))
    page = int(call.query.get("p", ["0"])[0])
    found = [
        {"id": each.oid, "title": each.title, "message": each.message, "date": each.date,
         "authors": [{"user": each.author}]}
        for each in every[page * PAGE : (page + 1) * PAGE]
    ]  # fmt: skip
    more = {}
    if len(every) > (page + 1) * PAGE:
        place = f"/api/{repo.type}s/{repo.name}/commits/{call.parts['revision']}?p={page + 1}"
        more["Link"] = f'<{call.hub.url}{place}>; rel="next"'
    return Answer.of(found, headers=more)


def tag(call: Call) -> Answer:
    """``POST {api}/tag/{rev}`` makes a tag (409 where it exists), ``DELETE {api}/tag/{name}`` removes it."""
    repo = call.repo(write=True)
    if call.method == "DELETE":
        return _removed(call, repo, "tag", call.part("revision"))
    name = call.json().get("tag")
    if not name:
        raise Refused(400, "No tag is named.")
    oid = call.store.find(repo, call.part("revision")).oid
    return _made(call, repo, "tag", str(name), oid)


def branch(call: Call) -> Answer:
    """``POST {api}/branch/{name}`` makes a branch (409 where it exists), ``DELETE`` removes it."""
    repo, name = call.repo(write=True), call.part("revision")
    if call.method == "DELETE":
        return _removed(call, repo, "branch", name)
    return _made(call, repo, "branch", name, call.store.find(repo, call.json().get("startingPoint") or "main").oid)


def _made(call: Call, repo: Repo, kind: RefKind, name: str, oid: str) -> Answer:
    with call.store.change() as base:
        if name in call.store.refs(repo, kind):
            raise Refused(409, f"{kind.title()} reference exists already: {name}")
        call.store.move(base, repo, kind, name, "", oid)
    return Answer.of({"ref": name, "targetCommit": oid}, 201)


def _removed(call: Call, repo: Repo, kind: RefKind, name: str) -> Answer:
    with call.store.change() as base:
        old = call.store.refs(repo, kind).get(name)
        if old is None:
            raise Refused(404, f"Invalid rev id: {name}", "RevisionNotFound")
        call.store.move(base, repo, kind, name, old, "")
    return Answer.of({})


def folder_of(commit: Commit, path: str) -> str:
    """``path`` as a prefix of the files below it; raises :class:`Refused` where there is no such folder."""
    prefix = f"{path.strip('/')}/" if path.strip("/") else ""
    if prefix and not any(name.startswith(prefix) for name in commit.tree):
        raise entry_not_found(path, commit.oid)
    return prefix
