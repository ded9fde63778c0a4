"""A caption as tokens, and the numbers and lengths of time that stand in them.

:func:`lex` cuts the text. All that follows takes the tokens and a place among them (an index, 0-based);
:func:`read_number` and :func:`read_quantity` hand back a value together with the place behind it. Whose age a number
is, or whether it is an age at all, is decided in ``demographics_ages``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mmskin_hub.curate.demographics_words import FRACTIONS, SPELT, TIME_AFTER, UNITS


class Token(NamedTuple):
    """A piece of the text; ``start`` and ``end`` are its offsets there."""

    kind: str  # num | word | dash | sign | decade
    text: str  # lower case, without a possessive 's
    raw: str
    start: int
    end: int
    owns: bool = False  # ends in 's


_LEXER = re.compile(
    r"(?P<num>(?=[\dlIO]*\d)[\dlIO]{1,3}(?=\s?[-\u2010-\u2015\u2212]?\s?(?:year|month|week|day)s?\b)"
    r"|\d+(?:[.·]\d+)?(?:\s?[½¼¾⅓⅔]|[\s-]\d/\d(?!\d))?|[½¼¾])"
    r"|(?P<word>[^\W\d_]+)(?P<owns>['’´](?:s\b)?)?"
    r"|(?P<dash>[-\u00ad\u2010-\u2015\u2212]+)|(?P<sign>[^\s\w])"
)


def lex(text: str) -> list[Token]:
    """The tokens of ``text`` in order, blanks left out; the "s" of "50s" makes its number a decade."""
    tokens: list[Token] = []
    for found in _LEXER.finditer(text):
        kind = found.lastgroup if found.lastgroup != "owns" else "word"
        body = found["word"] or found.group()
        if body.lower() == "s" and tokens and tokens[-1].kind == "num" and tokens[-1].end == found.start():
            tokens[-1] = tokens[-1]._replace(kind="decade")
            continue
        tokens.append(Token(str(kind), body.lower(), body, found.start(), found.end(), bool(found["owns"])))
    return tokens


def text_at(tokens: Sequence[Token], at: int) -> str:
    """The token at ``at`` in lower case; "" before the first and behind the last."""
    return tokens[at].text if 0 <= at < len(tokens) else ""


def skip(tokens: Sequence[Token], at: int, *kinds: str) -> int:
    """The first place from ``at`` on whose token is of none of the ``kinds``."""
    while at < len(tokens) and tokens[at].kind in kinds:
        at += 1
    return at


def digits(raw: str) -> float:
    """The value of a num token, fraction included ("5½", "2 1/2"); OCR's l, I and O are read as 1, 1 and 0."""
    body = raw.translate(str.maketrans("lIO", "110")).replace("·", ".")
    fraction = 0.0
    if body[-1] in FRACTIONS:
        body, fraction = body[:-1].strip(), FRACTIONS[body[-1]]
    elif broken := re.search(r"[\s-](\d)/(\d)$", body):
        body, fraction = body[: broken.start()], int(broken[1]) / max(1, int(broken[2]))
    return float(body or 0) + fraction


def read_number(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    """The number at ``at``, in digits or words ("forty-five", "three and a half"), and the token behind it."""
    if at >= len(tokens):
        return None
    token = tokens[at]
    if token.kind == "num":
        return _and_a_half(tokens, at + 1, digits(token.raw))
    if token.text not in SPELT or token.kind != "word":
        return None
    value, after = SPELT[token.text], at + 1
    unit = skip(tokens, after, "dash")
    if value >= 20 and 0 < SPELT.get(text_at(tokens, unit), 0.0) < 10:
        value, after = value + SPELT[tokens[unit].text], unit + 1
    return _and_a_half(tokens, after, value)


def _and_a_half(tokens: Sequence[Token], at: int, value: float) -> tuple[float, int]:
    here = [n for n in range(at, min(at + 6, len(tokens))) if tokens[n].kind != "dash"][:3]
    if [tokens[n].text for n in here] == ["and", "a", "half"]:
        return value + 0.5, here[-1] + 1
    return value, at


def read_quantity(tokens: Sequence[Token], at: int) -> tuple[float, int] | None:
    """Years told by "5 years", "18-month", "2 years and 3 months", "2y 3m"; None where no unit follows the number."""
    number = read_number(tokens, at)
    if not number:
        return None
    value, after = number
    after = skip(tokens, after, "dash")
    unit = UNITS.get(text_at(tokens, after))
    if unit is None:
        return None
    years, after = value * unit, after + 1
    comma = text_at(tokens, after) == ","
    further = skip(tokens, after + (text_at(tokens, after) in ("and", ",", "&")), "dash")
    more = read_number(tokens, further)
    if more:
        place = skip(tokens, more[1], "dash")
        smaller = UNITS.get(text_at(tokens, place))
        ends = text_at(tokens, skip(tokens, place + 1, "dash"))
        if smaller is not None and smaller < unit and ends not in TIME_AFTER and (not comma or ends == "old"):
            return years + more[0] * smaller, place + 1
    return years, after


def in_range(tokens: Sequence[Token], at: int) -> bool:
    """Whether the number at ``at`` is the far end of a range or list: "6-8 years", "6- to 8-year-old", "5 and 7"."""
    before = at - 1
    if before >= 0 and tokens[before].text in ("to", "or", "and", "a", "&", ","):
        while before >= 0 and tokens[before].text in ("to", "or", "and", "a", "an", "&"):
            before -= 1
        if before == at - 1 or (text_at(tokens, at - 1) in ("a", "an") and before == at - 2):
            return False
    elif before < 0 or tokens[before].kind != "dash":
        return False
    place = before
    while place >= 0 and (tokens[place].kind == "dash" or tokens[place].text in UNITS):
        place -= 1
    return place >= 0 and (tokens[place].kind == "num" or tokens[place].text in SPELT)


def range_follows(tokens: Sequence[Token], at: int) -> bool:
    """Whether another number follows the one that ends at ``at``: "aged 5-10", "aged 5 to 10", "aged 5 and 7"."""
    if not (at < len(tokens) and (tokens[at].kind == "dash" or tokens[at].text in ("to", "or", "and", "&", "/"))):
        return False
    following = read_number(tokens, at + 1)
    return following is not None
