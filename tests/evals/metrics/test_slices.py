"""Figures by group: values of every kind, small groups marked, the worst one named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmskin_hub.evals.metrics import SMALL, age_group, slices


def rows() -> list[dict[str, object]]:
    """60 light pictures of which 54 are right, 40 dark ones of which 20 are, 5 of unknown tone, all wrong."""
    made: list[dict[str, object]] = []
    for tone, number, right in (("I-II", 60, 54), ("V-VI", 40, 20), (None, 5, 0), ("III-IV", 6, 0)):
        for place in range(number):
            gold = place % 2
            predicted: int | None = gold if place < right else None if place % 3 == 0 else 1 - gold
            made.append({"gold": gold, "predicted": predicted, "group": f"{tone}{place // 2}", "skin_tone": tone})
    return made


def test_the_worst_group_is_neither_small_nor_unknown() -> None:
    found = slices(rows(), n=100)
    assert set(found) == {"skin_tone"}
    groups = {each["value"]: each for each in found["skin_tone"]["groups"]}
    assert list(groups) == ["I-II", "III-IV", "V-VI", "unknown"]
    assert groups["I-II"]["accuracy"]["value"] == pytest.approx(0.9) and groups["I-II"]["n"] == 60
    assert groups["I-II"]["clusters"] == 30 and not groups["I-II"]["small"]
    assert groups["III-IV"]["small"] and groups["III-IV"]["n"] < SMALL and groups["unknown"]["small"]
    worst = found["skin_tone"]["worst"]["accuracy"]
    assert worst == {"value": "V-VI", "n": 40, "figure": pytest.approx(0.5)}
    assert found["skin_tone"]["gap"]["accuracy"] == pytest.approx(0.4)
    json.dumps(found, allow_nan=False)


def test_values_stand_in_the_row_or_its_slices_and_ages_are_grouped() -> None:
    some = [
        {"gold": 0, "predicted": 0, "group": n, "slices": {"sex": "female" if n % 2 else "male"}, "age_years": n}
        for n in range(90)
    ]
    found = slices(some, n=10)
    assert [each["value"] for each in found["sex"]["groups"]] == ["female", "male"]
    assert [each["value"] for each in found["age_group"]["groups"]] == ["0-17", "18-39", "40-59", "60-79", "80+"]
    assert [each["n"] for each in found["age_group"]["groups"]] == [18, 22, 20, 20, 10]


def test_a_score_a_row_takes_the_place_of_classes() -> None:
    some = [{"token_f1": share, "group": None, "modality": name} for name in ("a", "b") for share in [0.25, 0.75] * 15]
    found = slices(some, ["modality"], score="token_f1", n=50)
    assert found["modality"]["groups"][0]["token_f1"]["value"] == 0.5
    assert found["modality"]["gap"] == {"token_f1": 0}


@pytest.mark.parametrize(
    ("years", "group"),
    [(0, "0-17"), (17.9, "0-17"), (18, "18-39"), (59, "40-59"), (80, "80+"), (None, None), (np.nan, None), (-1, None)],
)
def test_age_groups(years: float | None, group: str | None) -> None:
    assert age_group(years) == group


def test_no_known_value_no_slice_and_one_group_no_gap() -> None:
    assert slices([{"gold": 0, "predicted": 0, "group": "p"}], n=5) == {}
    found = slices([{"gold": 0, "predicted": 0, "group": n, "sex": "male"} for n in range(25)], n=5)
    assert found["sex"]["gap"]["accuracy"] is None and found["sex"]["worst"]["accuracy"]["value"] == "male"
