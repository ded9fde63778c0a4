"""Pictures are encoded once, mean the same handed in as encoded, and what is kept of them is bounded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.evals.model.api import Ask
from mmskin_hub.evals.model.images import Pictures
from tests.drawing.models import DRAWN

Load = Callable[..., Any]
CHOICES = ("melanoma", "basal cell carcinoma", "nevus")


def questions(pictures: list[Image.Image]) -> list[Ask]:
    """Three questions about each of three pictures, each time a copy of it."""
    words = ("Which one is it?", "Is the lesion benign or malignant, and why?", "What is shown?")
    return [Ask(f"{k}{n}", w, (image.copy(),)) for n, w in enumerate(words) for k, image in enumerate(pictures[:3])]


@pytest.mark.parametrize("kind", DRAWN)
def test_identical_pictures_are_encoded_once(load: Load, pictures: list[Image.Image], kind: str) -> None:
    model = load(kind)
    asks = questions(pictures)
    scores = model.choose(asks, [CHOICES] * 9)
    texts = model.generate(asks, max_new_tokens=5)
    assert model.facts["pictures_encoded"] == 3
    plain = load(kind)
    plain.pictures.handed_in = False
    for one, other in zip(scores, plain.choose(asks, [CHOICES] * 9), strict=True):
        assert one.loglik == pytest.approx(other.loglik, abs=1e-4)
    assert texts == plain.generate(asks, max_new_tokens=5)
    assert plain.facts["pictures_encoded"] is None


def test_different_pictures_of_one_size_are_kept_apart(load: Load, pictures: list[Image.Image]) -> None:
    model = load("llava")
    other = pictures[0].copy()
    other.putpixel((60, 45), (0, 0, 0) if other.getpixel((60, 45)) != (0, 0, 0) else (9, 9, 9))
    one, two = model.choose([Ask(n, "Which?", (i,)) for n, i in (("a", pictures[0]), ("b", other))], [CHOICES] * 2)
    assert model.facts["pictures_encoded"] == 2
    assert one.loglik != two.loglik


def test_several_pictures_a_question(load: Load, pictures: list[Image.Image]) -> None:
    for kind in DRAWN:
        model, plain = load(kind), load(kind, batch_size=1)
        plain.pictures.handed_in = False
        asks = [
            Ask("two", "Are they the same?", tuple(pictures[:2])),
            Ask("one", "What is it?", (pictures[2],)),
            Ask("swapped", "Are they the same?", (pictures[1], pictures[0])),
            Ask("none", "What is a nevus?"),
        ]
        found, right = model.choose(asks, [CHOICES] * 4), plain.choose(asks, [CHOICES] * 4)
        for one, other in zip(found, right, strict=True):
            assert one.loglik == pytest.approx(other.loglik, abs=1e-4), kind
        assert found[0].loglik != pytest.approx(found[2].loglik, abs=1e-3)
        assert model.generate(asks, max_new_tokens=4) == plain.generate(asks, max_new_tokens=4), kind


def test_what_is_kept_is_bounded_and_the_oldest_goes(load: Load, pictures: list[Image.Image]) -> None:
    model = load("llava")
    each = 16 * 48 * 4
    model.pictures = model.reader.pictures = Pictures(model.model, kept_bytes=2 * each)
    for image in (pictures[0], pictures[1], pictures[0], pictures[2], pictures[0], pictures[1]):
        model.generate([Ask("s", "Which?", (image,))], max_new_tokens=1)
        assert model.pictures._bytes <= 2 * each
    # 0 and 1 are encoded, 0 is used again, 2 drives out 1 (not 0), 0 is there, 1 is encoded once more.
    assert model.pictures.encoded == 4
    assert model.pictures._bytes == 2 * each
    model.pictures.forget()
    assert model.pictures._bytes == 0


def test_encoded_pictures_that_mean_something_else_are_not_used(
    load: Load, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Pictures._encoded
    monkeypatch.setattr(
        Pictures,
        "_encoded",
        lambda self, group: [[(part * 0,) for (part,) in each] for each in made(self, group) or ()],
    )
    model = load("llava")
    ask = Ask("s", "Which?", (pictures[0],))
    found = model.choose([ask], [CHOICES])
    assert model.facts["pictures_encoded"] is None
    monkeypatch.undo()
    assert found[0].loglik == pytest.approx(load("llava").choose([ask], [CHOICES])[0].loglik, abs=1e-4)
