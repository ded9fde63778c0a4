"""The words that deny a phrase in front of which they stand, how far they reach, and the words of a refusal.

A word that denies reaches to the end of its clause, or to the next verb that asserts. The patterns work on the text
that :mod:`~mmskin_hub.evals.answers.cues` describes.
"""

from __future__ import annotations

import re

from mmskin_hub.evals.answers.cues import M, any_of

REPHRASED = (
    (re.compile(r"\bnot (?:only|just|merely|simply)\b"), " "),
    (
        re.compile(
            r"\b(?:there is |there can be |with |it is )?(?:no|without(?: a| any)?|beyond(?: a|"
            r" any)?)(?: \w+)? (?:doubt|question)s?(?: that| about it:?)?"
        ),
        " certainly ",
    ),
    (re.compile(r"\b(?:can|could|would|should) not be (?:anything|something) (?:but|other than|else than)\b"), " is "),
    (re.compile(r"\b(?:nothing|none|no one|nothing else|no)(?: else)? (?:but|other than|else than|except)\b"), " "),
    (
        re.compile(r"\bnot (?:entirely |completely |absolutely |fully |quite |100% )?(?:sure|certain|clear)\b"),
        " unsure ",
    ),
    (re.compile(r"\bnot (?:unlikely|improbable|implausible)\b"), " possible "),
    (re.compile(r"\bno longer\b"), " not "),
    (re.compile(r"\b(?:i )?(?:do|would|can) not have (?:any )?(?:doubt|question)s?\b"), " certainly "),
    (re.compile(r"\banything but\b"), " not "),
    (
        re.compile(
            r"(?<!could )(?<!may )(?<!might )\b(?:has|have|had|having) (?:(?:now|since|already|clearly|likely|"
            r"probably) )*"
            r"(?:progressed|transformed|evolved|turned|developed|changed|degenerated|converted|become)(?: (?:to|"
            r"into))?\b"
            r"(?= (?:\w+ ){0,3}[\ue000-\uf8ff])"
        ),
        " is by now ",
    ),
)
"""What reads as a denial and is none, or the other way round."""

# Denial before a phrase ----------------------------------------------------------------------------------------------

_ASSERTS = (
    r"(?:suggest\w*|indicat\w*|favou?r\w*|support\w*|point\w*|confirm\w*|represent\w*|mean\w*|make\w*|leav\w*|"
    r"reveal\w*|"
    r"(?:most |more )?(?:consistent|compatible|in keeping|in line) with|diagnos\w+|classif\w+|characteristic of)"
)
_AND_ON = (
    r"\band (?:is|are|was|were|most|more|likely|probably|appears?|looks?|seems?|has|have|shows?|rather|instead|not|for|"
    r"in favou?r|towards?|would|should|could|can|may|consistent|compatible|suggest\w*|favou?r\w*|represent\w*)\b"
)
_WITNESS = (
    r"(?:clear |convincing |definite |obvious |specific |typical |classic |strong |other |further |real |good |"
    r"\w+ical )*"
    r"(?:evidence|signs?|features?|findings?|indications?|indicators?|suspicion|reasons?|suggestions?|proof|"
    r"criteria|hints?|"
    r"traces?|concerns?|characteristics|hallmarks?|structures?|resemblance|support)"
)
DENIAL = re.compile(
    r"\b(?:no|without|absence of|absent|lack of|lacks?|lacking|free of|free from|negative for|devoid of|none of|zero|"
    r"exclud\w+|exclusion of|rul(?:e|es|ed|ing) out|rule-out|r/o|argu(?:es?|ing) against|speaks? against|against|"
    r"not in favou?r of|den(?:y|ies)|differ\w* from|distinct from|different from|distinguish\w* (?:it |this )?from|"
    r"inconsistent with|incompatible with|"
    r"(?:low|little|minimal|less|small)(?: \w+)? (?:suspicion|risk|likelihood|probability|chance|concern) (?:of|for)|"
    r"little (?:to (?:suggest|support|indicate)|evidence|reason|support)|doubt(?:s|ed|ful)?(?: if| whether)?|"
    r"fails? to|unlikely(?: to be| for)?|improbable|least likely(?: to be)?|less likely(?: to be)?|less suggestive of|"
    r"(?:hard|difficult|reluctant|hesitant|hesitate)(?: for me)? to (?:call|consider|label|believe|imagine|justify)|"
    r"less consistent with|rather than|instead of|as opposed to|opposed to|other than|except(?: for)?|unlike|than|"
    r"over|far from|"
    r"in contrast to|contrary to|away from|compared (?:to|with)|neither|nor|never|hardly|nothing|not)\b"
)
"""Every word that denies what follows; :func:`denies` tells how far it reaches."""
_VERBAL = re.compile(
    r"not|little|doubt|hard|difficult|reluctant|hesita|never|hardly|nothing|neither|nor|unlikely|improbable|"
    r"fails? to|less |least |inconsistent|"
    r"incompatible|not in"
)
_CLOSE = re.compile(r"than|over|rather than|instead of|as opposed to|opposed to|other than")
_STOP_NOUN = re.compile(any_of(r"\b(?:is|are|was|were)\b", rf"\b{_ASSERTS}", _AND_ON))
_STOP_WITNESS = re.compile(
    any_of(r"\b(?:is|are|was|were) (?!present|seen|visible|found|of|noted|identified|there)", _AND_ON)
)
_STOP_VERB = re.compile(_AND_ON)
_POINTED_AT = re.compile(r"(?<!is )(?<!was )(?<!not )(?<!call )(?<!consider )(?<!label )(?<!name )\bthis $")
_OPEN_BEFORE = re.compile(
    r"\bnot (?:\w+ )?(?:rule out|ruling out|exclude|excluding|dismiss|discount|rule)\b|\bwithout (?:excluding|"
    r"ruling out)\b|"
    r"\b(?:can|could) not (?:\w+ )?be (?:\w+ )?(?:excluded|ruled out)\b"
)
NON = re.compile(r"\bnon[- ]?$")

# Refusals ------------------------------------------------------------------------------------------------------------

_TOLD = (
    r"(?:diagnos\w*|provid\w*|giv\w*|offer\w*|determin\w*|identif\w*|tell|assess\w*|say|help\w*|assist\w*|"
    r"classif\w*|answer\w*|"
    r"interpret\w*|analy[sz]\w*|mak\w*|distinguish\w*|differentiat\w*|comment\w*|evaluat\w*|decid\w*|know|"
    r"conclude|judge|specify|"
    r"see|view|access|process|recogni[sz]e|predict|name|choose|pick|select|confirm|fulfil\w*|comply|"
    r"be (?:\w+ )?(?:determined|identified|made|"
    r"diagnosed|assessed|classified|given|provided|established|told))"
)
REFUSAL = re.compile(
    rf"\b(?:(?:can|could|will|would|may|should|must|shall) not|unable to|not able to|not possible to|impossible to|"
    rf"not qualified to|"
    rf"not (?:allowed|permitted|authori[sz]ed|equipped|trained|appropriate) to|not in a position to|refuse to|"
    rf"decline to|difficult to|hard to)"
    rf" (?:\w+ ){{0,2}}?{_TOLD}\b|\bsorry\b|\bas an ai\b|\bi am (?:just |only )?an ai\b|\bnot (?:a|your) (?:doctor|"
    rf"physician|dermatologist|medical)\b|"
    r"\b(?:consult|see|visit|seek|contact|ask|refer (?:you )?to)\b.{0,30}\b(?:dermatologist|doctor|physician|"
    r"clinician|professional|specialist|"
    r"provider|medical|advice)\b|\b(?:insufficient|not enough|inadequate) (?:information|detail|data|quality)|"
    r"\bi (?:do not|don't) know\b|\bno idea\b|\bundetermined\b|\bindeterminate\b|\bdecline\b|"
    r"\brefuse\b|\bunable to\b"
)
BARRED = re.compile(
    rf"\b(?:(?:can|could|will|would|may|should) not|unable to|not able to|not possible to|impossible to|"
    rf"not qualified to|refuse to|"
    rf"decline to|difficult to|hard to) (?:\w+ ){{0,2}}?{_TOLD}\b(?:[^:]*\b(?:whether|if|which|what|between|or|"
    rf"diagnosis|choice)\b)[^:]*$"
)
"""A refusal that a phrase is the object of: "I cannot tell whether it is …"."""

UNDECIDED = re.compile(
    r"\b(?:can not|could not|hard to|difficult to|impossible to) (?:\w+ ){0,2}?(?:choose|decide|pick|tell|say|"
    r"distinguish|"
    r"differentiate|discriminate|separate|settle)\b"
)
"""What is no refusal where several classes are named: "I can't tell nevus from melanoma"."""
ASKS_A_DOCTOR = re.compile(
    r"\bsorry\b|\bas an ai\b|\bi am (?:just |only )?an ai\b|\bconsult|\bprofessional\b|\bdermatologist"
)


def denies(before: str) -> bool | None:
    """Whether a word in ``before`` denies the phrase right behind it; ``None`` where it is neither stated nor denied
    ("cannot rule out"). Two denials cancel out."""
    if _OPEN_BEFORE.search(before):
        return None
    if _POINTED_AT.search(before):
        return False
    times = 0
    for match in DENIAL.finditer(before):
        between = before[match.end() :]
        word = match.group()
        if word == "not" and re.match(r"\s+(?:rule|exclude|dismiss)", between):
            continue
        if _reaches(word, between):
            times += 1
    return times % 2 == 1


def _reaches(word: str, between: str) -> bool:
    """Whether a denial reaches across ``between`` to the phrase behind it."""
    if (":" in between and word != "none of") or re.search(rf"{M}\s+{_ASSERTS}", between):
        return False
    if "," in between and not re.fullmatch(rf"(?:[^,]*{M}\s*,)+\s*(?:or|nor|and|any|a|an|the|\s)*", between):
        return False
    if _CLOSE.fullmatch(word):
        return re.search(rf"{M}|\b(?:is|are|it|this|with)\b", between) is None
    if _VERBAL.match(word):
        return _STOP_VERB.search(between) is None
    if re.match(rf"\s*(?:\w+ )?{_WITNESS}", between):
        return _STOP_WITNESS.search(between) is None
    return _STOP_NOUN.search(between) is None
