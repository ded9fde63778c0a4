"""docs/api.md is what the docstrings say, and shows the whole of what can be called."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import subprocess
import sys

import pytest

import mmskin_hub
from tests.docs.pages import ROOT, anchors, text_of

pytest.importorskip("griffe")
SCRIPT, PAGE = ROOT / "docs" / "make_api.py", ROOT / "docs" / "api.md"


def test_writing_it_again_changes_nothing() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_function_of_the_api_is_on_it() -> None:
    headings = anchors(PAGE)
    for name in mmskin_hub.__all__:
        if not name.startswith("_"):
            assert f"mm{name}" in headings, name


def test_what_it_calls_public_is_there() -> None:
    spec = importlib.util.spec_from_file_location("make_api", SCRIPT)
    assert spec and spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    for module, names in script.PUBLIC.items():
        found = importlib.import_module(module)
        assert {name for name in names if not hasattr(found, name)} == set(), module


def test_no_role_of_restructuredtext_is_left() -> None:
    text = text_of(PAGE)
    assert ":class:`" not in text and ":func:`" not in text and "``" not in text.replace("```", "")


def test_every_argument_is_explained() -> None:
    for name in mmskin_hub.__all__:
        member = getattr(mmskin_hub, name)
        if not callable(member):
            continue
        told = inspect.getdoc(member) or ""
        silent = [argument for argument in inspect.signature(member).parameters if f"{argument}:" not in told]
        assert not silent, f"mm.{name} does not explain {silent}"
