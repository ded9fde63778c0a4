"""What a drawn book truly says: the rows that a scorer of pairs reads.

A folder written by :func:`write_truth` holds ``truth.jsonl``: one JSON object a picture with ``drop`` (null, or why
the picture must not be published: annotated, face, other, decoration), ``phash`` (64 hex digits), ``book`` (file
name), ``id``, ``modality``, ``caption`` (without label and credit), ``age`` (years), ``sex``, ``number`` (the label as
printed), ``panel``, ``panel_text``, ``other_panels``, ``style`` and ``page`` (1-based). ``accept``, where present,
lists captions of which each is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def phash(image: Image.Image) -> str:
    """The 255-bit perceptual hash, as 64 hex digits: low DCT terms of a 64 x 64 grey picture against their median."""
    from scipy.fft import dctn

    grey = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.LANCZOS), float)
    terms = dctn(grey, norm="ortho")[:16, :16].ravel()[1:]
    return np.packbits(terms > np.median(terms)).tobytes().hex()


def distance(first: str, second: str) -> int:
    """How many of the 255 bits differ; unrelated pictures differ in about 128."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


@dataclass
class Truth:
    """One picture of a book and the words that belong to it."""

    drop: str | None
    phash: str
    book: str
    id: str
    modality: str
    caption: str
    age: float | None
    sex: str | None
    number: str
    panel: str | None
    panel_text: str | None
    other_panels: list[str]
    style: str
    page: int
    accept: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """The JSON object; ``accept`` only where there is more than one right answer."""
        row = dict(vars(self))
        if not self.accept:
            del row["accept"]
        return row


def write_truth(folder: Path, rows: Iterable[Truth]) -> Path:
    """Write ``folder/truth.jsonl`` and return its path."""
    path = folder / "truth.jsonl"
    path.write_text("".join(json.dumps(row.row(), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
