"""The names by which a picture is known in other datasets than its own.

A picture's name is its file's without folder, ending, case and ``_downsampled``. Names count within a *space*: all
datasets out of the ISIC archive (HAM10000, ISIC2019, BCN20000, HIBA, MSKCC) share one, any other has its own.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

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
PAD = re.compile(r"(pat_\d+)_(\d+)_\d+")
TILE = re.compile(r".+_ws_(\d+)_\d+(?:\(\d+\))?", re.IGNORECASE)
"""Ids of PAD-UFES-20 (patient, lesion, picture) and of PATCH16 (slide, tile) say more than which picture it is."""
_NUMBERS = re.compile(r"(?:[-_ ]*\d+)+$")


def space_of(name: str) -> str:
    """The space of the ids of a dataset called ``name``, however it is spelled."""
    plain = re.sub(r"[^a-z0-9]", "", name.casefold())
    return next((space for pattern, space in _SPACES if pattern.match(plain)), plain)


def picture_key(space: str, image_id: str) -> tuple[str, str] | None:
    """Space and name of a picture, the same in every dataset that holds it; ``None`` without an id."""
    path = PurePosixPath(image_id.strip().replace("\\", "/").casefold())
    stem = _ENDING.sub("", path.name).removesuffix("_downsampled")
    if not stem:
        return None
    if _ISIC.fullmatch(stem):
        return "isic", stem
    if PAD.fullmatch(stem):
        return "pad_ufes_20", stem
    if TILE.fullmatch(stem):
        return "patch16", stem
    # Several folders of Dermnet hold files of the same name.
    return space, f"{path.parent.name}/{stem}" if space == "dermnet" and path.parent.name else stem


def series_of(stem: str) -> str:
    """The series of cases that a picture of Dermnet is of: its name without the numbers at the end."""
    name = stem.casefold()
    return _NUMBERS.sub("", name) or name
