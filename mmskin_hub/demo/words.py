"""What the books of ``mmskin demo`` say: eight diseases, the captions of their figures, and a little text about each.

A caption states the diagnosis, what is seen (kind, colour, surface and number of the lesions), where, and the age and
sex of the patient, so that the rules (:mod:`mmskin_hub.derive.vqa`) find questions of many types in it. All that a
caption says of the picture is painted (:mod:`mmskin_hub.demo.lesions`); age and sex cannot be, so each disease has
patients of its own, which is less true than convenient. The words are few on purpose: a model of a million parameters
has a minute to learn them. No two captions are alike, as equal ones would be kept in one split.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

SITES = ("back", "forearm", "lower leg")
"""Where clinical lesions lie; each is painted in its own way."""


@dataclass(frozen=True)
class Case:
    """One figure that is yet to be painted: what it shows, and its caption.

    ``look`` is a key of :data:`mmskin_hub.demo.lesions.LOOKS`; ``number`` "solitary" or "multiple"; ``site`` one of
    :data:`SITES`, "" of dermoscopy and sections; ``power`` the magnification, 1 of photographs; ``drop`` is why the
    figure must not be published ("" where it must).
    """

    look: str
    modality: str
    caption: str
    number: str = "solitary"
    site: str = ""
    power: int = 1
    drop: str = ""


@dataclass(frozen=True)
class Look:
    """How a disease looks in one modality: the words of its captions. ``one`` and ``many`` are noun phrases."""

    name: str
    modality: str
    one: str
    many: str
    powers: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Disease:
    """A chapter: ``sex`` is that of its patients, ``ages`` their years; ``text`` its paragraphs."""

    name: str
    ages: tuple[int, ...]
    sex: str
    looks: tuple[Look, ...]
    text: tuple[str, ...]


def _clinical(name: str, one: str, many: str) -> Look:
    return Look(name, "clinical", one, many)


def _dermoscopic(name: str, seen: str) -> Look:
    return Look(name, "dermoscopic", seen, seen, (10, 20))


def _pathology(name: str, seen: str) -> Look:
    return Look(name, "pathology", seen, seen, (40, 100))


DISEASES: tuple[Disease, ...] = (
    Disease(
        "Psoriasis",
        (34, 41, 47),
        "man",
        (
            _clinical("psoriasis", "red plaque with silvery scale", "red plaques with silvery scale"),
            _pathology("psoriasis histology", "Parakeratosis and acanthosis with elongated rete ridges"),
        ),
        (
            "Plaques of psoriasis are sharply set off from the skin around them. Their red is even, and their scale is "
            "dry, silvery and easily lifted. When the last flake is taken off, small points of blood appear.",
            "The disease comes in two waves, one in early adult life and one after fifty. About a third of patients "
            "know of a relative with similar skin. Joints and nails deserve a look at every visit.",
            "Under the microscope the ridges of the epidermis reach down to one level, like the teeth of a comb, and "
            "nuclei are kept up to the surface.",
        ),
    ),
    Disease(
        "Vitiligo",
        (19, 24, 28),
        "woman",
        (_clinical("vitiligo", "white patch without scale", "white patches without scale"),),
        (
            "In vitiligo the skin is sound but for its colour. The patches are chalk white, their borders rounded and "
            "sharp, and under the lamp of Wood they light up.",
            "Most patients are young. What is lost seldom returns by itself, although new points of pigment may show "
            "around the hairs after a summer in the sun.",
            "Scale, itch and scars are no part of it. Where they are found, another name should be sought.",
        ),
    ),
    Disease(
        "Tinea corporis",
        (31, 36, 39),
        "man",
        (_clinical("tinea", "annular red plaque", "annular red plaques"),),
        (
            "Ringworm of the body grows outward. The edge is red, raised and a little rough, while the middle clears, "
            "so that a ring is left, or several that meet.",
            "Scrapings are taken from the edge, where the fungus lives. A ring that was treated with a steroid may "
            "lose its shape and spread in silence.",
            "Wrestlers, farmers and keepers of cats are seen with it more often than others.",
        ),
    ),
    Disease(
        "Impetigo",
        (4, 5, 7),
        "girl",
        (_clinical("impetigo", "yellow crust on an erosion", "yellow crusts on erosions"),),
        (
            "The crust of impetigo has the colour of honey. It covers a shallow, wet erosion and comes away easily. "
            "Small satellites are common, and one child in a class is seldom the only one.",
            "Crusts are soaked off before anything is put on. Few children need tablets.",
            "It heals without a scar, as the erosion stays within the epidermis.",
        ),
    ),
    Disease(
        "Melanoma",
        (53, 58, 62),
        "man",
        (
            _clinical("melanoma", "black nodule with an irregular border", "black nodules with an irregular border"),
            _dermoscopic("melanoma dermoscopy", "a blue-white veil"),
        ),
        (
            "A lesion that is darker than all others, uneven in outline and growing, is a melanoma until a section "
            "shows otherwise. The ruler, the camera and the dermatoscope each see something of their own.",
            "A veil of blue and white over black is seen where pigment lies deep below a thickened epidermis.",
            "Excision with a narrow margin comes first. Thickness decides what is done next.",
        ),
    ),
    Disease(
        "Seborrheic keratosis",
        (71, 75, 78),
        "woman",
        (
            _clinical("keratosis", "brown verrucous plaque", "brown verrucous plaques"),
            _dermoscopic("keratosis dermoscopy", "milia-like cysts"),
        ),
        (
            "These brown plaques look as if they were stuck on. Their surface is dull and rough, and with age there "
            "are more of them on every back.",
            "Through the dermatoscope, round white cysts shine like stars in a brown sky.",
            "They are harmless. Those that catch on clothes may be shaved off or frozen.",
        ),
    ),
    Disease(
        "Cherry angioma",
        (49, 56, 66),
        "woman",
        (_dermoscopic("angioma dermoscopy", "red lacunae"),),
        (
            "Everybody of a certain age has one or two of these bright red points. They do not blanch wholly when "
            "glass is pressed on them, and they bleed only when they are torn.",
            "Through the dermatoscope they fall apart into round red lakes with pale bands between them.",
            "No treatment is needed.",
        ),
    ),
    Disease(
        "Basal cell carcinoma",
        (68, 72, 77),
        "man",
        (_pathology("carcinoma histology", "Nests of basaloid cells with peripheral palisading"),),
        (
            "The commonest cancer of man hardly ever spreads, but it does not stop by itself. The section is what "
            "counts: dark nests in a pink stroma, their outer cells lined up like a fence.",
            "A cleft between nest and stroma helps to tell it from its lookalikes.",
            "Margins are read on every side before the wound is closed for good.",
        ),
    ),
)

REMARKS = (
    "Good light and a bare skin are worth more than any instrument. The patient is looked at from afar first, then "
    "from near, then with the glass.",
    "A photograph is taken twice, once to show where the lesion lies and once to show what it is.",
    "Words for the skin are few and exact. A macule is flat, a papule is raised, a plaque is broad, a nodule is deep.",
    "The colour of inflamed skin depends on the colour of the skin it is seen in, and a red that is plain in one "
    "patient may be a mere shade of brown in another.",
    "The edge of a lesion tells how it grows. A sharp edge speaks of a process with an end, a blurred one of a process "
    "without.",
    "A history that is taken with the shirt on is taken twice.",
    "Scale is dead epidermis, crust is dried serum. The difference can be felt with a finger in a glove.",
    "Whatever does not heal in six weeks should be cut into, and whatever was cut out should be looked at.",
    "A dermatoscope is laid on lightly, as pressure empties the vessels.",
    "The pathologist can only answer what was asked. Age, site and a guess belong on every form.",
    "Pictures of the same patient at two visits are compared side by side and never from memory.",
    "Old skin keeps a record of the sun, young skin one of its infections.",
    "The parts of the body that clothes cover are compared with those that they do not.",
    "In sections, low power shows the pattern and high power the cells. Most diagnoses are made at low power.",
)
"""Paragraphs that suit every chapter."""

CHART = "Incidence of the disease per 100,000 inhabitants by years of age (chart)."
ANNOTATED = "{} in a {}-year-old {}. The arrow marks the growing edge."


def cases(disease: Disease, rng: random.Random, count: int) -> list[Case]:
    """``count`` figures of a chapter, its looks in turn, no two captions alike.

    Raises ``ValueError`` where the words do not yield that many.
    """
    pools = [_pool(disease, look) for look in disease.looks]
    for pool in pools:
        rng.shuffle(pool)
    if count > sum(len(pool) for pool in pools):
        raise ValueError(f"{disease.name} has no {count} different captions")
    mixed = [case for row in itertools.zip_longest(*pools) for case in row if case]
    return mixed[:count]


def _pool(disease: Disease, look: Look) -> list[Case]:
    """Every figure of a look that there could be."""
    numbers = ("solitary",) if look.name == "melanoma" else ("solitary", "multiple")
    if look.modality == "clinical":
        return [
            Case(look.name, look.modality, caption, number, site)
            for number, site, age in itertools.product(numbers, SITES, disease.ages)
            for caption in _photographed(disease, look, number, site, age)
        ]
    sexes = ("man", "woman")
    return [
        Case(look.name, look.modality, caption, power=power)
        for power, age, sex in itertools.product(look.powers, disease.ages, sexes)
        for caption in _magnified(disease, look, power, f"{age}-year-old {sex}")
    ]


def _photographed(disease: Disease, look: Look, number: str, site: str, age: int) -> list[str]:
    who = f"{age}-year-old {disease.sex}"
    things = f"A solitary {look.one}" if number == "solitary" else f"Multiple {look.many}"
    seen = f"{things} on the {site}"
    return [
        f"{disease.name} in a {who}. {seen}.",
        f"{disease.name}. {seen} of a {who}.",
        f"{seen} of a {who}. The diagnosis is {disease.name.lower()}.",
    ]


def _magnified(disease: Disease, look: Look, power: int, who: str) -> list[str]:
    if look.modality == "dermoscopic":
        return [
            f"{disease.name} in a {who}. Dermoscopy shows {look.one} (×{power}).",
            f"{disease.name}. Dermoscopy shows {look.one} (×{power}). The lesion is that of a {who}.",
        ]
    return [
        f"{disease.name} in a {who}. {look.one} (H&E, ×{power}).",
        f"{disease.name}. {look.one} (H&E, ×{power}). The section is from a {who}.",
    ]
