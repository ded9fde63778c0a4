"""Questions about what dermoscopy or the microscope shows, and about the picture as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mmskin_hub.derive.vqa.facts import STATED, Fact, Facts
from mmskin_hub.derive.vqa.offers.offer import Offer, Slots, is_noun, noun, opposite, phrased, with_a
from mmskin_hub.derive.vqa.phrases import described, finding, sentence_bounds

_KINDS = {"dermoscopic": "dermoscopic", "pathology": "histological"}
_WHERE = (("layer",), ("cell",))
"""Paths of terms that say where or in what something is seen: everybody has an epidermis."""
_DESCRIBING = ("lesion", "colour", "surface", "border", "arrangement")
_LEAST_WORDS = 4


def findings(facts: Facts) -> Iterator[Offer]:
    """What is stated as found; a "no" where the caption denies it, or states what excludes it."""
    kind = _KINDS.get(facts.asked.modality)
    if kind is None:
        return
    question_type = f"{kind}_finding"
    stated = [fact for fact in facts.stated(kind) if fact.term.path[:1] not in _WHERE and is_noun(facts, fact)]
    if stated:
        yield Offer(question_type, "open", partial(_clause, facts, stated[0]))
    for fact in stated:
        yield Offer(question_type, "yes", partial(noun, facts, fact))
        if fact.term.opposites:
            yield Offer(question_type, "no", partial(_excluded, facts, fact))
    for fact in facts.denied(kind):
        if is_noun(facts, fact):
            yield Offer(question_type, "no", partial(_missing, facts, fact))


def _clause(facts: Facts, fact: Fact) -> Slots | None:
    words = finding(facts, fact)
    return {"phrase": phrased(facts, words, fact)} if words else None


def _excluded(facts: Facts, fact: Fact) -> Slots | None:
    other = opposite(facts, fact)
    return {"x": other if other.endswith("s") else with_a(other)} if other else None


def _missing(facts: Facts, fact: Fact) -> Slots:
    return {"x": noun(facts, fact)["noun"]}


def description(facts: Facts) -> Iterator[Offer]:
    """The caption's own sentence, where it describes more than one thing and gives no diagnosis away."""
    kinds = {*_DESCRIBING, _KINDS.get(facts.asked.modality, "lesion")}
    first = next((fact for fact in facts.all if fact.said == STATED and fact.term.kind in kinds), None)
    if first is None or facts.panels > 1:
        return
    start, end = sentence_bounds(facts, first)
    inside = [fact.term.kind for fact in facts.all if start <= fact.first <= end]
    if sum(kind in kinds for kind in inside) >= 2 and "diagnosis" not in inside:
        yield Offer("description", "open", partial(_sentence, facts, start, end))


def _sentence(facts: Facts, start: int, end: int) -> Slots | None:
    words = described(facts, start, end)
    return {"sentence": words} if len(words.split()) >= _LEAST_WORDS else None
