"""Every public module, class, function and method says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT

FILES = sorted(path for part in ("mmskin_hub", "builders", "recipes", "cards") for path in (ROOT / part).rglob("*.py"))
Defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Defined]]:
    """What a module offers, methods of its public classes included; what stands within a function is its own affair."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Defined) and not node.name.startswith("_"):
            yield f"{prefix}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from public(node, prefix)


def is_said_elsewhere(node: Defined) -> bool:
    """The setter of a property, whose getter says it."""
    return any(isinstance(each, ast.Attribute) and each.attr == "setter" for each in node.decorator_list)


@pytest.mark.parametrize("part", ["mmskin_hub", "builders", "recipes", "cards"])
def test_everything_public_has_a_docstring(part: str) -> None:
    silent = []
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        if name.split("/")[0] != part:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        silent += [name] if not ast.get_docstring(tree) else []
        silent += [
            f"{name}:{node.lineno} {called}"
            for called, node in public(tree)
            if not ast.get_docstring(node) and not is_said_elsewhere(node)
        ]
    assert not silent
