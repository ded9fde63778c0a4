"""Choices behind one reading of the prompt score as in whole forward passes; broken masks and positions do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.model import choices as scoring
from mmskin_hub.evals.model.api import Ask, PartialAnswers, Scores
from mmskin_hub.evals.model.inputs import collate
from mmskin_hub.evals.model.tree import grow, visible
from tests.drawing.models import DRAWN

CLASSES = ("melanoma", "melanoma metastasis", "basal cell carcinoma", "nevus", "no", "actinic keratosis, or nothing")
TOLERANCE = 1e-4


def asked(pictures: Sequence[Image.Image]) -> tuple[list[Ask], list[Sequence[str]]]:
    """Samples with prompts of different lengths, and with different choices."""
    asks = [Ask(f"s{n}", "Which one is the diagnosis? " * (n + 1), (image,)) for n, image in enumerate(pictures)]
    return asks, [CLASSES, CLASSES[:3], CLASSES[2:], tuple(reversed(CLASSES))]


def one_by_one(model: Any, asks: Sequence[Ask], choices: Sequence[Sequence[str]]) -> list[Scores]:
    """One whole forward pass a choice, written here once more: processor, prompt and choice, log-softmax, sum."""
    import torch

    found = []
    for ask, names in zip(asks, choices, strict=True):
        text = model.render(ask)
        given = dict(model.processor(text=[text], images=list(ask.images), return_tensors="pt"))
        sums, counts = [], []
        for tokens in model.prompts.continuations(text, names):
            more = torch.tensor([tokens])
            longer = {}
            for name, tensor in given.items():
                if tensor.shape == given["input_ids"].shape:
                    added = {"input_ids": more, "attention_mask": torch.ones_like(more)}.get(
                        name, torch.zeros_like(more)
                    )
                    longer[name] = torch.cat([tensor, added], dim=1)
                else:
                    longer[name] = tensor
            with torch.inference_mode():
                logs = model.model(**longer, use_cache=False).logits[0].log_softmax(-1)
            sums.append(sum(float(logs[-len(tokens) - 1 + k, token]) for k, token in enumerate(tokens)))
            counts.append(len(tokens))
        found.append(Scores(tuple(sums), tuple(counts)))
    return found


def apart(one: Sequence[Scores], other: Sequence[Scores]) -> float:
    """The largest difference of two scorings, in nats."""
    assert [each.tokens for each in one] == [each.tokens for each in other]
    return max(abs(a - b) for p, q in zip(one, other, strict=True) for a, b in zip(p.loglik, q.loglik, strict=True))


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("way", ["packed", "cached"])
def test_scores_are_those_of_whole_passes(
    load: Callable[..., Any], pictures: list[Image.Image], kind: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load(kind)
    if way == "cached":
        monkeypatch.setattr(scoring, "PACKABLE", set())
        monkeypatch.setattr(scoring, "AT_ONCE", 4)
    asks, choices = asked(pictures)
    found = model.choose(asks, choices)
    right = one_by_one(model, asks, choices)
    assert model.facts["choice_scoring"] == way
    assert max(each for scores in right for each in scores.tokens) >= 8
    assert len({each for scores in right for each in scores.tokens}) >= 4
    assert apart(found, right) <= TOLERANCE
    moved = [abs(a - b) for a, b in zip(found[0].loglik, reversed(found[3].loglik), strict=True)]
    assert max(moved) > 1, "picture and prompt must matter"


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("broken", ["choices see one another", "positions run on", "the prompt is hidden"])
def test_control_broken_scoring_is_far_off(
    load: Callable[..., Any], pictures: list[Image.Image], kind: str, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the equality above is worth: each fault moves the scores by far more than its tolerance."""
    import torch

    model = load(kind)
    asks, choices = asked(pictures)
    right = model.choose(asks, choices)  # finds "packed" to be right
    if broken == "choices see one another":
        monkeypatch.setattr(scoring, "visible", lambda tree, size: torch.ones(size, size, dtype=torch.bool).tril())
    elif broken == "positions run on":
        monkeypatch.setattr(scoring, "places", lambda tree, size: torch.arange(size))
    else:
        batches = scoring.Reader._masks

        def hidden(self: Any, batch: Any, read: Any, sees: Any, behind: Any) -> Any:
            masks = batches(self, batch, read, sees, behind)
            for mask in masks.values() if isinstance(masks, dict) else [masks]:
                mask[..., : batch.ids.shape[1]] = torch.finfo(mask.dtype).min
            return masks

        monkeypatch.setattr(scoring.Reader, "_masks", hidden)
    assert apart(model.choose(asks, choices), right) > 0.5


@pytest.mark.parametrize("fault", ["visible", "places"])
def test_a_wrong_packing_is_noticed_and_the_cache_is_used(
    load: Callable[..., Any], pictures: list[Image.Image], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    wrong = {
        "visible": lambda tree, size: torch.ones(size, size, dtype=torch.bool).tril(),
        "places": lambda tree, size: torch.arange(size),
    }
    monkeypatch.setattr(scoring, fault, wrong[fault])
    model = load("llava")
    asks, choices = asked(pictures)
    found = model.choose(asks, choices)
    assert model.facts["choice_scoring"] == "cached"
    assert "nats away" in model.facts["choice_check"]["passed_over"][0]
    assert apart(found, one_by_one(model, asks, choices)) <= TOLERANCE


def test_where_neither_way_is_right_there_is_an_error(
    load: Callable[..., Any], pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load("llava")
    monkeypatch.setattr(scoring, "PACKABLE", set())
    monkeypatch.setattr(scoring.Reader, "_continued", lambda *args: 1 / 0)
    asks, choices = asked(pictures)
    with pytest.raises(MmskinError, match=r"cannot be scored behind one reading[\s\S]*_gen"):
        model.choose(asks, choices)


def test_sliding_windows_shorter_than_the_prompt(
    load: Callable[..., Any], pictures: list[Image.Image], tmp_path: Any
) -> None:
    """Gemma3 drawn above has a window of 24 behind prompts of 47 and more; Mistral's window is in every layer."""
    from mmskin_hub.evals.model.load import load_model
    from tests.drawing.models import tiny_llava

    model = load_model(str(tiny_llava(tmp_path, text="mistral", sliding_window=12)), batch_size=4)
    asks, choices = asked(pictures)
    assert apart(list(model.choose(asks, choices)), one_by_one(model, asks, choices)) <= TOLERANCE
    assert model.facts["choice_scoring"] == "packed"


@pytest.mark.parametrize("kind", ["llava", "gemma3", "qwen2_vl"])
def test_eager_attention_is_packed_too(load: Callable[..., Any], pictures: list[Image.Image], kind: str) -> None:
    model = load(kind)
    model.model.set_attn_implementation("eager")
    asks, choices = asked(pictures)
    assert apart(model.choose(asks, choices), one_by_one(model, asks, choices)) <= TOLERANCE
    assert model.facts["choice_scoring"] == "packed"


def test_one_encoding_and_one_reading_a_sample(
    load: Callable[..., Any], pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many choices: the tower sees each picture once, the language model each prompt once."""
    model = load("llava")
    asks, choices = asked(pictures)
    model.choose(asks[:1], choices[:1])  # the check of the first sample
    model.pictures.forget()
    seen: list[int] = []
    read: list[tuple[int, int]] = []
    tower = model.model.model.vision_tower
    tower.register_forward_hook(lambda module, args, kwargs, out: seen.append(len(args[0])), with_kwargs=True)
    language = model.model.model.language_model
    language.register_forward_hook(
        lambda module, args, kwargs, out: read.append(tuple(kwargs["inputs_embeds"].shape[:2])), with_kwargs=True
    )
    model.choose(asks, [CLASSES * 4] * 4)
    assert sum(seen) == 4
    assert len(read) == 2 and read[0][0] == read[1][0] == 4
    tree = grow(model.prompts.continuations(model.render(asks[0]), CLASSES))
    assert read[1][1] == len(tree.tokens), "choices that come again, and common beginnings, are read once"


def test_the_head_is_applied_where_it_is_needed(load: Callable[..., Any], pictures: list[Image.Image]) -> None:
    model = load("llava")
    asks, choices = asked(pictures)
    model.choose(asks[:1], choices[:1])
    rows: list[int] = []
    model.model.lm_head.register_forward_hook(lambda module, args, out: rows.append(out.shape[1]))
    model.choose(asks, choices)
    trees = [
        grow(model.prompts.continuations(model.render(ask), each)) for ask, each in zip(asks, choices, strict=True)
    ]
    assert rows == [1, max(len(tree.tokens) for tree in trees)]


def test_single_token_choices_need_no_second_pass(load: Callable[..., Any], pictures: list[Image.Image]) -> None:
    model = load("gemma3")
    asks, _ = asked(pictures)
    choices = [("a", "b", "c")] * 4
    tokens = model.prompts.continuations(model.render(asks[0]), choices[0])
    assert all(len(each) == 1 for each in tokens)
    assert apart(model.choose(asks, choices), one_by_one(model, asks, choices)) <= TOLERANCE


def test_scores_do_not_depend_on_neighbours(load: Callable[..., Any], pictures: list[Image.Image]) -> None:
    for kind in DRAWN:
        together, alone = load(kind), load(kind, batch_size=1)
        asks, choices = asked(pictures)
        assert apart(together.choose(asks, choices), alone.choose(asks, choices)) <= TOLERANCE


def test_greedy_says_what_generation_would_write(load: Callable[..., Any], pictures: list[Image.Image]) -> None:
    import torch

    model = load("llava")
    ask = Ask("s", "Which one?", (pictures[0],))
    item = model._encoder.encode(ask)
    batch = collate([item], 0, model.model.device)
    with torch.inference_mode():
        out = model.model.generate(
            input_ids=batch.ids, attention_mask=batch.attention, **model.pictures.arguments([item]), max_new_tokens=4
        )
        written = tuple(out[0, len(item) :].tolist())
        scores = model.reader.packed(batch, [[written, (*written[:3], written[3] - 1)]])[0]
    assert scores.greedy == (True, False)


def test_the_tree_shares_beginnings() -> None:
    tree = grow([(1, 2, 3), (1, 2, 4), (1,), (5, 6), (1, 2, 3)])
    assert tree.tokens == (1, 2, 5)
    assert tree.parents == (-1, 0, -1)
    assert tree.depths == (0, 1, 0)
    assert tree.sources == ((-1, 0, 1), (-1, 0, 1), (-1,), (-1, 2), (-1, 0, 1))
    assert visible(tree, 4).int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_nan_names_the_sample_and_keeps_the_others(
    load: Callable[..., Any], pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = load("llava", batch_size=2)
    asks, choices = asked(pictures)
    right = model.choose(asks, choices)
    packed = scoring.Reader.packed

    def poisoned(self: Any, batch: Any, tokens: Any) -> list[Scores]:
        found = packed(self, batch, tokens)
        bad = Scores((float("nan"),) * 6, (1,) * 6)
        return [bad if item.id == "s1" else each for item, each in zip(batch.items, found, strict=True)]

    monkeypatch.setattr(scoring.Reader, "packed", poisoned)
    with pytest.raises(PartialAnswers, match=r"Sample s1[\s\S]*NaN[\s\S]*float32") as raised:
        model.choose(asks, choices)
    # The longest prompts come first: s3 and s2 are the first batch, s0 shares the second one with s1.
    assert raised.value.done == {n: right[n] for n in (0, 2, 3)}


def test_weights_that_are_nan_are_told(load: Callable[..., Any], pictures: list[Image.Image]) -> None:
    model = load("llava")
    model.model.lm_head.weight.data[7] = float("nan")
    asks, choices = asked(pictures)
    with pytest.raises(MmskinError, match="Sample s3"):
        model.choose(asks, choices)
    with pytest.raises(MmskinError, match="Sample s3"):
        model.generate(asks, max_new_tokens=2)


def test_a_choice_without_words_is_refused(load: Callable[..., Any], pictures: list[Image.Image]) -> None:
    model = load("llava")
    with pytest.raises(MmskinError, match="no words"):
        model.choose([Ask("s", "Which?", (pictures[0],))], [["melanoma", " "]])
    with pytest.raises(MmskinError, match="without choices"):
        model.choose([Ask("s", "Which?", (pictures[0],))], [[]])
