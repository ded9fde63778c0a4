"""The rules keep their promises: enough questions, even answers, no worn-out wording, and the same ones every time."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from mmskin_hub.derive.vqa import Judged, write_by_rules
from mmskin_hub.derive.vqa.answerable import mentions_text, unanswerable
from mmskin_hub.derive.vqa.checks import Checker, check_alone
from mmskin_hub.derive.vqa.facts import read_facts
from mmskin_hub.derive.vqa.offers import offers
from mmskin_hub.derive.vqa.questions import VERSION, RulesWriter, Wording, wordings
from mmskin_hub.schema import MODALITIES, QA, QUESTION_TYPES, Asked
from tests.derive.vqa.drawn_captions import drawn, everything

PICTURES = 400
Group = tuple[str, str]


def grouped(pictures: Sequence[Asked]) -> list[tuple[Asked, Group]]:
    """The pictures as a build has them: two in ten in the small splits."""
    splits = ("train",) * 8 + ("validation", "test")
    return [(one, ("book", splits[number % 10])) for number, one in enumerate(pictures)]


@pytest.fixture(scope="module")
def pictures() -> list[tuple[Asked, Group]]:
    return grouped(drawn(PICTURES))


@pytest.fixture(scope="module")
def judged(pictures: list[tuple[Asked, Group]]) -> list[Judged]:
    return list(write_by_rules(pictures))


def kept(judged: Sequence[Judged]) -> list[QA]:
    return [qa for one in judged for qa, _ in one.kept]


def test_a_picture_gets_two_and_a_half_questions_or_more(judged: list[Judged]) -> None:
    assert len(judged) == PICTURES
    assert len(kept(judged)) >= 2.5 * PICTURES
    assert max(len(one.kept) for one in judged) <= 3
    assert all(one.writer == VERSION for one in judged)


def test_all_questions_pass_the_checks(judged: list[Judged]) -> None:
    assert [one for one in judged if one.refused or one.reason] == []
    for one in judged:
        checker = Checker(read_facts(one.asked))
        for qa, verdict in one.kept:
            assert checker.check(qa) == verdict
            assert verdict.grounding > 0


@pytest.mark.parametrize("seed", range(4))
def test_yes_and_no_are_even_in_each_group(seed: int) -> None:
    judged = zip(pictures := grouped(drawn(600, seed=seed)), write_by_rules(pictures), strict=True)
    said: dict[Group, Counter[str]] = {}
    for (_, group), one in judged:
        for qa, _ in one.kept:
            word = re.match(r"(yes|no)\b", qa.answer.lower())
            assert qa.closed or not word, qa
            if word:
                said.setdefault(group, Counter())[word[0]] += 1
    assert set(said) == {("book", split) for split in ("train", "validation", "test")}
    checked = [split for split, answers in said.items() if answers.total() >= 60]
    assert len(checked) == 3
    for split in checked:
        assert 0.45 <= said[split]["yes"] / said[split].total() <= 0.55, said


def test_yes_and_no_are_even_even_where_little_is_said() -> None:
    """Captions of one diagnosis each leave few choices; the answers stay even all the same."""
    diseases = ("Psoriasis", "Vitiligo", "Melanoma", "Rosacea", "Scabies", "Morphea", "Impetigo", "Lichen planus")
    asked = [Asked(f"n{n}", f"{diseases[n % 8]}.", MODALITIES[n % 3]) for n in range(90)]
    answers = Counter(
        qa.answer[:2].lower() for qa in kept(list(write_by_rules((one, 0) for one in asked))) if qa.closed
    )
    yes, no = answers["ye"], answers["no"]
    assert yes + no >= 60
    assert 0.45 <= yes / (yes + no) <= 0.55


def test_what_is_asked_for_varies(judged: list[Judged]) -> None:
    types = Counter(qa.question_type for qa in kept(judged))
    assert len(types) >= 12
    assert set(types) == {*QUESTION_TYPES} - {"other"}
    assert types.most_common(1)[0][1] <= 0.25 * types.total()
    closed = sum(qa.closed for qa in kept(judged))
    assert 0.2 <= closed / types.total() <= 0.6


@pytest.mark.parametrize("number", [150, PICTURES])
def test_no_wording_wears_out(number: int) -> None:
    used = Counter(qa.template for qa in kept(list(write_by_rules(grouped(drawn(number))))))
    assert used.most_common(1)[0][1] <= 0.08 * used.total(), used.most_common(3)
    assert len(used) >= 60


def test_one_picture_is_not_asked_the_same_twice(judged: list[Judged]) -> None:
    for one in judged:
        assert len({qa.question for qa, _ in one.kept}) == len(one.kept)
        types = [qa.question_type for qa, _ in one.kept if not qa.closed]
        assert len(types) == len(set(types)), one


def test_one_picture_is_not_answered_the_same_twice(judged: list[Judged]) -> None:
    twice = [one for one in judged if len({qa.answer for qa, _ in one.kept}) < len(one.kept)]
    assert twice == []


def test_a_book_is_asked_the_same_whatever_other_books_there_are() -> None:
    own, other = drawn(120, "own"), drawn(120, "other")

    def of_own(pictures: Sequence[tuple[Asked, Group]]) -> list[Judged]:
        return [one for one in write_by_rules(pictures) if one.asked.id.startswith("own")]

    alone = of_own([(one, ("own", "train")) for one in own])
    first = [(one, ("other", "train")) for one in other] + [(one, ("own", "train")) for one in own]
    mixed = [pair for a, b in zip(own, other, strict=True) for pair in ((b, ("other", "train")), (a, ("own", "train")))]
    assert of_own(first) == alone
    assert of_own(mixed) == alone
    # Without the groups the tallies would run together: the guarantee is not trivial.
    assert of_own([(one, ("", "")) for one, _ in first]) != alone


def test_the_splits_of_a_book_keep_their_own_count() -> None:
    test = [(one, ("b", "test")) for one in drawn(60, "t")]
    train = [(one, ("b", "train")) for one in drawn(90, "s")]
    alone = list(write_by_rules(test))
    assert [one for one in write_by_rules([*train, *test]) if one.asked.id.startswith("t-")] == alone


def test_the_same_captions_get_the_same_questions(pictures: list[tuple[Asked, Group]], judged: list[Judged]) -> None:
    assert list(write_by_rules(pictures)) == judged


def test_a_wording_is_known_by_its_name_and_its_form(judged: list[Judged]) -> None:
    known = {one.name: one for choices in wordings().values() for one in choices}
    for qa in kept(judged):
        kind, form, _ = qa.template.split("/", 2)
        assert kind == qa.question_type
        assert qa.closed == known[qa.template].closed == (form != "open")


# The wordings, each for itself


def test_the_table_of_wordings_is_whole() -> None:
    table = wordings()
    assert {name for name, _, _ in table} == {*QUESTION_TYPES} - {"other"}
    assert {form for _, form, _ in table} == {"open", "yes", "no"}
    assert {modality for *_, modality in table} == set(MODALITIES)
    for (_, form, _), choices in table.items():
        names = [one.name for one in choices]
        assert len(set(names)) == len(names)
        for one in choices:
            assert one.answer.startswith({"yes": "Yes", "no": "No"}.get(form, one.answer[:1])), one
            assert one.closed == (form != "open" or "/choice/" in one.name)


def filled() -> Iterator[tuple[Asked, str, str, Wording, QA]]:
    """Each wording filled with the words of each offer of a few captions, as the rules would."""
    for asked in [*everything(), *drawn(30)]:
        facts = read_facts(asked)
        for offer in offers(facts):
            slots = offer.fill()
            if not slots:
                continue
            words = {**slots, "pic": "image"}
            if "are" in words:
                words["Are"] = words["are"].capitalize()
            for wording in wordings()[offer.question_type, offer.form, asked.modality]:
                question, answer = wording.question.format_map(words), wording.answer.format_map(words)
                question = question[0].upper() + question[1:]
                answer = (answer[0].upper() + answer[1:]).rstrip(" .,;:") + "."
                qa = QA(question, answer, offer.question_type, wording.closed, wording.name)
                yield asked, offer.question_type, offer.form, wording, qa


@pytest.fixture(scope="module")
def examples() -> list[tuple[Asked, str, str, Wording, QA]]:
    return list(filled())


def test_every_wording_can_be_filled(examples: list[tuple[Asked, str, str, Wording, QA]]) -> None:
    """``format_map`` raises KeyError for a slot that an offer does not know, so every wording must come by."""
    seen = {(kind, form, wording.name) for _, kind, form, wording, _ in examples}
    assert seen == {(kind, form, one.name) for (kind, form, _), choices in wordings().items() for one in choices}


def test_every_wording_passes_the_checks(examples: list[tuple[Asked, str, str, Wording, QA]]) -> None:
    facts = {asked.id + asked.caption: read_facts(asked) for asked, *_ in examples}
    for asked, _, _, _, qa in examples:
        assert not mentions_text(qa.question, qa.answer), qa
        assert unanswerable(qa.question, qa.answer) is None, qa
        assert check_alone(qa.question, qa.answer).reason == "", qa
        verdict = Checker(facts[asked.id + asked.caption]).check(qa)
        assert verdict.reason == "", (asked.caption, qa, verdict)


def test_no_wording_uses_a_slot_by_place_or_with_a_format() -> None:
    for choices in wordings().values():
        for text in (text for one in choices for text in (one.question, one.answer)):
            for _, name, form, conversion in string.Formatter().parse(text):
                assert name is None or (re.fullmatch(r"[A-Za-z_]+", name) and not form and not conversion), text


BAD_GRAMMAR = (
    (r"\{|\}", "a slot that was not filled"),
    (r"  |^ | $", "white space"),
    (r" [.,;:?]|[.,;:?]{2}", "punctuation"),
    (r"\b(an?|the|on|of|is|are) \1\b", "a word said twice"),
    (r"\b(?:an|the) (?:a|an|the)\b|\b[Aa] (?:the|an?)\b", "two articles"),
    (r"\ba [aeio]|\ban [bcdfgjklmpqrstvwz]", "the wrong article"),
    (r"\bNone\b", "a value that is not there"),
)


@pytest.mark.parametrize(("pattern", "what"), BAD_GRAMMAR, ids=[what for _, what in BAD_GRAMMAR])
def test_sentences_look_like_sentences(
    pattern: str, what: str, examples: list[tuple[Asked, str, str, Wording, QA]]
) -> None:
    for *_, qa in examples:
        for text in (qa.question, qa.answer):
            assert not re.search(pattern, text), (what, text)


def test_questions_end_as_questions_and_answers_as_sentences(judged: list[Judged]) -> None:
    for qa in kept(judged):
        assert qa.question[0].isupper() and qa.question[-1] in "?.", qa
        assert (qa.answer[0].isupper() or qa.answer[0] in "×" or qa.answer[0].isdigit()) and qa.answer[-1] == ".", qa
        first = qa.question.split()[0]
        asks = first not in ("Describe", "Name", "Estimate", "State", "Give", "Summarise")
        assert (qa.question[-1] == "?") == asks, qa
        assert len(re.findall(r"[?]", qa.question)) <= 1, qa


@pytest.mark.parametrize(
    ("caption", "wrong"),
    [
        ("Flat-topped papules and plaques on the wrist.", r"\b[Ii]s the (?:papules|plaques)\b"),
        ("A bulla on the heel.", r"\b[Aa]re (?:the|a) bulla\b"),
        ("Bullae on the heel.", r"\b[Ii]s the bullae\b|\ba bullae\b"),
        ("A 2 cm pigmented plaque on the back.", r"\b[Aa]n? (?:cm|mm)\b|: (?:cm|mm)\b"),
        ("Ulcer of the shin.", r"\ba ulcer\b|[Aa]re the ulcer\b"),
        ("A smooth, dome-shaped papule on the chin.", r"\b[Aa]n? [Aa]n? "),
    ],
)
def test_verbs_and_articles_agree_with_what_is_seen(caption: str, wrong: str) -> None:
    facts = read_facts(Asked("x", caption, "clinical"))
    for offer in offers(facts):
        slots = offer.fill()
        for wording in wordings()[offer.question_type, offer.form, "clinical"] if slots else ():
            words = {**(slots or {}), "pic": "image", "Are": (slots or {}).get("are", "").capitalize()}
            said = f"{wording.question} {wording.answer}".format_map(words)
            assert not re.search(wrong, said), said


# Odd captions


@pytest.mark.parametrize(
    "caption",
    [
        "Psoriasis",
        "PSORIASIS OF THE SCALP WITH THICK SILVERY SCALE",
        "{0} plaques on the {lesions}",
        "%s papules on the %d back",
        "Papules \u2013 \u201cviolaceous\u201d \u2014 on the wrists\u00a0(\u00d7\u00a03).",
        "Plaques " * 300,
        "(((((((((((",
        "\u0000\ud800 papules",
        "A.",
        "1",
    ],
)
def test_no_caption_breaks_the_rules(caption: str) -> None:
    (one,) = write_by_rules([(Asked("odd", caption, "clinical", 40.0, "male"), 0)])
    assert one.reason in ("", "nothing_to_ask", "other_language")
    assert [pair for pair in one.refused if pair[1].reason not in ("bad_length",)] == []
    for qa, _ in one.kept:
        assert len(qa.answer.split()) <= 80


def test_a_caption_that_states_nothing_is_asked_for_its_kind_of_picture() -> None:
    facts = read_facts(Asked("x", "A view.", "pathology"))
    written = RulesWriter().write(facts)
    assert {qa.question_type for qa in written} == {"modality"}
    assert 1 <= len(written) <= 2
