"""MM-Skin-D: a pair that states the age or the sex of its patient becomes a question with its answer.

The question asks for what the caption states and nothing else; the answer says it in the caption's own unit, so an
infant of ten months is "10 months old", not "0.833 years". Which wording a pair gets is decided by its id alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mmskin_hub.curate.demographics import age_group, read_demographics
from mmskin_hub.derive.captions import caption_row
from mmskin_hub.schema import Row

DAYS_A_YEAR = 365.25

_PERSON = {
    "clinical": ("the patient in this photograph", "the patient shown here", "the person in this clinical image"),
    "dermoscopic": (
        "the patient whose skin is seen in this dermoscopic image",
        "the patient with this lesion",
        "the person this dermoscopic image was taken from",
    ),
    "pathology": (
        "the patient this specimen was taken from",
        "the patient with this histological picture",
        "the person this section comes from",
    ),
}
_BOTH = (
    "What are the age and sex of {who}?",
    "How old is {who}, and what is the patient's sex?",
    "Can you give the age and the sex of {who}?",
    "State the age and sex of {who}.",
    "Is {who} male or female, and how old?",
    "What is known about the age and sex of {who}?",
)
_AGE = (
    "What is the age of {who}?",
    "How old is {who}?",
    "Can you give the age of {who}?",
    "State the age of {who}.",
    "At what age was {who} seen?",
    "What age is given for {who}?",
)
_SEX = (
    "What is the sex of {who}?",
    "Is {who} male or female?",
    "Can you give the sex of {who}?",
    "State the sex of {who}.",
    "Which sex is given for {who}?",
    "Is {who} a male or a female patient?",
)
# The unit as the caption has it; years are what is left. "mo" is a month, "m" alone could be a man.
_UNITS: tuple[tuple[str, str, float], ...] = (
    ("month", r"mo(?:nths?|s|ths?)?", 12.0),
    ("week", r"w(?:ee)?ks?", DAYS_A_YEAR / 7),
    ("day", r"days?", DAYS_A_YEAR),
    ("hour", r"h(?:ou)?rs?", DAYS_A_YEAR * 24),
)


_NUMBER = re.compile(r"\d+")


def demographics_row(candidate: Row) -> dict[str, Any] | None:
    """The columns of :func:`mmskin_hub.schema.demographics_features` for one candidate, or ``None``.

    ``None`` where the caption states neither age nor sex. ``age_group`` is that of
    :func:`mmskin_hub.curate.demographics.age_group`, ``None`` without an age. ``candidate`` as for
    :func:`mmskin_hub.derive.captions.caption_row`.
    """
    years, sex = candidate["age_years"], candidate["sex"]
    if years is None and not sex:
        return None
    row = caption_row(candidate)
    parts = [stated_age(str(candidate["caption"]), float(years))] if years is not None else []
    parts += [str(sex)] if sex else []
    return {
        **row,
        "age_group": age_group(float(years)) if years is not None else None,
        "question": question(row["id"], str(candidate["modality"]), years is not None, bool(sex)),
        "answer": ", ".join(parts),
    }


def question(name: str, modality: str, age: bool, sex: bool) -> str:
    """The question the pair ``name`` (its id) is asked about ``age``, ``sex`` or both."""
    wording = _pick(_BOTH if age and sex else _AGE if age else _SEX, f"question:{name}")
    return wording.format(who=_pick(_PERSON.get(modality, _PERSON["clinical"]), f"person:{name}"))


def _pick(choices: Sequence[str], key: str) -> str:
    return choices[int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % len(choices)]


@lru_cache(maxsize=16)
def stated_age(caption: str, years: float) -> str:
    """``years`` as ``caption`` puts it: "54 years old", "10 months old", "1 year and 2 months old".

    Where the caption is silent about the unit, years from two on, and below that the largest of months, weeks and
    days that gives a whole number.
    """
    # Reading a caption for its ages takes longer than writing all questions about it; most need no second reading.
    plain = years >= 2 and years == int(years) and str(int(years)) in _NUMBER.findall(caption)
    words = "years" if plain else _stated(caption, years)
    said = [(name, a_year) for name, spelling, a_year in _UNITS if _says(spelling, words)]
    if not words and years < 2:
        whole = [(name, a_year) for name, _, a_year in _UNITS[:3] if _is_whole(years * a_year)]
        return f"{_count(years, *(whole or [_UNITS[2][::2]])[0])} old"
    if not said:
        return f"{_count(years, 'year', 1.0)} old"
    unit, a_year = said[0]
    rest = years - int(years)
    if years >= 1 and rest and _says(r"y(?:ea)?rs?|y", words):
        return f"{_count(int(years), 'year', 1.0)} and {_count(rest, unit, a_year)} old"
    return f"{_count(years, unit, a_year)} old"


def _stated(caption: str, years: float) -> str:
    """The words of ``caption`` that say ``years``; "" where it says something else, or nothing."""
    found = read_demographics(caption)
    if found.age_span is None or found.age_years is None or abs(found.age_years - years) > 1e-4 * (1 + years):
        return ""
    return caption[slice(*found.age_span)]


def _count(years: float, unit: str, a_year: float) -> str:
    number = years * a_year
    # A float32 of 7/12 years is 6.9999998 months; halves and quarters of a unit are printed, smaller parts are not.
    number = round(number) if _is_whole(number) else round(number, 2)
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def _is_whole(number: float) -> bool:
    return number > 0.98 and abs(number - round(number)) < 0.02


def _says(spelling: str, words: str) -> bool:
    return re.search(rf"(?<![a-z])(?:{spelling})(?![a-z])", words, re.IGNORECASE) is not None
