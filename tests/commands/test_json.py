"""Whatever prints a report has --json, and then standard output is one JSON document and nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from mmskin_hub.cli import CHAPTERS, make_parser
from tests.commands.at_terminal import MMSKIN, ROOT, piped
from tests.docs.parsers import leaves

LEAVES = leaves(make_parser())
NO_REPORT = {
    ("card",): "prints a card, which is Markdown",
    ("tasks-path",): "prints one path",
    ("completion",): "prints a script",
    ("train",): "becomes the recipe, whose record is run.json",
}
FILES = sorted((ROOT / "mmskin_hub" / "commands").glob("*.py"))
TABLES = ("table", "show", "facts", "ljust", "rjust")


def called(path: Path) -> set[str]:
    """The names of all that is called in a file."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_what_prints_a_report_has_json(path: tuple[str, ...]) -> None:
    options = LEAVES[path]._option_string_actions
    assert ("--json" in options) == (path not in NO_REPORT)
    if "--json" in options:
        assert "JSON" in (options["--json"].help or "")


def test_what_has_no_json_prints_no_table() -> None:
    for path in NO_REPORT:
        module = next(name for names in CHAPTERS.values() for name in names if path[0].startswith(name))
        file = ROOT / "mmskin_hub" / "commands" / f"{module}.py"
        assert module == "tasks" or not called(file) & set(TABLES), file


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_commands_speak_through_one_place(file: Path) -> None:
    """Colours, widths and JSON are decided in mmskin_hub/terminal.py."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in imported if name and name.partition(".")[0] == "rich"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print":
            inner = {getattr(each.func, "attr", "") for each in ast.walk(node) if isinstance(each, ast.Call)}
            assert "dumps" not in inner, f"{file.name}:{node.lineno}: print_json"


def only_json(words: list[str], cwd: Path, statuses: tuple[int, ...] = (0,)) -> object:
    done = piped([*MMSKIN, *words, "--json"], cwd=cwd)
    assert done.returncode in statuses, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("words", [["tasks"], ["datasets"], ["datasets", "ham10000"], ["doctor"]], ids=" ".join)
def test_lists_are_one_document(words: list[str], tmp_path: Path) -> None:
    assert only_json(words, tmp_path, (0, 1) if words == ["doctor"] else (0,))


def test_an_audit_is_one_document(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id\nISIC_0024306\nISIC_0024307\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("id\nISIC_0024307\n", encoding="utf-8")
    report = only_json(["audit", "a=a.csv", "--against", "b=b.csv"], tmp_path, (3,))
    assert isinstance(report, dict)
    assert report["contaminated"]
