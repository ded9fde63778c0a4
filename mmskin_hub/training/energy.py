"""How much energy a run took: measured where the machine says so, estimated and marked as such where it does not.

* GPU: NVIDIA's own counter of millijoules since the driver was loaded (NVML, Volta and later), read at the beginning
  and at the end. Older cards: ``nvidia-smi``'s power draw, sampled every 10 seconds.
* CPU: an estimate, ``core seconds · TDP / cores of the processor``: the CPU term of Lannelongue, Grealey and Inouye
  (2021), Green Algorithms, Advanced Science 8(12):2100707, whose use of a core is the time that the run's processes
  really computed. TDP and cores are the makers' figures of the table below.

Cooling (PUE), memory, disks and network are not in it. What is not known stays out: another maker's GPU, a processor
that the table does not have.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
import re
import resource
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

SOURCE_NVML = "NVML total energy counter"
SOURCE_SMI = "nvidia-smi power.draw, sampled every 10 s"
SOURCE_CPU = (
    "estimate: core seconds x TDP / cores (CPU term of Lannelongue, Grealey, Inouye 2021, Green Algorithms, "
    "Advanced Science 8(12):2100707)"
)
_EVERY = 10.0

TDP: dict[str, tuple[float, int]] = {
    "Platinum 8480": (350, 56), "Platinum 8468": (350, 48), "Platinum 8380": (270, 40), "Platinum 8358": (250, 32),
    "Platinum 8280": (205, 28), "Platinum 8268": (205, 24), "Platinum 8260": (165, 24), "Platinum 8180": (205, 28),
    "Platinum 8168": (205, 24), "Gold 6348": (235, 28), "Gold 6338": (205, 32), "Gold 6326": (185, 16),
    "Gold 6248R": (205, 24), "Gold 6248": (150, 20), "Gold 6230": (125, 20), "Gold 6226R": (150, 16),
    "Gold 6148": (150, 20), "Gold 6130": (125, 16), "Silver 4214": (85, 12), "Silver 4210": (85, 10),
    "E5-2690 v4": (135, 14), "E5-2680 v4": (120, 14), "E5-2650 v4": (105, 12), "i9-12900K": (125, 16),
    "i9-9900K": (95, 8), "i7-8700K": (95, 6), "EPYC 9654": (360, 96), "EPYC 9554": (360, 64), "EPYC 9454": (290, 48),
    "EPYC 9354": (280, 32), "EPYC 9334": (210, 32), "EPYC 7763": (280, 64), "EPYC 7742": (225, 64),
    "EPYC 7713": (225, 64), "EPYC 7601": (180, 32), "EPYC 7551": (180, 32), "EPYC 7543": (225, 32),
    "EPYC 7452": (155, 32), "EPYC 7402": (180, 24), "Ryzen 9 7950X": (170, 16), "Ryzen 9 5950X": (105, 16),
    "Ryzen 9 5900X": (105, 12), "Threadripper 3990X": (280, 64),
}  # fmt: skip
"""Processor: (thermal design power in watts, physical cores), as its maker states them."""


def processor_name() -> str:
    """The processor as the system names it; empty where it does not."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.lower().startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor()


def watts_a_core(name: str) -> float | None:
    """Watts that a core of the processor ``name`` takes when it computes; ``None`` where the table has it not."""
    for known, (watts, cores) in TDP.items():
        if re.search(rf"(?<![\w-]){re.escape(known)}\+?(?![\w-])", name):
            return watts / cores
    return None


def core_seconds() -> float:
    """CPU time of this process, of its children that have ended, and of those that live (Linux), in seconds."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    try:
        import psutil  # type: ignore[import-untyped]

        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                times = child.cpu_times()
                total += times.user + times.system
    except ImportError:
        pass
    return total


class Counter:
    """NVML's energy counter of one GPU. Raises ``OSError`` where there is none."""

    def __init__(self, uuid: str) -> None:
        try:
            self._nvml: Any = ctypes.CDLL("libnvidia-ml.so.1")
            self._handle = ctypes.c_void_p()
            self._done(self._nvml.nvmlInit_v2())
            name = uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"
            self._done(self._nvml.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(self._handle)))
            self.millijoules()
        except AttributeError as error:
            raise OSError(str(error)) from error

    @staticmethod
    def _done(status: int) -> None:
        if status:
            raise OSError(f"NVML says {status}")

    def millijoules(self) -> int:
        """Energy since the driver was loaded."""
        value = ctypes.c_ulonglong()
        self._done(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle, ctypes.byref(value)))
        return int(value.value)


class Sampler(threading.Thread):
    """Power draw by ``nvidia-smi``, integrated over time (trapezoids). Raises ``OSError`` where there is none."""

    def __init__(self, uuid: str) -> None:
        super().__init__(daemon=True, name="mmskin-power")
        self._command = ["nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits", f"--id=GPU-{uuid}"]
        self._power, self._at, self.joules = self._watts(), time.monotonic(), 0.0
        self._lock = threading.Lock()
        self.start()

    def _watts(self) -> float:
        try:
            said = subprocess.run(self._command, capture_output=True, text=True, timeout=20, check=True).stdout
            return float(said.strip())
        except (subprocess.SubprocessError, ValueError) as error:
            raise OSError(str(error)) from error

    def run(self) -> None:
        """Sample until the process ends."""
        while True:
            time.sleep(_EVERY)
            with contextlib.suppress(OSError):
                self.sample()

    def sample(self) -> float:
        """Joules up to now."""
        with self._lock:
            power, now = self._watts(), time.monotonic()
            self.joules += (self._power + power) / 2 * (now - self._at)
            self._power, self._at = power, now
            return self.joules


class Meter:
    """The energy that this process takes from its making on: its own GPU (``uuid``, or ``None``), and its cores."""

    def __init__(self, uuid: str | None = None) -> None:
        self.processor = processor_name()
        self._watts = watts_a_core(self.processor)
        self._from = core_seconds()
        self._counter: Counter | None = None
        self._sampler: Sampler | None = None
        if uuid is not None:
            try:
                self._counter = Counter(uuid)
                self._begin = self._counter.millijoules()
            except OSError:
                with contextlib.suppress(OSError):
                    self._sampler = Sampler(uuid)

    def read(self) -> dict[str, Any]:
        """``gpu_joules`` with ``gpu_source`` where known, ``core_seconds``, and ``cpu_joules`` where known."""
        used = core_seconds() - self._from
        found: dict[str, Any] = {"core_seconds": used}
        if self._watts is not None:
            found["cpu_joules"] = used * self._watts
        with contextlib.suppress(OSError):
            if self._counter is not None:
                found["gpu_joules"] = (self._counter.millijoules() - self._begin) / 1000
                found["gpu_source"] = SOURCE_NVML
            elif self._sampler is not None:
                found["gpu_joules"], found["gpu_source"] = self._sampler.sample(), SOURCE_SMI
        return found


def added(sessions: list[dict[str, Any]]) -> dict[str, Any]:
    """The energy of all ``sessions`` (each a sum over processes) for ``run.json``; empty where nothing is known.

    ``kwh`` is the sum of the parts named in ``covers``; a part that one of the sessions does not know is left out.
    """
    parts: dict[str, dict[str, Any]] = {}
    for part, source in (("gpu", None), ("cpu", SOURCE_CPU)):
        known = [session[f"{part}_joules"] for session in sessions if f"{part}_joules" in session]
        if known and len(known) == len(sessions):
            said = source or sorted({session["gpu_source"] for session in sessions})[0]
            parts[part] = {"kwh": sum(known) / 3.6e6, "source": said, "estimate": part == "cpu"}
    if not parts:
        return {}
    return {
        "kwh": sum(part["kwh"] for part in parts.values()),
        "covers": sorted(parts),
        "without": "cooling (PUE), memory, disks, network" + ("" if "cpu" in parts else ", CPU"),
        "parts": parts,
    }
