"""MSKCC: dermoscopic pictures of the Memorial Sloan Kettering Cancer Center, collection 163 of the ISIC archive.

::

    isic image download --collections 163 ~/raw/mskcc
    mmskin build mskcc --raw ~/raw/mskcc --out data/mskcc --version 1.0.0

Its classes are finer than those of BCN20000; pictures without a diagnosis keep a null label.
"""

from __future__ import annotations

from mmskin_hub.engine.public.archive import DIAGNOSES, archive

_COARSER = ("melanoma metastasis", "hemangioma")
LABELS: dict[str, str | None] = {
    **{word: name for word, name in DIAGNOSES.items() if word not in _COARSER},
    "melanoma metastasis": "melanoma",
    "hemangioma": "vascular lesion",
    "AIMP": "AIMP",
    "atypical intraepithelial melanocytic proliferation": "AIMP",
    "acrochordon": "acrochordon",
    "fibroepithelial polyp": "acrochordon",
    "angiokeratoma": "angiokeratoma",
    "atypical melanocytic proliferation": "atypical melanocytic proliferation",
    "atypical melanocytic neoplasm": "atypical melanocytic proliferation",
    "cafe-au-lait macule": "cafe-au-lait macule",
    "café-au-lait macule": "cafe-au-lait macule",
    "lentigo NOS": "lentigo NOS",
    "lentigo simplex": "lentigo simplex",
    "lichenoid keratosis": "lichenoid keratosis",
    "lichen planus like keratosis": "lichenoid keratosis",
    "lichen planus-like keratosis": "lichenoid keratosis",
    "neurofibroma": "neurofibroma",
    "verruca": "verruca",
}

SPEC = archive("mskcc", LABELS)
