"""The pairs below were written for these tests; those of the published test file are known by row number alone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.answerable import KINDS, Unanswerable, mentions_text, unanswerable
from mmskin_hub.derive.vqa.answerable_words import RULES
from mmskin_hub.derive.vqa.vocabulary import vocabulary

LABELS = Path(__file__).with_name("mm_skin_test_labels.csv")

NOT_ANSWERABLE = {
    "treatment": (
        "How is lupus pernio treated?",
        "Which medication would you give for this rash?",
        "Can keloids be removed with a laser?",
        "What surgery was performed on this patient?",
        "Is there a cure for Hailey-Hailey disease?",
        "Would you recommend a follow-up visit?",
        "Should the patient see a dermatologist?",
        "How can I get rid of plantar warts?",
        "What is the next step in the management of this lesion?",
        "Are there side effects of isotretinoin?",
    ),
    "prognosis": (
        "What is the prognosis of Merkel cell carcinoma?",
        "How long does pityriasis rosea last?",
        "Can lentigo maligna turn into melanoma?",
        "Are there any complications of chickenpox?",
        "Will the scar go away?",
        "Is this condition life-threatening?",
        "Is milia harmful?",
        "Can the tumour come back after excision?",
        "How does this condition affect the patient's quality of life?",
        "Is hair loss in alopecia areata permanent?",
    ),
    "contagion": (
        "Is molluscum contagiosum contagious?",
        "How is scabies transmitted?",
        "Can you catch ringworm from a cat?",
        "How did the child contract measles?",
    ),
    "epidemiology": (
        "How common is bullous pemphigoid?",
        "Is necrobiosis a rare disease?",
        "Which age group is most often affected by acne?",
        "Is this tumour more frequent in men than in women?",
        "What is the prevalence of vitiligo worldwide?",
    ),
    "cause": (
        "What causes erythema nodosum?",
        "Why does the skin turn yellow in jaundice?",
        "Is there a genetic predisposition to psoriasis?",
        "What triggers flares of rosacea?",
        "What are the risk factors for basal cell carcinoma?",
        "How did the blisters form?",
        "Which drug was responsible for this eruption?",
        "Is acanthosis nigricans associated with diabetes?",
        "Could this be due to an allergy?",
    ),
    "prevention": (
        "How can sunburn be prevented?",
        "Is there a vaccine against shingles?",
        "What precautions should be taken to avoid tick bites?",
    ),
    "symptoms": (
        "Is the rash itchy?",
        "Does the patient feel any pain?",
        "What other symptoms are associated with dermatomyositis?",
        "Is the nodule tender to touch?",
        "Does the child have a fever?",
        "Are there any other symptoms besides those seen in the picture?",
    ),
    "history": (
        "How long has the lesion been present?",
        "When did the eruption begin?",
        "What is the patient's occupation?",
        "Does the patient have a family history of melanoma?",
        "Has the mole changed since last year?",
        "What were the laboratory results?",
    ),
    "workup": (
        "How is leprosy diagnosed?",
        "Which tests are needed to confirm the diagnosis?",
        "What would a biopsy show, and is one necessary?",
        "How can you tell if someone has scabies?",
        "What further investigations would you order?",
    ),
    "knowledge": (
        "What is a dermatofibroma?",
        "What are Langerhans cells?",
        'What does "acantholysis" mean?',
        "What is the function of sebaceous glands?",
        "What is the role of the basement membrane in this image?",
        "How does bullous pemphigoid differ from pemphigus vulgaris?",
        "How many types of lupus erythematosus are there?",
        "Can tinea be mistaken for eczema?",
        "How does psoriasis affect the nails?",
        "Where does lichen planus usually occur?",
        "What is the significance of the Grenz zone?",
        "What is the purpose of staining with Ziehl-Neelsen?",
        "Which conditions look similar to this one?",
    ),
    "chat": (
        "Is there anything else you would like to know?",
        "Is any other information available about this case?",
        "Thank you for your help!",
        "What else is mentioned in the caption?",
        "Do you have any other questions?",
    ),
}

ANSWERABLE = (
    ("What is the diagnosis?", "Radiation dermatitis"),
    ("What is the diagnosis?", "Drug eruption after treatment with an antibiotic"),
    ("Which disease does this picture show?", "Erythema ab igne"),
    ("What condition is seen here?", "Postinflammatory hyperpigmentation"),
    ("What condition does this photograph show?", "Recurrent herpes simplex, which is caused by a virus."),
    ("What type of lesion is this?", "A congenital nevus"),
    ("Is this lesion benign or malignant?", "Malignant"),
    ("Is the tumour malignant?", "Yes"),
    ("How many lesions are seen?", "Three"),
    ("How many people are in the photograph?", "One"),
    ("What age is the patient?", "54 years old"),
    ("Is the patient a child or an adult?", "A child"),
    ("What is the age of the patient shown here?", "10 months old"),
    ("Which stain was used?", "Haematoxylin and eosin"),
    ("How was the section stained?", "With Giemsa"),
    ("At what magnification was the section taken?", "x 200"),
    ("Is the border well-defined?", "Yes"),
    ("Is the lesion well defined or ill defined?", "Well defined"),
    ("Is scale present?", "Yes"),
    ("Are pustules visible?", "No"),
    ("Is ulceration seen?", "Yes"),
    ("Is there scarring?", "Yes, a scar after excision"),
    ("Which histological features are seen?", "Acantholysis and suprabasal clefts"),
    ("Which dermoscopic structures are present?", "Milia-like cysts"),
    ("Describe the lesion.", "A painful, tender nodule on the helix"),
    ("Describe the painful ulcer on the tongue.", "A shallow ulcer with a red halo"),
    ("Where are the pruritic papules located?", "On the wrist"),
    ("How long is the scar?", "About 4 cm"),
    ("What is the colour of the lesion?", "Red-brown"),
    ("What are the yellow structures in the centre?", "Sebaceous lobules"),
    ("What does the lesion look like?", "A keratotic plaque"),
    ("What does the dermoscopic image show?", "A pigment network"),
    ("What does lichen planus look like?", "Flat-topped violaceous papules"),
    ("How are the lesions arranged?", "In a line"),
    ("How are the lesions distributed?", "Symmetrically on the extensor surfaces"),
    ("Is the rash localised or spread over the trunk?", "Spread over the trunk"),
    ("Which part of the body is affected?", "The scalp"),
    ("Which layer of the skin is affected?", "The dermis"),
    ("Is the left or the right hand affected?", "The left hand"),
    ("What kind of image is this?", "A dermoscopic image"),
    ("What instrument is shown?", "A surgical clamp"),
    ("What type of dressing is shown in the picture?", "A hydrocolloid dressing"),
    ("Are there any other features in the image that suggest a cause?", "No"),
    ("Are there any signs of infection around the wound?", "No"),
    ("Are there any other visible symptoms in the image?", "There is also some swelling."),
    ("Are there any other abnormalities in the image?", "No"),
    ("Is there anything else notable about the picture?", "No, nothing else."),
    ("Is it possible to see the hair follicles in this section?", "Yes"),
    ("How does the affected nail differ from the normal nails?", "It is thicker."),
    ("How does the lesion appear compared to the surrounding skin?", "Darker"),
    ("Are all lesions of the same size?", "No"),
    ("How severe does the acne look?", "Severe"),
    ("Does the mole have a uniform pigmentation?", "Yes"),
    ("What is the significance of the pitting of the nails?", "It suggests psoriasis."),
    ("Is it a common wart or a flat wart?", "A common wart"),
    ("What type of cancer is shown?", "Basal cell carcinoma, which is treated by excision."),
)

TALKS_ABOUT_TEXT = (
    ("What does the caption say?", "", "caption"),
    ("What is seen?", "According to the caption, a plaque.", "caption"),
    ("What is seen in Figure 3?", "A plaque.", "in figure 3"),
    ("What is seen?", "A plaque (Fig. 2a).", "fig. 2a"),
    ("What is seen in the figure?", "A plaque.", "in the figure"),
    ("Does this figure show a nevus?", "Yes", "this figure"),
    ("How old is the patient?", "The age is not mentioned.", "mentioned"),
    ("How old is the patient?", "No additional information is provided.", "additional information"),
    ("How old is the patient?", "The text states that she is 40.", "the text"),
    ("What does crust mean in this context?", "A dry surface.", "this context"),
    ("What is it?", "From the description provided, a wart.", "the description"),
    ("Are there limitations to the generated Q&A?", "Yes", "q&a"),
    ("What is it?", "As discussed in this conversation, a wart.", "this conversation"),
)
SAYS_NOTHING_OF_TEXT = (
    ("Which figurate erythema is this?", "Erythema gyratum repens"),
    ("How many mitotic figures are seen?", "Several mitotic figures"),
    ("What is the texture of the skin?", "The texture is rough."),
    ("Is a flame figure present?", "Yes, flame figures are present."),
    ("What does this image show?", "A photograph of a figure-of-eight suture"),
    ("What is the shape of this figure-of-eight scar?", "Two loops"),
    ("What is shown in the picture?", "Vasculitis in the context of lupus erythematosus"),
    ("Is the antibody labelled?", "Yes, with positive labelling of the nuclei"),
    ("Are there features worth mentioning?", "No"),
    ("What is the description of the lesion?", "A red papule"),
)

CASES = [(kind, question) for kind, questions in NOT_ANSWERABLE.items() for question in questions]


@pytest.mark.parametrize(("kind", "question"), CASES)
def test_what_no_picture_answers(kind: str, question: str) -> None:
    found = unanswerable(question, "It depends.")
    assert found is not None
    assert found.kind == kind
    assert found.words and found.words == found.words.lower()


@pytest.mark.parametrize(("question", "answer"), ANSWERABLE)
def test_what_a_picture_answers(question: str, answer: str) -> None:
    assert unanswerable(question, answer) is None


def test_every_kind_has_rules_and_examples() -> None:
    assert set(NOT_ANSWERABLE) == set(KINDS) == {rule.kind for rule in RULES}
    assert [rule.kind for rule in RULES] == sorted((rule.kind for rule in RULES), key=KINDS.index)


def test_an_answer_that_leaves_the_picture() -> None:
    asked = "What can you see?"
    assert unanswerable(asked, "This is treated with steroids.") == Unanswerable("treatment", "treated")
    assert unanswerable(asked, "It can be inherited. It should be treated early.") == Unanswerable("cause", "inherited")
    assert unanswerable(asked, "A red plaque on the arm. This is treated with steroids.") is None
    assert unanswerable(asked, "Nodular melanoma, treated by excision") is None


def test_significance_is_answerable_where_the_answer_is_a_diagnosis() -> None:
    asked = "What is the significance of the silvery scale?"
    assert unanswerable(asked, "It is characteristic of psoriasis.") is None
    assert unanswerable(asked, "Scale protects deeper layers.") is not None
    assert unanswerable("What is the significance of the term scale?", "It suggests psoriasis.") is not None


def test_anything_else_to_tell_is_answerable_where_something_is_told() -> None:
    asked = "Is there anything else you can tell me about the image?"
    assert unanswerable(asked, "The border of the plaque is raised.") is None
    assert unanswerable(asked, "No, that is all I can say.") == Unanswerable("chat", "anything else you can tell")


@pytest.mark.parametrize(("question", "answer", "words"), TALKS_ABOUT_TEXT)
def test_talk_about_text(question: str, answer: str, words: str) -> None:
    assert mentions_text(question, answer) == words


@pytest.mark.parametrize(("question", "answer"), SAYS_NOTHING_OF_TEXT)
def test_no_talk_about_text(question: str, answer: str) -> None:
    assert mentions_text(question, answer) == ""


@given(st.text(), st.text())
@example("", "")
@example("İs ﬁgure ß", "\x00")
def test_never_raises(question: str, answer: str) -> None:
    found = unanswerable(question, answer)
    assert found is None or found.kind in KINDS
    assert isinstance(mentions_text(question, answer), str)


@given(
    st.sampled_from([question for _, question in CASES] + [question for question, _ in ANSWERABLE]),
    st.sampled_from(("", "?", " ?", ".", "!", "??", "...")),
    st.sampled_from((str.upper, str.lower, str.title)),
    st.sampled_from((" ", "  ", "\n", "\u00a0")),
)
def test_case_spaces_and_closing_punctuation_do_not_matter(question: str, mark: str, case: object, space: str) -> None:
    assert callable(case)
    other = case(question.rstrip("?.! ")).replace(" ", space) + mark
    assert unanswerable(other, "It depends.") == unanswerable(question, "It depends.")
    assert mentions_text(other, "") == mentions_text(question, "")


# Names that hold a word of treatment, prognosis, contagion and so on, and are no less a thing to be seen for it.
NAMES = (
    "Rocky Mountain spotted fever",
    "contagious ecthyma",
    "drug-induced lupus",
    "steroid acne",
    "itching purpura",
    "hydroa vacciniforme",
    "relapsing polychondritis",
    "hereditary hemorrhagic telangiectasia",
    "inherited epidermolysis bullosa",
    "prurigo of pregnancy",
    "common wart",
    "well-differentiated squamous cell carcinoma",
    "acquired ichthyosis",
    "endemic pemphigus foliaceus",
    "reverse network",
)


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_disease_is_no_question_about_it(name: str) -> None:
    for asked in (f"Does this picture show {name}?", f"Is {name} present?", f"Is this {name} or psoriasis?"):
        assert unanswerable(asked, f"Yes, it shows {name}.") is None, asked
    assert unanswerable("Which disease is it?", f"It has to be {name}.") is None
    found = unanswerable(f"How is {name} treated?", "With a cream.")
    assert found is not None
    assert found.kind == "treatment"


def test_no_term_of_the_vocabulary_makes_a_question_unanswerable() -> None:
    felt_or_known = {"pruritus", "diabetes"}
    named = {
        name
        for term in vocabulary().terms.values()
        if term.name not in felt_or_known
        for name in (term.name, *term.synonyms)
        if unanswerable(f"Does this picture show {name}?", f"Yes, it shows {name}.")
    }
    assert named <= felt_or_known


def test_typographic_marks_are_read_as_plain_ones() -> None:
    plain = unanswerable("What is the patient's occupation?", "")
    assert plain is not None
    assert unanswerable("What is the patient’s occupation?", "") == plain


def test_agrees_with_hand_labels(shared_data: Path) -> None:
    pairs = shared_data / "mm_skin_lists" / "MM-Skin_test.csv"
    for path in (LABELS, pairs):
        if not path.exists():
            pytest.skip(f"{path.name} is not here")
    with pairs.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with LABELS.open(encoding="utf-8", newline="") as file:
        labels = {int(label["row"]): label["answerable"] == "no" for label in csv.DictReader(file)}
    rejected = {row for row in labels if unanswerable(rows[row]["question"], rows[row]["answer"])}
    not_answerable = {row for row, no in labels.items() if no}
    right = len(rejected & not_answerable)
    assert right / len(rejected) >= 0.9
    assert right / len(not_answerable) >= 0.85
