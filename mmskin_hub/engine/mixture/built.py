"""The rows of folders that mmskin built: MM-Skin's configs, and the public classification sets.

What a table is, its columns say: question and answer, a label, or a caption. A column that a dataset does not have is
taken as null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.mixture.conversations import classify, describe
from mmskin_hub.engine.mixture.items import IMAGE_TOKEN, Item, Place, refuse
from mmskin_hub.engine.mixture.llava import without_token
from mmskin_hub.engine.mixture.pictures import BATCH, Draft
from mmskin_hub.engine.mixture.sources import Part
from mmskin_hub.errors import WrongUse
from mmskin_hub.schema import MODALITIES, SPLITS

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_LIGHT = (
    "id", "image_id", "caption", "question", "answer", "question_type", "label", "label_text", "modality", "split",
    "patient_id", "lesion_id", "caption_id", "phash", "licence", "skin_tone",
)  # fmt: skip
_NOTHING = ("", "nan", "none", "null", "n/a", "unknown")


def read_built(part: Part) -> Iterator[Draft]:
    """The rows of one Parquet file in their order, a few pictures in memory at a time.

    Raises :class:`WrongUse` where the file holds nothing a conversation can be made of, or is no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Reading ahead would hold the whole file in memory.
        with pq.ParquetFile(part.file, pre_buffer=False) as file:
            yield from _rows(part, file)
    except (pa.ArrowException, OSError) as error:
        raise WrongUse(f"{part.file} cannot be read: {error}.", f"Build {part.source} again.") from error


def _rows(part: Part, file: pq.ParquetFile) -> Iterator[Draft]:
    schema = file.schema_arrow
    names = set(schema.names)
    make = _maker(part, names)
    classes = {name: _classes(schema, name) for name in ("label", "modality", "question_type")}
    columns = [*(name for name in _LIGHT if name in names), *(["image.bytes"] if "image" in names else [])]
    number = 0
    for batch in file.iter_batches(batch_size=BATCH, columns=columns):
        for row in batch.to_pylist():
            for name, spelling in classes.items():
                row[name] = _name(row.get(name), spelling)
            data = (row.get("image") or {}).get("bytes")
            item = _item(part, row, number)
            problem = make(item, row, classes["label"] or ())
            if data:
                item.place = Place(part.file, number)
            else:
                problem = "missing_picture", "The row holds no bytes of a picture."
            number += 1
            # A test row guards its picture and its ids, whatever else is wrong with it.
            yield refuse(item, *problem) if problem and item.split != "test" else (item, data)


def _classes(schema: Any, column: str) -> tuple[str, ...] | None:
    """The names of a ``ClassLabel`` column, ``None`` where it is anything else."""
    from datasets import ClassLabel, Features

    if column not in schema.names:
        return None
    feature = Features.from_arrow_schema(schema).get(column)
    return tuple(feature.names) if isinstance(feature, ClassLabel) else None


def _name(value: Any, names: Sequence[str] | None) -> str | None:
    if value is None or names is None:
        return str(value).strip() if isinstance(value, str) and value.strip() else None
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


def _text(value: Any) -> str:
    text = str(value).strip() if value is not None else ""
    return "" if text.casefold() in _NOTHING else text


def _item(part: Part, row: dict[str, Any], number: int) -> Item:
    name = _text(row.get("id")) or _text(row.get("image_id")) or f"row-{number + 1}"
    modality = row["modality"] if row["modality"] in MODALITIES else None
    own = _text(row.get("split")).casefold()
    return Item(
        source=part.source,
        config=part.config,
        split={"val": "validation"}.get(own, own) if own in (*SPLITS, "val") else part.split,
        id=f"{part.source}/{part.config}/{name}",
        task="",
        prompt=(),
        answer="",
        file=part.name,
        row=number + 1,
        stratum=row["question_type"] or row["label"] or modality or "",
        modality=modality,
        skin_tone=_text(row.get("skin_tone")),
        phash=_text(row.get("phash")),
        image_id=_text(row.get("image_id")) or _text(row.get("caption_id")) or name,
        patient=_text(row.get("patient_id")),
        lesion=_text(row.get("lesion_id")),
        licence=_text(row.get("licence")) or part.licence,
    )


Problem = tuple[str, str] | None
Maker = Callable[[Item, dict[str, Any], Sequence[str]], Problem]


def _maker(part: Part, names: set[str]) -> Maker:
    if {"question", "answer"} <= names:
        return _answered
    if names & {"label", "label_text"}:
        return _classified
    if "caption" in names:
        return _captioned
    raise WrongUse(
        f"{part.file} holds nothing to ask about: its columns are {', '.join(sorted(names))}.",
        "Needed are question and answer, a label, or a caption.",
    )


def _answered(item: Item, row: dict[str, Any], classes: Sequence[str]) -> Problem:
    item.task = "demographics" if item.config == "demographics" else "vqa"
    question = without_token(str(row["question"] or ""))
    item.prompt = (("user", question),)
    return ("empty_question", "") if not question else settle(item, row["answer"])


def _captioned(item: Item, row: dict[str, Any], classes: Sequence[str]) -> Problem:
    item.task = "caption"
    item.prompt = describe(item.id, item.modality)
    return settle(item, row["caption"])


def _classified(item: Item, row: dict[str, Any], classes: Sequence[str]) -> Problem:
    item.task = "classification"
    label = row["label"] or _text(row.get("label_text"))
    item.stratum = label
    item.prompt = classify(item.id, item.modality, classes)
    return settle(item, label) if label else ("no_label", "")


def settle(item: Item, answer: Any) -> Problem:
    """Give ``item`` its answer; what is wrong with it, or ``None``."""
    item.answer = str(answer or "").strip()
    if not item.answer:
        return "empty_answer", ""
    return ("image_token", f"The answer says {IMAGE_TOKEN}.") if IMAGE_TOKEN in item.answer else None
