"""The questions of a work folder: whoever writes them, what is asked, kept and refused adds up and has its row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.derive.vqa import Judged
from mmskin_hub.derive.vqa.checks import Verdict
from mmskin_hub.engine.counts import ImbalanceError
from mmskin_hub.engine.finish import reject_order, rejects_file
from mmskin_hub.engine.questions import STAGE, QuestionCounts, questions_file, questions_of, write_questions
from mmskin_hub.engine.work import WorkFolder, read_rows, write_json, write_rows
from mmskin_hub.schema import (
    QA,
    REJECT_REASONS,
    SPLITS,
    Asked,
    Candidate,
    Rejected,
    Written,
    candidate_schema,
    reject_schema,
)
from tests.derive.vqa.drawn_captions import drawn

BOOKS = ("aa" * 32, "bb" * 32)
PAGES = 20
FOREIGN = "Scharf begrenzte Plaques mit Schuppung auf dem Ellenbogen und am Knie bei einer Patientin"


def candidate(book: str, page: int, asked: Asked) -> Candidate:
    return Candidate(
        book=book,
        book_name=f"{book[:2]}.pdf",
        page=page,
        figure=f"p{page}-f1",
        panel="",
        bbox=(10.0, 20.0, 110.0, 120.0),
        image=b"picture",
        image_format="jpeg",
        width=100,
        height=100,
        raw_caption=f"Fig. {page} {asked.caption}",
        head="",
        panel_text="",
        caption=asked.caption,
        figure_label=f"Fig. {page}",
        pair_score=0.9,
        modality=asked.modality,
        modality_score=0.9,
        age_years=asked.age_years,
        sex=asked.sex,
        phash="0" * 64,
        digest="0" * 64,
    )


def name_of(book: str, page: int) -> str:
    return f"{book[:12]}-p{page:04d}-f1"


def split_of(page: int) -> str:
    return SPLITS[1] if page == 9 else SPLITS[2] if page == 10 else SPLITS[0]


@pytest.fixture
def folder(tmp_path: Path) -> WorkFolder:
    """Two books of two units each, as ``finish`` leaves them: page 5 is a duplicate, 7 empty, 8 in another language."""
    work = WorkFolder(str(tmp_path / "key"))
    work.create()
    work.finished.mkdir()
    index: list[list[Any]] = []
    refused: list[Rejected] = []
    for book in BOOKS:
        captions = drawn(PAGES, book[:2])
        captions[6] = replace(captions[6], caption=" ")
        captions[7] = replace(captions[7], caption=FOREIGN)
        for first in (1, 11):
            unit = f"{book[:16]}-{first:05d}"
            pages = range(first, first + 10)
            rows = [candidate(book, page, captions[page - 1]).row() for page in pages]
            write_rows(work.candidates(unit), rows, candidate_schema())
            index += [[unit, page - first, split_of(page), name_of(book, page)] for page in pages if page != 5]
        refused.append(Rejected(book, f"{book[:2]}.pdf", "duplicates", "duplicate", page=5))
    write_json(work.finished / "index.json", index)
    write_rows(rejects_file(work), [row.row() for row in refused], reject_schema())
    return work


class Half:
    """Writes one good pair and one about treatment, and gives up on page 2 of each book."""

    name = "half/1"

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.before = before
        self.asked: list[Asked] = []

    def write_all(self, asked: Sequence[Asked]) -> list[Written]:
        self.asked += asked
        self.before()
        return [self._one(one) for one in asked]

    def _one(self, one: Asked) -> Written:
        if one.id.endswith("p0002-f1"):
            return Written(one.id, (), self.name, "writer_failed", "No answer within 5 s.")
        disease = one.caption.partition(".")[0].partition(" on ")[0]
        good = QA("What is the diagnosis?", f"{disease}.", "diagnosis", False)
        no = QA("Is it a boy?", "Yes.", "sex", True)
        return Written(one.id, (QA("What is the treatment?", "None.", "other", False), good, no), self.name)


def rejects_of(folder: WorkFolder) -> list[dict[str, Any]]:
    return list(read_rows(rejects_file(folder)))


def test_the_rules_ask_about_every_picture_that_can_be_asked_about(folder: WorkFolder) -> None:
    record = write_questions(folder)
    rows = list(read_rows(questions_file(folder)))
    assert record["pictures"] == 2 * (PAGES - 1)
    assert record["not_asked"] == {"nothing_to_ask": 2, "other_language": 2}
    assert record["asked"] + 4 == record["pictures"]
    assert record["written"] == record["published"] == len(rows) >= 2.5 * record["asked"]
    assert record["rejected"] == {}
    assert record["writer"] == "rules-1"
    assert {row["writer"] for row in rows} == {"rules-1"}
    assert record["types"] == Counter(row["question_type"] for row in rows)
    assert record["closed"] == sum(row["closed"] for row in rows)
    words = Counter(row["answer"].split()[0].strip(".,") for row in rows if row["closed"])
    assert (record["yes"], record["no"]) == (words["Yes"], words["No"])
    assert record["yes"] + record["no"] > 0


def test_rows_come_in_the_order_of_the_pictures_with_their_split(folder: WorkFolder) -> None:
    write_questions(folder)
    rows = list(read_rows(questions_file(folder)))
    order = list(dict.fromkeys(row["caption_id"] for row in rows))
    asked = [page for page in range(1, PAGES + 1) if page not in (5, 7, 8)]
    assert order == [name_of(book, page) for book in BOOKS for page in asked]
    assert all(row["split"] == split_of(int(row["caption_id"][14:18])) for row in rows)
    # Neighbours: the questions of one picture stand side by side, numbered from 1.
    places = [row["id"] for row in rows]
    assert places == [f"{name}-q{n}" for name in order for n in range(1, sum(name in place for place in places) + 1)]
    for split in SPLITS:
        found = questions_of(folder, split)
        assert [row for group in found.values() for row in group] == [
            {key: value for key, value in row.items() if key != "split"} for row in rows if row["split"] == split
        ]
        assert all(row["caption_id"] == name for name, group in found.items() for row in group)


def test_two_runs_give_the_same_bytes(folder: WorkFolder) -> None:
    write_questions(folder)
    once = questions_file(folder).read_bytes()
    write_questions(folder)
    assert questions_file(folder).read_bytes() == once


def test_another_writer_is_asked_in_order_and_its_failures_are_rows(folder: WorkFolder) -> None:
    before = rejects_of(folder)
    writer = Half()
    record = write_questions(folder, writer)
    assert [one.id for one in writer.asked] == [
        name_of(book, page) for book in BOOKS for page in range(1, PAGES + 1) if page not in (5, 7, 8)
    ]
    assert record["writer"] == "half/1"
    assert record["not_asked"] == {"nothing_to_ask": 2, "other_language": 2, "writer_failed": 2}
    assert record["written"] == 3 * record["asked"] == record["published"] + sum(record["rejected"].values())
    assert record["rejected"]["not_answerable"] == record["asked"]
    assert record["published"] >= record["asked"]
    rows = rejects_of(folder)
    mine = [row for row in rows if row["stage"] == STAGE]
    assert [row for row in rows if row["stage"] != STAGE] == before
    assert Counter(row["reason"] for row in mine) == Counter(record["rejected"]) + Counter(record["not_asked"])
    assert {row["reason"] for row in mine} <= REJECT_REASONS.keys()


def test_reject_rows_say_where_and_what_and_stand_in_order(folder: WorkFolder) -> None:
    write_questions(folder, Half())
    rows = rejects_of(folder)
    assert rows == sorted(rows, key=reject_order)
    refused = next(row for row in rows if row["reason"] == "not_answerable" and row["page"] == 3)
    assert (refused["question"], refused["answer"]) == ("What is the treatment?", "None.")
    assert refused["detail"]
    assert refused["book"] in BOOKS
    assert (refused["book_name"], refused["figure"]) == (f"{refused['book'][:2]}.pdf", "p3-f1")
    assert refused["bbox"] == [10, 20, 110, 120]
    assert refused["caption"] == drawn(PAGES, refused["book"][:2])[2].caption
    failed = next(row for row in rows if row["reason"] == "writer_failed")
    assert (failed["page"], failed["question"], failed["detail"]) == (2, "", "No answer within 5 s.")
    foreign = next(row for row in rows if row["reason"] == "other_language")
    assert (foreign["page"], foreign["caption"]) == (8, FOREIGN)


def test_a_writer_that_fails_leaves_the_folder_as_it_was(folder: WorkFolder) -> None:
    before = rejects_file(folder).read_bytes()

    def fail() -> None:
        raise RuntimeError("the endpoint is gone")

    with pytest.raises(RuntimeError, match="endpoint is gone"):
        write_questions(folder, Half(fail))
    assert rejects_file(folder).read_bytes() == before
    assert not questions_file(folder).exists()
    write_questions(folder, Half())
    assert questions_file(folder).exists()


# The counts


def judged(kept: int = 0, refused: int = 0, reason: str = "", answer: str = "Yes.") -> Judged:
    qa = QA("Is it red?", answer, "colour", True)
    return Judged(
        Asked("i", "c", "clinical"),
        "w",
        ((qa, Verdict("", "", 1.0)),) * kept,
        ((qa, Verdict("ungrounded", "d.", 0.0)),) * refused,
        reason,
    )


def test_counts_add_up() -> None:
    counts = QuestionCounts()
    for one in (judged(2, 1), judged(1), judged(0, 2), judged(reason="writer_failed"), judged(1, answer="No, blue.")):
        counts.add(one)
    counts.check(5)
    record = counts.record("w")
    assert (record["pictures"], record["asked"], record["not_asked"]) == (5, 4, {"writer_failed": 1})
    assert (record["written"], record["published"], record["rejected"]) == (7, 4, {"ungrounded": 3})
    assert (record["closed"], record["yes"], record["no"], record["types"]) == (4, 3, 1, {"colour": 4})


@pytest.mark.parametrize(
    "change",
    [
        {"pictures": 4},
        {"asked": 2},
        {"written": 5},
        {"published": 1},
        {"rejected": Counter()},
        {"not_asked": Counter()},
    ],
)
def test_counts_that_do_not_add_up_are_refused(change: dict[str, Any]) -> None:
    counts = QuestionCounts()
    for one in (judged(2, 1), judged(0, 1), judged(1, 1), judged(reason="other_language"), judged(reason="bad_answer")):
        counts.add(one)
    counts.check(5)
    with pytest.raises(ImbalanceError):
        counts.check(6)
    with pytest.raises(ImbalanceError):
        replace(counts, **change).check(5)


def test_only_yes_and_no_are_counted_as_such() -> None:
    counts = QuestionCounts()
    for answer in ("Yes.", "yes, it is", "No", "No.", "Nodular.", "Not seen.", "Nose.", "The left one.", "None."):
        counts.add(judged(1, answer=answer))
    assert (counts.answers["yes"], counts.answers["no"]) == (2, 2)


def test_a_picture_that_vanishes_is_noticed(folder: WorkFolder) -> None:
    class Forgetful(Half):
        def write_all(self, asked: Sequence[Asked]) -> list[Written]:
            return super().write_all(asked)[1:]

    with pytest.raises((ImbalanceError, KeyError)):
        write_questions(folder, Forgetful())
