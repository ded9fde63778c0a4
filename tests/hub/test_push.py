"""From files to a tag, against the test-time Hub: one commit, nothing of others lost, no tag that moves."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.push import client, commit, plan
from mmskin_hub.hub.push.client import Hub as Client
from mmskin_hub.hub.push.commit import Standing, push
from mmskin_hub.hub.push.manifest import NAME, Manifest, decoded
from mmskin_hub.hub.push.verify import verify
from tests.hub.server import Hub

REPO = "me/drawn"
CARD = b"---\nlicense: other\n---\n# drawn\n"
ONE = {"README.md": CARD, "build.json": b"{}\n", "data/train-00000-of-00002.parquet": b"PAR1 a" * 200,
       "data/train-00001-of-00002.parquet": b"PAR1 b" * 200}  # fmt: skip
TWO = {"README.md": CARD + b"more\n", "build.json": b"{ }\n", "data/train-00000-of-00001.parquet": b"PAR1 c" * 300}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for a Hub that fails on purpose."""
    monkeypatch.setattr(client, "WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def parcel(files: Mapping[str, bytes], version: str, folder: Path | None = None) -> tuple[Manifest, list[plan.File]]:
    """A manifest and its files, ``release.json`` among them; below ``folder``, or in memory."""
    made = []
    for path, data in sorted(files.items()):
        file = plan.in_memory(path, data)
        if folder is not None:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            stat = target.stat()
            file = plan.File(path, target, file.sha256, file.size, (stat.st_size, stat.st_mtime_ns))
        made.append(file)
    manifest = Manifest("dataset", "drawn", version, "full", "mmskin-hub", plan.facts_of(made), ("README.md",))
    return manifest, [*made, plan.in_memory(NAME, manifest.encoded())]


def released(hub: Hub, files: Mapping[str, bytes], version: str, repo: str = REPO) -> Standing:
    """Push ``files`` as ``version`` and verify."""
    ours = Client(repo, "dataset", hub.url)
    found = push(ours, *parcel(files, version), private=True)
    verify(ours, found)
    return found


def sent(hub: Hub, route: str) -> int:
    """How many requests of ``route`` there were."""
    return sum(request.route == route for request in hub.requests)


def test_a_release_is_one_commit_and_one_tag(hub: Hub, token: str) -> None:
    found = released(hub, ONE, "1.0.0")
    assert hub.tags(REPO) == {"v1.0.0": found.commit} == {"v1.0.0": hub.refs(REPO)["main"]}
    files = hub.files(REPO)
    assert {path: files[path] for path in ONE} == ONE
    assert decoded(files[NAME]) == found.manifest
    assert files.keys() - ONE.keys() == {NAME, ".gitattributes"}
    assert sent(hub, "commit") == 1
    assert hub.store.repo("dataset", REPO).private


def test_the_next_one_removes_stale_shards_and_leaves_what_others_wrote(hub: Hub, token: str) -> None:
    first = released(hub, ONE, "1.0.0")
    hub.meddle(REPO, {"notes.txt": b"theirs"})
    hub.clear()
    second = released(hub, TWO, "1.1.0")
    files = hub.files(REPO)
    assert {path: files[path] for path in files.keys() - {NAME, ".gitattributes"}} == {**TWO, "notes.txt": b"theirs"}
    assert hub.tags(REPO) == {"v1.0.0": first.commit, "v1.1.0": second.commit}
    assert hub.files(REPO, "v1.0.0")["data/train-00001-of-00002.parquet"] == ONE["data/train-00001-of-00002.parquet"]
    assert (sent(hub, "commit"), hub.moved_tags(REPO)) == (1, [])


def test_the_same_content_again_changes_nothing(hub: Hub, token: str) -> None:
    first = released(hub, ONE, "1.0.0")
    hub.clear()
    again = released(hub, {**ONE, "README.md": CARD + b"worded otherwise by a newer library\n"}, "1.0.0")
    assert again == Standing(first.commit, first.manifest, first.raw, True)
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}


def test_other_content_under_a_version_is_refused(hub: Hub, token: str) -> None:
    released(hub, ONE, "1.0.0")
    hub.clear()
    with pytest.raises(
        WrongUse, match=r"v1\.0\.0 is released with other content: build\.json; data/train-00000-of"
    ) as e:
        released(hub, TWO, "1.0.0")
    assert "Raise the version" in e.value.remedy
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}


def test_main_never_goes_back(hub: Hub, token: str) -> None:
    released(hub, ONE, "1.1.0")
    with pytest.raises(WrongUse, match=r"go back to v1\.0\.9"):
        released(hub, TWO, "1.0.9")


def test_another_dataset_does_not_take_its_place(hub: Hub, token: str) -> None:
    released(hub, ONE, "1.0.0")
    manifest, files = parcel(TWO, "1.1.0")
    other = replace(manifest, name="other")
    files[-1] = plan.in_memory(NAME, other.encoded())
    with pytest.raises(WrongUse, match="holds releases of drawn, and this is other"):
        push(Client(REPO, "dataset", hub.url), other, files, True)
    assert list(hub.tags(REPO)) == ["v1.0.0"]


def test_a_tag_that_is_not_ours_is_told(hub: Hub, token: str) -> None:
    client = Client(REPO, "dataset", hub.url)
    client.create(True)
    client.tag("v1.0.0", client.state().head)
    with pytest.raises(WrongUse, match="no release of this library made"):
        released(hub, ONE, "1.0.0")
    released(hub, ONE, "1.0.1")


@pytest.mark.parametrize("route", ["tag", "commit"])
def test_a_push_that_died_is_finished_by_the_same_one(hub: Hub, token: str, route: str) -> None:
    fault = hub.fault(403, route=route, times=0)
    with pytest.raises(MmskinError, match="403"):
        released(hub, ONE, "1.0.0")
    assert hub.tags(REPO) == {}
    fault.times = fault.hits
    hub.clear()
    released(hub, ONE, "1.0.0")
    assert hub.tags(REPO)["v1.0.0"] == hub.refs(REPO)["main"]
    assert sent(hub, "commit") == (route == "commit")
    if route == "commit":
        # What had been uploaded was not sent again.
        assert sent(hub, "lfs-put") == 0


def test_an_untagged_version_is_finished_though_others_went_on(hub: Hub, token: str) -> None:
    hub.fault(403, route="tag")
    with pytest.raises(MmskinError):
        released(hub, ONE, "1.0.0")
    ours = hub.refs(REPO)["main"]
    theirs = hub.meddle(REPO, {"README.md": b"another card"})
    found = released(hub, ONE, "1.0.0")
    assert (found.commit, hub.tags(REPO), hub.refs(REPO)["main"]) == (ours, {"v1.0.0": ours}, theirs)


def test_an_untagged_version_is_not_replaced_by_other_content(hub: Hub, token: str) -> None:
    hub.fault(403, route="tag")
    with pytest.raises(MmskinError):
        released(hub, ONE, "1.0.0")
    with pytest.raises(WrongUse, match=r"committed .*though not tagged yet, with other content"):
        released(hub, TWO, "1.0.0")
    released(hub, TWO, "1.1.0")
    assert "data/train-00001-of-00002.parquet" not in hub.files(REPO)
    assert list(hub.tags(REPO)) == ["v1.1.0"]


@pytest.mark.parametrize("answered", [500, 502, "cut", "truncated"])
@pytest.mark.parametrize("route", ["commit", "tag", "create"])
def test_an_answer_that_is_lost_is_looked_for(hub: Hub, token: str, route: str, answered: int | str) -> None:
    hub.fault(answered, route=route, done=True)
    found = released(hub, ONE, "1.0.0")
    assert hub.tags(REPO) == {"v1.0.0": found.commit}
    assert len(Client(REPO, "dataset", hub.url).commits()) == 2
    assert hub.moved_tags(REPO) == []


def test_somebody_elses_commit_in_between_is_kept(hub: Hub, token: str) -> None:
    released(hub, ONE, "1.0.0")
    hub.fault(route="commit", act=lambda: hub.meddle(REPO, {"theirs.txt": b"x"}))
    found = released(hub, TWO, "1.1.0")
    assert hub.files(REPO, "v1.1.0")["theirs.txt"] == b"x"
    assert [title for _, title in Client(REPO, "dataset", hub.url).commits()][:3] == [
        "Release v1.1.0", "somebody else's commit", "Release v1.0.0",
    ]  # fmt: skip
    assert hub.refs(REPO)["main"] == found.commit


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"add": {"README.md": b"# by hand"}}, r"README\.md"),
        ({"add": {"data/train-00001-of-00002.parquet": b"PAR1 z"}, "lfs": True}, r"train-00001-of-00002\.parquet"),
        ({"delete": ("build.json",)}, r"build\.json \(removed\)"),
        ({"delete": (NAME,)}, r"release\.json \(removed\)"),
        ({"add": {NAME: b"{}"}}, r"release\.json"),
    ],
)
@pytest.mark.parametrize("when", ["before", "while"])
def test_files_of_ours_that_somebody_changed_are_named(
    hub: Hub, token: str, change: dict[str, object], told: str, when: str
) -> None:
    released(hub, ONE, "1.0.0")
    if when == "before":
        hub.meddle(REPO, **change)
    else:
        hub.fault(route="commit", act=lambda: hub.meddle(REPO, **change))
    with pytest.raises(WrongUse, match=rf"somebody changed files of ours .*{told}"):
        released(hub, TWO, "1.1.0")
    assert list(hub.tags(REPO)) == ["v1.0.0"]
    assert next(title for _, title in Client(REPO, "dataset", hub.url).commits()) == "somebody else's commit"


def test_a_shard_that_somebody_took_away_may_stay_away(hub: Hub, token: str) -> None:
    released(hub, ONE, "1.0.0")
    hub.meddle(REPO, delete=("data/train-00001-of-00002.parquet",))
    released(hub, TWO, "1.1.0")


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        ({"README.md": b"# their own"}, "files of others where this release has its own: README.md"),
        ({"data/train-00002-of-00003.parquet": b"PAR1"}, "would be read as part of this release"),
        ({NAME: b"not ours"}, "files of others where this release has its own: release.json"),
    ],
)
def test_files_of_others_in_the_way_are_named(hub: Hub, token: str, theirs: dict[str, bytes], told: str) -> None:
    Client(REPO, "dataset", hub.url).create(True)
    before = hub.meddle(REPO, theirs)
    with pytest.raises(WrongUse, match=told):
        released(hub, ONE, "1.0.0")
    assert hub.refs(REPO) == {"main": before}


def test_a_gitignore_does_not_swallow_files(hub: Hub, token: str) -> None:
    Client(REPO, "dataset", hub.url).create(True)
    hub.meddle(REPO, {".gitignore": b"*.parquet\n*.json\n"})
    released(hub, ONE, "1.0.0")
    assert hub.files(REPO).keys() >= ONE.keys()


def test_a_public_repository_does_not_get_what_was_decided_for_a_private_one(hub: Hub, token: str) -> None:
    Client(REPO, "dataset", hub.url).create(False)
    with pytest.raises(WrongUse, match="is public"):
        released(hub, ONE, "1.0.0")


def test_a_repository_made_public_during_the_upload_gets_no_commit(hub: Hub, token: str) -> None:
    Client(REPO, "dataset", hub.url).create(True)
    before = hub.refs(REPO)

    def publish() -> None:
        with hub.store.change() as base:
            base.execute("update repos set private=0")

    hub.fault(route="preupload", act=publish)
    with pytest.raises(WrongUse, match="is public"):
        released(hub, ONE, "1.0.0")
    assert hub.refs(REPO) == before


def test_a_tag_somebody_set_first_is_not_moved(hub: Hub, token: str) -> None:
    client = Client(REPO, "dataset", hub.url)
    client.create(True)
    other = client.state().head

    def theirs() -> None:
        with hub.store.change() as base:
            hub.store.move(base, hub.repo(REPO), "tag", "v1.0.0", "", other)

    hub.fault(route="tag", act=theirs)
    with pytest.raises(MmskinError, match=r"somebody set the tag v1\.0\.0"):
        released(hub, ONE, "1.0.0")
    assert hub.tags(REPO) == {"v1.0.0": other}


def test_a_file_that_changes_meanwhile_is_not_committed(hub: Hub, token: str, tmp_path: Path) -> None:
    manifest, files = parcel(ONE, "1.0.0", tmp_path)
    hub.fault(route="lfs-batch", act=lambda: (tmp_path / "build.json").write_bytes(b"{\n}\n"))
    with pytest.raises(MmskinError, match=r"changed while they were being released: build\.json"):
        push(Client(REPO, "dataset", hub.url), manifest, files, True)
    assert hub.tags(REPO) == {}
    assert "build.json" not in hub.files(REPO)


def test_what_the_tag_gives_is_compared(hub: Hub, token: str) -> None:
    found = released(hub, ONE, "1.0.0")
    blob = hub.store.blobs.path(hub.digests(REPO)["data/train-00000-of-00002.parquet"])
    blob.write_bytes(b"spoiled".ljust(blob.stat().st_size))
    with pytest.raises(MmskinError, match=r"v1\.0\.0 gives is not what was released: data/train-00000"):
        verify(Client(REPO, "dataset", hub.url), found)


def test_large_files_come_in_batches_and_parts(hub: Hub, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "BATCH_FILES", 2)
    hub.chunk = 1000
    released(hub, {**ONE, **{f"data/test-0000{n}-of-00005.parquet": bytes([n]) * 2500 for n in range(5)}}, "1.0.0")
    assert sent(hub, "lfs-batch") == 4
    assert sent(hub, "lfs-part") == 5 * 3 + 2 * 2


@pytest.mark.parametrize("status", [401, 403])
def test_who_may_not_write_is_told_so(hub: Hub, token: str, status: int) -> None:
    hub.fault(status, route="commit", headers={"X-Error-Message": f"no, {token}, no"})
    with pytest.raises(MmskinError) as told:
        released(hub, ONE, "1.0.0")
    assert str(status) in told.value.what and "hf auth login" in told.value.remedy
    assert token not in str(told.value)
    assert hub.tags(REPO) == {}


@pytest.mark.parametrize("differing", [False, True])
def test_two_releases_at_once_end_with_one_version(hub: Hub, token: str, differing: bool) -> None:
    released(hub, ONE, "1.0.0")
    others = {**TWO, "build.json": b"{  }\n"} if differing else TWO
    meet = threading.Barrier(2, timeout=20)
    # Both have looked before either commits.
    hub.fault(route="commit", times=2, act=meet.wait)

    def run(files: Mapping[str, bytes]) -> str:
        try:
            return released(hub, files, "1.1.0").commit
        except WrongUse as error:
            assert "with other content: build.json" in error.what
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        ended = set(pool.map(run, (TWO, others)))
    commit = hub.tags(REPO)["v1.1.0"]
    assert ended == ({commit, "refused"} if differing else {commit})
    assert hub.refs(REPO)["main"] == commit
    assert hub.moved_tags(REPO) == []
