"""Whether the caption supports what a question and its answer say.

Every **content word** of an answer must be supported: it stands in the caption, or in another name or a broader term of
something the caption states, or it is the picture's modality, or the patient's age or sex. Small words and the words
every description uses ("lesion", "visible", "the patient") are no content. A **term** of the vocabulary is judged as a
whole: one that the caption leaves open, or denies, supports nothing but a "no".

The score of a pair is the mean over its content words: 1 for a word of the caption, one half for a word that is
supported in another way, 0 for one that is not. What has an unsupported word does not leave.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from mmskin_hub.derive.demographics import stated_age
from mmskin_hub.derive.vqa.facts import DENIED, STATED, Facts, excludes_site
from mmskin_hub.derive.vqa.offers.picture import KIND
from mmskin_hub.derive.vqa.said import Fact
from mmskin_hub.derive.vqa.said import judge as read_terms
from mmskin_hub.derive.vqa.spelling import folded, split, tokens
from mmskin_hub.derive.vqa.vocabulary import Term, Vocabulary
from mmskin_hub.schema import QA

BY_ANOTHER_NAME = 0.5
"""The score of a word that the caption supports without having it."""

SMALL_WORDS = folded(
    """of on in at with without from over by for and or to as into than that this these those there here it its they
    them their which who whom whose what where when how he she his her him be is are was were been being am do does did
    has have had can could may might will would should not no yes nor only also more most very well both each other
    another any some such same one ones while but if then so about around between within along near above below under
    across through up down out off per via among cannot either neither i you we me my your our us"""
)
"""Words that say nothing by themselves."""
NO_CONTENT = SMALL_WORDS | folded(
    """appear appears appearing appeared seem seems see sees seen seeing show shows shown showing depict depicts
    depicted depicting display displays displayed displaying reveal reveals revealed revealing demonstrate demonstrates
    demonstrated exhibit exhibits present presents presented presence visible visibly observe observed noted note
    notable note noticeable identify identified recognise recognised recognize recognized describe described
    characterized characterised consist consists consistent contain contains containing include includes including
    feature features featuring call called named known look looks looking locate located location situated find found
    finding findings involve involves involved affect affects affected affecting represent represents fit fits support
    supports labelled labeled suggest suggests indicate indicates correspond corresponds obtained made taken used use
    estimate state give name main mainly predominantly predominant typical typically characteristic clearly
    image images picture pictures photograph photographs photo photos view shot scene subject
    skin lesion lesions patient patients person individual area areas region regions site sites part parts body place
    surface appearance type kind form shape colour color coloured colored size sized border borders margin margins
    edge edges texture pattern patterns arrangement arranged distribution distributed configuration number side
    diagnosis diagnosed diagnose disease diseases condition conditions disorder disorders process change changes
    examination examined evidence overall general detail details structure structures tissue specimen sample
    criteria criterion sign signs aspect morphology morphological microscopic microscopically microscope dermatoscope
    stain stained staining magnification magnified enlarged times technique method
    measure measures measuring measured large larger smaller small about approximately diameter across wide long
    old older younger year years month months week weeks day days age aged sex gender
    first second labelled count counts set sharply large summarise striking"""
)
"""The same, and the words every description uses."""
PUNCTUATION = frozenset(".,;:!?()[]{}\"'“”‘’/&%+=<>*#×|_~…°")
_NO_SUPPORT = NO_CONTENT | PUNCTUATION
_SEX_WORDS = {
    "male": folded("male man men boy gentleman he his masculine"),
    "female": folded("female woman women girl lady she her feminine"),
}
_MODALITY_WORDS = {
    "clinical": folded("clinical clinically photograph photography photographic"),
    "dermoscopic": folded("dermoscopic dermatoscopic dermoscopy dermatoscopy dermatoscope dermoscope"),
    "pathology": folded(
        """histological histology histologic histopathological histopathology histopathologic pathology pathological
        photomicrograph micrograph section microscopy biopsy"""
    ),
}


_ENDING = re.compile(
    r"(?:ations?|ated|ates?|ating|ings?|edly|ed|ally|al|ly|ous|osity|ity|ive|ic|ment|ness|ary|ar|a|ies|es|e|s|y)$"
)


@lru_cache(maxsize=8192)
def _stem(word: str) -> str:
    """A word without its ending, so that "ulcerated" is supported by "ulceration"; short words stay whole."""
    root = _ENDING.sub("", word)
    return root if len(root) >= 5 else word


class Support(NamedTuple):
    """``score`` from 0 to 1, and the first word or term that is not supported, "" if all are."""

    score: float
    missing: str


class Grounds:
    """What one caption supports; made once a picture."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self._known = {name for fact in facts.all if fact.said == STATED for name in (fact.term.name, *fact.term.path)}
        self._known_denied = {fact.term.name for fact in facts.all if fact.said == DENIED}
        self._other_names: frozenset[str] | None = None

    def _by_another_name(self, word: str) -> bool:
        """Whether a word that the caption lacks is supported all the same."""
        asked = self.facts.asked
        if word in _MODALITY_WORDS[asked.modality] or word in _SEX_WORDS.get(asked.sex or "", ()):
            return True
        if self._other_names is None:
            names = [_words_of(self.facts.vocabulary, name) for name in self._known | self._known_denied]
            if asked.age_years is not None:
                names.append(folded(f"{stated_age(asked.caption, float(asked.age_years))} {asked.age_years:g}"))
            self._other_names = frozenset().union(*names, map(_stem, self.facts.words))
        return word in self._other_names or _stem(word) in self._other_names

    def support(self, *texts: str, denied: bool = False, echo: str = "") -> Support:
        """How far the caption supports the ``texts``; with ``denied``, what the caption denies counts as said too.

        The words of ``echo`` need no support.
        """
        echoed = frozenset(split(echo)[0]) if echo else frozenset()
        here, total, missing = 0.0, 0, ""
        for text in texts:
            wrong = self.wrong_term(text, denied, echoed)
            if wrong:
                return Support(0.0, wrong)
            words, printed = split(text)
            for word, token in zip(words, printed, strict=True):
                if word in _NO_SUPPORT or word in echoed:
                    continue
                total += 1
                if word in self.facts.words:
                    here += 1.0
                elif self._by_another_name(word):
                    here += BY_ANOTHER_NAME
                else:
                    missing = missing or token
        return Support(here / total if total else 1.0, missing)

    def wrong_term(self, text: str, denied: bool = False, echoed: Collection[str] = ()) -> str:
        """The first term in ``text`` that the caption does not support, as printed; "" if there is none.

        What ``text`` itself denies ("plaques without scale") must be denied by the caption.
        """
        words, printed = split(text)
        known = self._known | self._known_denied if denied else self._known
        for term, said, first, last in _read(words, printed, text, self.facts.vocabulary):
            here = words[first : last + 1]
            if said == DENIED and not denied:
                if term.name not in self._known_denied:
                    return " ".join(printed[first : last + 1])
            elif term.name in known or NO_CONTENT.issuperset(here) or all(word in echoed for word in here):
                continue
            elif term.kind == "modality":
                if term.name != self.facts.asked.modality:
                    return term.name
            # The caption may hold the same words as part of another term: then they are its own.
            elif not all(word in self._free or _stem(word) in self._free for word in here):
                return " ".join(printed[first : last + 1])
        return ""

    @cached_property
    def _free(self) -> frozenset[str]:
        """The words of the caption outside the terms that it denies or leaves open, and their stems."""
        taken = {n for fact in self.facts.all if fact.said != STATED for n in range(fact.first, fact.last + 1)}
        words = {token.word for n, token in enumerate(self.facts.text) if n not in taken}
        return frozenset(words | set(map(_stem, words)))


_DENIALS = folded("no not without absence absent lacking lacks free never neither nor non")


def _read(words: Sequence[str], printed: Sequence[str], text: str, vocabulary: Vocabulary) -> Sequence[Fact]:
    """The terms of a question or an answer; whether it denies them is read only where a word says so."""
    found = vocabulary.find(words, printed)
    if found and not _DENIALS.isdisjoint(words):
        return read_terms(tokens(text), found)
    return [Fact(term, STATED, first, last) for term, first, last in found]


@lru_cache(maxsize=8192)
def _words_of(vocabulary: Vocabulary, name: str) -> frozenset[str]:
    """The words of all names of a term, and of the broader terms it has."""
    term = vocabulary.terms.get(name)
    if term is None:
        return folded(name)
    own = (folded(each) for each in (name, *term.synonyms))
    return frozenset().union(*own, *(_words_of(vocabulary, broader) for broader in term.path))


_NO = re.compile(r"no\b")
_COMPARISON = re.compile(
    r"\b(?:(older|younger)\s+than\s+(\d+(?:\.\d+)?)\s*(years?|months?|weeks?|days?)?|"
    r"(larger|smaller|bigger|more|less|longer|wider)\s+than\s+(\d+(?:\.\d+)?)\s*(mm|cm))",
    re.IGNORECASE,
)


def compares(question: str, facts: Facts) -> str:
    """What a comparison in the question ("older than 40 years", "larger than 1 cm") comes to: "yes", "no", "open" where
    the caption leaves it so, "" where the question compares nothing that the caption gives."""
    match = _COMPARISON.search(question)
    if match is None:
        return ""
    how, limit, unit = match[1] or match[4], float(match[2] or match[5]), (match[3] or match[6] or "").lower()
    if unit in ("mm", "cm"):
        if len(facts.sizes) != 1:
            return ""
        least, most, limit = facts.sizes[0].least, facts.sizes[0].most, limit * (10 if unit == "cm" else 1)
    elif facts.asked.age_years is not None:
        least = most = float(facts.asked.age_years)
        limit /= _A_YEAR.get(unit[:1], 1.0)
    else:
        return ""
    if how.lower() in ("younger", "smaller", "less"):
        return "yes" if most < limit else "no" if least >= limit else "open"
    return "yes" if least > limit else "no" if most <= limit else "open"


_A_YEAR = {"m": 12.0, "w": 52.18, "d": 365.25}


def settles_no(question: str, facts: Facts) -> bool:
    """Whether the caption settles that the answer to ``question`` is no: it denies or excludes what is asked about."""
    compared = compares(question, facts)
    if compared:
        return compared == "no"
    asked, printed = split(question)
    terms = _read(asked, printed, question, facts.vocabulary)
    if any(_excluded(fact.term, facts) for fact in terms if fact.said != DENIED):
        return True
    words = set(asked)
    other_sex = {"male": "female", "female": "male"}.get(facts.asked.sex or "", "")
    if other_sex and words & (_SEX_WORDS[other_sex] - _SEX_WORDS[facts.asked.sex or ""]):
        return True
    if any(
        kind != facts.asked.modality and words & _MODALITY_WORDS[kind] - _MODALITY_WORDS[facts.asked.modality]
        for kind in KIND
    ):
        return True
    numbers = re.findall(r"[×x]\s?(\d+)", question)
    return len(facts.magnifications) == 1 and bool(numbers) and numbers[0] != facts.magnifications[0]


_ONE_OF_A_KIND = ("diagnosis", "stain", "laterality")


def _excluded(term: Term, facts: Facts) -> bool:
    if any(fact.term.name == term.name for fact in facts.denied(term.kind)):
        return True
    stated = facts.diagnoses if term.kind == "diagnosis" else tuple(facts.stated(term.kind))
    if any(fact.term.name in term.opposites or term.name in fact.term.opposites for fact in stated):
        return True
    names = {fact.term.name for fact in stated}
    if term.name in facts.mentioned or len(names) != 1:
        return False
    if term.kind in _ONE_OF_A_KIND:
        return not term.is_kin(stated[0].term)
    if term.kind == "site":
        return excludes_site(stated[0].term, term)
    return term.kind == "modality" and term.name != facts.asked.modality


def judge(qa: QA, grounds: Grounds) -> tuple[Support, bool]:
    """The support of a pair, and whether its answer is settled (only a "no" can be unsettled)."""
    answer = qa.answer.lower()
    if answer.startswith("yes"):
        compared = compares(qa.question, grounds.facts)
        if compared in ("no", "open"):
            return Support(0.0, qa.question), True
        wrong = grounds.wrong_term(qa.question) if compared else ""
        if wrong:
            return Support(0.0, wrong), True
        return grounds.support(*([] if compared else [qa.question]), qa.answer[3:]), True
    if _NO.match(answer):
        # "No, it does not show X" repeats what was asked, which the caption need not have.
        support = grounds.support(qa.answer[2:], denied=True, echo=qa.question)
        return support, settles_no(qa.question, grounds.facts)
    return grounds.support(qa.answer), True
