"""MM-Skin-O: published pairs become questions and answers that their pictures can answer.

::

    caption, modality, age, sex ──facts──▶ RulesWriter, or an endpoint ──checks──▶ rows of open_vqa, or reject rows

:mod:`~mmskin_hub.derive.vqa.facts`      what the caption states, denies and leaves open, by the terms of the vocabulary
:mod:`~mmskin_hub.derive.vqa.questions`  the rules: wordings filled with facts
:mod:`~mmskin_hub.derive.vqa.endpoint`   a language model behind an OpenAI-compatible API
:mod:`~mmskin_hub.derive.vqa.checks`     what every pair must pass, whoever wrote it

Nobody who writes sees the picture: an answer says what the caption says, and a question is kept only where the picture
could answer it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mmskin_hub.derive.vqa.checks import Checker, Verdict
from mmskin_hub.derive.vqa.facts import Facts, read_facts
from mmskin_hub.derive.vqa.language import other_language
from mmskin_hub.derive.vqa.questions import RulesWriter
from mmskin_hub.schema import QA, Asked, Row, Written


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one picture: the pairs that leave, those that do not, or why there are none.

    ``reason`` and ``detail`` are set where nothing could be written (:data:`mmskin_hub.schema.VQA_REASONS`).
    """

    asked: Asked
    writer: str
    kept: tuple[tuple[QA, Verdict], ...] = ()
    refused: tuple[tuple[QA, Verdict], ...] = ()
    reason: str = ""
    detail: str = ""


class Writer(Protocol):
    """Somebody who writes questions for many pictures at once, in their order."""

    name: str

    def write_all(self, asked: Sequence[Asked]) -> list[Written]:
        """One :class:`Written` for each of ``asked``, in the same order."""
        ...


def asked_of(candidate: Row) -> Asked:
    """What a writer is told of a published pair; ``candidate`` as the builder streams it, with ``id``."""
    years = candidate["age_years"]
    return Asked(
        id=str(candidate["id"]),
        caption=str(candidate["caption"]),
        modality=str(candidate["modality"]),
        age_years=None if years is None else float(years),
        sex=candidate["sex"] or None,
    )


def write_by_rules(pictures: Iterable[tuple[Asked, object]]) -> Iterator[Judged]:
    """Questions by the rules, a picture at a time.

    ``pictures`` gives each with the group (a book and a split) within which types, wordings, yes and no are evened out.
    """
    writer = RulesWriter()
    for asked, group in pictures:
        facts = read_facts(asked)
        why = _unaskable(facts)
        if why:
            yield Judged(asked, writer.name, reason=why[0], detail=why[1])
        else:
            yield _checked(facts, Written(asked.id, writer.write(facts, group), writer.name))


def write_by(writer: Writer, pictures: Sequence[Asked]) -> Iterator[Judged]:
    """Questions by another ``writer``; it is asked only about captions that can be asked about."""
    facts = [read_facts(asked) for asked in pictures]
    refused = {one.asked.id: why for one in facts if (why := _unaskable(one))}
    written = {one.id: one for one in writer.write_all([one for one in pictures if one.id not in refused])}
    for one in facts:
        if one.asked.id in refused:
            reason, detail = refused[one.asked.id]
            yield Judged(one.asked, writer.name, reason=reason, detail=detail)
        else:
            yield _checked(one, written[one.asked.id])


_NO_PHOTOGRAPH = re.compile(
    r"\b(?:schematic|schema|diagram|drawing|illustration|algorithm|flow ?chart|radiograph|x-ray|CT scan|"
    r"computed tomography|MRI|magnetic resonance|ultrasonogra\w+|ultrasound|life cycle|vector|graph|pedigree)\b",
    re.IGNORECASE,
)
"""What a caption says of pictures that show no skin, and no section of it."""


def _unaskable(facts: Facts) -> tuple[str, str] | None:
    if not facts.text:
        return "nothing_to_ask", "The caption is empty."
    other = _NO_PHOTOGRAPH.search(facts.caption)
    if other:
        return "nothing_to_ask", f"The caption is about a picture that shows no skin ({other[0].lower()})."
    language = other_language(facts)
    if language:
        return "other_language", f"The caption looks like {language}; questions are written from English captions only."
    return None


def _checked(facts: Facts, written: Written) -> Judged:
    if written.reason:
        return Judged(facts.asked, written.writer, reason=written.reason, detail=written.detail)
    checker = Checker(facts)
    judged = [(qa, checker.check(qa)) for qa in written.pairs]
    kept = tuple(pair for pair in judged if not pair[1].reason)
    refused = tuple(pair for pair in judged if pair[1].reason)
    if judged:
        return Judged(facts.asked, written.writer, kept, refused)
    return Judged(facts.asked, written.writer, reason="nothing_to_ask", detail="The writer found nothing to ask about.")


def question_rows(judged: Judged) -> Iterator[dict[str, Any]]:
    """The columns of :func:`mmskin_hub.schema.open_vqa_features`, the image excepted, for the pairs that leave."""
    for number, (qa, verdict) in enumerate(judged.kept, 1):
        yield {
            "id": f"{judged.asked.id}-q{number}",
            "question": qa.question,
            "answer": qa.answer,
            "question_type": qa.question_type,
            "closed": qa.closed,
            "modality": judged.asked.modality,
            "grounding": verdict.grounding,
            "writer": judged.writer,
            "caption_id": judged.asked.id,
        }
