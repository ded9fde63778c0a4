"""How a question becomes the text a model reads: the chat template, applied once, and where the answer begins.

The text is :meth:`Prompts.render`; its tokens and pictures are made in :mod:`~mmskin_hub.evals.model.inputs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.model.api import Ask

PLACEHOLDER = "<image>"
TEMPLATES = {
    "llava-med": "[INST] <image>\n{question} [/INST]",
    "vicuna": "USER: <image>\n{question} ASSISTANT:",
    "plain": "<image>\n{question}\n",
}
"""Templates by name, for checkpoints that bring none. ``llava-med`` is the ``mistral_instruct`` conversation of the
LLaVA-Med v1.5 release without its (empty) system prompt; ``vicuna`` that of LLaVA-1.5 without its system prompt."""
_MARK = "mmskin answers here"
_REMEMBERED = 512


class Prompts:
    """The template of one model.

    ``template`` is a name of :data:`TEMPLATES`, a text with ``{question}`` and :data:`PLACEHOLDER`, a Jinja template,
    or the path of a file with one of these; ``None`` takes the one the processor or its tokenizer brings.

    Raises :class:`WrongUse` where there is none, or it cannot be read.
    """

    def __init__(self, processor: Any, template: str | None = None) -> None:
        self._processor = processor
        self._tokenizer = processor.tokenizer
        self.image_token: str = getattr(processor, "image_token", None) or PLACEHOLDER
        own = getattr(processor, "chat_template", None) or getattr(self._tokenizer, "chat_template", None)
        self._plain: str | None = None
        self._jinja: str | None = None
        if template is not None:
            text = _read(template)
            self.source = template if template in TEMPLATES else "given"
            if "{%" in text or "{{" in text:
                self._jinja = text
            else:
                self._plain = text
        elif own:
            self._jinja = own["default"] if isinstance(own, dict) else own
            self.source = "of the model"
        else:
            names = ", ".join(TEMPLATES)
            raise WrongUse(
                "The model brings no chat template.",
                f'Say how a question is put to it: --template NAME ({names}), "[INST] <image>\\n{{question}} [/INST]", '
                "or a file with a Jinja template.",
            )
        self._adds_bos = self._first_id("a") == self._tokenizer.bos_token_id and self._tokenizer.bos_token is not None
        self._gap = self._find_gap()
        self._continued: dict[tuple[str, tuple[str, ...]], tuple[tuple[int, ...], ...]] = {}

    @property
    def fingerprint(self) -> str:
        """The template's source and the first 16 hexadecimal digits of its SHA-256."""
        text = self._jinja or self._plain or ""
        return f"{self.source} sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def template(self) -> str:
        """The template itself: Jinja, or a text with ``{question}``."""
        return self._jinja or self._plain or ""

    def render(self, ask: Ask) -> str:
        """What the model reads, one image placeholder a picture, up to where the answer begins.

        A BOS token in the text is left out where the tokenizer writes it as well, so that there is one. Placeholders
        in the question itself are taken out: a dataset cannot smuggle in a picture.
        """
        text = ask.prompt
        if ask.templated:
            if self.image_token not in text:
                text = text.replace(PLACEHOLDER, self.image_token)
        else:
            prompt = ask.prompt.replace(self.image_token, "").replace(PLACEHOLDER, "").strip()
            text = self.conversation(prompt, len(ask.images))
        if self._adds_bos:
            text = text.removeprefix(self._tokenizer.bos_token)
        if text.count(self.image_token) != len(ask.images):
            raise MmskinError(
                f"Sample {ask.id}: the template writes {text.count(self.image_token)} places for pictures, "
                f"and the sample has {len(ask.images)}.",
                "Give another --template.",
            )
        return text

    def conversation(self, prompt: str, images: int, answer: str | None = None) -> str:
        """The template around ``prompt`` with ``images`` pictures before it, and around ``answer`` where given."""
        if self._plain is not None:
            text = self._plain.replace("{question}", prompt)
            if images == 0:
                text = text.replace(f"{PLACEHOLDER}\n", "")
            elif text.count(PLACEHOLDER) == 1 and images > 1:
                text = text.replace(PLACEHOLDER, "\n".join([PLACEHOLDER] * images))
            return text.replace(PLACEHOLDER, self.image_token)
        said: list[dict[str, Any]] = [*({"type": "image"} for _ in range(images)), {"type": "text", "text": prompt}]
        messages: list[dict[str, Any]] = [{"role": "user", "content": said}]
        if answer is not None:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        return self.apply(messages, answer is None)

    def history(self, turns: Sequence[dict[str, Any]], add_generation_prompt: bool) -> str:
        """The template around a conversation as lm-eval keeps one: contents are text with :data:`PLACEHOLDER` in it.

        Without ``add_generation_prompt`` the last turn is the beginning of an answer. Raises :class:`WrongUse` where a
        plain template is asked for more than one question.
        """
        if self._plain is not None:
            if len(turns) != 1 or turns[0]["role"] != "user":
                raise WrongUse("A template with {question} takes one question.", "Give a Jinja template.")
            content = turns[0]["content"]
            return self.conversation(content.replace(PLACEHOLDER, "").strip(), content.count(PLACEHOLDER))
        messages = []
        for turn in turns:
            parts: list[dict[str, Any]] = []
            for place, text in enumerate(turn["content"].split(PLACEHOLDER)):
                parts.extend([{"type": "image"}] if place else [])
                parts.extend([{"type": "text", "text": text}] if text.strip() else [])
            messages.append({"role": turn["role"], "content": parts})
        more = {} if add_generation_prompt else {"continue_final_message": True}
        return self.apply(messages, add_generation_prompt, **more)

    def apply(self, messages: Sequence[dict[str, Any]], add_generation_prompt: bool, **more: Any) -> str:
        """The model's Jinja template around ``messages``; contents become plain text where it knows no parts."""
        try:
            text = self._applied(messages, add_generation_prompt, **more)
        except Exception:  # Jinja's errors of every kind; what is wrong is told below
            text = None
        # A template that takes contents as plain text writes the list of parts as Python shows it.
        if text is not None and _last_words(messages) in text and "{'type':" not in text:
            return str(text)
        flat = [{**message, "content": self._flat(message["content"])} for message in messages]
        try:
            return str(self._applied(flat, add_generation_prompt, **more))
        except Exception as error:
            raise WrongUse(
                f"The chat template cannot be applied: {' '.join(str(error).split())[:200]}", "Give another --template."
            ) from error

    def continuations(self, text: str, choices: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """The token ids of each choice as it continues the rendered ``text``.

        Between the two stands what the template puts there (mostly a space or nothing); spaces in front of a choice
        are dropped. Prompt and choice are tokenized together and cut where the prompt ends, as the model was trained;
        a tokenizer that merges across the border gets them apart. Raises :class:`MmskinError` for an empty choice.
        """
        tail = text.rpartition(self.image_token)[2]
        key = (tail, tuple(choices))
        if key not in self._continued:
            if len(self._continued) >= _REMEMBERED:
                self._continued.clear()
            before = self._ids(tail)
            self._continued[key] = tuple(self._continuation(tail, before, choice) for choice in choices)
        return self._continued[key]

    def _continuation(self, tail: str, before: list[int], choice: str) -> tuple[int, ...]:
        words = choice.lstrip()
        if not words:
            raise MmskinError(f"The choice {choice!r} has no words to score.", "Look at the classes of the task.")
        gap = "" if tail[-1:].isspace() else self._gap
        whole = self._ids(tail + gap + words)
        shared = whole[: len(before)] == before and len(whole) > len(before)
        return tuple(whole[len(before) :] if shared else self._ids(gap + words))

    def _find_gap(self) -> str:
        """What stands between the prompt and the answer: asked of the template with an answer that is easy to find."""
        asked = self.conversation("a", 1)
        if self._plain is None:
            before, found, _ = self.conversation("a", 1, _MARK).partition(_MARK)
            if found and before.startswith(asked):
                return before[len(asked) :]
        return "" if asked[-1:].isspace() else " "

    def _applied(self, messages: Sequence[dict[str, Any]], add_generation_prompt: bool, **more: Any) -> Any:
        return self._processor.apply_chat_template(
            list(messages),
            chat_template=self._jinja,
            add_generation_prompt=add_generation_prompt,
            tokenize=False,
            **more,
        )

    def _flat(self, content: Any) -> str:
        if isinstance(content, str):
            return content
        parts = [f"{self.image_token}\n" if part["type"] == "image" else part["text"] for part in content]
        return "".join(parts)

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _first_id(self, text: str) -> int | None:
        ids = self._tokenizer(text)["input_ids"]
        return int(ids[0]) if ids else None


def _last_words(messages: Sequence[dict[str, Any]]) -> str:
    """The last words of the conversation, by which to tell that a template has taken its contents in."""
    content = messages[-1]["content"]
    words = content if isinstance(content, str) else next((p["text"] for p in content if p["type"] == "text"), "")
    return words.strip()


def _read(template: str) -> str:
    """The text of a template: by name, as it is, or from the file of that name."""
    if template in TEMPLATES:
        return TEMPLATES[template]
    text = template
    if "{" not in template:
        path = Path(template).expanduser()
        if not path.is_file():
            raise WrongUse(
                f"--template {template} is neither a template nor a file.",
                f"Known names: {', '.join(TEMPLATES)}; a text needs {{question}} in it.",
            )
        text = path.read_text(encoding="utf-8")
    if "{%" not in text and "{{" not in text and "{question}" not in text:
        raise WrongUse("The template has no place for the question.", "Write {question} where it belongs.")
    # What a shell hands over has the line break written as two characters.
    return text if "{%" in text or "{{" in text else text.replace("\\n", "\n")
