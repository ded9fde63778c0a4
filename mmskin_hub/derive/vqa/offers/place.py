"""Questions about where on the body, and on which side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial

from mmskin_hub.derive.vqa.facts import Fact, Facts, excludes_site
from mmskin_hub.derive.vqa.offers.offer import Offer, Slots, lesions, pick
from mmskin_hub.derive.vqa.phrases import Phrase, is_place, place
from mmskin_hub.derive.vqa.vocabulary import Term, Vocabulary

_OTHER_SIDE = {"left": "right", "right": "left"}


def body_site(facts: Facts, phrases: Sequence[Phrase]) -> Iterator[Offer]:
    """The part of the body; of a section under the microscope nobody could tell."""
    sites = facts.stated("site")
    if not sites or facts.asked.modality == "pathology" or facts.panels > 1:
        return
    said = partial(_said, facts, phrases)
    yield Offer("body_site", "open", said)
    yield Offer("body_site", "yes", said)
    # "Generalized" and its like say that there is more than one place.
    if len({site.term.name for site in sites}) == 1 and not facts.stated("arrangement"):
        yield Offer("body_site", "no", partial(_denied, facts, phrases, sites[0]))
    yield from _side(facts, phrases, sites)


def _said(facts: Facts, phrases: Sequence[Phrase]) -> Slots | None:
    where = place(facts)
    return {**lesions(facts, phrases[:1]), "place": where, "site": where.split(" ", 1)[1]} if where else None


def _denied(facts: Facts, phrases: Sequence[Phrase], stated: Fact) -> Slots | None:
    far = [term for term in _elsewhere(facts.vocabulary, stated.term.name) if term.name not in facts.mentioned]
    said = _said(facts, phrases)
    return {**said, "x": pick(far, f"site:{facts.asked.id}").name} if said and far else None


@lru_cache(maxsize=512)
def _elsewhere(vocabulary: Vocabulary, name: str) -> tuple[Term, ...]:
    """The larger sites on which that what lies on the site ``name`` does not lie."""
    stated = vocabulary.terms[name]
    return tuple(term for term in vocabulary.of_kind("site") if len(term.path) == 1 and excludes_site(stated, term))


def _side(facts: Facts, phrases: Sequence[Phrase], sites: Sequence[Fact]) -> Iterator[Offer]:
    stated = facts.stated("laterality")
    mentioned = {fact.term.name for fact in facts.all if fact.term.kind == "laterality"}
    if not stated or len(mentioned) != 1 or stated[0].term.name not in _OTHER_SIDE:
        return
    site = next((site for site in sites if site.first == stated[0].last + 1 and is_place(facts, site)), None)
    if site is not None:
        fill = partial(_side_said, facts, phrases, stated[0].term.name, site)
        for form in ("open", "yes", "no"):
            yield Offer("laterality", form, fill)


def _side_said(facts: Facts, phrases: Sequence[Phrase], side: str, site: Fact) -> Slots:
    words = facts.span(site.first, site.last).lower()
    return {**lesions(facts, phrases[:1]), "side": side, "side_site": words, "x": _OTHER_SIDE[side]}
