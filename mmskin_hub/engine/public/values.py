"""How sources spell ages, sexes, skin tones and ids. What is empty is null; what is not understood is said so."""

from __future__ import annotations

import ast
import math
import re
from typing import Any

from mmskin_hub.engine.public.raw import stem_of

NOTHING = {"", "nan", "none", "null", "na", "n/a", "unknown", "-", "not provided", "unspecified"}
ROMAN = ("I", "II", "III", "IV", "V", "VI")
MAX_AGE = 120.0

_AGE = re.compile(r"(\d{1,3}(?:\.\d+)?)(?:\s*(?:y|yr|yrs|years?|year[- ]old|years old)\.?)?", re.IGNORECASE)
_SEX = {"male": "male", "m": "male", "man": "male", "female": "female", "f": "female", "woman": "female"}
_NO_SEX = {"intersex_or_unspecified", "other_or_unspecified", "other", "intersex"}
_DOWNSAMPLED = re.compile(r"_downsampled$", re.IGNORECASE)
_SPLITS = {"train": "train", "training": "train", "val": "validation", "valid": "validation",
           "validation": "validation", "test": "test", "testing": "test"}  # fmt: skip


class NotUnderstood(ValueError):
    """A cell holds something, and nobody knows what it means."""


def text(value: str | None) -> str | None:
    """``value``, or ``None`` where it says nothing ("", "nan", "unknown", …)."""
    plain = (value or "").strip()
    return None if plain.casefold() in NOTHING else plain


def image_id(value: str | None) -> str | None:
    """An id without the ending of a file and without ``_downsampled``, by which ISIC 2019 marks smaller copies."""
    plain = text(value)
    return _DOWNSAMPLED.sub("", stem_of(plain)) if plain else None


def age_years(value: str | None) -> float | None:
    """An age in years from 0 to 120: "45", "45.0", "45 years"; raises :class:`NotUnderstood` for anything else."""
    plain = text(value)
    if plain is None:
        return None
    match = _AGE.fullmatch(plain)
    if match is None or not 0 <= float(match[1]) <= MAX_AGE:
        raise NotUnderstood(plain)
    return float(match[1])


def sex(value: str | None) -> str | None:
    """ "male" or "female"; null where the source says neither."""
    plain = (text(value) or "").casefold()
    if not plain or plain in _NO_SEX:
        return None
    if plain not in _SEX:
        raise NotUnderstood(plain)
    return _SEX[plain]


def skin_tone(value: str | None) -> str | None:
    """Fitzpatrick "I" to "VI" from 1…6 ("2", "2.0", "FST2", "II"), "I-II" from DDI's 12; -1 and NONE… are null."""
    plain = (text(value) or "").upper().replace("FST", "").strip()
    if not plain or plain.startswith("NONE") or plain in ("-1", "-1.0", "0"):
        return None
    if plain in ROMAN:
        return plain
    number = number_of(plain)
    if number in range(1, 7):
        return ROMAN[number - 1]
    if number in (12, 34, 56):
        return f"{ROMAN[number // 10 - 1]}-{ROMAN[number % 10 - 1]}"
    raise NotUnderstood(plain)


def monk_tone(value: str | None) -> int | None:
    """A tone of the Monk scale, 1 to 10."""
    plain = text(value)
    if plain is None:
        return None
    number = number_of(plain.upper().replace("MST", ""))
    if number not in range(1, 11):
        raise NotUnderstood(plain)
    return number


def number_of(value: str) -> int:
    """A whole number, also as "2.0"; raises :class:`NotUnderstood`."""
    try:
        number = float(value)
    except ValueError:
        raise NotUnderstood(value) from None
    if not math.isfinite(number) or number != int(number):
        raise NotUnderstood(value)
    return int(number)


def split(value: str | None) -> str | None:
    """A split as we call it: train, validation or test."""
    plain = (text(value) or "").casefold()
    if plain and plain not in _SPLITS:
        raise NotUnderstood(plain)
    return _SPLITS.get(plain)


def truth(value: str | None) -> bool | None:
    """True or false from "True", "1", "YES" and their like."""
    plain = (text(value) or "").casefold()
    if not plain:
        return None
    if plain in ("true", "yes", "1", "1.0", "t", "y"):
        return True
    if plain in ("false", "no", "0", "0.0", "f", "n"):
        return False
    raise NotUnderstood(plain)


def literal(value: str | None, kind: type) -> Any:
    """The Python dict or list a cell is the text of; an empty one where the cell is empty."""
    plain = text(value)
    if plain is None:
        return kind()
    try:
        found = ast.literal_eval(plain) if len(plain) < 1 << 16 else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, kind):
        raise NotUnderstood(plain[:80])
    return found


def key(value: str) -> str:
    """``value`` as labels are compared: lower case, one blank between words, no punctuation but "+" and "&"."""
    return " ".join(re.sub(r"[^\w+&]+|_", " ", value.casefold()).split())
