"""Drawn data and drawn base models for the tests of the recipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.drawing import shapes
from tests.drawing.models import DRAWN


@pytest.fixture(scope="session")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built mixture: 64 scenes, every question about each (192 rows), and 16 held-out scenes."""
    return shapes.write_mixture(tmp_path_factory.mktemp("mixture") / "shapes", 64, 16)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``base("llava")``: the folder of the tiny model of that type, drawn once."""
    folder = tmp_path_factory.mktemp("bases")

    def drawn(name: str) -> Path:
        return folder / name if (folder / name).is_dir() else DRAWN[name](folder / name)

    return drawn
