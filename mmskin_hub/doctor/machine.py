"""Cores, memory and room on this machine, as far as this process may use them."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mmskin_hub.api.arguments import available_cores
from mmskin_hub.doctor.findings import Findings
from mmskin_hub.errors import describe

GROUPS = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use (cgroup v2: cpu.max, memory.max; v1: below memory/)."""


def look_at_machine() -> dict[str, Any]:
    """``cores`` this process may use, ``cpu_quota`` in cores where a container has one, ``memory`` and
    ``memory_available`` in bytes, ``None`` where the system does not say."""
    total = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_number(GROUPS / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    known = [size for size in (total, *limits) if size]
    return {
        "cores": available_cores(),
        "cpu_quota": _quota(),
        "memory": min(known) if known else None,
        "memory_available": _available(),
    }


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None  # "max": no limit


def _quota() -> float | None:
    """The cores' worth of time that a container may use ("200000 100000": two)."""
    try:
        quota, period = (GROUPS / "cpu.max").read_text(encoding="ascii").split()
        return round(int(quota) / int(period), 2)
    except (OSError, ValueError):
        return None


def _available() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


def look_at_disk(told: Findings) -> list[dict[str, Any]]:
    """The folder at hand, the cache of Hugging Face, and the folder for temporary files.

    Each with ``what``, ``path``, ``free`` in bytes (``None`` where it cannot be asked) and ``writable``. A cache or a
    folder for temporary files that cannot be written is a problem; what is not there yet is asked for at its parent.
    """
    return [
        _place("the folder you are in", _here(), told, ""),
        _place("HF_HOME", _hf_home(), told, "Point HF_HOME at a folder that you may write to."),
        _place("TMPDIR", _temporary(), told, "Point TMPDIR at a folder that you may write to."),
    ]


def _hf_home() -> Path:
    try:
        from huggingface_hub.constants import HF_HOME
    except (ImportError, ValueError):  # told elsewhere
        return Path("~/.cache/huggingface").expanduser()
    return Path(HF_HOME)


def _here() -> Path:
    """Where the user stands; "." where that folder was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path()


def _temporary() -> Path:
    """Python passes over a TMPDIR that it cannot write to; that one is what must be told."""
    if given := os.environ.get("TMPDIR"):
        return Path(given)
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        return Path("/tmp")


def _place(what: str, path: Path, told: Findings, remedy: str) -> dict[str, Any]:
    there = path
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    free, fault = None, ""
    try:
        free = shutil.disk_usage(there).free
        # Asked by doing it: access() says yes to root, and to a disk that is mounted read-only.
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        fault = describe(error)
    if fault and remedy:
        told.broken(f"{what} ({path}) cannot be written: {fault}.", remedy)
    elif fault:
        told.note(f"{path} cannot be written: {fault}.", "Name a folder elsewhere with --out.")
    return {"what": what, "path": str(path), "free": free, "writable": not fault}
