"""A dataset whose classes have colours, laid out as ``mmskin build`` does, and encoders that count."""

from __future__ import annotations

import colorsys
import io
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mmskin_hub.engine.tables import write_split
from mmskin_hub.registry import PUBLIC
from mmskin_hub.schema import public_features

SPLITS = ("train", "validation", "test")
FACTORY = "python:tests.evals.probes.drawn:means"
BROKEN = "python:tests.evals.probes.drawn:broken"


def coloured(label: int, classes: int, seed: int, noise: float = 0.25, side: int = 24) -> bytes:
    """A picture in the colour of its class, more or less; no two are alike."""
    dice = random.Random(seed)
    hue = (label / classes + dice.uniform(-noise, noise) / classes) % 1.0
    ground = np.array(colorsys.hsv_to_rgb(hue, 0.5, 0.7)) * 255
    speckle = np.random.default_rng(seed).normal(0, 25, (side, side, 3))
    out = io.BytesIO()
    Image.fromarray(np.clip(ground + speckle, 0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def dataset(
    folder: Path,
    name: str = "ham10000",
    groups: int = 140,
    labels: Sequence[int] | None = None,
    splits: Sequence[str] = SPLITS,
    noise: float = 0.25,
    shared: int = 0,
) -> Path:
    """``groups`` lesions with one to three pictures each; a seventh is validation, two sevenths are test.

    ``labels`` are the classes that are there (default: all); the first ``shared`` test lesions have the name of one in
    training.
    """
    classes = PUBLIC[name].classes
    features = public_features(classes)
    kinds = list(range(len(classes))) if labels is None else list(labels)
    rows: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
    kind_of = ("train",) * 4 + ("validation", "test", "test")
    tests = [group for group in range(groups) if kind_of[group % 7] == "test"]
    for group in range(groups):
        split = kind_of[group % 7]
        for picture in range(1 + group % 3):
            seed = group * 10 + picture
            label = kinds[(group // 7) % len(kinds)]
            known: dict[str, Any] = {
                "id": f"row{seed:05d}",
                "image": {"bytes": coloured(label, len(classes), seed, noise), "path": None},
                "label": label,
                "group_id": f"lesion{0 if group in tests[:shared] else group:04d}",
                "sex": ("male", "female", None)[group % 3],
                "age_years": float("nan") if group % 5 == 4 else 20.0 + group % 60,
                "skin_tone": str(1 + group % 6),
                "modality": 0,
                "sha256": str(seed),
            }
            rows[split].append({column: known.get(column) for column in features})
    for split in splits:
        write_split(folder / "data", split, rows[split], features, lambda row: row["sha256"])
    return folder


class Means(torch.nn.Module):
    """The mean colour of each ninth of a picture, through fixed weights: [pictures, 27]. ``seen`` counts pictures."""

    seen = 0

    def __init__(self) -> None:
        super().__init__()
        self.mix = torch.nn.Linear(27, 27, bias=False)
        torch.nn.init.eye_(self.mix.weight)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        Means.seen += len(pictures)
        return self.mix(torch.nn.functional.adaptive_avg_pool2d(pictures, 3).flatten(1))


class Broken(Means):
    """Gives NaN for every tenth picture."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        found = super().forward(pictures)
        return torch.where(torch.arange(len(pictures))[:, None] % 10 == 9, torch.nan, found)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """[3, height, width], from 0 to 1."""
    return torch.from_numpy(np.asarray(image, dtype=np.float32) / 255).permute(2, 0, 1)


def means() -> tuple[torch.nn.Module, Any]:
    """What ``python:`` encoders are made by."""
    return Means(), to_tensor


def broken() -> tuple[torch.nn.Module, Any]:
    """An encoder whose features are not all numbers."""
    return Broken(), to_tensor


def clouds(
    rows: int, columns: int, classes: int, seed: int = 0, apart: float = 1.0, skewed: bool = False
) -> tuple[Any, Any]:
    """Features in clouds around class means, with columns of very different sizes, and their classes."""
    dice = np.random.default_rng(seed)
    shares = np.linspace(1, 6, classes) if skewed else np.ones(classes)
    y = dice.choice(classes, rows, p=shares / shares.sum())
    y[:classes] = np.arange(classes)
    sizes = np.arange(1, columns + 1) ** -0.7
    turn = np.linalg.qr(dice.normal(size=(columns, columns)))[0]
    x = ((dice.normal(size=(rows, columns)) + apart * dice.normal(size=(classes, columns))[y]) * sizes) @ turn + 3.0
    return x.astype(np.float32), y.astype(np.int64)


def pairs(rows: int) -> Iterator[str]:
    """Groups of two neighbouring rows."""
    return (f"g{row // 2}" for row in range(rows))
