"""What the exit status says: every one in use is told by its command, and is reached."""

from __future__ import annotations

import ast
import importlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from mmskin_hub.cli import STATUS, make_parser
from tests.commands.at_terminal import MMSKIN, ROOT, environment, piped
from tests.docs.parsers import leaves

LEAVES = leaves(make_parser())


def returned(module_name: str) -> set[int]:
    """The numbers that the ``_run`` functions of a command's module return, constants of the module by their value."""
    module = importlib.import_module(module_name)
    found: set[int] = set()
    for function in ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8")).body:
        if isinstance(function, ast.FunctionDef) and getattr(function.returns, "id", "") == "int":
            for node in ast.walk(function):
                if isinstance(node, ast.Constant) and type(node.value) is int and _in_return(function, node):
                    found.add(node.value)
                if isinstance(node, ast.Name) and node.id.startswith("EXIT_"):
                    found.add(getattr(module, node.id))
    return found


def _in_return(function: ast.FunctionDef, wanted: ast.Constant) -> bool:
    """Whether a number is the whole of a return, or one of the two sides of a condition there."""
    returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value]
    sides = [side for value in returns if isinstance(value, ast.IfExp) for side in (value.body, value.orelse)]
    return wanted in [*returns, *sides]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_status_in_use_is_told(path: tuple[str, ...]) -> None:
    parser = LEAVES[path]
    assert returned(parser.get_default("run").__module__) <= set(parser.exits)
    assert set(parser.exits) <= {status for status, _ in STATUS}


def test_a_lasting_problem_is_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert piped([*MMSKIN, "doctor"], HF_HOME=str(tmp_path / "file" / "x")).returncode == 1


def test_wrong_use_is_2(tmp_path: Path) -> None:
    assert piped([*MMSKIN, "compare", "nowhere", "nothere"], cwd=tmp_path).returncode == 2
    assert piped([*MMSKIN, "compare", "nowhere"], cwd=tmp_path).returncode == 2


def test_ctrl_c_is_130_and_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "results.json")  # reading it waits for a writer, so the command waits for the signal
    command = [*MMSKIN, "compare", "a", "b"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(PYTHONPATH=str(ROOT)), stdout=-1, stderr=-1, text=True
    )
    with (tmp_path / "a" / "results.json").open("w", encoding="utf-8") as writer:  # opens once the command reads
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        writer.write("")
    assert (process.returncode, out) == (130, "")
    assert err == "mmskin: interrupted; run the same command to go on.\n"
