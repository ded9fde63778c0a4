"""Rows become batches, and are looked at before the first step."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.errors import MmskinError
from mmskin_hub.training.collate import FACTS, FAILURE, IGNORED, Collator, Renderer, answer_of
from mmskin_hub.training.data import Example
from mmskin_hub.training.lengths import Limits, PictureTokens, index_key, keep, kept, look
from tests.drawing import shapes
from tests.drawing.models import DRAWN

ROWS = shapes.rows(range(4), side=70)
LONG = shapes.row(shapes.scene(9), "shape", 130, completion=[{"role": "assistant", "content": "a circle " * 40}])


def collator_of(folder: Path) -> Collator:
    from transformers import AutoProcessor

    return Collator(AutoProcessor.from_pretrained(folder))


def numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "row": number} for number, row in enumerate(rows)]


@pytest.mark.parametrize("name", DRAWN)
def test_only_the_answer_is_learned_and_lengths_are_right(name: str, base: Callable[[str], Path]) -> None:
    from PIL import Image

    collator = collator_of(base(name))
    rows = [*ROWS, LONG]
    batch = collator.batch(numbered(rows))
    tokenizer = collator.processor.tokenizer
    for row, ids, labels in zip(rows, batch["input_ids"], batch["labels"], strict=True):
        learned = tokenizer.decode(labels[labels != IGNORED], skip_special_tokens=True)
        assert learned.strip() == answer_of(row).strip()
        assert int(labels[labels != IGNORED][-2 if name != "llava" else -1]) in tokenizer.all_special_ids  # to stop
        assert ((labels == IGNORED) | (labels == ids)).all()
    sizes = [Image.open(io.BytesIO(row["images"][0]["bytes"])).size[::-1] for row in rows]
    renderer = collator.renderer
    rendered = [renderer.render(row["prompt"], answer_of(row), 1) for row in rows]
    pictures = PictureTokens(renderer)
    lengths = [text + more for (text, _), more in zip(renderer.learned(rendered), pictures.of(sizes), strict=True)]
    assert lengths == batch["attention_mask"].sum(dim=1).tolist()
    assert [pictures.measured(size) for size in sizes] == pictures.of(sizes)
    assert batch[FACTS] == {
        "rows": list(range(len(rows))),
        "tokens": sum(lengths),
        "slots": batch["input_ids"].numel(),
    }


@pytest.mark.parametrize("name", DRAWN)
def test_training_sees_what_generation_sees(name: str, base: Callable[[str], Path]) -> None:
    """The tokens before the answer are those of the processor's own chat template, BOS and all."""
    collator = collator_of(base(name))
    row = ROWS[0]
    batch = collator.batch(numbered([row]))
    start = int((batch["labels"][0] != IGNORED).nonzero()[0])
    picture = shapes.draw(shapes.scene(0), 70)
    said = [{"role": "user", "content": [{"type": "image", "image": picture},
                                         {"type": "text", "text": row["prompt"][0]["content"]}]}]  # fmt: skip
    own = collator.processor.apply_chat_template(
        said, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )["input_ids"][0]
    assert batch["input_ids"][0, :start].tolist() == own.tolist()[: int(start)]
    assert len(own) - start <= 1  # a template may end in a space that belongs to the answer
    asked = collator.prompts([Example("x", row["prompt"], [picture], "")])
    assert asked["input_ids"][0].tolist() == own.tolist()


def test_a_template_without_an_end_gets_one(base: Callable[[str], Path]) -> None:
    collator = collator_of(base("llava"))
    collator.processor.chat_template = collator.processor.chat_template.replace("eos_token", "' '")
    rendered = Renderer(collator.processor).render([{"role": "user", "content": "What?"}], "A circle.", 1)
    assert rendered.full.endswith(" A circle.</s>")


def test_rows_with_and_without_a_picture_make_a_batch(base: Callable[[str], Path]) -> None:
    for name in DRAWN:
        batch = collator_of(base(name)).batch(numbered([ROWS[0], {**ROWS[1], "images": []}]))
        assert batch["input_ids"].shape[0] == 2


def test_a_picture_that_cannot_be_read_names_its_row(base: Callable[[str], Path]) -> None:
    data = ROWS[0]["images"][0]["bytes"]
    broken = {**ROWS[0], "id": "shapes/broken", "images": [{"bytes": data[: len(data) // 2], "path": None}]}
    failure = collator_of(base("llava"))(numbered([ROWS[1], broken]))[FAILURE]
    assert "shapes/broken" in failure[0]


def test_pictures_are_turned_as_their_exif_says(base: Callable[[str], Path]) -> None:
    from PIL import Image

    from mmskin_hub.training.collate import decode
    from mmskin_hub.training.lengths import _size

    target = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(target, "JPEG", exif=exif)
    assert decode({"bytes": target.getvalue(), "path": None}, "x").size == (20, 40)
    for how in ("decode", "header"):
        assert _size([target.getvalue()], how) == (40, 20)  # height, width


def look_at(folder: Path, collator: Collator, tokens: int | None = None, **more: Any) -> Any:
    return look(sorted((folder / "data").glob("train*")), "train", collator.renderer, Limits(tokens, **more))


def test_what_is_too_long_is_listed(tmp_path: Path, base: Callable[[str], Path]) -> None:
    folder = shapes.write_rows(tmp_path / "data", {"train": [*ROWS, LONG]})
    looked = look_at(folder, collator_of(base("llava")), 120)
    assert looked.read == 13
    assert looked.index.num_rows == 12
    (reject,) = looked.rejects
    assert reject["id"] == LONG["id"] and reject["reason"] == "too_long" and reject["tokens"] > reject["limit"] == 120
    assert look_at(folder, collator_of(base("llava"))).rejects == []


def test_the_index_is_kept_and_made_anew_when_something_changed(tmp_path: Path, base: Callable[[str], Path]) -> None:
    folder = shapes.write_rows(tmp_path / "data", {"train": [*ROWS, LONG]})
    collator = collator_of(base("llava"))
    looked = look_at(folder, collator, 120)
    key = index_key({"a": "1"}, collator.processor, Limits(120))
    keep(tmp_path / "index" / "train.parquet", key, looked)
    again = kept(tmp_path / "index" / "train.parquet", key)
    assert again is not None
    assert again.index.to_pylist() == looked.index.to_pylist()
    assert (again.rejects, again.read) == (looked.rejects, looked.read)
    others = [
        index_key({"a": "2"}, collator.processor, Limits(120)),
        index_key({"a": "1"}, collator.processor, Limits(121)),
        index_key({"a": "1"}, collator_of(base("idefics3")).processor, Limits(120)),
    ]
    assert len({key, *others}) == 4
    assert kept(tmp_path / "index" / "train.parquet", others[0]) is None
    assert key == index_key({"a": "1"}, collator_of(base("llava")).processor, Limits(120))


BROKEN = {
    "no picture": ({"images": []}, "has no picture"),
    "two pictures": ({"images": ROWS[0]["images"] * 2, "image_sha256": "x"}, "more than one picture"),
    "no question": ({"prompt": [{"role": "user", "content": ""}]}, "asks nothing"),
    "no answer": ({"completion": [{"role": "assistant", "content": " "}]}, "has no answer"),
    "two answers": ({"completion": ROWS[0]["completion"] * 2}, "has no answer"),
    "image token": ({"prompt": [{"role": "user", "content": "<image> What?"}]}, "stands for a picture"),
    "no bytes": ({"images": [{"bytes": b"", "path": "a.png"}], "image_sha256": "y"}, "cannot be read"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_row_is_named(what: str, tmp_path: Path, base: Callable[[str], Path]) -> None:
    changed, said = BROKEN[what]
    rows = [*ROWS[:2], {**ROWS[2], "id": "shapes/the-one", **changed}]
    folder = shapes.write_rows(tmp_path / "data", {"train": rows})
    with pytest.raises(MmskinError, match=said) as caught:
        look_at(folder, collator_of(base("llava")))
    assert "shapes/the-one" in str(caught.value)
    if what == "no picture":
        assert look_at(folder, collator_of(base("llava")), text_rows=True).index.num_rows == 3


@pytest.mark.parametrize("how", ["decode", "header"])
def test_half_a_jpeg_is_found_before_the_first_step_only_by_decoding(
    how: str, tmp_path: Path, base: Callable[[str], Path]
) -> None:
    data = shapes.encoded(shapes.draw(shapes.scene(1), 200), "JPEG")
    row = {**ROWS[2], "images": [{"bytes": data[: len(data) // 2], "path": None}], "image_sha256": "z"}
    folder = shapes.write_rows(tmp_path / "data", {"train": [ROWS[0], row]})
    if how == "decode":
        with pytest.raises(MmskinError, match=r"1 rows of train .* the first is shapes"):
            look_at(folder, collator_of(base("llava")), pictures=how)
    else:
        assert look_at(folder, collator_of(base("llava")), pictures=how).index.num_rows == 2


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("answer", ["s", "end", "no", " a nevus "])
def test_the_end_is_said_once(name: str, answer: str, base: Callable[[str], Path]) -> None:
    """``s`` and ``end`` stand in end tokens too."""
    renderer = collator_of(base(name)).renderer

    def behind(words: str) -> str:
        rendered = renderer.render([{"role": "user", "content": "What is it?"}], words, 0)
        assert rendered.full.startswith(rendered.prompt)
        return rendered.full[len(rendered.prompt) :].strip().removeprefix(words.strip()).strip()

    assert behind(answer) == behind("melanoma") != ""
