"""Pages a second of the whole build through the CLI, to the layout-model peer, and of two workers to one.

    python -m benchmarks.build_speed BOOKS [--draw 600] [--rounds 1]

Three contestants over the same pages, in turn, each timed from the start of its command to its end, imports and model
loading included; the quickest round counts:

* the build with ``--workers 1`` and with ``--workers 2``: survey to finished folder, every model of ``curate/``,
  Parquet, card and contact sheet;
* the peer with two processes (one thread each, ranges of as many pages as the engine's) on the same two cores: layout
  and nearest caption only; it stores no pictures and curates nothing. ``--peer-as-it-comes`` adds the peer in one
  process with the threads it takes by itself.

Scans are left out, as the peer does no OCR. Two workers against one say something only where there is work enough to
share: ``--draw N`` adds a drawn book of N pages (:mod:`benchmarks.corpus`); the script says when one worker was done in
less than a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import (
    THREADS,
    Clock,
    born_digital,
    build,
    count_pages,
    find_pdfs,
    number,
    one_thread,
    parse,
    parser,
    report,
)

ENOUGH_SECONDS = 60.0


def peer_main(processes: int, books: list[str]) -> None:
    """The peer over ``books``, printing the number of pairs; runs in a process of its own (``--as-peer``)."""
    import multiprocessing

    from benchmarks import peer
    from mmskin_hub.engine.plan import PAGES_A_UNIT

    if processes == 0:
        pymupdf = peer.load(one_thread=False)
        print(sum(peer.read_range((path, 1, len(pymupdf.open(path)))) for path in books))
        return
    # Pages are counted in the pool as well: what is imported before a fork would be shared with its threads dead.
    with multiprocessing.get_context("spawn").Pool(processes, peer.load) as pool:
        counts = pool.map(peer.count_pages, books, chunksize=1)
        tasks = [
            (path, first, min(first + PAGES_A_UNIT - 1, pages))
            for path, pages in zip(books, counts, strict=True)
            for first in range(1, pages + 1, PAGES_A_UNIT)
        ]
        print(sum(pool.imap_unordered(peer.read_range, tasks)))


def time_peer(books: list[Path], processes: int) -> dict[str, float]:
    """Wall and CPU seconds of the peer's whole command."""
    command = [sys.executable, "-m", "benchmarks.build_speed", "--as-peer", str(processes), *map(str, books)]
    environment = dict(os.environ)
    if processes == 0:
        environment = {name: value for name, value in environment.items() if name not in THREADS}
    with Clock(children=True) as clock:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {"wall": clock.wall, "cpu": clock.cpu, "pairs": int(done.stdout)}


def time_build(books: list[Path], folder: Path, workers: int, turn: int) -> dict[str, float]:
    """Wall and CPU seconds of the whole build command, and the wall seconds of the part that reads pages."""
    record = build(books, folder / f"out-{workers}-{turn}", workers, "--ocr", "none")
    clock, run = record["clock"], record["run"]
    return {**clock, "reading": run["reading_seconds"], "pairs": record["counts"]["published"]}


def main() -> None:
    """Run the contestants and print the ratios."""
    if sys.argv[1:2] == ["--as-peer"]:
        peer_main(int(sys.argv[2]), sys.argv[3:])
        return
    made = parser(__doc__)
    made.add_argument("books", nargs="*", type=Path, help="PDF files or folders of them")
    made.add_argument("--draw", type=int, default=0, metavar="N", help="add a drawn book of N pages")
    made.add_argument("--rounds", type=int, default=1, help="the best of so many counts (default: %(default)s)")
    made.add_argument("--without-peer", action="store_true", help="only one worker against two")
    made.add_argument(
        "--peer-as-it-comes", action="store_true", help="also the peer in one process, threads as it likes"
    )
    args = parse(made)
    one_thread(cores=2)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        books = find_pdfs(args.books) if args.books else []
        if args.draw:
            from benchmarks.corpus import draw_book

            books.append(draw_book(folder / "drawn.pdf", args.draw, seed=1))
        books = born_digital(books)
        if not books:
            made.error("no born-digital book: name some, or --draw some pages")
        figures = measure(args, books, folder)
    report(args, "build_speed", figures, rows(figures))


def measure(args: Any, books: list[Path], folder: Path) -> dict[str, Any]:
    """The best round of each contestant, pages a second, and the ratios."""
    contestants: dict[str, Any] = {
        "one_worker": lambda turn: time_build(books, folder, 1, turn),
        "two_workers": lambda turn: time_build(books, folder, 2, turn),
    }
    if not args.without_peer:
        contestants["peer"] = lambda turn: time_peer(books, 2)
    if args.peer_as_it_comes:
        contestants["peer_as_it_comes"] = lambda turn: time_peer(books, 0)
    pages = count_pages(books)
    figures: dict[str, Any] = {"books": [path.name for path in books], "pages": pages, "rounds": args.rounds}
    for turn in range(args.rounds):
        for name, work in contestants.items():
            took = work(turn)
            if turn == 0 or took["wall"] < figures[name]["wall"]:
                figures[name] = {key: number(value, 4) for key, value in took.items()}
                figures[name]["pages_a_second"] = number(pages / took["wall"])
                figures[name]["pages_a_cpu_second"] = number(pages / took["cpu"])
    one, two = figures["one_worker"], figures["two_workers"]
    figures["two_to_one_wall"] = number(one["wall"] / two["wall"])
    figures["two_to_one_reading"] = number(one["reading"] / two["reading"])
    figures["enough_work"] = one["wall"] >= ENOUGH_SECONDS
    for name in ("peer", "peer_as_it_comes"):
        if name in figures:
            figures[f"ours_to_{name}_wall"] = number(figures[name]["wall"] / two["wall"])
            figures[f"ours_to_{name}_cpu"] = number(figures[name]["cpu"] / two["cpu"])
    return figures


def rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The lines for the table."""
    one, two = figures["one_worker"], figures["two_workers"]
    made = []
    for name in ("peer", "peer_as_it_comes"):
        if name in figures:
            ratio = f"{figures[f'ours_to_{name}_wall']:g} × (CPU {figures[f'ours_to_{name}_cpu']:g} ×)"
            speeds = f"{two['pages_a_second']:g} pages/s to {figures[name]['pages_a_second']:g}"
            title = "whole build, to the layout-model peer" + (" as it comes" if name != "peer" else "")
            made.append((title, "≥ 2 ×", ratio, f"{speeds}, two cores, {figures['pages']} pages"))
    ratio = f"{figures['two_to_one_wall']:g} × (reading pages {figures['two_to_one_reading']:g} ×)"
    enough = "" if figures["enough_work"] else "; too little work to say"
    made.append(("two workers over one", "≥ 1.7 ×", ratio, f"{one['wall']:g} s to {two['wall']:g} s{enough}"))
    return made


if __name__ == "__main__":
    main()
