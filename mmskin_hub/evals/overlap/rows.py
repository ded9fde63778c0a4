"""One row of a dataset as the audit sees it, and the keys by which it meets the rows of other datasets.

Where an id says more than which picture it is (:mod:`mmskin_hub.engine.names`), that is used whether or not a column
says it too: PAD-UFES-20 names patient and lesion, PATCH16 the slide, Dermnet the series.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mmskin_hub.engine.names import PAD, TILE, picture_key, series_of

KINDS: dict[str, str] = {
    "same_id": "The picture has the same id.",
    "same_bytes": "The files of the pictures are the same, byte for byte.",
    "same_pixels": "The pictures are the same, pixel for pixel.",
    "near_duplicate": "The pictures are nearly the same: resized, recompressed, mirrored or cropped.",
    "embedding": "An image encoder sees hardly any difference.",
    "same_lesion": "Pictures of the same lesion.",
    "same_patient": "Pictures of the same patient.",
    "same_slide": "Tiles of the same slide.",
    "same_series": "Pictures of the same series of cases.",
    "same_group": "Rows the dataset itself keeps together.",
}
"""The ways in which a row of a training set can repeat a test row, the surest first."""

Key = tuple[str, str, str]
"""A kind, a space and a value: rows with equal keys overlap in that kind."""

_NOTHING = frozenset(("", "nan", "none", "null", "n/a", "na", "unknown"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a picture lie: in ``row`` (0-based) of a Parquet file, or, with row -1, ``file`` is it."""

    file: Path
    row: int = -1


@dataclass(slots=True)
class Row:
    """One row of a dataset. ``number`` is its place (0-based) among those of its dataset.

    ``id`` is what the dataset calls the row; ``image_id`` the picture, as the source has it; ``digests`` are SHA-256
    (hex) of its bytes, here and at the source; ``phash`` is the hash stored with it; ``data`` its bytes, where they
    were read. Empty is what is not known.
    """

    number: int
    id: str
    image_id: str
    split: str
    space: str
    lesion: str = ""
    patient: str = ""
    group: str = ""
    digests: tuple[str, ...] = ()
    phash: str = ""
    place: Place | None = None
    data: bytes | None = None


def known(value: object) -> str:
    """``value`` as text; "" where a table says that there is none."""
    text = "" if value is None else str(value).strip()
    if re.fullmatch(r"\d+\.0", text):
        text = text[:-2]  # a whole number in a column with gaps
    return "" if text.casefold() in _NOTHING else text


def keys_of(row: Row) -> list[Key]:
    """Every key of ``row`` that needs no picture."""
    name = picture_key(row.space, row.image_id)
    space, stem = name or (row.space, "")
    lesion, patient = row.lesion.casefold(), row.patient.casefold()
    found: list[Key] = [("same_id", *name)] if name else []
    found += [("same_bytes", "", digest) for digest in row.digests]
    if match := PAD.fullmatch(stem):
        patient, lesion = match[1], match[2]
    if match := TILE.fullmatch(stem):
        found.append(("same_slide", space, match[1]))
    elif space == "dermnet":
        found.append(("same_series", space, series_of(stem.rpartition("/")[2])))
    elif (group := row.group.casefold()) and group not in (lesion, patient, stem):
        found.append(("same_group", space, group))
    found += [("same_lesion", space, lesion)] * bool(lesion) + [("same_patient", space, patient)] * bool(patient)
    return found
