"""The peer: PyMuPDF's own layout model, and for each picture the nearest caption box.

``pymupdf.layout`` (package ``pymupdf_layout``, installed with PyMuPDF 2) hooks itself into ``Page.get_layout()``,
which leaves ``page.layout_information``: a list of ``[x0, y0, x1, y1, class]`` in points. The model is a small graph
network over the text boxes of the page plus a convolutional one over its raster, run by onnxruntime. It finds the
class "caption" by itself; "picture" only with ``filter_img_bboxes=True``, which adds the boxes of the placed images
(without it, a page with photographs may have no picture at all).

As it comes, every onnxruntime session of the model keeps as many threads as there are cores, and they spin while they
wait. :func:`load` gives each session one thread instead: on one core, or with one process a core, the peer is then
quicker, and every ratio is taken against its quickest way.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pymupdf


def load(one_thread: bool = True) -> Any:
    """Import PyMuPDF with its layout model active. Must be the first import of either in the process."""
    import onnxruntime

    if one_thread:
        options = onnxruntime.SessionOptions

        def single() -> Any:
            made = options()
            made.intra_op_num_threads = made.inter_op_num_threads = 1
            made.add_session_config_entry("session.intra_op.allow_spinning", "0")
            return made

        onnxruntime.SessionOptions = single
    import pymupdf
    import pymupdf.layout  # a no-op where PyMuPDF has imported it already

    if one_thread:
        onnxruntime.SessionOptions = options
    return pymupdf


def read_page(page: pymupdf.Page) -> list[tuple[tuple[float, float, float, float], str]]:
    """Every picture box of ``page`` (points) with the text of the caption box nearest to it ("" without one)."""
    page.get_layout(filter_img_bboxes=True)
    boxes = page.layout_information or []
    captions = [tuple(box[:4]) for box in boxes if box[4] == "caption"]
    pairs = []
    for x0, y0, x1, y1, kind in boxes:
        if kind != "picture":
            continue
        nearest = min(captions, key=lambda c: _gap((x0, y0, x1, y1), c), default=None)
        pairs.append(((x0, y0, x1, y1), page.get_textbox(nearest).strip() if nearest else ""))
    return pairs


def _gap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """The distance of two boxes, edge to edge; 0 where they touch."""
    across = max(a[0] - b[2], b[0] - a[2], 0.0)
    down = max(a[1] - b[3], b[1] - a[3], 0.0)
    return float((across**2 + down**2) ** 0.5)


def count_pages(path: str) -> int:
    """Pages of the book at ``path``."""
    import pymupdf

    with pymupdf.open(path) as book:
        return len(book)


def read_range(task: tuple[str, int, int]) -> int:
    """Pages ``first`` to ``last`` (1-based) of a book; the number of pairs. For one process of a pool."""
    import pymupdf

    path, first, last = task
    with pymupdf.open(path) as book:
        return sum(len(read_page(book[n])) for n in range(first - 1, last))


def write_pairs(books: list[Path], folder: Path) -> Path:
    """The peer's pairs as ``folder/pairs.jsonl`` for the scorer: pictures rendered at 150 dpi, captions as found."""
    import json

    import pymupdf

    target = folder / "pairs.jsonl"
    count = 0
    with target.open("w", encoding="utf-8") as lines:
        for path in books:
            with pymupdf.open(path) as book:
                for page in book:
                    for box, caption in read_page(page):
                        if not caption:
                            continue
                        name = f"{count}.png"
                        page.get_pixmap(clip=box, dpi=150).save(folder / name)
                        lines.write(json.dumps({"image": name, "caption": " ".join(caption.split())}) + "\n")
                        count += 1
    return target
