"""What must be tried rather than read: libraries that want others of the system, OCR models, a GPU.

Each is tried in a process of its own, which may crash or hang without taking the doctor along. PyTorch takes seconds to
load, so it is loaded (there) only where its build is for some accelerator *and* the machine has the driver of one; the
build stands in the one file ``torch/version.py``, which is read without the rest. torch wheels from PyPI are built for
CUDA on Linux; ``+cpu`` ones say ``cuda: None`` there.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from mmskin_hub.doctor.findings import Findings
from mmskin_hub.doctor.packages import installed
from mmskin_hub.errors import MmskinError

LIBRARIES = {"onnxruntime": "onnxruntime"}
"""Packages that may lack a library of the system, and how they are imported; OpenCV has its own check.

Left out are those that bring all they need in their wheels and take seconds to load: PyMuPDF, faiss, PyTorch.
"""
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/dri/renderD128")
"""Where a driver shows itself: NVIDIA's, that of WSL, AMD's, Intel's."""
SECONDS = 120
"""How long a trial may take."""
_OPENCV = """
from mmskin_hub.engine.tools import check_opencv
from mmskin_hub.errors import MmskinError
import json
try:
    check_opencv()
    print(json.dumps({}))
except MmskinError as error:
    print(json.dumps({"what": error.what, "remedy": error.remedy}))
"""
_GPU = """
import json, torch
found = {"backend": "", "devices": []}
if torch.cuda.is_available():
    found["backend"] = "rocm" if torch.version.hip else "cuda"
    for number in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(number)
        found["devices"].append({"name": facts.name, "memory": facts.total_memory})
elif hasattr(torch, "xpu") and torch.xpu.is_available():
    found["backend"] = "xpu"
    for number in range(torch.xpu.device_count()):
        facts = torch.xpu.get_device_properties(number)
        found["devices"].append({"name": facts.name, "memory": facts.total_memory})
elif torch.backends.mps.is_available():
    found["backend"], found["devices"] = "mps", [{"name": "Apple GPU", "memory": None}]
print(json.dumps(found))
"""


def try_libraries(packages: dict[str, Any], told: Findings) -> None:
    """Load what the installed extras of ``packages`` (as look_at_packages gives them) have of :data:`LIBRARIES`."""
    here = {name for extra in packages["extras"].values() if not extra["missing"] for name in extra["installed"]}
    trials = {name: f"import {module}; print('{{}}')" for name, module in LIBRARIES.items() if name in here}
    if "opencv-python-headless" in here:
        trials["opencv-python-headless"] = _OPENCV
    started = {name: _start(code) for name, code in trials.items()}
    for name, process in started.items():
        found, fault = _end(process)
        if fault:
            told.broken(
                f"{name} is installed and cannot be loaded: {fault}.",
                f"Install what it misses, or install it anew: pip install --force-reinstall --no-deps {name}",
            )
        elif found:
            told.broken(found["what"], found["remedy"])


def _start(code: str) -> subprocess.Popen[str]:
    # Not from the folder at hand: a file there could bear the name of a package.
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    )


def _end(process: subprocess.Popen[str]) -> tuple[dict[str, Any], str]:
    """What a trial printed as its last line, and why it failed ("" where it did not)."""
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {}, f"no answer within {SECONDS} s"
    if process.returncode < 0:
        return {}, f"it died by signal {-process.returncode}"
    if process.returncode:
        return {}, (err.strip().splitlines() or [f"exit status {process.returncode}"])[-1].rstrip(".")
    found: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return found, ""


def look_at_ocr(told: Findings) -> dict[str, Any]:
    """``auto``: the engine that ``--ocr auto`` takes here, "" where there is none; ``rapidocr`` and ``doctr``: version
    (``None``: not installed) and ``missing``, the models or weights that are not there."""
    try:
        from mmskin_hub.pdf import ocr
    except ImportError:
        none: dict[str, Any] = {"version": None, "missing": []}  # numpy is missing, which is told elsewhere
        return {"auto": "", "rapidocr": none, "doctr": {**none, "weights": ""}}
    rapid, doctr = installed("rapidocr"), installed("python-doctr")
    rapid_lacks = ocr.missing_rapid_models() if rapid else []
    doctr_lacks = ocr.missing_doctr_weights() if doctr else []
    auto = ocr.resolve_engine("auto")
    if rapid_lacks:
        told.broken(
            f"RapidOCR lacks its models ({', '.join(rapid_lacks)}).",
            "Install it anew: pip install --force-reinstall --no-deps rapidocr",
        )
    if doctr_lacks:
        try:
            ocr.check_engine("doctr")
        except MmskinError as error:
            told.note(f"{error.what} Until then RapidOCR reads scans.", error.remedy)
    return {
        "auto": "" if auto == "rapidocr" and not rapid else auto,
        "rapidocr": {"version": rapid, "missing": rapid_lacks},
        "doctr": {"version": doctr, "missing": doctr_lacks, "weights": str(ocr.doctr_cache() / "models")},
    }


def look_at_gpu(told: Findings) -> dict[str, Any]:
    """``backend`` that PyTorch would use ("cuda", "rocm", "xpu", "mps", "" for the CPU), its ``devices`` (name, memory
    in bytes), PyTorch's version and ``build`` ("cpu", "cuda 12.8", …), what the ``driver`` shows, and ``why``."""
    driver = _nvidia()
    found: dict[str, Any] = {"backend": "", "devices": [], "torch": installed("torch"), "build": "", "driver": driver}
    if found["torch"] is None:
        return {**found, "why": "PyTorch is not installed"}
    found["build"] = _torch_build()
    mac = sys.platform == "darwin"
    if found["build"] == "cpu" and not mac:
        if driver:
            told.note(
                f"This build of PyTorch is for CPUs only; {driver[0]['name']} stays idle.",
                "Install one for its driver: https://pytorch.org/get-started/locally/",
            )
        return {**found, "why": "this build of PyTorch is for CPUs only"}
    if not mac and not driver and not any(Path(path).exists() for path in DRIVERS):
        return {**found, "why": "there is no driver of a GPU"}
    asked, fault = _end(_start(_GPU))
    if fault:
        told.broken(f"PyTorch cannot be loaded: {fault}.", 'Install it anew: pip install --force-reinstall "torch"')
        return {**found, "why": "PyTorch cannot be loaded"}
    if driver and not asked["devices"]:
        told.note(
            f"PyTorch ({found['build']}) does not see {driver[0]['name']}.",
            "Look at CUDA_VISIBLE_DEVICES, and whether the driver is new enough: https://pytorch.org/get-started/locally/",
        )
    return {**found, **asked, "why": "" if asked["devices"] else "PyTorch sees no GPU"}


def _torch_build() -> str:
    """For what the installed PyTorch was built, by its version.py; "cpu" where it names no accelerator."""
    found = importlib.util.find_spec("torch")
    try:
        text = (Path(str(found.origin if found else "")).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    said = dict(re.findall(r"^(cuda|hip|xpu)\b[^=\n]*= *'([^']+)'", text, re.MULTILINE))
    return next((f"{name} {version}" for name, version in said.items()), "cpu")


def _nvidia() -> list[dict[str, Any]]:
    """Names and memory (bytes) of NVIDIA's GPUs as their driver's own nvidia-smi tells them; [] without it."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True, errors="replace")
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.rpartition(",") for line in done.stdout.splitlines() if "," in line]
    sizes = [int(size) << 20 if size.strip().isdecimal() else None for _, _, size in rows]  # MiB
    return [{"name": name.strip(), "memory": size} for (name, _, _), size in zip(rows, sizes, strict=True)]
