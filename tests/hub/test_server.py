"""The test-time Hub, by unmodified clients of whatever huggingface_hub is installed: what it takes and refuses."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from tests.hub.conftest import ROOT, Script
from tests.hub.server import Hub

CARD = b"""---
license: cc-by-4.0
configs:
- config_name: pairs
  data_files:
  - split: train
    path: pairs/train-*.parquet
---
# Drawn
"""


def parquet(numbers: range) -> bytes:
    """A table of one column ``n``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(pa.table({"n": list(numbers)}), written)
    return written.getvalue()


def publish(api: HfApi, files: dict[str, bytes], delete: tuple[str, ...] = (), repo: str = "me/drawn") -> str:
    """One commit on ``main``; returns its name."""
    additions = [CommitOperationAdd(path, content) for path, content in files.items()]
    deletions = [CommitOperationDelete(path) for path in delete]
    head = api.repo_info(repo, repo_type="dataset").sha
    made = api.create_commit(
        repo, [*additions, *deletions], commit_message="drawn", repo_type="dataset", parent_commit=head
    )
    return str(made.oid)


@pytest.fixture
def api(hub: Hub, token: str) -> HfApi:
    """A client of ``me``, whose repository ``me/drawn`` is there and empty."""
    found = HfApi(endpoint=hub.url, token=token)
    found.create_repo("me/drawn", repo_type="dataset", private=True)
    return found


READ = """
import json, sys
from datasets import load_dataset
for revision in sys.argv[1:]:
    rows = load_dataset("me/drawn", "pairs", revision=revision, split="train")
    streamed = list(load_dataset("me/drawn", "pairs", revision=revision, split="train", streaming=True))
    assert rows.to_list() == streamed
    print(json.dumps(rows["n"][:]))
"""


def test_two_versions_are_loaded_by_tag_and_by_branch(hub: Hub, api: HfApi, script: Script) -> None:
    first = publish(api, {"README.md": CARD, "pairs/train-0.parquet": parquet(range(3))})
    api.create_tag("me/drawn", tag="v1.0.0", revision=first, repo_type="dataset")
    publish(api, {"pairs/train-1.parquet": parquet(range(9))}, delete=("pairs/train-0.parquet",))
    told = script(READ, "v1.0.0", "main").splitlines()
    assert [json.loads(line) for line in told] == [[0, 1, 2], list(range(9))]
    assert hub.unknown == []


def test_snapshot_of_a_tag_is_what_was_committed(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    hub.page = 2
    files = {f"pairs/train-{n}.parquet": parquet(range(n)) for n in range(3)} | {"README.md": CARD, "a/b/c.txt": b""}
    api.create_tag("me/drawn", tag="v1.0.0", revision=publish(api, files), repo_type="dataset")
    place = snapshot_download(
        "me/drawn", repo_type="dataset", revision="v1.0.0", endpoint=hub.url, local_dir=tmp_path / "got"
    )
    for path, content in files.items():
        assert (Path(place) / path).read_bytes() == content
    assert {entry.path for entry in api.list_repo_tree("me/drawn", "a", repo_type="dataset", recursive=True)} == {
        "a/b", "a/b/c.txt",
    }  # fmt: skip


def test_large_files_go_in_parts_and_come_back(hub: Hub, api: HfApi) -> None:
    hub.chunk = 1 << 16
    content = bytes(range(256)) * 1000
    publish(api, {"large.bin": content})
    assert sum(request.route == "lfs-part" for request in hub.requests) == 4
    path = hf_hub_download("me/drawn", "large.bin", repo_type="dataset", endpoint=hub.url)
    assert Path(path).read_bytes() == content
    hub.clear()
    publish(api, {"again.bin": content})
    assert not any(request.route.startswith("lfs-p") for request in hub.requests), "what is there is not sent twice"


def test_no_token_goes_to_the_second_host(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    publish(api, {"large.bin": b"\0" * 1000})
    hf_hub_download("me/drawn", "large.bin", repo_type="dataset", endpoint=hub.url, local_dir=tmp_path)
    second = [request for request in hub.requests if request.headers["host"].startswith("localhost")]
    assert {request.route for request in second} == {"lfs-put", "cdn"}
    assert not any("authorization" in request.headers for request in second)


def test_a_stale_parent_is_refused(hub: Hub, api: HfApi) -> None:
    head = api.dataset_info("me/drawn").sha
    theirs = hub.meddle("me/drawn", {"theirs.txt": b"theirs"})
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_commit(
            "me/drawn", [CommitOperationAdd("mine.txt", b"mine")], commit_message="x", repo_type="dataset",
            parent_commit=head,
        )  # fmt: skip
    assert caught.value.response.status_code == 412
    assert hub.refs("me/drawn") == {"main": theirs}


def test_a_commit_that_fails_leaves_nothing(hub: Hub, api: HfApi) -> None:
    before = hub.refs("me/drawn")
    wrong = (
        ({"README.md": b"---\nlicense: nonsense\n---\n"}, ()),
        ({"README.md": b"---\nlicense: [\n---\n"}, ()),
        ({"good.txt": b"x"}, ("not-there.txt",)),
    )
    for files, delete in wrong:
        with pytest.raises((HfHubHTTPError, ValueError)):
            publish(api, files, delete)
    assert hub.refs("me/drawn") == before


def test_an_lfs_file_that_never_arrived_cannot_be_committed(hub: Hub, api: HfApi) -> None:
    operation = CommitOperationAdd("large.bin", b"\0" * 1000)
    operation._upload_mode, operation._is_uploaded, operation._should_ignore = "lfs", True, False
    operation._remote_oid = None
    with pytest.raises(HfHubHTTPError, match="does not exist"):
        api.create_commit("me/drawn", [operation], commit_message="x", repo_type="dataset")


def test_a_tag_is_made_once(hub: Hub, api: HfApi) -> None:
    first = api.dataset_info("me/drawn").sha
    api.create_tag("me/drawn", tag="v1.0.0", repo_type="dataset")
    second = publish(api, {"a.txt": b"a"})
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_tag("me/drawn", tag="v1.0.0", revision=second, repo_type="dataset")
    assert caught.value.response.status_code == 409
    api.create_tag("me/drawn", tag="v1.0.0", revision=second, repo_type="dataset", exist_ok=True)
    assert hub.tags("me/drawn") == {"v1.0.0": first}
    assert hub.moved_tags("me/drawn") == []
    api.delete_tag("me/drawn", tag="v1.0.0", repo_type="dataset")
    assert hub.moved_tags("me/drawn") == ["v1.0.0"], "a tag that was taken away is not forgotten"


def test_who_may_do_what(hub: Hub, api: HfApi) -> None:
    other = HfApi(endpoint=hub.url, token=hub.user("other"))
    reader = HfApi(endpoint=hub.url, token=hub.user("me", "hf_reader", "read"))
    mate = HfApi(endpoint=hub.url, token=hub.user("mate", organisations=("lab",)))
    false = HfApi(endpoint=hub.url, token="hf_false")
    nobody = HfApi(endpoint=hub.url, token=False)
    assert reader.whoami()["name"] == "me" and mate.whoami()["orgs"][0]["name"] == "lab"
    assert reader.dataset_info("me/drawn").private
    mate.create_repo("lab/thing", repo_type="model")
    for api_of in (other, nobody, false):
        with pytest.raises(HfHubHTTPError):
            api_of.dataset_info("me/drawn")
    with pytest.raises(RepositoryNotFoundError):
        other.dataset_info("me/drawn")
    for refused in (other, reader):
        with pytest.raises(HfHubHTTPError):
            refused.create_repo("me/more", repo_type="dataset")
    api.update_repo_settings("me/drawn", private=False, repo_type="dataset")
    assert nobody.dataset_info("me/drawn").private is False
    for refused in (other, reader):
        with pytest.raises(HfHubHTTPError) as caught:
            publish(refused, {"a.txt": b"a"})
        assert caught.value.response.status_code == 403
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info("me/drawn", revision="v9")
    with pytest.raises(HfHubHTTPError):
        api.create_repo("me/drawn", repo_type="dataset")


def test_faults_strike_the_request_they_are_set_for(hub: Hub, api: HfApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    hub.fault(401, route="whoami")
    with pytest.raises(HfHubHTTPError):
        api.whoami()
    assert api.whoami()["name"] == "me", "one request, and no more"
    hub.fault(503, route="lfs-put", at=1)
    hub.fault("cut", route="lfs-put", at=2)
    publish(api, {"large.bin": b"\0" * 300_000})
    puts = [request.fault for request in hub.requests if request.route == "lfs-put"]
    assert puts == [503, "cut", None], "the client repeats an upload by itself"
    before = hub.refs("me/drawn")
    for kind in (500, "cut"):
        hub.fault(kind, route="commit")
        with pytest.raises(Exception, match=r"500|[Dd]isconnect|reset|closed"):
            publish(api, {"a.txt": b"a"})
        assert hub.refs("me/drawn") == before
    for number, kind in enumerate((500, "cut")):
        hub.fault(kind, route="commit", done=True)
        with pytest.raises(Exception, match=r"500|[Dd]isconnect|reset|closed"):
            publish(api, {f"{number}.txt": b"a"})
        assert f"{number}.txt" in hub.files("me/drawn"), "only the answer was lost"


def test_a_download_that_is_cut_is_resumed(hub: Hub, api: HfApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    content = bytes(range(256)) * 2000
    publish(api, {"large.bin": content})
    hub.clear()
    hub.fault("truncated", route="cdn")
    path = hf_hub_download("me/drawn", "large.bin", repo_type="dataset", endpoint=hub.url)
    assert Path(path).read_bytes() == content
    gets = [request.headers.get("range") for request in hub.requests if request.route == "cdn"]
    assert len(gets) == 2 and gets[0] is None and str(gets[1]).startswith("bytes=")


def test_somebody_else_acts_between_two_requests(hub: Hub, api: HfApi) -> None:
    hub.fault(route="commit", act=lambda: hub.meddle("me/drawn", {"theirs.txt": b"theirs"}))
    with pytest.raises(HfHubHTTPError, match="412"):
        publish(api, {"mine.txt": b"mine"})
    assert set(hub.files("me/drawn")) == {".gitattributes", "theirs.txt"}


PUSH = """
import sys
from transformers import BertConfig, BertModel
from huggingface_hub import HfApi
made = BertModel(BertConfig(vocab_size=16, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                            intermediate_size=8, max_position_embeddings=8))
made.push_to_hub("me/bert")
HfApi().create_tag("me/bert", tag="v1.0.0")
found = BertModel.from_pretrained("me/bert", revision="v1.0.0")
assert all((a == b).all() for a, b in zip(made.parameters(), found.parameters()))
print(sorted(HfApi().list_repo_files("me/bert")))
"""


@pytest.mark.slow
def test_a_model_is_pushed_and_comes_back(hub: Hub, script: Script) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    assert "model.safetensors" in script(PUSH)


def test_it_runs_by_itself_and_keeps_what_it_was_told(tmp_path: Path) -> None:
    repos = []
    for _ in range(2):
        command = [sys.executable, "-m", "tests.hub.server", "--port", "0", "--root", str(tmp_path / "hub")]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url, token = process.stdout.readline().split()
            api = HfApi(endpoint=url, token=token)
            repos.append(str(api.create_repo("me/kept", exist_ok=True).repo_id))
            api.upload_file(path_or_fileobj=b"x", path_in_repo=f"{len(repos)}.txt", repo_id="me/kept")
            found = api.list_repo_files("me/kept")
            process.terminate()
    assert found == [".gitattributes", "1.txt", "2.txt"]
