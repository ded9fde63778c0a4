"""An offer, and the words offers are filled with."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from mmskin_hub.derive.vqa.facts import Fact, Facts
from mmskin_hub.derive.vqa.phrases import Phrase, is_plural
from mmskin_hub.derive.vqa.spelling import fold, folded

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
    if words[0].islower():
        return words
    first = words.split(" ", 1)[0]
    named = (name.split(" ", 1)[0] for name in (fact.term.name, *fact.term.synonyms))
    if not first[1:].islower() or any(name[0].isupper() and fold(name) == fold(first) for name in named):
        return words
    return words[0].lower() + words[1:]


# Names that a phrase may begin with: "Wickham striae".
_NAMES = folded(
    """Wickham Pautrier Munro Kogoj Civatte Langerhans Touton Auspitz Koebner Gottron Nikolsky Beau Mees Wood Giemsa
    Masson Congo Henderson Dutcher Birbeck Darier Tzanck Miescher Hutchinson Langhans Max Cowdry Negri Verocay Antoni"""
)


def within(words: str) -> str:
    """``words`` as they stand within a sentence: the first letter small, unless it begins a name."""
    first = words.split(" ", 1)[0]
    small = len(first) == 1 or first[1:].islower()
    return words[0].lower() + words[1:] if small and fold(first) not in _NAMES else words


_MASS = re.compile(
    r"(?:sis|ema|tion|ing|trophy|plasia|ity|ness|ism|itis|loss|pigment|mucin|amyloid|collagen|fat|tissue|pus|purpura|"
    r"scale|debris|dust|pallor|birefringence|alopecia|light|erythroderma|gangrene|staining|tropism|lysis)$"
)
"""What nouns end with that stand without an article: processes and substances."""


def is_mass(words: str) -> bool:
    """Whether a singular noun phrase names a process or a substance, which takes no article: "atrophy", "scale"."""
    return _MASS.search(words.split(" of ")[0].lower()) is not None


def with_a(words: str) -> str:
    """A singular noun phrase with "a" or "an", unless it names a process or a substance."""
    return words if is_mass(words) else an(words)


def an(words: str) -> str:
    """``words`` with "a" or "an"."""
    return f"{'an' if words[:1].lower() in 'aeiou' else 'a'} {words}"


_DETERMINED = re.compile(
    r"(?:an?|the|multiple|numerous|several|many|two|three|four|few|some|both|\d+)\b", re.IGNORECASE
)


def phrased(facts: Facts, words: str, head: Fact | None) -> str:
    """``words`` of the caption within a sentence, with the article that their head wants and the caption left out."""
    words = within(words)
    if head is None or is_plural(head, facts) or _DETERMINED.match(words) or is_mass(facts.span(head.first, head.last)):
        return words
    return an(words)


def noun(facts: Facts, fact: Fact) -> dict[str, str]:
    """A thing seen, with "a" where English has it, and the verb that goes with it."""
    plural = is_plural(fact, facts)
    words = within(facts.span(fact.first, fact.last))
    return {"noun": words if plural else with_a(words), "are": "are" if plural else "is"}


_ADJECTIVAL = ("ed", "ous", "ic", "ar", "al", "y", "oid", "form")
_TYPE = folded("type variant form subtype stage pattern")


def is_noun(facts: Facts, fact: Fact) -> bool:
    """Whether a term is printed as a noun ("papules"), not as the adjective of one ("papular", "nodular type")."""
    following = facts.text[fact.last + 1].word if fact.last + 1 < len(facts.text) else ""
    if following in _TYPE:
        return False
    last = facts.text[fact.last].text.lower()
    if last.endswith("ing"):  # "scaling", the noun, or that of "scaling plaques"
        return not any(other.first == fact.last + 1 for other in facts.all)
    return not last.endswith(_ADJECTIVAL) or last in fact.term.name.split() or is_plural(fact, facts)


def lesions(facts: Facts, phrases: Sequence[Phrase]) -> dict[str, str]:
    """What the lesions are called in a question: "the papules", or "the lesions" where there are several kinds."""
    heads = [fact for phrase in phrases for fact in phrase.facts if fact.term.kind == "lesion" and is_noun(facts, fact)]
    if len({head.term.name for head in heads}) > 1:
        return {"lesions": "the lesions", "are": "are"}
    if not heads:
        return {"lesions": "the lesion", "are": "is"}
    plural = is_plural(heads[0], facts)
    if heads[0].first != heads[0].last:
        return {"lesions": "the lesions", "are": "are"} if plural else {"lesions": "the lesion", "are": "is"}
    return {"lesions": f"the {facts.text[heads[0].last].text.lower()}", "are": "are" if plural else "is"}


def opposite(facts: Facts, fact: Fact) -> str:
    """A term that the stated one excludes by definition, of which the caption says nothing; "" if there is none."""
    left = [name for name in fact.term.opposites if name not in facts.mentioned]
    return pick(left, f"opposite:{facts.asked.id}:{fact.term.name}") if left else ""
