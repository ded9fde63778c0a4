"""HIBA Skin Lesions: dermoscopic and clinical pictures, benign or malignant, collection 175 of the ISIC archive.

::

    isic image download --collections 175 ~/raw/hiba
    mmskin build hiba --raw ~/raw/hiba --out data/hiba --version 1.0.0

The label is the side, as in the original scripts; ``label_text`` says the disease. An indeterminate lesion has neither.
"""

from __future__ import annotations

from mmskin_hub.engine.public.archive import archive, side

SPEC = archive("hiba", {"benign": "benign", "malignant": "malignant"}, side)
