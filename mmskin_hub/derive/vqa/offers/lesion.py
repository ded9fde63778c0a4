"""Questions about the lesions: what they are, their surface, colour, border, arrangement, number and size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from mmskin_hub.derive.vqa.facts import Fact, Facts
from mmskin_hub.derive.vqa.offers.offer import (
    Offer,
    Slots,
    is_noun,
    lesions,
    noun,
    opposite,
    phrased,
    printed,
)
from mmskin_hub.derive.vqa.phrases import Phrase, chained

_TYPES = {"surface": "surface", "colour": "colour", "border": "border", "arrangement": "arrangement"}
_SHAPES = ("shape", "profile")
"""Paths of adjectives that say what shape a lesion has."""
_FELT = ("consistency", "maneuver")
"""Paths of what a hand finds out, and no picture."""
_SINGLE = frozenset(("solitary", "single"))
_LADDER = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500)
"""Lengths in millimetres that a question compares with."""
_BORDER = re.compile(r"\W*\b(?:borders?|margins?|edges?)$")


def morphology(facts: Facts, phrases: Sequence[Phrase]) -> Iterator[Offer]:
    """The kinds of lesion, by the caption's noun phrases; a "no" where the caption denies one."""
    named = [phrase for phrase in phrases if phrase.head and _is_seen(facts, phrase.head)]
    if named and facts.asked.modality != "pathology":
        yield Offer("morphology", "open", partial(_named, facts, named))
        for phrase in named:
            if phrase.head:
                yield Offer("morphology", "yes", partial(noun, facts, phrase.head))
    for fact in facts.denied("lesion"):
        if _is_seen(facts, fact):
            yield Offer("morphology", "no", partial(_missing, facts, fact))


def _is_seen(facts: Facts, fact: Fact) -> bool:
    return is_noun(facts, fact) and not set(fact.term.path) & set(_FELT)


def _named(facts: Facts, named: Sequence[Phrase]) -> Slots:
    return {"phrase": phrased(facts, chained(facts, named), named[0].head)}


def _missing(facts: Facts, fact: Fact) -> Slots:
    said = noun(facts, fact)
    return {**said, "x": said["noun"]}


def adjectives(facts: Facts, phrases: Sequence[Phrase]) -> Iterator[Offer]:
    """Surface, shape, colour, border and arrangement, as far as the caption says them of a lesion."""
    for phrase in phrases:
        for fact in phrase.facts:
            path = fact.term.path[:1]
            kind = "shape" if path and path[0] in _SHAPES else _TYPES.get(fact.term.kind)
            if kind is None or path == ("consistency",) or facts.asked.modality == "pathology":
                continue
            fill = partial(_adjective, facts, phrase, fact)
            yield Offer(kind, "open", fill)
            yield Offer(kind, "yes", fill)
            if fact.term.opposites:
                yield Offer(kind, "no", partial(_adjective, facts, phrase, fact, True))


def _adjective(facts: Facts, phrase: Phrase, fact: Fact, excluded: bool = False) -> Slots | None:
    said = {**lesions(facts, [phrase]), "adj": _BORDER.sub("", _with_its_like(facts, phrase, fact))}
    if not excluded:
        return said
    other = _BORDER.sub("", opposite(facts, fact))
    return {**said, "x": other} if other and said["adj"] == _BORDER.sub("", printed(facts, fact).lower()) else None


def _with_its_like(facts: Facts, phrase: Phrase, fact: Fact) -> str:
    """An adjective with those of its kind that it is linked to: "red to violaceous", "pink and brown"."""
    like = [other for other in phrase.facts if other.term.kind == fact.term.kind]
    first = last = like.index(fact)
    while first and _linked(facts, like[first - 1], like[first]):
        first -= 1
    while last + 1 < len(like) and _linked(facts, like[last], like[last + 1]):
        last += 1
    if first == last:
        return printed(facts, fact).lower()
    return facts.span(like[first].first, like[last].last).lower()


def _linked(facts: Facts, one: Fact, other: Fact) -> bool:
    between = [token.word for token in facts.text[one.last + 1 : other.first]]
    return len(between) == 1 and between[0] in ("to", "and", "or")


def number(facts: Facts, phrases: Sequence[Phrase]) -> Iterator[Offer]:
    """One lesion or several, where the caption says it of a lesion."""
    stated = [fact for phrase in phrases for fact in phrase.facts if fact.term.kind == "number"]
    if len({fact.term.name for fact in stated}) != 1 or facts.asked.modality == "pathology":
        return
    for form in ("open", "yes"):
        yield Offer("number", form, partial(_number, facts, stated[0]))
    if stated[0].term.opposites:
        yield Offer("number", "no", partial(_number, facts, stated[0], True))


def _number(facts: Facts, fact: Fact, excluded: bool = False) -> Slots | None:
    adjective = printed(facts, fact).lower()
    single = fact.term.name in _SINGLE
    said = {
        "adj": adjective,
        "lesions": "the lesion" if single else "the lesions",
        "number_answer": f"there is a {adjective} lesion" if single else f"there are {adjective} lesions",
    }
    if not excluded:
        return said
    other = opposite(facts, fact)
    return {**said, "x": other} if other else None


def size(facts: Facts, phrases: Sequence[Phrase]) -> Iterator[Offer]:
    """The one length the caption gives, and whether it is more or less than a rounder one."""
    if len(facts.sizes) != 1 or facts.asked.modality == "pathology":
        return
    measure = facts.sizes[0]
    smaller = max((step for step in _LADDER if step * 1.5 <= measure.least), default=0)
    larger = min((step for step in _LADDER if step >= measure.most * 1.5), default=0)
    words = {"size": measure.text, "smaller": _length(smaller), "larger": _length(larger)}
    slots = {**lesions(facts, phrases[:1]), **words}
    for form in ("open", "yes", "no") if smaller and larger else ("open",):
        yield Offer("size", form, lambda: slots)


def _length(millimetres: int) -> str:
    return f"{millimetres // 10} cm" if millimetres >= 10 and millimetres % 10 == 0 else f"{millimetres} mm"
