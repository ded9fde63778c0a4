"""Questions about the picture itself, how it was made, and who is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from mmskin_hub.derive.demographics import stated_age
from mmskin_hub.derive.vqa.facts import Fact, Facts
from mmskin_hub.derive.vqa.offers.offer import Offer, Slots, pick, printed

KIND = {"clinical": "clinical photograph", "dermoscopic": "dermoscopic image", "pathology": "histological section"}
"""What a picture of each modality is called in questions and answers."""
_TECHNIQUE = {"clinical": "clinical photography", "dermoscopic": "dermoscopy", "pathology": "histopathology"}
_STAINS = ("hematoxylin and eosin", "periodic acid-Schiff", "Giemsa", "Masson trichrome", "Congo red", "toluidine blue")
_MAGNIFICATIONS = ("10", "20", "40", "100", "200", "400")
_GROWN_UP = 20
"""Years from which a question compares the age with a round number."""


def stain(facts: Facts) -> Iterator[Offer]:
    """The one stain of a section; a section stained for a marker shows more than the marker."""
    stated = [fact for fact in facts.stated("stain") if fact.term.path[:1] != ("immunohistochemistry",)]
    if len({fact.term.name for fact in stated}) == 1 and facts.asked.modality == "pathology":
        for form in ("open", "yes", "no"):
            yield Offer("stain", form, partial(_stain, facts, stated[0]))


def _stain(facts: Facts, fact: Fact) -> Slots:
    others = [name for name in _STAINS if name != fact.term.name and name not in facts.mentioned]
    return {"stain": _STAIN.sub("", printed(facts, fact)), "x": pick(others, f"stain:{facts.asked.id}")}


_STAIN = re.compile(r"\s+stain(?:ing|ed)?$", re.IGNORECASE)


def magnification(facts: Facts) -> Iterator[Offer]:
    """The one magnification the caption gives."""
    if facts.asked.modality != "clinical" and len(facts.magnifications) == 1:
        for form in ("open", "yes", "no"):
            yield Offer("magnification", form, partial(_magnification, facts))


def _magnification(facts: Facts) -> Slots:
    number = facts.magnifications[0]
    others = [other for other in _MAGNIFICATIONS if other != number]
    return {"n": number, "x": pick(others, f"magnification:{facts.asked.id}")}


def modality(facts: Facts) -> Iterator[Offer]:
    """The kind of picture, which is always known."""
    for form in ("open", "yes", "no"):
        yield Offer("modality", form, partial(_modality, facts))


def _modality(facts: Facts) -> Slots:
    own = facts.asked.modality
    others = [kind for name, kind in KIND.items() if name != own]
    technique = _TECHNIQUE[own]
    other = pick(others, f"modality:{facts.asked.id}")
    return {"kind": KIND[own], "technique": technique, "by_kind": f"by {technique}", "x": other}


def person(facts: Facts) -> Iterator[Offer]:
    """Age and sex of the patient, of photographs that may show them: a section and a close view of a heel do not."""
    years, sex = facts.asked.age_years, facts.asked.sex
    if facts.asked.modality != "clinical":
        return
    if years is not None:
        for form in ("open", "yes", "no") if years >= _GROWN_UP else ("open",):
            yield Offer("age", form, partial(_age, facts, float(years)))
    sites = facts.stated("site")
    if sex and (not sites or any({site.term.name, *site.term.path} & _TELLING for site in sites)):
        slots = {"who": "the patient", "sex": sex, "x": "female" if sex == "male" else "male"}
        for form in ("open", "yes", "no"):
            yield Offer("sex", form, lambda: slots)


_TELLING = frozenset(("head and neck", "face", "trunk", "chest", "breast", "anogenital", "genitalia"))
"""Sites that show whether somebody is a man or a woman."""


def _age(facts: Facts, years: float) -> Slots:
    younger, older = int((years - 8) // 10 * 10), int((years + 18) // 10 * 10)
    said = stated_age(facts.asked.caption, years)
    return {"who": "the patient", "age": said, "younger": f"{younger} years", "older": f"{older} years"}
