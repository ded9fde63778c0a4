"""Who is named in a caption: the patient, a relative, an animal, people at large, or only a thing.

The sex is decided from :func:`mentions_of`, everyone in the order of the text; whose an age is, from :func:`head_of`
and :func:`whom_before`, the words on either side of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmskin_hub.curate.demographics_tokens import Token, skip, text_at
from mmskin_hub.curate.demographics_words import (
    ANIMALS,
    ARTICLES,
    CROWD,
    FEMALE,
    MALE,
    NEUTRAL,
    PLURALS,
    RELATIVES,
    STATE_WORDS,
    STOPS,
    TERMS,
    THING_ENDING,
    THINGS,
    Sex,
)


class Mention(NamedTuple):
    """Someone, or something, that the text names: ``role`` is patient, relative, animal or crowd."""

    at: int
    role: str
    sex: Sex | None


def is_thing(word: str) -> bool:
    """Whether ``word`` names what has an age of its own but is no one: a lesion, a disease, a procedure, a picture."""
    return word in THINGS or (THING_ENDING.match(word) is not None and word not in NEUTRAL)


def _is_breed(tokens: Sequence[Token], at: int) -> bool:
    """A "German shepherd" is a dog; a shepherd without a country is a man with orf."""
    return tokens[at].text == "shepherd" and text_at(tokens, at - 1) in ("german", "australian", "belgian", "anatolian")


def head_of(tokens: Sequence[Token], at: int) -> str:
    """What the noun phrase from ``at`` on is about: patient, relative, animal, crowd, thing or "" (no noun known)."""
    comma = False
    found = ""
    for place, token in enumerate(tokens[at : at + 10], at):
        if token.kind == "dash":
            continue
        if token.text == ",":
            comma = True
            continue
        word = token.text
        if token.kind != "word" or word in STOPS:
            break
        if word in ANIMALS or _is_breed(tokens, place):
            return "" if comma else "animal"
        if word in RELATIVES:
            return "patient" if found == "patient" else _relative(tokens, place).role
        if word in MALE or word in FEMALE or word in NEUTRAL:
            return "patient"
        if word in CROWD or word in PLURALS:
            return "crowd"
        if word in ("male", "female"):
            found, comma = "patient", False
        elif is_thing(word) and not comma and not found:
            found = "thing"
    return found


def mentions_of(tokens: Sequence[Token]) -> list[Mention]:
    """Everyone the text names, in order; pronouns are left to the decision."""
    found: list[Mention] = []
    for n, token in enumerate(tokens):
        if token.kind != "word":
            continue
        word = token.text
        if word in RELATIVES:
            found.append(_relative(tokens, n))
        elif word in ANIMALS:
            found.append(Mention(n, "animal", None))
        elif word in ("male", "female"):
            if _is_persons(tokens, n):
                found.append(Mention(n, "patient", "male" if word == "male" else "female"))
        elif word in MALE or word in FEMALE:
            if not _is_idiom(tokens, n):
                found.append(Mention(n, "patient", "male" if word in MALE else "female"))
        elif word in PLURALS:
            found.append(Mention(n, "patient" if _is_counted(tokens, n) else "crowd", PLURALS[word]))
        elif _is_pregnancy(tokens, n):
            found.append(Mention(n, "patient", "female"))
        elif word in NEUTRAL:
            found.append(Mention(n, "patient", None))
        elif word in CROWD:
            found.append(Mention(n, "crowd", None))
    return found


def _relative(tokens: Sequence[Token], at: int) -> Mention:
    """A relative is the patient only where introduced as one: "a 28-year-old mother of two with …"."""
    words = [token.text for token in tokens[max(0, at - 8) : at] if token.kind == "word"]
    introduced = "old" in words and bool(ARTICLES & set(words)) and not {"his", "her", "their", "the"} & set(words)
    alone = not any(t.text in NEUTRAL | MALE | FEMALE | {"born"} for n, t in enumerate(tokens) if n != at)
    if introduced and alone and tokens[at].text in ("mother", "father"):
        return Mention(at, "patient", "female" if tokens[at].text == "mother" else "male")
    return Mention(at, "relative", None)


def _is_idiom(tokens: Sequence[Token], at: int) -> bool:
    """ "man-of-war", "man-made", "old man's beard": no patient."""
    after = skip(tokens, at + 1, "dash")
    if after > at + 1 and text_at(tokens, after) in ("of", "made", "o", "like"):
        return True
    if tokens[at].text == "widow" and text_at(tokens, at - 1) in ("black", "brown", "red"):
        return True
    return tokens[at].owns and text_at(tokens, at + 1) in ("beard",)


def _is_persons(tokens: Sequence[Token], at: int) -> bool:
    """Whether "male" or "female" at ``at`` is said of a patient, and not of a term, an animal or people at large."""
    after = skip(tokens, at + 1, "dash")
    following = text_at(tokens, after)
    previous = text_at(tokens, at - 1)
    if following in TERMS and not (following == "sex" and text_at(tokens, after + 1) not in TERMS):
        return following in ("and", "or") and _is_aged(tokens, at)
    if following in ("/", ":") and text_at(tokens, after + 1) in ("male", "female", "m", "f"):
        return False
    if previous in ("/", ":", "or", "and") and text_at(tokens, at - 2) in ("male", "female"):
        return False
    if previous == "to" or (tokens[at - 1].kind == "dash" if at else False):
        return _is_aged(tokens, at)
    head = head_of(tokens, at + 1)
    if head in ("animal", "relative", "crowd", "thing"):
        return False
    return previous != "the" or head == "patient"


def _is_aged(tokens: Sequence[Token], at: int) -> bool:
    return any(token.text == "old" for token in tokens[max(0, at - 4) : at])


def _is_counted(tokens: Sequence[Token], at: int) -> bool:
    """Whether a plural means the pictured patients, "two boys with …", and not people at large."""
    before = [token.text for token in tokens[max(0, at - 3) : at]]
    counts = {"two", "three", "four", "five", "both", "twin", "2", "3", "4", "5"}
    return any(word in counts for word in before)


def _is_pregnancy(tokens: Sequence[Token], at: int) -> bool:
    """Pregnancy as the patient's state ("during pregnancy"), not in the name of a disease ("papules of pregnancy")."""
    word = tokens[at].text
    before = {token.text for token in tokens[max(0, at - 4) : at]}
    if word in ("postpartum", "gravid", "puerperal"):
        return True
    if word == "pregnant":
        weeks = bool(before & {"weeks", "months", "patient", "a"})
        return head_of(tokens, at + 1) == "patient" or (weeks and head_of(tokens, at + 1) == "")
    if word != "pregnancy" or not STATE_WORDS & before:
        return False
    return not any(token.text in RELATIVES or token.text in CROWD or token.text in PLURALS for token in tokens)


def whom_before(tokens: Sequence[Token], at: int) -> str:
    """Whom the words just before ``at`` name: "patient", "relative", "animal", "crowd", "thing" or ""."""
    place = at - 1
    while place >= 0 and tokens[place].text in ("(", ",", "is", "was", "currently", "now", "who"):
        place -= 1
    if place < 0 or tokens[place].kind != "word":
        return ""
    word = tokens[place].text
    if word in RELATIVES:
        return _relative(tokens, place).role
    if word in ANIMALS:
        return "animal"
    if word in MALE or word in FEMALE or word in NEUTRAL or word in ("male", "female"):
        return "patient"
    if word in CROWD or word in PLURALS:
        return "crowd"
    return "thing" if place == at - 1 and is_thing(word) else ""
