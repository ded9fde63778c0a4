"""Seconds a born-digital page, from page to pair: a bare PyMuPDF loop, ours (``pdf/``), and the layout-model peer.

    python -m benchmarks.page_speed BOOKS [--rounds 3]

All in one process on one core with one thread a library, over the same pages, in turn: every book goes through each
contestant, in another order each round, and the quickest round of each book counts. Books that are scans are left out.

* bare: ``get_text()`` of every page and ``extract_image()`` of every image object once;
* ours: ``survey_book`` and ``read_pairs`` in ranges of the engine's length: pairs with their pictures' bytes;
* peer: ``get_layout()``, the nearest caption box to each picture box, the caption's text; no bytes, no curation.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import peer
from benchmarks.common import Clock, born_digital, count_pages, find_pdfs, number, one_thread, parse, parser, report


def bare(path: Path) -> int:
    """Read the text of every page, extract every image once; the number of images."""
    import pymupdf

    seen: set[int] = set()
    with pymupdf.open(path) as book:
        for page in book:
            page.get_text()
            for image in page.get_images():
                if image[0] not in seen:
                    seen.add(image[0])
                    book.extract_image(image[0])
    return len(seen)


def ours(path: Path) -> int:
    """From file to pairs, range by range as the engine does; the number of pairs."""
    from mmskin_hub.engine.plan import PAGES_A_UNIT
    from mmskin_hub.pdf import read_pairs, survey_book

    survey = survey_book(str(path))
    pairs = 0
    for first in range(1, survey.pages + 1, PAGES_A_UNIT):
        for page in read_pairs(survey, first, min(first + PAGES_A_UNIT - 1, survey.pages), ocr="none"):
            pairs += len(page.pairs)
    return pairs


def layout_model(path: Path) -> int:
    """The peer over a whole book; the number of pairs."""
    import pymupdf

    with pymupdf.open(path) as book:
        return sum(len(peer.read_page(page)) for page in book)


CONTESTANTS: dict[str, Callable[[Path], int]] = {"bare": bare, "ours": ours, "peer": layout_model}


def main() -> None:
    """Run the rounds and print the ratios."""
    made = parser(__doc__)
    made.add_argument("books", nargs="+", type=Path, help="PDF files or folders of them")
    made.add_argument("--rounds", type=int, default=3, help="the best of so many counts (default: %(default)s)")
    made.add_argument("--without-peer", action="store_true", help="leave the slow one out, to look at ours alone")
    args = parse(made)
    one_thread(cores=1)
    pymupdf = peer.load()
    books = born_digital(find_pdfs(args.books))
    names = [name for name in CONTESTANTS if name != "peer" or not args.without_peer]
    found: dict[str, int] = {}
    for name in names:  # everything is imported, every model loaded, before the clock runs
        found[name] = CONTESTANTS[name](books[0])
    best: dict[tuple[str, Path], tuple[float, float]] = {}
    found = dict.fromkeys(names, 0)
    for turn in range(args.rounds):
        for path in books:
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                pymupdf.TOOLS.store_shrink(100)  # nobody finds pictures that another decoded
                gc.collect()
                with Clock() as clock:
                    count = CONTESTANTS[name](path)
                found[name] += count if turn == 0 else 0
                old = best.get((name, path), (clock.wall, clock.cpu))
                best[name, path] = (min(old[0], clock.wall), min(old[1], clock.cpu))
    figures = summary(names, best, count_pages(books), found)
    report(
        args, "page_speed", {"books": [path.name for path in books], "rounds": args.rounds, **figures}, rows(figures)
    )


def summary(
    names: list[str], best: dict[tuple[str, Path], tuple[float, float]], pages: int, found: dict[str, int]
) -> dict[str, Any]:
    """Pages a second of each, and the two ratios, by wall and by CPU seconds."""
    figures: dict[str, Any] = {"pages": pages}
    for name in names:
        wall = sum(seconds[0] for (who, _), seconds in best.items() if who == name)
        cpu = sum(seconds[1] for (who, _), seconds in best.items() if who == name)
        figures[name] = {
            "wall": number(wall),
            "cpu": number(cpu),
            "pages_a_second": number(pages / wall),
            "pages_a_cpu_second": number(pages / cpu),
            "found": found[name],
        }
    for other in ("bare", "peer"):
        if other in figures:
            for kind in ("wall", "cpu"):
                figures[f"ours_to_{other}_{kind}"] = number(figures[other][kind] / figures["ours"][kind])
    return figures


def rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The lines for the table."""
    asked = {"bare": "≥ 0.5 ×", "peer": "≥ 10 ×"}
    titles = {"bare": "page to pair, to a bare PyMuPDF loop", "peer": "page to pair, to the layout-model peer"}
    made = []
    for other, title in titles.items():
        if other in figures:
            speeds = f"{figures['ours']['pages_a_second']:g} pages/s to {figures[other]['pages_a_second']:g}"
            ratio = f"{figures[f'ours_to_{other}_wall']:g} × (CPU {figures[f'ours_to_{other}_cpu']:g} ×)"
            made.append((title, asked[other], ratio, f"{speeds}, one core, {figures['pages']} pages"))
    return made


if __name__ == "__main__":
    main()
