"""Every function of the API has the options of its command, under their names, with their defaults; and says so."""

from __future__ import annotations

import argparse
import ast
import asyncio
import inspect
import re
import shlex
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mmskin_hub as mm
from mmskin_hub.api.arguments import named, names_of, text_of, where_of
from mmskin_hub.api.building import EVERY, FITS
from mmskin_hub.cli import main, make_parser
from mmskin_hub.commands.train import keys_of
from mmskin_hub.errors import MissingExtra, MmskinError, OutputExists, WrongUse
from mmskin_hub.registry import DATASETS, Dataset
from mmskin_hub.served.pool import run_to_end
from tests.docs.parsers import leaves

COMMANDS = {"eval": "evaluate"}
"""Commands whose function has another name: ``eval`` is Python's own."""
FUNCTIONS: dict[str, Callable[..., Any]] = {name: getattr(mm, name) for name in mm.__all__ if name != "__version__"}
LEAVES = {path: parser for path, parser in leaves(make_parser()).items() if COMMANDS.get(path[0], path[0]) in FUNCTIONS}
HEAVY = (
    "datasets", "datatrove", "huggingface_hub", "jinja2", "lm_eval", "numpy", "pandas", "PIL", "pyarrow", "pymupdf",
    "rich", "torch", "transformers", "yaml",
)  # fmt: skip


def function_of(path: tuple[str, ...]) -> Callable[..., Any]:
    return FUNCTIONS[COMMANDS.get(path[0], path[0])]


def options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if action.dest not in ("help", "json"):
            yield action


def test_every_function_has_its_command() -> None:
    assert {function_of(path) for path in LEAVES} == set(FUNCTIONS.values())


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_option_is_a_parameter_of_its_name_and_default(path: tuple[str, ...]) -> None:
    parameters = inspect.signature(function_of(path)).parameters
    given = vars(make_parser().parse_args(shlex.split(LEAVES[path].example)[1:]))
    for action in options(LEAVES[path]):
        parameter = parameters[action.dest]
        assert action.dest in given
        if not action.required:
            default = parameter.default
            assert action.default == (list(default) if isinstance(action.default, list) else default), action.dest


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_an_option_of_a_command(name: str) -> None:
    paths = [path for path in LEAVES if function_of(path) is FUNCTIONS[name]]
    offered = {action.dest for path in paths for action in options(LEAVES[path])}
    above = {"build": {"dataset"}, "release": {"kind"}}.get(name, set())
    parameters = inspect.signature(FUNCTIONS[name]).parameters.values()
    assert {each.name for each in parameters if each.kind is not each.VAR_KEYWORD} == offered | above


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_what_fits_a_dataset_is_what_its_command_offers(dataset: Dataset) -> None:
    offered = [action.dest for action in options(LEAVES["build", dataset.name])]
    assert set(offered) == {*EVERY, *FITS[dataset.source]} and len(offered) == len(set(offered))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_tells_every_parameter_result_and_error(name: str) -> None:
    function = FUNCTIONS[name]
    told = inspect.getdoc(function) or ""
    arguments = told.partition("Args:\n")[2].partition("\n\nReturns:")[0].partition("\n\nRaises:")[0]
    parameters = inspect.signature(function).parameters
    listed = re.findall(r"^    (\*{0,2}\w+): \S", arguments, re.MULTILINE)
    assert [each.lstrip("*") for each in listed] == list(parameters)
    assert all(each.kind in (each.KEYWORD_ONLY, each.VAR_KEYWORD) for each in list(parameters.values())[2:])
    raised = re.findall(r"^    (\w+): ", told.partition("Raises:\n")[2], re.MULTILINE)
    known = {each.__name__ for each in MmskinError.__subclasses__()} | {"MmskinError", "KeyboardInterrupt"}
    assert raised and set(raised) <= known


def examples(text: str) -> Iterator[ast.Call]:
    """The calls ``mm.…`` in the code blocks of a docstring."""
    for block in re.findall(r"::\n\n((?:    .*\n|\n)+)", text + "\n"):
        if "mm." not in block:
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(block))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("mm."):
                yield node


@pytest.mark.parametrize("name", [*FUNCTIONS, "the package", "the api"])
def test_the_examples_could_be_called(name: str) -> None:
    text = inspect.getdoc({"the package": mm, "the api": mm.api}.get(name, FUNCTIONS.get(name))) or ""
    calls = list(examples(text))
    assert calls
    for call in calls:
        function = FUNCTIONS[ast.unparse(call.func).removeprefix("mm.")]
        keywords = {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
        inspect.signature(function).bind(*map(ast.literal_eval, call.args), **keywords)


def test_the_import_is_light() -> None:
    code = "import sys, mmskin_hub; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not set(HEAVY) & set(loaded)
    assert not [name for name in loaded if name.startswith("mmskin_hub.commands")]


# ---- what is wrong is told before anything is done ----


@pytest.mark.parametrize(
    ("dataset", "given", "said"),
    [
        ("ham1000", {}, "Did you mean ham10000"),
        ("ham10000", {"books": "b.pdf", "ocr": "none"}, "takes no books, no ocr"),
        ("ham10000", {"books": "b.pdf"}, "It takes: out, version, overwrite, raw, workers, split"),
        ("mm_skin", {"raw": "x", "books": "b"}, "takes no raw"),
        ("skinvl_sft", {"books": "x", "variant": "mm"}, "takes no books"),
        ("skinvl_sft", {}, "without variant"),
        ("skinvl_sft", {"variant": "all"}, "all"),
        ("mm_skin", {}, "without books"),
        ("ham10000", {}, "without raw"),
        ("mm_skin", {"books": "b", "ocr": "eyes"}, "'rapidocr', 'doctr'"),
        ("mm_skin", {"books": "b", "workers": 0}, "workers=0"),
        ("mm_skin", {"books": "b", "min_size": 2.5}, "min_size=2.5"),
        ("mm_skin", {"books": "b", "vqa": "me"}, "'rules', 'endpoint'"),
        ("mm_skin", {"books": "b", "vqa": "endpoint"}, "--vqa-endpoint URL"),
        ("ham10000", {"raw": "x", "split": "mine"}, "'grouped', 'paper', 'official'"),
        ("ham10000", {"raw": "x", "max_side": -1}, "max_side=-1"),
        ("mm_skin", {"books": "x", "min_size": None}, "min_size=None is not a whole number"),
        ("ham10000", {"raw": ".", "max_side": None}, "max_side=None is not a whole number"),
        ("skinvl_sft", {"variant": "mm", "data": {"mm_skin": "x"}, "seed": "x"}, "seed='x' is not a whole number"),
        ("mm_skin", {"books": "~nobody-of-that-name/x"}, "no such user"),
        ("ham10000", {"raw": "a\0b"}, "null byte"),
    ],
)
def test_a_build_that_cannot_be_is_wrong_use(dataset: str, given: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(WrongUse) as caught:
        mm.build(dataset, out=tmp_path / "out", **given)
    assert said in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_other_wrong_uses(tmp_path: Path) -> None:
    (tmp_path / "build.json").touch()
    for call, said in (
        (lambda: mm.release(tmp_path / "no", repo="me/x"), "neither build.json nor run.json"),
        (lambda: mm.release(tmp_path, repo="me/x", results="runs/a"), "a dataset takes no results"),
        (lambda: mm.release(tmp_path, repo="me/x", kind="model", full=True), "a model takes no full"),
        (lambda: mm.release(tmp_path, repo="me/x", kind="book"), "kind='book'"),
        (lambda: mm.evaluate("x", tasks="skinvl8", out=tmp_path / "o", dtype="int8"), "dtype='int8'"),
        (lambda: mm.evaluate("x", tasks="skinvl8", out=tmp_path / "o", limit=0), "limit=0"),
        (lambda: mm.evaluate("x", tasks="skinvl8", out=tmp_path / "o"), "Nothing says where"),
        (lambda: mm.evaluate("x", tasks="ham", out=tmp_path / "o"), "ham"),
        (lambda: mm.audit((), against=()), "training sets and test sets"),
        (lambda: mm.train("tini", output=tmp_path / "o"), "tiny"),
        (lambda: mm.train("tiny", output=tmp_path / "o", processes=0), "processes=0"),
        (lambda: mm.merge(tmp_path / "no", out=tmp_path / "o"), "no"),
        (lambda: mm.convert("llava-med", tmp_path / "no", out=tmp_path / "o"), "no"),
        (lambda: mm.convert("bert", tmp_path, out=tmp_path / "o"), "model='bert'"),
        (lambda: mm.rematerialize(tmp_path / "no", out=tmp_path / "o", workers=0), "workers=0"),
        (lambda: mm.rematerialize(tmp_path / "no", out=tmp_path / "o"), "no"),
    ):  # fmt: skip
        with pytest.raises(WrongUse, match=re.escape(said)):
            call()
    (tmp_path / "run.json").touch()
    with pytest.raises(WrongUse, match=r"both build\.json and run\.json"):
        mm.release(tmp_path, repo="me/x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["build.json", "run.json"]


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mmskin_hub.builders.none", None)
    with pytest.raises(MissingExtra, match=r'pip install "mmskin-hub\[build\]"'):
        Dataset("none", "nothing", "mmskin_hub.builders.none", "public", ()).load()


# ---- places and names ----


def test_places_names_and_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert named({"a": "~/x", "b": Path("y"), "c": ["d.json:I", "e.json:I"]}) == (
        "a=/home/me/x", "b=y", "c=d.json:I", "c=e.json:I",
    )  # fmt: skip
    assert named("a=x") == named(["a=x"]) == ("a=x",)
    assert named(Path("x")) == ("x",)
    assert where_of({"a": "x,b=y"}) == {"a": "x,b=y"}
    assert where_of(["a=x,b=y", "c=z"]) == {"a": "x", "b": "y", "c": "z"}
    with pytest.raises(WrongUse, match="a is at 2 places"):
        where_of({"a": ["x", "y"]})
    assert names_of("a, b,,a") == names_of(["a", "b,a"]) == ("a", "b")
    assert text_of("http://host/v1") == "http://host/v1"


# ---- training is another program, and says what it said ----


def test_the_keys_of_a_recipe_arrive_as_they_were_meant(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("trl")
    keys = {"max_steps": 2, "learning_rate": 1e-4, "log_to": ["none", "wandb"], "bf16": False, "stream": True,
            "lr_scheduler_kwargs": {"a": 1}}  # fmt: skip
    record = mm.train(
        "tiny", data={"skinvl_sft": "data/x"}, output="out/x", model="m", resume=True, dry_run=True, **keys, seed=None
    )
    assert record["status"] == "dry run"
    said = shlex.join(record["command"])
    for part in (
        "--data skinvl_sft=data/x --model_name_or_path m --output_dir out/x --resume_from_checkpoint newest",
        "--max_steps 2 --learning_rate 0.0001 --log_to none wandb --bf16 false --stream",
    ):
        assert part in said
    assert "--lr_scheduler_kwargs '{\"a\": 1}'" in said and "--seed" not in said

    line = (
        "--data skinvl_sft=data/x --output out/x --model m --resume --dry-run -- --max_steps 2 --learning_rate=0.0001"
    )
    more = "--log_to none wandb --bf16 false --stream"
    assert main(["train", "tiny", *shlex.split(line), *shlex.split(more), "--lr_scheduler_kwargs", '{"a": 1}']) == 0
    assert capsys.readouterr().out == said + "\n"


def test_what_stands_behind_the_dashes() -> None:
    assert keys_of(["--a", "1", "--b=2", "--c", "--d", "-1", "x"]) == {
        "a": ["1"], "b": ["2"], "c": True, "d": ["-1", "x"],
    }  # fmt: skip
    with pytest.raises(WrongUse, match="without a key"):
        keys_of(["1"])
    with pytest.raises(WrongUse, match="before the --"):
        keys_of(["--data", "x"])


def test_a_run_that_would_mix_with_another_is_refused_in_the_folder_of_the_recipe_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trl")
    from mmskin_hub.training.checkpoints import seal

    monkeypatch.chdir(tmp_path)
    (tmp_path / "written").mkdir()
    (tmp_path / "out" / "tiny").mkdir(parents=True)
    seal(tmp_path / "written", tmp_path / "out" / "tiny" / "checkpoint-1", 1, 1)
    with pytest.raises(OutputExists, match="resume"):
        mm.train("tiny", data={"skinvl_sft": "data/x"})


def test_in_a_notebook_an_event_loop_is_running_already() -> None:
    async def answer() -> threading.Thread:
        return threading.current_thread()

    async def cell() -> threading.Thread:
        return run_to_end(answer())

    assert run_to_end(answer()) is threading.main_thread()
    assert asyncio.run(cell()) is not threading.main_thread()
