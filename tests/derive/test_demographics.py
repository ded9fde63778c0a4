"""MM-Skin-D rows: only what the caption states is asked and answered."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from mmskin_hub.curate.demographics import read_demographics
from mmskin_hub.derive.demographics import demographics_row, question, stated_age
from mmskin_hub.schema import MODALITIES, demographics_features


def candidate(caption: str, **changes: Any) -> dict[str, Any]:
    person = read_demographics(caption)
    years = None if person.age_years is None else float(np.float32(person.age_years))
    return {
        "book": "ab" * 32, "book_name": "atlas.pdf", "page": 3, "figure": "p3-f1", "panel": "", "bbox": [1, 2, 3, 4],
        "image": b"bytes", "image_format": "jpeg", "width": 200, "height": 100, "raw_caption": caption, "head": "",
        "panel_text": "", "caption": caption, "figure_label": "Fig. 1", "pair_score": 0.9, "modality": "clinical",
        "modality_score": 0.8, "age_years": years, "sex": person.sex, "phash": "0" * 64, "digest": "1" * 64, **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("caption", "answer"),
    [
        ("Plaque on the cheek of a 54-year-old man.", "54 years old, male"),
        ("Erythema in a 10-month-old girl.", "10 months old, female"),
        ("Erythema in a seven-month-old girl.", "7 months old, female"),
        ("Blisters in a 3-week-old infant.", "3 weeks old"),
        ("Blisters in a 1-week-old boy.", "1 week old, male"),
        ("Pustules in a 10-day-old infant.", "10 days old"),
        ("Haemangioma of an 18 month old boy.", "18 months old, male"),
        ("Eczema in a 24-month-old girl.", "24 months old, female"),
        ("Eczema in a 1-year-old girl.", "1 year old, female"),
        ("Eczema in a 2½-year-old girl.", "2.5 years old, female"),
        ("Mastocytosis in a boy aged 1 year and 2 months.", "1 year and 2 months old, male"),
        ("Lichen planus in a woman.", "female"),
        ("Ulcer, aged 72.", "72 years old"),
    ],
)
def test_answer_states_what_the_caption_states(caption: str, answer: str) -> None:
    row = demographics_row(candidate(caption))
    assert row is not None
    assert row["answer"] == answer


def test_a_caption_that_states_neither_gives_no_row() -> None:
    assert demographics_row(candidate("Psoriasis of 10 years' duration.")) is None


@pytest.mark.parametrize(
    ("years", "text"),
    [(54.0, "54 years old"), (0.25, "3 months old"), (7 / 365.25, "1 week old"), (2.0, "2 years old"),
     (5 / 365.25, "5 days old"), (1.5, "18 months old")],
)  # fmt: skip
def test_an_age_the_words_do_not_hold_falls_back_to_a_whole_unit(years: float, text: str) -> None:
    assert stated_age("A plaque.", years) == text


def test_the_row_has_exactly_the_published_columns() -> None:
    row = demographics_row(candidate("A 54-year-old man."))
    assert row is not None
    assert set(row) == set(demographics_features())
    assert row["age_group"] == "middle aged"
    without = demographics_row(candidate("A woman with acne."))
    assert without is not None
    assert without["age_group"] is None


@pytest.mark.parametrize(("age", "sex"), [(True, True), (True, False), (False, True)])
def test_questions_ask_for_what_is_stated_and_vary(age: bool, sex: bool) -> None:
    asked = {question(f"id-{n}", modality, age, sex) for n in range(300) for modality in MODALITIES}
    assert len(asked) >= 40
    for text in asked:
        assert bool(re.search(r"\b(age|old)\b", text)) == age, text
        assert bool(re.search(r"\b(sex|male)\b", text)) == sex, text
        assert text[0].isupper() and text[-1] in "?." and "{" not in text


def test_the_question_depends_on_the_id_alone() -> None:
    first, again = (demographics_row(candidate("A 54-year-old man.")) for _ in range(2))
    other = demographics_row(candidate("A 20-year-old man.", pair_score=0.1))
    assert first is not None and again is not None and other is not None
    assert first == again
    assert first["question"] == other["question"]
