"""A trained model asked as any user of transformers would ask it, and how many of its answers are right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.drawing import shapes

BATCH = 32


def answers(folder: Path, asked: Sequence[tuple[str, Any]]) -> list[str]:
    """What the model in ``folder`` says to (question, picture): loaded as any user of transformers would."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    said = []
    for first in range(0, len(asked), BATCH):
        part = asked[first : first + BATCH]
        messages = [[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": q}]}] for q, _ in part]
        texts = [processor.apply_chat_template(each, add_generation_prompt=True) for each in messages]
        inputs = processor(text=texts, images=[[p] for _, p in part], padding=True, padding_side="left",
                           return_tensors="pt")  # fmt: skip
        with torch.inference_mode():
            made = model.generate(**inputs, max_new_tokens=24, do_sample=False)
        said += processor.batch_decode(made[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [each.strip() for each in said]


def share(given: Sequence[str], wanted: Sequence[str]) -> float:
    """How many are the same, 0 to 1."""
    return sum(one == other for one, other in zip(given, wanted, strict=True)) / len(wanted)


def rows(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    """The rows of a built mixture."""
    import pyarrow.parquet as pq

    for file in sorted(folder.rglob(f"{split}-*.parquet")):
        yield from pq.read_table(file).to_pylist()


def held_out(folder: Path, scenes: int = 64) -> dict[str, Any]:
    """Shares of right answers to every question about scenes that were never trained on.

    ``right``: with the scene's own picture; ``wrong``: with that of another; ``same``: how often that one has the same
    answer, so what ``wrong`` is for one who answers what the picture shows; ``kinds``: ``right`` of each kind.
    """
    own = [shapes.scene(shapes.HELD_OUT + 1000 + number) for number in range(scenes)]
    others = own[21:] + own[:21]
    wanted = [scene.answer(kind) for scene in own for kind in shapes.QUESTIONS]
    elsewhere = [scene.answer(kind) for scene in others for kind in shapes.QUESTIONS]
    right = answers(folder, [(q, shapes.draw(scene)) for scene in own for q in shapes.QUESTIONS.values()])
    wrong = answers(folder, [(q, shapes.draw(scene)) for scene in others for q in shapes.QUESTIONS.values()])
    kinds = {kind: share(right[n::3], wanted[n::3]) for n, kind in enumerate(shapes.QUESTIONS)}
    found = {"right": share(right, wanted), "wrong": share(wrong, wanted), "same": share(elsewhere, wanted)}
    return {**found, "kinds": kinds, "questions": len(wanted)}


def balanced(folder: Path, data: Path) -> dict[str, Any]:
    """Recall of each class among the validation rows of a built mixture, and its mean over the classes."""
    import io

    from PIL import Image

    own = list(rows(data, "validation"))
    asked = [(row["prompt"][0]["content"], Image.open(io.BytesIO(row["images"][0]["bytes"]))) for row in own]
    truth = [row["completion"][0]["content"] for row in own]
    given = answers(folder, asked)
    places = {name: [place for place, true in enumerate(truth) if true == name] for name in sorted(set(truth))}
    recall = {name: share([given[place] for place in each], [name] * len(each)) for name, each in places.items()}
    right, most = share(given, truth), max(len(each) for each in places.values()) / len(truth)
    return {"balanced": sum(recall.values()) / len(recall), "recall": recall, "rows": len(truth), "accuracy": right,
            "most_frequent": most}  # fmt: skip
