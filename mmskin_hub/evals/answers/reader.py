"""The strict reader: which class an answer names, or why it names none.

An answer is made plain (:mod:`~mmskin_hub.evals.answers.text`), the names of classes are found in it
(:mod:`~mmskin_hub.evals.answers.phrases`), and each is ranked by the words around it
(:mod:`~mmskin_hub.evals.answers.cues`). What is denied, left open or refused is out; of the rest the highest rank
counts: the last word over "most likely" over a statement over a mere mention over a guess over a comparison over an
echo of the question. One class there is the answer; several are ambiguous. To deny one of two classes is to name the
other; to deny a disease is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mmskin_hub.evals.answers import cues, denial
from mmskin_hub.evals.answers.cues import Level
from mmskin_hub.evals.answers.phrases import FOREIGN, Mention, lexicon
from mmskin_hub.evals.answers.synonyms import kinds_of, synonyms_of
from mmskin_hub.evals.answers.text import plain
from mmskin_hub.evals.answers.weigh import Weighed, weigh

_MOST = 6000
"""Phrases of an answer that are read; there are signs for 6,400."""
_FEW = 3
"""Classes up to which a word for a whole class ("malignant") outweighs a disease named beside it."""


class Outcome(StrEnum):
    """What became of an answer; only ``matched`` has a class."""

    matched = "matched"
    ambiguous = "ambiguous"
    none = "none"
    refused = "refused"
    empty = "empty"


@dataclass(frozen=True, slots=True)
class Read:
    """An answer, read: ``label`` is the index of the class (None unless matched), ``span`` the words that decided, with
    markup taken off ("" where there are none; of an ambiguous answer all of them, joined by " | ")."""

    outcome: Outcome
    label: int | None
    span: str


def read_answer(
    text: str,
    classes: Sequence[str],
    synonyms: Mapping[str, Sequence[str]] | None = None,
    *,
    dataset: str | None = None,
) -> Read:
    """Read ``text`` as an answer that should name one of ``classes``.

    ``synonyms`` are other names of each class; without them those of ``dataset`` (a name of the registry) are taken,
    and without that the names of the classes alone. A bare letter means nothing, since the questions of this package
    do not letter their options; where the answer itself does ("A) Nevus B) Melanoma. Answer: B") it is followed.
    """
    words = plain(text)
    if not re.search(r"[^\W_]", words):
        return Read(Outcome.empty, None, "")
    if synonyms is None:
        synonyms = synonyms_of(dataset) if dataset else {}
    known = lexicon(tuple(classes), tuple((name, tuple(synonyms.get(name, ()))) for name in classes))
    said, mentions = _signed(words, known.find(words))
    weighed = weigh(said, mentions, len(classes), kinds_of(dataset) if dataset else ())
    chosen = _lettered(said, weighed) or _strongest(weighed, len(classes))
    labels = {each.mention.label for each in chosen}
    span = " | ".join(dict.fromkeys(words[each.mention.start : each.mention.end] for each in chosen))
    refused = denial.REFUSAL.search(said) is not None
    if len(labels) == 1 and FOREIGN not in labels:
        return Read(Outcome.matched, labels.pop(), span)
    if len(labels) > 1 and not (refused and all(each.level <= Level.echoed for each in chosen)):
        return Read(Outcome.ambiguous, None, span)
    open_ = [
        each for each in weighed if Level.left_open <= each.level <= Level.echoed and each.mention.label != FOREIGN
    ]
    torn = 1 < len({each.mention.label for each in open_}) < len(classes) and denial.UNDECIDED.search(said)
    if refused and torn and not denial.ASKS_A_DOCTOR.search(said):
        spans = dict.fromkeys(words[each.mention.start : each.mention.end] for each in open_)
        return Read(Outcome.ambiguous, None, " | ".join(spans))
    return Read(Outcome.refused if refused else Outcome.none, None, "")


def _signed(words: str, mentions: Sequence[Mention]) -> tuple[str, list[Mention]]:
    """The answer in small letters, without articles, each phrase one sign; and the phrases, in the order of the signs.

    Common words that are names of classes ("other") are phrases only where they stand alone.
    """
    kept = list(mentions[:_MOST])
    while True:
        said = _replaced(words, kept)
        alone = [
            place
            for place, each in enumerate(kept)
            if words[each.start : each.end].lower() in cues.ALONE and not _stands_alone(said, place)
        ]
        if not alone:
            return said, kept
        kept = [each for place, each in enumerate(kept) if place not in alone]


def _replaced(words: str, mentions: Sequence[Mention]) -> str:
    parts, end = [], 0
    for place, each in enumerate(mentions):
        parts += [words[end : each.start].lower(), chr(0xE000 + place)]
        end = each.end
    said = "".join([*parts, words[end:].lower()])
    said = re.sub(r"\b(?:the|a|an)\b(?!\s*[).:])[^\S\n]*", "", said)
    for pattern, other in denial.REPHRASED:
        said = pattern.sub(other, said)
    return re.sub(r"[^\S\n]+", " ", said)


def _stands_alone(said: str, place: int) -> bool:
    at = said.index(chr(0xE000 + place))
    before, after = said[max(0, at - 40) : at], said[at + 1 : at + 40]
    return bool(cues.ONLY_ALONE_BEFORE.search(before) and cues.ONLY_ALONE_AFTER.search(after))


def _strongest(weighed: Sequence[Weighed], classes: int) -> list[Weighed]:
    """The phrases of the highest rank: of one class where the answer is clear."""
    known = [each for each in weighed if each.mention.label != FOREIGN and each.level > Level.left_open]
    implied = _implied(weighed, classes)
    top = max((each.level for each in (*known, *implied)), default=None)
    if top is None:
        return []
    foreign = [each for each in weighed if each.mention.label == FOREIGN and each.mention.denied is None]
    if top <= Level.background and any(each.level >= Level.stated for each in foreign):
        return []
    best = [each for each in (*known, *implied) if each.level == top]
    wide = [each for each in best if each.mention.wide]
    apart = len({each.group for each in best}) == len(best)
    if classes <= _FEW and apart and len({each.mention.label for each in wide}) == 1:
        best = wide
    lists = {each.group for each in best}
    return best + [each for each in foreign if each.level == top and each.group in lists and each.listed]


def _implied(weighed: Sequence[Weighed], classes: int) -> list[Weighed]:
    """What denials name: of two classes the other one, of "neoplastic" the class "non-neoplastic"."""
    denied = [each for each in weighed if each.level == Level.denied and each.mention.wide]
    found: dict[int, Weighed] = {}
    for each in denied:
        label = (
            each.mention.denied if each.mention.label == FOREIGN else 1 - each.mention.label if classes == 2 else None
        )
        if label is not None:
            meant = Mention(label, each.mention.start, each.mention.end, True)
            found.setdefault(label, Weighed(meant, Level.weak, each.group, False))
    return list(found.values()) if len(found) == 1 else []


def _lettered(said: str, weighed: Sequence[Weighed]) -> list[Weighed] | None:
    """The phrase behind the letter (or number) that the answer ends on, where the answer itself lettered its list."""
    letters: dict[str, Weighed] = {}
    for place, each in enumerate(weighed):
        at = said.index(chr(0xE000 + place))
        before = said[max(0, at - 20) : at]
        if (
            match := re.search(r"(?:^|[\s(,])(?:option )?([a-z]|\d{1,2})\s?[).:]\s*$", before)
        ) and each.mention.label != FOREIGN:
            letters.setdefault(match[1], each)
    if len(letters) < 2:
        return None
    ends = re.findall(
        r"(?:answer|choice|option|choose|pick|select|diagnosis|is|:)\s*(?:is\s*)?[:=]?\s*(?:option\s+)?\(?([a-z]|"
        r"\d{1,2})\)?\s*(?:$|[.\n])",
        said,
    )
    return [letters[ends[-1]]] if ends and ends[-1] in letters else None
