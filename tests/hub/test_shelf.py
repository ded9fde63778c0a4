"""A release into a folder: the clients read it without a network, and it refuses what the Hub would."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.cli import main
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.push.commit import push
from mmskin_hub.hub.push.manifest import decoded
from mmskin_hub.hub.push.shelf import Shelf
from mmskin_hub.hub.push.verify import verify
from mmskin_hub.hub.release import Request, release
from tests.hub.releases import ROOT, ham
from tests.hub.server import Hub
from tests.hub.test_push import ONE, REPO, TWO, parcel

READ = """
import json, sys
from pathlib import Path
from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir, snapshot_download, try_to_load_from_cache
repo, kind, folder, *revisions = sys.argv[1:]
place = dict(repo_type=kind, cache_dir=folder)
found = {}
for revision in revisions:
    path = snapshot_download(repo, revision=revision, local_files_only=True, **place)
    assert path == snapshot_download(repo, revision=revision, **place)
    card = str(Path(path) / "README.md")
    assert hf_hub_download(repo, "README.md", revision=revision, **place) == card
    assert try_to_load_from_cache(repo, "README.md", revision=revision, **place) == card
    found[revision] = path
scanned = scan_cache_dir(folder)
assert scanned.warnings == [], scanned.warnings
found["refs"] = {ref: each.commit_hash for one in scanned.repos if one.repo_id == repo
                 for each in one.revisions for ref in each.refs}
print(json.dumps(found))
"""
LOAD = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
print(json.dumps({config: {split: len(rows) for split, rows in load_dataset(sys.argv[1], config).items()}
                  for config in get_dataset_config_names(sys.argv[1])}))
"""


def offline(folder: Path, *command: str, **more: str) -> str:
    """What a Python process prints that has no network and no cache but ``folder``."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder), **more}
    environment["HF_DATASETS_CACHE"] = str(folder.parent / "datasets-cache")
    found = subprocess.run(
        [sys.executable, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert found.returncode == 0, f"{found.stderr}\n{found.stdout}"
    return found.stdout


def read(folder: Path, *revisions: str, repo: str = REPO, kind: str = "dataset") -> Any:
    """Where the client finds ``revisions`` (and ``main``), and its "refs"."""
    return json.loads(offline(folder, "-c", READ, repo, kind, str(folder), "main", *revisions))


def sha256_of(folder: Path | str, pattern: str = "*") -> dict[str, str]:
    """SHA-256 of the files below ``folder`` by path."""
    found = {path.relative_to(folder).as_posix(): path for path in Path(folder).rglob(pattern) if path.is_file()}
    return {path: hashlib.sha256(found[path].read_bytes()).hexdigest() for path in sorted(found)}


def released(folder: Path, *, to: Path, **more: Any) -> dict[str, Any]:
    """The report of a release, which must end well."""
    report = release(Request("dataset", folder, REPO, to=to, **more))
    assert "released" in report["status"]
    return report


def pushed(folder: Path, files: dict[str, bytes], version: str, repo: str = REPO) -> str:
    """The commit of a version made of ``files``, pushed and compared."""
    shelf = Shelf(repo, "dataset", folder)
    found = push(shelf, *parcel(files, version), private=True)
    verify(shelf, found)
    return found.commit


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """HAM10000 in two versions; the first has more files."""
    folder = tmp_path_factory.mktemp("public")
    return {"1.0.0": ham(folder, "1.0.0", 16), "1.1.0": ham(folder, "1.1.0", 24, 100)}


def test_two_versions_as_the_clients_read_them(public: dict[str, Path], tmp_path: Path) -> None:
    to = tmp_path / "hub"
    order = ("release", "dataset", str(public["1.0.0"]), "--repo", REPO, "--to", str(to), "--json")
    first = json.loads(offline(to, "-m", "mmskin_hub", *order))
    second = released(public["1.1.0"], to=to)
    assert [first["status"], second["status"], second["previous_version"]] == ["released", "released", "1.0.0"]
    found = read(to, "v1.0.0", "v1.1.0", first["commit"])
    assert found["refs"] == {"main": second["commit"], "v1.0.0": first["commit"], "v1.1.0": second["commit"]}
    assert found["v1.0.0"] == found[first["commit"]] == first["url"]
    assert found["main"] == found["v1.1.0"] == second["url"]
    for report, home in ((first, public["1.0.0"]), (second, public["1.1.0"])):
        files = sha256_of(report["url"])
        assert files == {path: facts["sha256"] for path, facts in report["files"].items()}
        assert sha256_of(home, "*.parquet").items() <= files.items()
        assert report["private"] is True and report["verified"]["files"] == len(files)
    assert json.loads(offline(to, "-c", LOAD, first["url"])) == {"default": {"train": 12, "validation": 2, "test": 2}}
    # The same releases are the same commits, wherever they are made; and the folder may be moved.
    assert released(public["1.0.0"], to=tmp_path / "other")["commit"] == first["commit"]
    moved = to.rename(tmp_path / "moved")
    assert read(moved, "v1.1.0")["refs"] == found["refs"]
    again = released(public["1.1.0"], to=moved)
    assert (again["status"], again["commit"]) == ("already released", second["commit"])


def test_it_lies_there_as_the_client_would_lay_it(
    hub: Hub, token: str, script: Any, public: dict[str, Path], tmp_path: Path
) -> None:
    released(public["1.0.0"], to=tmp_path / "hub")
    release(Request("dataset", public["1.0.0"], REPO, private=True, endpoint=hub.url))
    fetch = "import sys, huggingface_hub as h; h.snapshot_download(sys.argv[1], repo_type='dataset', revision='v1.0.0')"
    cache = tmp_path / "theirs"
    script(fetch, REPO, HF_HUB_CACHE=str(cache))

    def laid(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
        root = folder / "datasets--me--drawn"
        commit = (root / "refs" / "v1.0.0").read_text()
        snapshot = root / "snapshots" / commit
        links = {path.relative_to(snapshot).as_posix(): str(path.readlink()) for path in snapshot.rglob("*.*")
                 if path.is_symlink()}  # fmt: skip
        files = json.loads((root / "trees" / f"{commit}.json").read_text())
        links.pop(".gitattributes", None)
        files["files"].pop(".gitattributes", None)
        return links, files

    assert laid(tmp_path / "hub") == laid(cache)
    # What was downloaded is not taken for a release, whose place another release could take.
    with pytest.raises(WrongUse, match="as it was downloaded from the Hub"):
        Shelf(REPO, "dataset", cache).state()
    pushed(cache, ONE, "1.0.0", "me/other")


def test_what_is_there_already_and_what_differs(
    public: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "hub"
    order = ["release", "dataset", str(public["1.0.0"]), "--repo", REPO, "--to", str(to)]
    assert main([*order, "--dry-run"]) == 0
    assert f"would go to {REPO} in {to}; nothing was pushed" in capsys.readouterr().out.replace("\n", " ")
    assert not to.exists()
    assert main(order) == 0
    told = capsys.readouterr().out
    assert "released ham10000 1.0.0 (full)" in told and "Load it, without a network:" in told
    before = sha256_of(to)
    assert main(order) == 0
    assert "released already, with the same content" in capsys.readouterr().out
    order[2] = str(public["1.1.0"])
    assert main([*order, "--version", "1.0.0"]) == 2
    assert "v1.0.0 is released with other content" in capsys.readouterr().err
    assert main([*order, "--version", "0.9.0"]) == 2
    assert "main would go back to v0.9.0" in capsys.readouterr().err
    assert sha256_of(to) == before


def test_rights_are_asked_for_as_for_a_private_repository(
    full: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "hub"
    order = ["release", "dataset", str(full), "--to", str(to), "--json", "--repo"]
    assert main([*order, "me/full", "--full"]) == 2
    assert "--i-hold-the-rights" in capsys.readouterr().err
    assert not to.exists()
    assert main([*order, "me/locator"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["form"] == "locator"
    assert decoded((Path(report["url"]) / "release.json").read_bytes()).form == "locator"
    assert main([*order, "me/full", "--i-hold-the-rights"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["form"], report["private"]) == ("full", True)
    rows = json.loads(offline(to, "-c", LOAD, report["url"]))
    assert rows.keys() == {"captions", "open_vqa", "demographics"}, rows
    assert all(sum(splits.values()) for splits in rows.values())


def test_no_file_is_read_twice_for_its_sum(
    public: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(path: Path) -> str:
        raise AssertionError(f"{path} was hashed when the release was planned")

    monkeypatch.setattr("mmskin_hub.hub.checks.dataset.sha256_of", never)
    report = released(public["1.0.0"], to=tmp_path / "hub")
    assert {each["check"]: each["passed"] for each in report["verdicts"]}["files"] is True


def test_stale_shards_go_and_stay_in_the_old_version(tmp_path: Path) -> None:
    first, second = pushed(tmp_path, ONE, "1.0.0"), pushed(tmp_path, TWO, "1.1.0")
    shelf = Shelf(REPO, "dataset", tmp_path)
    assert shelf.tree(first).keys() == {*ONE, "release.json"} and shelf.tree(second).keys() == {*TWO, "release.json"}
    assert shelf.commits() == [(second, "Release v1.1.0"), (first, "Release v1.0.0")]
    assert pushed(tmp_path, ONE, "1.0.0") == first


@pytest.mark.parametrize("differing", [False, True])
def test_two_at_once_end_with_one_version(tmp_path: Path, differing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed(tmp_path, ONE, "1.0.0")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    meet, commit = threading.Barrier(2, timeout=20), Shelf.commit

    def together(self: Shelf, *order: Any) -> str:
        # Both have looked before either commits.
        if not getattr(self, "met", False):
            self.met = True  # type: ignore[attr-defined]
            meet.wait()
        return commit(self, *order)

    monkeypatch.setattr(Shelf, "commit", together)
    others = {**TWO, "build.json": b"{  }\n"} if differing else TWO

    def run(files: dict[str, bytes]) -> str:
        try:
            return pushed(tmp_path, files, "1.1.0")
        except WrongUse as error:
            assert "with other content: build.json" in error.what
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        ended = set(pool.map(run, (TWO, others)))
    state = Shelf(REPO, "dataset", tmp_path).state()
    assert ended == ({state.head, "refused"} if differing else {state.head})
    assert state.tags is not None and state.tags["v1.1.0"] == state.head


def test_without_links_there_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_SYMLINKS", True)
    pushed(tmp_path, ONE, "1.0.0")
    commit = pushed(tmp_path, TWO, "1.1.0")
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert read(tmp_path, "v1.0.0")["refs"]["main"] == commit


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    commit = pushed(tmp_path, ONE, "1.0.0")
    shelf = Shelf(REPO, "dataset", tmp_path)
    file = shelf.download("data/train-00000-of-00002.parquet", "v1.0.0", tmp_path)
    file.resolve().write_bytes(b"spoiled")
    with pytest.raises(MmskinError, match=r"v1\.0\.0 gives is not what was released: data/train-00000") as error:
        pushed(tmp_path, ONE, "1.0.0")
    assert "name another one" in error.value.remedy
    (shelf.root / "trees" / f"{commit}.json").write_text("{")
    with pytest.raises(MmskinError, match="is damaged"):
        shelf.tree(commit)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--to", "{home}/data"), "lies in what is released"),
        (("--to", "{home}/build.json"), "lies in what is released"),
        (("--to", "{tmp}/file"), "is not a folder"),
        (("--to", "{tmp}/file/below"), "Not a directory"),
        (("--to", "{tmp}/hub", "--repo", "me/a--b"), "no name of a repository"),
    ],
)
def test_mistakes_of_the_user(
    public: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    (tmp_path / "file").touch()
    given = [option.format(home=public["1.0.0"], tmp=tmp_path) for option in options]
    assert main(["release", "dataset", str(public["1.0.0"]), "--repo", REPO, *given]) in (1, 2)
    assert told in capsys.readouterr().err
    assert not (tmp_path / "hub").exists()
