"""What a caption states of its picture: terms of the vocabulary, each stated, denied or left open, and measures.

Only stated and denied terms may be asked about; the open ones (:mod:`mmskin_hub.derive.vqa.said`) still count as
mentioned, so that nothing is said against them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mmskin_hub.derive.vqa.measures import Measure, magnifications_in, sizes_in
from mmskin_hub.derive.vqa.said import DENIED, OPEN, PEOPLE, STATED, Fact, judge
from mmskin_hub.derive.vqa.spelling import Token, tokens
from mmskin_hub.derive.vqa.vocabulary import Term, Vocabulary, vocabulary
from mmskin_hub.schema import Asked

__all__ = ["DENIED", "OPEN", "PEOPLE", "STATED", "Fact", "Facts", "can_be_seen", "excludes_site", "read_facts"]

_PANEL = re.compile(r"(?:^|[\s(])([A-Ha-h])[).,:](?=\s|$)")
_REGIONS = ("head and neck", "trunk", "upper limb", "lower limb")
"""Regions of the body none of which is part of another; mucosa, nails and genitals lie within or between them."""
_BORDERS = frozenset(("neck", "shoulder", "axilla", "hip", "buttock", "groin", "waist", "flank"))
"""Sites that another author would count to the neighbouring region."""


def excludes_site(stated: Term, other: Term) -> bool:
    """Whether what lies on the one site does not lie on the other: they are parts of two regions, and of no border."""
    one, two = (stated.path[:1], other.path[:1])
    if one == two or not one or not two or one[0] not in _REGIONS or two[0] not in _REGIONS:
        return False
    return not any(name in _BORDERS for term in (stated, other) for name in (term.name, *term.path))


_SIGNS = frozenset(("Gottron papule", "heliotrope rash", "koebnerization", "Koplik spot"))
"""Names of signs that the vocabulary keeps under their disease."""


def can_be_seen(diagnosis: Term) -> bool:
    """Whether a picture of the skin can show this: diabetes and itch have no looks of their own."""
    if diagnosis.path[:2] == ("other", "systemic disease") or diagnosis.name == "pruritus":
        return False
    return diagnosis.name not in _SIGNS and not diagnosis.name.endswith((" sign", " phenomenon"))


@dataclass(frozen=True)
class Facts:
    """Everything a caption says, as far as the vocabulary knows it, with what is known of the picture and the patient.

    ``caption`` is the caption, one in capitals in small letters; ``text`` its tokens, which :class:`Fact` counts in.
    """

    asked: Asked
    caption: str
    text: tuple[Token, ...]
    all: tuple[Fact, ...]
    vocabulary: Vocabulary = field(repr=False)

    @cached_property
    def words(self) -> frozenset[str]:
        """The folded words of the caption."""
        return frozenset(token.word for token in self.text)

    @cached_property
    def _by_kind(self) -> dict[tuple[str, str], list[Fact]]:
        found: dict[tuple[str, str], list[Fact]] = {}
        for fact in self.all:
            found.setdefault((fact.term.kind, fact.said), []).append(fact)
        return found

    def stated(self, *kinds: str) -> list[Fact]:
        """The stated facts of these kinds, in the order of the caption."""
        return self._of(STATED, kinds)

    def denied(self, *kinds: str) -> list[Fact]:
        """The denied facts of these kinds, in the order of the caption."""
        return self._of(DENIED, kinds)

    def _of(self, said: str, kinds: Sequence[str]) -> list[Fact]:
        if len(kinds) == 1:
            return self._by_kind.get((kinds[0], said), [])
        return sorted((fact for kind in kinds for fact in self._by_kind.get((kind, said), ())), key=lambda f: f.first)

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """The names of all terms in the caption, whatever is said of them."""
        return frozenset(fact.term.name for fact in self.all)

    @cached_property
    def diagnoses(self) -> tuple[Fact, ...]:
        """The stated diagnoses that skin can show, each once; of a disease and a kind of it the kind.

        A title stays what it is: "Dermatomyositis. Gottron papules" is about the first.
        """
        stated = {fact.term.name: fact for fact in reversed(self.stated("diagnosis")) if can_be_seen(fact.term)}
        found = sorted(stated.values(), key=lambda fact: fact.first)
        if found and found[0].first == 0 and len(found) > 1 and self._ends_between(found[0], found[1]):
            title = found[0]
            return (title, *(fact for fact in found[1:] if not fact.term.is_kin(title.term)))
        return tuple(fact for fact in found if not any(fact.term.name in other.term.path for other in found))

    def _ends_between(self, one: Fact, other: Fact) -> bool:
        return any(token.text in ".:;" for token in self.text[one.last + 1 : other.first])

    @cached_property
    def panels(self) -> int:
        """How many panel letters ("A,", "(b)") the caption has; from two on, a place may be that of another panel."""
        return len({letter.lower() for letter in _PANEL.findall(self.caption)})

    @cached_property
    def magnifications(self) -> tuple[str, ...]:
        """The magnifications as numbers ("40"), each once."""
        return magnifications_in(self.caption)

    @cached_property
    def sizes(self) -> tuple[Measure, ...]:
        """The lengths the caption gives."""
        return sizes_in(self.caption)

    def span(self, first: int, last: int) -> str:
        """The caption from token ``first`` to token ``last``, as printed."""
        return self.caption[self.text[first].start : self.text[last].end]


def read_facts(asked: Asked, terms: Vocabulary | None = None) -> Facts:
    """Read the caption of ``asked``. Never raises: a text without a known term has no facts."""
    terms = terms or vocabulary()
    caption = _lowered(asked.caption, terms) if _is_shouted(asked.caption) else asked.caption
    text = tuple(tokens(caption))
    found = terms.find([token.word for token in text], [token.text for token in text])
    return Facts(asked, caption, text, tuple(judge(text, found)), terms)


def _lowered(caption: str, terms: Vocabulary) -> str:
    """A caption in capitals in small letters, abbreviations aside."""
    words = re.sub(r"[^\W\d_]+", lambda word: word[0] if terms.is_abbreviation(word[0]) else word[0].lower(), caption)
    return words[:1].upper() + words[1:]


def _is_shouted(caption: str) -> bool:
    return caption.isupper() and sum(character.isalpha() for character in caption) > 12
