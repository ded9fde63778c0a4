"""The checks that every question and answer must pass, whoever wrote them.

In this order, and the first that fails gives the reason (:data:`mmskin_hub.schema.VQA_REASONS`): the lengths; no talk
of captions, figures or texts; no name of a person; answerable from the picture; the question does not hold its answer;
the same is not asked of the picture already; the caption supports every content word; the caption settles a "no".

The first five need no caption: :func:`check_alone` judges a pair of any dataset.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mmskin_hub.derive.vqa.answerable import mentions_text, unanswerable
from mmskin_hub.derive.vqa.facts import Facts
from mmskin_hub.derive.vqa.grounding import PUNCTUATION, SMALL_WORDS, Grounds, judge
from mmskin_hub.derive.vqa.names import person_named
from mmskin_hub.derive.vqa.spelling import split
from mmskin_hub.schema import QA

QUESTION_WORDS = (2, 40)
"""How many words a question has, least and most."""
ANSWER_WORDS = (1, 80)
"""The same of an answer."""

_IMPERATIVE = re.compile(r"(?:Describe|Name|State|List|Identify|Summari[sz]e|Give|Estimate|Explain|Point)\b")
_ALNUM = re.compile(r"[^\W_]")
_YES_NO = re.compile(r"(?:yes|no)\b", re.IGNORECASE)
_ALTERNATIVES = re.compile(r"\bor\b")


class Verdict(NamedTuple):
    """``reason`` is "" for a pair that may leave; ``detail`` is for a person; ``grounding`` from 0 to 1."""

    reason: str
    detail: str
    grounding: float


def check_alone(question: str, answer: str) -> Verdict:
    """Judge a pair by its own words; ``grounding`` is then 1, as nothing is known of a caption."""
    length = _length(question, answer)
    if length:
        return Verdict("bad_length", length, 1.0)
    words = mentions_text(question, answer)
    if words:
        return Verdict("mentions_text", f"It says “{words}”.", 1.0)
    name = person_named(question) or person_named(answer)
    if name:
        return Verdict("person_name", "A person is named or credited.", 1.0)
    found = unanswerable(question, answer)
    if found:
        return Verdict("not_answerable", f"It is about {found.kind}: “{found.words}”.", 1.0)
    if _answers_itself(question, answer):
        return Verdict("answers_itself", "Every word of the answer stands in the question.", 1.0)
    return Verdict("", "", 1.0)


def _length(question: str, answer: str) -> str:
    asked, said = len(question.split()), len(answer.split())
    if not QUESTION_WORDS[0] <= asked <= QUESTION_WORDS[1]:
        return f"The question has {asked} words."
    if not ANSWER_WORDS[0] <= said <= ANSWER_WORDS[1] or not _ALNUM.search(answer):
        return f"The answer has {said} words."
    if not question.rstrip().endswith("?") and not _IMPERATIVE.match(question):
        return "The question is neither a question nor a request."
    return ""


def _answers_itself(question: str, answer: str) -> bool:
    if _YES_NO.match(answer) or _ALTERNATIVES.search(question):
        return False
    words, printed = split(answer)
    new = frozenset(words).difference(PUNCTUATION, SMALL_WORDS, split(question)[0])
    return not new and not any(token.isupper() and len(token) > 1 for token in printed)  # "HE" is no "he"


class Checker:
    """Checks the pairs of one picture, one after the other; it remembers what was asked."""

    def __init__(self, facts: Facts) -> None:
        self._grounds = Grounds(facts)
        self._asked: set[str] = set()

    def check(self, qa: QA) -> Verdict:
        """Judge one pair. A pair that passes counts as asked."""
        alone = check_alone(qa.question, qa.answer)
        if alone.reason:
            return alone
        key = " ".join(qa.question.split()).strip(" ?.").casefold()
        if key in self._asked:
            return Verdict("duplicate_question", "The same question was asked already.", 1.0)
        support, settled = judge(qa, self._grounds)
        if support.missing:
            return Verdict("ungrounded", f"The caption does not support “{support.missing}”.", support.score)
        if not settled:
            return Verdict("unsettled", "The caption neither denies nor excludes what is asked about.", support.score)
        self._asked.add(key)
        return Verdict("", "", support.score)
