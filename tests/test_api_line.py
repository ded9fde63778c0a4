"""The API and the command line are one: the same files from both, on real data, from a script, a thread and a pipe."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

import mmskin_hub as mm
from mmskin_hub.api import records
from mmskin_hub.cli import main
from mmskin_hub.errors import MmskinError, OutputExists, WrongUse
from tests.engine.drawn import draw_book
from tests.hub.releases import ham

SCRIPT = """
import mmskin_hub as mm
record = mm.build("mm_skin", books="{book}", out="{out}", version="1.0.0", workers=2)
assert record["counts"]["pages"] == 4, record["counts"]
"""
IN_A_THREAD = """
import threading
import mmskin_hub as mm
found = []
def build():
    found.append(mm.build("mm_skin", books=["{book}"], out="{out}", version="1.0.0", workers=2))
thread = threading.Thread(target=build)
thread.start()
thread.join()
assert found[0]["counts"]["pages"] == 4, found
"""


def hashes(folder: Path) -> dict[str, str]:
    """Every file by its SHA-256; of build.json all but what the clock says."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        if path.name == "build.json":
            data = json.dumps({**json.loads(data), "run": None}).encode()
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(data).hexdigest()
    return found


def fits(record: Any, kind: Any) -> None:
    """``record`` has what its TypedDict promises, and nothing that it does not tell."""
    assert kind.__required_keys__ <= record.keys() <= typing.get_type_hints(kind).keys()


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a book and, built by the command, the three kinds of datasets."""
    folder = tmp_path_factory.mktemp("line")
    draw_book(folder / "a book.pdf", range(4))
    ham(folder, "1.0.0", 24)
    book, books, ham10000 = folder / "a book.pdf", folder / "mm-skin", folder / "ham10000-1.0.0"
    assert main(["build", "mm_skin", str(book), "--out", str(books), "--version", "1.0.0", "--workers", "2"]) == 0
    raw = ["--raw", str(folder / "raw-1.0.0"), "--max-side", "50"]
    assert main(["build", "ham10000", *raw, "--out", str(folder / "ham"), "--version", "2.0.0"]) == 0
    data = ["--data", f"mm_skin={books}", "--against", f"ham10000={ham10000}", "--seed", "3"]
    assert main(["build", "skinvl_sft", "--variant", "mm", *data, "--out", str(folder / "sft")]) == 0
    return folder


@pytest.mark.parametrize("code", [SCRIPT, IN_A_THREAD], ids=["as a file", "through a pipe, in a thread"])
def test_a_plain_script_builds_what_the_command_builds(code: str, line: Path, tmp_path: Path) -> None:
    said = code.format(book=line / "a book.pdf", out=tmp_path / "out")
    command = [sys.executable, "-"]
    if code is SCRIPT:
        (tmp_path / "script.py").write_text(said)
        command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert hashes(tmp_path / "out") == hashes(line / "mm-skin")


def test_public_data_and_mixtures_are_the_same_too(
    line: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(line))
    monkeypatch.chdir(tmp_path)
    record = mm.build("ham10000", raw="~/raw-1.0.0", out="ham", max_side=50, version="2.0.0")
    fits(record, records.BuildRecord)
    assert hashes(tmp_path / "ham") == hashes(line / "ham")
    mixed = mm.build(
        "skinvl_sft", variant="mm", data={"mm_skin": line / "mm-skin"}, out=tmp_path / "sft", seed=3,
        against={"ham10000": "~/ham10000-1.0.0"},
    )  # fmt: skip
    fits(mixed, records.BuildRecord)
    assert hashes(tmp_path / "sft") == hashes(line / "sft")
    assert mixed == json.loads((tmp_path / "sft" / "build.json").read_text())
    fits(json.loads((line / "mm-skin" / "build.json").read_text()), records.BuildRecord)
    with pytest.raises(OutputExists):
        mm.build("ham10000", raw=line / "raw-1.0.0", out="sft")
    assert capfd.readouterr().out == ""


def test_an_audit(line: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = line / "ham", line / "raw-1.0.0" / "HAM10000_metadata.csv"
    report = mm.audit({"a": train}, against={"b": test}, out=tmp_path / "audit", ignore=["same_series"])
    fits(report, records.AuditReport)
    assert report["contaminated"] and report["exclude"]["a"]
    assert capsys.readouterr().out == ""
    command = ["audit", f"a={train}", "--against", f"b={test}", "--ignore", "same_series", "--json"]
    assert main([*command, "--out", str(tmp_path / "again")]) == 3
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(report))
    assert hashes(tmp_path / "audit") == hashes(tmp_path / "again")


def test_a_release_and_back_again(line: Path, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    dry = mm.release(line / "mm-skin", repo="me/mm-skin", to=shelf, dry_run=True)
    assert dry["status"] == "dry run" and not shelf.exists()
    report = mm.release(line / "mm-skin", repo="me/mm-skin", to=shelf)
    for each in (dry, report):
        fits(each, records.ReleaseReport)
    assert (report["status"], report["kind"], report["form"], report["tag"]) == (
        "released", "dataset", "locator", "v1.0.0",
    )  # fmt: skip
    assert mm.release(line / "mm-skin", repo="me/mm-skin", to=shelf)["status"] == "already released"
    made = mm.rematerialize(report["url"], books=line / "a book.pdf", out=tmp_path / "made", workers=2)
    fits(made, records.RematerializeReport)
    assert made["identical"] and made["out"] == str(tmp_path / "made")
    parquet = {name: digest for name, digest in hashes(line / "mm-skin").items() if name.endswith(".parquet")}
    assert {name: hashes(tmp_path / "made")[name] for name in parquet} == parquet


def test_an_evaluation_of_a_folder(line: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lm_eval")
    from mmskin_hub.evals.results import Results
    from tests.drawing.models import tiny_llava

    model, data = tiny_llava(tmp_path / "model"), {"ham10000": line / "ham"}
    options: dict[str, Any] = {"tasks": "mmskin_ham10000_gen", "data": data, "device": "cpu", "limit": 2}
    capfd.readouterr()  # training a tokenizer writes empty lines
    results = mm.evaluate(model, **options, out=tmp_path / "run")
    assert capfd.readouterr().out == ""
    assert results.keys() <= typing.get_type_hints(Results).keys()
    assert results["tasks"]["mmskin_ham10000_gen"]["samples"] == 2
    assert 0 <= results["tasks"]["mmskin_ham10000_gen"]["metrics"]["accuracy"]["value"] <= 1
    assert json.loads((tmp_path / "run" / "results.json").read_text()) == results
    with pytest.raises(WrongUse, match="limit"):
        mm.evaluate(model, **{**options, "limit": 0}, out=tmp_path / "run")


@pytest.mark.slow
def test_a_training_returns_its_record(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trl")
    from tests.drawing import shapes

    shapes.write_mixture(tmp_path / "data", pictures=16, validation=4)
    keys: dict[str, Any] = {"max_steps": 2, "eval_strategy": "no", "generate_every_epoch": 0}
    data = {"skinvl_sft": tmp_path / "data"}
    record = mm.train("tiny", data=data, output=tmp_path / "out", **keys)
    assert record["status"] == "finished" and record["result"]["step"] == 2
    assert record.keys() <= typing.get_type_hints(records.TrainRecord).keys()
    said = capfd.readouterr()
    assert said.out == "" and "accelerate with cpu.yaml" in said.err
    with pytest.raises(OutputExists, match="resume"):
        mm.train("tiny", data=data, output=tmp_path / "out", **keys)
    with pytest.raises(WrongUse, match="max_steps"):
        mm.train("tiny", data=data, output=tmp_path / "other", max_step=2)
    with pytest.raises(MmskinError, match="json"):
        mm.train("tiny", data={"skinvl_sft": tmp_path}, output=tmp_path / "other")
