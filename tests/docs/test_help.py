"""The help reads like a table of contents: every command once, in its chapter, with an example that can be given."""

from __future__ import annotations

import re
import shlex

import pytest

from mmskin_hub.cli import CHAPTERS, STATUS, main, make_parser
from mmskin_hub.commands.audit import EXIT_CONTAMINATED
from tests.docs.pages import ENDS, ROOT, text_of
from tests.docs.parsers import children, leaves

LEAVES = leaves(make_parser())


def helped(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_contents_list_every_command_once_in_its_chapter(capsys: pytest.CaptureFixture[str]) -> None:
    told = helped([], capsys)
    listed = re.findall(r"^  ([a-z][a-z-]+) {2,}\S", told, re.MULTILINE)
    assert listed == list(children(make_parser()))
    assert re.findall(r"^([a-z]+):$", told, re.MULTILINE) == ["options", *CHAPTERS]
    assert all(len(line) <= 80 for line in told.splitlines())


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example_that_parses(path: tuple[str, ...]) -> None:
    program, *words = shlex.split(LEAVES[path].example)
    words = words[: next((at for at, word in enumerate(words) if word in ENDS), len(words))]
    assert program == "mmskin"
    assert tuple(words[: len(path)]) == path
    assert make_parser().parse_args(words).run


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_tells_example_and_exit_status(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    told = helped(list(path), capsys)
    assert f"example:\n  {LEAVES[path].example}\n" in told
    said = " ".join(told.partition("exit status: ")[2].split())
    assert [part.partition(" ")[0] for part in re.split(r"; (?=\d)", said)] == [str(n) for n in LEAVES[path].exits]


def test_every_exit_status_is_told_at_the_top() -> None:
    told = {status for status, _ in STATUS}
    assert told == {status for parser in LEAVES.values() for status in parser.exits}
    assert EXIT_CONTAMINATED in told


def test_the_page_has_the_exit_statuses_of_the_code() -> None:
    page = text_of(ROOT / "docs" / "command_line.md")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(str(status), meaning) for status, meaning in STATUS]


def test_what_needs_a_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["build"], ["release"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert "usage: mmskin" in capsys.readouterr().err
