"""``contact_sheet.html``: every published pair on one page, the least certain first, for a person to look through.

The page is one file that asks for nothing else: thumbnails are JPEG data URIs, and a content security policy allows
its own script and style (by their SHA-256) and no other, so that no caption, whatever it holds, can act. It is
searched, filtered and ordered in the browser, by mouse or keyboard, and what is chosen stands in its address
(``contact_sheet.html#modality=clinical&order=high``); ``tests/browser`` opens it in one.

Rows are taken one at a time: thumbnails wait in a temporary file beside the page, and memory holds a score and an
offset a row.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
import tempfile
import textwrap
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
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

DOUBTFUL = 0.5
"""A pair with a score below this is called doubtful."""
BEGINNING = 100
"""Letters of a caption in the text alternative of its picture."""

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
    names = _names(build)
    template = environment(html=True).get_template("contact_sheet.html.jinja")
    with tempfile.TemporaryFile(dir=path.parent) as spool:
        index = _spool(spool, _cards(rows, names, side))
        pieces = template.generate(
            title=f"{build.get('dataset') or 'dataset'} {build.get('version') or ''}".strip(),
            total=len(index.order),
            cards=_replay(spool, index.order),
            modalities=index.present("modality", MODALITIES),
            splits=index.present("split", SPLITS),
            books=index.present("book"),
            doubtful=index.doubtful,
            doubt=DOUBTFUL,
            reasons=[(name, number, REJECT_REASONS.get(name, "")) for name, number in _reasons(counts)],
            rejects=(_reject(row, names) for row in islice(rejects, REJECTS_SHOWN)),
            shown=REJECTS_SHOWN,
        )
        with path.open("w", encoding="utf-8", newline="\n") as page:
            page.writelines(pieces)
    return len(index.order)


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
    data = image["bytes"] if isinstance(image, Mapping) else image
    small = thumbnail(data, side)
    book = str(row["book"])
    card: dict[str, Any] = {
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
        "full": small and _size(data),
    }
    return {**card, "doubtful": min(card["pair_score"], card["modality_score"]) < DOUBTFUL, "alt": alternative(card)}


def alternative(card: Mapping[str, Any]) -> str:
    """What stands for a picture that is not seen: its modality, how its caption begins, its book, page and panel.

    ``card`` has ``modality``, ``modality_score`` (0 to 1; below :data:`DOUBTFUL` the modality is called a guess),
    ``caption``, ``book``, ``page`` (from 1) and ``panel``.
    """
    sure = card["modality_score"] >= DOUBTFUL
    kind = f"{card['modality'].capitalize()} picture" if sure else f"Picture, perhaps {card['modality']}"
    words = textwrap.shorten(card["caption"], BEGINNING, placeholder="…")
    # A first word that is longer than all the room leaves the placeholder alone.
    words = card["caption"].strip()[:BEGINNING] + "…" if words == "…" else words
    panel = f", panel {card['panel']}" if card["panel"] else ""
    return f"{kind}: {words or 'no words'} ({card['book']}, page {card['page']}{panel})"


def _size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def _score(value: Any) -> float:
    number = float(value)
    return round(number, 4) if math.isfinite(number) else 0.0


@dataclass(slots=True)
class _Index:
    """What is known of all cards before the first is written."""

    order: list[tuple[float, float, str, int]] = field(default_factory=list)
    """Pair score, modality score, id, and where the card begins in the spool."""
    counts: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in ("modality", "split", "book")}
    )
    doubtful: int = 0

    def present(self, name: str, order: Sequence[str] = ()) -> list[tuple[str, int]]:
        """The values of ``name`` with their numbers of cards: those of ``order`` first, the others sorted."""
        found = self.counts[name]
        rank = {value: number for number, value in enumerate(order)}
        return [(value, found[value]) for value in sorted(found, key=lambda v: (rank.get(v, len(rank)), v)) if value]


def _spool(spool: IO[bytes], cards: Iterable[Mapping[str, Any]]) -> _Index:
    """Write the cards as lines; the order in which to show them, each with its offset."""
    index = _Index()
    for card in cards:
        index.order.append((card["pair_score"], card["modality_score"], card["id"], spool.tell()))
        index.doubtful += card["doubtful"]
        for name, counter in index.counts.items():
            counter[card[name]] += 1
        spool.write(json.dumps(card).encode() + b"\n")
    # Without the offset, so that rows given in another order make the same page.
    index.order.sort(key=lambda entry: entry[:3])
    return index


def _replay(spool: IO[bytes], order: Sequence[tuple[float, float, str, int]]) -> Iterator[dict[str, Any]]:
    for *_, offset in order:
        spool.seek(offset)
        yield json.loads(spool.readline())


def _names(build: Mapping[str, Any]) -> dict[str, str]:
    """The name of each book by its SHA-256; two books of one name (from two folders) get a piece of it, too."""
    names = {str(book["sha256"]): str(book["name"]) for book in build.get("inputs") or ()}
    often = Counter(names.values())
    return {digest: f"{name} ({digest[:12]})" if often[name] > 1 else name for digest, name in names.items()}


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
