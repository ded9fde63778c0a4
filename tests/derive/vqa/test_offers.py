"""What may be asked of a picture: every type where a caption states it, a "no" only where the caption settles it."""

from __future__ import annotations

import pytest

from mmskin_hub.derive.vqa.facts import Facts, read_facts
from mmskin_hub.derive.vqa.grounding import settles_no
from mmskin_hub.derive.vqa.offers import KIND, offers
from mmskin_hub.derive.vqa.offers.offer import Slots
from mmskin_hub.derive.vqa.questions import wordings
from mmskin_hub.schema import MODALITIES, QUESTION_TYPES, Asked
from tests.derive.vqa.drawn_captions import drawn, everything

FORMS = {"open", "yes", "no"}
# Offers are not made of it: what a caption calls something else is no type of its own.
ASKED_FOR = {*QUESTION_TYPES} - {"other"}


def facts_of(caption: str, modality: str = "clinical", years: float | None = None, sex: str | None = None) -> Facts:
    return read_facts(Asked("id", caption, modality, years, sex))


def offered(facts: Facts) -> dict[str, dict[str, list[Slots]]]:
    """The words of all offers that can be filled, by type and form."""
    found: dict[str, dict[str, list[Slots]]] = {}
    for offer in offers(facts):
        slots = offer.fill()
        if slots:
            found.setdefault(offer.question_type, {}).setdefault(offer.form, []).append(slots)
    return found


FULL = (
    "Psoriasis vulgaris. Multiple well-demarcated hyperpigmented plaques with a smooth surface, the largest 30 mm, on "
    "the left forearm of a 54-year-old man."
)
SECTION = "Lichen planus. Hypergranulosis and a band-like infiltrate, without parakeratosis. H&E, ×100."
DERMOSCOPY = "Melanoma. Dermoscopy shows an atypical pigment network, no milia-like cysts (×20)."


@pytest.mark.parametrize(
    ("question_type", "form", "facts", "slots"),
    [
        ("diagnosis", "open", facts_of(FULL), {"d": "psoriasis vulgaris"}),
        ("body_site", "open", facts_of(FULL), {"place": "on the left forearm", "site": "the left forearm"}),
        ("laterality", "no", facts_of(FULL), {"side": "left", "side_site": "forearm", "x": "right"}),
        ("number", "open", facts_of(FULL), {"adj": "multiple"}),
        ("border", "no", facts_of(FULL), {"adj": "well-demarcated", "x": "ill-defined", "lesions": "the plaques"}),
        ("colour", "open", facts_of(FULL), {"adj": "hyperpigmented", "lesions": "the plaques"}),
        ("size", "open", facts_of(FULL), {"size": "30 mm", "smaller": "2 cm", "larger": "5 cm"}),
        ("age", "no", facts_of(FULL, years=54.0), {"age": "54 years old", "younger": "40 years", "older": "70 years"}),
        ("sex", "no", facts_of("Acne of the face.", sex="male"), {"sex": "male", "x": "female"}),
        ("shape", "no", facts_of("Flat-topped papules."), {"adj": "flat-topped", "x": "dome-shaped", "are": "are"}),
        ("surface", "yes", facts_of("Smooth papules on the chin."), {"adj": "smooth", "lesions": "the papules"}),
        ("arrangement", "open", facts_of("Annular plaques on the back."), {"adj": "annular"}),
        ("morphology", "open", facts_of("Tense bullae on the thigh."), {"phrase": "tense bullae"}),
        ("morphology", "open", facts_of("Solitary red nodule of the lip."), {"phrase": "a solitary red nodule"}),
        ("morphology", "no", facts_of("Plaques without pustules."), {"x": "pustules", "are": "are"}),
        ("dermoscopic_finding", "open", facts_of(DERMOSCOPY, "dermoscopic"), {"phrase": "an atypical pigment network"}),
        ("dermoscopic_finding", "no", facts_of(DERMOSCOPY, "dermoscopic"), {"x": "milia-like cysts"}),
        ("histological_finding", "yes", facts_of(SECTION, "pathology"), {"noun": "hypergranulosis", "are": "is"}),
        ("histological_finding", "no", facts_of(SECTION, "pathology"), {"x": "parakeratosis"}),
        ("stain", "open", facts_of(SECTION, "pathology"), {"stain": "H&E"}),
        ("magnification", "open", facts_of(SECTION, "pathology"), {"n": "100"}),
        ("modality", "open", facts_of("Psoriasis.", "dermoscopic"), {"kind": "dermoscopic image"}),
        (
            "description",
            "open",
            facts_of("Grouped vesicles on an erythematous plaque."),
            {"sentence": "Grouped vesicles on an erythematous plaque"},
        ),
    ],
)
def test_what_a_caption_states_is_offered(question_type: str, form: str, facts: Facts, slots: dict[str, str]) -> None:
    choices = offered(facts)[question_type][form]
    assert any(slots.items() <= dict(choice).items() for choice in choices), choices


def test_every_type_is_offered_in_every_form_it_has_a_wording_for() -> None:
    made = {
        (name, form) for asked in everything() for name, forms in offered(read_facts(asked)).items() for form in forms
    }
    assert made == {(name, form) for name, form, _ in wordings()}
    assert {name for name, _ in made} == ASKED_FOR


@pytest.mark.parametrize("lead", ["Suspected", "Possible", "Resembling", "History of", "No", "Treated"])
def test_a_term_that_is_weighed_or_denied_is_no_fact(lead: str) -> None:
    facts = facts_of(f"{lead} psoriasis vulgaris.")
    assert {fact.said for fact in facts.all} <= {"open", "denied"}
    assert set(offered(facts)) == {"modality"}


@pytest.mark.parametrize(
    ("caption", "denied", "question_type"),
    [
        ("Erosions without pustules.", "pustules", "morphology"),
        ("Plaques; bullae are not seen.", "bullae", "morphology"),
    ],
)
def test_what_is_denied_is_offered_as_a_no_alone(caption: str, denied: str, question_type: str) -> None:
    found = offered(facts_of(caption))[question_type]
    assert [slots["x"] for slots in found["no"]] == [denied]
    assert all(denied not in str(dict(slots)) for form in ("open", "yes") for slots in found.get(form, ()))


@pytest.mark.parametrize("modality", MODALITIES)
def test_a_weighed_diagnosis_is_never_the_wrong_answer_of_another(modality: str) -> None:
    """Lookalikes and neighbours are what a "no" is drawn from: one that the caption weighs must not be among them."""
    stated = offered(facts_of("Psoriasis.", modality))["diagnosis"]["no"][0]["x"]
    facts = facts_of(f"Psoriasis. Differential diagnosis: {stated}.", modality)
    for slots in offered(facts)["diagnosis"].get("no", ()):
        assert slots["x"] != stated


@pytest.mark.parametrize(
    ("caption", "question_type"),
    [
        ("Dome-shaped papules on the cheek. The flat-topped ones are older.", "shape"),
        ("Well-demarcated plaques with an ill-defined centre.", "border"),
    ],
)
def test_what_excludes_a_thing_is_no_wrong_answer_where_the_caption_has_both(caption: str, question_type: str) -> None:
    found = offered(facts_of(caption))[question_type]
    assert "open" in found
    assert "no" not in found
    assert "no" in offered(facts_of(f"{caption.split()[0]} papules."))[question_type]


def test_two_diagnoses_in_one_sentence_settle_none() -> None:
    assert "diagnosis" not in offered(facts_of("Psoriasis and lichen planus on the shin."))
    several = offered(facts_of("Psoriasis. The nail changes differ from those of onychomycosis."))["diagnosis"]
    assert [slots["d"] for slots in several["open"]] == ["psoriasis"]
    assert "no" not in several


def test_the_rival_of_a_diagnosis_is_no_kind_of_it_and_shares_no_word() -> None:
    for disease in ("Melanoma", "Nodular melanoma", "Psoriasis", "Guttate psoriasis", "Bullous pemphigoid"):
        facts = facts_of(f"{disease}.")
        (stated,) = facts.diagnoses
        for slots in offered(facts)["diagnosis"]["no"]:
            rival = facts.vocabulary.terms[slots["x"]]
            assert rival.kind == "diagnosis"
            assert not rival.is_kin(stated.term)
            assert not set(rival.name.lower().split()) & set(stated.term.name.lower().split())


@pytest.mark.parametrize("caption", ["Plaques on the elbow and the knee.", "Generalized plaques on the trunk."])
def test_a_picture_of_several_places_does_not_exclude_one(caption: str) -> None:
    found = offered(facts_of(caption))["body_site"]
    assert "open" in found
    assert "no" not in found


def test_a_place_that_is_denied_lies_in_another_region() -> None:
    for site in ("elbow", "cheek", "abdomen", "shin"):
        facts = facts_of(f"Plaque on the {site}.")
        (stated,) = facts.stated("site")
        for slots in offered(facts)["body_site"]["no"]:
            other = facts.vocabulary.terms[slots["x"]]
            assert (other.path or (other.name,))[0] != (stated.term.path or (stated.term.name,))[0]


def test_a_section_is_asked_neither_for_its_place_nor_for_colours_of_the_skin() -> None:
    caption = "Basal cell carcinoma. Solitary brown smooth nodule, 12 mm, on the left cheek. Stained with H&E."
    seen = offered(facts_of(caption))
    assert {"body_site", "laterality", "colour", "surface", "number", "size", "morphology"} <= set(seen)
    section = offered(facts_of(caption, "pathology"))
    assert not {"body_site", "laterality", "colour", "surface", "number", "size", "border"} & set(section)
    assert "stain" in section
    assert "stain" not in seen


def test_the_sex_is_asked_only_of_pictures_that_may_show_it() -> None:
    assert "sex" in offered(facts_of("Psoriasis of the trunk.", sex="female"))
    assert "sex" not in offered(facts_of("Psoriasis of the heel.", sex="female"))
    assert "sex" not in offered(facts_of("Psoriasis of the trunk.", "pathology", sex="female"))
    assert "sex" not in offered(facts_of("Psoriasis of the trunk."))


def test_findings_and_magnification_belong_to_their_kind_of_picture() -> None:
    for modality, own in (
        ("clinical", ""),
        ("dermoscopic", "dermoscopic_finding"),
        ("pathology", "histological_finding"),
    ):
        found = offered(facts_of("Arborizing vessels, acanthosis, ×40.", modality))
        assert {name for name in found if name.endswith("_finding")} == ({own} if own else set())
        assert ("magnification" in found) == (modality != "clinical")


@pytest.mark.parametrize(
    ("caption", "modality", "question_type"),
    [
        ("Nodules of 4 mm and 12 mm.", "clinical", "size"),
        ("Hyperkeratosis (×40) and a detail (×200).", "pathology", "magnification"),
        ("Acanthosis, H&E and PAS.", "pathology", "stain"),
        ("Infiltrate positive for CD3 (immunohistochemistry CD3).", "pathology", "stain"),
        ("Papules on the left and the right forearm.", "clinical", "laterality"),
        ("A solitary nodule and multiple papules.", "clinical", "number"),
    ],
)
def test_what_a_caption_says_twice_is_not_asked_for(caption: str, modality: str, question_type: str) -> None:
    assert question_type not in offered(facts_of(caption, modality))


@pytest.mark.parametrize("years", [0.4, 6.0, 19.0])
def test_no_child_is_compared_with_a_round_number(years: float) -> None:
    assert set(offered(facts_of("Impetigo.", years=years))["age"]) == {"open"}


@pytest.mark.parametrize("years", [20.0, 47.0, 100.0])
def test_the_ages_compared_with_leave_a_margin(years: float) -> None:
    found = offered(facts_of("Rosacea.", years=years))["age"]
    assert set(found) == FORMS
    assert "age" not in offered(facts_of("Rosacea.", "pathology", years))
    (slots,) = found["open"]
    assert int(slots["younger"].split()[0]) + 8 <= years <= int(slots["older"].split()[0]) - 8


def test_a_description_gives_no_diagnosis_away() -> None:
    assert "description" not in offered(facts_of("Psoriasis with erythematous scaly plaques on the elbow."))
    found = offered(facts_of("Psoriasis. Erythematous scaly plaques on the elbow."))["description"]["open"]
    assert all("psoriasis" not in slots["sentence"].lower() for slots in found)


def test_what_a_description_denies_or_dates_is_left_out() -> None:
    caption = "Erythematous scaly plaques on the elbow before treatment with betamethasone."
    (slots,) = offered(facts_of(caption))["description"]["open"]
    assert slots["sentence"] == "Erythematous scaly plaques on the elbow"


def test_every_no_offered_is_settled_by_its_caption() -> None:
    """Whatever is offered as a "no", in each of its wordings, is one that the checks settle."""
    settled = 0
    for asked in [*everything(), *drawn(150)]:
        facts = read_facts(asked)
        for name, forms in offered(facts).items():
            for slots in forms.get("no", ()):
                words = {**slots, "pic": "image", "Are": slots.get("are", "").capitalize()}
                for wording in wordings()[name, "no", asked.modality]:
                    question = wording.question.format_map(words)
                    assert settles_no(question, facts), (asked.caption, question)
                    settled += 1
    assert settled > 1000


def test_what_a_caption_does_not_mention_is_not_settled() -> None:
    facts = facts_of("Psoriasis on the elbow.")
    for question in ("Are pustules visible?", "Is the colour blue?", "Is the border raised?"):
        assert not settles_no(question, facts)


def test_offers_do_not_depend_on_the_case_of_a_caption() -> None:
    plain = offered(facts_of("Multiple annular plaques on the left thigh."))
    shouted = offered(facts_of("MULTIPLE ANNULAR PLAQUES ON THE LEFT THIGH."))
    assert plain == shouted


def test_offers_are_the_same_twice_and_hold_no_gap() -> None:
    for asked in [*everything(), *drawn(60)]:
        once, twice = (offered(read_facts(asked)) for _ in range(2))
        assert once == twice
        for forms in once.values():
            for slots in (slots for choices in forms.values() for slots in choices):
                assert all(value == " ".join(value.split()) for value in slots.values()), slots
                assert slots.get("x") is None or slots["x"]


def test_every_modality_has_a_name_and_is_told_from_the_others() -> None:
    assert set(KIND) == set(MODALITIES)
    for modality in MODALITIES:
        facts = facts_of("Psoriasis.", modality)
        found = offered(facts)["modality"]
        assert set(found) == FORMS
        assert found["no"][0]["x"] in set(KIND.values()) - {KIND[modality]}
