"""The campaigns can fail: careless releases, by the same clients on the same Hub, are caught by what judges ours."""

from __future__ import annotations

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from tests.hub.server import Hub
from tests.hub.watching import Reader, Tree, history_problems, tree

REPO = "me/drawn"
OLD = {"data/train-0.bin": b"old 0", "data/train-1.bin": b"old 1", "README.md": b"# old\n"}
NEW = {"data/train-0.bin": b"new 0", "data/train-2.bin": b"new 2", "README.md": b"# new\n"}
STALE = "data/train-1.bin"


def commit(api: HfApi, files: dict[str, bytes], delete: tuple[str, ...] = ()) -> str:
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    operations += [CommitOperationDelete(path) for path in delete]
    return str(api.create_commit(REPO, operations, commit_message="x", repo_type="dataset").oid)


@pytest.fixture
def api(hub: Hub, token: str) -> HfApi:
    """A client, and a repository that holds the old version with its tag."""
    found = HfApi(endpoint=hub.url, token=token)
    found.create_repo(REPO, repo_type="dataset")
    found.create_tag(REPO, tag="v1.0.0", revision=commit(found, OLD), repo_type="dataset")
    return found


@pytest.fixture
def states(hub: Hub, api: HfApi) -> dict[str, Tree]:
    """The states that may be seen: nothing, the old version, the new one."""
    saved = hub.save()
    empty = tree(hub, REPO, hub.store.commits(hub.repo(REPO))[-1].oid)
    old = tree(hub, REPO)
    commit(api, NEW, (STALE,))
    new = tree(hub, REPO)
    hub.restore(saved)
    return {"nothing": empty, "old": old, "new": new}


def careful(api: HfApi) -> None:
    api.create_tag(REPO, tag="v1.1.0", revision=commit(api, NEW, (STALE,)), repo_type="dataset")


def file_by_file(api: HfApi) -> None:
    for path, content in NEW.items():
        commit(api, {path: content})
    api.create_tag(REPO, tag="v1.1.0", revision=commit(api, {}, (STALE,)), repo_type="dataset")


def stale_left(api: HfApi) -> None:
    api.create_tag(REPO, tag="v1.1.0", revision=commit(api, NEW), repo_type="dataset")


def tag_first(api: HfApi) -> None:
    api.create_tag(REPO, tag="v1.1.0", repo_type="dataset")
    commit(api, NEW, (STALE,))


def tag_moved(api: HfApi) -> None:
    made = commit(api, NEW, (STALE,))
    api.delete_tag(REPO, tag="v1.0.0", repo_type="dataset")
    api.create_tag(REPO, tag="v1.0.0", revision=made, repo_type="dataset")


def there_and_back(api: HfApi) -> None:
    careful(api)
    commit(api, OLD, ("data/train-2.bin",))


def died_halfway(api: HfApi) -> None:
    commit(api, {"data/train-0.bin": NEW["data/train-0.bin"]})


@pytest.mark.filterwarnings("ignore:Warnings while validating metadata")
@pytest.mark.parametrize(
    ("how", "by_reader", "by_history"),
    [
        (careful, False, False),
        (file_by_file, True, True),
        (stale_left, True, True),
        (tag_first, True, False),
        (tag_moved, True, True),
        (there_and_back, False, True),
        (died_halfway, True, True),
    ],
)
def test_careless_releases_are_caught(
    hub: Hub, api: HfApi, token: str, states: dict[str, Tree], how: object, by_reader: bool, by_history: bool
) -> None:
    assert callable(how)
    reader = Reader(hub, REPO, token, states, {"v1.0.0": "old", "v1.1.0": "new"})
    hub.fault(times=0, act=reader.look)  # a look before every request, so that no half can slip by
    how(api)
    reader.look()
    assert bool(reader.problems) is by_reader, reader.problems
    assert bool(history_problems(hub, REPO, states)) is by_history


def test_a_reader_looks_all_the_while(hub: Hub, api: HfApi, token: str, states: dict[str, Tree]) -> None:
    reader = Reader(hub, REPO, token, states, {"v1.0.0": "old", "v1.1.0": "new"})
    reader.start()
    while not reader.seen:
        pass
    careful(api)
    assert reader.stop() == []
    assert reader.seen == ["old", "new"] and hub.requests[-1].route == "tag", "a reader is not in the log"


def test_somebody_elses_files_do_not_count(hub: Hub, api: HfApi, token: str, states: dict[str, Tree]) -> None:
    hub.meddle(REPO, {"theirs.txt": b"theirs"})
    for foreign, fine in ((("theirs.txt",), True), ((), False)):
        reader = Reader(hub, REPO, token, states, {}, foreign=foreign)
        reader.look()
        assert (not reader.problems) is fine
        assert (not history_problems(hub, REPO, states, foreign=foreign)) is fine
