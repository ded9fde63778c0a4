"""Dermnet: 19,559 clinical pictures in the folders of 23 groups of diseases; copyrighted, and not to be passed on.

::

    mmskin build dermnet --raw ~/raw/dermnet --out data/dermnet --version 1.0.0

There is no table: ``train/`` and ``test/`` hold a folder a class. Names carry case series ("cystic-acne-12.jpg"), which
the official folders divide; a grouped split keeps a series together, whichever folder its pictures are in.
"""

from __future__ import annotations

from collections.abc import Iterable

from mmskin_hub.engine.names import series_of
from mmskin_hub.engine.public.raw import Entry, stem_of
from mmskin_hub.engine.public.spec import Record, Spec, constant
from mmskin_hub.engine.public.table import Cells
from mmskin_hub.registry import PUBLIC

_FOLDERS = {
    "Acne and Rosacea Photos": "Acne and rosacea",
    "Atopic Dermatitis Photos": "Atopic dermatitis",
    "Bullous Disease Photos": "Bullous disease",
    "Cellulitis Impetigo and other Bacterial Infections": "Cellulitis Impetigo and other Bacterial Infections",
    "Eczema Photos": "Eczema",
    "Hair Loss Photos Alopecia and other Hair Diseases": "Hair loss  alopecia and other hair diseases",
    "Herpes HPV and other STDs Photos": "Herpes hpv and other stds",
    "Melanoma Skin Cancer Nevi and Moles": "Melanoma Skin Cancer Nevi and Moles",
    "Nail Fungus and other Nail Disease": "Nail Fungus and other Nail Disease",
    "Poison Ivy Photos and other Contact Dermatitis": "Poison ivy  and other contact dermatitis",
    "Vasculitis Photos": "Vasculitis",
}
"""The folders whose name is not that of the class, but for "Photos"."""


def _cells(entry: Entry) -> Cells | None:
    """A line from a file: <train or test>/<folder of a class>/<name>; other files are no part of it."""
    parts = entry.path.split("/")
    if len(parts) < 3 or parts[-3].casefold() not in ("train", "test"):
        return None
    return {
        "set": parts[-3],
        "folder": parts[-2],
        "name": f"{parts[-2]}/{stem_of(parts[-1])}",
        "file": "/".join(parts[-3:]),
    }


def _series(record: Record) -> Iterable[str]:
    yield series_of(record.image_id.rpartition("/")[2])


SPEC = Spec(
    name="dermnet",
    fields={
        "image_id": lambda cells: cells["name"],
        "picture": "file",
        "label": "folder",
        "modality": constant("clinical"),
        "official": "set",
    },
    listed=_cells,
    labels={**{name: name for name in PUBLIC["dermnet"].classes}, **_FOLDERS},
    id_of=lambda record: f"{record.official}/{record.image_id}",
    group=_series,
)
