"""One row of a dataset as the audit sees it, and the names by which it is known in other datasets.

A picture's name is its file's without folder, ending, case and ``_downsampled``. Names count within a *space*: all
datasets out of the ISIC archive (HAM10000, ISIC2019, BCN20000, HIBA, MSKCC) share one, any other has its own. Where
an id says more than which picture it is, that is used whether or not a column says it too: PAD-UFES-20 names patient
and lesion, PATCH16 the slide, Dermnet the series.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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

_SPACES = (
    (re.compile(r"ham|isic|bcn|hiba|msk"), "isic"),
    (re.compile(r"pad"), "pad_ufes_20"),
    (re.compile(r"fitz"), "fitzpatrick17k"),
    (re.compile(r"dermnet(?!nz)"), "dermnet"),
    (re.compile(r"patch"), "patch16"),
    (re.compile(r"ddi"), "ddi"),
    (re.compile(r"scin"), "scin"),
    (re.compile(r"mmskin"), "mm_skin"),
    (re.compile(r"derm1m"), "derm1m"),
)
_ENDING = re.compile(r"\.(?:jpe?g|png|bmp|gif|webp|tiff?)$")
_ISIC = re.compile(r"isic_\d{4,}")
_PAD = re.compile(r"(pat_\d+)_(\d+)_\d+")
_TILE = re.compile(r".+_ws_(\d+)_\d+")
_NUMBERED = re.compile(r"-\d+(?:-\d+)*$")
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


def space_of(name: str) -> str:
    """The space of the ids of a dataset called ``name``, however it is spelled."""
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    return next((space for pattern, space in _SPACES if pattern.match(plain)), plain)


def known(value: object) -> str:
    """``value`` as text; "" where a table says that there is none."""
    text = "" if value is None else str(value).strip()
    if re.fullmatch(r"\d+\.0", text):
        text = text[:-2]  # a whole number in a column with gaps
    return "" if text.casefold() in _NOTHING else text


def picture_key(space: str, image_id: str) -> tuple[str, str] | None:
    """Space and name of a picture, the same in every dataset that holds it; ``None`` without an id."""
    path = PurePosixPath(image_id.strip().replace("\\", "/").casefold())
    stem = _ENDING.sub("", path.name).removesuffix("_downsampled")
    if not stem:
        return None
    if _ISIC.fullmatch(stem):
        return "isic", stem
    if _PAD.fullmatch(stem):
        return "pad_ufes_20", stem
    if _TILE.fullmatch(stem):
        return "patch16", stem
    # Several folders of Dermnet hold files of the same name.
    return space, f"{path.parent.name}/{stem}" if space == "dermnet" and path.parent.name else stem


def keys_of(row: Row) -> list[Key]:
    """Every key of ``row`` that needs no picture."""
    name = picture_key(row.space, row.image_id)
    space, stem = name or (row.space, "")
    lesion, patient = row.lesion.casefold(), row.patient.casefold()
    found: list[Key] = [("same_id", *name)] if name else []
    found += [("same_bytes", "", digest) for digest in row.digests]
    if match := _PAD.fullmatch(stem):
        patient, lesion = match[1], match[2]
    if match := _TILE.fullmatch(stem):
        found.append(("same_slide", space, match[1]))
    elif space == "dermnet":
        found.append(("same_series", space, _NUMBERED.sub("", stem.rpartition("/")[2])))
    elif (group := row.group.casefold()) and group not in (lesion, patient, stem):
        found.append(("same_group", space, group))
    found += [("same_lesion", space, lesion)] * bool(lesion) + [("same_patient", space, patient)] * bool(patient)
    return found
