"""PAD-UFES-20: 2,298 photographs by smartphone of the lesions of 1,373 patients, most with skin type and biopsy.

::

    mmskin build pad_ufes_20 --raw ~/raw/pad --out data/pad_ufes_20 --version 1.0.0

The release has no split, and the paper's lists have none of it: a split is ours. Numbers of lesions return with other
patients; as nobody can say whether these are mistakes, such patients stay in one split.
"""

from __future__ import annotations

from mmskin_hub.engine.public.spec import Spec, Table, constant, verbatim

SPEC = Spec(
    name="pad_ufes_20",
    fields={
        # With its ending, as the table has it.
        "image_id": verbatim("img_id"),
        "picture": "img_id",
        "label": "diagnostic",
        "modality": constant("clinical"),
        "patient_id": "patient_id",
        "lesion_id": "lesion_id",
        "age_years": "age",
        "sex": "gender",
        "skin_tone": "fitspatrick",
        "site": "region",
        "biopsed": "biopsed",
    },
    tables=(
        Table(
            names=("metadata.csv", "*metadata*.csv"),
            needs=("img_id", "patient_id", "lesion_id", "diagnostic", "age", "gender", "fitspatrick", "region"),
        ),
    ),
    labels={
        "ACK": "Actinic Keratosis",
        "BCC": "Basal Cell Carcinoma",
        "MEL": "Melanoma",
        "NEV": "Nevus",
        "SCC": "Squamous Cell Carcinoma",
        "SEK": "Seborrheic Keratosis",
    },
    # The release counts three of its six as cancer.
    binary={
        "Actinic Keratosis": "benign",
        "Basal Cell Carcinoma": "malignant",
        "Melanoma": "malignant",
        "Nevus": "benign",
        "Squamous Cell Carcinoma": "malignant",
        "Seborrheic Keratosis": "benign",
    },
    extra={"biopsed": "string"},
)
