"""What a caption states, denies and leaves open. The captions were written for these tests."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.facts import DENIED, OPEN, STATED, Facts, excludes_site, read_facts
from mmskin_hub.derive.vqa.vocabulary import Term, Vocabulary, vocabulary
from mmskin_hub.schema import Asked


def read(caption: str, modality: str = "clinical") -> Facts:
    return read_facts(Asked("id", caption, modality))


def said(caption: str) -> dict[str, str]:
    return {fact.term.name: fact.said for fact in read(caption).all}


def test_a_caption_with_nothing_against_it_states_every_term() -> None:
    assert said(
        "Well-demarcated erythematous plaques with silvery scale on the elbows in psoriasis vulgaris."
    ) == dict.fromkeys(("well-demarcated", "red", "plaque", "silvery", "scale", "elbow", "psoriasis vulgaris"), STATED)


@pytest.mark.parametrize(
    ("caption", "control", "name"),
    [
        ("Plaques without scale.", "Plaques with scale.", "scale"),
        ("There is no scale.", "There is scale.", "scale"),
        ("The plaque lacks scale.", "The plaque shows scale.", "scale"),
        ("A plaque free of scale.", "A plaque full of scale.", "scale"),
        ("A plaque devoid of scale.", "A plaque covered in scale.", "scale"),
        ("Note the absence of burrows.", "Note the presence of burrows.", "burrow"),
        ("Auspitz sign absent.", "Auspitz sign present.", "Auspitz sign"),
        ("Pigment network is not seen.", "Pigment network is seen.", "pigment network"),
        ("Spongiosis was not present.", "Spongiosis was present.", "spongiosis"),
        ("This is not melanoma.", "This is melanoma.", "melanoma"),
        ("Melanoma was excluded.", "Melanoma was confirmed.", "melanoma"),
        ("Psoriasis, sparing the face.", "Psoriasis, affecting the face.", "face"),
        ("The palms are completely spared.", "The palms are completely red.", "palm"),
        ("The nail was spared.", "The nail was red.", "nail"),
        ("Plaques on the face but not the scalp.", "Plaques on the face but also the scalp.", "scalp"),
        ("Lichen planus with neither scale nor crust.", "Lichen planus with both scale and crust.", "scale"),
        ("Lichen planus with neither scale nor crust.", "Lichen planus with both scale and crust.", "crust"),
        ("Herpes zoster, never varicella.", "Herpes zoster, even varicella.", "varicella"),
    ],
)
def test_a_denied_term_and_the_same_caption_without_the_denial(caption: str, control: str, name: str) -> None:
    assert said(caption)[name] == DENIED
    assert said(control)[name] == STATED


@pytest.mark.parametrize(
    ("caption", "control", "name"),
    [
        ("Possible basal cell carcinoma.", "Large basal cell carcinoma.", "basal cell carcinoma"),
        ("Suspected melanoma on the back.", "Large melanoma on the back.", "melanoma"),
        ("A nodule resembling a keloid.", "A nodule called a keloid.", "keloid"),
        (
            "Tinea corporis mimicking granuloma annulare.",
            "Tinea corporis and granuloma annulare.",
            "granuloma annulare",
        ),
        ("Vitiligo rather than pityriasis alba.", "Vitiligo and pityriasis alba.", "pityriasis alba"),
        ("The differential diagnosis includes keloid.", "The diagnosis is keloid.", "keloid"),
        ("Keloid secondary to acne.", "Keloid and acne.", "acne"),
        ("Contact dermatitis due to scabies.", "Contact dermatitis and scabies.", "scabies"),
        ("A patient with a history of melanoma.", "A patient with a large melanoma.", "melanoma"),
        ("The scar of a treated melanoma.", "The scar of a melanoma.", "melanoma"),
        ("It may be confused with lichen planus.", "It is lichen planus.", "lichen planus"),
        ("Unlike psoriasis, it is itchy.", "Like psoriasis, it is itchy.", "psoriasis"),
        ("Hyperpigmentation after lichen planus.", "Hyperpigmentation and lichen planus.", "lichen planus"),
        ("Vesicles before crusting.", "Vesicles and crusting.", "crust"),
        ("Psoriasis-like plaques.", "Psoriasis plaques.", "psoriasis"),
        ("Seborrheic keratosis versus melanoma.", "Seborrheic keratosis beside melanoma.", "seborrheic keratosis"),
        ("Acne (differential diagnosis: rosacea).", "Acne (another: rosacea).", "rosacea"),
    ],
)
def test_an_open_term_and_the_same_caption_without_the_doubt(caption: str, control: str, name: str) -> None:
    assert said(caption)[name] == OPEN
    assert said(control)[name] == STATED


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        # A list that began with a denial: its first member is denied, and of the others nobody can tell.
        ("No comedones, papules or nodules.", {"comedo": DENIED, "papule": OPEN, "nodule": OPEN}),
        ("No comedones and pustules.", {"comedo": DENIED, "pustule": OPEN}),
        ("No burrows, no vesicles.", {"burrow": DENIED, "vesicle": DENIED}),
        ("No comedones with pustules.", {"comedo": DENIED, "pustule": STATED}),
        # What ends a denial.
        ("No scale. Papules.", {"scale": DENIED, "papule": STATED}),
        ("No scale; papules.", {"scale": DENIED, "papule": STATED}),
        ("No scale but papules.", {"scale": DENIED, "papule": STATED}),
        ("Possible melanoma; the nevus is red.", {"melanoma": OPEN, "nevus": STATED, "red": STATED}),
        ("Suspected melanoma, however a nevus.", {"melanoma": OPEN, "nevus": STATED}),
        # "Not only" denies nothing.
        ("Not only papules but also pustules.", {"papule": STATED, "pustule": STATED}),
        ("Not papules but pustules.", {"papule": DENIED, "pustule": STATED}),
    ],
)
def test_how_far_a_word_reaches(caption: str, expected: dict[str, str]) -> None:
    assert said(caption) == expected


def test_the_words_of_a_name_are_no_denial_and_no_doubt() -> None:
    """ "Gram-negative folliculitis", "secondary syphilis", "drug-induced acne" are names, and reach no further."""
    names = [(each, name) for each in vocabulary().terms.values() for name in (each.name, *each.synonyms)]
    wrong = []
    for each, name in names:
        if each.kind != "site":  # "scalp" would join the name of a site
            found = [(fact.term.name, fact.said) for fact in read(f"{name} (scalp)").all]
            if found != [(each.name, STATED), ("scalp", STATED)]:
                wrong.append((name, found))
    assert wrong == []


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("Bullae (no milia) on the hand.", {"bulla": STATED, "milium": DENIED, "hand": STATED}),
        ("Bullae [without milia] and erosions.", {"bulla": STATED, "milium": DENIED, "erosion": STATED}),
        ("No bullae (vesicles) and erosions.", {"bulla": DENIED, "vesicle": DENIED, "erosion": OPEN}),
        ("Nevus (possibly melanoma) of the ear.", {"nevus": STATED, "melanoma": OPEN, "ear": STATED}),
        ("Erythema (after a burn) of the chest.", {"erythema": STATED, "burn": OPEN, "chest": STATED}),
        ("Bullae) on the hand.", {"bulla": STATED, "hand": STATED}),
    ],
)
def test_a_bracket_ends_what_began_in_it(caption: str, expected: dict[str, str]) -> None:
    assert said(caption) == expected


@pytest.mark.parametrize(
    ("caption", "name", "verdict"),
    [
        ("After excision, a scar on the cheek.", "scar", STATED),
        ("After excision of a melanoma, a scar on the cheek.", "melanoma", OPEN),
        ("During pregnancy, melasma of the cheeks.", "melasma", STATED),
        ("Since birth, a port-wine stain on the cheek.", "cheek", STATED),
        ("Following an insect bite, a nodule.", "nodule", STATED),
        ("A nodule following an insect bite.", "nodule", STATED),
        ("Papules, after steroids pustules, on the chin.", "pustule", OPEN),
        ("Papules, after steroids pustules, on the chin.", "chin", STATED),
    ],
)
def test_a_time_reaches_to_the_next_comma(caption: str, name: str, verdict: str) -> None:
    assert said(caption)[name] == verdict


@pytest.mark.parametrize(
    ("caption", "shown", "behind"),
    [
        ("Kaposi sarcoma in a patient with leprosy.", "Kaposi sarcoma", "leprosy"),
        ("Leg ulcer in a woman with diabetes mellitus.", "leg ulcer", "diabetes mellitus"),
        ("Eczema herpeticum in a child with atopic dermatitis.", "eczema herpeticum", "atopic dermatitis"),
        ("Acne of a 16-year-old boy with rosacea.", "acne", "rosacea"),
    ],
)
def test_a_disease_of_the_patient_behind_the_disease_shown_is_open(caption: str, shown: str, behind: str) -> None:
    assert [said(caption)[name] for name in (shown, behind)] == [STATED, OPEN]


@pytest.mark.parametrize("who", ["A man", "A 54-year-old woman", "Face of an infant", "Papules in a patient"])
def test_the_only_disease_of_a_patient_is_the_one_shown(who: str) -> None:
    assert said(f"{who} with psoriasis.")["psoriasis"] == STATED


def test_a_lesion_of_the_patient_behind_a_disease_is_shown_all_the_same() -> None:
    assert said("Lichen planus in a man with papules.")["papule"] == STATED


@pytest.mark.parametrize(
    ("caption", "names"),
    [
        ("Superficial basal cell carcinoma. Basal cell carcinoma of the nose.", ["superficial basal cell carcinoma"]),
        ("Basal cell carcinoma, superficial basal cell carcinoma.", ["superficial basal cell carcinoma"]),
        ("Psoriasis and acne; the psoriasis is red.", ["psoriasis", "acne"]),
        ("Acne and psoriasis.", ["acne", "psoriasis"]),
        ("Melanoma, possibly acral lentiginous melanoma.", ["melanoma"]),
        ("No melanoma.", []),
        ("Red papules.", []),
    ],
)
def test_diagnoses_are_the_most_specific_ones_each_once(caption: str, names: list[str]) -> None:
    assert [fact.term.name for fact in read(caption).diagnoses] == names


@pytest.mark.parametrize(
    ("caption", "numbers"),
    [
        ("H&E, ×40.", ("40",)),
        ("H&E, x 40", ("40",)),
        ("H&E, 40×; PAS, 100X", ("40", "100")),
        ("×40 and 40×", ("40",)),
        ("(original magnification ×2.5)", ("2.5",)),
        ("A 2 × 3 cm ulcer", ()),
        ("A 3 x 4 mm papule, ×10", ("10",)),
        ("X-linked ichthyosis", ()),
        ("A 40-year-old man", ()),
        ("Langerhans cells, 400 nm", ()),
    ],
)
def test_magnifications(caption: str, numbers: tuple[str, ...]) -> None:
    assert read(caption, "pathology").magnifications == numbers


@pytest.mark.parametrize(
    ("caption", "measures"),
    [
        ("A 12 mm nodule.", [("12 mm", 12.0)]),
        ("A 12-mm nodule.", [("12-mm", 12.0)]),
        ("A nodule, 1.2cm.", [("1.2cm", 12.0)]),
        ("A nodule of 1,5 cm.", [("1,5 cm", 15.0)]),
        ("Plaques of 2–3 cm.", [("2–3 cm", 30.0)]),
        ("Papules, 2 to 5 mm across.", [("2 to 5 mm", 5.0)]),
        ("An ulcer of 3 by 2 cm.", [("3 by 2 cm", 30.0)]),
        ("An ulcer, 2 × 3 centimetres.", [("2 × 3 centimetres", 30.0)]),
        ("A nodule of 5 mm and an ulcer of 2 cm.", [("5 mm", 5.0), ("2 cm", 20.0)]),
        ("A papule of less than 5 mm.", []),
        ("At least 2 cm wide.", []),
        ("Plaques up to 3 cm.", []),
        ("Scale bar 5 mm.", []),
        ("Scale bar: 5 mm", []),
        ("A man aged 54.", []),
        ("5 comedones", []),
    ],
)
def test_sizes_in_millimetres(caption: str, measures: list[tuple[str, float]]) -> None:
    facts = read(caption)
    assert [(size.text, size.most) for size in facts.sizes] == measures
    assert all(size.text in facts.caption and 0 < size.least <= size.most for size in facts.sizes)


def test_a_shouted_caption_is_read_in_small_letters() -> None:
    facts = read("MULTIPLE RED PLAQUES ON THE TRUNK, ALL IN PSORIASIS")
    assert facts.caption == "Multiple red plaques on the trunk, all in psoriasis"
    assert [fact.term.name for fact in facts.stated("lesion", "diagnosis")] == ["plaque", "psoriasis"]
    assert read("BCC, H&E").caption == "BCC, H&E"


def test_facts_are_asked_for_by_what_is_said_and_kind_in_the_order_of_the_caption() -> None:
    facts = read("A nodule and red papules without scale, on the left cheek.")
    assert [fact.term.name for fact in facts.stated("lesion")] == ["nodule", "papule"]
    assert [fact.term.name for fact in facts.stated("colour", "lesion")] == ["nodule", "red", "papule"]
    assert [fact.term.name for fact in facts.denied("lesion")] == ["scale"]
    assert facts.stated("stain") == []
    assert facts.mentioned == {"nodule", "red", "papule", "scale", "left", "cheek"}
    assert {"nodule", "papule", "on"} <= facts.words
    papule = facts.stated("lesion")[1]
    assert facts.span(papule.first - 1, papule.last) == "red papules"


def test_another_vocabulary_may_be_read_with() -> None:
    wart = Term("wart", "lesion", (), ("verruca",), ())
    facts = read_facts(Asked("id", "Verrucae on the hand.", "clinical"), Vocabulary([wart]))
    assert [(fact.term, fact.said) for fact in facts.all] == [(wart, STATED)]


@pytest.mark.parametrize(
    ("one", "other", "excluded"),
    [
        ("cheek", "shin", True),
        ("palm", "sole", True),
        ("lip", "sole", True),
        ("thigh", "chest", True),
        ("cheek", "scalp", False),  # one region
        ("shin", "sole", False),
        ("neck", "chest", False),  # on the border of two
        ("shoulder", "chest", False),
        ("axilla", "chest", False),
        ("groin", "cheek", False),
        ("fingernail", "cheek", False),  # nails are within a region
        ("cheek", "cheek", False),
    ],
)
def test_a_site_excludes_those_of_another_region_and_of_no_border(one: str, other: str, excluded: bool) -> None:
    first, second = vocabulary().terms[one], vocabulary().terms[other]
    assert excludes_site(first, second) is excluded
    assert excludes_site(second, first) is excluded


_PARTS = st.sampled_from(
    """no not only without possible after , . ; : ( ) [ ] and with but scale papules psoriasis melanoma nevus patient
    like is seen absent spared region the on cheek 5 mm × 40 cm x 2-3 H&E""".split()  # noqa: SIM905
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_PARTS, max_size=14).map(" ".join) | st.text(max_size=60))
@example("not")
@example(")) (( no")
def test_any_text_is_read_and_facts_never_overlap(text: str) -> None:
    facts = read(text)
    assert all(fact.said in (STATED, DENIED, OPEN) for fact in facts.all)
    assert all(before.last < after.first for before, after in pairwise(facts.all))
    assert all(facts.span(fact.first, fact.last) in facts.caption for fact in facts.all)
    assert all(0 < size.least <= size.most for size in facts.sizes)
    assert {fact.term.name for fact in facts.diagnoses} <= facts.mentioned
    assert facts.magnifications == tuple(dict.fromkeys(facts.magnifications))
