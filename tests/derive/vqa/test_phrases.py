"""Phrases are the caption's own words for its facts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.facts import Facts, read_facts
from mmskin_hub.derive.vqa.phrases import (
    chained,
    described,
    finding,
    is_plural,
    lesion_phrases,
    place,
    sentence_bounds,
    with_article,
)
from mmskin_hub.schema import Asked


def read(caption: str, modality: str = "clinical") -> Facts:
    return read_facts(Asked("id", caption, modality))


@pytest.mark.parametrize(
    ("caption", "texts", "heads"),
    [
        ("Well-demarcated erythematous plaques with silvery scale on the elbows.",
         ["Well-demarcated erythematous plaques", "silvery scale"], ["plaque", "scale"]),
        ("Histology of a solitary, dome-shaped nodule.", ["a solitary, dome-shaped nodule"], ["nodule"]),
        ("The violaceous, flat-topped papules on the wrist.", ["The violaceous, flat-topped papules"], ["papule"]),
        ("Annular plaque on the arm; a papule on the neck.", ["Annular plaque", "a papule"], ["plaque", "papule"]),
        ("A shiny and sharply red papule.", ["A shiny and sharply red papule"], ["papule"]),
        ("Erythematous rash on the face.", ["Erythematous rash"], [None]),
        ("Wobbly red papules.", ["Wobbly red papules"], ["papule"]),
        ("A black patient with a white patch.", ["a white patch"], ["patch"]),
        ("A black patient.", [], []),
        ("Plaques without silvery scale.", ["Plaques"], ["plaque"]),
        ("Psoriasis.", [], []),
    ],
)  # fmt: skip
def test_lesions_with_what_is_said_of_them(caption: str, texts: list[str], heads: list[str | None]) -> None:
    phrases = lesion_phrases(read(caption))
    assert [phrase.text for phrase in phrases] == texts
    assert [phrase.head and phrase.head.term.name for phrase in phrases] == heads


@pytest.mark.parametrize(
    ("caption", "text"),
    [
        ("Annular plaques with silvery scale on the elbows.", "Annular plaques with silvery scale"),
        ("Bullae and crusted erosions on the trunk.", "Bullae and crusted erosions"),
        ("A nodule on the nose; papules on the lip.", "A nodule"),
        ("A nodule surrounded by papules.", "A nodule"),
        ("Psoriasis.", ""),
    ],
)
def test_phrases_that_go_on_are_chained(caption: str, text: str) -> None:
    facts = read(caption)
    assert chained(facts, lesion_phrases(facts)) == text


@pytest.mark.parametrize(
    ("caption", "where"),
    [
        ("Plaques on the dorsum of the left hand.", "on the dorsum of the left hand"),
        ("Nodule behind the left ear.", "behind the left ear"),
        ("Ulcer, right lower leg.", "on the right lower leg"),
        ("Purpura of the lower legs.", "on the lower legs"),
        ("Papules on the face and neck.", "on the face and neck"),
        ("Papules on the nose, cheeks, and forehead.", "on the nose, cheeks, and forehead"),
        ("A plaque on the arm; a papule on the neck.", "on the arm"),
        ("Ulcers in the mouth and on both lips.", "in the mouth and on both lips"),
        ("Plaques on the trunk, sparing the face.", "on the trunk"),
        ("Facial papules.", ""),
        ("Papules of the facial skin.", "on the facial skin"),
        ("Papules, not on the face.", ""),
        ("Papules.", ""),
    ],
)
def test_the_place_with_its_preposition(caption: str, where: str) -> None:
    assert place(read(caption)) == where


@pytest.mark.parametrize(
    ("caption", "kind", "clause"),
    [
        ("Dermoscopy shows arborizing vessels and blue-gray ovoid nests in a 60-year-old woman.", "dermoscopic",
         "arborizing vessels and blue-gray ovoid nests"),
        ("Dermoscopy: arborizing vessels. Nodule.", "dermoscopic", "arborizing vessels"),
        ("Histology reveals parakeratosis and elongated rete ridges (arrow), without spongiosis.", "histological",
         "parakeratosis and elongated rete ridges"),
        ("Acanthosis of 10 years duration.", "histological", "Acanthosis"),
        ("Acanthosis with parakeratosis for 6 months.", "histological", "Acanthosis with parakeratosis"),
    ],
)  # fmt: skip
def test_findings_are_clauses_of_the_caption(caption: str, kind: str, clause: str) -> None:
    facts = read(caption, "pathology")
    assert finding(facts, facts.stated(kind)[0]) == clause


@pytest.mark.parametrize(
    ("caption", "text"),
    [
        ("Flaccid bullae on the trunk of a 54-year-old man", "Flaccid bullae on the trunk"),
        ("Papules (arrows) on the chin after treatment", "Papules on the chin"),
        ("Papules on the chin which were treated", "Papules on the chin"),
        ("Papules and", "Papules"),
        ("Papules, possibly pustules", ""),
        ("No papules", ""),
    ],
)
def test_a_description_ends_where_the_picture_does(caption: str, text: str) -> None:
    facts = read(caption)
    assert described(facts, 0, len(facts.text) - 1) == text


def test_a_doubt_leaves_no_description_and_without_it_there_is_one() -> None:
    for caption, text in (
        ("Red papules, suspected acne", ""),
        ("Red papules, typical acne", "Red papules, typical acne"),
    ):
        facts = read(caption)
        assert described(facts, 0, len(facts.text) - 1) == text


def test_an_article_is_taken_along_as_printed() -> None:
    facts = read("A nodule on an ear, the lip, and chin")
    spans = {fact.term.name: with_article(facts, fact.first, fact.last) for fact in facts.all}
    assert spans == {"nodule": "A nodule", "ear": "an ear", "lip": "the lip", "chin": "chin"}


def test_a_sentence_ends_at_a_full_stop_a_semicolon_and_a_colon() -> None:
    facts = read("Acne: papules; nodules of 2.5 cm. Scars")
    bounds = {fact.term.name: sentence_bounds(facts, fact) for fact in facts.all}
    assert {name: facts.span(*bound) for name, bound in bounds.items()} == {
        "acne": "Acne", "papule": "papules", "nodule": "nodules of 2.5 cm", "scar": "Scars",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("caption", "plural"),
    [("papules", True), ("papule", False), ("bullae", True), ("Bulla", False), ("pus", False),
     ("comedones", True), ("patches", True), ("erythema", False), ("petechiae", True)],
)  # fmt: skip
def test_plurals(caption: str, plural: bool) -> None:
    facts = read(caption)
    assert is_plural(facts.stated("lesion")[0], facts) is plural


_PARTS = st.sampled_from(
    """a the no red annular plaques papule scale with , . and on left cheek of man shows parakeratosis arborizing
    vessels after ( ) for 6 months rash wobbly his""".split()  # noqa: SIM905
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_PARTS, max_size=14).map(" ".join) | st.text(max_size=40))
def test_every_phrase_of_any_text_is_the_captions_own(text: str) -> None:
    facts = read(text)
    phrases = lesion_phrases(facts)
    assert all(phrase.text in facts.caption for phrase in phrases)
    assert all(before.last < after.first for before, after in pairwise(phrases))
    assert chained(facts, phrases) in facts.caption
    where = place(facts)
    assert not where or facts.stated("site")
    if facts.text:
        described(facts, 0, len(facts.text) - 1)
    for fact in facts.stated("dermoscopic", "histological"):
        assert finding(facts, fact)
