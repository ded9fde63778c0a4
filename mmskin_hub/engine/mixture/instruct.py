"""Questions that say how they want to be answered, as the strict protocol of evaluation asks them.

A model that was trained on bare questions answers a yes or no question with a sentence, and has never read the words by
which it is asked for less. LLaVA-1.5 therefore trains on such instructions (Liu et al. 2024, arXiv:2310.03744, section
3.2, "response format prompting"). ``instructed: 0.5`` in a mixture gives half of the questions theirs, whichever half
the seed and their ids decide; a yes or no answer is then its first word. Without it, as shipped, nothing is changed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from mmskin_hub.engine.mixture.items import Item
from mmskin_hub.engine.mixture.recipe import Recipe

OPEN = "Answer in one short sentence."
CLOSED = "Answer with yes or no, and nothing else."
"""What stands on the line below a question; :mod:`mmskin_hub.evals.prompts` asks with the same words."""
_YES_OR_NO = re.compile(r"(yes|no)\b", re.IGNORECASE)


def instructed(rows: Sequence[Item], recipe: Recipe, seed: int) -> list[Item]:
    """``rows``, with the instruction in the share of questions that ``recipe`` says; captions and classes stay."""
    return [_instructed(item) if _chosen(item, recipe, seed) else item for item in rows]


def _chosen(item: Item, recipe: Recipe, seed: int) -> bool:
    share = recipe.entries[item.source].share_of(item.config).instructed
    if not share or item.task != "vqa" or len(item.prompt) != 1:
        return False
    digest = hashlib.sha256(f"{seed}:instruct:{item.id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _instructed(item: Item) -> Item:
    ((role, question),) = item.prompt
    short = _YES_OR_NO.match(item.answer)
    answer = f"{short[1].capitalize()}." if short else item.answer
    return replace(item, prompt=((role, f"{question}\n{CLOSED if short else OPEN}"),), answer=answer)
