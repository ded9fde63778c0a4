"""``mmskin release`` as a person uses it: what it pushes, what it prints, what it refuses, and that it pushes once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from mmskin_hub.cli import main
from mmskin_hub.hub.push import client
from mmskin_hub.hub.push.manifest import decoded
from tests.engine.drawn import draw_book
from tests.hub.gate.made import mixture, run_record, weights_in
from tests.hub.releases import ham
from tests.hub.server import Hub
from tests.hub.shelf import mm_skin

REPO = "me/drawn"
Release = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """HAM10000 in two versions; the first has more files."""
    folder = tmp_path_factory.mktemp("public")
    return {"1.0.0": ham(folder, "1.0.0", 60), "1.1.0": ham(folder, "1.1.0", 42)}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MM-Skin, version 1.2.3, out of a drawn book."""
    folder = tmp_path_factory.mktemp("books")
    (folder / "shelf").mkdir()
    draw_book(folder / "shelf" / "Atlas, 2nd ed.pdf", range(12))
    return mm_skin(folder / "shelf", folder / "mm-skin")


@pytest.fixture
def release(hub: Hub, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Release:
    """``release(kind, folder, *options, repo=REPO)``: run the command; its status and what it printed."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    address = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", address)
    monkeypatch.setattr(client, "WAITS", (0.0,))

    def run(kind: str, folder: Path, *options: str, repo: str = REPO) -> tuple[int, str, str]:
        status = main(["release", kind, str(folder), "--repo", repo, *options])
        told = capsys.readouterr()
        assert token not in told.out + told.err
        return status, told.out, told.err

    return run


def asked_to_write(hub: Hub) -> list[str]:
    """The requests that would change something."""
    return [str(request) for request in hub.requests if request.method not in ("GET", "HEAD")]


def test_two_versions_of_an_open_dataset(hub: Hub, release: Release, public: dict[str, Path], script: Any) -> None:
    status, out, _ = release("dataset", public["1.0.0"])
    assert (status, "released ham10000 1.0.0 (full)" in out) == (0, True)
    assert not hub.store.repo("dataset", REPO).private
    status, out, _ = release("dataset", public["1.1.0"], "--json")
    report = json.loads(out)
    assert (status, report["status"], report["commit"]) == (0, "released", hub.refs(REPO)["main"])
    assert report["previous_version"] == "1.0.0"
    assert report["verified"]["files"] == len(report["files"])
    for version, folder in public.items():
        files = hub.files(REPO, f"v{version}")
        local = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}
        assert {path: data for path, data in files.items() if path.endswith(".parquet")} == local
        assert "run" not in json.loads(files["build.json"])
    counted = script(
        "import datasets, sys; [print(datasets.load_dataset(sys.argv[1], revision=r).num_rows) "
        "for r in ('v1.0.0', 'main')]", REPO,
    )  # fmt: skip
    rows = [sum(json.loads(line.replace("'", '"')).values()) for line in counted.splitlines()]
    assert rows == [60, 42]


def test_the_same_folder_again_is_a_no_op_that_says_so(hub: Hub, release: Release, public: dict[str, Path]) -> None:
    release("dataset", public["1.0.0"])
    hub.clear()
    status, out, _ = release("dataset", public["1.0.0"])
    assert (status, "released already, with the same content" in out) == (0, True)
    assert asked_to_write(hub) == []


def test_a_dataset_built_again_is_the_same_release(hub: Hub, release: Release, tmp_path: Path) -> None:
    for name in ("once", "again"):
        status, out, _ = release("dataset", ham(tmp_path / name, "1.0.0", 12))
        assert status == 0
    assert "released already" in out


def test_other_content_under_a_version_is_refused(hub: Hub, release: Release, public: dict[str, Path]) -> None:
    release("dataset", public["1.0.0"])
    hub.clear()
    status, _, err = release("dataset", public["1.1.0"], "--version", "1.0.0")
    assert (status, "v1.0.0 is released with other content" in err) == (2, True)
    assert asked_to_write(hub) == []


def test_a_dry_run_shows_everything_and_pushes_nothing(hub: Hub, release: Release, public: dict[str, Path]) -> None:
    status, out, _ = release("dataset", public["1.0.0"], "--dry-run")
    assert status == 0
    for word in ("release.json", "data/train-00000-of-", "The gate", "splits", "license: cc-by-nc-4.0", "nothing was"):
        assert word in out, word
    assert asked_to_write(hub) == []
    status, out, _ = release("dataset", public["1.0.0"], "--dry-run", "--json")
    report = json.loads(out)
    assert report["status"] == "dry run" and report["card"].startswith("---\n")
    assert {verdict["passed"] for verdict in report["verdicts"]} <= {True, None}


def test_a_dry_run_needs_no_hub(
    hub: Hub, release: Release, public: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    status, out, err = release("dataset", public["1.0.0"], "--dry-run")
    assert (status, "nothing was pushed" in out, "The Hub was not asked" in err) == (0, True, True)
    status, _, err = release("dataset", public["1.0.0"])
    assert (status, "gave no usable answer" in err) == (1, True)


def test_without_its_rights_a_dataset_goes_out_as_a_locator(hub: Hub, release: Release, books: Path) -> None:
    status, out, err = release("dataset", books, "--json")
    report = json.loads(out)
    assert (status, report["form"], report["private"]) == (0, "locator", False), err
    files = hub.files(REPO)
    assert "Atlas" not in files["build.json"].decode() + files["README.md"].decode() + files["release.json"].decode()
    assert decoded(files["release.json"]).form == "locator"
    hub.clear()
    assert "released already" in release("dataset", books)[1]
    assert asked_to_write(hub) == []


@pytest.mark.parametrize("option", ["--i-hold-the-rights", "--full"])
def test_textbooks_never_go_to_a_public_repository(hub: Hub, release: Release, books: Path, option: str) -> None:
    status, _, err = release("dataset", books, option)
    assert (status, "mm_skin" in err) == (2, True)
    assert asked_to_write(hub) == []


def test_whoever_holds_the_rights_may_keep_it_in_private(hub: Hub, release: Release, books: Path) -> None:
    status, out, _ = release("dataset", books, "--private", "--i-hold-the-rights", "--json")
    assert (status, json.loads(out)["form"]) == (0, "full")
    assert hub.store.repo("dataset", REPO).private
    assert "--i-hold-the-rights" in hub.files(REPO)["README.md"].decode()
    status, _, err = release("dataset", books, "--private", "--full", repo="me/other")
    assert (status, "--i-hold-the-rights" in err) == (2, True)


def test_a_shut_gate_lets_nothing_out_but_with_a_reason(
    hub: Hub, release: Release, public: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(public["1.0.0"], tmp_path / "more")
    shutil.copy(next(folder.glob("data/*.parquet")), folder / "data" / "more.parquet")
    status, out, err = release("dataset", folder)
    assert (status, "FAILED" in out, "the gate is shut: " in err) == (1, True, True)
    assert asked_to_write(hub) == []
    assert release("dataset", folder, "--force")[0] == 2
    assert release("dataset", folder, "--reason", "why")[0] == 2
    status, _, err = release("dataset", folder, "--force", "--reason", "hf_" + "a1" * 17)
    assert (status, "holds a token" in err, "hf_a1" in err) == (2, True, False)
    status, out, _ = release("dataset", folder, "--force", "--reason", "A reviewer asked for it.")
    assert (status, "the gate was overruled: A reviewer asked for it." in out) == (0, True)
    files = hub.files(REPO)
    assert "A reviewer asked for it." in files["README.md"].decode()
    assert decoded(files["release.json"]).forced_reason == "A reviewer asked for it."
    # Where the gate is open nothing is overruled, and nothing is said of it.
    release("dataset", public["1.1.0"], "--force", "--reason", "Never mind.")
    assert "Never mind" not in hub.files(REPO)["README.md"].decode()


def test_the_token_in_a_file_stops_everything(
    hub: Hub, token: str, release: Release, public: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(public["1.0.0"], tmp_path / "leaky")
    (folder / "contact_sheet.html").write_bytes(b"x" * ((1 << 20) - 9) + token.encode() + b"x" * 99)
    status, _, err = release("dataset", folder, "--force", "--reason", "anyway")
    assert (status, "contact_sheet.html holds your token" in err) == (1, True)
    assert asked_to_write(hub) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--repo", "noowner"), "no name of a repository"),
        (("--version", "1.0"), "X.Y.Z"),
    ],
)
def test_mistakes_of_the_user(release: Release, public: dict[str, Path], options: tuple[str, str], told: str) -> None:
    status, _, err = release("dataset", public["1.0.0"], *options)
    assert (status, told in err) == (2, True)


def test_a_folder_that_is_none(release: Release, tmp_path: Path) -> None:
    assert release("dataset", tmp_path)[0] == 2
    assert release("model", tmp_path)[0] == 2


@pytest.fixture
def model(tmp_path: Path, books: Path) -> Path:
    """The files of a model, and what training leaves beside it."""
    folder = weights_in(tmp_path / "merged")
    (folder / "samples").mkdir()
    (folder / "samples" / "epoch-1.jsonl").write_text('{"a sentence": "of a textbook"}')
    record = run_record(folder, mixture(tmp_path / "mix", mm_skin=books))
    record["configuration"]["training"]["output_dir"] = "/root/secret/out"
    (folder / "run.json").write_text(json.dumps(record))
    return folder


FORCED = ("--force", "--reason", "Drawn.", "--json")


def test_a_model_counts_its_versions_itself(hub: Hub, release: Release, model: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "results.json").write_text(
        '{"format": 1, "tasks": {}, "settings": {}, "model": {"where": "/root/x/merged"}}'
    )
    more = ("--results", str(results), *FORCED)
    status, out, err = release("model", model, *more)
    assert (status, json.loads(out)["version"]) == (0, "0.1.0"), err
    assert "samples/" in err
    files = hub.files(REPO, type="model")
    assert files.keys() == {".gitattributes", "README.md", "config.json", "model.safetensors", "release.json",
                            "results.json", "run.json", "tokenizer.json"}  # fmt: skip
    assert json.loads(files["run.json"])["configuration"]["training"]["output_dir"] == "out"
    assert b"/root" not in files["results.json"]
    # The same again is the same version; other weights are the next one, and know what the last one scored.
    assert json.loads(release("model", model, *more)[1])["status"] == "already released"
    weights = load_file(model / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, model / "model.safetensors")
    hub.fault(403, route="tag")
    assert release("model", model, *more)[0] == 1
    report = json.loads(release("model", model, *more)[1])
    assert (report["version"], report["status"]) == ("0.2.0", "released")
    assert hub.tags(REPO, "model")["v0.2.0"] == hub.refs(REPO, "model")["main"]
    assert hub.moved_tags(REPO, "model") == []


def test_what_a_model_was_trained_on_is_looked_up(
    hub: Hub, release: Release, model: Path, public: dict[str, Path]
) -> None:
    release("dataset", public["1.0.0"], repo="me/ham")
    release("dataset", public["1.1.0"], repo="me/ham")
    status, _, err = release("model", model, "--data", "me/ham@v1.0.0", *FORCED)
    assert status == 0, err
    made_from = decoded(hub.files(REPO, type="model")["release.json"]).made_from
    assert made_from["data"] == [{"place": "me/ham", "revision": "v1.0.0", "commit": hub.tags("me/ham")["v1.0.0"],
                                  "dataset": "ham10000", "version": "1.0.0"}]  # fmt: skip
    status, _, err = release("model", model, "--data", "me/ham@v9.9.9", *FORCED)
    assert (status, "no such revision" in err) == (1, True)
    status, _, err = release("model", model, "--data", "me/none@v1.0.0", *FORCED)
    assert (status, "no such repository" in err) == (1, True)


def test_an_audit_must_be_one(release: Release, model: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{}")
    status, _, err = release("model", model, "--audit", str(tmp_path / "report.json"), *FORCED)
    assert (status, "no report of mmskin audit" in err) == (2, True)
