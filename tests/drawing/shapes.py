"""Training data drawn in code: one shape of one colour in one corner, and questions that only the picture answers.

``write_mixture(folder)`` leaves what ``mmskin build skinvl_sft`` would: Parquet files of the same columns and a
``build.json``. A *scene* is decided by its number alone; those from :data:`HELD_OUT` on are never trained on. Shape,
colour and corner are independent and equally frequent, so who does not see the picture is right one time in four.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

SHAPES = ("circle", "square", "triangle", "cross")
COLOURS = {"red": (214, 40, 40), "green": (34, 160, 70), "blue": (40, 80, 215), "yellow": (240, 205, 40)}
CORNERS = {"top left": (0, 0), "top right": (1, 0), "bottom left": (0, 1), "bottom right": (1, 1)}
QUESTIONS = {
    "shape": "What shape is shown?",
    "colour": "What colour is the shape?",
    "corner": "In which corner is the shape?",
}
ANSWERS = {"shape": SHAPES, "colour": tuple(COLOURS), "corner": tuple(CORNERS)}
CHANCE = 0.25
"""Share of right answers of one who does not see the picture: four answers to each kind, all equally frequent."""
HELD_OUT = 1_000_000
"""The first number of a scene that is never trained on."""
SIDE = 64
"""Width and height of a picture, in pixels."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What one picture shows."""

    number: int
    shape: str
    colour: str
    corner: str

    @property
    def name(self) -> str:
        """The id of the picture."""
        return f"scene-{self.number:07d}"

    def answer(self, kind: str) -> str:
        """What the picture says to ``QUESTIONS[kind]``."""
        return str(getattr(self, kind))


def scene(number: int) -> Scene:
    """The scene of a number: 64 neighbours from a multiple of 64 on show every combination once."""
    first = number - number % 64
    which = int(np.random.default_rng(first).permutation(64)[number % 64])
    return Scene(number, SHAPES[which % 4], tuple(COLOURS)[which // 4 % 4], tuple(CORNERS)[which // 16])


def draw(shown: Scene, side: int = SIDE) -> Image.Image:
    """The picture of a scene, ``side`` × ``side`` pixels: place, size, shade and grain differ from scene to scene."""
    random = np.random.default_rng([7, shown.number])
    ground = random.normal(random.integers(90, 200), 6, (side, side, 3)).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(ground)
    size = side * random.uniform(0.36, 0.44)
    column, row = CORNERS[shown.corner]
    left, top = (side / 2 * place + random.uniform(0.03, 0.47 - size / side) * side for place in (column, row))
    shade = random.integers(-22, 23, 3)
    colour = tuple(int(part) for part in (np.array(COLOURS[shown.colour]) + shade).clip(0, 255))
    _paint(ImageDraw.Draw(picture), shown.shape, (left, top, left + size, top + size), colour)
    return picture


def _paint(pen: ImageDraw.ImageDraw, shape: str, box: tuple[float, ...], colour: tuple[int, ...]) -> None:
    left, top, right, bottom = box
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    elif shape == "triangle":
        pen.polygon([((left + right) / 2, top), (left, bottom), (right, bottom)], fill=colour)
    else:
        third = (right - left) / 3
        pen.rectangle((left + third, top, right - third, bottom), fill=colour)
        pen.rectangle((left, top + third, right, bottom - third), fill=colour)


def encoded(picture: Image.Image, form: str = "PNG") -> bytes:
    """``picture`` as the bytes of a file."""
    target = io.BytesIO()
    picture.save(target, form)
    return target.getvalue()


@lru_cache(maxsize=8)
def _file(shown: Scene, side: int) -> bytes:
    return encoded(draw(shown, side))


def row(shown: Scene, kind: str, side: int = SIDE, **other: Any) -> dict[str, Any]:
    """One question about one scene as a row of a mixture; ``other`` overrides columns."""
    data = _file(shown, side)
    digest = hashlib.sha256(data).hexdigest()
    made: dict[str, Any] = {
        "id": f"shapes/default/{shown.name}-{kind}",
        "images": [{"bytes": data, "path": f"{digest[:16]}.png"}],
        "prompt": [{"role": "user", "content": QUESTIONS[kind]}],
        "completion": [{"role": "assistant", "content": shown.answer(kind)}],
        "source": "shapes",
        "config": "default",
        "task": "vqa",
        "weight": 1.0,
        "modality": None,
        "image_id": shown.name,
        "patient_id": None,
        "lesion_id": None,
        "image_sha256": digest,
        "phash": None,
        "licence": "CC0-1.0",
    }
    return {**made, **other}


def rows(numbers: Iterable[int], kinds: Sequence[str] = tuple(QUESTIONS), side: int = SIDE) -> list[dict[str, Any]]:
    """Every question of ``kinds`` about every scene of ``numbers``; those about one picture side by side."""
    return [row(scene(number), kind, side) for number in numbers for kind in kinds]


def write_mixture(
    folder: Path,
    pictures: int = 64,
    validation: int = 16,
    *,
    kinds: Sequence[str] = tuple(QUESTIONS),
    side: int = SIDE,
    **record: Any,
) -> Path:
    """A built mixture of so many pictures, all ``kinds`` of questions about each; ``record`` goes into build.json."""
    splits = {
        "train": rows(range(pictures), kinds, side),
        "validation": rows(range(HELD_OUT, HELD_OUT + validation), kinds, side),
    }
    return write_rows(folder, splits, **record)


def write_rows(folder: Path, splits: dict[str, list[dict[str, Any]]], **record: Any) -> Path:
    """A built mixture of these rows, written as the builder writes it; an empty split has no file."""
    from mmskin_hub.engine.mixture.items import mixture_features
    from mmskin_hub.engine.tables import write_split

    sizes: dict[str, Any] = {}
    for split, own in splits.items():
        size = write_split(folder / "data", split, own, mixture_features(), lambda row: row["image_id"] or row["id"])
        if size is not None:
            sizes[split] = {"rows": size.rows, "bytes": size.bytes}
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"dataset": "skinvl_sft", "version": "1.0.0", "variant": "pubmm", "configs": {"default": sizes}, **record}
    (folder / "build.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
    return folder
