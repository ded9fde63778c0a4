"""``contact_sheet.html``: every published pair on one page, the least certain first, for a person to look through.

The page is one file that asks for nothing else: thumbnails are JPEG data URIs, and a content security policy allows
its own script and style (by their SHA-256) and no other, so that no caption, whatever it holds, can act.

Rows are taken one at a time: thumbnails wait in a temporary file beside the page, and memory holds a score and an
offset a row.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import os
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import IO, Any

from PIL import Image

from mmskin_hub.hub.cards.templates import environment
from mmskin_hub.schema import MODALITIES, REJECT_REASONS, SPLITS, Row

THUMBNAIL = ((4_000, 240), (12_000, 160))
"""The longer side of a thumbnail in pixels for up to so many rows; beyond, :data:`SMALLEST` keeps a browser alive."""
SMALLEST = 120
QUALITY = 70

REJECTS_SHOWN = 2_000
"""Reject rows on the page; the others are in ``rejects.parquet``."""


def write_contact_sheet(
    path: str | Path, rows: Iterable[Row], build: Mapping[str, Any], rejects: Iterable[Row] = ()
) -> int:
    """Write the page to ``path`` and return how many pairs it shows.

    ``rows`` are published rows (:func:`mmskin_hub.derive.captions.caption_row`) with ``split``, in any order; ``image``
    is encoded bytes or ``{"bytes": …}``, ``questions`` (optional) the rows of ``open_vqa`` about the picture. ``build``
    is the content of ``build.json``; used are ``dataset``, ``version``, ``inputs`` (the names of the books) and
    ``counts`` (``published``, ``rejects``), all optional. ``rejects`` are rows of ``rejects.parquet``. The same input
    gives the same bytes. Raises ``OSError`` where ``path`` cannot be written.
    """
    path = Path(path)
    counts = build.get("counts") or {}
    side = _side(int(counts.get("published") or 0))
    names = {str(book["sha256"]): str(book["name"]) for book in build.get("inputs") or ()}
    template = _template()
    with tempfile.TemporaryFile(dir=path.parent) as spool:
        index = _spool(spool, _cards(rows, names, side))
        pieces = template.generate(
            title=f"{build.get('dataset') or 'dataset'} {build.get('version') or ''}".strip(),
            total=len(index),
            cards=_replay(spool, index),
            modalities=MODALITIES,
            splits=SPLITS,
            reasons=[(name, number, REJECT_REASONS.get(name, "")) for name, number in _reasons(counts)],
            rejects=(_reject(row, names) for row in islice(rejects, REJECTS_SHOWN)),
            shown=REJECTS_SHOWN,
        )
        with path.open("w", encoding="utf-8", newline="\n") as page:
            page.writelines(pieces)
    return len(index)


def thumbnail(data: bytes, side: int) -> tuple[bytes, int, int] | None:
    """A JPEG of the encoded picture, at most ``side`` pixels wide and high, with its width and height.

    ``None`` where the picture cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            # A JPEG is decoded at the smallest scale that will do, which saves most of the time.
            image.draft("RGB", (side, side))
            small = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue(), small.width, small.height


def _side(rows: int) -> int:
    return next((side for limit, side in THUMBNAIL if rows <= limit), SMALLEST)


def _cards(rows: Iterable[Row], names: Mapping[str, str], side: int) -> Iterator[dict[str, Any]]:
    """A card a row, in order; Pillow lets go of the interpreter, so threads share the decoding."""
    threads = os.cpu_count() or 1
    waiting: deque[Future[dict[str, Any]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for row in rows:
            waiting.append(pool.submit(_card, row, names, side))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _card(row: Row, names: Mapping[str, str], side: int) -> dict[str, Any]:
    image = row["image"]
    small = thumbnail(image["bytes"] if isinstance(image, Mapping) else image, side)
    book = str(row["book"])
    return {
        "id": str(row["id"]),
        "caption": str(row["caption"]),
        "raw_caption": str(row.get("raw_caption") or ""),
        "label": str(row.get("figure_label") or ""),
        "panel": str(row.get("panel") or ""),
        "modality": str(row["modality"]),
        "modality_score": _score(row["modality_score"]),
        "pair_score": _score(row["pair_score"]),
        "split": str(row.get("split") or ""),
        "page": int(row["page"]),
        "book": names.get(book, book[:12]),
        "age": None if row.get("age_years") is None else f"{float(row['age_years']):.3g}",
        "sex": row.get("sex"),
        "questions": [(str(each["question"]), str(each["answer"])) for each in row.get("questions") or ()],
        "src": small and f"data:image/jpeg;base64,{base64.b64encode(small[0]).decode()}",
        "size": small and small[1:],
    }


def _score(value: Any) -> float:
    number = float(value)
    return round(number, 4) if math.isfinite(number) else 0.0


def _spool(spool: IO[bytes], cards: Iterable[Mapping[str, Any]]) -> list[tuple[float, float, str, int]]:
    """Write the cards as lines; the order in which to show them, each with its offset."""
    index = []
    for card in cards:
        index.append((card["pair_score"], card["modality_score"], card["id"], spool.tell()))
        spool.write(json.dumps(card).encode() + b"\n")
    # Without the offset, so that rows given in another order make the same page.
    index.sort(key=lambda entry: entry[:3])
    return index


def _replay(spool: IO[bytes], index: Sequence[tuple[float, float, str, int]]) -> Iterator[dict[str, Any]]:
    for *_, offset in index:
        spool.seek(offset)
        yield json.loads(spool.readline())


def _reasons(counts: Mapping[str, Any]) -> list[tuple[str, int]]:
    return sorted((counts.get("rejects") or {}).items(), key=lambda item: (-item[1], item[0]))


def _reject(row: Row, names: Mapping[str, str]) -> dict[str, Any]:
    book = str(row.get("book") or "")
    return {
        "reason": row["reason"],
        "book": row.get("book_name") or names.get(book, book[:12]),
        "page": row.get("page") or "",
        "score": f"{_score(row.get('score') or 0.0):.2f}",
        "detail": row.get("detail") or "",
        "caption": row.get("caption") or "",
        "question": row.get("question") or "",
        "answer": row.get("answer") or "",
    }


def _template() -> Any:
    jinja = environment(html=True)
    jinja.filters["csp_hash"] = lambda text: (
        f"'sha256-{base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()}'"
    )
    return jinja.get_template("contact_sheet.html.jinja")
