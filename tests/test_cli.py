"""Every option has its help, every mistake its status, and --json speaks to programs alone."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmskin_hub.api.arguments import available_cores
from mmskin_hub.cli import main, make_parser
from mmskin_hub.registry import DATASETS
from tests.engine.drawn import draw_book


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                assert any(choice.dest == name and choice.help for choice in action._choices_actions), name
                yield from parsers(child)


def test_every_command_and_every_option_has_a_help_text() -> None:
    for parser in parsers(make_parser()):
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                assert action.help, f"{parser.prog} {action.dest}"


def test_build_offers_every_dataset_of_the_registry() -> None:
    assert {parser.prog.split()[-1] for parser in parsers(make_parser())} >= DATASETS.keys()


def test_options_of_a_build_from_books() -> None:
    args = make_parser().parse_args(["build", "mm_skin", "a.pdf", "b", "--out", "o"])
    assert (args.books, args.version, args.configs) == (["a.pdf", "b"], "0.1.0", "captions,open_vqa,demographics")
    assert (args.ocr, args.split_by, args.executor, args.work) == ("auto", "auto", "local", None)
    assert not args.overwrite
    assert not args.json
    assert args.workers is None
    assert available_cores() >= 1


@pytest.mark.parametrize(
    "wrong",
    [
        ["build"],
        ["build", "mm_skin"],
        ["build", "mm_skin", "a.pdf"],
        ["build", "mm_skin", "a.pdf", "--out", "o", "--workers", "0"],
        ["build", "mm_skin", "a.pdf", "--out", "o", "--min-size", "x"],
        ["build", "mm_skin", "a.pdf", "--out", "o", "--ocr", "eyes"],
        ["build", "ham", "a", "--out", "o"],
    ],
)
def test_wrong_use_ends_with_2(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_nothing_at_all_is_answered_with_the_contents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    told = capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("wrong", "answer"),
    [
        (["biuld"], "there is no command 'biuld'; did you mean 'build'?"),
        (["build", "ham"], "there is no dataset 'ham'; did you mean 'ham10000'?"),
        (["build", "zzz"], "there is no dataset 'zzz'; there are: mm_skin, "),
        (["tasks", "--jsn"], "unrecognized arguments: --jsn; did you mean --json?"),
        (["tasks", "twice"], "unrecognized arguments: twice\n"),
        (["build", "mm_skin", "a.pdf", "--out", "o", "--vqa-cashe=x"], "--vqa-cashe=x; did you mean --vqa-cache?"),
        (["build", "mm_skin", "a.pdf", "--out", "o", "--ocr", "doctor"], "did you mean 'doctr'?"),
        (["release", "datset"], "there is no kind 'datset'; did you mean 'dataset'?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_not_there_is_answered_with_the_nearest(
    wrong: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert answer in told
    assert told.startswith(f"usage: mmskin {'' if wrong[0] == 'biuld' else wrong[0]}".rstrip())


def test_mistakes_are_told_without_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book, out = str(tmp_path / "no.pdf"), str(tmp_path / "out")
    (tmp_path / "empty.pdf").touch()
    assert main(["build", "mm_skin", book, "--out", out]) == 2
    assert "no.pdf" in capsys.readouterr().err
    assert main(["build", "mm_skin", str(tmp_path / "empty.pdf"), "--out", out, "--version", "1.0"]) == 2
    assert "X.Y.Z" in capsys.readouterr().err
    assert main(["build", "mm_skin", str(tmp_path / "empty.pdf"), "--out", out, "--configs", "pictures"]) == 2
    assert "pictures" in capsys.readouterr().err
    assert main(["build", "mm_skin", str(tmp_path / "empty.pdf"), "--out", out]) == 2
    assert "empty.pdf" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert main(["build", "mm_skin", str(tmp_path / "empty.pdf"), "--out", str(tmp_path / "mine")]) == 1
    assert "--overwrite" in capsys.readouterr().err


def test_json_is_all_there_is_on_standard_output(tmp_path: Path) -> None:
    draw_book(tmp_path / "a book.pdf", range(5))
    (tmp_path / "empty.pdf").touch()
    command = [sys.executable, "-m", "mmskin_hub", "build", "mm_skin", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    record = json.loads(done.stdout)
    assert record == json.loads((tmp_path / "out" / "build.json").read_text(encoding="utf-8"))
    assert record["counts"]["pages"] == 5
    assert record["run"]["pages_a_second"] > 0
    assert "1 book" in done.stderr


def test_the_report_names_every_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_book(tmp_path / "book.pdf", range(5))
    assert main(["build", "mm_skin", str(tmp_path / "book.pdf"), "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    report = capsys.readouterr().out
    for word in (
        "pages",
        "figures",
        "pairs",
        "clinical",
        "rejects",
        "seconds",
        "pages a second",
        str(tmp_path / "out"),
    ):
        assert word in report
