"""Age and sex of the pictured patient, as far as the caption says them.

The caption is cut into tokens (numbers, words, dashes, signs) and a small grammar reads *mentions* of people and
*ages* from them. The rule behind every decision: only what is said of the patient in the picture counts.

Ages: "54-year-old", "aged 54", "age 54", "72 years of age", "54 y/o", "woman, 54 years", "65F", "six-month-old". No
ages: spans of time ("10 years' duration", "5-year survival"), the age of a lesion, a tattoo, an animal or a relative,
the age at which something began ("since age 5"), ranges and decades ("6-8 years", "in her 50s"), statistics, and
words without a number ("newborn", "elderly").

Sex: words for a person (girl, man, lady, housewife), "male" and "female" of a person, "pregnant", and where none of
these stands he, she, his, her. No sex: terms ("male-pattern baldness", "female genitalia"), anatomy, animals and
parasites, relatives, people at large ("more common in women"), and patients of both sexes together.

The parts, in the order in which they build on one another: ``demographics_words`` (the word lists),
``demographics_tokens`` (tokens and numbers), ``demographics_people`` (who is named), ``demographics_ages`` (which ages
are stated), and here what follows from them for the patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mmskin_hub.curate.demographics_ages import OLDEST, ages_of
from mmskin_hub.curate.demographics_people import Mention, mentions_of
from mmskin_hub.curate.demographics_tokens import Token, lex
from mmskin_hub.curate.demographics_words import DAYS_A_YEAR, PRONOUNS, Sex

__all__ = ["AGE_GROUPS", "DAYS_A_YEAR", "OLDEST", "Demographics", "Sex", "age_group", "read_demographics"]


class Demographics(NamedTuple):
    """What a caption says: ``age_years`` (a float from 0 to 120) and ``sex``, ``None`` where it does not say.

    ``age_span`` and ``sex_span`` are the (start, end) offsets of the words in the text that say so.
    """

    age_years: float | None = None
    sex: Sex | None = None
    age_span: tuple[int, int] | None = None
    sex_span: tuple[int, int] | None = None


# Upper bounds in years of the age check tags of Medical Subject Headings (National Library of Medicine, "Age Groups"):
# Infant, Newborn: birth to 1 month; Infant: 1 to 23 months; Child, Preschool: 2 to 5 years; Child: 6 to 12;
# Adolescent: 13 to 18; Adult: 19 to 44; Middle Aged: 45 to 64; Aged: 65 to 79; Aged, 80 and over.
AGE_GROUPS: tuple[tuple[float, str], ...] = (
    (1 / 12, "newborn"),
    (2.0, "infant"),
    (6.0, "preschool child"),
    (13.0, "child"),
    (19.0, "adolescent"),
    (45.0, "adult"),
    (65.0, "middle aged"),
    (80.0, "aged"),
    (float("inf"), "aged 80 and over"),
)


def age_group(years: float) -> str:
    """The MeSH age group that an age in years falls in; ValueError for a negative number or NaN."""
    if not years >= 0:
        raise ValueError(f"An age must be a number of years from 0 on, not {years!r}.")
    return next(name for bound, name in AGE_GROUPS if years < bound)


def _one_sex(tokens: Sequence[Token], mentions: Sequence[Mention]) -> tuple[Sex | None, int]:
    """The one sex that is said of the patient, and the token that says it."""
    said = [mention for mention in mentions if mention.role == "patient" and mention.sex]
    if said:
        return (said[0].sex, said[0].at) if len({mention.sex for mention in said}) == 1 else (None, 0)
    relatives = [mention.at for mention in mentions if mention.role in ("relative", "animal")]
    pronouns: list[tuple[Sex, int]] = []
    for n, token in enumerate(tokens):
        first = n == 0 or tokens[n - 1].text in (".", "(", ")", ":")
        shaped = token.raw.islower() or (token.raw.istitle() and first)
        if token.text in PRONOUNS and shaped and not any(at < n for at in relatives):
            pronouns.append((PRONOUNS[token.text], n))
    if pronouns and len({sex for sex, _ in pronouns}) == 1:
        return pronouns[0]
    return None, 0


def read_demographics(text: str) -> Demographics:
    """Age and sex that ``text``, a caption or one panel's part of it, says of the pictured patient.

    Where several ages or both sexes are said, none is the patient's for certain and ``None`` is given; for a
    lettered figure, hand over the panel's own words first. Never raises.
    """
    tokens = lex(text)
    ages, noted = ages_of(tokens)
    stated = [age for age in ages if age.years is not None]
    years: float | None = None
    age_span = sex_span = None
    if stated and len({round(age.years or 0.0, 3) for age in stated}) == 1:
        years = stated[0].years
        age_span = tokens[stated[0].first].start, tokens[min(stated[0].last, len(tokens)) - 1].end
    sex, at = _one_sex(tokens, sorted([*mentions_of(tokens), *noted]))
    if sex:
        sex_span = tokens[at].start, tokens[at].end
    return Demographics(years, sex, age_span, sex_span)
