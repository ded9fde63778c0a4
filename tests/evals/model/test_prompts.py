"""The chat template is applied once, answers begin where it says, and cutting never touches a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.model.api import Ask
from mmskin_hub.evals.model.prompts import Prompts
from tests.drawing.models import DRAWN, tiny_llava

Load = Callable[..., Any]


@pytest.fixture
def ask(pictures: list[Image.Image]) -> Ask:
    return Ask("s", "Which one is the diagnosis?", (pictures[0],))


@pytest.mark.parametrize("kind", DRAWN)
def test_template_once_and_one_bos(load: Load, ask: Ask, kind: str) -> None:
    model = load(kind)
    text = model.render(ask)
    assert text.count("Which one is the diagnosis?") == 1
    ids = model._encoder.encode(ask).ids.tolist()
    bos = model.tokenizer.bos_token_id
    assert ids.count(bos) == (0 if "qwen" in kind else 1)
    assert bos not in ids[1:]


def test_a_template_applied_by_somebody_else_is_not_applied_again(load: Load, ask: Ask) -> None:
    for kind in DRAWN:
        model = load(kind)
        text = model.render(ask)
        again = model.render(Ask("s", text, ask.images, templated=True))
        assert again == text
        rendered = model.prompts.history([{"role": "user", "content": f"<image>{ask.prompt}"}], True)
        assert model.render(Ask("s", rendered, ask.images, templated=True)) == text


@pytest.mark.parametrize(("kind", "between"), [("llava", " "), ("idefics3", " "), ("gemma3", ""), ("qwen2_vl", "")])
def test_a_choice_continues_as_the_template_would_write_it(load: Load, ask: Ask, kind: str, between: str) -> None:
    prompts = load(kind).prompts
    text = prompts.render(ask)
    whole = prompts.conversation(ask.prompt, 1, "basal cell carcinoma")
    assert text + between + "basal cell carcinoma" in whole.removeprefix("<s>")
    (tokens,) = prompts.continuations(text, ["basal cell carcinoma"])
    assert tokens == tuple(prompts._ids(between + "basal cell carcinoma"))
    assert prompts.continuations(text, ["  basal cell carcinoma"]) == (tokens,), "the gap is the template's matter"


@pytest.mark.parametrize("template", ["llava-med", "[INST] <image>\\n{question} [/INST]"])
def test_a_template_for_models_without_one(
    tmp_path: Path, pictures: list[Image.Image], ask: Ask, template: str
) -> None:
    from mmskin_hub.evals.model.load import load_model

    path = str(tiny_llava(tmp_path, chat_template=False))
    with pytest.raises(WrongUse, match=r"no chat template[\s\S]*llava-med"):
        load_model(path)
    model: Any = load_model(path, template=template)
    assert model.render(ask) == "[INST] <image>\nWhich one is the diagnosis? [/INST]"
    assert model.prompts.continuations(model.render(ask), ["no"]) == (tuple(model.prompts._ids(" no")),)
    assert model.facts["template"].startswith("llava-med" if template == "llava-med" else "given")
    two = Ask("s", "Same?", tuple(pictures[:2]))
    assert model.render(two) == "[INST] <image>\n<image>\nSame? [/INST]"
    assert model.render(Ask("s", "What is it?")) == "[INST] What is it? [/INST]"


def test_templates_from_a_file_and_wrong_ones(load: Load, tmp_path: Path, ask: Ask) -> None:
    processor = load("llava").processor
    file = tmp_path / "template.jinja"
    file.write_text("{% for m in messages %}<image>Q: {{ m['content'][1]['text'] }} A:{% endfor %}", encoding="utf-8")
    assert Prompts(processor, str(file)).render(ask) == "<image>Q: Which one is the diagnosis? A:"
    with pytest.raises(WrongUse, match="neither a template nor a file"):
        Prompts(processor, "vicunia")
    with pytest.raises(WrongUse, match="no place for the question"):
        Prompts(processor, "USER: {prompt}")
    with pytest.raises(WrongUse, match="cannot be applied"):
        Prompts(processor, "{{ raise_exception('no') }}")
    with pytest.raises(MmskinError, match="0 places for pictures"):
        Prompts(processor, "Q: {question} A:").render(ask)


def test_templates_that_take_plain_text(load: Load, ask: Ask) -> None:
    jinja = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
    assert Prompts(load("llava").processor, jinja).render(ask) == "user: <image>\nWhich one is the diagnosis?\n"


def test_a_question_cannot_bring_in_a_picture(load: Load, pictures: list[Image.Image]) -> None:
    for kind in DRAWN:
        model = load(kind)
        token = model.prompts.image_token
        asked = Ask("s", f"What is <image> or {token}?", (pictures[0],))
        assert model.render(asked).count(token) == 1


@pytest.mark.parametrize("kind", DRAWN)
def test_cutting_keeps_pictures_and_special_tokens(
    folder: Callable[[str], Path], pictures: list[Image.Image], kind: str
) -> None:
    from mmskin_hub.evals.model.load import load_model

    long = Ask("s", "It began years ago. " * 40 + "Which one is the diagnosis?", (pictures[0],))
    whole: Any = load_model(str(folder(kind)))
    full = whole._encoder.encode(long)
    limit = len(full) - 60
    model: Any = load_model(str(folder(kind)), max_length=limit)
    cut = model._encoder.encode(long, room=10)
    assert len(cut) == limit - 10 and cut.dropped == 70
    images = model._encoder._image_ids
    for item in (full, cut):
        assert all(len(tensor) == len(item) for tensor in item.extras.values())
    assert [t for t in cut.ids.tolist() if t in images] == [t for t in full.ids.tolist() if t in images]
    assert cut.ids.tolist()[-40:] == full.ids.tolist()[-40:], "what was asked last stays"
    assert cut.ids[0] == full.ids[0]
    scores = model.choose([long], [["melanoma", "nevus"]])
    assert model.facts["truncated_prompts"] == 1
    assert all(value < 0 for value in scores[0].loglik)


def test_a_picture_that_leaves_no_room_is_told(folder: Callable[[str], Path], ask: Ask) -> None:
    from mmskin_hub.evals.model.load import load_model

    model: Any = load_model(str(folder("llava")), max_length=20)
    with pytest.raises(MmskinError, match=r"Sample s: its picture takes 16 of the 20 tokens"):
        model.generate([ask], max_new_tokens=8)
