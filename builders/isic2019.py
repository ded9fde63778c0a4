"""ISIC 2019: 25,331 dermoscopic pictures, gathered from HAM10000, BCN20000 and MSK.

::

    mmskin build isic2019 --raw ~/raw/isic2019 --out data/isic2019 --version 1.0.0

Ids that end in ``_downsampled`` are those of the archive without it, so that they meet their like in other datasets.
``UNK``, which no training picture is, is no class.
"""

from __future__ import annotations

from mmskin_hub.engine.public.spec import Join, Spec, Table, constant, one_hot

_CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC")

SPEC = Spec(
    name="isic2019",
    fields={
        "image_id": "image",
        "picture": lambda cells: (cells["image"], cells["image"].removesuffix("_downsampled")),
        "label": one_hot(*_CLASSES, "UNK"),
        "modality": constant("dermoscopic"),
        "lesion_id": "lesion_id",
        "age_years": "age_approx",
        "sex": "sex",
        "site": "anatom_site_general",
    },
    tables=(
        Table(
            names=("ISIC_2019_Training_GroundTruth.csv", "ISIC_2019_Training_GroundTruth*.csv"),
            needs=("image", *_CLASSES),
            joins=(
                Join(
                    ("ISIC_2019_Training_Metadata.csv", "ISIC_2019_Training_Metadata*.csv"),
                    on=("image", "image"),
                    needs=("lesion_id", "age_approx", "sex"),
                    required=True,
                ),
            ),
        ),
    ),
    labels={
        "AK": "Actinic Keratosis",
        "BCC": "Basal Cell Carcinoma",
        "BKL": "Benign Keratosis-like Lesions",
        "DF": "Dermatofibroma",
        "MEL": "Melanoma",
        "NV": "Nevus",
        "SCC": "Squamous Cell Carcinoma",
        "VASC": "Vascular Lesions",
    },
    binary={
        "Actinic Keratosis": "benign",
        "Basal Cell Carcinoma": "malignant",
        "Benign Keratosis-like Lesions": "benign",
        "Dermatofibroma": "benign",
        "Melanoma": "malignant",
        "Nevus": "benign",
        "Squamous Cell Carcinoma": "malignant",
        "Vascular Lesions": "benign",
    },
)
