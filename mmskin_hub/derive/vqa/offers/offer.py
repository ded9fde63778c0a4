"""An offer, and the words offers are filled with."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from mmskin_hub.derive.vqa.facts import Fact, Facts
from mmskin_hub.derive.vqa.phrases import Phrase, is_plural
from mmskin_hub.derive.vqa.spelling import folded

T = TypeVar("T")
Slots = Mapping[str, str]


class Offer(NamedTuple):
    """A question that could be asked: its type, its form ("open", "yes", "no"), and the words for it.

    ``fill`` gives the words, or ``None`` where the caption has none after all. Most offers are never taken, so none is
    filled before it is.
    """

    question_type: str
    form: str
    fill: Callable[[], Slots | None]


def pick(choices: Sequence[T], key: str) -> T:
    """One of ``choices``, decided by ``key`` alone."""
    return choices[order_of(key) % len(choices)]


def order_of(key: str) -> int:
    """A number that ``key`` alone decides, as good as drawn by lot."""
    # A checksum is not mixed enough to be taken modulo a small number; a multiplication (Knuth's) mends that.
    return (zlib.crc32(key.encode()) * 2654435761 & 0xFFFFFFFF) >> 4


def printed(facts: Facts, fact: Fact) -> str:
    """A term as the caption has it, small at the beginning unless it is a name or an abbreviation."""
    words = facts.span(fact.first, fact.last)
    name = fact.term.name
    if words == name or words in fact.term.synonyms:
        return words
    if words.isupper() and len(words) > 6:
        return name
    return words if name[0].isupper() or words[1:2].isupper() else words[0].lower() + words[1:]


# Names that a phrase may begin with: "Wickham striae".
_NAMES = folded(
    """Wickham Pautrier Munro Kogoj Civatte Langerhans Touton Auspitz Koebner Gottron Nikolsky Beau Mees Wood Giemsa
    Masson Congo Henderson Dutcher Birbeck Darier Tzanck"""
)


def within(words: str) -> str:
    """``words`` as they stand within a sentence: the first letter small, unless it begins a name."""
    first = words.split(" ", 1)[0]
    return words[0].lower() + words[1:] if first[1:].islower() and first.lower() not in _NAMES else words


_MASS = re.compile(
    r"(?:sis|ema|tion|ing|trophy|plasia|ity|ness|ism|loss|pigment|mucin|amyloid|collagen|fat|tissue|pus|purpura|scale|"
    r"atrophy|debris|necrosis|alopecia|light|erythroderma|gangrene|striae)$"
)
"""What nouns end with that stand without an article: processes and substances."""


def is_mass(words: str) -> bool:
    """Whether a singular noun phrase names a process or a substance, which takes no article: "atrophy", "scale"."""
    return _MASS.search(words.split(" of ")[0].lower()) is not None


def with_a(words: str) -> str:
    """A singular noun phrase with "a" or "an", unless it names a process or a substance."""
    if is_mass(words):
        return words
    return f"{'an' if words[:1].lower() in 'aeiou' else 'a'} {words}"


def noun(facts: Facts, fact: Fact) -> dict[str, str]:
    """A thing seen, with "a" where English has it, and the verb that goes with it."""
    plural = is_plural(fact, facts)
    words = within(facts.span(fact.first, fact.last))
    return {"noun": words if plural else with_a(words), "are": "are" if plural else "is"}


_ADJECTIVAL = ("ed", "ous", "ic", "ar", "al", "y", "ing", "oid", "form")
_TYPE = folded("type variant form subtype stage pattern")


def is_noun(facts: Facts, fact: Fact) -> bool:
    """Whether a term is printed as a noun ("papules"), not as the adjective of one ("papular", "nodular type")."""
    following = facts.text[fact.last + 1].word if fact.last + 1 < len(facts.text) else ""
    if following in _TYPE:
        return False
    last = facts.text[fact.last].text.lower()
    return not last.endswith(_ADJECTIVAL) or last in fact.term.name.split() or is_plural(fact, facts)


def lesions(facts: Facts, phrases: Sequence[Phrase]) -> dict[str, str]:
    """What the lesions are called in a question: "the papules", or "the lesions" where there are several kinds."""
    heads = [fact for phrase in phrases for fact in phrase.facts if fact.term.kind == "lesion" and is_noun(facts, fact)]
    if len({head.term.name for head in heads}) > 1:
        return {"lesions": "the lesions", "are": "are"}
    if not heads or heads[0].first != heads[0].last:
        return {"lesions": "the lesion", "are": "is"}
    plural = is_plural(heads[0], facts)
    return {"lesions": f"the {facts.text[heads[0].last].text.lower()}", "are": "are" if plural else "is"}


def opposite(facts: Facts, fact: Fact) -> str:
    """A term that the stated one excludes by definition, of which the caption says nothing; "" if there is none."""
    left = [name for name in fact.term.opposites if name not in facts.mentioned]
    return pick(left, f"opposite:{facts.asked.id}:{fact.term.name}") if left else ""
