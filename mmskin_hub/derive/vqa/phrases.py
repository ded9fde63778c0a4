"""The caption's own words for a fact: noun phrases of lesions, places with their preposition, clauses of findings.

Answers quote the caption rather than the vocabulary, so nothing is added to what the author wrote. Every function
gives "" where the caption holds no such phrase.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mmskin_hub.derive.vqa.facts import PEOPLE, STATED, Fact, Facts
from mmskin_hub.derive.vqa.spelling import Token, fold, folded

_GENERIC = folded(
    """lesion lesions eruption eruptions rash area areas swelling growth mass outgrowth discoloration
    pigmentation erythema change changes macules"""
)
"""Nouns that carry an adjective as a named lesion does."""
_GAP = frozenset(("and", ",", "&", "to", "or"))
_STOP = folded(
    """of on in at with without from over by for and or to is are was were show shows showing shown
    reveals reveal revealing demonstrates demonstrate demonstrating displays display displaying note noted present
    presents presenting seen see has have had this that these those there which who consisting consists typical
    classic classical characteristic early late severe mild close-up closeup view same another case patient man woman
    boy girl child infant his her multiple several note like mm cm millimeter centimeter"""
) | frozenset(".,;:()[]/\"“”‘’'?!&%=+*<>#")
_PLACE = folded(
    """left right upper lower inner outer lateral medial anterior posterior dorsal ventral both distal
    proximal mid middle bilateral entire whole central"""
)
_PREPOSITION = frozenset(
    ("on", "in", "over", "at", "around", "behind", "under", "beneath", "above", "below", "between", "along", "near")
)
_SHOW = folded(
    """shows show showing shown reveals reveal revealing demonstrates demonstrate demonstrating displays
    display displaying exhibits exhibiting with depicts depicting highlights highlighting illustrates illustrating note
    noted notes"""
)
_ARTICLE = re.compile(r"\b(?:an?|the)\s+$", re.IGNORECASE)
_OWNED = re.compile(r"(?:an?|the|his|her|both)\b", re.IGNORECASE)
_BRACKET = re.compile(r"\s*[(\[][^()\[\]]*[)\]]")
_OF = frozenset(("of", "in", "from", "on", "at", "by"))
_OPENING = folded("note notice observe close-up closeup view same")
"""Words a sentence may begin with that describe nothing."""
_TRAILING = frozenset(("and", "or", "with", "of", "on", "in", "at", "to", "by", "from", ",", "&", "which", "is", "are"))
_TURN = folded(
    """which that who without after before following since during measuring measured present presented presenting
    history treated treatment noted note case courtesy photograph but caused due returning cannot associated arising
    despite because although"""
)
"""Words at which a description of the picture ends: what was before, what is absent, whose picture it is."""


class Phrase(NamedTuple):
    """Words of the caption, and the facts in them, the last lesion being what the others describe."""

    text: str
    facts: tuple[Fact, ...]
    first: int
    last: int

    @property
    def head(self) -> Fact | None:
        """The lesion the phrase is about."""
        return next((fact for fact in reversed(self.facts) if fact.term.kind == "lesion"), None)


def lesion_phrases(facts: Facts) -> list[Phrase]:
    """Every "well-demarcated erythematous plaques": what is said of one lesion, with it; generic nouns count as one."""
    found: list[Phrase] = []
    run: list[Fact] = []
    last = -1
    for fact in facts.stated("lesion", "surface", "colour", "border", "arrangement", "number"):
        if run and not _joined(facts.text, last, fact.first):
            found += _close(facts, run, last)
            run = []
        run.append(fact)
        last = fact.last
    return found + (_close(facts, run, last) if run else [])


def _joined(text: Sequence[Token], last: int, first: int) -> bool:
    gap = [token.word for token in text[last + 1 : first]]
    # Adjectives that the vocabulary lacks do not break the phrase: "bright red, lobulated, adherent nodule".
    return len(gap) <= 3 and all(word in _GAP or (word not in _STOP and word.endswith(_ADJECTIVES)) for word in gap)


_ADJECTIVES = ("ly", "ish", "ed", "ous", "ic", "ar", "al", "oid", "form", "ent", "ant", "ive", "less", "otic")


def _close(facts: Facts, run: list[Fact], last: int) -> list[Phrase]:
    following = facts.text[last + 1].word if last + 1 < len(facts.text) else ""
    if not any(fact.term.kind == "lesion" for fact in run):
        if following not in _GENERIC:
            return []  # "a black patient": the colour of nothing we know
        last += 1
    else:
        last = max(fact.last for fact in run if fact.term.kind == "lesion")
        run = [fact for fact in run if fact.last <= last]
    first = _leftmost(facts, run[0].first)
    return [Phrase(with_article(facts, first, last), tuple(run), first, last)]


def _leftmost(facts: Facts, first: int, most: int = 3) -> int:
    """Take in up to ``most`` unknown words before ``first``: adjectives that the vocabulary lacks."""
    taken = {fact.last for fact in facts.all}
    for _ in range(most):
        before = first - 1
        if before < 0 or before in taken or facts.text[before].word in _STOP or facts.text[before].text[0].isdigit():
            break
        first = before
    return first


def with_article(facts: Facts, first: int, last: int) -> str:
    """Tokens ``first`` to ``last`` as printed, with the "a", "an" or "the" that stands before them."""
    start = facts.text[first].start
    article = _ARTICLE.search(facts.caption, max(0, start - 5), start)
    return facts.caption[article.start() if article else start : facts.text[last].end]


def chained(facts: Facts, phrases: Sequence[Phrase]) -> str:
    """The first phrase and those that go on with it: "plaques with silvery scale", "bullae and crusted erosions"."""
    if not phrases:
        return ""
    first, last = phrases[0].first, phrases[0].last
    for phrase in phrases[1:]:
        gap = [token.word for token in facts.text[last + 1 : phrase.first]]
        if not gap or len(gap) > 2 or any(word not in ("with", "and", ",") for word in gap):
            break
        last = phrase.last
    return with_article(facts, first, last)


def place(facts: Facts) -> str:
    """The stated place with its preposition: "on the dorsum of the left hand"; several that are linked, together."""
    sites = [fact for fact in facts.stated("site") if is_place(facts, fact)]
    if not sites:
        return ""
    first, last = sites[0].first, sites[0].last
    for site in sites[1:]:
        gap = [token.word for token in facts.text[last + 1 : site.first]]
        if any(word not in _GAP and word not in _PLACE and word not in _PREPOSITION and word != "of" for word in gap):
            break
        last = site.last
    while first and (
        facts.text[first - 1].word in _PLACE
        or (first > 1 and facts.text[first - 1].word in ("and", "or") and facts.text[first - 2].word in _PLACE)
    ):
        first -= 1
    words = with_article(facts, first, last).replace(" & ", " and ").lower()
    if facts.text[first].word in _PREPOSITION:
        return words  # "around the mouth" is a place by itself
    before = facts.text[first - 1].word if first else ""
    if before not in _PREPOSITION:
        before = "in" if _HOLLOW.search(words) else "on"
    return f"{before} {words}" if _OWNED.match(words) else f"{before} the {words}"


_HOLLOW = re.compile(r"\b(?:folds?|axillae?|groins?|web spaces?|webs?|canals?|foss[ae]|clefts?|flexures?|mouth)$")
"""Places one is in, and not on."""


def is_place(facts: Facts, site: Fact) -> bool:
    """Not "palmar" in "palmar psoriasis": an adjective alone is no place."""
    if site.first != site.last:
        return True
    after = facts.text[site.last + 1].word if site.last + 1 < len(facts.text) else "."
    printed = facts.text[site.last].text.lower()
    adjective = printed.endswith(("al", "ar", "ary", "ic", "ous", "id")) and site.term.name.split()[-1] != fold(printed)
    return not adjective or after in ("region", "area", "skin")


def finding(facts: Facts, at: Fact) -> str:
    """The clause of the caption in which the finding ``at`` stands, cut where the picture ends and the patient, the
    stain, or the past begins."""
    first, last = sentence_bounds(facts, at)
    verb = next((n for n in range(at.first - 1, max(first, at.first - 8) - 1, -1) if facts.text[n].word in _SHOW), None)
    start = _leftmost(facts, at.first) if verb is None else verb + 1
    return described(facts, start, last) or with_article(facts, _leftmost(facts, at.first), at.last)


def described(facts: Facts, first: int, last: int) -> str:
    """Tokens ``first`` to ``last`` as printed, up to the patient, the past, and what is not seen; without brackets.

    "" where something in it is denied or left open.
    """
    text = facts.text
    while first < last and text[first].word in _OPENING:
        first += 1
    if last - first > 1 and len(text[first].text) == 1 and text[first + 1].text in ",).":
        first += 2  # the letter of a panel
    end = first
    while end <= last and not (end > first and (text[end].word in _TURN or _is_turn(facts, end, last))):
        end += 1
    while end > first and (
        text[end - 1].word in _TRAILING or text[end - 1].word in _SPANS or text[end - 1].text.isdigit()
    ):
        end -= 1
    if end == first or any(first <= fact.first < end and fact.said != STATED for fact in facts.all):
        return ""
    words = with_article(facts, first, end - 1)
    return (_BRACKET.sub("", words) if "(" in words or "[" in words else words).strip(" ,;:.–-")


def _is_turn(facts: Facts, at: int, last: int) -> bool:
    """Whether "for 6 months", "of 10 years" or "of a 54-year-old man" begins at token ``at``."""
    text, word = facts.text, facts.text[at].word
    if word not in _OF and word != "for":
        return False
    following = text[at + 1].word if at < last else ""
    if following[:1].isdigit() and at + 2 <= last and text[at + 2].word in _SPANS and "old" not in _next(facts, at + 3):
        return True
    for n in range(at + 1, min(at + 7, last + 1)):
        if text[n].word in PEOPLE:
            return True
        if text[n].word in _OF or text[n].word in _GAP or any(f.first <= n <= f.last for f in facts.all):
            return False
    return False


_SPANS = folded("day week month year hour")


def _next(facts: Facts, at: int) -> tuple[str, ...]:
    return tuple(token.word for token in facts.text[at : at + 2])


def sentence_bounds(facts: Facts, fact: Fact) -> tuple[int, int]:
    """The first and the last token of the sentence, or the part of one up to a colon, in which ``fact`` stands."""
    ends = [n for n, token in enumerate(facts.text) if token.text in ".;:"]
    first = max((n + 1 for n in ends if n < fact.first), default=0)
    return first, min((n for n in ends if n > fact.last), default=len(facts.text)) - 1


def is_plural(fact: Fact, facts: Facts) -> bool:
    """Whether a term is printed in the plural: "papules", "bullae", "areas of necrosis"; not "pus" or "naevus"."""
    words = [token.text.lower() for token in facts.text[fact.first : fact.last + 1]]
    head = words[words.index("of") - 1] if "of" in words[1:] else words[-1]
    if head.endswith(("us", "ous", "is", "ss")):
        return False
    if head.endswith(("s", "ae")):
        return fold(head) in (fold(head[:-1]), fold(head[:-2]))
    name = fact.term.name.split(" of ")[0]
    return (head.endswith("i") and name.endswith(("us", "i"))) or (
        head.endswith(("ia", "ata")) and name.endswith(("ium", "oma")) and not name.endswith(head)
    )


__all__ = [
    "Phrase",
    "chained",
    "described",
    "finding",
    "is_place",
    "is_plural",
    "lesion_phrases",
    "place",
    "sentence_bounds",
    "with_article",
]
