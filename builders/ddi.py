"""DDI: 656 photographs of biopsied lesions in light, middle and dark skin; gated, and not to be passed on.

::

    mmskin build ddi --raw ~/raw/ddi --out data/ddi --version 1.0.0

``skin_tone`` is a range of Fitzpatrick types, "I-II", "III-IV" or "V-VI", as the source's 12, 34 and 56 are.
"""

from __future__ import annotations

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.spec import Refuse, Spec, Table, constant
from mmskin_hub.engine.public.table import Cells


def _label(cells: Cells) -> str | None:
    try:
        malignant = values.truth(cells.get("malignant"))
    except values.NotUnderstood as error:
        raise Refuse("unknown_label", f"malignant is {str(error)!r}.") from None
    return None if malignant is None else ("Malignant" if malignant else "Non-Malignant")


SPEC = Spec(
    name="ddi",
    fields={
        "image_id": "ddi_file",
        "picture": "ddi_file",
        "label": _label,
        "label_text": "disease",
        "modality": constant("clinical"),
        "skin_tone": "skin_tone",
    },
    tables=(Table(names=("ddi_metadata.csv",), needs=("ddi_file", "skin_tone", "malignant", "disease")),),
    labels={"Non-Malignant": "Non-Malignant", "Malignant": "Malignant"},
    binary={"Non-Malignant": "benign", "Malignant": "malignant"},
)
