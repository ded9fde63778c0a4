"""The terms of dermatology, and where they stand in a text.

The tables in ``terms/`` (tab separated, ``#`` before remarks) have the columns

``term``       the canonical name, unique in the whole vocabulary
``kind``       one of :data:`KINDS`
``path``       broader terms from coarse to fine, joined by " > ", the term itself left out
``synonyms``   other words for the same, joined by " | "; those in capitals are abbreviations and meant as written
``opposites``  terms that cannot be true of the same lesion, or picture, at the same time

A text is read from left to right and the longest term wins, so "linear IgA disease" is never "linear".
``terms/lookalikes.txt`` groups diseases that are taken for one another.
"""

from __future__ import annotations

import csv
import gc
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, NamedTuple

from mmskin_hub.derive.vqa.spelling import split

KINDS = (
    "diagnosis",
    "site",
    "laterality",
    "lesion",
    "surface",
    "colour",
    "border",
    "arrangement",
    "number",
    "dermoscopic",
    "histological",
    "stain",
    "illumination",
    "modality",
)
_ABBREVIATION = 6
"""Letters up to which a name in capitals is an abbreviation, which "as" and "all" must not be taken for."""


@dataclass(frozen=True, slots=True)
class Term:
    """One row of the vocabulary; ``path`` runs from coarse to fine, without the term itself."""

    name: str
    kind: str
    path: tuple[str, ...]
    synonyms: tuple[str, ...]
    opposites: tuple[str, ...]

    def is_kin(self, other: Term) -> bool:
        """Whether one of the two is the other, or a kind of it: then neither excludes the other."""
        return self.name == other.name or self.name in other.path or other.name in self.path


class Found(NamedTuple):
    """A term in a text: tokens ``first`` to ``last`` (inclusive)."""

    term: Term
    first: int
    last: int


class Vocabulary:
    """All terms, by name, by kind, and by the words they are written with."""

    def __init__(self, terms: Iterable[Term], lookalikes: Iterable[Sequence[str]] = ()) -> None:
        self.terms: dict[str, Term] = {}
        self._lookalikes: dict[str, dict[str, None]] = {}
        self._groups: dict[tuple[str, tuple[str, ...]], list[Term]] = {}
        # Each node maps the next word of a name to the node after it, and None to the term whose name ends there.
        self._words: dict[str | None, Any] = {}
        self._capitals: dict[str | None, Any] = {}
        for term in terms:
            if self.terms.setdefault(term.name, term) is not term:
                raise ValueError(f"The term {term.name!r} stands twice in the vocabulary.")
            for depth in range(len(term.path) + 1):
                self._groups.setdefault((term.kind, term.path[:depth]), []).append(term)
            for name in (term.name, *term.synonyms):
                self._enter(name, term)
        for group in lookalikes:
            unknown = [name for name in group if name not in self.terms]
            if unknown:
                raise ValueError(f"Among the lookalikes, {', '.join(unknown)} is no term of the vocabulary.")
            for name in group:
                self._lookalikes.setdefault(name, {}).update(dict.fromkeys(group))

    def _enter(self, name: str, term: Term) -> None:
        words, printed = split(name)
        if not words:
            raise ValueError(f"{name!r}, for {term.name!r}, holds no word.")
        capitals = _is_abbreviation(printed[0])
        node = self._capitals if capitals else self._words
        for word in (printed[0] if capitals else words[0], *words[1:]):
            node = node.setdefault(word, {})
        # Two terms with one spelling would depend on the order of the tables: the first keeps it.
        node.setdefault(None, term)
        if capitals and len(words) == 1:
            self._capitals.setdefault(f"{printed[0]}s", {}).setdefault(None, term)  # "BCCs"

    def of_kind(self, kind: str, group: tuple[str, ...] = ()) -> Sequence[Term]:
        """The terms of one of :data:`KINDS` whose path begins with ``group``, in the order of the tables."""
        return self._groups.get((kind, group), ())

    def lookalikes(self, term: Term) -> Sequence[Term]:
        """The diseases that are taken for ``term``, or for the nearest disease it is a kind of; often none."""
        for name in (term.name, *reversed(term.path)):
            if name in self._lookalikes:
                return [self.terms[other] for other in self._lookalikes[name] if other != term.name]
        return ()

    def is_abbreviation(self, word: str) -> bool:
        """Whether ``word``, in capitals, is the abbreviation of a term: "BCC"."""
        return word in self._capitals

    def find(self, words: Sequence[str], printed: Sequence[str]) -> list[Found]:
        """The terms in a text from left to right, the longest first, none overlapping another.

        ``words`` and ``printed`` are its tokens, folded and as they stand
        (:func:`mmskin_hub.derive.vqa.spelling.split`).
        """
        found: list[Found] = []
        at, end = 0, len(words)
        while at < end:
            here = self._capitals.get(printed[at]) or self._words.get(words[at])
            if here is not None:
                term, last = here.get(None), at
                following = at + 1
                while following < end:
                    here = here.get(words[following])
                    if here is None:
                        break
                    longer = here.get(None)
                    if longer is not None:
                        term, last = longer, following
                    following += 1
                if term is None and printed[at] in self._capitals:
                    term, last = self._words.get(words[at], {}).get(None), at
                if term is not None:
                    found.append(Found(term, at, last))
                    at = last
            at += 1
        return found


def _is_abbreviation(word: str) -> bool:
    return len(word) <= _ABBREVIATION and word.isupper() and len(word) > 1


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """The vocabulary of the package, read once a process; raises ValueError where a table is broken."""
    folder = resources.files("mmskin_hub.derive.vqa.terms")
    tables = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".tsv")), key=lambda entry: entry.name)
    terms = [term for table in tables for term in _read(table.name, table.read_text(encoding="utf-8"))]
    groups = (folder / "lookalikes.txt").read_text(encoding="utf-8").splitlines()
    found = Vocabulary(terms, (_split(line, "|") for line in groups if line and not line.startswith("#")))
    # It lives as long as the process: the collector would walk it again and again, a quarter of the rules' time.
    gc.collect()
    gc.freeze()
    return found


def _read(name: str, text: str) -> Iterator[Term]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and not line.startswith("#")]
    for (number, _), row in zip(lines[1:], csv.DictReader((line for _, line in lines), delimiter="\t"), strict=True):
        if row["kind"] not in KINDS:
            raise ValueError(f"{name}, line {number}: the kind {row['kind']!r} is not one of {', '.join(KINDS)}.")
        parts = {column: _split(row[column], mark) for column, mark in _LISTS}
        yield Term(row["term"], row["kind"], parts["path"], parts["synonyms"], parts["opposites"])


_LISTS = (("path", ">"), ("synonyms", "|"), ("opposites", "|"))


def _split(cell: str | None, mark: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in (cell or "").split(mark) if part.strip())
