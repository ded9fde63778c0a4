"""HAM10000: 10,015 dermoscopic pictures of 7,470 lesions, and the official test set of ISIC 2018 task 3.

::

    mmskin build ham10000 --raw ~/raw/ham10000 --out data/ham10000 --version 1.0.0

The table is ``HAM10000_metadata`` (commas or tabs; ``.csv`` in some copies). The test set comes beside it: its ground
truth has the same columns, or one column a class. Its rows are test in every split, and never trained on.
"""

from __future__ import annotations

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.spec import Spec, Table, constant, one_hot
from mmskin_hub.engine.public.table import Cells

_ONE_HOT = one_hot("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")


def _label(cells: Cells) -> str | None:
    return values.text(cells["dx"]) if "dx" in cells else _ONE_HOT(cells)


SPEC = Spec(
    name="ham10000",
    fields={
        "image_id": "image_id",
        "picture": "image_id",
        "label": _label,
        "modality": constant("dermoscopic"),
        "lesion_id": "lesion_id",
        "age_years": "age",
        "sex": "sex",
        "site": "localization",
        "confirmed_by": "dx_type",
    },
    tables=(
        Table(
            names=("HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata.t*"),
            needs=("image_id", "lesion_id", "dx"),
            official="train",
        ),
        Table(
            names=("ISIC2018_Task3_Test_GroundTruth.csv", "ISIC2018_Task3_Test_GroundTruth*"),
            needs=("image_id|image", "dx|mel"),
            fields={
                "image_id": lambda cells: cells.get("image_id") or cells.get("image"),
                "picture": lambda cells: cells.get("image_id") or cells.get("image"),
            },
            official="test",
            pinned=True,
            required=False,
        ),
    ),
    labels={
        "akiec": "Actinic Keratoses",
        "bcc": "Basal Cell Carcinoma",
        "bkl": "Benign Keratosis",
        "df": "Dermatofibroma",
        "mel": "Melanoma",
        "nv": "Nevus",
        "vasc": "Vascular lesions",
    },
    # "akiec" is actinic keratosis and intraepithelial carcinoma in one: neither side.
    binary={
        "Basal Cell Carcinoma": "malignant",
        "Melanoma": "malignant",
        "Benign Keratosis": "benign",
        "Dermatofibroma": "benign",
        "Nevus": "benign",
        "Vascular lesions": "benign",
    },
    extra={"confirmed_by": "string"},
)
