"""The rules: questions and answers out of a caption's facts, without a model and without a network.

What could be asked (:mod:`mmskin_hub.derive.vqa.offers`) is more than what should be: of a picture two open questions
and a closed one are taken (the original release has 2.5 a picture). Among several, the type and the wording win that
were used least so far, in proportion to how much a type has to teach, and the closed question gets the answer, yes or
no, that is behind. So types vary, no wording wears out, and yes and no stay even. A tie is decided by the caption's id.

"So far" is counted within one book and one split (:meth:`RulesWriter.write`, ``group``), in the order of the pages:
what a book is asked does not depend on the other books, and every split is even by itself.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import NamedTuple

from mmskin_hub.derive.vqa.facts import Facts
from mmskin_hub.derive.vqa.offers import Offer, offers, order_of
from mmskin_hub.derive.vqa.offers.offer import Slots
from mmskin_hub.schema import QA

VERSION = "rules-1"
OPEN_QUESTIONS = 2
CLOSED_QUESTIONS = 1
AT_LEAST = 3
"""Questions up to which a type is asked once more, in its closed form, where a caption has little to ask about."""

_COSTS = {
    "diagnosis": 1 / 3,
    "morphology": 1 / 2,
    "dermoscopic_finding": 2 / 5,
    "histological_finding": 2 / 5,
    "body_site": 1 / 2,
    "modality": 3.0,
    "age": 1.5,
    "sex": 1.5,
}
"""What one more question of a type costs, 1 unless it is named: the less it costs, the more often it is asked."""
_PICTURE = {
    "clinical": ("photograph", "clinical photograph", "picture", "image"),
    "dermoscopic": ("dermoscopic image", "dermoscopic picture", "image"),
    "pathology": ("photomicrograph", "histological picture", "image"),
}


class Wording(NamedTuple):
    """One row of ``wordings/<version>.tsv``; ``name`` tells it from all others; ``closed`` if it offers a choice."""

    name: str
    question: str
    answer: str
    closed: bool


@lru_cache(maxsize=1)
def wordings() -> dict[tuple[str, str, str], tuple[Wording, ...]]:
    """The wordings by question type, form ("open", "yes", "no") and modality; those for any modality are under each."""
    text = (resources.files("mmskin_hub.derive.vqa.wordings") / f"{VERSION}.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader((line for line in text.splitlines() if line and line[0] != "#"), delimiter="\t")
    found: dict[tuple[str, str, str], list[Wording]] = {}
    for row in rows:
        form = "open" if row["form"] == "choice" else row["form"]
        name = f"{row['type']}/{row['form']}/{row['question']}"
        for modality in _PICTURE if row["modality"] == "any" else (row["modality"],):
            entry = found.setdefault((row["type"], form, modality), [])
            entry.append(Wording(name, row["question"], row["answer"], row["form"] != "open"))
    return {key: tuple(entry) for key, entry in found.items()}


@dataclass
class _Tally:
    """What was asked so far in one group."""

    types: Counter[str] = field(default_factory=Counter)
    wordings: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)


class RulesWriter:
    """Writes questions about one picture after the other; what it wrote before decides between equals."""

    name = VERSION

    def __init__(self) -> None:
        self._tallies: dict[object, _Tally] = {}

    def write(self, facts: Facts, group: object = None) -> tuple[QA, ...]:
        """The questions about one picture, at most three. ``group`` is what the counts are kept by."""
        tally = self._tallies.get(group)
        if tally is None:
            tally = self._tallies[group] = _Tally()
        return _Picture(facts, tally).write()


class _Picture:
    """The choice of questions about one picture. An offer that cannot be filled is passed over; the next is taken."""

    def __init__(self, facts: Facts, tally: _Tally) -> None:
        self._tally = tally
        self._modality, self._id = facts.asked.modality, facts.asked.id
        self._lot = order_of(self._id)
        self._offers: dict[str, dict[str, list[Offer]]] = {"open": {}, "yes": {}, "no": {}}
        for offer in offers(facts):
            self._offers[offer.form].setdefault(offer.question_type, []).append(offer)

    def write(self) -> tuple[QA, ...]:
        opened: list[QA] = []
        closed: list[QA] = []
        # Whoever chooses first takes what there is most to say about: the diagnosis is now asked for, now offered.
        if self._lot % 3:
            self._open(opened, OPEN_QUESTIONS, ())
            self._close(closed, opened)
        else:
            self._close(closed, ())
            self._open(opened, OPEN_QUESTIONS, closed)
        if not closed:
            self._close(closed, ())
        self._open(opened, AT_LEAST - len(closed), ())
        return (*opened, *closed)

    def _open(self, opened: list[QA], most: int, others: Sequence[QA]) -> None:
        if len(opened) < most:
            for qa in self._due("open", {qa.question_type for qa in (*others, *opened)}):
                if any(_same(qa.answer, other.answer) for other in opened):
                    continue  # the finding and the description may be one sentence
                opened.append(qa)
                if len(opened) == most:
                    return

    def _close(self, closed: list[QA], others: Sequence[QA]) -> None:
        """Questions of which the answer, yes or no, is behind."""
        taken = {qa.question_type for qa in others}
        said = self._tally.said
        for number in range(CLOSED_QUESTIONS):
            behind = "no" if said["no"] < said["yes"] else "yes"
            if said["no"] == said["yes"]:
                behind = ("yes", "no")[(self._lot >> number) & 1]
            qa = next(self._due(behind, taken), None)
            if qa is None:
                return
            closed.append(qa)
            # One question about the kind of picture is enough.
            taken.update((qa.question_type, "modality"))
            said[behind] += 1

    def _due(self, form: str, taken: Collection[str]) -> Iterator[QA]:
        """A question of ``form`` of each type but those ``taken``, the type that is due most first."""
        left, types = self._offers[form], self._tally.types
        order = sorted(
            ((types[name] + 1) * _COSTS.get(name, 1.0), self._lot ^ _lot_of(name), name)
            for name in left
            if name not in taken
        )
        for *_, name in order:
            choice = left[name]
            start = self._lot % len(choice)
            for offer in (*choice[start:], *choice[:start]):
                slots = offer.fill()
                if slots:
                    types[name] += 1
                    yield self._say(offer, slots)
                    break

    def _say(self, offer: Offer, slots: Slots) -> QA:
        lot = self._lot ^ _lot_of(offer.question_type)
        pictures = _PICTURE[self._modality]
        words = {**slots, "pic": pictures[lot % len(pictures)]}
        if "are" in words:
            words["Are"] = words["are"].capitalize()
        choices = wordings()[offer.question_type, offer.form, self._modality]
        used = [self._tally.wordings[wording.name] for wording in choices]
        least = min(used)
        fresh = [wording for wording, times in zip(choices, used, strict=True) if times == least]
        wording = fresh[lot % len(fresh)]
        self._tally.wordings[wording.name] += 1
        return QA(
            question=_capital(wording.question.format_map(words)),
            answer=_sentence(wording.answer.format_map(words)),
            question_type=offer.question_type,
            closed=wording.closed,
            template=wording.name,
        )


def _same(one: str, other: str) -> bool:
    """Whether two answers say the same: one is within the other, but for its verb."""
    short, long = sorted((one.rstrip(".").casefold(), other.rstrip(".").casefold()), key=len)
    return short in long and len(short) > 0.7 * len(long)


@lru_cache(maxsize=64)
def _lot_of(question_type: str) -> int:
    return order_of(question_type)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _sentence(words: str) -> str:
    return _capital(words.removesuffix(".").rstrip(" .,;:") + ".")
