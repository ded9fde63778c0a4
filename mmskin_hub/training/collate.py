"""Rows become batches: rendered, tokenized and padded, pictures decoded, everything but the answer masked.

Prompt and answer are tokenized as one text. trl tokenizes the two apart, and a SentencePiece tokenizer then writes a
space in front of the answer that no generated text has. What is learned is found from the end: the tokens that the
text has and the prompt alone has not. The text of the processor's own ``apply_chat_template`` decides about the BOS
token too: it is added unless the template wrote it, so that training sees what generation sees.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import MmskinError, WrongUse, describe

if TYPE_CHECKING:
    from PIL.Image import Image

FACTS = "mmskin_facts"
"""Key of a batch under which its rows and its counts of tokens travel; taken out before the model sees the batch."""
FAILURE = "mmskin_failure"
"""Key of a batch that could not be made: what happened in the worker process, and the remedy."""
IGNORED = -100
"""Label of a token that is not learned."""


class UnreadablePicture(MmskinError):
    """A picture of a row that cannot be decoded."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One row as text: ``full`` with the answer, ``prompt`` without, where generation would begin."""

    full: str
    prompt: str


def decode(picture: Mapping[str, Any], row: str) -> Image:
    """The picture as RGB, turned as its EXIF says; raises :class:`UnreadablePicture` naming ``row``."""
    from PIL import Image, ImageOps

    try:
        data = picture["bytes"]
        with Image.open(io.BytesIO(data) if data is not None else picture["path"]) as image:
            turned = ImageOps.exif_transpose(image)
            return turned.convert("RGB")
    except (OSError, ValueError, TypeError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadablePicture(
            f"A picture of row {row} cannot be read ({describe(error)}).",
            "Take the row out of the dataset, or build it again; then go on with --resume_from_checkpoint newest",
        ) from error


class Renderer:
    """Turns conversations into the text a model was made for, with its own chat template."""

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        if not getattr(processor, "chat_template", None):
            raise WrongUse(
                "The model has no chat template, so nobody knows how to put a question to it.",
                "Name one with --chat_template_path FILE.jinja",
            )
        # Those without a name too: Gemma's <end_of_turn> is none of all_special_tokens.
        added = [str(token) for token in self.tokenizer.added_tokens_decoder.values() if token.special]
        self._special = {*map(str, self.tokenizer.all_special_tokens), *added}

    def render(self, prompt: Sequence[Mapping[str, str]], answer: str, pictures: int) -> Rendered:
        """``prompt`` (messages with role and content) and ``answer``; pictures stand before the first question."""
        messages = parts(prompt, pictures)
        said = [*messages, {"role": "assistant", "content": [{"type": "text", "text": answer}]}]
        full = self.processor.apply_chat_template(said, tokenize=False)
        asked = self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return Rendered(self._ended(full, asked, answer), asked)

    def _ended(self, full: str, asked: str, answer: str) -> str:
        """``full`` with an end token: LLaVA 1.5's own template writes none, and a model would never learn to stop."""
        words = answer.strip()  # some templates strip it
        # Looked for behind the question, and from the front: "s" stands in "</s>" too.
        place = full.find(words, _common(full, asked))
        tail = full[place + len(words) :] if place >= 0 else full
        if any(token in tail for token in self._special) or not self.tokenizer.eos_token:
            return full
        return full.rstrip() + str(self.tokenizer.eos_token)

    def adds_special(self, text: str) -> bool:
        """Whether the tokenizer shall add its special tokens to ``text``: not where the template wrote the BOS."""
        bos = self.tokenizer.bos_token
        return bos is None or not text.startswith(bos)

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of ``texts``; a picture is the one token that stands for it."""
        if not texts:
            return []
        special = self.adds_special(texts[0])
        return list(self.tokenizer(list(texts), add_special_tokens=special)["input_ids"])

    def learned(self, rendered: Sequence[Rendered]) -> list[tuple[int, int]]:
        """For each row its tokens (a picture counts as one) and how many of them, from the end, are learned."""
        full, asked = self.tokens([row.full for row in rendered]), self.tokens([row.prompt for row in rendered])
        return [(len(whole), len(whole) - _common(whole, part)) for whole, part in zip(full, asked, strict=True)]


def _common(one: Sequence[Any], other: Sequence[Any]) -> int:
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))


def parts(messages: Sequence[Mapping[str, str]], pictures: int) -> list[dict[str, Any]]:
    """``messages`` in the form of parts that chat templates of vision models want."""
    made: list[dict[str, Any]] = []
    for message in messages:
        content: list[dict[str, str]] = [{"type": "text", "text": message["content"]}]
        if message["role"] == "user" and pictures:
            content, pictures = [{"type": "image"}] * pictures + content, 0
        made.append({"role": message["role"], "content": content})
    return made


class Collator:
    """Makes a batch of rows; runs in the worker processes of the DataLoader.

    A row is a mapping with ``row`` (its number in the index), ``id``, ``prompt``, ``completion`` and ``images`` (a
    list of ``{"bytes", "path"}``, decoded here and nowhere else). A batch holds what the processor makes (input_ids
    and attention_mask of shape (rows, tokens), padded on the right; pixel_values, …), ``labels`` of the same shape
    with -100 wherever nothing is learned, and under :data:`FACTS` the rows and their counts of tokens.
    """

    def __init__(self, processor: Any) -> None:
        self.processor = processor
        self.renderer = Renderer(processor)

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The batch, or under :data:`FAILURE` why there is none: torch would wrap an error into its own traceback."""
        try:
            return self.batch(rows)
        except MmskinError as error:
            return {FAILURE: [error.what, error.remedy]}

    def batch(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The batch of ``rows``; raises :class:`UnreadablePicture`. Nothing is ever cut."""
        rendered = [self.renderer.render(row["prompt"], answer_of(row), len(row["images"])) for row in rows]
        pictures = [[decode(picture, row["id"]) for picture in row["images"]] for row in rows]
        made = self._processed([row.full for row in rendered], pictures, "right")
        mask = made["attention_mask"]
        lengths = mask.sum(dim=1).tolist()
        labels = made["input_ids"].new_full(made["input_ids"].shape, IGNORED)
        for place, (_, learned) in enumerate(self.renderer.learned(rendered)):
            end = lengths[place]
            labels[place, end - learned : end] = made["input_ids"][place, end - learned : end]
        facts = {"rows": [int(row["row"]) for row in rows], "tokens": int(sum(lengths)), "slots": int(mask.numel())}
        return {**made, "labels": labels, FACTS: facts}

    def prompts(self, examples: Sequence[Any]) -> dict[str, Any]:
        """Questions alone, padded on the left, for ``generate``; ``examples`` as in ``DataFacts.examples``."""
        texts = [self.renderer.render(each.prompt, "", len(each.images)).prompt for each in examples]
        return self._processed(texts, [list(each.images) for each in examples], "left")

    def _processed(self, texts: Sequence[str], pictures: Sequence[Sequence[Image]], side: str) -> dict[str, Any]:
        images = [list(own) for own in pictures] if any(pictures) else None
        made = self.processor(
            images=images,
            text=list(texts),
            padding=True,
            padding_side=side,
            return_tensors="pt",
            add_special_tokens=self.renderer.adds_special(texts[0]),
        )
        return dict(made)


def answer_of(row: Mapping[str, Any]) -> str:
    """What is answered in a row: the one message of its ``completion``."""
    return str(row["completion"][0]["content"])
