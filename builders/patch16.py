"""PATCH16: tiles of skin sections in 16 classes of tissue, tumour or not; not verified, and not to be passed on.

::

    mmskin build patch16 --raw ~/raw/patch16 --out data/patch16 --version 1.0.0

The label is tumour or not, as in the original scripts; ``label_text`` is the tissue. Tiles of one slide look alike: a
grouped split goes by slide, the number after ``_ws_``. The official sets are those of ``tiles-v2.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable

from mmskin_hub.engine.names import TILE
from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.spec import Record, Spec, Table, constant
from mmskin_hub.engine.public.table import Cells

TISSUES: dict[str, str] = {
    **dict.fromkeys(
        (
            "nontumor_skin_chondraltissue_chondraltissue",
            "nontumor_skin_dermis_dermis",
            "nontumor_skin_elastosis_elastosis",
            "nontumor_skin_epidermis_epidermis",
            "nontumor_skin_hairfollicle_hairfollicle",
            "nontumor_skin_muscle_skeletal",
            "nontumor_skin_necrosis_necrosis",
            "nontumor_skin_nerves_nerves",
            "nontumor_skin_sebaceousglands_sebaceousglands",
            "nontumor_skin_subcutis_subcutis",
            "nontumor_skin_sweatglands_sweatglands",
            "nontumor_skin_vessel_vessel",
        ),
        "nontumor",
    ),
    **dict.fromkeys(
        (
            "tumor_skin_epithelial_bcc",
            "tumor_skin_epithelial_sqcc",
            "tumor_skin_melanoma_melanoma",
            "tumor_skin_naevus_naevus",
        ),
        "tumor",
    ),
}
_MALIGNANT = ("epithelial_bcc", "epithelial_sqcc", "melanoma_melanoma")


def _side(cells: Cells) -> str | None:
    """A tumour is malignant or, as a naevus, benign; tissue without one is neither."""
    tissue = cells.get("class", "").casefold()
    if TISSUES.get(tissue) != "tumor":
        return None
    return "malignant" if tissue.endswith(_MALIGNANT) else "benign"


def _slide(record: Record) -> Iterable[str]:
    if match := TILE.fullmatch(record.image_id):
        yield f"ws_{int(match[1])}"


SPEC = Spec(
    name="patch16",
    fields={
        "image_id": lambda cells: values.image_id(cells["file"].replace("\\", "/").rpartition("/")[2]),
        "picture": "file",
        "label": "class",
        "label_text": "class",
        "binary": _side,
        "modality": constant("pathology"),
        "official": "set",
        "malignicy": "malignicy",
    },
    tables=(Table(names=("tiles-v2.csv", "tiles*.csv"), needs=("file", "class", "set")),),
    labels=TISSUES,
    group=_slide,
    extra={"malignicy": "string"},
)
