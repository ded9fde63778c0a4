"""An answer says what the caption says; a "no" stands only where the caption settles it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.facts import STATED, Facts, read_facts
from mmskin_hub.derive.vqa.grounding import BY_ANOTHER_NAME, Grounds, Support, compares, judge, settles_no
from mmskin_hub.schema import MODALITIES, QA, Asked

ELBOW = "Well-demarcated erythematous plaques with silvery scale on the left elbow. No crusts. Psoriasis vulgaris."


def read(caption: str, modality: str = "clinical", age: float | None = None, sex: str | None = None) -> Facts:
    return read_facts(Asked("id", caption, modality, age, sex))


def support(caption: str, answer: str, **known: Any) -> Support:
    return Grounds(read(caption, **known)).support(answer)


def verdict(question: str, answer: str, caption: str = ELBOW, **known: Any) -> tuple[str, bool]:
    """The first thing unsupported, and whether the answer is settled."""
    found, settled = judge(QA(question, answer, "other", True), Grounds(read(caption, **known)))
    return found.missing, settled


# Support


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("Well-demarcated erythematous plaques with silvery scale", 1.0),
        ("The plaques are on the left elbow.", 1.0),
        ("plaque", 1.0),
        ("Scales", 1.0),
        ("Red", BY_ANOTHER_NAME),
        ("Red plaques", (BY_ANOTHER_NAME + 1) / 2),
        ("On the arm", BY_ANOTHER_NAME),  # where the elbow is
        ("It is a lesion of the skin.", 1.0),  # nothing that needs support
        ("", 1.0),
    ],
)
def test_words_of_the_caption_and_other_names_for_them_support(answer: str, score: float) -> None:
    found = support(ELBOW, answer)
    assert found.score == pytest.approx(score)
    assert found.missing == ""


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("Blue plaques", "Blue"),
        ("Plaques with crusts", "crusts"),  # denied
        ("Lichen planus", "Lichen planus"),
        ("Guttate psoriasis", "Guttate psoriasis"),  # a kind of it that nobody said
        ("Plaques on the right elbow", "right"),
        ("Plaques on the knee", "knee"),
        ("Itching plaques", "Itching"),
        ("12 plaques", "12"),
    ],
)
def test_what_the_caption_lacks_is_named(answer: str, missing: str) -> None:
    found = support(ELBOW, answer)
    assert found.missing == missing
    assert found.score < 1


def test_a_wrong_term_supports_nothing_of_the_rest() -> None:
    assert support(ELBOW, "Erythematous plaques on the knee").score == 0.0
    assert support(ELBOW, "Erythematous plaques on the elbow").score == 1.0


@pytest.mark.parametrize(
    ("caption", "control"),
    [
        ("A nodule. Possible melanoma.", "A nodule. Melanoma."),
        ("A nodule, no melanoma.", "A nodule, melanoma."),
        ("A nodule resembling melanoma.", "A nodule of melanoma."),
    ],
)
def test_a_term_denied_or_left_open_supports_nothing(caption: str, control: str) -> None:
    assert support(caption, "Melanoma") == (0.0, "Melanoma")
    assert support(control, "Melanoma") == (1.0, "")


def test_what_is_denied_supports_an_answer_that_denies() -> None:
    grounds = Grounds(read(ELBOW))
    assert grounds.support("There are no crusts.", denied=True) == (1.0, "")
    assert grounds.support("There are no crusts.") == (1.0, "")
    assert grounds.support("There are crusts.").missing == "crusts"
    assert grounds.support("There are no bullae.", denied=True).missing == "bullae"


def test_echoed_words_need_no_support() -> None:
    grounds = Grounds(read(ELBOW))
    assert grounds.support("It has no bullae.", denied=True, echo="Are there bullae?").missing == ""
    assert grounds.support("It has no bullae.", denied=True, echo="Are there papules?").missing == "bullae"


def test_a_broader_name_is_supported_and_a_narrower_is_not() -> None:
    assert support("Bowen disease of the finger", "Squamous cell carcinoma in situ").missing == ""
    assert support("Superficial basal cell carcinoma", "Basal cell carcinoma").missing == ""
    assert support("Basal cell carcinoma", "Superficial basal cell carcinoma").missing != ""


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_modality_of_the_picture_is_known(modality: str) -> None:
    said = {"clinical": "A clinical photograph", "dermoscopic": "Dermoscopy", "pathology": "A histological section"}
    for kind, answer in said.items():
        assert (support("A nodule.", answer, modality=modality).missing == "") is (kind == modality)


def test_age_and_sex_of_the_patient_are_known() -> None:
    caption = "A boy, ten months old, with a patch."
    assert support(caption, "10 months old", age=10 / 12, sex="male").missing == ""
    assert support(caption, "12 months old", age=10 / 12, sex="male").missing == "12"
    assert support("A patch.", "Male", sex="male") == (BY_ANOTHER_NAME, "")
    assert support("A patch.", "Female", sex="male").missing == "Female"
    assert support("A patch.", "Male").missing == "Male"


# Comparisons


@pytest.mark.parametrize(
    ("question", "comes_to"),
    [
        ("Is the patient older than 40 years?", "yes"),
        ("Is the patient older than 54 years?", "no"),
        ("Is the patient younger than 60 years?", "yes"),
        ("Is the patient younger than 18?", "no"),
        ("Is the patient older than 18 months?", "yes"),
        ("Is the nodule larger than 1 cm?", "yes"),
        ("Is the nodule larger than 12 mm?", "no"),
        ("Is the nodule smaller than 2 cm?", "yes"),
        ("Is it bigger than 30 mm?", "no"),
        ("Is the patient old?", ""),
        ("Is it larger than the nail?", ""),
    ],
)
def test_a_comparison_holds_or_not(question: str, comes_to: str) -> None:
    assert compares(question, read("A 12 mm nodule.", age=54.0)) == comes_to


@pytest.mark.parametrize(
    ("question", "comes_to"),
    [
        ("Are they larger than 1 mm?", "yes"),
        ("Are they larger than 3 mm?", "open"),
        ("Are they larger than 1 cm?", "no"),
        ("Are they smaller than 1 cm?", "yes"),
        ("Are they smaller than 3 mm?", "open"),
        ("Are they smaller than 2 mm?", "no"),
    ],
)
def test_a_range_leaves_open_what_lies_within_it(question: str, comes_to: str) -> None:
    assert compares(question, read("Papules of 2 to 6 mm.")) == comes_to


def test_without_one_measure_there_is_nothing_to_compare() -> None:
    assert compares("Is it larger than 1 cm?", read("A nodule.")) == ""
    assert compares("Is it larger than 1 cm?", read("A 5 mm nodule and a 2 cm ulcer.")) == ""
    assert compares("Is the patient older than 40 years?", read("A nodule.")) == ""


# No


@pytest.mark.parametrize(
    ("question", "caption"),
    [
        ("Are crusts present?", "Plaques without crusts."),
        ("Is this psoriasis?", "Lichen planus."),
        ("Is it melanoma?", "A nevus, not melanoma."),
        ("Is the border ill-defined?", "A well-demarcated plaque."),
        ("Are there multiple lesions?", "A solitary plaque."),
        ("Is the eruption unilateral?", "Bilateral plaques."),
        ("Is the right heel shown?", "A nodule of the left heel."),
        ("Is it on the scalp?", "A nodule of the heel."),
        ("Is the stain PAS?", "An ulcer, H&E."),
        ("Was it taken at ×100?", "An ulcer, ×40."),
    ],
)
def test_the_caption_settles_a_no(question: str, caption: str) -> None:
    assert settles_no(question, read(caption, "pathology"))


@pytest.mark.parametrize(
    ("question", "caption"),
    [
        ("Are crusts present?", "Plaques."),
        ("Are crusts present?", "Plaques with crusts."),
        ("Are crusts present?", "Plaques, possibly with crusts."),
        ("Is this psoriasis?", "Psoriasis."),
        ("Is this psoriasis?", "Psoriasis vulgaris."),  # a kind of it
        ("Is this psoriasis vulgaris?", "Psoriasis."),
        ("Is this psoriasis?", "Lichen planus and acne."),
        ("Is this psoriasis?", "Lichen planus, differential diagnosis psoriasis."),
        ("Is this psoriasis?", "Possible lichen planus."),
        ("Is it red?", "A brown plaque."),
        ("Are there papules?", "Plaques."),
        ("Is it on the shin?", "A nodule of the heel."),
        ("Is it on the chest?", "A nodule of the neck."),
        ("Is it on the scalp?", "Nodules of the heel and the cheek."),
        ("Was it taken at ×40?", "An ulcer, ×40."),
        ("Was it taken at ×40?", "An ulcer, ×10 and ×100."),
        ("Does it look strange?", "A plaque without crusts."),
    ],
)
def test_the_caption_leaves_a_no_open(question: str, caption: str) -> None:
    assert not settles_no(question, read(caption, "pathology"))


@pytest.mark.parametrize(("sex", "settled"), [("male", True), ("female", False), (None, False)])
def test_the_sex_settles_who_is_not_seen(sex: str | None, settled: bool) -> None:
    assert settles_no("Is the patient a woman?", read("A plaque.", sex=sex)) is settled


def test_the_modality_settles_what_the_picture_is_not() -> None:
    assert settles_no("Is this a histological section?", read("A plaque."))
    assert not settles_no("Is this a clinical photograph?", read("A plaque."))


# A pair


@pytest.mark.parametrize(
    ("question", "answer", "missing"),
    [
        ("Is there scale?", "Yes", ""),
        ("Is there scale?", "Yes, it is silvery.", ""),
        ("Is there scale?", "Yes, it is yellow.", "yellow"),
        ("Are there bullae?", "Yes", "bullae"),
        ("Are there crusts?", "Yes", "crusts"),
        ("What is seen?", "Scale", ""),
        ("What is seen?", "Bullae", "bullae"),
    ],
)
def test_a_yes_must_be_supported_with_its_question(question: str, answer: str, missing: str) -> None:
    found, settled = verdict(question, answer)
    assert found.casefold() == missing
    assert settled


@pytest.mark.parametrize(
    ("question", "answer", "missing", "settled"),
    [
        ("Are there crusts?", "No", "", True),
        ("Are there crusts?", "no, there are none", "none", True),
        ("Are there crusts?", "No, there are no crusts.", "", True),
        ("Are there crusts?", "No, there are bullae.", "bullae", True),
        ("Are there bullae?", "No", "", False),
        ("Are there bullae?", "No, it does not show bullae.", "", False),
        ("Is there scale?", "No", "", False),
        ("Is the border ill-defined?", "No, it is well-demarcated.", "", True),
        ("Is this acne?", "No, it is psoriasis vulgaris.", "", True),
        ("Is this acne?", "No, it is rosacea.", "rosacea", True),
    ],
)
def test_a_no_must_be_settled_and_what_it_adds_supported(
    question: str, answer: str, missing: str, settled: bool
) -> None:
    assert verdict(question, answer) == (missing, settled)


def test_a_comparison_is_answered_by_its_number() -> None:
    assert verdict("Is the patient older than 40 years?", "Yes", age=54.0) == ("", True)
    assert verdict("Is the patient older than 60 years?", "No", age=54.0) == ("", True)
    assert verdict("Is the patient older than 40 years?", "No", age=54.0) == ("", False)
    assert verdict("Is the patient older than 60 years?", "Yes", age=54.0)[0] != ""
    for answer in ("Yes", "No"):
        assert verdict("Are they larger than 3 mm?", answer, "Papules of 2 to 6 mm.") != ("", True)


def test_no_is_a_whole_word() -> None:
    assert verdict("What is seen?", "Nodules", "A nodule.") == ("", True)


_WORDS = """red annular plaques papules nodule with scale on the left cheek in psoriasis lichen planus , solitary
arborizing vessels acanthosis shiny of wobbly""".split()  # noqa: SIM905
_CAPTIONS = st.lists(st.sampled_from(_WORDS), min_size=1, max_size=10)


@settings(max_examples=80, deadline=None)
@given(_CAPTIONS, st.data())
def test_an_answer_in_the_captions_words_is_grounded(words: list[str], data: st.DataObject) -> None:
    facts = read(" ".join(words))
    assume(facts.text and all(fact.said == STATED for fact in facts.all))
    first = data.draw(st.integers(0, len(facts.text) - 1))
    last = data.draw(st.integers(first, len(facts.text) - 1))
    answer = facts.span(first, last)
    assert judge(QA("What is seen?", answer, "description", False), Grounds(facts)) == ((1.0, ""), True)
    spoiled = judge(QA("What is seen?", f"{answer} umbilicated", "description", False), Grounds(facts))[0]
    assert spoiled.missing == "umbilicated"


@settings(max_examples=80, deadline=None)
@given(
    st.text(max_size=30) | _CAPTIONS.map(" ".join),
    st.text(max_size=30) | st.sampled_from(["Is it larger than 3 cm?", "Is it psoriasis?", "×40?"]),
    st.text(max_size=30) | _CAPTIONS.map(" ".join) | st.sampled_from(["yes", "No, it is red", "no"]),
)
def test_a_score_is_between_none_and_all(caption: str, question: str, answer: str) -> None:
    found, _ = judge(QA(question, answer, "other", False), Grounds(read(caption)))
    assert 0.0 <= found.score <= 1.0
    assert bool(found.missing) >= (found.score < BY_ANOTHER_NAME)
