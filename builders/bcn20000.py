"""BCN20000: dermoscopic pictures of the Hospital Clínic of Barcelona, collection 249 of the ISIC archive.

::

    isic image download --collections 249 ~/raw/bcn20000
    mmskin build bcn20000 --raw ~/raw/bcn20000 --out data/bcn20000 --version 1.0.0
"""

from __future__ import annotations

from mmskin_hub.engine.public.archive import DIAGNOSES, archive

SPEC = archive("bcn20000", DIAGNOSES)
