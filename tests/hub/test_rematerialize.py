"""From a locator and the same books to the same bytes; from other books to a list that names what differs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.derive.vqa.endpoint import EndpointSettings
from mmskin_hub.errors import MmskinError, OutputExists, WrongUse
from mmskin_hub.hub.locator.rematerialize import Request, rematerialize
from tests.derive.vqa.endpoint_server import Act, completion, serving
from tests.derive.vqa.endpoint_server import Request as Asked
from tests.engine.drawn import DISEASES, SITES, draw_book
from tests.hub.server import Hub
from tests.hub.shelf import LITTLE, again, digests, edited, leftovers, locator_of, mm_skin, texts


def test_the_same_books_give_the_same_bytes(full: Path, locator: Path, shelf: Path, tmp_path: Path) -> None:
    report = again(locator, tmp_path / "out", shelf)
    assert report["identical"] and report["differences"] == [] and report["out"] == str(tmp_path / "out")
    assert digests(tmp_path / "out") == digests(full)
    assert report["files"] == dict.fromkeys(digests(full), "identical")
    assert (tmp_path / "out" / "build.json").read_bytes() == (full / "build.json").read_bytes()
    assert {"README.md", "contact_sheet.html"} <= {path.name for path in (tmp_path / "out").iterdir()}
    assert leftovers(tmp_path / "out") == {"out"}


def test_names_folders_copies_and_more_books_do_not_matter(
    full: Path, locator: Path, shelf: Path, mine: Path, tmp_path: Path
) -> None:
    """Other names, in several folders, one twice, one more; and neither the copy nor what was no book."""
    shutil.copy(shelf / LITTLE, mine / "3.pdf")
    shutil.copy(shelf / LITTLE, mine / "atlases" / "3 again.pdf")
    draw_book(mine / "another.pdf", range(300, 303))
    report = again(locator, tmp_path / "out", mine / "atlases", mine, workers=2)
    assert report["identical"], texts(report)
    assert digests(tmp_path / "out") == digests(full)
    assert (tmp_path / "out" / "build.json").read_bytes() == (full / "build.json").read_bytes()


def test_a_changed_locator_is_refused(locator: Path, shelf: Path, full: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(locator, tmp_path / "rows")
    shutil.copy(
        next((tmp_path / "rows" / "captions").glob("test-*")), next((tmp_path / "rows" / "captions").glob("train-*"))
    )
    with pytest.raises(WrongUse, match=r"captions/train-00000-of-00001\.parquet is not what its build.json names"):
        again(tmp_path / "rows", out, shelf)
    edits: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
        ("not that of a locator", lambda record: record.pop("full")),
        ("'../../x.parquet'", lambda record: record["full"]["files"].update({"../../x.parquet": {"sha256": "0" * 64}})),
        ("no file that could", lambda record: record["full"].update(files={})),
        ("does not know", lambda record: record.update(dataset="nonsense")),
        ("is no locator", lambda record: record.pop("form")),
        ("not of the form", lambda record: record.update(version="../1")),
        ("no option ocr", lambda record: record["options"].pop("ocr")),
        ("no option ocr", lambda record: record["options"].update(ocr="/bin/sh")),
    ]
    for number, (what, edit) in enumerate(edits):
        with pytest.raises(MmskinError, match=what):
            again(edited(locator, tmp_path / str(number), edit), out, shelf)
    with pytest.raises(WrongUse, match="it holds 'mm_skin' itself"):
        again(full, out, shelf)
    with pytest.raises(WrongUse, match="cannot be read"):
        again(tmp_path, out, shelf)
    with pytest.raises(WrongUse, match="no folder"):
        rematerialize(Request("nowhere", out, books=(str(shelf),)))
    assert not out.exists()


def test_files_of_others_in_the_repository_do_no_harm(locator: Path, shelf: Path, full: Path, tmp_path: Path) -> None:
    shutil.copytree(locator, tmp_path / "locator")
    (tmp_path / "locator" / "theirs").mkdir()
    (tmp_path / "locator" / "theirs" / "train-00000.parquet").write_bytes(b"anything")
    assert again(tmp_path / "locator", tmp_path / "out", shelf)["identical"]


def test_what_is_there_already_is_verified_and_left(locator: Path, shelf: Path, full: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(full, out)
    assert again(locator, out, shelf)["identical"]
    changed = next((out / "captions").glob("train-*"))
    changed.write_bytes(changed.read_bytes() + b"x")
    with pytest.raises(OutputExists, match="not the one of the locator"):
        again(locator, out, shelf)
    assert again(locator, out, shelf, overwrite=True)["identical"]
    assert digests(out) == digests(full)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    with pytest.raises(OutputExists, match="no dataset of ours"):
        again(locator, other, shelf)
    assert (other / "thesis.tex").read_text() == "mine"


def test_nothing_that_is_needed_lies_in_what_is_replaced(locator: Path, shelf: Path, tmp_path: Path) -> None:
    shutil.copytree(shelf, tmp_path / "books")
    with pytest.raises(WrongUse, match="lies inside --out"):
        again(locator, tmp_path / "books", tmp_path / "books", overwrite=True)
    shutil.copytree(locator, tmp_path / "locator")
    with pytest.raises(WrongUse, match="locator lies in --out"):
        again(tmp_path / "locator", tmp_path / "locator", shelf, overwrite=True)
    assert (tmp_path / "books" / LITTLE).exists() and (tmp_path / "locator" / "build.json").exists()


def test_the_wrong_kind_of_source_is_told(locator: Path, shelf: Path, tmp_path: Path) -> None:
    for other in ({"raw": shelf}, {"data": ("mm_skin=x",)}):
        with pytest.raises(WrongUse, match="not made from") as raised:
            again(locator, tmp_path / "out", **other)
        assert "--books" in raised.value.remedy
    with pytest.raises(WrongUse, match="nothing is named"):
        again(locator, tmp_path / "out")


def model(request: Asked) -> Act:
    """What a model writes that keeps to the caption: the disease and the site."""
    disease = next(word for word in DISEASES if request.caption.startswith(word))
    site = next(word for word in SITES if f" of the {word} " in request.caption)
    pairs = [
        {"question": "What is the diagnosis?", "answer": f"{disease}.", "question_type": "diagnosis", "closed": False},
        {"question": "Where is it?", "answer": f"On the {site}.", "question_type": "body_site", "closed": False},
    ]
    return completion(json.dumps({"pairs": pairs}))


def test_questions_of_a_model_come_out_of_its_cache(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that was named by its folder, whose name stays at home; with its answers, without, and with no answer."""
    for name in ("MMSKIN_VQA_KEY", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    (tmp_path / "books").mkdir()
    book, cache, work = shutil.copy(shelf / LITTLE, tmp_path / "books"), tmp_path / "cache", tmp_path / "work"
    with serving() as server:
        server.script = model
        asked = EndpointSettings(server.url, "/models/tiny", seed=7)
        full = mm_skin(book, tmp_path / "full", endpoint=asked, cache=cache, work=work)
    locator = locator_of(full, tmp_path / "locator")
    assert "/models" not in (locator / "build.json").read_text("utf-8")
    with pytest.raises(WrongUse, match="another machine"):
        again(locator, tmp_path / "out", book, cache=cache, work=work)
    report = again(locator, tmp_path / "out", book, cache=cache, vqa_model="/models/tiny", work=work)
    assert report["identical"], texts(report)
    assert digests(tmp_path / "out") == digests(full)
    variants: tuple[dict[str, Any], ...] = ({}, {"cache": tmp_path / "empty", "vqa_model": "/models/tiny"})
    for other in variants:
        report = again(locator, tmp_path / "other", book, work=work, **other)
        assert not report["identical"] and not (tmp_path / "other").exists()
        assert report["differences"][0]["kind"] == "questions" and "tiny" in texts(report)
        states = {name.split("/")[0]: state for name, state in report["files"].items()}
        assert states["captions"] == states["demographics"] == "identical" and states["open_vqa"] == "missing"


def test_the_command_and_a_locator_on_the_hub(
    locator: Path, full: Path, shelf: Path, mine: Path, tmp_path: Path, hub: Hub
) -> None:
    token = hub.user("me")
    run: dict[str, Any] = {
        "capture_output": True,
        "text": True,
        "env": hub.environment(tmp_path / "home", token),
        "cwd": tmp_path,
    }
    released = [sys.executable, "-m", "mmskin_hub", "release", "dataset", str(full), "--repo", "me/mm-skin", "--json"]
    told = subprocess.run(released, **run)
    assert told.returncode == 0 and json.loads(told.stdout)["form"] == "locator", told.stderr
    command = [sys.executable, "-m", "mmskin_hub", "rematerialize", "me/mm-skin@v1.2.3"]
    told = subprocess.run([*command, "--books", str(mine), "--out", "out"], **run)
    assert (told.returncode, told.stdout) == (1, "")
    assert "could not be made again" in told.stderr and "is missing" in told.stderr and "Traceback" not in told.stderr
    told = subprocess.run([*command, "--books", str(mine), str(shelf / LITTLE), "--out", "out", "--json"], **run)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["identical"]
    assert digests(tmp_path / "out") == digests(full)
    told = subprocess.run([*command[:-1], "me/nothing", "--books", str(shelf), "--out", "out2"], **run)
    assert told.returncode == 2 and "no such folder, nor a repository" in told.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", ["out.remade.work/*/units/*.json", "out.remade.tmp/captions", "out.remade/build.json"]
)
def test_after_kill_9_the_same_command_ends_well(
    locator: Path, full: Path, shelf: Path, tmp_path: Path, moment: str
) -> None:
    """Killed while pages are read, while the dataset is written, and while it is verified."""
    command = [sys.executable, "-m", "mmskin_hub", "rematerialize", str(locator), "--books", str(shelf), "--out", "out"]
    killed = subprocess.Popen([*command, "--workers", "1"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    while killed.poll() is None and not any(tmp_path.glob(moment)):
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert digests(tmp_path / "out") == digests(full)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
