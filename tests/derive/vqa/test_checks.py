"""Every reason for which a pair does not leave, which comes first, and pairs that pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.checks import ANSWER_WORDS, QUESTION_WORDS, Checker, Verdict, check_alone
from mmskin_hub.derive.vqa.facts import read_facts
from mmskin_hub.schema import QA, VQA_REASONS, Asked

CAPTION = "Well-demarcated erythematous plaques with silvery scale, on the left elbow. No crusts. Psoriasis vulgaris."


def checker(caption: str = CAPTION) -> Checker:
    return Checker(read_facts(Asked("id", caption, "clinical")))


def check(question: str, answer: str, caption: str = CAPTION) -> Verdict:
    return checker(caption).check(QA(question, answer, "other", False))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is seen on the elbow?", "Well-demarcated erythematous plaques"),
        ("What is the diagnosis?", "Psoriasis vulgaris."),
        ("Describe the lesions.", "Erythematous plaques with silvery scale"),
        ("Summarise the findings", "Plaques with scale"),
        ("Are there crusts?", "No"),
        ("Is there scale?", "Yes, silvery scale is visible."),
        ("Is this psoriasis vulgaris or acne?", "Psoriasis vulgaris"),
        ("Which side is affected?", "The left"),
        ("Is this a clinical photograph?", "Yes"),
    ],
)
def test_a_pair_that_may_leave(question: str, answer: str) -> None:
    verdict = check(question, answer)
    assert (verdict.reason, verdict.detail) == ("", "")
    assert 0.5 <= verdict.grounding <= 1


# Every pair that fails stands beside one that differs in the fault alone, and passes.
@pytest.mark.parametrize(
    ("reason", "failing", "passing"),
    [
        ("bad_length", ("Colour?", "Erythematous"), ("Which colour?", "Erythematous")),
        ("bad_length", ("Which colour?", ""), ("Which colour?", "Erythematous")),
        ("bad_length", ("Which colour?", "–"), ("Which colour?", "Erythematous")),
        ("bad_length", ("The colour is.", "Erythematous"), ("What is the colour?", "Erythematous")),
        ("mentions_text", ("Which colour is named in the caption?", "Erythematous"),
         ("Which colour is seen in the image?", "Erythematous")),
        ("mentions_text", ("What is seen in Figure 3?", "Plaques"), ("What is seen?", "Plaques")),
        ("person_name", ("What did Dr. Baker see?", "Plaques"), ("What did the camera see?", "Plaques")),
        ("person_name", ("What is seen?", "Plaques. Courtesy of the clinic"), ("What is seen?", "Plaques")),
        ("not_answerable", ("How is psoriasis vulgaris treated?", "Plaques"),
         ("How is psoriasis vulgaris seen here?", "Plaques")),
        ("not_answerable", ("What causes the plaques?", "Psoriasis vulgaris"),
         ("What are the plaques?", "Psoriasis vulgaris")),
        ("answers_itself", ("Is the plaque erythematous?", "Erythematous"), ("What is the plaque?", "Erythematous")),
        ("answers_itself", ("Which lesion is a plaque?", "A plaque."), ("Which lesion is seen?", "A plaque.")),
        ("ungrounded", ("Which lesion is seen?", "A papule"), ("Which lesion is seen?", "A plaque")),
        ("ungrounded", ("Are there crusts?", "Yes"), ("Are there crusts?", "No")),
        ("ungrounded", ("Is it on the knee?", "Yes"), ("Is it on the elbow?", "Yes")),
        ("unsettled", ("Are there bullae?", "No"), ("Are there crusts?", "No")),
        ("unsettled", ("Is there scale?", "No"), ("Is this acne?", "No")),
    ],
)  # fmt: skip
def test_each_reason_with_its_control(reason: str, failing: tuple[str, str], passing: tuple[str, str]) -> None:
    verdict = check(*failing)
    assert verdict.reason == reason
    assert verdict.reason in VQA_REASONS
    assert verdict.detail.endswith((".", "”."))
    assert check(*passing).reason == ""


def test_the_first_that_fails_gives_the_reason() -> None:
    # Each question drops the fault before it and keeps the rest.
    faults = [
        ("How would Dr. Baker treat the bullae in Figure 3", "The bullae", "bad_length"),
        ("How would Dr. Baker treat the bullae in Figure 3?", "The bullae", "mentions_text"),
        ("How would Dr. Baker treat the bullae?", "The bullae", "person_name"),
        ("How would you treat the bullae?", "The bullae", "not_answerable"),
        ("Do you see the bullae?", "The bullae", "answers_itself"),
        ("Are there bullae?", "No, it is acne", "ungrounded"),
        ("Are there bullae?", "No, it is psoriasis vulgaris", "unsettled"),
        ("Are there crusts?", "No, it is psoriasis vulgaris", ""),
    ]
    assert [check(question, answer).reason for question, answer, _ in faults] == [reason for *_, reason in faults]


def test_the_same_question_is_asked_once_whatever_its_case_and_stops() -> None:
    one = checker()
    assert one.check(QA("What is seen?", "Plaques", "other", False)).reason == ""
    for again in ("What is seen?", "what  is seen ?", "What is SEEN??"):
        assert one.check(QA(again, "Silvery scale", "other", False)).reason == "duplicate_question"
    assert one.check(QA("What is shown?", "Plaques", "other", False)).reason == ""
    assert checker().check(QA("What is seen?", "Plaques", "other", False)).reason == ""


def test_a_duplicate_is_told_before_it_is_judged_by_the_caption() -> None:
    one = checker()
    assert one.check(QA("What is seen?", "Plaques", "other", False)).reason == ""
    assert one.check(QA("What is seen?", "Bullae", "other", False)).reason == "duplicate_question"


def test_a_question_that_was_refused_may_be_asked_again() -> None:
    one = checker()
    assert one.check(QA("What is seen?", "Bullae", "other", False)).reason == "ungrounded"
    assert one.check(QA("What is seen?", "Plaques", "other", False)).reason == ""


@pytest.mark.parametrize(("words", "reason"), [(QUESTION_WORDS[1], ""), (QUESTION_WORDS[1] + 1, "bad_length")])
def test_the_longest_question(words: int, reason: str) -> None:
    assert check_alone(" ".join(["Is"] + ["really"] * (words - 2) + ["red?"]), "Yes").reason == reason


@pytest.mark.parametrize(("words", "reason"), [(QUESTION_WORDS[0], ""), (QUESTION_WORDS[0] - 1, "bad_length")])
def test_the_shortest_question(words: int, reason: str) -> None:
    assert check_alone(" ".join(["Which", "colour?"][-words:]), "Red").reason == reason


@pytest.mark.parametrize(("words", "reason"), [(ANSWER_WORDS[1], ""), (ANSWER_WORDS[1] + 1, "bad_length")])
def test_the_longest_answer(words: int, reason: str) -> None:
    assert check_alone("Which colour is seen?", " ".join(["red"] * words)).reason == reason


def test_alone_nothing_is_held_against_a_caption() -> None:
    assert check_alone("Are there bullae?", "Yes") == ("", "", 1.0)
    assert check("Are there bullae?", "Yes").reason == "ungrounded"


@pytest.mark.parametrize("answer", ["Yes", "No", "yes, a plaque"])
def test_yes_and_no_do_not_stand_in_their_question(answer: str) -> None:
    assert check_alone("Is a plaque seen, yes or no?", answer).reason == ""


def test_the_grounding_of_a_pair_that_leaves_is_its_support() -> None:
    assert check("What is seen?", "Erythematous plaques").grounding == 1.0
    assert check("What is seen?", "Red plaques").grounding == 0.75


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_pair_gets_a_verdict(caption: str, question: str, answer: str) -> None:
    verdict = check(question, answer, caption)
    assert verdict.reason in ("", *VQA_REASONS)
    assert bool(verdict.reason) == bool(verdict.detail)
    assert 0.0 <= verdict.grounding <= 1.0
