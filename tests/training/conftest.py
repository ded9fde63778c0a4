"""Small models and mixtures for the tests of training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.drawing import shapes
from tests.drawing.models import DRAWN

pytest.importorskip("trl")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``base("llava")``: the folder of the tiny model of that type, drawn once."""
    folder = tmp_path_factory.mktemp("bases")

    def drawn(name: str) -> Path:
        return folder / name if (folder / name).is_dir() else DRAWN[name](folder / name)

    return drawn


@pytest.fixture(scope="session")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built mixture of 24 rows about 8 pictures, and 6 validation rows."""
    return shapes.write_mixture(tmp_path_factory.mktemp("mixture") / "shapes", 8, 2)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., tuple[Any, Any, Any]]:
    """``settings(key=value, …)``: the three classes of arguments, as the command line would make them."""
    from mmskin_hub.training.arguments import read_arguments

    def made(**given: Any) -> tuple[Any, Any, Any]:
        usual = {"output_dir": tmp_path / "out", "bf16": "false", "gradient_checkpointing": "false", "log_to": "none"}
        options = []
        for key, value in {**usual, **given}.items():
            if value == []:
                continue
            options += [f"--{key}", *(map(str, value) if isinstance(value, list) else [str(value)])]
        return read_arguments(options)

    return made
