"""Cells as sources spell them: what is empty is null, what nobody understands is said so, nothing is guessed."""

from __future__ import annotations

import pytest

from mmskin_hub.builders.derm1m import levels
from mmskin_hub.engine.public import values


@pytest.mark.parametrize(
    ("text", "age"), [("45", 45.0), ("45.0", 45.0), ("0.0", 0.0), ("85 years", 85.0), ("", None), ("nan", None)]
)
def test_ages(text: str, age: float | None) -> None:
    assert values.age_years(text) == age


@pytest.mark.parametrize("text", ["old", "-1", "300", "40-50", "4.5.6", "45 months"])
def test_ages_nobody_understands(text: str) -> None:
    with pytest.raises(values.NotUnderstood):
        values.age_years(text)


@pytest.mark.parametrize(
    ("text", "tone"),
    [("1", "I"), ("2.0", "II"), ("FST6", "VI"), ("IV", "IV"), ("12", "I-II"), ("34", "III-IV"), ("56", "V-VI"),
     ("-1", None), ("", None), ("NONE_IDENTIFIED", None)],
)  # fmt: skip
def test_skin_tones(text: str, tone: str | None) -> None:
    assert values.skin_tone(text) == tone


@pytest.mark.parametrize("text", ["7", "2.5", "dark", "1234", "inf"])
def test_skin_tones_nobody_understands(text: str) -> None:
    with pytest.raises(values.NotUnderstood):
        values.skin_tone(text)


def test_sexes_and_ids() -> None:
    assert [values.sex(text) for text in ("MALE", "f", "unknown", "OTHER_OR_UNSPECIFIED")] == [
        "male", "female", None, None,
    ]  # fmt: skip
    with pytest.raises(values.NotUnderstood):
        values.sex("x")
    assert (
        values.image_id("ISIC_0053453_downsampled.jpg") == values.image_id("ISIC_0053453_downsampled") == "ISIC_0053453"
    )
    assert values.image_id("bk1_2.5.png") == "bk1_2.5" and values.image_id(" ") is None


@pytest.mark.parametrize("text", ["a > b > c", "a, b, c", "['a', 'b', 'c']", "a|b|c", "a -> b -> b -> c"])
def test_levels_of_an_ontology(text: str) -> None:
    assert levels(text) == ["a", "b", "c"]
