"""What is installed on this machine, what is missing and for what, and what is broken.

::

    found = examine()
    found["problems"]   # [{"what": …, "remedy": …}, …]; empty where what is installed works

Nothing is sent anywhere and nothing is loaded into this process that is heavy: packages are judged by their metadata,
and what must be tried (a library of the system, a GPU) is tried in a process of its own, which may crash.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import mmskin_hub
from mmskin_hub.doctor.findings import Findings

__all__ = ["examine"]


def examine() -> dict[str, Any]:
    """Look at everything; the findings as JSON has them.

    ``mmskin``, ``python``: version and place; ``core`` and ``extras``: packages (:mod:`.packages`); ``ocr``, ``gpu``;
    ``machine``: cores, memory in bytes; ``disk``: places with the bytes free in them; ``hub``: whether there is a token
    (never the token), address, offline mode. ``problems`` are broken, ``notes`` worth knowing; both have ``what`` and
    ``remedy``.
    """
    from mmskin_hub.doctor.hub import look_at_hub
    from mmskin_hub.doctor.machine import look_at_disk, look_at_machine
    from mmskin_hub.doctor.packages import look_at_packages
    from mmskin_hub.doctor.parts import look_at_gpu, look_at_ocr, try_libraries

    told = Findings()
    packages = look_at_packages(told)
    try_libraries(packages, told)
    return {
        "mmskin": {
            "version": mmskin_hub.__version__,
            "place": str(Path(mmskin_hub.__file__).resolve().parent),
            "editable": packages["editable"],
        },
        "python": {"version": platform.python_version(), "place": sys.executable, "platform": platform.platform()},
        "core": packages["core"],
        "extras": packages["extras"],
        "ocr": look_at_ocr(told),
        "gpu": look_at_gpu(told),
        "machine": look_at_machine(),
        "disk": look_at_disk(told),
        "hub": look_at_hub(told),
        "problems": told.problems,
        "notes": told.notes,
    }
