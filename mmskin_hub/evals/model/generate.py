"""Answers in the model's own words: one batch, padded on the left, decoded as the protocol says and not otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse

MAX_NEW_TOKENS = 256
"""Tokens of an answer where the protocol names no number."""
SETTLED = {
    "do_sample": False, "num_beams": 1, "temperature": 1.0, "top_p": 1.0, "top_k": 50, "repetition_penalty": 1.0,
    "no_repeat_ngram_size": 0, "length_penalty": 1.0, "early_stopping": False,
}  # fmt: skip
"""Settings a checkpoint's generation_config.json might change behind our back; those of the protocol come over them."""


def settings(given: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """``given`` as keyword arguments of transformers' ``generate``, and the strings at which an answer ends.

    lm-eval's names are understood too: ``until``, ``max_gen_toks``, and ``temperature: 0`` for greedy decoding.
    Raises :class:`WrongUse` for a number of answers other than one.
    """
    chosen = dict(given)
    until = chosen.pop("until", None) or ()
    stops = (until,) if isinstance(until, str) else tuple(until)
    longest = chosen.pop("max_gen_toks", None)
    chosen.setdefault("max_new_tokens", longest or MAX_NEW_TOKENS)
    if chosen.get("num_return_sequences", 1) != 1:
        raise WrongUse("An evaluation takes one answer a sample.", "Leave num_return_sequences out.")
    temperature = chosen.get("temperature")
    if temperature is not None and float(temperature) == 0.0:
        del chosen["temperature"]
        chosen.setdefault("do_sample", False)
    elif temperature is not None:
        chosen.setdefault("do_sample", True)
    if not chosen.get("do_sample", False):
        # They mean nothing to greedy decoding, and transformers warns of them.
        for name in ("temperature", "top_p", "top_k"):
            chosen.pop(name, None)
    return {**SETTLED, **chosen}, tuple(stop for stop in stops if stop)


def generate(model: Any, tokenizer: Any, inputs: Mapping[str, Any], given: Mapping[str, Any]) -> list[str | None]:
    """The answer to each row of ``inputs`` (ids and mask padded on the left, pictures); ``None`` where a logit was NaN.

    ``given`` is as :func:`settings` takes it. The text has no special tokens and ends before the first stop string.
    """
    import torch
    from transformers import LogitsProcessorList, StoppingCriteriaList

    chosen, stops = settings(given)
    stops = tuple(stop for stop in stops if stop != tokenizer.eos_token)
    watch = _Finite(len(inputs["input_ids"]))
    width = inputs["input_ids"].shape[1]
    criteria = StoppingCriteriaList([_Stops(tokenizer, stops, width)] if stops else [])
    with torch.inference_mode():
        out = model.generate(
            **inputs,
            **chosen,
            pad_token_id=pad_of(tokenizer),
            logits_processor=LogitsProcessorList([watch]),
            stopping_criteria=criteria,
        )
    texts = tokenizer.batch_decode(out[:, width:].cpu(), skip_special_tokens=True)
    bad = watch.bad()
    return [None if wrong else cut(text, stops) for text, wrong in zip(texts, bad, strict=True)]


def cut(text: str, stops: Sequence[str]) -> str:
    """``text`` up to the first of ``stops``."""
    for stop in stops:
        text = text.split(stop, 1)[0]
    return text


def pad_of(tokenizer: Any) -> int:
    """The token to pad with: the tokenizer's, or its end of text, which the mask hides as well."""
    pad = tokenizer.pad_token_id
    if pad is None:
        pad = tokenizer.eos_token_id
    if pad is None:
        raise MmskinError("The tokenizer has neither a padding token nor an end of text.", "Add one and save it.")
    return int(pad)


class _Finite:
    """A logits processor that changes nothing and remembers the samples in whose logits a NaN was seen.

    Greedy decoding of NaN would go on in silence with token 0. It looks at device tensors and waits for nothing.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._bad: Any = None

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        wrong = (scores.isnan() | (scores == float("inf"))).any(dim=-1).view(self._samples, -1).any(dim=1)
        self._bad = wrong if self._bad is None else self._bad | wrong
        return scores

    def bad(self) -> list[bool]:
        return [False] * self._samples if self._bad is None else [bool(wrong) for wrong in self._bad.cpu().tolist()]


class _Stops:
    """Ends a row once one of ``stops`` stands in its answer."""

    def __init__(self, tokenizer: Any, stops: Sequence[str], width: int) -> None:
        self._tokenizer = tokenizer
        self._stops = stops
        self._width = width
        # The same string may come in other tokens than the tokenizer would choose: never more than its bytes.
        self._look_back = max(len(stop.encode()) for stop in stops) + 2

    def __call__(self, input_ids: Any, scores: Any, **more: Any) -> Any:
        import torch

        texts = self._tokenizer.batch_decode(input_ids[:, self._width :][:, -self._look_back :].cpu())
        return torch.tensor([any(stop in text for stop in self._stops) for text in texts], device=input_ids.device)
