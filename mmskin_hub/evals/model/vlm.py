"""A vision-language model in this process as a :class:`~mmskin_hub.evals.model.api.Scorer`.

:func:`~mmskin_hub.evals.model.load.load_model` makes one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.model.api import Ask, PartialAnswers, Scores
from mmskin_hub.evals.model.batches import BatchSizes, Run
from mmskin_hub.evals.model.choices import Reader, furthest
from mmskin_hub.evals.model.generate import generate, pad_of, settings
from mmskin_hub.evals.model.images import Pictures
from mmskin_hub.evals.model.inputs import Encoded, Encoder, collate
from mmskin_hub.evals.model.prompts import Prompts
from mmskin_hub.evals.model.tree import Tokens

CHECKED = 3
"""Choices compared with whole forward passes on the first sample: the longest ones, and the shortest."""
AGREE = {"float32": 1e-3, "float64": 1e-3}
AGREE_HALF = 0.1
"""How far the score of a choice may be from that of a whole forward pass: in nats, in half precision in nats a token.
A wrong mask moves them by more than 1; in half precision whole passes differ by some .02 a token with their padding."""
PADS = 3
"""Padding tokens put before the sample of that comparison, so that padding is compared as well."""


class VLM:
    """Weights in this process. ``batch_size`` is a number or "auto"; ``max_length`` bounds prompt and answer, in
    tokens, below what the model was trained for."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        *,
        name: str = "",
        revision: str = "",
        template: str | None = None,
        batch_size: int | str = "auto",
        max_length: int | None = None,
        facts: dict[str, Any] | None = None,
    ) -> None:
        self.model = model.eval()
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.name = name
        self.revision = revision
        self.prompts = Prompts(processor, template)
        self.pictures = Pictures(model)
        self.reader = Reader(model, self.pictures)
        self.sizes = BatchSizes(batch_size, model.device)
        self._encoder = Encoder(processor, self.prompts, _image_ids(model, processor), _limit(model, max_length))
        self._pad = pad_of(self.tokenizer)
        self._way: str | None = None
        self._proved = False
        self._truncated = 0
        self._facts: dict[str, Any] = {**(facts or {}), "template": self.prompts.fingerprint}

    @property
    def facts(self) -> dict[str, Any]:
        """How the model was run, JSON; what is found out while it runs (batch size, way of scoring) comes last."""
        return {
            **self._facts,
            "batch_size": dict(self.sizes.sizes),
            "batch_halved": self.sizes.halved,
            "choice_scoring": self._way,
            "pictures_encoded": self.pictures.encoded if self.pictures.handed_in else None,
            "pictures_reused": self.pictures.hits if self.pictures.handed_in else None,
            "truncated_prompts": self._truncated,
        }

    def render(self, ask: Ask) -> str:
        """The text the model reads for ``ask``, one image placeholder a picture."""
        return self.prompts.render(ask)

    def generate(self, asks: Sequence[Ask], **generation: Any) -> list[str]:
        """The answer to each of ``asks``, without special tokens.

        ``generation`` as transformers' ``generate`` names it, or as lm-eval does; greedy unless it says otherwise.
        What a checkpoint's generation config says of decoding is not used. Raises :class:`PartialAnswers`.
        """
        chosen, _ = settings(generation)
        room = int(chosen["max_new_tokens"])
        label = f"generate {room} tokens, {chosen['num_beams']} beams"

        def work(places: Sequence[int], items: Sequence[Encoded]) -> list[str]:
            self._prove_pictures(items[0])
            return self._in_groups(items, lambda some: self._generated(some, generation))

        return self._run(asks, label, room, work)

    def choose(self, asks: Sequence[Ask], choices: Sequence[Sequence[str]]) -> list[Scores]:
        """How likely each of ``choices[i]`` is as the answer to ``asks[i]``; picture and prompt are read once a sample.

        See :mod:`mmskin_hub.evals.model.choices`. Raises :class:`PartialAnswers`; a NaN names its sample.
        """
        if any(not each for each in choices):
            raise MmskinError("A sample comes without choices.", "Look at the classes of the task.")
        if self.model.config.is_encoder_decoder:
            raise MmskinError(
                f"{self.name} reads its prompt with an encoder: choices cannot be scored behind it.",
                "Take the tasks that end in _gen.",
            )
        tokens = [self.prompts.continuations(self.render(ask), each) for ask, each in zip(asks, choices, strict=True)]
        room = max((len(choice) for each in tokens for choice in each), default=0)
        most = max((len(each) for each in tokens), default=0)

        def work(places: Sequence[int], items: Sequence[Encoded]) -> list[Scores]:
            self._prove_pictures(items[0])
            if self._way is None:
                self._way = self._proved_way(items[0], tokens[places[0]])
            wanted = dict(zip((id(item) for item in items), (tokens[place] for place in places), strict=True))
            return self._in_groups(items, lambda some: self._scored(some, [wanted[id(item)] for item in some]))

        return self._run(asks, f"choose among {most}", room, work)

    def _run(self, asks: Sequence[Ask], label: str, room: int, work: Any) -> list[Any]:
        def encode(place: int) -> Encoded:
            item = self._encoder.encode(asks[place], room)
            self._truncated += bool(item.dropped)
            return item

        return Run(self.sizes, label, encode, work, self._release).answers([self._encoder.length(ask) for ask in asks])

    def _in_groups(self, items: Sequence[Encoded], answer: Any) -> list[Any]:
        """``answer`` for groups of ``items`` that the model can take at once, in the order of ``items``."""
        found: dict[int, Any] = {}
        for some in self.pictures.together(items):
            found.update(zip((id(item) for item in some), answer(some), strict=True))
        return self._finite(items, [found[id(item)] for item in items])

    def _generated(self, items: Sequence[Encoded], generation: dict[str, Any]) -> list[str | None]:
        batch = collate(items, self._pad, self.model.device)
        inputs = {"input_ids": batch.ids, "attention_mask": batch.attention, **batch.extras}
        return generate(self.model, self.tokenizer, {**inputs, **self.pictures.arguments(items)}, generation)

    def _scored(self, items: Sequence[Encoded], tokens: Sequence[Tokens], longer: int = 0) -> list[Scores]:
        import torch

        batch = collate(items, self._pad, self.model.device, longer)
        with torch.inference_mode():
            way = self.reader.packed if self._way == "packed" else self.reader.cached
            return way(batch, tokens)

    def _finite(self, items: Sequence[Encoded], found: Sequence[Any]) -> list[Any]:
        """``found``, if every answer is one; a NaN raises, with the others kept."""
        done = {place: answer for place, answer in enumerate(found) if _sound(answer)}
        if len(done) == len(found):
            return list(found)
        bad = next(item.id for place, item in enumerate(items) if place not in done)
        raise PartialAnswers(
            MmskinError(
                f"Sample {bad}: the model answers with numbers that are none (NaN or infinite logits).",
                "float16 overflows in many models: try --dtype float32 or bfloat16. Else the weights are damaged.",
            ),
            done,
        )

    def _proved_way(self, item: Encoded, tokens: Tokens) -> str:
        """The fastest way of scoring that agrees with whole forward passes on ``item``.

        Raises :class:`MmskinError` where none does.
        """
        import torch

        few = sorted(set(tokens), key=len)
        few = few if len(few) <= CHECKED else [few[0], *few[1 - CHECKED :]]
        with torch.inference_mode():
            right = self.reader.alone(collate([item], self._pad, self.model.device), few)
        self._finite([item], [right])
        whole = AGREE.get(str(self.model.dtype).removeprefix("torch."))
        allowed = AGREE_HALF if whole is None else whole
        reasons = []
        for way in ("packed", "cached"):
            if way == "packed" and not self.reader.packs:
                reasons.append("packed: the architecture does not allow it")
                continue
            self._way = way
            try:
                gap = furthest(self._scored([item], [few], PADS)[0], right, by_token=whole is None)
            except Exception as error:  # whatever an architecture we do not know raises; the next way is tried
                from mmskin_hub.evals.model.batches import out_of_memory

                if out_of_memory(error):
                    raise
                reasons.append(f"{way}: {type(error).__name__}: {' '.join(str(error).split())[:160]}")
                continue
            finally:
                self._way = None
            if gap <= allowed:
                self._facts["choice_check"] = {
                    "nats": gap,
                    "allowed": allowed,
                    "choices": len(few),
                    "passed_over": reasons,
                }
                return way
            reasons.append(f"{way}: {gap:.3g} nats away from whole forward passes, {allowed:.3g} allowed")
        raise MmskinError(
            f"The choices of {self.name or 'this model'} cannot be scored behind one reading of the prompt "
            f"({self.model.config.model_type}: {'; '.join(reasons)}).",
            "Take the tasks that end in _gen, and report the architecture.",
        )

    def _prove_pictures(self, item: Encoded) -> None:
        """Once: that encoded pictures handed in mean the same to the model as pixels; else it gets pixels."""
        if self._proved or not self.pictures.handed_in or not item.images or self.model.config.is_encoder_decoder:
            return
        import torch

        batch = collate([item], self._pad, self.model.device)
        try:
            with torch.inference_mode():
                ours = self.reader.read(batch).logits.float().log_softmax(-1)
                theirs = self.reader.read(batch, pixels=True).logits.float().log_softmax(-1)
            allowed = AGREE.get(str(self.model.dtype).removeprefix("torch."), AGREE_HALF)
            gap = float((ours - theirs).abs().max())
            same = gap <= allowed or not math.isfinite(float(theirs.sum()))
        except (TypeError, ValueError, AttributeError, IndexError, KeyError):
            same = False
        self._proved = True
        self.pictures.handed_in = self.pictures.handed_in and same

    def _release(self) -> None:
        """Give memory back after it ran out."""
        import torch

        self.pictures.forget()
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()


def _sound(answer: Any) -> bool:
    if isinstance(answer, Scores):
        return all(math.isfinite(value) for value in answer.loglik)
    return answer is not None


def _image_ids(model: Any, processor: Any) -> frozenset[int]:
    """The ids that stand for a part of a picture in the prompt."""
    config = model.config
    found = {getattr(config, "image_token_id", None), getattr(config, "image_token_index", None)}
    found.add(getattr(processor, "image_token_id", None))
    return frozenset(int(token) for token in found if token is not None)


def _limit(model: Any, max_length: int | None) -> int | None:
    """Tokens the model can read: what it was trained for, or less where the user says so."""
    trained = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    known = [int(value) for value in (trained, max_length) if value]
    return min(known) if known else None
