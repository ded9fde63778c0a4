"""The names of classes, and of diseases that are no class, where they stand in an answer.

Phrases are compared word by word after :func:`~mmskin_hub.derive.vqa.spelling.fold` (case, accents, plural, British
spelling), never letter by letter, and the longest wins: "melanoma metastasis" is not "melanoma", "nevus sebaceous" no
"nevus", "nontumor" no "tumor". Diagnoses of the vocabulary that belong to no class are known too, for just that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mmskin_hub.derive.vqa.spelling import fold
from mmskin_hub.derive.vqa.vocabulary import vocabulary

FOREIGN = -1
"""The class of a disease that none of the classes is."""
_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W\d_]+)?|[^\w\s]|\n")
_PREFIXED = re.compile(r"[a-z][A-Z]{2,5}s?")
"""An abbreviation with a letter in front: "cSCC", cutaneous."""
_SKIPPED = frozenset(("the", "a", "an", "-"))
_LOOSE = frozenset((",", "and", "&", ";", "/", "or", "\n", ".")) | _SKIPPED
"""What may stand between the words of a long class name: "Cellulitis, Impetigo, and other Bacterial Infections"."""
_CUT_BEFORE = re.compile(r"|\W|or|and|is|rather|not|than|versus|vs|with|over|but|because|since|due")
"""What follows "basal cell" where a carcinoma is meant, and not a layer."""
_LONG = 4
_ABBREVIATION = 6
_IRREGULAR = {
    "nevi": "nevus",
    "naevi": "nevus",
    "metastases": "metastasis",
    "lentigines": "lentigo",
    "milia": "milium",
    "verrucae": "verruca",
}
_WIDE = frozenset(
    [
        "benign",
        "malignant",
        "malignancy",
        "cancer",
        "cancerous",
        "tumor",
        "tumorous",
        "tumoral",
        "neoplasm",
        "neoplastic",
        "neoplasia",
        "non",
        "skin",
        "tissue",
        "lesion",
        "cell",
    ]
)
"""Words that mean a whole class of two or three: "not malignant" says more about it than "not a melanoma" does."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A phrase in an answer: its class (or :data:`FOREIGN`), characters ``start`` to ``end`` (exclusive), whether it
    means the class as a whole (``wide``), and the class that its denial means (``denied``, or None)."""

    label: int
    start: int
    end: int
    wide: bool
    denied: int | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    label: int
    wide: bool
    capitals: bool = False
    inverted: bool = False
    denied: int | None = None
    cut: bool = False


_Token = tuple[str, str, int, int]
"""Folded word, printed word, start and end (exclusive)."""


def word_of(word: str) -> str:
    """One word folded, the plurals of nouns of Latin and Greek origin too."""
    return _IRREGULAR.get(word.lower()) or fold(word)


class Lexicon:
    """Every phrase that a reader of one set of classes knows."""

    def __init__(self, classes: Sequence[str], synonyms: Mapping[str, Sequence[str]]) -> None:
        self._tree: dict[str | None, Any] = {}
        self._long: dict[str | None, Any] = {}
        self._halves: set[str] = set()
        self._halves = {word for name in classes for word in self._words(name)}
        self._halves |= {word for phrases in synonyms.values() for phrase in phrases for word in self._words(phrase)}
        whole = {tuple(self._words(name)) for name in classes}
        for label, name in enumerate(classes):
            words = self._words(name)
            self._enter(words, _Entry(label, True))
            if len(words) >= _LONG:
                self._put(self._long, [word for word in words if word not in _LOOSE], _Entry(label, True))
        for label, name in enumerate(classes):
            for phrase in synonyms.get(name, ()):
                words = self._words(phrase)
                self._enter(words, _Entry(label, _WIDE.issuperset(words), _is_abbreviation(phrase)))
        for label, name in enumerate(classes):
            words = self._words(name)
            if words[:1] == ["non"] and tuple(words[1:]) not in whole:
                # "non-neoplastic" is a class and "neoplastic" is none: to deny it is to name the class.
                for opposite in {tuple(words[1:]), ("neoplasm",), ("tumor",), ("neoplasia",)}:
                    self._put(self._tree, list(opposite), _Entry(FOREIGN, True, denied=label))
        for term in vocabulary().of_kind("diagnosis"):
            for phrase in (term.name, *term.synonyms):
                self._enter(self._words(phrase), _Entry(FOREIGN, False, _is_abbreviation(phrase)))

    def _words(self, phrase: str) -> list[str]:
        return [word for word, *_ in self._tokens(phrase) if word not in _SKIPPED]

    def _enter(self, words: list[str], entry: _Entry) -> None:
        if not words:
            return
        self._put(self._tree, words, entry)
        if len(words) > 1 and words[0] != "non" and entry.label != FOREIGN:
            self._put(
                self._tree, [words[-1], ",", *words[:-1]], replace(entry, inverted=True)
            )  # "carcinoma, basal cell"

        if len(words) > 2 and words[-2:] == ["cell", "carcinoma"]:
            self._put(self._tree, words[:-1], replace(entry, cut=True))

    def _put(self, tree: dict[str | None, Any], words: list[str], entry: _Entry) -> None:
        node = tree
        for word in words:
            node = node.setdefault(word, {})
        node.setdefault(None, entry)

    def _tokens(self, text: str) -> list[_Token]:
        """The tokens; "nontumor" is two where "tumor" is a word of a phrase."""
        found = []
        for match in _TOKEN.finditer(text):
            printed, start, end = match.group(), match.start(), match.end()
            word = word_of(printed[1:] if _PREFIXED.fullmatch(printed) else printed)
            if len(word) > 5 and word.startswith("non") and word_of(printed[3:]) in self._halves:
                found.append(("non", printed[:3], start, start + 3))
                word, printed, start = word_of(printed[3:]), printed[3:], start + 3
            found.append((word, printed, start, end))
        return found

    def find(self, text: str) -> list[Mention]:
        """The phrases in ``text`` from left to right, the longest first, none overlapping another."""
        tokens = self._tokens(text)
        short = sum(word[:1].isalnum() for word, *_ in tokens) <= 3
        found: list[Mention] = []
        at = 0
        while at < len(tokens):
            last, entry = self._walk(self._long, tokens, at, _LOOSE, True)
            if entry is None:
                last, entry = self._walk(self._tree, tokens, at, _SKIPPED, short)
            if entry is None:
                at += 1
                continue
            if 0 < at < last and self._is_non(tokens, at):
                # "non-pigmented basal cell carcinoma" is a basal cell carcinoma.
                end, rest = self._walk(self._tree, tokens, at + 1, _SKIPPED, short)
                if rest is not None and end == last and rest.label == entry.label:
                    at += 1
            if not found or at < 2 or found[-1].end <= tokens[at - 2][2]:
                found += self._shared_head(tokens, at, last, short)
            found.append(Mention(entry.label, tokens[at][2], tokens[last][3], entry.wide, entry.denied))
            at = last + 1
        return found

    @staticmethod
    def _is_non(tokens: list[_Token], at: int) -> bool:
        return tokens[at - 1][0] == "non" or (at > 1 and tokens[at - 1][0] == "-" and tokens[at - 2][0] == "non")

    def _walk(
        self,
        tree: dict[str | None, Any],
        tokens: list[_Token],
        at: int,
        skipped: frozenset[str],
        short: bool,
    ) -> tuple[int, _Entry | None]:
        """The longest phrase that begins at token ``at``: its last token and what it is."""
        best: tuple[int, _Entry | None] = (at, None)
        node, place = tree, at
        if tokens[at][0] in skipped:
            return best
        while place < len(tokens):
            word = tokens[place][0]
            if word not in node:
                if place > at and word in skipped:
                    place += 1
                    continue
                if place > at and word == "(" and tokens[place + 2 : place + 3] and tokens[place + 2][0] == ")":
                    place += 3  # "actinic (solar) keratosis"
                    continue
                break
            node = node[word]
            entry = node.get(None)
            if entry is not None and _fits(entry, tokens, place, short):
                best = place, entry
            place += 1
        return best

    def _shared_head(self, tokens: list[_Token], at: int, last: int, short: bool) -> list[Mention]:
        """ "basal or squamous cell carcinoma": the first phrase borrows the end of the second."""
        if at < 2 or tokens[at - 1][0] not in ("or", "and", "/", "versus", "vs", ","):
            return []
        for keep in range(at + 1, last + 1):
            borrowed = [tokens[at - 2], *tokens[keep : last + 1]]
            end, entry = self._walk(self._tree, borrowed, 0, _SKIPPED, short)
            if entry is not None and end == len(borrowed) - 1:
                return [Mention(entry.label, tokens[at - 2][2], tokens[at - 2][3], entry.wide, entry.denied)]
        return []


def _fits(entry: _Entry, tokens: Sequence[_Token], last: int, short: bool) -> bool:
    """Whether a phrase may end at token ``last``: an abbreviation needs its capitals but in an answer of a few words,
    and "verruca, seborrheic" ends before a comma, not before "keratosis"."""
    if entry.inverted and tokens[last + 1 : last + 2] and tokens[last + 1][0][:1].isalnum():
        return False
    if entry.cut and not _CUT_BEFORE.fullmatch(" ".join(word for word, *_ in tokens[last + 1 : last + 2])):
        return False
    if entry.cut and tokens[last][1].lower().endswith("s"):
        return False
    return not entry.capitals or short or _is_abbreviation(tokens[last][1].rstrip("s"))


def _is_abbreviation(word: str) -> bool:
    word = word[1:] if _PREFIXED.fullmatch(word) else word
    return 1 < len(word) <= _ABBREVIATION and word.isupper() and word.isalpha()


@lru_cache(maxsize=64)
def lexicon(classes: tuple[str, ...], synonyms: tuple[tuple[str, tuple[str, ...]], ...]) -> Lexicon:
    """The lexicon of a set of classes, made once."""
    return Lexicon(classes, dict(synonyms))
