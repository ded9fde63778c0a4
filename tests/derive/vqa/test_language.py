"""Captions in another language are told by their small words, not by Latin names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.facts import read_facts
from mmskin_hub.derive.vqa.language import other_language
from mmskin_hub.derive.vqa.vocabulary import vocabulary
from mmskin_hub.schema import Asked


def language(caption: str) -> str:
    return other_language(read_facts(Asked("id", caption, "clinical")))


@pytest.mark.parametrize(
    ("caption", "name"),
    [
        ("Ulzerierter Knoten mit Krusten auf der Nase bei einem Mann", "German"),
        ("Rote Plaques mit silbriger Schuppung an den Ellenbogen", "German"),
        ("Plaques érythémateuses avec squames sur les coudes chez une femme", "French"),
        ("Placas eritematosas con escamas en los codos de una mujer", "Spanish"),
        ("Placche eritematose con squame sui gomiti di una donna", "Italian"),
        ("Placas eritematosas com escamas nos cotovelos de uma mulher", "Portuguese"),
        ("Erythemateuze plaques met schilfers op de ellebogen van een vrouw", "Dutch"),
        ("银屑病，肘部红斑", "another script"),
        ("Псориаз на разгибательных поверхностях", "another script"),
        ("Ψωρίαση στους αγκώνες", "another script"),
        ("صدفية على المرفقين", "another script"),
    ],
)
def test_another_language(caption: str, name: str) -> None:
    assert language(caption) == name


@pytest.mark.parametrize(
    "caption",
    [
        "Well-demarcated plaques with silvery scale on the elbows of a 54-year-old man.",
        "Psoriasis vulgaris",
        "Pityriasis rubra pilaris. Keratoderma.",
        "Morphea en coup de sabre on the forehead",
        "Peau d’orange skin and café au lait macules",
        "Cutis marmorata telangiectatica congenita",
        "Melanoma in situ of the arm",
        "Sézary syndrome, Henoch-Schönlein purpura",
        "β-hemolytic streptococci, 5 μm",
        "TNF-α and IFN-γ",
        "Multiple papules",
        "Ulcer",
        "",
    ],
)
def test_english_with_its_latin_and_its_loans(caption: str) -> None:
    assert language(caption) == ""


def test_without_its_small_words_the_same_caption_counts_as_english() -> None:
    assert language("Knoten mit Krusten auf der Nase") == "German"
    assert language("Knoten, Krusten, Nase") == ""


def test_one_small_word_does_not_decide() -> None:
    assert language("Nodule mit Krusten") == ""


def test_english_small_words_outweigh_a_foreign_name() -> None:
    assert language("Nodule of the hand in the service of Hôpital de la Croix") == ""
    assert language("Nodule, Hôpital de la Croix pour les enfants") == "French"


def test_every_name_of_the_vocabulary_is_english() -> None:
    names = [name for each in vocabulary().of_kind("diagnosis") for name in (each.name, *each.synonyms)]
    assert [name for name in names if language(name)] == []


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_an_answer(text: str) -> None:
    assert isinstance(language(text), str)
