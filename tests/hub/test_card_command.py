"""``mmskin card``, as a user runs it: the card of a folder, and nothing else happens."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mmskin_hub.cli import main
from mmskin_hub.hub.cards import render
from mmskin_hub.hub.subject import Subject
from tests.hub.cards import records


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn public dataset, built; the records of a model, its results and an audit."""
    folder = tmp_path_factory.mktemp("cards")
    records.ddi(folder)
    for name, file, record in (
        ("merged", "run.json", records.run()),
        ("results", "results.json", records.results(audit=None)),
        ("audit", "report.json", {"audit": "0.1.0", "train": [], "against": [], "counts": [], "pairs": []}),
    ):
        (folder / name).mkdir()
        (folder / name / file).write_text(json.dumps(record), encoding="utf-8")
    return folder


def mmskin(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mmskin_hub", "card", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", cwd=folder, timeout=120, check=False,
    )  # fmt: skip


def digests(folder: Path) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def test_a_dataset_on_standard_output(shelf: Path) -> None:
    before = digests(shelf / "ddi")
    done = mmskin("ddi", folder=shelf)
    assert done.returncode == 0, done.stderr
    # What the build wrote beside it is the same card.
    assert done.stdout == (shelf / "ddi" / "README.md").read_text(encoding="utf-8")
    assert done.stderr == ""
    assert digests(shelf / "ddi") == before


def test_a_dataset_for_a_repository_into_a_file(shelf: Path, tmp_path: Path) -> None:
    done = mmskin("ddi", "--repo", "me/ddi", "--version", "2.0.0", "--out", tmp_path / "card.md", folder=shelf)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    record = {**records.record_of(shelf / "ddi"), "version": "2.0.0"}
    wanted = render(Subject("dataset", shelf / "ddi", "ddi", "2.0.0", record, repo="me/ddi"))
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == wanted
    assert 'revision="v2.0.0"' in wanted


def test_the_card_of_its_locator(shelf: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(shelf / "ddi"), "--repo", "me/ddi", "--locator"]) == 0
    card = capfd.readouterr().out
    assert "mmskin rematerialize me/ddi@v1.0.0 --raw" in card and "No pictures, no sentences" in card


def test_a_model_with_results_data_and_audit(shelf: Path) -> None:
    done = mmskin("merged", "--results", "results", "--data", "ddi", "--audit", "audit", folder=shelf)
    assert done.returncode == 0, done.stderr
    assert "mmskin_ddi_gen" in done.stdout
    assert "Stanford AIMI research use agreement" in done.stdout
    assert "They share nothing that the audit looks for." in done.stdout
    assert str(shelf) not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere",), "is no folder"),
        (("audit",), "holds neither build.json nor run.json"),
        (("ddi", "--results", "results"), "are for models"),
        (("merged", "--locator"), "is for datasets"),
        (("merged", "--results", "audit"), "holds no results"),
        (("merged", "--audit", "results"), "cannot be read"),
        (("merged", "--data", "audit"), "build.json"),
        (("ddi", "--out", "nowhere/card.md"), "cannot be written"),
        (("ddi", "--version", "two"), "not of the form X.Y.Z"),
    ],
)
def test_wrong_use_is_told(
    shelf: Path,
    arguments: tuple[str, ...],
    words: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(shelf)
    assert main(["card", *arguments]) == 2
    said = capfd.readouterr()
    assert words in said.err and said.out == ""
