"""Imported once in the process that all workers are forked from, so that a worker starts with everything at hand.

Only imports belong here: nothing may start a thread or open a file, as neither survives a fork.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

MODULES = (
    "mmskin_hub.engine.executor",
    "mmskin_hub.engine.steps",
    "mmskin_hub.curate.pipeline",
    "mmskin_hub.curate.annotations",
    "mmskin_hub.curate.demographics",
    "mmskin_hub.curate.modality",
    "mmskin_hub.curate.privacy",
    "mmskin_hub.curate.text",
    "mmskin_hub.pdf.extract",
    "pyarrow.parquet",
    "scipy.optimize",
    "cv2",
    "imagehash",
    "pandas",  # pyarrow asks for it with the first row it converts
)

for _name in MODULES:
    # What is missing is told by the code that needs it, with the line that installs it.
    with suppress(ImportError):
        import_module(_name)

with suppress(Exception):
    from mmskin_hub.pdf.reader import import_pymupdf

    import_pymupdf()
