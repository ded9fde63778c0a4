"""Which address is answered by what. The names are what :class:`Fault.route` chooses by."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from tests.hub.server import commits, lfs, repos, trees
from tests.hub.server.answers import Answer
from tests.hub.server.calls import Call


class Route(NamedTuple):
    """Requests by one of ``methods`` to an address of the form ``pattern``; ``streams``: the body is not kept."""

    name: str
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    answer: Callable[[Call], Answer]
    streams: bool = False


_API = r"/api/(?P<kind>models|datasets)/(?P<space>[^/]+)/(?P<name>[^/]+)"
_REPO = r"/(?:(?P<kind>datasets)/)?(?P<space>[^/]+)/(?P<name>[^/]+?)"
_REV = r"(?P<revision>[^/]+)"


def _route(name: str, methods: str, pattern: str, answer: Callable[[Call], Answer], streams: bool = False) -> Route:
    return Route(name, tuple(methods.split()), re.compile(pattern), answer, streams)


ROUTES = (
    _route("whoami", "GET", r"/api/whoami-v2", repos.whoami),
    _route("agents", "GET", r"/api/agent-harnesses", repos.harnesses),
    _route("create", "POST", r"/api/repos/create", repos.create),
    _route("delete", "DELETE", r"/api/repos/delete", repos.delete),
    _route("validate", "POST", r"/api/validate-yaml", repos.validate),
    _route("preupload", "POST", rf"{_API}/preupload/{_REV}", commits.preupload),
    _route("commit", "POST", rf"{_API}/commit/{_REV}", commits.commit),
    _route("tag", "POST DELETE", rf"{_API}/tag/{_REV}", repos.tag),
    _route("branch", "POST DELETE", rf"{_API}/branch/{_REV}", repos.branch),
    _route("refs", "GET", rf"{_API}/refs", repos.refs),
    _route("commits", "GET", rf"{_API}/commits/{_REV}", repos.history),
    _route("settings", "PUT", rf"{_API}/settings", repos.settings),
    _route("tree", "GET", rf"{_API}/tree/{_REV}(?:/(?P<path>.*))?", trees.tree),
    _route("paths", "POST", rf"{_API}/paths-info/{_REV}", trees.paths_info),
    _route("info", "GET", rf"{_API}(?:/revision/{_REV})?", repos.info),
    _route("lfs-batch", "POST", rf"{_REPO}\.git/info/lfs/objects/batch", lfs.batch),
    _route("lfs-verify", "POST", r"/lfs/(?P<id>\d+)/(?P<oid>[0-9a-f]{64})/verify", lfs.verify),
    _route("lfs-complete", "POST", r"/lfs/(?P<id>\d+)/(?P<oid>[0-9a-f]{64})/complete", lfs.complete),
    _route("lfs-part", "PUT", r"/lfs/(?P<id>\d+)/(?P<oid>[0-9a-f]{64})/(?P<number>\d+)", lfs.put_part, True),
    _route("lfs-put", "PUT", r"/lfs/(?P<id>\d+)/(?P<oid>[0-9a-f]{64})", lfs.put, True),
    _route("cdn", "GET HEAD", r"/cdn/(?P<oid>[0-9a-f]{64})/.*", lfs.cdn),
    _route("resolve", "GET HEAD", rf"{_REPO}/resolve/{_REV}/(?P<path>.+)", lfs.resolve),
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request, and the named pieces of its address; None: it is not known here."""
    for route in ROUTES:
        if method in route.methods and (match := route.pattern.fullmatch(path)):
            return route, {name: piece for name, piece in match.groupdict().items() if piece is not None}
    return None
