"""Generation: batches do not change answers, the protocol decides how to decode, and stop strings stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from PIL import Image

from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.model.api import Ask
from mmskin_hub.evals.model.generate import cut, settings
from tests.drawing.models import DRAWN

Load = Callable[..., Any]


@pytest.fixture
def asks(pictures: list[Image.Image]) -> list[Ask]:
    return [Ask(f"{n}", "Which one is it? " * (n % 3 + 1), (pictures[n % 4],)) for n in range(6)]


@pytest.mark.parametrize("kind", DRAWN)
def test_batches_do_not_change_answers(load: Load, asks: list[Ask], kind: str) -> None:
    model = load(kind, batch_size=4)
    together = model.generate(asks, max_new_tokens=8)
    assert together == load(kind, batch_size=1).generate(asks, max_new_tokens=8)
    assert len(set(together)) > 1


@pytest.mark.parametrize("kind", DRAWN)
def test_answers_are_those_of_transformers(load: Load, asks: list[Ask], kind: str) -> None:
    """As anybody would do it by hand: processor, generate, decode."""
    model = load(kind)
    found = model.generate(asks[:2], max_new_tokens=8)
    for ask, answer in zip(asks, found, strict=False):
        inputs = model.processor(text=[model.render(ask)], images=list(ask.images), return_tensors="pt")
        out = model.model.generate(**inputs, max_new_tokens=8, do_sample=False)
        assert model.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True) == answer


def test_the_checkpoint_cannot_change_the_decoding(load: Load, asks: list[Ask]) -> None:
    model, meddling = load("llava"), load("llava")
    config = meddling.model.generation_config
    config.do_sample, config.temperature, config.repetition_penalty, config.num_beams = True, 5.0, 3.0, 3
    assert meddling.generate(asks, max_new_tokens=8) == model.generate(asks, max_new_tokens=8)


def test_beams_and_sampling_as_the_paper_does(load: Load, asks: list[Ask]) -> None:
    model = load("idefics3")
    paper = {"do_sample": True, "top_p": 0.9, "num_beams": 3, "max_new_tokens": 6, "temperature": 0.5}
    answers = []
    for _ in range(2):
        torch.manual_seed(3)
        answers.append(model.generate(asks, **paper))
    torch.manual_seed(4)
    other = model.generate(asks, **paper)
    assert answers[0] == answers[1]
    assert answers[0] != other


def test_stop_strings_end_an_answer(load: Load, asks: list[Ask]) -> None:
    model = load("llava")
    free = model.generate(asks, max_new_tokens=12)
    stop = free[0][3:5]
    stopped = model.generate(asks, max_new_tokens=12, until=[stop])
    assert stopped == [text.split(stop)[0] for text in free]
    steps: list[int] = []
    model.model.lm_head.register_forward_hook(lambda module, args, out: steps.append(1))
    model.generate(asks[:1], max_new_tokens=12, until=[stop])
    assert len(steps) < 12


def test_settings_understand_lm_eval_and_transformers() -> None:
    chosen, stops = settings({"until": ["\n\n", ""], "max_gen_toks": 7, "temperature": 0.0})
    assert chosen["max_new_tokens"] == 7 and chosen["do_sample"] is False and stops == ("\n\n",)
    assert settings({"temperature": 0.5})[0]["do_sample"] is True
    assert settings({})[0]["max_new_tokens"] == 256
    assert settings({"do_sample": False, "temperature": 0.7, "top_p": 0.2})[0]["top_p"] == 1.0
    assert settings({"until": "x"})[1] == ("x",)
    with pytest.raises(WrongUse, match="one answer"):
        settings({"num_return_sequences": 2})
    assert cut("one. two; three", ["; ", ". "]) == "one"
