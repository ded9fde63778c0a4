"""Persons are refused, eponyms are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.names import person_named


@pytest.mark.parametrize(
    "text",
    [
        "Which lesion did Dr. Baker describe?",
        "Is this from the practice of Dr A. B. Morgan?",
        "The nodule of Mr Brown",
        "Mrs. Hale shows a plaque.",
        "Professor Lindqvist's patient",
        "Courtesy of the department.",
        "Photograph by a colleague",
        "Reproduced from an atlas",
        "Reprinted with permission",
        "kindly provided by the clinic",
        "Collection of Dr Hale",
        "A patient named Peter",
        "A woman called Hortense has vitiligo.",
        "Jane Miller, MD",
        "John Smith has psoriasis.",
        "a plaque of Mary L. Jones",
        "the nevus on Robert Hale",
    ],
)
def test_a_person_is_named(text: str) -> None:
    named = person_named(text)
    assert named and named in text


@pytest.mark.parametrize(
    "text",
    [
        "Bowen disease of the finger",
        "Is this a Spitz nevus?",
        "Stevens-Johnson syndrome",
        "Gottron papules and the Hutchinson sign",
        "Langerhans cell histiocytosis",
        "Is Wood lamp illumination used?",
        "Nevus of Ota",
        "Henoch-Schönlein purpura",
        "Merkel cell carcinoma, Masson trichrome",
        "Sweet syndrome",
        "Down syndrome",
        "Sézary cells with Pautrier microabscesses",
        "Ehlers-Danlos syndrome",
        "Who is shown? A 54-year-old man.",
        "Iris-like rings on the drug-induced plaque",
        "A missing nail",
        "psoriasis",
        "",
    ],
)
def test_a_thing_is_named(text: str) -> None:
    assert person_named(text) == ""


def test_case_tells_a_name_from_a_word() -> None:
    assert person_named("mark the nodule with john smith forceps") == ""
    assert person_named("The nodule of John Smith") != ""


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.text("DrMs. JohnSmitcouryf,'", max_size=40))
def test_what_is_found_stands_in_any_text(text: str) -> None:
    assert person_named(text) in text
