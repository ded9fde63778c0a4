"""Foldings are compared, never shown: the same for spellings of one word, different for words that differ."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmskin_hub.derive.vqa.spelling import fold, folded, split, tokens

SAME = (
    ("Naevus", "nevus"),
    ("naevi", "nevi"),
    ("papules", "papule"),
    ("scales", "scale"),
    ("patches", "patch"),
    ("blotches", "blotch"),
    ("diseases", "disease"),
    ("noses", "nose"),
    ("boxes", "box"),
    ("biopsies", "biopsy"),
    ("bullae", "bulla"),
    ("petechiae", "petechia"),
    ("keratoses", "keratosis"),
    ("diagnoses", "diagnosis"),
    ("fibromata", "fibroma"),
    ("tumour", "tumor"),
    ("tumours", "tumor"),
    ("discoloured", "discolored"),
    ("colourless", "colorless"),
    ("oedema", "edema"),
    ("haemorrhage", "hemorrhage"),
    ("localised", "localized"),
    ("keratinisation", "keratinization"),
    ("centre", "center"),
    ("centres", "centers"),
    ("sulphur", "sulfur"),
    ("grey", "gray"),
    ("greyish", "grayish"),
    ("Bowen's", "Bowen"),
    ("Bowen’s", "Bowen"),
    ("Langerhans'", "Langerhans"),
    ("Grünwald", "Grunwald"),
    ("Schönlein", "Schonlein"),
    ("café", "cafe"),
    ("PLAQUE", "plaque"),
)
WORDS_THAT_MATTER = """
    papule patch plaque macule nodule node vesicle bulla pustule cyst crust scale scar ulcer wheal pus lupus lichen
    nevus psoriasis pityriasis acanthosis acantholysis hypokeratosis hyperkeratosis hypopigmentation hyperpigmentation
    red gray iris left right four hour male female man woman keratosis keratinization leg lip nose ear
""".split()  # noqa: SIM905


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_word_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_words_that_matter_stay_apart() -> None:
    together = [pair for pair in combinations(WORDS_THAT_MATTER, 2) if fold(pair[0]) == fold(pair[1])]
    assert together == []


@pytest.mark.parametrize("word", ["pus", "lupus", "pityriasis", "lichen", "four", "X", "pigmentosus", "tinea", "area"])
def test_a_word_that_only_looks_like_a_plural_or_british_is_left(word: str) -> None:
    assert fold(word) == word.lower()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dorsum of the hand", "dorsum of hand"),
        ("a flat-topped papule", "flat topped papules"),
        ("Bowen’s disease", "Bowen disease"),
        ("Café-au-lait  macule", "cafe au lait macules"),
        ("nodules", "the\n nodule"),
    ],
)
def test_articles_hyphens_and_spaces_make_no_difference(one: str, other: str) -> None:
    assert split(one)[0] == split(other)[0]


@pytest.mark.parametrize(("one", "other"), [("no scale", "scale"), ("left hand", "right hand"), ("×40", "×400")])
def test_words_that_change_the_sense_make_one(one: str, other: str) -> None:
    assert split(one)[0] != split(other)[0]


def test_a_token_knows_its_place_and_how_it_is_printed() -> None:
    text = "The Naevi, 2.5 cm (left)."
    assert [(token.word, token.text) for token in tokens(text)] == [
        ("nevi", "Naevi"), (",", ","), ("2.5", "2.5"), ("cm", "cm"), ("(", "("), ("left", "left"), (")", ")"),
        (".", "."),
    ]  # fmt: skip
    assert all(text[token.start : token.end] == token.text for token in tokens(text))


def test_folded_words_are_a_set() -> None:
    assert folded("papules, papule and nodules") == {"papule", ",", "and", "nodule"}


LETTERS = "abeéghimnorstuyz'’-–( ).,;×0123456789AEÆœØµ漢\n\u0301"


@settings(max_examples=80, deadline=None)
@given(st.text(LETTERS, max_size=40) | st.text(max_size=40))
@example("x\u0301' 's ’ ½ ²")
def test_split_and_tokens_agree_on_any_text(text: str) -> None:
    found = tokens(text)
    words, printed = split(text)
    assert words == tuple(token.word for token in found)
    assert printed == tuple(token.text for token in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    assert folded(text) == set(words)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([word for pair in SAME for word in pair] + WORDS_THAT_MATTER))
def test_case_and_possessive_never_tell_words_apart(word: str) -> None:
    assert fold(word.upper()) == fold(word.capitalize()) == fold(word.lower())
    if not word.endswith(("'", "s")):
        assert fold(f"{word}'s") == fold(word)
