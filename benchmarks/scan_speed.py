"""Seconds a scanned page: ours (photographs found, only what can hold captions read) and OCR of the whole page.

    python -m benchmarks.scan_speed SCAN.pdf [--rounds 2]

Both in one process on one core with one thread a library, the same engine (RapidOCR, the same models and options), the
same pages, the same dots an inch, in turn; the quickest round of each page counts. Ours is the whole of ``read_pairs``:
rendering, deskew, photographs, OCR, captions, match, pictures' bytes. Whole-page OCR is rendering and ``read`` of the
raster, and has found neither pictures nor captions when it is done. ``--stock`` times RapidOCR's own call, with the
options it has out of the package, beside the engine of :mod:`mmskin_hub.pdf.ocr`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.common import Clock, number, one_thread, parse, parser, report

Contestant = Callable[[int], int]


def main() -> None:
    """Time every scanned page and print the ratio."""
    made = parser(__doc__)
    made.add_argument("scan", type=Path, help="a PDF whose pages are rasters")
    made.add_argument("--rounds", type=int, default=2, help="the best of so many counts (default: %(default)s)")
    made.add_argument("--pages", type=int, default=0, metavar="N", help="only the first N (default: all)")
    made.add_argument("--stock", action="store_true", help="also RapidOCR as it comes")
    args = parse(made)
    one_thread(cores=1)
    contestants, pages, dpi = make_contestants(args.scan, args.stock)
    pages = pages[: args.pages] if args.pages else pages
    for work in contestants.values():  # models are loaded before the clock runs
        work(pages[0])
    best: dict[tuple[str, int], tuple[float, float]] = {}
    found = dict.fromkeys(contestants, 0)
    for turn in range(args.rounds):
        for page in pages:
            for name, work in contestants.items():
                with Clock() as clock:
                    count = work(page)
                found[name] += count if turn == 0 else 0
                old = best.get((name, page), (clock.wall, clock.cpu))
                best[name, page] = (min(old[0], clock.wall), min(old[1], clock.cpu))
    figures = summary(best, found, len(pages))
    report(args, "scan_speed", {"scan": args.scan.name, "dpi": dpi, "rounds": args.rounds, **figures}, rows(figures))


def make_contestants(path: Path, stock: bool) -> tuple[dict[str, Contestant], list[int], float]:
    """What is timed, by name; the scanned pages (1-based); the dots an inch of the first raster."""
    import numpy as np
    import pymupdf

    from mmskin_hub.pdf import read_pairs, survey_book
    from mmskin_hub.pdf.ocr import make_engine
    from mmskin_hub.pdf.reader import open_book, read_page
    from mmskin_hub.pdf.scan_page import DPI

    engine = make_engine("rapidocr")
    if engine is None:
        raise SystemExit("RapidOCR is not installed: pip install -e '.[build]'")
    survey = survey_book(str(path))
    resolution: dict[int, float] = {}
    with open_book(str(path)) as book:
        for number_ in range(1, len(book) + 1):
            raw = read_page(book, number_)
            if raw.is_scan:
                native = max((image.resolution for image in raw.page.images), default=2.0) * 72
                resolution[number_] = min(max(native, DPI[0]), DPI[1])
    if not resolution:
        raise SystemExit(f"{path}: no page is a scan")

    def raster(page: int) -> Any:
        with pymupdf.open(path) as document:
            pixels = document[page - 1].get_pixmap(dpi=round(resolution[page]))
            return (
                np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.width, pixels.n)[..., :3].copy()
            )

    def ours(page: int) -> int:
        return sum(len(result.pairs) for result in read_pairs(survey, page, page, ocr="rapidocr"))

    contestants: dict[str, Contestant] = {"ours": ours, "whole_page": lambda page: len(engine.read(raster(page)))}
    if stock:
        from rapidocr import RapidOCR

        plain = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": 1, "Global.log_level": "error"})
        contestants["stock"] = lambda page: len(plain(raster(page)[..., ::-1]).txts or ())
    return contestants, sorted(resolution), round(resolution[min(resolution)], 1)


def summary(best: dict[tuple[str, int], tuple[float, float]], found: dict[str, int], pages: int) -> dict[str, Any]:
    """Seconds a page of each, and how much longer the others take than ours. ``found``: pairs, or lines of text."""
    figures: dict[str, Any] = {"pages": pages}
    for name in found:
        wall = sum(seconds[0] for (who, _), seconds in best.items() if who == name) / pages
        cpu = sum(seconds[1] for (who, _), seconds in best.items() if who == name) / pages
        figures[name] = {"wall_a_page": number(wall), "cpu_a_page": number(cpu), "found": found[name]}
    for name in found:
        if name != "ours":
            for kind in ("wall", "cpu"):
                ratio = figures[name][f"{kind}_a_page"] / figures["ours"][f"{kind}_a_page"]
                figures[f"ours_to_{name}_{kind}"] = number(ratio)
    return figures


def rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The lines for the table."""
    titles = {"whole_page": "scans, to whole-page OCR", "stock": "scans, to RapidOCR as it comes"}
    made = []
    for name, title in titles.items():
        if name in figures:
            ratio = f"{figures[f'ours_to_{name}_wall']:g} × (CPU {figures[f'ours_to_{name}_cpu']:g} ×)"
            seconds = f"{figures['ours']['wall_a_page']:g} s a page to {figures[name]['wall_a_page']:g}"
            made.append((title, "≥ 2 ×", ratio, f"{seconds}, one core, {figures['pages']} pages"))
    return made


if __name__ == "__main__":
    main()
