"""What stands in a block of code can be run: commands parse, Python compiles and imports, YAML and JSON are read."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
from itertools import pairwise
from pathlib import Path

import pytest

from mmskin_hub.cli import make_parser
from mmskin_hub.commands.common import Parser
from tests.docs.pages import PAGES, Block, blocks, code, commands, name_of
from tests.docs.parsers import leaf_of, leaves

ALL = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in ALL if block.language in ("sh", "bash", "")]
PYTHON = [block for block in ALL if block.language == "python"]


def title(block: Block) -> str:
    return f"{block.page}:{block.line}"


def test_the_pages_have_blocks_of_each_kind() -> None:
    assert len(PYTHON) >= 5
    assert sum(1 for block in SHELL for _ in commands(block)) >= 60
    assert {block.language for block in ALL} <= {"sh", "python", "py", "yaml", "json", "text", ""}


@pytest.mark.parametrize("block", SHELL, ids=title)
def test_commands_parse(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands(block):
        try:
            make_parser().parse_args(words)
        except SystemExit as ended:
            assert ended.code == 0, f"mmskin {' '.join(words)}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("block", SHELL, ids=title)
def test_modules_that_are_run_are_there(block: Block) -> None:
    words = block.text.split()
    for flag, module in pairwise(words):
        if flag == "-m" and module.partition(".")[0] in ("mmskin_hub", "benchmarks", "tests"):
            assert importlib.util.find_spec(module), module


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_within_a_line_have_the_options_they_name(page: Path) -> None:
    """They are often cut short, so only names are looked at: of the command, and of each option."""
    for text in code(page):
        words = [word for word in text.split() if word not in ("…", "|")]
        if words[:1] != ["mmskin"] or len(words) == 1 or words[1].isupper():
            continue
        parser = make_parser() if words[1].startswith("-") else leaf_of(make_parser(), words[1:])
        assert parser is not None, text
        ours = words[: words.index("--")] if "--" in words else words
        assert {word for word in ours if word.startswith("--")} <= options(parser), text


def options(parser: Parser) -> set[str]:
    """The options of a command, or of all commands below it."""
    every = [parser, *leaves(parser).values()]
    return {option for each in every for action in each._actions for option in action.option_strings}


@pytest.mark.slow
def test_what_stands_behind_the_dashes_is_known_to_the_recipe() -> None:
    pytest.importorskip("trl")
    from mmskin_hub.training.arguments import known_keys

    given = [words[words.index("--") + 1 :] for block in SHELL for words in commands(block) if "--" in words]
    keys = {word[2:] for words in given for word in words if word.startswith("--")}
    for block in SHELL:
        behind = block.text.replace("\\\n", " ").partition("recipes/sft.py")[2].splitlines()[:1]
        keys |= {word[2:] for line in behind for word in line.split() if word.startswith("--")}
    assert keys
    assert keys - {"config"} <= set(known_keys())


@pytest.mark.parametrize("block", PYTHON, ids=title)
def test_python_compiles_and_its_imports_resolve(block: Block) -> None:
    tree = ast.parse(block.text, block.page)
    compile(tree, block.page, "exec")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.module
            module = pytest.importorskip(node.module)
            assert {alias.name for alias in node.names} <= set(dir(module))


def test_the_recipe_of_a_mixture_is_read() -> None:
    from mmskin_hub.engine.mixture.recipe import read_recipe

    (block,) = [each for each in ALL if each.language == "yaml"]
    recipe = read_recipe(Path("mine.yaml"), "mm", block.text)
    assert recipe.entries["mm_skin"].required


def test_the_conversation_is_read() -> None:
    from mmskin_hub.engine.mixture.llava import read_conversation

    (block,) = [each for each in ALL if each.language == "json"]
    entry = json.loads(block.text)
    turns = read_conversation(entry["conversations"], has_picture=True)
    assert isinstance(turns, list)
    assert [turn.answer for turn in turns] == ["A plaque.", "On the elbow."]


def test_every_command_is_shown_on_a_page() -> None:
    shown = {tuple(leaf) for block in SHELL for words in commands(block) if (leaf := path_of(words))}
    assert {path for path in leaves(make_parser()) if path[0] != "build"} <= shown
    assert {("build", "mm_skin"), ("build", "skinvl_sft"), ("build", "ham10000")} <= shown


def path_of(words: list[str]) -> list[str]:
    """The names of the command that ``words`` call."""
    return next((list(path) for path in leaves(make_parser()) if words[: len(path)] == list(path)), [])
