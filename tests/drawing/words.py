"""Words for test books: captions with their age and sex, and body text that talks about figures without being one."""

from __future__ import annotations

import random
from dataclasses import dataclass

DIAGNOSES = (
    """
psoriasis vulgaris|lichen planus|basal cell carcinoma|bullous pemphigoid|pityriasis rosea
mycosis fungoides|granuloma annulare|molluscum contagiosum|erythema nodosum|pyoderma gangrenosum
dermatitis herpetiformis|keratoacanthoma|seborrhoeic keratosis|lupus vulgaris|tinea incognito
nodular melanoma|acral lentiginous melanoma|Sweet syndrome|Bowen disease|Spitz naevus
pemphigus foliaceus|erythrasma|morphoea|sarcoidosis|atopic eczema|nummular dermatitis
impetigo contagiosa|herpes zoster|hidradenitis suppurativa|porokeratosis of Mibelli|Kaposi sarcoma
vitiligo|melasma|pityriasis versicolor|necrobiosis lipoidica|cutaneous larva migrans|leprosy|scabies
chronic urticaria|acne conglobata|rosacea|alopecia areata|Darier disease|ichthyosis vulgaris
epidermolysis bullosa|blue naevus|dermatofibroma|pyogenic granuloma|Merkel cell carcinoma
actinic keratosis|cutaneous leishmaniasis|erythema multiforme|discoid lupus erythematosus
xanthelasma|tuberous sclerosis|naevus sebaceus|Gianotti–Crosti syndrome""".strip()
    .replace("\n", "|")
    .split("|")
)

SITES = (
    """
the left forearm|the extensor surface of both elbows|the upper back|the scalp margin|the right cheek
the dorsum of the hand|the palms and soles|the anterior shin|the nasal ala|the lower lip
the inguinal folds|the axilla|the trunk|both knees|the nape of the neck|the buttocks
the web spaces of the fingers|the oral mucosa|the glans penis|the great toenail|the left calf
the abdomen around the umbilicus|the postauricular sulcus|the eyelids|the inner thigh
the popliteal fossae|the shoulder|the ankle|the ear lobe""".strip()
    .replace("\n", "|")
    .split("|")
)

CLINICAL = (
    """
Well-demarcated erythematous plaques with silvery scale|Violaceous flat-topped polygonal papules
A pearly nodule with a rolled edge and telangiectasia|Tense bullae on an urticated base
Umbilicated pearly papules|Annular plaques with a raised, slightly scaly border
A deep ulcer with an undermined violaceous margin|Grouped vesicles in a dermatomal distribution
Depigmented macules with convex borders|Honey-coloured crusts
An irregularly pigmented plaque with a notched edge|Indurated, tender subcutaneous nodules
Linear excoriations and burrows|Confluent papules and pustules, some of them haemorrhagic
Ivory-coloured sclerotic plaque with a lilac ring
Hyperkeratotic papules in a seborrhoeic distribution|Target lesions with a dusky centre
Comedones, cysts and scarring|Diffuse lichenification with accentuated skin markings
A serpiginous, advancing track""".strip()
    .replace("\n", "|")
    .split("|")
)

DERMOSCOPIC = (
    """
Dermoscopy shows an atypical pigment network with irregular globules
Arborising vessels and blue-grey ovoid nests|A blue-white veil with peripheral streaks
Milia-like cysts and comedo-like openings|Dotted vessels on a red background with white scale
Dermoscopic view: parallel ridge pattern|White scar-like area surrounded by a delicate network
A starburst pattern with radial streaming|Leaf-like areas and spoke-wheel structures on dermoscopy
Regression structures with peppering (polarised dermoscopy)|Red lacunae separated by whitish septa
Wickham striae seen as white crossing lines""".strip()
    .replace("\n", "|")
    .split("|")
)

PATHOLOGIC = (
    """
Parakeratosis, regular acanthosis and Munro microabscesses
Band-like lymphocytic infiltrate at the dermoepidermal junction
Nests of basaloid cells with peripheral palisading|Subepidermal cleft with numerous eosinophils
Suprabasal acantholysis|Atypical melanocytes in pagetoid spread
Palisading granulomas around degenerate collagen|Non-caseating granulomas in the dermis
Epidermotropic lymphocytes forming Pautrier microabscesses
Dense neutrophilic infiltrate with papillary oedema|Spindle cells in a storiform pattern
Full-thickness keratinocyte atypia with dyskeratotic cells""".strip()
    .replace("\n", "|")
    .split("|")
)

STAINS = (
    "(H&E, ×100)",
    "(haematoxylin and eosin, original magnification ×200)",
    "(H&E; ×40)",
    "(H&E)",
    "(hematoxylin-eosin, x 400)",
    "(Haematoxylin and eosin stain)",
)
SCOPES = ("(×10)", "(polarised light, ×20)", "(original magnification ×10)", "(contact dermoscopy)")
CHARTS = (
    "Age-standardised incidence per 100,000 person-years, by sex and year of birth",
    "Kaplan–Meier curves of relapse-free survival in the two treatment groups",
    "Proposed pathogenesis and the points at which drugs act",
    "Response rates (PASI 75) at weeks 12, 24 and 52",
    "Electrocardiogram on admission showing sinus tachycardia",
    "Plain radiograph of the hand showing joint space narrowing",
    "Algorithm for the management of suspected cases",
)
CREDITS = (
    "Courtesy of Dr. M. Oduya, Leeds.",
    "(Courtesy of Prof. A. Bertolini.)",
    "© J. Halvorsen 2009.",
    "Reproduced with permission from Archives of Cutaneous Medicine 2004;12:33–41.",
    "(Photograph courtesy of R. Nakagawa, MD.)",
    "Source: Department of Dermatology, University Hospital.",
    "Reprinted from Tanaka et al., with permission.",
    "(From Kessler & Brandt, with permission of the publisher.)",
)

TAILS = (
    "after 10 years' duration",
    "of 3 months' standing",
    "which had been present for 2 years",
    "that recurred after 6 weeks of topical treatment",
    "before treatment",
    "measuring 4 × 3 cm",
    "with a 5-year survival of 98%",
    "in a patient whose mother was similarly affected",
    "12 days after onset",
    "during the second trimester",
    "unresponsive to 20 mg prednisolone daily",
    "8 hours after exposure to sunlight",
)
MORE = (
    "Note the sparing of the flexures.",
    "The border is active and the centre is clearing.",
    "Nikolsky's sign was positive.",
    "The lesions were intensely pruritic and had spread over 3 weeks.",
    "Compare with Fig. 1.1.",
    "The mucosae were spared.",
    "Biopsy confirmed the diagnosis.",
    "Similar lesions were present on the other side; the nails were normal.",
    "There is prominent post-inflammatory hyperpigmentation, as is common in darker skin.",
    "Most lesions resolved within 4 to 6 months without a scar.",
    "The surface is smooth (see text).",
)

BODY = """The course is chronic, with remissions in the summer months and relapses after infection.
Topical corticosteroids remain the first line for limited disease, while systemic agents are kept for the rest.
Family history is positive in roughly one third of cases, and several susceptibility loci have been described.
A 54-year-old woman in our own series needed three operations before the margins were clear.
Nail changes are found in up to half of the patients and may precede the skin lesions by years.
Histological examination confirms the diagnosis when the clinical picture is incomplete.
The prevalence rises with age and with cumulative exposure to the sun; men are affected twice as often as women.
In long-standing disease the plaques become thickened and fissured, and patients describe burning rather than itch.
Mucosal involvement is rare but, when present, causes considerable morbidity.
Differential diagnosis includes nummular eczema, tinea corporis and secondary syphilis.
Screening for an associated malignancy is advised in adults with sudden onset.
Direct immunofluorescence is the most reliable test, with a sensitivity above 90%.
Recurrence after excision is uncommon if the margins are clear of tumour.
Koebner's phenomenon occurs at sites of trauma about 10 to 14 days after the injury.
Children tolerate the treatment well, although growth should be watched.
The eruption favours the extensor aspects of the limbs and is usually symmetrical.
Methotrexate is given once a week, with folic acid on the other days.
The histogenesis has been debated since the first report in 1887.""".split("\n")  # noqa: SIM905

POINTERS = (
    "Figure {n} shows the typical distribution of the lesions in a patient of the second group, and the scale.",
    "Fig. {n} illustrates this point well: the border is raised whereas the centre has cleared completely.",
    "Figure {n} demonstrates how the infiltrate hugs the epidermis; compare it with the section above.",
    "As Figure {n} makes clear, the diagnosis may be missed when scale has been washed away.",
    "Figures {n} and {m} are from the same clinic and show the extremes of severity met with in practice.",
    "Figure {n} (and see also Figure {m}) is an example in which treatment had been delayed for several years.",
)
INLINE = (
    "Scale is silvery and easily removed (Fig. {n}).",
    "Others disagree (see Figure {n} and Table 2).",
    "The nodule is often solitary (Figs. {n} and {m}) and bleeds easily.",
)
TABLE = (
    ("Drug", "Dose", "Note"),
    ("Dapsone", "100 mg", "Check G6PD"),
    ("Acitretin", "25 mg", "Teratogenic"),
    ("Ciclosporin", "3 mg/kg", "Renal function"),
    ("Methotrexate", "15 mg weekly", "Folic acid"),
    ("Doxycycline", "100 mg", "Photosensitivity"),
    ("Colchicine", "0.5 mg", "Diarrhoea"),
)


@dataclass(frozen=True)
class Words:
    """A caption without label and credit, and what it says of the patient (age in years)."""

    text: str
    age: float | None = None
    sex: str | None = None


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def patient(rng: random.Random) -> Words:
    """A phrase that names the patient ("in a 54-year-old man"), in many forms; some name neither age nor sex."""
    sex = rng.choice(("male", "female"))
    noun = {"male": "man", "female": "woman"}[sex]
    child = {"male": "boy", "female": "girl"}[sex]
    years, small, months, weeks = rng.randint(18, 91), rng.randint(2, 16), rng.randint(2, 23), rng.randint(2, 11)
    forms = (
        Words(f"in a {years}-year-old {noun}", years, sex),
        Words(f"in a {small}-year-old {child}", small, sex),
        Words(f"in a {months}-month-old {child}", round(months / 12, 3), sex),
        Words(f"in a {noun} aged {years}", years, sex),
        Words(f"in a {child} aged {small} years", small, sex),
        Words(f"in a {sex} patient aged {years} years", years, sex),
        Words(f"in a {noun} of {years} years", years, sex),
        Words(f"in a {weeks}-week-old infant", round(weeks * 7 / 365.25, 3), None),
        Words(f"in a {years}-year-old patient", years, None),
        Words(f"in an elderly {noun}", None, sex),
        Words(f"in a young {noun}", None, sex),
        Words("in an adult", None, None),
        Words(f"in a {years} year old {noun}", years, sex),
        Words(f"({noun}, {years} years)", years, sex),
    )
    return rng.choice(forms)


def caption(rng: random.Random, modality: str, size: str = "any") -> Words:
    """A caption for one picture: ``size`` short (3 to 12 words), medium, long (30 to 60 words) or any."""
    size = size if size != "any" else rng.choice(("short", "medium", "medium", "medium", "long"))
    name = rng.choice(DIAGNOSES)
    if modality == "other":
        return Words(rng.choice(CHARTS) + ".")
    finding = rng.choice({"clinical": CLINICAL, "dermoscopic": DERMOSCOPIC, "pathology": PATHOLOGIC}[modality])
    suffix = {
        "clinical": "on " + rng.choice(SITES),
        "dermoscopic": rng.choice(SCOPES),
        "pathology": rng.choice(STAINS),
    }[modality]
    who = patient(rng) if (rng.random() < 0.6 and modality != "pathology") or rng.random() < 0.2 else Words("")
    if size == "short":
        if modality == "clinical":
            seen = finding[:1].lower() + finding[1:]
            return Words(rng.choice((f"{_upper(name)} {suffix}.", f"{_upper(name)}: {seen}.", f"{finding} {suffix}.")))
        return Words(f"{_upper(name)}. {finding} {suffix}." if rng.random() < 0.5 else f"{finding} {suffix}.")
    body = f"{finding} {suffix}" + (f" {who.text}" if who.text else "")
    if rng.random() < 0.45:
        body += ("" if who.text.startswith("(") else ",") + " " + rng.choice(TAILS)
    lead = rng.choice((f"{_upper(name)}. ", f"{_upper(name)}: ", f"{_upper(name)}. ", ""))
    if lead.endswith(": "):
        body = body[:1].lower() + body[1:]
    text = lead + body + "."
    for sentence in rng.sample(MORE, 3 if size == "long" else 1 if rng.random() < 0.3 else 0):
        text += " " + sentence
    return Words(text, who.age, who.sex)


def paragraph(rng: random.Random, numbers: tuple[str, str], sentences: int = 4) -> str:
    """Body text; now and then it begins with, or holds, a figure's number."""
    parts = rng.sample(BODY, min(sentences, len(BODY)))
    if rng.random() < 0.25:
        parts.insert(0, rng.choice(POINTERS))
    if rng.random() < 0.35:
        parts.insert(rng.randint(1, len(parts)), rng.choice(INLINE))
    return " ".join(parts).replace("{n}", numbers[0]).replace("{m}", numbers[1])
