"""Words brought to one spelling, so that a caption and a term list meet: case, accents, plural, British and American.

The folding is for comparing only, and never shown. It need not give a word ("naevi" becomes "nevi", "scales"
"scale"), it must give the same for spellings of the same word, and different things for different words that matter.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

# A word, a number, or a sign; a word keeps a possessive "'s", which the folding takes off.
_TOKEN = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+(?:[.,]\d+)?|[^\w\s]")
_SKIPPED = frozenset(("the", "a", "an", "-", "‐", "‑", "–", ""))
"""Tokens that no term is told by: "dorsum of the hand" is "dorsum of hand", "flat-topped" is "flat topped".
Nothing is left of a lone accent."""

_POSSESSIVE = re.compile(r"(?<=\w)['’]s?$")
_FOLDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), to)
    for pattern, to in (
        (r"omata$", "oma"),
        (r"ae$", "a"),
        (r"ae|œ|oe(?!s?$)", "e"),
        (r"(?<=[a-z]{2})our(?=$|s$|ed$|less$|ing$|ation$)", "or"),
        (r"is(?=e$|ed$|es$|ing$|ation$|ations$)", "iz"),
        (r"tre(?=s?$)", "ter"),
        (r"sulph", "sulf"),
        (r"^leuco", "leuko"),
        (r"^grey", "gray"),
        (r"(?<=[a-z]{3})oses$", "osis"),
        (r"(?<=[a-z]{2})ies$", "y"),
        (r"(?<=[cs]h)es$", ""),
        (r"(?<=[sxz])es?$", ""),
        (r"(?<=[a-z]{2})(?<![suio])s$", ""),
    )
)


class Token(NamedTuple):
    """A word, number or sign of a text: its folding, how it is printed, and where (offsets, end exclusive)."""

    word: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """One word, folded: "Naevus" gives "nevus", "papules" "papule", "Bowen's" "bowen", "tumours" "tumor"."""
    word = "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(c))
    word = _POSSESSIVE.sub("", word)
    if len(word) < 3 or not word[0].isalpha():
        return word
    for pattern, to in _FOLDS:
        word = pattern.sub(to, word)
    return word


def tokens(text: str) -> list[Token]:
    """The tokens of ``text`` in order, those of :data:`_SKIPPED` left out."""
    found = []
    for match in _TOKEN.finditer(text):
        printed = match.group()
        word = fold(printed)
        if word not in _SKIPPED:
            found.append(Token(word, printed, match.start(), match.end()))
    return found


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tokens of ``text`` without their places, which is quicker: the folded words, and the same as printed."""
    printed = tuple(token for token in _TOKEN.findall(text) if fold(token) not in _SKIPPED)
    return tuple(fold(token) for token in printed), printed


def folded(text: str) -> frozenset[str]:
    """The folded words of ``text``, for lists of words."""
    return frozenset(split(text)[0])
