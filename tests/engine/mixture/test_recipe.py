"""A recipe says what it means, and a wrong line is refused with its number."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmskin_hub.engine.mixture.recipe import Share, read_recipe
from mmskin_hub.errors import WrongUse


def read(text: str, variant: str = "pub"):  # type: ignore[no-untyped-def]
    return read_recipe(Path("mine.yaml"), variant, text)


def test_weights_caps_and_pools() -> None:
    recipe = read("pub:\n  a: {weight: 2.5, cap: 10}\n  b:\n  c: {required: true, configs: {x: {cap: 3}}}\n")
    a, b, c = recipe.entries.values()
    assert (a.share, b.share, c.share) == (Share(2.5, 10), Share(), Share())
    assert (a.required, c.required, b.version) == (False, True, None)
    assert (c.pool("x"), c.pool("y"), c.share_of("x"), c.share_of("y")) == ("c/x", "c", Share(None, 3), Share())
    assert recipe.digest != read("pub:\n  a:\n").digest


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a: {weight: -1}", "line 3 gives a the weight -1"),
        ("a: {weight: 0}", "line 3 gives a the weight 0"),
        ("a: {weight: .inf}", "line 3 gives a the weight inf"),
        ("a: {weight: .nan}", "line 3 gives a the weight nan"),
        ("a: {weight: true}", "line 3 gives a the weight True"),
        ("a: {weight: much}", "line 3 gives a the weight 'much'"),
        ("a: {cap: 0}", "line 3 gives a the cap 0"),
        ("a: {cap: 1.5}", "line 3 gives a the cap 1.5"),
        ("a: {cap: '10'}", "line 3 gives a the cap '10'"),
        ("a: {required: 1}", "line 3 gives a the required 1"),
        ("a: {version: '1'}", "line 3 gives a the version '1'"),
        ("a: {wieght: 1}", "line 3 gives source a an unknown 'wieght'; did you mean 'weight'"),
        ("a: {configs: {x: {version: 1.0.0}}}", "line 3 gives a/x an unknown 'version'"),
        ("a: {configs: [x]}", "line 3 is not a list of names"),
        ("a: 5", "line 3 is not a list of names"),
        ("a: {weight: 1, weight: 2}", "line 3 says 'weight' a second time"),
        ("a:\n  a:", "line 4 says 'a' a second time"),
        ("a: {", "is not YAML"),
        ("a: {weight: !!python/name:os.system x}", "line 3 holds a value"),
    ],
)
def test_a_wrong_line_is_named(line: str, says: str) -> None:
    with pytest.raises(WrongUse) as error:
        read(f"pub:\n  b:\n  {line}\n")
    assert "mine.yaml" in str(error.value)
    assert says in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "pub", "pub:\n", "mm:\n  a:\n"])
def test_a_file_without_the_variant_is_refused(text: str) -> None:
    with pytest.raises(WrongUse, match=r"mine\.yaml"):
        read(text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"none\.yaml"):
        read_recipe(tmp_path / "none.yaml", "pub")
