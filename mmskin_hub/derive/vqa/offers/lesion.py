"""Questions about the lesions: what they are, their surface, colour, border, arrangement, number and size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from mmskin_hub.derive.vqa.facts import Fact, Facts
from mmskin_hub.derive.vqa.offers.offer import (
    Offer,
    Slots,
    is_mass,
    is_noun,
    lesions,
    noun,
    opposite,
    printed,
    with_a,
    within,
)
from mmskin_hub.derive.vqa.phrases import Phrase, chained, is_plural

_ADJECTIVES = ("surface", "colour", "border", "arrangement")
_SINGLE = frozenset(("solitary", "single"))
_LADDER = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500)
"""Lengths in millimetres that a question compares with."""
_DETERMINED = re.compile(r"(?:an?|the|multiple|numerous|several|many|two|three|few)\b")
_BORDER = re.compile(r"\W*\b(?:borders?|margins?|edges?)$")


def morphology(facts: Facts, phrases: Sequence[Phrase]) -> Iterator[Offer]:
    """The kinds of lesion, by the caption's noun phrases; a "no" where the caption denies one."""
    named = [phrase for phrase in phrases if phrase.head and is_noun(facts, phrase.head)]
    if named and facts.asked.modality != "pathology":
        yield Offer("morphology", "open", partial(_named, facts, named))
        for phrase in named:
            if phrase.head:
                yield Offer("morphology", "yes", partial(noun, facts, phrase.head))
    for fact in facts.denied("lesion"):
        if is_noun(facts, fact):
            yield Offer("morphology", "no", partial(_missing, facts, fact))


def _named(facts: Facts, named: Sequence[Phrase]) -> Slots:
    words = within(chained(facts, named))
    head = named[0].head
    bare = head is None or is_plural(head, facts) or _DETERMINED.match(words)
    if not bare and head is not None and not is_mass(facts.span(head.first, head.last)):
        words = with_a(words)
    return {"phrase": words}


def _missing(facts: Facts, fact: Fact) -> Slots:
    said = noun(facts, fact)
    return {**said, "x": said["noun"]}


def adjectives(facts: Facts, phrases: Sequence[Phrase]) -> Iterator[Offer]:
    """Surface, colour, border and arrangement, as far as the caption says them of a lesion."""
    for phrase in phrases:
        for fact in phrase.facts:
            kind = fact.term.kind
            if kind not in _ADJECTIVES or (facts.asked.modality == "pathology" and kind != "arrangement"):
                continue
            fill = partial(_adjective, facts, phrase, fact)
            yield Offer(kind, "open", fill)
            yield Offer(kind, "yes", fill)
            if fact.term.opposites:
                yield Offer(kind, "no", partial(_adjective, facts, phrase, fact, True))


def _adjective(facts: Facts, phrase: Phrase, fact: Fact, excluded: bool = False) -> Slots | None:
    said = {**lesions(facts, [phrase]), "adj": _BORDER.sub("", printed(facts, fact).lower())}
    if not excluded:
        return said
    other = _BORDER.sub("", opposite(facts, fact))
    return {**said, "x": other} if other else None


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
        "number_answer": f"there is a {adjective} lesion" if single else f"there are {adjective} lesions",
    }
    if not excluded:
        return said
    other = opposite(facts, fact)
    return {**said, "x": other} if other else None


def size(facts: Facts) -> Iterator[Offer]:
    """The one length the caption gives, and whether it is more or less than a rounder one."""
    if len(facts.sizes) != 1 or facts.asked.modality == "pathology":
        return
    measure = facts.sizes[0]
    smaller = max((step for step in _LADDER if step * 1.5 <= measure.millimetres), default=0)
    larger = min((step for step in _LADDER if step >= measure.millimetres * 1.5), default=0)
    slots = {"size": measure.text, "smaller": _length(smaller), "larger": _length(larger)}
    for form in ("open", "yes", "no") if smaller and larger else ("open",):
        yield Offer("size", form, lambda: slots)


def _length(millimetres: int) -> str:
    return f"{millimetres // 10} cm" if millimetres >= 10 and millimetres % 10 == 0 else f"{millimetres} mm"
