"""Small datasets for every task, in the layout that ``mmskin build`` writes; one of them is built by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmskin_hub.cli import main
from mmskin_hub.engine.tables import write_split
from mmskin_hub.evals.protocol import CLASSIFIED, VQA_DATASET
from mmskin_hub.registry import PUBLIC
from mmskin_hub.schema import open_vqa_features, public_features
from tests.builders.drawn_public import lay, picture, table

DIAGNOSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
QUESTIONS = (
    ("What does the image show?", "It shows a wart.", False),
    ("Is the lesion red?", "Yes, it is red.", True),
    ("Where is it?", "On the left hand.", False),
    ("Is it ulcerated?", "No.", True),
)


def ham10000(folder: Path, rows: int = 70) -> Path:
    """HAM10000 in its official layout, drawn, and built by the command."""
    cells = [(f"HAM_{n:07d}", f"ISIC_{n:07d}", DIAGNOSES[n % 7], "histo", "50.0", "male", "back") for n in range(rows)]
    columns = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    pictures = {f"HAM10000_images_part_1/ISIC_{n:07d}.jpg": picture(n) for n in range(rows)}
    lay(folder / "raw", {"HAM10000_metadata": table(columns, cells), **pictures})
    assert main(["build", "ham10000", "--raw", str(folder / "raw"), "--out", str(folder / "ham10000"), "--json"]) == 0
    return folder / "ham10000"


def classified(folder: Path, dataset: str, rows: int = 6, seed: int = 0) -> Path:
    """The test split of a dataset with the classes of the registry."""
    classes = PUBLIC[dataset].classes
    features = public_features(classes)
    drawn = []
    for number in range(rows):
        known: dict[str, Any] = {
            "id": f"{dataset}-{number}",
            "image": {"bytes": picture((dataset, number, seed)), "path": None},
            "label": number % len(classes),
            "group_id": f"group{number}",
            "sha256": str(number),
        }
        drawn.append({name: known.get(name) for name in features})
    write_split(folder / "data", "test", drawn, features, lambda row: row["sha256"])
    return folder


def open_vqa(folder: Path) -> Path:
    """The test split of the config ``open_vqa``."""
    rows = [
        {
            "id": f"pair-q{number}",
            "image": {"bytes": picture("pair"), "path": None},
            "question": question,
            "answer": answer,
            "question_type": 0,
            "closed": closed,
            "modality": 0,
            "grounding": 1.0,
            "writer": "rules-1",
            "caption_id": "pair",
        }
        for number, (question, answer, closed) in enumerate(QUESTIONS)
    ]
    write_split(folder / "open_vqa", "test", rows, open_vqa_features(), lambda row: row["caption_id"])
    return folder


def everything(folder: Path) -> str:
    """Every dataset that a task needs, as MMSKIN_DATA says where they are."""
    places = {name: classified(folder / name, name) for name in CLASSIFIED}
    places[VQA_DATASET] = open_vqa(folder / VQA_DATASET)
    return ",".join(f"{name}={place}" for name, place in places.items())
