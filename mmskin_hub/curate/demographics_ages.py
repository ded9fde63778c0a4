"""The ages that a caption states, each marked as the patient's or someone else's.

Four shapes are read: the number first ("54-year-old"), the word first ("aged 54"), the person first ("man, 54") and
the abbreviations of case notes ("65F", "M/54"). :func:`ages_of` tries them at every token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmskin_hub.curate.demographics_people import Mention, head_of, is_thing, whom_before
from mmskin_hub.curate.demographics_tokens import (
    Token,
    digits,
    in_range,
    range_follows,
    read_number,
    read_quantity,
    skip,
    text_at,
)
from mmskin_hub.curate.demographics_words import FEMALE, MALE, NEUTRAL, OTHER_TIME, PICTURED, STATISTICS, Sex

OLDEST = 120.0
"""Years; a larger number is no one's age."""
_END = frozenset("),.;:](")
# What may stand between "aged" or "age" and its number.
_BETWEEN = frozenset({"of", ":", "=", "was", "is", "about", "approximately", "approx", "nearly", "almost"})


class Age(NamedTuple):
    """An age phrase over the tokens ``first`` to ``last`` (exclusive); ``years`` is None where not the patient's."""

    first: int
    last: int
    years: float | None


def _clause_before(tokens: Sequence[Token], at: int, reach: int) -> list[str]:
    """The words before ``at``, nearest first, up to ``reach`` of them and no further than the last stop or comma."""
    words: list[str] = []
    for token in reversed(tokens[max(0, at - reach) : at]):
        if token.text in (".", ";", ":", "(", ")", ","):
            break
        words.append(token.text)
    return words


def _is_old(tokens: Sequence[Token], at: int) -> int:
    """The token behind "old" (or "of age", "/o") that makes the quantity before ``at`` an age; 0 where none stands."""
    unit, sign = text_at(tokens, at - 1), text_at(tokens, at)
    dotted = sign == "." and unit in ("yr", "yrs", "mo", "mos", "wk", "wks")
    place = skip(tokens, at + dotted, "dash")
    if text_at(tokens, place) == "old":
        return place + 1
    if sign == "of" and text_at(tokens, at + 1) == "age":
        return at + 2
    if unit in ("yo", "yearold", "yrold"):
        return at
    if unit in ("y", "m", "mo") and sign in ("/", ".") and text_at(tokens, at + 1) == "o":
        return at + 2 + (text_at(tokens, at + 2) == ".")
    return 0


def _quantified(tokens: Sequence[Token], at: int) -> Age | None:
    """An age that begins with its number: "54-year-old", "18 months of age", "a 40 year male"."""
    quantity = read_quantity(tokens, at)
    if not quantity:
        return None
    years, after = quantity
    behind = _is_old(tokens, after)
    head = "patient" if behind and tokens[behind - 1].owns else head_of(tokens, behind or after)
    if not behind:
        direct = text_at(tokens, skip(tokens, after, "dash"))
        person = direct in MALE or direct in FEMALE or direct in NEUTRAL or direct in ("male", "female")
        if not person or text_at(tokens, at - 1) not in ("a", "an", "this", "the", "", ".", "(", ":", ","):
            return None
        return Age(at, after, None if in_range(tokens, at) else years)
    of_age = text_at(tokens, behind - 1) == "age"
    if in_range(tokens, at) or (head in ("relative", "animal", "crowd", "thing") and not of_age):
        return Age(at, behind, None)
    if head == "patient" and not of_age:
        mine = text_at(tokens, at - 1) in ("his", "her", "their") and head_of(tokens, behind) == "relative"
        return Age(at, behind, None if mine else years)
    about = whom_before(tokens, at)
    far_thing = text_at(tokens, at - 1) == "," and at > 1 and is_thing(tokens[at - 2].text) and years < 1 / 12
    if about in ("relative", "animal", "crowd", "thing") or far_thing:
        return Age(at, behind, None)
    if text_at(tokens, at - 1) in ("a", "an", "this"):
        return Age(at, behind, years)
    if about == "patient":
        told = set(_clause_before(tokens, at, 8))  # "acquired when the patient was 5", but "taken when she was 5"
        return Age(at, behind, None if told & {"when", "until", "since"} and not told & PICTURED else years)
    return Age(at, behind, None if OTHER_TIME & set(_clause_before(tokens, at, 5)) else years)


def _announced(tokens: Sequence[Token], at: int) -> Age | None:
    """An age behind its word: "aged 54", "(aged 36)", "age: 54 years", "at the age of six"."""
    if tokens[at].text not in ("aged", "age", "ages"):
        return None
    place = at + 1
    while text_at(tokens, place) in _BETWEEN:
        place += 1
    quantity = read_quantity(tokens, place)
    number = quantity or read_number(tokens, place)
    if not number:
        return None
    years, after = number
    bare = read_number(tokens, place)
    if range_follows(tokens, after) or (bare is not None and range_follows(tokens, bare[1])):
        return Age(at, after + 2, None)
    if text_at(tokens, after) == "old":
        after += 1
    about = whom_before(tokens, at)
    if about in ("relative", "animal", "crowd", "thing"):
        return Age(at, after, None)
    if about == "patient":
        return Age(at, after, years)
    before = set(_clause_before(tokens, at, 6))
    words = STATISTICS | {"over", "under", "between"} if tokens[at].text == "aged" else OTHER_TIME
    return Age(at, after, None if before & words else years)


def _appended(tokens: Sequence[Token], at: int) -> Age | None:
    """An age behind its person: "man, 54", "woman (54 years)", "male/40 years"."""
    word = tokens[at].text
    sexed = word in MALE or word in FEMALE or word in ("male", "female")
    if not (sexed or word in NEUTRAL) or tokens[at].owns:
        return None
    place = at + 1
    sign = text_at(tokens, place) if text_at(tokens, place) in (",", ";", ":", "(", "/", "of") else ""
    place += bool(sign)
    quantity = read_quantity(tokens, place)
    number = quantity or (read_number(tokens, place) if sexed and sign in (",", "/", "of") else None)
    if not number or _is_old(tokens, number[1]):
        return None
    years, after = number
    following = text_at(tokens, after)
    unit_owns = tokens[after - 1].owns
    if unit_owns or not (following in _END or following in ("", "with", "presenting") or following == ")"):
        return None
    grown = word in (MALE | FEMALE) - {"boy", "girl"}
    if quantity and ((grown and years < 10) or (not sign and text_at(tokens, after - 1)[:1] != "y")):
        return None
    return Age(at + 1, after, years)


def _abbreviated(tokens: Sequence[Token], at: int) -> tuple[Age, Sex] | None:
    """Age and sex as case notes have them: "65F", "(54 M)", "54/M", "M/54", "(F, 54)"."""
    token = tokens[at]
    if token.raw in ("M", "F") and text_at(tokens, at + 1) in ("/", ",") and at + 2 < len(tokens):
        number = tokens[at + 2]
        opened = text_at(tokens, at - 1) == "(" or text_at(tokens, at + 1) == "/"
        if number.kind == "num" and opened and text_at(tokens, at + 3) in (_END | {"", "y", "years", "with"}):
            return Age(at, at + 3, digits(number.raw)), "male" if token.raw == "M" else "female"
    if token.kind != "num" or "." in token.raw:
        return None
    place = at + 1
    if text_at(tokens, place) in ("y", "yr", "yrs", "years", "yo"):
        place += 1
    slash = text_at(tokens, place) == "/" or (text_at(tokens, place) == "," and place > at + 1)
    letter = tokens[place + slash] if place + slash < len(tokens) else None
    if not letter or letter.raw not in ("M", "F"):
        return None
    glued = letter.start == token.end or slash
    before, after = text_at(tokens, at - 1), text_at(tokens, place + slash + 1)
    if before not in ("a", "an", "", "(", ":", "in", ",") or after not in (_END | {"", "with", "presenting"}):
        return None
    if not glued and before not in ("(", "a", "an"):
        return None
    return Age(at, place + slash + 1, digits(token.raw)), "male" if letter.raw == "M" else "female"


def ages_of(tokens: Sequence[Token]) -> tuple[list[Age], list[Mention]]:
    """Every age in the order of the text, and the patients named by the "M" or "F" that stands beside one."""
    ages: list[Age] = []
    noted: list[Mention] = []
    at = 0
    while at < len(tokens):
        short = _abbreviated(tokens, at)
        if short:
            noted.append(Mention(at, "patient", short[1]))
        age = short[0] if short else _announced(tokens, at) or _appended(tokens, at) or _quantified(tokens, at)
        if age and age.years is not None and not 0 <= age.years <= OLDEST:
            age = age._replace(years=None)
        if age:
            ages.append(age)
            letter = tokens[age.last] if age.last < len(tokens) else None
            if letter and letter.raw in ("M", "F") and text_at(tokens, age.last + 1) in (_END | {"", "with"}):
                noted.append(Mention(age.last, "patient", "male" if letter.raw == "M" else "female"))
        at = max(at + 1, age.last) if age else at + 1
    return ages, noted
