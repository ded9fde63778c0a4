"""What could be asked of a picture: for each type of question, the facts that fill its wordings.

An offer of form "no" is made only where the caption settles it: where it denies the thing, where it states something
that excludes it by definition (the ``opposites`` of the vocabulary), or where it states the one diagnosis, place, side,
stain, magnification, age or sex that there is. That something is not mentioned settles nothing.
"""

from __future__ import annotations

from mmskin_hub.derive.vqa.facts import Facts
from mmskin_hub.derive.vqa.offers.disease import diagnosis
from mmskin_hub.derive.vqa.offers.finding import description, findings
from mmskin_hub.derive.vqa.offers.lesion import adjectives, morphology, number, size
from mmskin_hub.derive.vqa.offers.offer import Offer, order_of, pick
from mmskin_hub.derive.vqa.offers.picture import KIND, magnification, modality, person, stain
from mmskin_hub.derive.vqa.offers.place import body_site
from mmskin_hub.derive.vqa.phrases import lesion_phrases

__all__ = ["KIND", "Offer", "offers", "order_of", "pick"]


def offers(facts: Facts) -> list[Offer]:
    """Everything that could be asked about the picture of ``facts``, in a fixed order."""
    phrases = lesion_phrases(facts)
    return [
        *diagnosis(facts),
        *body_site(facts, phrases),
        *morphology(facts, phrases),
        *adjectives(facts, phrases),
        *number(facts, phrases),
        *size(facts, phrases),
        *findings(facts),
        *stain(facts),
        *magnification(facts),
        *modality(facts),
        *person(facts),
        *description(facts),
    ]
