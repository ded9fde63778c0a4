"""Questions about the diagnosis."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial

from mmskin_hub.derive.vqa.facts import Fact, Facts, can_be_seen
from mmskin_hub.derive.vqa.offers.offer import Offer, Slots, an, pick, printed
from mmskin_hub.derive.vqa.phrases import is_plural
from mmskin_hub.derive.vqa.vocabulary import Term, Vocabulary


def diagnosis(facts: Facts) -> Iterator[Offer]:
    """What the disease is, where the caption states one, or one as its title before it goes on to others."""
    found = facts.diagnoses
    if not found or (len(found) > 1 and (found[0].first > 0 or _same_sentence(facts, found[0], found[1]))):
        return
    said = partial(_said, facts, found[0])
    yield Offer("diagnosis", "open", said)
    yield Offer("diagnosis", "yes", said)
    # A pattern of reaction ("dermatitis", "vasculitis") is found in many diseases and excludes none.
    if len(found) == 1 and found[0].term.name not in _PATTERNS and found[0].term.path[:2] != _REACTION:
        yield Offer("diagnosis", "no", partial(_denied, facts, found[0]))


_REACTION = ("other", "reaction pattern")
_PATTERNS = frozenset(("dermatitis", "vasculitis", "panniculitis", "spongiotic dermatitis", "drug eruption", "nevus"))
_COUNTED = re.compile(
    r"(?:oma|nevus|naevus|cyst|spot|line|macule|papule|nodule|ulcer|wart|lentigo|polyp|tumou?r|horn|corn|callus|"
    r"abscess|keloid|milium|stain|fistula|sinus|blister|bite|tag|burn|scar|birthmark|"
    r"(?:actinic|solar|seborrh?o?eic) keratosis)$",
    re.IGNORECASE,
)
"""What names of diseases end with that one can count: "a lipoma", "a pilar cyst"."""


def _said(facts: Facts, stated: Fact) -> dict[str, str]:
    name = printed(facts, stated)
    if not is_plural(stated, facts):
        return {"d": name, "a_d": _counted(name)}
    if _COUNTED.search(stated.term.name):
        return {"d": stated.term.name, "a_d": an(stated.term.name)}
    return {"d": name, "a_d": name}


def _counted(name: str) -> str:
    return an(name) if _COUNTED.search(name) else name


def _denied(facts: Facts, stated: Fact) -> Slots | None:
    """A disease that is taken for the stated one, or one of its group, of which the caption says nothing."""
    for rivals in _rivals(facts.vocabulary, stated.term.name):
        left = [term for term in rivals if term.name not in facts.mentioned]
        if left:
            other = pick(left, f"confusion:{facts.asked.id}").name
            return {**_said(facts, stated), "x": other, "a_x": _counted(other)}
    return None


def _same_sentence(facts: Facts, one: Fact, other: Fact) -> bool:
    return not any(token.text in ".:;" for token in facts.text[one.last + 1 : other.first])


@lru_cache(maxsize=4096)
def _rivals(vocabulary: Vocabulary, name: str) -> tuple[tuple[Term, ...], ...]:
    """The lookalikes of a disease, and then those of its group, from the nearest to the widest that has three."""
    stated = vocabulary.terms[name]
    groups = [stated.path[:depth] for depth in range(len(stated.path), 0, -1)]
    found = [vocabulary.lookalikes(stated), *(vocabulary.of_kind("diagnosis", group) for group in groups)]
    eligible = [
        tuple(
            term for term in terms if can_be_seen(term) and not term.is_kin(stated) and not _shares_words(term, stated)
        )
        for terms in found
    ]
    return tuple(terms for n, terms in enumerate(eligible) if terms and (n == 0 or len(terms) >= 3))


def _shares_words(one: Term, other: Term) -> bool:
    """Names that share a word may be near relations even where the vocabulary does not say so."""
    words = {word.lower() for word in other.name.split() if len(word) > 4}
    return any(word.lower() in words for word in one.name.split())
