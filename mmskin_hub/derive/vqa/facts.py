"""What a caption states of its picture: terms of the vocabulary, each stated, denied or left open, and measures.

A term is **stated** only where nothing around it says otherwise. It is **denied** by "no", "without", "absence of",
"X is not seen", "sparing X". It is **open** where it is weighed ("suspected", "resembling", "differential
diagnosis"), where it is somebody's past or neighbour ("history of", "due to", "after treatment of"), and in the rest
of a list that began with a denial, whose end no grammar this small can tell. Only stated and denied terms may be asked
about; the open ones still count as mentioned, so that nothing is said against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from mmskin_hub.derive.vqa.spelling import Token, folded, tokens
from mmskin_hub.derive.vqa.vocabulary import Found, Term, Vocabulary, vocabulary
from mmskin_hub.schema import Asked

STATED, DENIED, OPEN = "stated", "denied", "open"


_DENY = folded("no not without absence lack lacking lacks devoid free negative never nor neither spare sparing spares")
_DENIED_BEFORE = folded("absent spared lacking excluded")
_WEIGH = folded(
    """possible possibly probable probably suspected suspicious suspicion differential versus vs mimic mimics mimicking
    mimicked resemble resembles resembling simulate simulates simulating simulated similar reminiscent may might could
    should must would consider considered exclude excluding confused misdiagnosed mistaken unlike distinguish
    distinguished distinguishing compare compared comparison contrast history associated association due secondary
    caused causing induced complicating complicated previous previously prior preceding predisposing risk treated
    treatment therapy cured resolving resolved remission develop develops developed developing presumed questionable
    if when whether rather"""
)
_TIME = folded("after following before during since until")
_ENDS = folded(". ; : ? ! but however whereas although though except while")
_BE = folded("is are was were be been appear appears")
PEOPLE = folded(
    """patient patients man woman boy girl child infant baby neonate newborn male female lady gentleman teenager
    adolescent adult person individual"""
)
_MAGNIFICATION = re.compile(
    r"(?<![\w.])(?:[x×]\s?(\d{1,4}(?:\.\d+)?)|(\d{1,4}(?:\.\d+)?)\s?[x×](?!\s?\d))(?![\w/]|\s?\d|\s?(?:[cm]m)\b)",
    re.IGNORECASE,
)
_SIZE = re.compile(
    r"(?<![\w.,–-])(\d{1,3}(?:[.,]\d+)?)(?:\s?[-–×x]\s?|\s+to\s+|\s+by\s+)?(\d{1,3}(?:[.,]\d+)?)?[\s-]?(mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)\b"
)

_BOUND = re.compile(r"\b(?:than|least|most|up to|under|over|scale bar|bar)\W*$", re.IGNORECASE)
"""What makes a length a limit, or that of something else than the lesion."""


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


def can_be_seen(diagnosis: Term) -> bool:
    """Whether a picture of the skin can show this: diabetes and itch have no looks of their own."""
    return diagnosis.path[:2] != ("other", "systemic disease") and diagnosis.name != "pruritus"


class Fact(NamedTuple):
    """A term in a caption: tokens ``first`` to ``last`` (inclusive), and whether it is stated, denied or open."""

    term: Term
    said: str
    first: int
    last: int


class Measure(NamedTuple):
    """A length as printed ("12 mm"), its value in millimetres (of a range or product the largest), and its offsets."""

    text: str
    millimetres: float
    start: int
    end: int


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
        """The stated diagnoses that skin can show, without those that another one is a kind of; each once."""
        stated = {fact.term.name: fact for fact in reversed(self.stated("diagnosis")) if can_be_seen(fact.term)}
        return tuple(
            sorted(
                (f for f in stated.values() if not any(f.term.name in o.term.path for o in stated.values())),
                key=lambda f: f.first,
            )
        )

    @cached_property
    def magnifications(self) -> tuple[str, ...]:
        """The magnifications as numbers ("40"), each once: "×40", "x 40" and "40×" are the same."""
        found = (match[1] or match[2] for match in _MAGNIFICATION.finditer(self.caption))
        return tuple(dict.fromkeys(found))

    @cached_property
    def sizes(self) -> tuple[Measure, ...]:
        """The lengths the caption gives."""
        if not any(unit in self.caption for unit in ("mm", "cm", "imet")):
            return ()
        return tuple(
            _measure(match)
            for match in _SIZE.finditer(self.caption)
            if not _BOUND.search(self.caption, 0, match.start())
        )

    def span(self, first: int, last: int) -> str:
        """The caption from token ``first`` to token ``last``, as printed."""
        return self.caption[self.text[first].start : self.text[last].end]


def _measure(match: re.Match[str]) -> Measure:
    numbers = [float(part.replace(",", ".")) for part in match.groups()[:2] if part]
    scale = 10.0 if match[3].startswith("c") else 1.0
    return Measure(match[0], max(numbers) * scale, match.start(), match.end())


def read_facts(asked: Asked, terms: Vocabulary | None = None) -> Facts:
    """Read the caption of ``asked``. Never raises: a text without a known term has no facts."""
    terms = terms or vocabulary()
    caption = asked.caption.capitalize() if _is_shouted(asked.caption) else asked.caption
    text = tuple(tokens(caption))
    found = terms.find([token.word for token in text], [token.text for token in text])
    return Facts(asked, caption, text, tuple(_judge(text, found)), terms)


def _is_shouted(caption: str) -> bool:
    return caption.isupper() and sum(character.isalpha() for character in caption) > 12


def _judge(text: Sequence[Token], found: Sequence[Found]) -> Iterator[Fact]:
    said = _said(text)
    diagnosed = False
    for term, first, last in found:
        verdict = said[first]
        if _denied_after(text, last):
            verdict = DENIED
        elif last + 1 < len(text) and text[last + 1].word == "like":
            verdict = OPEN  # "psoriasis-like" is none
        elif term.kind == "diagnosis" and verdict == STATED:
            # "Kaposi sarcoma in a patient with lymphoma" shows the first; "a man with psoriasis" shows psoriasis.
            if diagnosed and first > 1 and text[first - 1].word == "with" and text[first - 2].word in PEOPLE:
                verdict = OPEN
            diagnosed = True
        yield Fact(term, verdict, first, last)


def _cues() -> dict[str, str]:
    lists = (("end", _ENDS), ("time", _TIME), ("weigh", _WEIGH), ("deny", _DENY))
    found = {word: cue for cue, words in lists for word in words}
    return {**found, ",": "comma", "and": "and", "with": "with", "(": "(", "[": "(", ")": ")", "]": ")"}


_CUES = _cues()
_INTO = {"deny": DENIED, "weigh": OPEN, "time": OPEN, "end": STATED}


def _said(text: Sequence[Token]) -> list[str]:
    """For each token, what a term that begins there would be: one pass, and a bracket ends what began in it."""
    mode, until_comma = STATED, False
    outside: list[tuple[str, bool]] = []
    said: list[str] = []
    for n, token in enumerate(text):
        cue = _CUES.get(token.word)
        if cue is None:
            pass
        elif cue in _INTO:
            if not (token.word == "not" and n + 1 < len(text) and text[n + 1].word == "only"):
                mode, until_comma = _INTO[cue], cue == "time"
        elif cue in ("comma", "and") and mode == DENIED:
            mode = OPEN
        elif (cue == "comma" and until_comma) or (cue == "with" and mode == DENIED):
            mode, until_comma = STATED, False
        elif cue == "(":
            outside.append((mode, until_comma))
        elif cue == ")" and outside:
            mode, until_comma = outside.pop()
        said.append(mode)
    return said


def _denied_after(text: Sequence[Token], last: int) -> bool:
    """Whether what follows takes the term back: "… is not seen", "… absent", "… was spared"."""
    after = [token.word for token in text[last + 1 : last + 5]]
    for n, word in enumerate(after):
        if word in _DENIED_BEFORE:
            return True
        if word == "not" and n and after[n - 1] in _BE:
            return True
        if word not in _BE and word not in ("region", "area", "skin", "completely", "largely", "typically"):
            return False
    return False
