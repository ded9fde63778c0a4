"""The questions of a finished work folder: who writes them, what leaves, what does not, and counts that balance.

They are written once everything that decides about pairs is decided, in the order in which pairs are published, so they
do not depend on how many workers read the books. ``finished/open_vqa.parquet`` holds the rows without their pictures;
the builder puts those beside them when it streams them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.derive.vqa import Judged, Writer, asked_of, question_rows, write_by, write_by_rules
from mmskin_hub.engine.counts import ImbalanceError
from mmskin_hub.engine.finish import read_places, reject_order, rejects_file
from mmskin_hub.engine.work import WorkFolder, read_rows, write_rows
from mmskin_hub.schema import QA, QUESTION_TYPES, Asked, Rejected, reject_schema

if TYPE_CHECKING:
    import pyarrow as pa

    from mmskin_hub.derive.vqa.checks import Verdict

STAGE = "vqa"
"""The ``stage`` of the reject rows of this step."""
_WORDS = ["book", "book_name", "page", "bbox", "figure", "panel", "caption", "modality", "age_years", "sex"]


@dataclass
class QuestionCounts:
    """What became of the pictures and of the questions written about them; ``check`` refuses counts that do not add up.

    pictures = asked + not asked;   written = published + rejected
    """

    pictures: int = 0
    asked: int = 0
    written: int = 0
    published: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    not_asked: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    closed: int = 0

    def add(self, judged: Judged) -> None:
        """Count one picture."""
        self.pictures += 1
        if judged.reason:
            self.not_asked[judged.reason] += 1
            return
        self.asked += 1
        self.written += len(judged.kept) + len(judged.refused)
        self.published += len(judged.kept)
        self.rejected.update(verdict.reason for _, verdict in judged.refused)
        for qa, _ in judged.kept:
            self.types[qa.question_type] += 1
            self.closed += qa.closed
            word = qa.answer[:3].lower().rstrip(",. ")
            if qa.closed and word in ("yes", "no"):
                self.answers[word] += 1

    def check(self, pictures: int) -> None:
        """Raise :class:`ImbalanceError` unless every one of ``pictures`` and every pair written is accounted for."""
        if self.pictures != pictures or self.pictures != self.asked + self.not_asked.total():
            raise ImbalanceError(f"Of {pictures} pictures {self.asked} were asked about and {self.not_asked} not.")
        if self.written != self.published + self.rejected.total():
            raise ImbalanceError(f"Of {self.written} questions {self.published} leave and {self.rejected} do not.")

    def record(self, writer: str) -> dict[str, Any]:
        """The counts as ``build.json`` holds them."""
        return {
            "writer": writer,
            "pictures": self.pictures,
            "asked": self.asked,
            "not_asked": dict(sorted(self.not_asked.items())),
            "written": self.written,
            "published": self.published,
            "rejected": dict(sorted(self.rejected.items())),
            "closed": self.closed,
            "yes": self.answers["yes"],
            "no": self.answers["no"],
            "types": {name: self.types[name] for name in QUESTION_TYPES if self.types[name]},
        }


def write_questions(folder: WorkFolder, writer: Writer | None = None) -> dict[str, Any]:
    """Write ``finished/open_vqa.parquet``, add this step's rejects to the others, and return the counts.

    ``writer`` is ``None`` for the rules. Raises what the writer raises; what it wrote until then it has kept.
    """
    pictures = list(_pictures(folder))
    by_id = {str(row["id"]): row for row in pictures}
    counts = QuestionCounts()
    rejects: list[dict[str, Any]] = []
    name = "rules"

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal name
        for judged in _judged(pictures, writer):
            name = judged.writer
            counts.add(judged)
            row = by_id[judged.asked.id]
            rejects.extend(rejected.row() for rejected in _rejected(row, judged))
            for question in question_rows(judged):
                yield {**question, "split": row["split"]}

    write_rows(questions_file(folder), list(rows()), _schema())
    counts.check(len(pictures))
    others = [row for row in read_rows(rejects_file(folder), batch=500) if row["stage"] != STAGE]
    write_rows(rejects_file(folder), sorted([*others, *rejects], key=reject_order), reject_schema())
    return counts.record(name)


def _pictures(folder: WorkFolder) -> Iterator[dict[str, Any]]:
    """The published pairs without their pictures, in the order in which they are published."""
    places: dict[str, dict[int, Any]] = {}
    for place in read_places(folder):
        places.setdefault(place.unit, {})[place.row] = place
    for unit, rows in places.items():
        for number, row in enumerate(read_rows(folder.candidates(unit), _WORDS, batch=500)):
            if number in rows:
                yield {**row, "id": rows[number].id, "split": rows[number].split}


def _judged(pictures: list[dict[str, Any]], writer: Writer | None) -> Iterable[Judged]:
    if writer is None:
        return write_by_rules((asked_of(row), (row["book"], row["split"])) for row in pictures)
    return write_by(writer, [asked_of(row) for row in pictures])


def _rejected(row: dict[str, Any], judged: Judged) -> Iterator[Rejected]:
    if judged.reason:
        yield _reject(row, judged.asked, judged.reason, judged.detail)
    for qa, verdict in judged.refused:
        yield _reject(row, judged.asked, verdict.reason, verdict.detail, qa, verdict)


def _reject(
    row: dict[str, Any], asked: Asked, reason: str, detail: str, qa: QA | None = None, verdict: Verdict | None = None
) -> Rejected:
    return Rejected(
        book=row["book"],
        book_name=row["book_name"],
        stage=STAGE,
        reason=reason,
        page=row["page"],
        bbox=tuple(row["bbox"]),
        score=verdict.grounding if verdict else 0.0,
        detail=detail,
        figure=row["figure"],
        panel=row["panel"],
        caption=asked.caption,
        question=qa.question if qa else "",
        answer=qa.answer if qa else "",
    )


def _schema() -> pa.Schema:
    import pyarrow as pa

    strings = ("id", "question", "answer", "question_type", "modality", "writer", "caption_id", "split")
    fields = [(name, pa.string()) for name in strings]
    return pa.schema([*fields, ("closed", pa.bool_()), ("grounding", pa.float32())])


def questions_file(folder: WorkFolder) -> Path:
    """The rows of ``open_vqa`` without their pictures."""
    return folder.finished / "open_vqa.parquet"


def questions_of(folder: WorkFolder, split: str) -> dict[str, list[dict[str, Any]]]:
    """The questions of one split by the id of their caption, in the order in which they were written."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in read_rows(questions_file(folder), batch=500):
        if row.pop("split") == split:
            found.setdefault(row["caption_id"], []).append(row)
    return found
