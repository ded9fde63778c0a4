"""Wordings vary, options are shown to half of the rows in every order, and a row always says the same."""

from __future__ import annotations

from collections import Counter

import pytest

from mmskin_hub.engine.mixture.conversations import classify, describe, kind_of

CLASSES = ("Melanoma", "Nevus", "Vascular lesions")
NAMES = [f"ham10000/default/ISIC_{n:07d}" for n in range(600)]


def texts(classes: tuple[str, ...] = CLASSES, modality: str | None = "dermoscopic") -> list[str]:
    return [classify(name, modality, classes)[0][1] for name in NAMES]


def test_half_of_the_rows_are_shown_every_class_in_changing_order() -> None:
    shown = [text for text in texts() if all(name in text for name in CLASSES)]
    assert 0.4 < len(shown) / len(NAMES) < 0.6
    assert not [text for text in texts() if text not in shown and any(name in text for name in CLASSES)]
    first = Counter(min(CLASSES, key=text.index) for text in shown)
    assert min(first.values()) > len(shown) / 6


def test_wordings_vary_and_none_prevails() -> None:
    counted = Counter(
        text.partition("Choose")[0].partition("Options")[0].partition("\n")[0].strip() for text in texts()
    )
    assert len(counted) >= 20
    assert max(counted.values()) < 0.08 * len(NAMES)
    assert len({describe(name, None) for name in NAMES}) >= 20


def test_a_row_says_the_same_every_time_and_names_its_kind_of_picture() -> None:
    assert texts() == texts()
    assert all("dermoscop" in text or "dermatoscop" in text for text in texts())
    assert not any("dermoscop" in text for text in texts(modality=None))
    assert all("{" not in text for text in texts())


@pytest.mark.parametrize(
    ("classes", "kind"),
    [
        (CLASSES, "diagnosis"),
        (("Malignant", "Non-Malignant"), "malignancy"),
        (("benign", "malignant", "non-neoplastic"), "malignancy"),
        (("nontumor", "tumor"), "tumour"),
        (("Vascular Tumors", "Eczema"), "diagnosis"),
        ((), "diagnosis"),
    ],
)
def test_what_a_list_of_classes_is_about(classes: tuple[str, ...], kind: str) -> None:
    assert kind_of(classes) == kind


def test_one_class_or_none_is_no_list_to_choose_from() -> None:
    for classes in ((), ("Nevus",)):
        assert not any("Nevus" in text or "Options" in text or "Choose" in text for text in texts(classes))


def test_classes_with_commas_stay_apart() -> None:
    classes = ("Herpes, hpv", "Eczema")
    shown = [text for text in texts(classes) if "Eczema" in text]
    assert shown
    assert all("; " in text for text in shown)
