"""Captions as textbooks print them, drawn anew for every test run: three kinds of picture, much or little to say."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

from mmskin_hub.schema import MODALITIES, Asked

DISEASES = (
    "Psoriasis vulgaris",
    "Lichen planus",
    "Bullous pemphigoid",
    "Herpes zoster",
    "Tinea corporis",
    "Granuloma annulare",
    "Basal cell carcinoma",
    "Seborrheic keratosis",
    "Melanoma",
    "Nummular eczema",
    "Sarcoidosis",
    "Discoid lupus erythematosus",
    "Molluscum contagiosum",
    "Pyoderma gangrenosum",
    "Vitiligo",
    "Morphea",
)
_LESIONS = ("papules", "plaques", "vesicles", "nodules", "macules", "pustules", "erosions")
_COLOURS = ("erythematous", "violaceous", "brown", "hyperpigmented", "yellow", "skin-colored")
_SURFACES = ("scaly", "smooth", "verrucous", "crusted", "shiny", "dome-shaped", "flat-topped")
_BORDERS = ("well-demarcated", "ill-defined")
_SHAPES = ("annular", "grouped", "linear", "")
_NUMBERS = ("Multiple", "Several", "")
_SITES = ("forearm", "lower leg", "elbow", "scalp", "abdomen", "cheek", "thigh", "back", "nose", "chest")
_DERMOSCOPIC = (
    "arborizing vessels",
    "a typical pigment network",
    "a blue-white veil",
    "comedo-like openings",
    "dotted vessels",
    "milia-like cysts",
    "leaf-like areas",
    "an irregular streaks pattern",
)
_HISTOLOGICAL = (
    "hyperkeratosis",
    "parakeratosis",
    "acanthosis",
    "a band-like lymphocytic infiltrate",
    "spongiosis",
    "acantholysis",
    "a subepidermal blister",
    "palisading granulomas",
    "papillomatosis",
)
_STAINS = ("Hematoxylin and eosin", "H&E", "Periodic acid-Schiff")
_SIDES = ("left ", "right ", "")


def _patient(lot: random.Random) -> tuple[str, float | None, str | None]:
    if lot.random() < 0.5:
        return "", None, None
    years, male = lot.randint(3, 88), lot.random() < 0.5
    return f" of a {years}-year-old {'man' if male else 'woman'}", float(years), "male" if male else "female"


def _clinical(lot: random.Random, disease: str) -> tuple[str, float | None, str | None]:
    who, years, sex = _patient(lot)
    side, site = lot.choice(_SIDES), lot.choice(_SITES)
    if lot.random() < 0.25:
        return f"{disease} on the {side}{site}{who}.", years, sex
    words = [lot.choice(words) for words in (_NUMBERS, _SHAPES, _BORDERS, _COLOURS, _SURFACES)]
    seen = " ".join(word for word in words if word and lot.random() < 0.7)
    seen = f"{seen} {lot.choice(_LESIONS)}".strip()
    seen = seen[0].upper() + seen[1:]
    size = f", {lot.choice((4, 8, 12, 15, 30))} mm in diameter" if lot.random() < 0.2 else ""
    denied = f", without {lot.choice(('atrophy', 'scarring', 'ulceration'))}" if lot.random() < 0.2 else ""
    return f"{disease}. {seen} on the {side}{site}{who}{size}{denied}.", years, sex


def _dermoscopic(lot: random.Random, disease: str) -> tuple[str, float | None, str | None]:
    one, two = lot.sample(_DERMOSCOPIC, 2)
    denied = " No ulceration." if lot.random() < 0.2 else ""
    size = f" (×{lot.choice((10, 20))})" if lot.random() < 0.4 else ""
    return f"{disease}. Dermoscopy shows {one} and {two}{size}.{denied}", None, None


def _pathology(lot: random.Random, disease: str) -> tuple[str, float | None, str | None]:
    one, two, three = lot.sample(_HISTOLOGICAL, 3)
    more = f", without {three.removeprefix('a ')}" if lot.random() < 0.3 else ""
    stain = f" {lot.choice(_STAINS)}, ×{lot.choice((40, 100, 200, 400))}." if lot.random() < 0.6 else ""
    return f"{disease}. {one[0].upper()}{one[1:]} and {two}{more}.{stain}", None, None


_KINDS: dict[str, Callable[[random.Random, str], tuple[str, float | None, str | None]]] = {
    "clinical": _clinical,
    "dermoscopic": _dermoscopic,
    "pathology": _pathology,
}


def drawn(number: int, book: str = "b", seed: int = 0) -> list[Asked]:
    """``number`` different captions of a book, each with its modality and patient; half of them clinical."""
    lot = random.Random(f"{book}{seed}")
    found: dict[str, Asked] = {}
    while len(found) < number:
        modality = lot.choice(("clinical", *MODALITIES))
        caption, years, sex = _KINDS[modality](lot, lot.choice(DISEASES))
        name = f"{book}-p{len(found):04d}-f1"
        found.setdefault(caption, Asked(name, caption, modality, years, sex))
    return list(found.values())


def everything() -> list[Asked]:
    """Captions that, between them, have every type of question in every form."""
    adjectives = product(("Solitary", "Multiple"), _BORDERS, ("hyperpigmented", "depigmented"), ("smooth", "verrucous"))
    lesion = {"Solitary": "nodule", "Multiple": "plaques"}
    clinical = [
        f"{number} {border} {colour} {surface} {lesion[number]} on the left forearm of a 54-year-old man, 12 mm in "
        "size, without atrophy. Psoriasis."
        for number, border, colour, surface in adjectives
    ]
    clinical += [f"{shape} papules on the cheeks. Molluscum contagiosum." for shape in ("Dome-shaped", "Flat-topped")]
    shapes = ("Annular", "Grouped", "Unilateral", "Symmetrical", "Localized", "Generalized", "Discrete", "Confluent")
    clinical += [f"{shape} erythematous papules on the abdomen. Granuloma annulare." for shape in shapes]
    dermoscopy = (
        "Melanoma. Dermoscopy shows an atypical pigment network and a blue-white veil, no milia-like cysts, ×20."
    )
    histology = "Lichen planus. Hypergranulosis and a band-like infiltrate, without parakeratosis. H&E, ×100."
    texts = [(text, "clinical", 54.0, "male") for text in clinical]
    more = [(dermoscopy, "dermoscopic", None, None), (histology, "pathology", 70.0, "female")]
    return [Asked(f"e{n}", *fields) for n, fields in enumerate([*texts, *more])]
