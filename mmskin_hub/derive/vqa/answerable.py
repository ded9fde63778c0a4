"""Is a question about a picture of skin answerable from that picture, and does a pair talk about the text beside it?

The reader this is decided for has one picture (a photograph, dermoscopy or histology), a dermatologist's expertise,
and nothing else: no caption, no chart, no textbook discussion. A pair is answerable where such a reader could arrive
at an answer *of that kind* by looking, however wrong or vague the answer given is:

* what is seen: lesion type, colour, shape, size, number, place, distribution, border, surface, cells, layers, vessels,
  patterns, stain, magnification, the kind of image, objects; whether something visible is there or not;
* the diagnosis or the kind of condition or tissue shown, benign or malignant, how severe or how far on it looks;
* who is seen: a child, a man, about how old, how many;
* what an appearance suggests that the thing is.

It is not where it asks for one of these kinds, of which the first that fits is named:

==============  ======================================================================================================
treatment       management, medication, surgery, cure, self-care, follow-up, what was given or done, side effects
prognosis       course, outcome, complications, recurrence, how long it lasts, danger, risk, what it may become
contagion       transmission from person to person, how it was caught
epidemiology    how common, whom, at what age, where in the world, in which season
cause           cause, mechanism, trigger, risk factor, genetics, what it is associated with, and "why"
prevention      prevention, vaccine, protection
symptoms        what cannot be seen: itch, pain, fever, "any other symptoms" that are not said to be visible
history         duration, onset, exposure, occupation, family, laboratory values, what was before
workup          how it is diagnosed, which test to do, what a procedure does
knowledge       what holds for any picture: definitions, role, purpose, significance (unless the answer is a diagnosis),
                differences from and likeness to other diseases, the types there are
chat            the conversation, the caption or the information available instead of the picture
==============  ======================================================================================================

A question about the picture whose answer consists of nothing but such matters is not answerable either; an answer that
names or describes what is seen and then adds a sentence of background is.

Method: the words of the question call rules (:mod:`mmskin_hub.derive.vqa.answerable_words`); most questions call few of
them. A rule decides by the head of the question ("how is ... treated", "can ... be"), by whether its subject is the
bare name of a disease or something in the picture, and by exceptions for what is said to be seen; it must hold with
the names of the vocabulary taken out, as "drug eruption" asks for no treatment. The rules were written from the ways
such questions are put in published sets of pairs that a language model wrote from captions.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

from mmskin_hub.derive.vqa.answerable_words import (
    ANSWERS,
    ASSERTS,
    LOOKED_AT,
    LOOKED_AT_WORDS,
    LOOKED_FOR,
    RULES,
    TEXT,
    Rule,
)
from mmskin_hub.derive.vqa.spelling import tokens
from mmskin_hub.derive.vqa.vocabulary import vocabulary

KINDS = (
    "treatment",
    "prognosis",
    "contagion",
    "epidemiology",
    "cause",
    "prevention",
    "symptoms",
    "history",
    "workup",
    "knowledge",
    "chat",
)
MOST_WORDS = 1 << 15
"""Up to how many different words are remembered with the rules they call."""


class Unanswerable(NamedTuple):
    """Why a pair cannot be answered from its picture: one of :data:`KINDS`, and the words that told (lower case)."""

    kind: str
    words: str


def unanswerable(question: str, answer: str) -> Unanswerable | None:
    """What makes the pair unanswerable from its picture alone, or ``None`` where it is answerable.

    Case, spacing, typographic quotation marks and closing punctuation make no difference. ``answer`` is read only
    where the question leaves it open. English is understood; of other languages nothing is said. Never raises.
    """
    for rule, words in _objections(_normal(question)):
        said = _normal(answer)
        if rule.answered is not None and rule.answered.search(said):
            continue
        if rule.only is not None and not rule.only.match(said):
            continue
        return Unanswerable(rule.kind, words)
    return _left_the_picture(_normal(answer))


def mentions_text(question: str, answer: str) -> str:
    """The words by which the pair talks about caption, figure, text, context, description or conversation; "" if none.

    "in Figure 3", "according to the caption", "not mentioned", "no additional information is provided", also plain "in
    the figure". "Image", "picture" and "photograph" are what a question may talk about; "mitotic figures", "figurate
    erythema", "texture" and a disease "in the context of" another are none of these. Never raises.
    """
    said = f" {_normal(question)} | {_normal(answer)}"
    for mark, words in TEXT:
        if mark in said and (found := words.search(said)):
            return found.group()
    return ""


# A generator of questions asks the same thing of many pictures, so what was found out about a question is kept.
@lru_cache(maxsize=1 << 13)
def _objections(asked: str) -> tuple[tuple[Rule, str], ...]:
    """The rules a normalised question falls under, up to the first that does not depend on the answer."""
    found = _called(asked, asked)
    if not found:
        return ()
    # "Spotted fever" is no symptom and "drug eruption" no treatment: rules must be called without the names, too.
    unnamed, names = _without_names(asked)
    if names:
        found = _called(unnamed, asked)
    return tuple((rule, _with_names(words, names)) for rule, words in found)


def _called(asked: str, named: str) -> list[tuple[Rule, str]]:
    """What :func:`_objections` gives, for ``asked``; exceptions are looked for in ``named``, the question as it was."""
    called = reduce(or_, map(_CALLS.__getitem__, _WORD.findall(asked)), 0)
    found: list[tuple[Rule, str]] = []
    looked: bool | None = None
    while called:
        lowest = called & -called
        called ^= lowest
        rule, says = _RULES[lowest.bit_length() - 1]
        told = says(asked)
        if told is None or (rule.unless is not None and rule.unless.search(named)):
            continue
        if not rule.looked:
            looked = LOOKED_FOR.search(named) is not None if looked is None else looked
            if looked:
                continue
        found.append((rule, told.group().strip()))
        if rule.answered is None and rule.only is None:
            break
    return found


def _without_names(asked: str) -> tuple[str, dict[str, str]]:
    """``asked`` with a made-up word for each term of several words in it, and which word stands for which term."""
    words = tokens(asked)
    names: dict[str, str] = {}
    parts: list[str] = []
    end = 0
    for found in vocabulary().find([word.word for word in words], [word.text for word in words]):
        if found.last > found.first:
            start, stop = words[found.first].start, words[found.last].end
            made_up = f"{_MADE_UP}{'i' * len(names)}"
            names[made_up] = asked[start:stop]
            parts += [asked[end:start], made_up]
            end = stop
    return "".join([*parts, asked[end:]]), names


def _with_names(words: str, names: dict[str, str]) -> str:
    return _WORD.sub(lambda word: names.get(word.group(), word.group()), words) if names else words


def _left_the_picture(said: str) -> Unanswerable | None:
    """The last rule: each sentence of the answer is about what no picture shows, and none about what one shows."""
    words = said.split()
    if ASSERTS.isdisjoint(words) or not LOOKED_AT_WORDS.isdisjoint(words) or LOOKED_AT.search(said):
        return None
    first: Unanswerable | None = None
    for sentence in _SENTENCE.split(said):
        # "Melanoma, which is treated by excision" names what is seen before it says more.
        asserted = sentence.split(", which ")[0]
        told = next(((kind, match) for kind, says in ANSWERS if (match := says.search(asserted))), None)
        if told is None or ASSERTS.isdisjoint(asserted.split()):
            return None
        first = first or Unanswerable(told[0], told[1].group())
    unnamed, names = _without_names(said)
    return _left_the_picture(unnamed) if names else first


@lru_cache(maxsize=4096)
def _normal(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    return " ".join(text.lower().split()).rstrip(" ?!.:;,")


class _Calls(dict[str, int]):
    """For each word the rules it calls, as a bit each; the lowest bit is the first rule. Words met are kept."""

    def __missing__(self, word: str) -> int:
        called = _WHOLE.get(word, 0)
        for end in range(1, len(word) + 1):
            called |= _STEMS.get(word[:end], 0)
        if len(self) < MOST_WORDS:
            self[word] = called
        return called


def _cues() -> tuple[dict[str, int], dict[str, int]]:
    whole: dict[str, int] = {}
    stems: dict[str, int] = {}
    for number, rule in enumerate(RULES):
        for cue in rule.cues.split():
            calls = stems if cue.endswith("*") else whole
            calls[cue.rstrip("*")] = calls.get(cue.rstrip("*"), 0) | 1 << number
    return whole, stems


_WORD = re.compile(r"[a-z]+")
_MADE_UP = "dermatosi"
_SENTENCE = re.compile(r"(?<=[.!?]) +")
_PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})
_WHOLE, _STEMS = _cues()
_CALLS = _Calls()
# A rule for the beginning of a question is not searched for in the rest of it.
_RULES = tuple((rule, rule.says.match if rule.says.pattern.startswith(r"\A") else rule.says.search) for rule in RULES)
