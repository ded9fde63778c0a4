"""Fitzpatrick17k: 16,577 clinical pictures of two atlases, 114 conditions in three groups, with skin types.

::

    mmskin build fitzpatrick17k --raw ~/raw/fitzpatrick17k --out data/fitzpatrick17k --allow-missing

Only the labels may be passed on. Many of its addresses are dead, so most copies lack pictures. The label is the group
of three, as in the original scripts; ``label_text`` is the condition. About a fifth of the pictures repeat others, and
about a fifth of the labels are said to be wrong (CleanPatrick, arXiv:2505.11034).
"""

from __future__ import annotations

from mmskin_hub.engine.public.spec import Spec, Table, constant

SPEC = Spec(
    name="fitzpatrick17k",
    fields={
        "image_id": "md5hash",
        "picture": lambda cells: (cells["md5hash"], *([cells["url_alphanum"]] if cells.get("url_alphanum") else ())),
        "label": "three_partition_label",
        "label_text": "label",
        "modality": constant("clinical"),
        "skin_tone": lambda cells: cells.get("fitzpatrick_scale") or cells.get("fitzpatrick"),
        "source_url": "url",
        "nine_partition_label": "nine_partition_label",
        "qc": "qc",
    },
    tables=(
        Table(
            names=("fitzpatrick17k.csv", "fitzpatrick17k*.csv"),
            needs=("md5hash", "fitzpatrick_scale|fitzpatrick", "label", "three_partition_label"),
        ),
    ),
    labels={"benign": "benign", "malignant": "malignant", "non-neoplastic": "non-neoplastic"},
    binary={"benign": "benign", "malignant": "malignant"},
    extra={"nine_partition_label": "string", "qc": "string"},
)
