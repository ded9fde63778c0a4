"""The prompts a model is asked with: one Markdown file a version, never changed once it was used.

A file holds messages, each under a heading ``## system``, ``## user`` or ``## assistant``; the last one is the
question, with ``$facts`` where the words and facts of a picture go as a JSON object. Text above the first heading is
for the reader of the file. A change of wording is a new file with the next number.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

from mmskin_hub.errors import WrongUse
from mmskin_hub.schema import Asked

_HEADING = re.compile(r"^## (system|user|assistant)[ \t]*$", re.MULTILINE)
_FACTS = "$facts"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt by ``name``; ``digest`` is the SHA-256 (hex) of its text, ``turns`` are (role, text) pairs."""

    name: str
    digest: str
    turns: tuple[tuple[str, str], ...]

    def messages(self, asked: Asked) -> list[dict[str, Any]]:
        """The chat that asks for questions about ``asked``."""
        facts = json.dumps(
            {
                "modality": asked.modality,
                "age_years": asked.age_years,
                "sex": asked.sex or None,
                "description": " ".join(asked.caption.split()),
            },
            ensure_ascii=False,
        )
        return [{"role": role, "content": text.replace(_FACTS, facts)} for role, text in self.turns]


def load_prompt(name: str) -> Prompt:
    """The prompt ``name``; raises :class:`WrongUse`, which lists the known ones, where there is none of that name."""
    folder = resources.files(__name__)
    known = sorted(entry.name[:-3] for entry in folder.iterdir() if entry.name.endswith(".md"))
    if name not in known:
        raise WrongUse(f"There is no prompt {name!r}.", f"Choose one of: {', '.join(known)}.")
    text = folder.joinpath(f"{name}.md").read_text("utf-8").replace("\r\n", "\n")
    parts = _HEADING.split(text)
    turns = tuple((role, body.strip()) for role, body in zip(parts[1::2], parts[2::2], strict=True))
    return Prompt(name, hashlib.sha256(text.encode()).hexdigest(), turns)
