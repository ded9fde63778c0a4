"""Scanned books: a drawn book turned into page rasters, askew and noisy, with or without a hidden text layer."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.drawing import panels, plain, plates
from tests.drawing.truth import Truth

PAGES = 4


def scanned(
    source: Path,
    target: Path,
    *,
    dpi: int = 150,
    skew: float = 0.8,
    noise: float = 4.0,
    layer: str = "none",
    grey: bool = False,
    seed: int = 0,
    pages: int = PAGES,
) -> None:
    """Turn the first ``pages`` pages of ``source`` into JPEG rasters.

    ``skew``: pages lean up to this many degrees to either side; ``noise``: standard deviation of the sensor's noise
    in grey levels; ``layer``: none, ``ocr`` (invisible words, some of them misread, as a scanner's software adds
    them) or ``stamp`` (one line by the scanner and no other text).
    """
    import pymupdf

    rng = random.Random(seed)
    grain = np.random.default_rng(seed).normal(0, noise, (2400, 1700, 1)).astype(np.int16)
    with pymupdf.open(source) as book, pymupdf.open() as out:
        for page in list(book)[:pages]:
            image = _raster(page, dpi, rng.uniform(-skew, skew), np.roll(grain, rng.randrange(1700), 1))
            held = io.BytesIO()
            (image.convert("L") if grey else image).save(held, "JPEG", quality=80)
            leaf = out.new_page(width=page.rect.width, height=page.rect.height)
            leaf.insert_image(leaf.rect, stream=held.getvalue())
            if layer == "ocr":
                _hidden_words(page, leaf, rng)
            elif layer == "stamp":
                leaf.insert_text(
                    (20, leaf.rect.height - 12), f"Scanned by ScanWizard 4.1  page {leaf.number + 1}", fontsize=7
                )
        out.save(str(target), no_new_id=True)


def _raster(page: Any, dpi: int, angle: float, grain: NDArray[np.int16]) -> Image.Image:
    """The page leaning by ``angle`` degrees, a little darker than white, with the sensor's grain."""
    import pymupdf

    shot = page.get_pixmap(matrix=pymupdf.Matrix(dpi / 72, dpi / 72).prerotate(angle))
    pixels = np.frombuffer(shot.samples, np.uint8).reshape(shot.height, shot.width, 3)
    wide, high = round(page.rect.width * dpi / 72), round(page.rect.height * dpi / 72)
    top, left = (shot.height - high) // 2, (shot.width - wide) // 2
    leaning = pixels[top : top + high, left : left + wide].astype(np.int16) - 7
    return Image.fromarray(np.clip(leaning + grain[:high, :wide], 0, 255).astype(np.uint8))


def _hidden_words(page: Any, leaf: Any, rng: random.Random) -> None:
    import pymupdf

    writer = pymupdf.TextWriter(leaf.rect)
    font = pymupdf.Font("helv")
    for x0, _y0, _x1, y1, word, *_rest in page.get_text("words"):
        if rng.random() < 0.03 and len(word) > 3:
            word = word.replace("l", "1").replace("rn", "m")
        writer.append((x0 + rng.uniform(-1, 1), y1 - 2), word, font=font, fontsize=8)
    writer.write_text(leaf, render_mode=3)


def _scan(source: Callable[[Path, int], list[Truth]], path: Path, seed: int, style: str, **options: Any) -> list[Truth]:
    born = path.with_name("born-digital.tmp")
    rows = source(born, seed)
    scanned(born, path, seed=seed, **options)
    born.unlink()
    rows = [row for row in rows if row.page <= PAGES]
    for row in rows:
        row.style, row.book = style, path.name
    return rows


def scan_below(path: Path, seed: int) -> list[Truth]:
    """Two columns, captions below, raster only, leaning up to 0.8 degrees."""
    return _scan(plain.below_two, path, seed + 50, "scan_below")


def scan_beside(path: Path, seed: int) -> list[Truth]:
    """Captions in the outer margin, with nothing but the scanner's stamp as text."""
    return _scan(plain.beside, path, seed + 51, "scan_beside", layer="stamp", skew=0.4)


def scan_grid(path: Path, seed: int) -> list[Truth]:
    """Grids of pictures each with its caption, with a hidden and slightly misread text layer."""
    return _scan(plain.grid, path, seed + 52, "scan_grid", layer="ocr", skew=0.3)


def scan_above(path: Path, seed: int) -> list[Truth]:
    """Captions above, 200 dpi, leaning up to 1.5 degrees."""
    return _scan(plain.above, path, seed + 53, "scan_above", dpi=200, skew=1.5)


def scan_panels(path: Path, seed: int) -> list[Truth]:
    """Lettered panels with letters below them, raster only."""
    return _scan(panels.panels_under, path, seed + 54, "scan_panels", skew=0.3)


def scan_plates(path: Path, seed: int) -> list[Truth]:
    """Plates with printed numbers and a list of legends, raster only."""
    return _scan(plates.plate_list, path, seed + 55, "scan_plates", skew=0.5)


LAYOUTS = {f.__name__: f for f in (scan_below, scan_beside, scan_grid, scan_above, scan_panels, scan_plates)}
