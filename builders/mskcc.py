"""MSKCC: dermoscopic pictures of the Memorial Sloan Kettering Cancer Center, collection 163 of the ISIC archive.

::

    isic image download --collections 163 ~/raw/mskcc
    mmskin build mskcc --raw ~/raw/mskcc --out data/mskcc --version 1.0.0

Its classes are finer than those of BCN20000; pictures without a diagnosis keep a null label.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmskin_hub.engine.public import build as core
from mmskin_hub.engine.public.archive import DIAGNOSES, archive
from mmskin_hub.engine.public.build import Request

_COARSER = ("melanoma metastasis", "hemangioma")
LABELS: dict[str, str | None] = {
    **{word: name for word, name in DIAGNOSES.items() if word not in _COARSER},
    "melanoma metastasis": "melanoma",
    "hemangioma": "vascular lesion",
    "AIMP": "AIMP",
    "atypical intraepithelial melanocytic proliferation": "AIMP",
    "acrochordon": "acrochordon",
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


def build(request: Request, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Build it; see :func:`mmskin_hub.engine.public.build.build`."""
    return core.build(SPEC, request, tell)


__all__ = ("SPEC", "Request", "build")
