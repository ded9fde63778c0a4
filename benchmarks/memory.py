"""Peak memory of a worker, over drawn books of 100 to 3,000 pages.

    python -m benchmarks.memory [--pages 100 500 1000 3000]

Each book (:mod:`benchmarks.corpus`: a photograph of 1,200 pixels and its caption on every page) is built by the real
command with ``--workers 1``. The process tree is looked at twenty times a second with psutil; the peak is the kernel's
own high-water mark of resident memory (VmHWM) where there is one, otherwise the largest resident size seen. Pages of
libraries that processes share count in each of them.

"worker" is the largest of the child processes; "main" the command itself, which surveys, brings together and writes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import one_thread, parse, parser, report

LIMIT_MIB = 1024
FLAT = 1.15
"""Flat: the largest peak at most so many times that of a 500-page book (the first book may not fill every cache)."""


def peak_mib(process: Any) -> float:
    """The most memory ``process`` has had resident so far, in MiB."""
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float(process.memory_info().rss) / 2**20


def watch(command: list[str]) -> dict[str, float]:
    """Run ``command``; peak MiB of it ("main") and of its largest descendant ("worker"), and its wall seconds."""
    import psutil

    began = time.perf_counter()
    main: float = 0.0
    children: dict[int, float] = {}
    with tempfile.TemporaryFile() as log:
        running = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        root = psutil.Process(running.pid)
        while running.poll() is None:
            try:
                main = max(main, peak_mib(root))
                for child in root.children(recursive=True):
                    children[child.pid] = max(children.get(child.pid, 0.0), peak_mib(child))
            except (psutil.Error, OSError):
                pass  # it ended between being listed and being looked at
            time.sleep(0.05)
        if running.returncode:
            log.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{log.read().decode(errors='replace')[-2000:]}")
    seconds = time.perf_counter() - began
    return {
        "worker_mib": round(max(children.values(), default=0.0)),
        "main_mib": round(main),
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Draw, build and watch, one length after the other."""
    made = parser(__doc__)
    made.add_argument("--pages", type=int, nargs="+", default=[100, 500, 1000, 3000], help="default: 100 500 1000 3000")
    made.add_argument("--side", type=int, default=1200, help="pixels of a picture's longer side (default: %(default)s)")
    args = parse(made)
    one_thread()
    found: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for pages in args.pages:
            from benchmarks.corpus import draw_book

            book = draw_book(Path(temporary, f"{pages}.pdf"), pages, seed=pages, side=args.side)
            out = Path(temporary, f"out-{pages}")
            command = [sys.executable, "-m", "mmskin_hub", "build", "mm_skin", str(book), "--out", str(out)]
            found[pages] = watch([*command, "--workers", "1", "--json"])
            found[pages]["book_mib"] = round(book.stat().st_size / 2**20)
            print(f"{pages} pages: {found[pages]}", file=sys.stderr)
            book.unlink()
    peaks = {pages: seen["worker_mib"] for pages, seen in found.items()}
    yardstick = peaks.get(500, min(peaks.values()))
    flat = max(peaks.values()) <= FLAT * yardstick
    outcome = f"{max(peaks.values()):g} MiB, {'flat' if flat else 'not flat'}"
    how = "; ".join(
        f"{pages:,} pages {peak:g} MiB (main {found[pages]['main_mib']:g})" for pages, peak in peaks.items()
    )
    figures: dict[str, Any] = {
        "peaks": {str(pages): seen for pages, seen in found.items()},
        "flat": flat,
        "within_limit": max(peaks.values()) <= LIMIT_MIB,
    }
    report(args, "memory", figures, [("memory of a worker", "≤ 1 GB, flat", outcome, how)])


if __name__ == "__main__":
    main()
