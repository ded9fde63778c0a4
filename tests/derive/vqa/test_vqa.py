"""From a published pair to rows and refusals, by the rules and by a writer who writes badly."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mmskin_hub.derive.vqa import Judged, Writer, asked_of, question_rows, write_by, write_by_rules
from mmskin_hub.derive.vqa.questions import VERSION
from mmskin_hub.schema import QA, REJECT_REASONS, VQA_REASONS, Asked, Written, open_vqa_features
from tests.derive.vqa.drawn_captions import drawn

CAPTION = "Psoriasis. Well-demarcated erythematous plaques with silvery scale on the left elbow, without pustules."
PICTURE = Asked("b-p0001-f1", CAPTION, "clinical", 54.0, "male")
GOOD = QA("What is the diagnosis?", "Psoriasis.", "diagnosis", False)


class Careless:
    """Writes what it was given, by the id of the picture, and remembers what it was asked about."""

    name = "careless/1"

    def __init__(self, pairs: dict[str, Sequence[QA]], failed: dict[str, str] | None = None) -> None:
        self.pairs, self.failed = pairs, failed or {}
        self.asked: list[str] = []

    def write_all(self, asked: Sequence[Asked]) -> list[Written]:
        self.asked += [one.id for one in asked]
        return [
            Written(one.id, (), self.name, reason, "It would not.")
            if (reason := self.failed.get(one.id, ""))
            else Written(one.id, tuple(self.pairs.get(one.id, ())), self.name)
            for one in asked
        ]


def judge(*pairs: QA, caption: Asked = PICTURE) -> Judged:
    (one,) = write_by(Careless({caption.id: pairs}), [caption])
    return one


BAD = [
    ("not_answerable", QA("What is the treatment of psoriasis?", "Plaques with scale.", "other", False)),
    ("not_answerable", QA("What causes these plaques?", "Psoriasis.", "other", False)),
    ("ungrounded", QA("Which disease is shown?", "Nummular eczema.", "diagnosis", False)),
    ("ungrounded", QA("Where are the plaques?", "On the knee.", "body_site", False)),
    ("ungrounded", QA("Is this vitiligo?", "Yes.", "diagnosis", True)),
    ("ungrounded", QA("Are pustules visible?", "Yes.", "morphology", True)),
    ("ungrounded", QA("Is the patient older than 60 years?", "Yes.", "age", True)),
    ("unsettled", QA("Are bullae visible?", "No.", "morphology", True)),
    ("unsettled", QA("Is this psoriasis?", "No.", "diagnosis", True)),
    ("unsettled", QA("Is the patient male?", "No.", "sex", True)),
    ("mentions_text", QA("What does the caption describe?", "Erythematous plaques.", "description", False)),
    ("mentions_text", QA("What is shown in Figure 3?", "Psoriasis.", "diagnosis", False)),
    ("answers_itself", QA("Where on the left elbow are the plaques?", "The left elbow.", "body_site", False)),
    ("bad_length", QA("Plaques?", "Psoriasis.", "other", False)),
    ("bad_length", QA("What is the diagnosis?", "psoriasis " * 81, "diagnosis", False)),
    ("bad_length", QA("What is the diagnosis?", "-", "diagnosis", False)),
    ("bad_length", QA("The elbow is affected.", "Yes.", "body_site", True)),
    ("person_name", QA("Which patient of Dr. Miller is seen?", "Psoriasis.", "other", False)),
]


@pytest.mark.parametrize(("reason", "qa"), BAD, ids=[f"{reason}: {qa.question}" for reason, qa in BAD])
def test_a_bad_pair_is_refused_for_its_reason_and_the_good_one_stays(reason: str, qa: QA) -> None:
    one = judge(GOOD, qa)
    assert (one.reason, one.writer) == ("", "careless/1")
    assert [pair for pair, _ in one.kept] == [GOOD]
    ((refused, verdict),) = one.refused
    assert refused == qa
    assert verdict.reason == reason, verdict
    assert verdict.detail.endswith(".")
    assert 0 <= verdict.grounding <= 1


def test_the_same_question_twice_is_refused_the_second_time() -> None:
    one = judge(GOOD, QA("what is  the Diagnosis ?", "Psoriasis.", "diagnosis", False))
    assert len(one.kept) == 1
    assert [verdict.reason for _, verdict in one.refused] == ["duplicate_question"]
    # A question that did not pass was not asked: it may be asked again, well.
    again = judge(QA("What is the diagnosis?", "Eczema.", "diagnosis", False), GOOD)
    assert [pair for pair, _ in again.kept] == [GOOD]


GOOD_PAIRS = [
    (QA("Are pustules visible?", "No, there are no pustules.", "morphology", True), 1.0),
    (QA("Is this a photomicrograph?", "No.", "modality", True), 1.0),
    (QA("Which elbow is affected?", "The left one.", "laterality", False), 1.0),
    (QA("Is the patient younger than 60 years?", "Yes.", "age", True), 1.0),
    (QA("What colour are the plaques?", "They are red.", "colour", False), 0.5),
    (QA("What is the sex of the patient?", "A man.", "sex", False), 0.5),
]


@pytest.mark.parametrize(("qa", "grounding"), GOOD_PAIRS, ids=[qa.question for qa, _ in GOOD_PAIRS])
def test_a_good_pair_leaves_with_its_grounding(qa: QA, grounding: float) -> None:
    one = judge(qa)
    assert [pair for pair, _ in one.kept] == [qa], one.refused
    assert one.kept[0][1].grounding == pytest.approx(grounding)


@pytest.mark.parametrize("caption", ["", "   ", "\n\t\u00a0"])
def test_an_empty_caption_is_not_asked_about(caption: str) -> None:
    empty = Asked("e", caption, "clinical")
    writer = Careless({"e": [GOOD]})
    (one,) = write_by(writer, [empty])
    assert (one.reason, one.kept, one.refused, writer.asked) == ("nothing_to_ask", (), (), [])
    (ruled,) = write_by_rules([(empty, 0)])
    assert ruled.reason == "nothing_to_ask"
    assert ruled.detail


@pytest.mark.parametrize(
    ("caption", "language"),
    [
        (
            "Scharf begrenzte Plaques mit silbriger Schuppung auf dem Ellenbogen und am Knie bei einer Patientin",
            "German",
        ),
        ("Plaques érythémateuses avec des squames sur le coude et dans le dos d'une femme", "French"),
        ("Placas eritematosas con escamas en el codo y en la espalda de una mujer", "Spanish"),
        ("Placche eritematose con squame sul gomito e della schiena di una donna", "Italian"),
        ("Scherp begrensde plaques met schilfers op de elleboog en het been van een vrouw", "Dutch"),
        ("肘部の境界明瞭な紅斑と銀白色の鱗屑", "another script"),
        ("Чётко отграниченные бляшки на локте", "another script"),
    ],
)
def test_a_caption_in_another_language_is_not_asked_about(caption: str, language: str) -> None:
    foreign = Asked("f", caption, "clinical")
    writer = Careless({"f": [GOOD]})
    for (one,) in (list(write_by(writer, [foreign])), list(write_by_rules([(foreign, 0)]))):
        assert one.reason == "other_language"
        assert language in one.detail
    assert writer.asked == []


@pytest.mark.parametrize(
    "caption",
    [
        "Morphea en coup de sabre on the forehead.",
        "Pityriasis rubra pilaris.",
        "Café au lait macules of the trunk in a boy with neurofibromatosis.",
        "Tinea pedis et manuum.",
        "Plaques of 3 µm² × β-catenin.",
    ],
)
def test_latin_and_french_names_do_not_make_a_caption_foreign(caption: str) -> None:
    (one,) = write_by_rules([(Asked("x", caption, "clinical"), 0)])
    assert one.reason == ""
    assert one.kept


def test_each_picture_gets_what_was_written_for_it_in_the_order_given() -> None:
    pictures = [PICTURE, Asked("empty", "", "clinical"), Asked("b", "Vitiligo on the hand.", "clinical"), *drawn(20)]
    vitiligo = QA("What is the diagnosis?", "Vitiligo.", "diagnosis", False)
    writer: Writer = Careless({PICTURE.id: [GOOD], "b": [vitiligo]}, {"b-p0003-f1": "writer_failed"})
    judged = list(write_by(writer, pictures))
    assert [one.asked for one in judged] == pictures
    assert [pair for pair, _ in judged[0].kept] == [GOOD]
    assert [pair for pair, _ in judged[2].kept] == [vitiligo]
    assert judged[1].reason == "nothing_to_ask"
    failed = next(one for one in judged if one.asked.id == "b-p0003-f1")
    assert (failed.reason, failed.detail) == ("writer_failed", "It would not.")
    assert {one.reason for one in judged} == {"", "nothing_to_ask", "writer_failed"}


@pytest.mark.parametrize("reason", ["writer_failed", "bad_answer", "nothing_to_ask"])
def test_a_writer_that_gave_up_says_so_and_nothing_is_kept(reason: str) -> None:
    (one,) = write_by(Careless({}, {PICTURE.id: reason}), [PICTURE])
    assert (one.reason, one.detail, one.kept, one.refused) == (reason, "It would not.", (), ())
    assert list(question_rows(one)) == []


def test_a_writer_without_a_pair_found_nothing_to_ask() -> None:
    one = judge()
    assert one.reason == "nothing_to_ask"
    assert one.detail


def test_every_pair_of_a_bad_writer_is_kept_or_refused() -> None:
    pairs = [qa for _, qa in BAD] + [qa for qa, _ in GOOD_PAIRS]
    one = judge(*pairs)
    assert len(one.kept) + len(one.refused) == len(pairs)
    assert {verdict.reason for _, verdict in one.refused} <= VQA_REASONS.keys() <= REJECT_REASONS.keys()
    assert sorted(map(str, [qa for qa, _ in (*one.kept, *one.refused)])) == sorted(map(str, pairs))


# The rows


def test_rows_have_the_columns_of_open_vqa() -> None:
    features = open_vqa_features()
    one = judge(*[qa for qa, _ in GOOD_PAIRS], *[qa for _, qa in BAD])
    rows = list(question_rows(one))
    assert len(rows) == len(one.kept)
    for number, (row, (qa, verdict)) in enumerate(zip(rows, one.kept, strict=True), 1):
        assert {*row, "image"} == {*features}
        assert row == {
            "id": f"{PICTURE.id}-q{number}",
            "question": qa.question,
            "answer": qa.answer,
            "question_type": qa.question_type,
            "closed": qa.closed,
            "modality": "clinical",
            "grounding": verdict.grounding,
            "writer": "careless/1",
            "caption_id": PICTURE.id,
        }
        encoded = features.encode_example({**row, "image": {"bytes": b"x", "path": "x.jpg"}})
        assert features["question_type"].int2str(encoded["question_type"]) == qa.question_type


def test_ids_are_unique_and_the_rules_sign_their_rows() -> None:
    rows = [row for one in write_by_rules((asked, 0) for asked in drawn(50)) for row in question_rows(one)]
    assert len({row["id"] for row in rows}) == len(rows) >= 125
    assert {row["writer"] for row in rows} == {VERSION}


def test_a_writer_is_told_words_and_facts_and_no_more() -> None:
    candidate = {
        "id": "i",
        "caption": "Psoriasis.",
        "modality": "clinical",
        "age_years": 3,
        "sex": "",
        "image": b"secret",
    }
    assert asked_of(candidate) == Asked("i", "Psoriasis.", "clinical", 3.0, None)
    assert asked_of({**candidate, "age_years": None, "sex": "female"}).sex == "female"
