"""How likely a served model finds an answer: read from the log-probabilities of a prompt that ends in that answer.

vLLM gives them (``prompt_logprobs`` of its chat API); OpenAI's API has no such thing, TGI and ``transformers serve``
do not either. The prompt is the chat with the answer begun (``continue_final_message``), so that the server's own
template says what stands before the answer; where the answer starts is found by comparing its tokens with those of the
same chat without an answer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCORED: dict[str, Any] = {
    "prompt_logprobs": 0,
    "add_generation_prompt": False,
    "continue_final_message": True,
}
"""Beside the chat whose last message is the answer. With 0, vLLM tells of each token of the prompt and of no other."""
OPENED: dict[str, Any] = {"prompt_logprobs": 0, "add_generation_prompt": True, "continue_final_message": False}
"""Beside the chat without an answer."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of the prompt; ``logprob`` is natural, and of the first token not known (``nan``)."""

    id: int
    text: str
    logprob: float


def prompt_tokens(given: Any) -> tuple[Token, ...] | None:
    """The tokens in ``prompt_logprobs`` as vLLM sends it; ``None`` where ``given`` is anything else.

    ::

        [null, {"450": {"logprob": -1.3, "rank": 2, "decoded_token": "The"}}, …]

    Of several tokens at one place, the first is the prompt's.
    """
    if not isinstance(given, list) or not given:
        return None
    tokens = []
    for place, entry in enumerate(given):
        if entry is None and place == 0:
            tokens.append(Token(-1, "", math.nan))
            continue
        if not isinstance(entry, Mapping) or not entry:
            return None
        number, told = next(iter(entry.items()))
        try:
            tokens.append(Token(int(number), str(told.get("decoded_token") or ""), float(told["logprob"])))
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
    return tuple(tokens)


def shared(one: Sequence[Token], other: Sequence[Token]) -> int:
    """How many tokens ``one`` and ``other`` begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a.id != b.id), min(len(one), len(other)))


def says(tokens: Sequence[Token], choice: str, begun: bool) -> bool:
    """Whether ``tokens`` spell ``choice``, spaces aside; ``begun``: the first may hold the end of the question too.

    True where they cannot be compared: some tokens are parts of a character.
    """
    text, wanted = ("".join(words.split()) for words in ("".join(token.text for token in tokens), choice))
    if "\ufffd" in text or not text:
        return bool(tokens)
    return text.endswith(wanted) if begun else text == wanted
