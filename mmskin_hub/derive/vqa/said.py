"""Whether a caption states a term, denies it, or leaves it open: one pass over the words around it.

A term is **stated** only where nothing around it says otherwise. It is **denied** by "no", "without", "absence of", by
"X is not seen" and "sparing X". It is **open** where it is weighed ("suspected", "resembling", "versus", "differential
diagnosis"), where it is somebody's past or neighbour ("history of", "due to", "arising in", "after treatment of", "has
resolved"), and in the rest of a list that began with a denial, whose end no grammar this small can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmskin_hub.derive.vqa.spelling import Token, folded
from mmskin_hub.derive.vqa.vocabulary import Found, Term

STATED, DENIED, OPEN = "stated", "denied", "open"

PEOPLE = folded(
    """patient patients man woman boy girl child infant baby neonate newborn male female lady gentleman teenager
    adolescent adult person individual toddler youth housewife soldier farmer worker student nurse gardener sailor
    fisherman runner smoker hairdresser alcoholic veteran traveler"""
)
_DENY = folded("no not without absence absent lack lacking lacks devoid free negative never nor neither spare sparing")
_WEIGH = folded(
    """possible possibly probable probably suspected suspicious suspicion differential versus vs mimic mimics mimicking
    mimicked resemble resembles resembling simulate simulates simulating simulated similar reminiscent may might could
    should must would consider considered exclude excluding confused misdiagnosed mistaken unlike distinguish
    distinguished distinguishing compare compared comparison contrast presumed questionable likely query if when whether
    rather"""
)
# What was before, or lies beneath: over with the next comma.
_PAST = folded(
    """after following before during since until history associated association due secondary caused causing induced
    complicating complicated previous previously prior preceding predisposing risk treated treatment therapy cured
    resolving remission develop develops developed developing arising arose overlying"""
)
_ENDS = folded(". ; : ? ! but however whereas although though except while")
_PLACES = folded("on over of in at from along")
_NO_END = folded("vs cf ca approx dr st diagnosis diagnoses differential")
"""Words after which a dot or a colon ends nothing."""
_CUES: dict[str, str] = {
    **dict.fromkeys(_ENDS, "end"),
    **dict.fromkeys(_PAST, "past"),
    **dict.fromkeys(_WEIGH, "weigh"),
    **dict.fromkeys(_DENY, "deny"),
    **dict.fromkeys(_PLACES, "place"),
    **{",": "comma", "and": "and", "with": "with", "(": "(", "[": "(", ")": ")", "]": ")"},
}
_INTO = {"deny": DENIED, "weigh": OPEN, "past": OPEN, "end": STATED}

_VERBS = folded("is are was were be been has have had do does did can cannot could will appear appears seem seems")
_ADVERBS = folded("region area skin completely largely nearly almost typically now entirely mostly")
_ABSENT = folded("absent spared lacking excluded missing")
_GONE = folded("resolved cleared healed regressed disappeared faded vanished gone")
_WEIGHED_AFTER = folded("versus vs like ?")
"""Right behind a term these weigh it; "like" is that of "psoriasis-like"."""
_DOUBTED = folded("suspected considered likely ruled probable possible questionable presumed")


class Fact(NamedTuple):
    """A term in a caption: tokens ``first`` to ``last`` (inclusive), and whether it is stated, denied or open."""

    term: Term
    said: str
    first: int
    last: int


def judge(text: Sequence[Token], found: Sequence[Found]) -> list[Fact]:
    """What ``text`` says of each term ``found`` in it."""
    inside = {n for each in found for n in range(each.first, each.last + 1)}
    said = _modes(text, inside)
    facts: list[Fact] = []
    diagnosed = False
    for term, first, last in found:
        taken_back = _after(text, last)
        verdict = taken_back or (DENIED if first and text[first - 1].word == "non" else said[first])
        if term.kind == "diagnosis" and verdict == STATED:
            # "Kaposi sarcoma in a patient with lymphoma" shows the first; "a man with psoriasis" shows psoriasis.
            verdict = OPEN if diagnosed and _is_of_a_person(text, first) else STATED
            diagnosed = True
        elif term.kind == "stain" and verdict == DENIED:
            verdict = STATED  # what is not seen with a stain was looked for with it
        if taken_back:
            _open_list(text, facts, first)
        facts.append(Fact(term, verdict, first, last))
    return facts


def _open_list(text: Sequence[Token], facts: list[Fact], first: int) -> None:
    """ "Vesicles, bullae and erosions are not seen": what stands in one list with a term taken back is open too."""
    for n in range(len(facts) - 1, -1, -1):
        between = text[facts[n].last + 1 : first]
        if not between or any(token.word not in (",", "and", "or") for token in between):
            return
        first = facts[n].first
        if facts[n].said == STATED:
            facts[n] = facts[n]._replace(said=OPEN)


def _is_of_a_person(text: Sequence[Token], first: int) -> bool:
    """Whether "a patient with", and at most two words more, stands before token ``first``."""
    return any(text[n].word == "with" and text[n - 1].word in PEOPLE for n in range(first - 1, max(0, first - 4), -1))


def _modes(text: Sequence[Token], inside: set[int]) -> list[str]:
    """For each token, what a term that begins there would be. Tokens ``inside`` a term are no cues."""
    mode, until_comma, met = STATED, False, False
    outside: list[tuple[str, bool]] = []
    said: list[str] = []
    for n, token in enumerate(text):
        cue = None if n in inside else _CUES.get(token.word)
        met = (met or n in inside) and mode == DENIED
        if cue is None:
            pass
        elif cue in _INTO:
            if _counts(text, n, cue):
                mode, until_comma = _INTO[cue], cue == "past"
        elif cue in ("comma", "and") and mode == DENIED:
            mode = OPEN
        elif cue == "place":
            # "no scale on the knee" says nothing against the knee
            mode = OPEN if mode == DENIED and met else mode
        elif (cue == "comma" and until_comma) or (cue == "with" and mode == DENIED and n - 1 in inside):
            mode, until_comma = STATED, False
        elif cue == "(":
            outside.append((mode, until_comma))
        elif cue == ")" and outside:
            mode, until_comma = outside.pop()
        said.append(mode)
    return said


def _counts(text: Sequence[Token], n: int, cue: str) -> bool:
    """Not the "not" of "not only", the "IF" of immunofluorescence, the dot of "vs."."""
    token = text[n]
    if cue == "end":
        return not (token.text in ".:" and n and text[n - 1].word in _NO_END)
    if len(token.text) > 1 and token.text.isupper():
        return False
    return not (token.word == "not" and n + 1 < len(text) and text[n + 1].word == "only")


def _after(text: Sequence[Token], last: int) -> str:
    """What follows the term may take it back: "… is not seen", "… absent", "… has resolved", "… versus", "…-like"."""
    for n in range(last + 1, min(last + 6, len(text))):
        word, before = text[n].word, text[n - 1].word
        if word in _ABSENT:
            return OPEN if "cannot" in (before, text[n - 2].word) or before == "not" else DENIED
        if word in _GONE or word in _DOUBTED or (n == last + 1 and word in _WEIGHED_AFTER):
            return OPEN
        if word == "not" and n > last + 1 and before in _VERBS:
            following = text[n + 1].word if n + 1 < len(text) else ""
            return OPEN if following in ("excluded", "be") else DENIED
        if word not in _VERBS and word not in _ADVERBS:
            return ""
    return ""
