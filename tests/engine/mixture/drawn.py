"""Datasets for mixtures, drawn in code: folders as mmskin leaves them, and files as the original release has them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from datasets import ClassLabel, Dataset, Features, Image, Value
from PIL import Image as Pillow

from mmskin_hub.curate.pipeline import perceptual_hash
from mmskin_hub.schema import captions_features, demographics_features, open_vqa_features

CLASSES = ("Melanoma", "Nevus", "Basal cell carcinoma")
_SPLITS = ("train", "train", "train", "train", "validation", "test")


def photo(seed: int, size: int = 96) -> Pillow.Image:
    """A picture unlike that of any other seed: eight by eight coloured patches, blurred into one another."""
    patches = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Pillow.fromarray(patches).resize((size, size), Pillow.Resampling.BICUBIC)


def encoded(image: Pillow.Image, quality: int = 92) -> bytes:
    """``image`` as JPEG."""
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return target.getvalue()


def public_row(seed: int, split: str, **other: Any) -> dict[str, Any]:
    """A row of a public classification set, with ids of its own unless ``other`` says otherwise."""
    row: dict[str, Any] = {
        "image": encoded(photo(seed)),
        "image_id": f"IMG_{seed}",
        "label": CLASSES[seed % len(CLASSES)],
        "label_text": "as the source has it",
        "modality": "clinical",
        "patient_id": f"P{seed}",
        "lesion_id": f"L{seed}",
        "licence": "CC BY 4.0",
        "split": split,
    }
    return {**row, **other}


def public_rows(first: int, count: int) -> list[dict[str, Any]]:
    """``count`` rows of ``count`` pictures in all three splits, the first of seed ``first``."""
    return [public_row(first + n, _SPLITS[n % len(_SPLITS)]) for n in range(count)]


def public_features(classes: Sequence[str] = CLASSES) -> Features:
    """The columns of the public sets."""
    words = ("label_text", "binary", "modality", "patient_id", "lesion_id", "sex", "skin_tone", "site")
    return Features(
        {
            "image": Image(),
            "image_id": Value("string"),
            "label": ClassLabel(names=list(classes)),
            **{name: Value("string") for name in words},
            "age_years": Value("float32"),
            "source_url": Value("string"),
            "licence": Value("string"),
            "split": Value("string"),
        }
    )


def built(
    folder: Path, dataset: str, rows: Sequence[dict[str, Any]], version: str = "1.0.0", classes: Sequence[str] = CLASSES
) -> Path:
    """The folder of a public set as ``mmskin build`` leaves it."""
    features = public_features(classes)
    for split in dict.fromkeys(row["split"] for row in rows):
        own = [{**dict.fromkeys(features), **row} for row in rows if row["split"] == split]
        for row in own:
            row["image"] = {"bytes": row["image"], "path": f"{row['image_id']}.jpg"}
        _parquet(folder / "data" / f"{split}-00000-of-00001.parquet", own, features)
    return _record(folder, dataset, version)


def mm_skin(folder: Path, pictures: int = 12, first: int = 5000, version: str = "1.0.0") -> Path:
    """The folder of an MM-Skin of ``pictures`` pictures in its three configs, two questions for each."""
    tables: dict[str, dict[str, list[dict[str, Any]]]] = {"captions": {}, "open_vqa": {}, "demographics": {}}
    for place in range(pictures):
        split, name = _SPLITS[place % len(_SPLITS)], f"book-p{place:04d}-f1"
        image = photo(first + place)
        picture = {"bytes": encoded(image), "path": f"{name}.jpg"}
        pair = {
            "id": name, "image": picture, "caption": f"Plaques number {place}.", "raw_caption": "", "figure_label": "",
            "panel": "", "modality": "clinical", "modality_score": 0.9, "pair_score": 0.9, "age_years": 40.0,
            "sex": "female", "book": "book", "page": place, "bbox": [0.0] * 4, "phash": perceptual_hash(image),
        }  # fmt: skip
        tables["captions"].setdefault(split, []).append(pair)
        asked = {"age_group": "adult", "question": f"How old is patient {place}?", "answer": "40 years old, female"}
        tables["demographics"].setdefault(split, []).append({**pair, **asked})
        for number, kind in enumerate(("diagnosis", "colour")):
            tables["open_vqa"].setdefault(split, []).append(
                {
                    "id": f"{name}-q{number}",
                    "image": picture,
                    "question": f"What {kind} is it?",
                    "answer": "Red.",
                    "question_type": kind,
                    "closed": False,
                    "modality": "clinical",
                    "grounding": 1.0,
                    "writer": "rules-1",
                    "caption_id": name,
                }
            )
    features = {"captions": captions_features(), "open_vqa": open_vqa_features()}
    for config, splits in tables.items():
        for split, rows in splits.items():
            file = folder / config / f"{split}-00000-of-00001.parquet"
            _parquet(file, rows, features.get(config) or demographics_features())
    return _record(folder, "mm_skin", version)


def _parquet(file: Path, rows: list[dict[str, Any]], features: Features) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Dataset.from_list(rows, features=features).to_parquet(file)


def _record(folder: Path, dataset: str, version: str) -> Path:
    (folder / "build.json").write_text(json.dumps({"dataset": dataset, "version": version}), encoding="utf-8")
    return folder


def pictures(folder: Path, seeds: Sequence[int]) -> Path:
    """``<seed>.jpg`` for every seed, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / f"{seed}.jpg").write_bytes(encoded(photo(seed)))
    return folder
