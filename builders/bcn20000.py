"""BCN20000: dermoscopic pictures of the Hospital Clínic of Barcelona, collection 249 of the ISIC archive.

::

    isic image download --collections 249 ~/raw/bcn20000
    mmskin build bcn20000 --raw ~/raw/bcn20000 --out data/bcn20000 --version 1.0.0
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmskin_hub.engine.public import build as core
from mmskin_hub.engine.public.archive import DIAGNOSES, archive
from mmskin_hub.engine.public.build import Request

SPEC = archive("bcn20000", DIAGNOSES)


def build(request: Request, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Build it; see :func:`mmskin_hub.engine.public.build.build`."""
    return core.build(SPEC, request, tell)


__all__ = ("SPEC", "Request", "build")
