"""What --data may name: folders, files with their pictures, and repositories of a Hub, here one on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mmskin_hub.engine.mixture.sources import open_data, split_of
from mmskin_hub.errors import MmskinError, WrongUse
from tests.engine.mixture.drawn import built, mm_skin, public_rows

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[str]:
    """The address of a Hub whose one dataset, some/ddi at revision v1.0.0, has a licence and a picture besides."""
    folder = built(tmp_path / "hub", "ddi", public_rows(0, 12))
    (folder / "picture.bin").write_bytes(b"not wanted")

    class Hub(BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            return

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            files = [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")) if file.is_file()]
            headers = {"X-Repo-Commit": COMMIT}
            status, body = 404, b"{}"
            if path == "/api/datasets/some/ddi/revision/v1.0.0":
                siblings = [{"rfilename": name} for name in files]
                status, body = 200, json.dumps({"id": "some/ddi", "sha": COMMIT, "siblings": siblings}).encode()
            elif path.startswith(f"/api/datasets/some/ddi/tree/{COMMIT}"):
                tree = [
                    {"type": "file", "path": name, "size": (folder / name).stat().st_size, "oid": "0" * 40}
                    for name in files
                ]
                status, body = 200, json.dumps(tree).encode()
            elif path.startswith(f"/datasets/some/ddi/resolve/{COMMIT}/"):
                name = path.removeprefix(f"/datasets/some/ddi/resolve/{COMMIT}/")
                if name in files and name != "picture.bin":
                    status, body = 200, (folder / name).read_bytes()
                    headers["ETag"] = f'"{hashlib.sha1(body).hexdigest()}"'
            if status == 404:
                headers["X-Error-Code"] = "RepoNotFound"
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


def run(hub: str, tmp_path: Path, source: str) -> subprocess.CompletedProcess[str]:
    """A build in a process of its own: the Hub's address is read when the library is loaded."""
    command = [sys.executable, "-m", "mmskin_hub", "build", "skinvl_sft", "--variant", "pub", "--data", source]
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    return subprocess.run(
        [*command, "--out", str(tmp_path / "out"), "--json"],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
        check=False,
    )


def test_a_repository_is_read_at_its_revision(hub: str, tmp_path: Path) -> None:
    done = run(hub, tmp_path, "ddi=some/ddi@v1.0.0")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["counts"]["sources"]["ddi"]["default"]["taken"] == 10
    (source,) = record["inputs"]
    assert (source["repository"], source["revision"], source["commit"]) == ("some/ddi", "v1.0.0", COMMIT)
    assert source["version"] == "1.0.0"
    local = tmp_path / "local"
    again = subprocess.run(
        [*done.args[:8], f"ddi={tmp_path / 'hub'}", "--out", str(local)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    ours, theirs = (sorted((out / "data").glob("*.parquet")) for out in (tmp_path / "out", local))
    assert [file.read_bytes() for file in ours] == [file.read_bytes() for file in theirs]


def test_a_repository_that_is_not_there_is_an_error_with_a_way_on(hub: str, tmp_path: Path) -> None:
    done = run(hub, tmp_path, "ddi=some/other@v1.0.0")
    assert done.returncode == 2
    assert "some/other@v1.0.0" in done.stderr
    assert "hf auth login" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_gives_its_configs_and_splits(tmp_path: Path) -> None:
    source = open_data(f"mm_skin={mm_skin(tmp_path / 'mm')}")
    assert {(part.config, part.split) for part in source.parts} == {
        (config, split)
        for config in ("captions", "open_vqa", "demographics")
        for split in ("train", "validation", "test")
    }
    assert source.version == "1.0.0"
    assert set(source.facts["files"]) == {f"{part.config}/{part.file.name}" for part in source.parts}


def test_a_locator_is_no_data_and_the_remedy_is_told(tmp_path: Path) -> None:
    folder = mm_skin(tmp_path / "mm")
    (folder / "build.json").write_text(json.dumps({"dataset": "mm_skin", "version": "1.0.0", "form": "locator"}))
    with pytest.raises(WrongUse, match=r"holds a locator of mm_skin 1\.0\.0") as caught:
        open_data(f"mm_skin={folder}")
    assert "mmskin rematerialize" in caught.value.remedy


def test_the_original_release_may_stand_in_for_mm_skin(tmp_path: Path) -> None:
    folder = mm_skin(tmp_path / "mm")
    (folder / "build.json").write_text(json.dumps({"dataset": "mm_skin_release", "version": "1.0.0"}))
    assert open_data(f"mm_skin={folder}").name == "mm_skin"
    with pytest.raises(WrongUse, match=r"holds mm_skin_release 1\.0\.0, not ham10000"):
        open_data(f"ham10000={folder}")


def test_a_file_brings_its_pictures_or_has_them_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    (tmp_path / "images").mkdir()
    table = tmp_path / "a:b" / "train.json"
    table.write_text("[]")
    assert open_data(f"mm_skin={table}:{tmp_path / 'images'}").parts[0].images == tmp_path / "images"
    assert open_data(f"mm_skin={table}").parts[0].images == table.parent
    with pytest.raises(WrongUse, match="not there"):
        open_data(f"mm_skin={table}:{tmp_path / 'nowhere'}")
    (tmp_path / "words.txt").touch()
    with pytest.raises(WrongUse, match="not a table"):
        open_data(f"mm_skin={tmp_path / 'words.txt'}")


def test_a_list_of_ids_guards_without_a_folder_and_needs_a_name(tmp_path: Path) -> None:
    (tmp_path / "HAM10000_test.csv").write_text("image,categories\na,['b']\n")
    (part,) = open_data(f"ham10000={tmp_path / 'HAM10000_test.csv'}", "--against").parts
    assert (part.images, part.guards, part.split) == (None, True, "test")
    with pytest.raises(WrongUse, match="whose rows"):
        open_data(str(tmp_path / "HAM10000_test.csv"), "--against")
    assert open_data(str(built(tmp_path / "ddi", "ddi", public_rows(0, 6))), "--against").name == "ddi"


def test_a_path_with_a_slip_in_it_is_not_looked_for_on_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WrongUse, match="no folder, file or Hub repository 'data/ham1000'"):
        open_data("ham10000=data/ham1000")
    for place in ("./some/thing", "../some/thing", "/some/thing", "some/thing/else", "thing"):
        with pytest.raises(MmskinError, match="no folder, file or Hub repository"):
            open_data(f"ham10000={place}")


@pytest.mark.parametrize(
    ("stem", "split"),
    [
        ("MM-Skin_test", "test"),
        ("Patch16_2class_val", "validation"),
        ("VQA", "train"),
        ("llava_med_train", "train"),
        ("valid", "validation"),
        ("contest", "train"),
    ],
)
def test_a_name_says_which_split_a_file_is(stem: str, split: str) -> None:
    assert split_of(stem) == split
