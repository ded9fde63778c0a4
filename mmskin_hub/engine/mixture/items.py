"""The rows on their way into a mixture, without their pictures, and the tables that come out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.schema import MODALITIES

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

IMAGE_TOKEN = "<image>"
"""Where LLaVA's files say that the picture stands. TRL puts it there itself, and refuses the literal word."""

Message = tuple[str, str]
"""A role ("system", "user", "assistant") and what it says."""

REASONS: dict[str, str] = {
    "missing_picture": "The picture a row names is not in its folder, or the row holds no bytes of one.",
    "outside_folder": "The picture a row names lies outside its folder.",
    "unreadable_picture": "The picture could not be decoded.",
    "several_pictures": "The row has more than one picture.",
    "no_conversation": "The row holds no conversation.",
    "roles_out_of_order": "The turns are not those of one who asks and one who answers, in turn.",
    "empty_question": "Nothing is asked.",
    "empty_answer": "Nothing is answered.",
    "image_token": "The word <image> stands where no picture can: in an answer, twice, or without a picture.",
    "no_label": "The row has no class.",
    "bad_row": "The row could not be read.",
    "leak_same_picture": "The same picture, byte for byte, is in a test split.",
    "leak_same_image_id": "The picture with this id is in a test split.",
    "leak_near_duplicate": "Nearly the same picture, by its perceptual hash, is in a test split.",
    "leak_same_lesion": "A picture of the same lesion is in a test split.",
    "leak_same_patient": "A picture of the same patient is in a test split.",
}
"""Why a row may not enter a mixture, with one sentence for a person; ``leak_*`` in the order they are tried."""

LEAKS = tuple(reason for reason in REASONS if reason.startswith("leak_"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a picture lie: in ``row`` (0-based) of a Parquet file, or, with row -1, ``file`` is it."""

    file: Path
    row: int = -1


@dataclass(slots=True)
class Item:
    """One row: what is said before the answer, the answer, and all that is known of the picture but its pixels.

    ``sha`` (64 hex digits) and ``phash`` (64 hex digits) name the picture and are "" without one; ``image_id``,
    ``patient`` and ``lesion`` are the ids of the source, "" where it gives none; ``stratum`` is what a cap keeps in
    proportion; ``skin_tone`` is that of the source, only counted; ``file`` and ``row`` (1-based) say where the row was
    read.
    """

    source: str
    config: str
    split: str
    id: str
    task: str
    prompt: tuple[Message, ...]
    answer: str
    file: str
    row: int
    place: Place | None = None
    stratum: str = ""
    modality: str | None = None
    skin_tone: str = ""
    sha: str = ""
    phash: str = ""
    image_id: str = ""
    patient: str = ""
    lesion: str = ""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """One row of ``rejects.parquet``: which row of which file, why, and for a leak the test row that it repeats."""

    source: str
    config: str
    split: str
    id: str
    file: str
    row: int
    reason: str
    detail: str = ""
    test_set: str = ""
    test_id: str = ""


def refuse(item: Item, reason: str, detail: str = "", test_set: str = "", test_id: str = "") -> Refused:
    """The reject row of ``item``; ``reason`` is one of :data:`REASONS`."""
    place = (item.source, item.config, item.split, item.id, item.file, item.row)
    return Refused(*place, reason, detail, test_set, test_id)


def rejects_table(rows: Iterable[Refused]) -> pa.Table:
    """``rejects.parquet`` as a table, in an order the rows alone decide."""
    import pyarrow as pa

    kinds = {name: pa.int64() if name == "row" else pa.string() for name in Refused.__dataclass_fields__}
    ordered = sorted(rows, key=lambda r: (r.source, r.config, r.split, r.file, r.row, r.id, r.reason))
    table = [{name: _writable(value) for name, value in asdict(row).items()} for row in ordered]
    return pa.Table.from_pylist(table, schema=pa.schema(list(kinds.items())))


def _writable(value: Any) -> Any:
    # Half a character ("\ud800" in JSON) can stand in a Python string, but nowhere else.
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def mixture_features() -> Features:
    """The columns of a mixture: TRL's conversational prompt and completion with images, and where a row comes from.

    ``prompt`` is every message before the answer, ``completion`` the answer alone, so that the loss falls on the
    answer only; ``images`` holds one picture, or none. ``id`` is "<source>/<config>/<id there>"; ``task`` is
    "caption", "vqa", "demographics", "classification" or "conversation"; ``weight`` the sampling weight of the row,
    1 on average. ``image_sha256``, ``phash``, ``patient_id`` and ``lesion_id`` let anyone check for leaks again; they
    are null where the source says nothing.
    """
    from datasets import ClassLabel, Features, Image, List, Value

    message = {"role": Value("string"), "content": Value("string")}
    words = ("image_id", "patient_id", "lesion_id", "image_sha256", "phash", "licence")
    return Features(
        {
            "id": Value("string"),
            "images": List(Image()),
            "prompt": List(message),
            "completion": List(message),
            "source": Value("string"),
            "config": Value("string"),
            "task": Value("string"),
            "weight": Value("float32"),
            "modality": ClassLabel(names=list(MODALITIES)),
            **{name: Value("string") for name in words},
        }
    )


def row_of(item: Item, weight: float, images: list[dict[str, Any]]) -> dict[str, Any]:
    """``item`` as a row of :func:`mixture_features`."""
    return {
        "id": item.id,
        "images": images,
        "prompt": [{"role": role, "content": content} for role, content in item.prompt],
        "completion": [{"role": "assistant", "content": item.answer}],
        "source": item.source,
        "config": item.config,
        "task": item.task,
        "weight": weight,
        "modality": item.modality,
        "image_id": item.image_id or None,
        "patient_id": item.patient or None,
        "lesion_id": item.lesion or None,
        "image_sha256": item.sha or None,
        "phash": item.phash or None,
        "licence": item.licence or None,
    }
