"""A LLaVA-style conversation becomes one row for each of its answers.

::

    {"id": "7", "image": "bk3_12.png", "conversations": [
        {"from": "human", "value": "<image>\\nWhat is seen?"}, {"from": "gpt", "value": "A plaque."},
        {"from": "human", "value": "Where?"},                  {"from": "gpt", "value": "On the elbow."}]}

A row has one completion, so a conversation of two answers is two rows: the second has the first answer in its prompt.
With one row a conversation, every answer but the last would be masked and lost to training. The word ``<image>`` goes:
the trainer puts the picture before the first question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmskin_hub.engine.mixture.items import IMAGE_TOKEN, Message

_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
_TOKEN = re.compile(r"[ \t]*\n?[ \t]*" + re.escape(IMAGE_TOKEN) + r"[ \t]*\n?[ \t]*")


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer, and every message before it."""

    prompt: tuple[Message, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a conversation cannot be used: a reason of :data:`items.REASONS` and a sentence."""

    reason: str
    detail: str


def read_conversation(turns: Any, has_picture: bool) -> list[Turn] | Bad:
    """The answers of ``turns`` (the list under "conversations") with what precedes them, or what is wrong with it.

    Roles are human and gpt (or user and assistant), in turn, after at most one system message; the last word is the
    assistant's. ``<image>`` may stand in one question, at its start, its end or on a line of its own.
    """
    if not isinstance(turns, list) or not turns:
        return Bad("no_conversation", "There is no list of turns under 'conversations'.")
    messages: list[Message] = []
    tokens = 0
    for number, turn in enumerate(turns, 1):
        message = _message(turn, number)
        if isinstance(message, Bad):
            return message
        role, text = message
        if not _follows(role, messages):
            return Bad("roles_out_of_order", f"Turn {number} is by {role!r}.")
        if IMAGE_TOKEN in text:
            tokens += text.count(IMAGE_TOKEN)
            if role != "user":
                return Bad("image_token", f"Turn {number}, by {role!r}, says {IMAGE_TOKEN}.")
            text = without_token(text)
        text = text.strip()
        if not text:
            return Bad("empty_answer" if role == "assistant" else "empty_question", f"Turn {number} says nothing.")
        messages.append((role, text))
    if messages[-1][0] != "assistant":
        return Bad("roles_out_of_order", "The last question has no answer.")
    if tokens > int(has_picture):
        return Bad("image_token", f"{IMAGE_TOKEN} stands {tokens} times; pictures: {int(has_picture)}.")
    ends = [place for place, (role, _) in enumerate(messages) if role == "assistant"]
    return [Turn(tuple(messages[:end]), messages[end][1]) for end in ends]


def without_token(text: str) -> str:
    """``text`` without ``<image>`` and the blanks and the line end around it; words it parted stay apart."""

    def gap(match: re.Match[str]) -> str:
        inside = match.start() > 0 and match.end() < len(text)
        return ("\n" if "\n" in match[0] else " ") if inside else ""

    previous = None
    while previous != text:  # removing one may put the halves of another together
        previous, text = text, _TOKEN.sub(gap, text)
    return text.strip()


def _message(turn: Any, number: int) -> Message | Bad:
    if not isinstance(turn, Mapping):
        return Bad("no_conversation", f"Turn {number} is not a pair of 'from' and 'value'.")
    role = _ROLES.get(str(turn.get("from", turn.get("role", ""))).strip().casefold())
    text = turn.get("value", turn.get("content"))
    if role is None:
        return Bad("roles_out_of_order", f"Turn {number} is by {turn.get('from')!r}.")
    if text is not None and not isinstance(text, str):
        return Bad("no_conversation", f"Turn {number} says something that is no text.")
    return role, text or ""


def _follows(role: str, before: list[Message]) -> bool:
    last = before[-1][0] if before else ""
    return {"system": not before, "user": last in ("", "system", "assistant"), "assistant": last == "user"}[role]
