"""Whatever goes wrong at whatever request of a release: nothing half is seen, no tag moves, the repeat ends well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.hub.campaign import NEW, OLD, REPO, Campaign, campaign
from tests.hub.releases import Done, ham, workshop

KINDS: dict[str, dict[str, object]] = {
    "401": {"kind": 401},
    "403": {"kind": 403},
    "409": {"kind": 409},
    "412": {"kind": 412},
    "429": {"kind": 429, "headers": {"Retry-After": "1"}},
    "500": {"kind": 500},
    "503": {"kind": 503},
    "slow": {"kind": "slow", "seconds": 0.3},
    "cut": {"kind": "cut"},
    "truncated": {"kind": "truncated"},
    "500 after it was done": {"kind": 500, "done": True},
    "cut after it was done": {"kind": "cut", "done": True},
}
FOREIGN = ("theirs.txt",)
EVERYWHERE = ("500", "cut after it was done")
"""What strikes every single request. The other kinds strike the first and the last of neighbours that ask the same."""


def quickly(names: Iterable[str], *quick: str) -> list[Any]:
    """The parameters ``names``, of which only the ``quick`` ones are for every day."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """Both versions, built once; what they give undisturbed."""
    with campaign(tmp_path_factory.mktemp("campaign"), tmp_path_factory.mktemp("hub")) as made:
        yield made


def strike(field: Campaign, version: str, name: str, number: int) -> None:
    """Release ``version`` with the fault ``name`` at request ``number``; where that failed, repeat it without."""
    field.before(version)
    fault = field.hub.fault(at=number, **KINDS[name])
    done = field.release(version)
    told = f"{version}, {name} at request {number}: {[str(r) for r in field.hub.requests if r.fault]}"
    field.check_sound(done, told)
    if done.status:
        assert fault.hits, f"{told}\n{done.text}"
        field.check_repeat(version, told)
    else:
        field.check_end(version, told)


@pytest.mark.parametrize("name", quickly(KINDS, "412", "cut", "500 after it was done", "cut after it was done"))
def test_a_fault_at_the_commit_and_around_it(field: Campaign, name: str) -> None:
    routes = [request.route for request in field.asked[NEW]]
    commit = routes.index("commit")
    for number in (commit, commit + 1, routes.index("tag") + 1):
        strike(field, NEW, name, number)


def struck(routes: Sequence[str], name: str) -> list[int]:
    """The requests, from 1, that the fault ``name`` strikes.

    Uploads and downloads are asked for by several threads at once, in an order that changes from run to run: of five
    of them the third is what the second is.
    """
    if name in EVERYWHERE:
        return list(range(1, len(routes) + 1))
    found: set[int] = set()
    for _, neighbours in groupby(enumerate(routes, 1), lambda each: each[1].replace("cdn", "resolve")):
        alike = list(neighbours)
        for asked in {route for _, route in alike}:
            numbers = [number for number, route in alike if route == asked]
            found |= {numbers[0], numbers[-1]}
    return sorted(found)


@pytest.mark.slow
@pytest.mark.parametrize("version", [OLD, NEW])
@pytest.mark.parametrize("name", KINDS)
def test_a_fault_at_each_request(field: Campaign, name: str, version: str) -> None:
    for number in struck([request.route for request in field.asked[version]], name):
        strike(field, version, name, number)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [401, 403, 429, 500, "cut"])
@pytest.mark.parametrize("route", ["info", "lfs-put", "commit", "tag", "resolve"])
def test_a_fault_that_stays_ends_in_words(field: Campaign, kind: int | str, route: str) -> None:
    field.before(NEW)
    field.hub.fault(kind, route=route, times=0)
    done = field.release(NEW)
    assert done.status == 1, done.text
    assert len(field.hub.requests) < 200, "patience has an end"
    field.check_sound(done, f"{kind} at every {route}")
    field.check_repeat(NEW, f"{kind} at every {route}")


@pytest.mark.parametrize("route", quickly(["preupload", "commit", "tag"], "commit", "tag"))
def test_somebody_elses_commit_in_between_is_kept(field: Campaign, route: str) -> None:
    field.before(NEW)
    field.hub.fault(route=route, act=lambda: field.hub.meddle(REPO, {FOREIGN[0]: b"theirs"}))
    done = field.release(NEW)
    assert done.status == 0, done.text
    field.check_end(NEW, route, FOREIGN)
    assert field.hub.files(REPO)[FOREIGN[0]] == b"theirs"
    field.check_repeat(NEW, route, FOREIGN)


def test_somebody_elses_change_to_our_file_is_not_undone(field: Campaign) -> None:
    theirs = b"---\nlicense: mit\n---\ntheirs\n"
    for path in ("README.md", "data/train-00000-of-00002.parquet"):
        field.before(NEW)
        assert path in field.hub.files(REPO), sorted(field.hub.files(REPO))
        field.hub.fault(route="commit", act=lambda p=path: field.hub.meddle(REPO, {p: theirs}))  # type: ignore[misc]
        done = field.release(NEW)
        assert done.status == 2 and path in done.err, done.text
        assert field.hub.files(REPO)[path] == theirs
        assert list(field.hub.tags(REPO)) == [f"v{OLD}"]


def test_somebody_who_never_stops_is_given_way(field: Campaign) -> None:
    field.before(NEW)
    count = iter(range(100))
    field.hub.fault(route="commit", times=0, act=lambda: field.hub.meddle(REPO, {FOREIGN[0]: b"%d" % next(count)}))
    done = field.release(NEW)
    assert done.status == 1, done.text
    field.check_sound(done, "a commit before each of ours", FOREIGN)
    field.check_repeat(NEW, "a commit before each of ours", FOREIGN)


def test_a_tag_somebody_else_set_in_between_is_not_moved(field: Campaign) -> None:
    field.before(NEW)

    hub, old = field.hub, field.hub.tags(REPO)[f"v{OLD}"]
    hub.fault(route="tag", act=lambda: hub.store.tag(hub.repo(REPO), f"v{NEW}", old))
    done = field.release(NEW)
    assert done.status != 0, done.text
    field.check_sound(done, "their tag")
    assert field.release(NEW).status != 0
    assert len(set(field.hub.tags(REPO).values())) == 1 and field.hub.moved_tags(REPO) == []


@pytest.mark.parametrize("route", quickly(["preupload", "commit", "tag", "refs"], "commit"))
def test_the_same_release_by_two_at_once(field: Campaign, tmp_path: Path, route: str) -> None:
    field.before(NEW)
    theirs: list[Done] = []
    with workshop(field.environment, tmp_path) as other:
        command = ("release", "dataset", str(field.folders[NEW]), "--repo", REPO, "--private", "--json")
        field.hub.fault(route=route, act=lambda: theirs.append(other.run(*command)))
        done = field.release(NEW)
    assert [done.status, *(each.status for each in theirs)] == [0, 0], done.text + theirs[0].text
    field.check_end(NEW, f"two at once, at {route}")


def test_two_contents_of_one_version_at_once(field: Campaign, tmp_path: Path) -> None:
    field.before(NEW)
    theirs: list[Done] = []
    with workshop(field.environment, tmp_path / "printed") as other:
        command = ("release", "dataset", str(ham(tmp_path, NEW, 20)), "--repo", REPO, "--private")
        field.hub.fault(route="commit", act=lambda: theirs.append(other.run(*command)))
        done = field.release(NEW)
    assert theirs[0].status == 0, theirs[0].text
    assert done.status == 2 and "other content" in done.err, done.text
    tags = field.hub.tags(REPO)
    assert tags[f"v{NEW}"] == field.hub.refs(REPO)["main"] and len(set(tags.values())) == 2
    assert field.hub.moved_tags(REPO) == []
    assert len(field.hub.store.commits(field.hub.repo(REPO))) == 3


@pytest.mark.parametrize("kind", [500, pytest.param("cut", marks=pytest.mark.slow)])
@pytest.mark.parametrize("route", ["lfs-part", "lfs-complete"])
def test_a_large_file_goes_in_parts(
    field: Campaign, monkeypatch: pytest.MonkeyPatch, kind: int | str, route: str
) -> None:
    monkeypatch.setattr(field.hub, "chunk", 8192)
    field.before(OLD)
    field.hub.fault(kind, route=route, at=2)
    done = field.release(OLD)
    assert any(request.route == route for request in field.hub.requests)
    field.check_sound(done, f"{kind} at {route}")
    field.check_repeat(OLD, f"{kind} at {route}")
