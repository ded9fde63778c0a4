"""Tiny models drawn once for all tests of models, and pictures to show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.drawing.models import DRAWN


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a drawn model by its type, drawn at the first use."""
    made: dict[str, Path] = {}

    def draw(kind: str) -> Path:
        if kind not in made:
            made[kind] = DRAWN[kind](tmp_path_factory.mktemp("models") / kind)
        return made[kind]

    return draw


@pytest.fixture
def load(folder: Callable[[str], Path]) -> Callable[..., Any]:
    """A drawn model, loaded anew; further arguments go to ``load_model``."""
    import torch

    from mmskin_hub.evals.model.load import load_model

    torch.set_num_threads(1)

    def loaded(kind: str, **options: Any) -> Any:
        return load_model(str(folder(kind)), **{"batch_size": 4, **options})

    return loaded


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """Four pictures of noise in four shapes."""
    rng = np.random.default_rng(5)
    sizes = ((90, 120), (60, 120), (120, 100), (56, 56))
    return [Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]
