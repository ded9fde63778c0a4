"""How firmly each phrase of an answer is put forward."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from mmskin_hub.evals.answers import cues, denial
from mmskin_hub.evals.answers.cues import Level
from mmskin_hub.evals.answers.phrases import FOREIGN, Mention
from mmskin_hub.evals.answers.text import DECIMAL

_REACH, _BEHIND = 120, 400
"""Characters after a phrase, and in front of it, that are looked at."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A phrase with its rank; ``group`` numbers the list it stands in, ``listed`` says that the list holds others."""

    mention: Mention
    level: Level
    group: int
    listed: bool


@dataclass(frozen=True, slots=True)
class _Group:
    """Phrases with nothing between them but commas, "or" and the like: places ``first`` to ``last`` (inclusive)."""

    first: int
    last: int
    joined: bool

    @property
    def size(self) -> int:
        return self.last - self.first + 1


def weigh(
    said: str, mentions: Sequence[Mention], classes: int, kinds: Container[tuple[int, int]] = ()
) -> list[Weighed]:
    """The rank of every phrase; ``said`` is the answer with the phrase number n as the sign ``chr(0xE000 + n)``, and
    ``kinds`` are pairs of a class and another that it is a kind of."""
    at = [match.start() for match in re.finditer(cues.M, said)]
    clauses = _clauses(said)
    found: list[Weighed] = []
    for number, group in enumerate(_groups(said, at, mentions)):
        labels = {each.label for each in mentions[group.first : group.last + 1]}
        listed = len(labels) > 1
        levels = _levels(said, at, group, clauses)
        if _is_echo(said, at, group, labels, classes, listed):
            levels = [min(level, Level.echoed) for level in levels]
        for place, level in zip(range(group.first, group.last + 1), levels, strict=True):
            found.append(Weighed(mentions[place], level, number, listed))
    return _by_percent(said, at, [_glossed(said, at, kinds, found, place) for place in range(len(found))])


def _glossed(
    said: str, at: Sequence[int], kinds: Container[tuple[int, int]], weighed: Sequence[Weighed], place: int
) -> Weighed:
    """The phrase, as background where it only tells what the one beside it is a kind of."""
    here = weighed[place]
    for near in (place - 1, place + 1):
        if 0 <= near < len(weighed) and (weighed[near].mention.label, here.mention.label) in kinds:
            left, right = sorted((place, near))
            if weighed[near].level > Level.weak and cues.GLOSS.fullmatch(said[at[left] + 1 : at[right]]):
                return replace(here, level=min(here.level, Level.background))
    return here


def _groups(said: str, at: Sequence[int], mentions: Sequence[Mention]) -> list[_Group]:
    found: list[_Group] = []
    for place, here in enumerate(at):
        between = said[at[place - 1] + 1 : here] if place else ""
        alias = place and mentions[place].label == mentions[place - 1].label and re.fullmatch(r"\)?\s*\(\s*", between)
        if place and (alias or cues.SEPARATOR.match(between)):
            last = found[-1]
            joined = last.joined or bool(re.search(r"\b(?:or|nor|and)\b|[/&]", between))
            found[-1] = replace(last, last=place, joined=joined)
        else:
            found.append(_Group(place, place, False))
    return found


def _levels(said: str, at: Sequence[int], group: _Group, clauses: Sequence[tuple[int, str]]) -> list[Level]:
    """The rank of each phrase of a list: what precedes it counts for all, what follows it as grammar has it."""
    before, opening = _before(said, at[group.first], clauses)
    behind = said[at[group.last] + 1 : at[group.last] + 1 + _REACH]
    clause = cues.CLAUSE.split(behind, maxsplit=1)[0]
    shared = _ahead(before, opening)
    denied = denial.denies(before)
    joined = group.joined or re.match(r"\s*,?\s*(?:or|nor)\b", behind) is not None
    levels = []
    for place in range(group.first, group.last + 1):
        level = _behind(clause if group.last == place or _tells_all(clause, group) else "", shared)
        level = _refers(behind, level, group, place)
        own = said[at[place] + 1 : at[place] + 1 + _REACH]
        if cues.AFFIRMED_MARK.match(own):
            level = Level.chosen
        barred = denial.BARRED.search(before) is not None
        if denied is None or barred:
            level = min(level, Level.left_open)
        no = bool(denied) and not barred and (place == group.first or joined or group.size > 2)
        # "non-" belongs to its word, and undoes a denial that already reaches it.
        no ^= denial.NON.search(_left(said, at[place], 8)) is not None
        if no or cues.DENIED_MARK.match(own):
            level = Level.denied
        if hedged := place > group.first and re.search(r"\b(?:possibly|perhaps|maybe)\s*$", _left(said, at[place], 12)):
            between = said[at[place - 1] + 1 : at[place]]
            hedged = None if re.search(r"\bor\b|/", between) else hedged
        if cues.ELSEWHERE.search(before):
            level = min(level, Level.left_open)
        if hedged:
            level = min(level, Level.weak)
        if place and cues.RANKED_BEFORE.search(_left(said, at[place], 8)):
            level = min(level, Level.weak)
        levels.append(level)
    return levels


def _refers(behind: str, level: Level, group: _Group, place: int) -> Level:
    """The rank by what a later clause says of the phrase by a pronoun, or with the subject left out; ``level`` where it
    says nothing."""
    match = cues.REFERS.match(behind)
    if match is None or not (match["it"] or match["bound"]):
        return level
    if place != group.last and not re.match("they|both", match["it"] or ""):
        return level
    rest = re.sub(r"\b(?:in fact|indeed|actually) ", "", match["rest"])
    if cues.LATER_DENIED.match(rest):
        return Level.denied
    return Level.chosen if cues.LATER_CHOSEN.match(rest) else level


def _clauses(said: str) -> list[tuple[int, str]]:
    """Where each clause but the first begins, and what opened it ("therefore")."""
    return [(match.end(), match.group()) for match in cues.CLAUSE.finditer(said) if not _is_point(said, match)]


def _before(said: str, at: int, clauses: Sequence[tuple[int, str]]) -> tuple[str, str]:
    """The clause in front of a phrase, as far as it is looked at, and what opened it."""
    place = bisect_right(clauses, at, key=lambda clause: clause[0])
    start, opening = clauses[place - 1] if place else (0, "")
    return said[max(start, at - _BEHIND) : at], opening


def _left(said: str, at: int, length: int = _BEHIND) -> str:
    return said[max(0, at - length) : at]


def _is_point(said: str, match: re.Match[str]) -> bool:
    """Whether the full stop belongs to a letter or number in front of an option, or to an abbreviation."""
    return (
        match.group() == "."
        and re.search(r"(?:^|[\s(])(?:[a-z]|\d{1,2}|vs|dr)$", _left(said, match.start(), 8)) is not None
    )


_RANKS = (
    (cues.FINAL, Level.final),
    (cues.ANSWER, Level.answer),
    (cues.CHOSEN, Level.chosen),
    (cues.STATED, Level.stated),
    (cues.WEAK, Level.weak),
    (cues.BACKGROUND, Level.background),
)


def _ahead(before: str, opening: str) -> Level:
    """The rank by what precedes: the cue nearest to the phrase decides, the fainter of two that begin together."""
    best = (-1, Level.plain)
    for pattern, level in _RANKS:
        for match in pattern.finditer(before):
            if match.start() >= best[0]:
                guessed = level is Level.stated and cues.MODAL.search(before[: match.start()])
                best = match.start(), Level.weak if guessed else level
    conceded = cues.CONCEDED.match(opening) and not re.search(r",|\b(?:this|it|lesion) is\b", before)
    if best[1] is Level.stated and conceded:
        return Level.plain
    if best[0] < 0 and cues.CONCLUDED.search(opening.rstrip()):
        return Level.stated
    return min(best[1], Level.weak) if cues.FIRST_SIGHT.search(before) else best[1]


def _behind(clause: str, level: Level) -> Level:
    """The rank by what is said of the phrase after it, where that says anything; ``level`` otherwise."""
    if cues.OPEN_AFTER.match(clause):
        return Level.left_open
    if cues.DENIED_AFTER.match(clause):
        return Level.denied
    if cues.CHOSEN_AFTER.match(clause):
        return max(level, Level.chosen)
    if cues.WEAK_AFTER.match(clause):
        return min(level, Level.weak)
    if level is Level.plain and cues.SUBJECT_AFTER.match(clause):
        return Level.subject
    return level


def _tells_all(clause: str, group: _Group) -> bool:
    """Whether what follows a list is said of all of it: "melanoma and nevus are …", not "melanoma, nevus is …"."""
    return (group.joined and not cues.CHOSEN_AFTER.match(clause)) or re.match(
        r"\s*,?\s*(?:can |could )?(?:are|were|all|both)\b", clause
    ) is not None


def _is_echo(said: str, at: Sequence[int], group: _Group, labels: set[int], classes: int, listed: bool) -> bool:
    """Whether a phrase or list repeats the question: a question mark or colon behind it, "options:" in front, or every
    class in it."""
    behind = said[at[group.last] + 1 : at[group.last] + 1 + _BEHIND]
    if re.match(r"[^.!?\n]*\?", behind) and not re.match(r"[^.!?\n]*" + cues.M, behind):
        return True
    before = _left(said, at[group.first])
    if listed and (cues.ECHO_BEFORE.search(before) or re.match(r"\s*:", behind)):
        return True
    return len(labels - {FOREIGN}) == classes > 1


def _by_percent(said: str, at: Sequence[int], weighed: list[Weighed]) -> list[Weighed]:
    """Where several phrases are given a probability, the highest is chosen and the others are guesses."""
    shares: dict[int, float] = {}
    for place, each in enumerate(weighed):
        match = cues.PERCENT_BEFORE.search(_left(said, at[place], 40))
        match = match or cues.PERCENT.match(said[at[place] + 1 : at[place] + 1 + 40])
        if match and each.level > Level.left_open:
            number = float(match[1].replace(DECIMAL, "."))
            if match[2] or (DECIMAL in match[1] and number <= 1):
                shares[place] = number
    if len(shares) < 2:
        return weighed
    top = max(shares.values())
    return [
        replace(each, level=Level.chosen if shares[place] == top else Level.weak) if place in shares else each
        for place, each in enumerate(weighed)
    ]
