"""What a model is made to answer with, and how its answer is read: one JSON object with a list of pairs.

The shape is asked for in the two spellings servers know (:data:`FORMS`) and checked here whatever the server promised:
a model that was not held to it often wraps the object in a code fence or in talk.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from mmskin_hub.schema import QA, QUESTION_TYPES

MOST_PAIRS = 8
"""Pairs beyond these are left out: a picture asked twenty things is asked the same thing twenty times."""
LONGEST_ANSWER = 100_000
"""Characters of an answer that are looked at; a model that writes more than this is running in circles."""

_PAIR: dict[str, Any] = {
    "type": "object",
    "properties": {
        "question": {"type": "string"},
        "answer": {"type": "string"},
        "question_type": {"type": "string", "enum": list(QUESTION_TYPES)},
        "closed": {"type": "boolean"},
    },
    "required": ["question", "answer", "question_type", "closed"],
    "additionalProperties": False,
}
ANSWER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"pairs": {"type": "array", "items": _PAIR}},
    "required": ["pairs"],
    "additionalProperties": False,
}
"""The JSON schema of an answer. It sets no bounds on lengths: strict modes refuse a schema that does."""


# JSON may carry control characters, and halves of surrogate pairs that no file can hold.
_LOOSE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class _AsWritten(dict[str, Any]):
    """A response format that huggingface_hub sends as it is.

    ``chat_completion`` to a ``base_url`` turns every ``json_schema`` into Text Generation Inference's own spelling,
    which vLLM takes for "any JSON" and others refuse. It looks at ``get("type")`` to decide and at the items to send.
    """

    def get(self, key: str, default: Any = None) -> Any:
        return default if key == "type" else super().get(key, default)


FORMS: tuple[dict[str, Any] | None, ...] = (
    _AsWritten(
        type="json_schema", json_schema={"name": "question_answer_pairs", "schema": ANSWER_SCHEMA, "strict": True}
    ),
    {"type": "json_object", "value": ANSWER_SCHEMA},
    None,
)
"""Ways to ask for the schema, in the order they are tried: OpenAI's, Text Generation Inference's, not at all."""


class BadAnswer(ValueError):
    """An answer that cannot be used; ``again`` says whether asking once more may bring another."""

    def __init__(self, why: str, again: bool = True) -> None:
        super().__init__(why)
        self.again = again


def read_answer(content: str, finish: str) -> tuple[QA, ...]:
    """The pairs in ``content``, what a model wrote, with ``finish``, the server's word on why it stopped.

    At most :data:`MOST_PAIRS`, white space made single; an empty tuple where the model found nothing to ask. Raises
    :class:`BadAnswer` where ``content`` is not one object of the shape of :data:`ANSWER_SCHEMA`. Keys the schema does
    not know are passed over: nothing is lost with them.
    """
    try:
        return _pairs(_only_object(content))
    except BadAnswer as error:
        if finish == "length":
            raise BadAnswer("The answer was cut off at the largest number of tokens.", again=False) from error
        if finish in ("content_filter", "refusal"):
            raise BadAnswer("The model declined to answer.", again=False) from error
        raise


def _only_object(content: str) -> dict[str, Any]:
    if len(content) > LONGEST_ANSWER:
        raise BadAnswer("The answer is longer than any list of questions.")
    # A model that thinks aloud drafts its objects there.
    text = re.sub(r"\A\s*<think>.*?</think>", "", content, flags=re.DOTALL)
    decoder, found, start = json.JSONDecoder(), [], text.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(text, start)
        except RecursionError:
            raise BadAnswer("The answer holds objects within objects without end.") from None
        except ValueError:
            end = start + 1
        else:
            found.append(value)
        start = text.find("{", end)
    if len(found) != 1:
        raise BadAnswer("The answer holds no JSON object." if not found else "The answer holds several JSON objects.")
    return dict(found[0])


def _pairs(value: dict[str, Any]) -> tuple[QA, ...]:
    pairs = value.get("pairs")
    if not isinstance(pairs, list):
        raise BadAnswer('The answer holds no list "pairs".')
    return tuple(_pair(pair, number) for number, pair in enumerate(pairs, 1))[:MOST_PAIRS]


def _pair(value: Any, number: int) -> QA:
    if not isinstance(value, dict):
        raise BadAnswer(f"Pair {number} of the answer is not an object.")
    kind = re.sub(r"[\s-]+", "_", str(value.get("question_type")).strip().lower())
    if kind not in QUESTION_TYPES:
        raise BadAnswer(f"Pair {number} of the answer has no question_type that is known.")
    if not isinstance(value.get("closed"), bool):
        raise BadAnswer(f'Pair {number} of the answer does not say whether it is "closed".')
    question, answer = (_text(value.get(name), name, number) for name in ("question", "answer"))
    return QA(question, answer, kind, value["closed"])


def _text(value: Any, name: str, number: int) -> str:
    if not isinstance(value, str):
        raise BadAnswer(f"Pair {number} of the answer has no {name}.")
    text = " ".join(unicodedata.normalize("NFC", _LOOSE.sub(" ", value)).split())
    if not text:
        raise BadAnswer(f"Pair {number} of the answer has no {name}.")
    return text
