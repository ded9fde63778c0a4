"""Matched pictures become pairs: panels get their letters and their words, and every picture its bytes.

The pictures that share one caption are one figure. Where the caption names panels, they are handed out by the letters
printed at the pictures, else in reading order; where it names more panels than there are pictures, the raster that
holds several is cut (:func:`mmskin_hub.pdf.panels.split_raster`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmskin_hub.pdf.captions import NOT_FIGURES
from mmskin_hub.pdf.layout import Box, Caption, Page, Pair, Picture, Reject
from mmskin_hub.pdf.match import Match, PageMatch
from mmskin_hub.pdf.panels import PanelText, PixelBox, read_panels, split_raster
from mmskin_hub.pdf.reader import render

if TYPE_CHECKING:
    import pymupdf

#: No picture is rendered with more pixels than this on its longer side.
LONGEST_SIDE = 4000
#: JPEG quality of what is rendered or cut: no visible loss, a tenth of the bytes of PNG.
QUALITY = 95


@dataclass(frozen=True, slots=True)
class Piece:
    """A picture, or the part of one that is a panel: its bytes, their size in pixels, and its box in points."""

    picture: Picture
    data: bytes
    pixels: tuple[int, int]
    box: Box


def make_pairs(book: pymupdf.Document, page: PageMatch) -> tuple[list[Pair], list[Reject]]:
    """The pairs of one solved page, figure by figure in reading order, and the pictures that could not be had."""
    figures: dict[tuple[int, Box, str], list[Match]] = {}  # legends of one line share its box
    pairs: list[Pair] = []
    rejects: list[Reject] = []
    for match in sorted(page.matches, key=lambda m: m.picture.index):
        caption = match.caption
        if caption.kind in NOT_FIGURES:
            detail = f"it belongs to a {caption.kind}: {caption.label}"
            rejects.append(Reject("match", "no_caption", page.page.number, match.picture.box, match.score, detail))
            continue
        figures.setdefault((caption.page, caption.box, caption.key), []).append(match)
    for number, matches in enumerate(figures.values(), start=1):
        figure = f"p{page.page.number}-f{number}"
        pieces: list[Piece] = []
        scores: list[float] = []
        for match in matches:
            try:
                pieces.append(_piece(book, page.page, match.picture))
                scores.append(match.score)
            except (OSError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
                detail = f"{type(error).__name__}: {error}"
                rejects.append(Reject("pdf", "undecodable", page.page.number, match.picture.box, detail=detail))
        pairs += _figure(figure, matches[0].caption, pieces, scores)
    return pairs, rejects


def _figure(figure: str, caption: Caption, pieces: list[Piece], scores: list[float]) -> list[Pair]:
    """The pairs of the pictures that share ``caption``."""
    panels = read_panels(caption.body)
    score = min(scores, default=0.0)
    if panels is not None:
        pieces = _cut_pieces(pieces, panels)
        if (named := _by_letter(pieces, panels)) is not None:
            parts = dict(panels.parts)
            return [
                _pair(figure, caption, piece, score, letter, panels.head, parts[letter] if panels.apart else "")
                for letter, piece in named
            ]
    if len(pieces) == 1:
        return [_pair(figure, caption, pieces[0], score)]
    return [_pair(figure, caption, piece, score, str(n)) for n, piece in enumerate(pieces, start=1)]


def _pair(
    figure: str, caption: Caption, piece: Piece, score: float, panel: str = "", head: str = "", words: str = ""
) -> Pair:
    return Pair(
        piece.picture.page, piece.box, piece.data, caption.text, caption.label, panel, head if words else "", words,
        score, piece.picture.overlaid, figure, piece.pixels,
    )  # fmt: skip


def _by_letter(pieces: Sequence[Piece], panels: PanelText) -> list[tuple[str, Piece]] | None:
    """Each piece with its panel letter, or None where there are more pieces than letters."""
    letters = panels.letters
    printed = [p.picture.letter for p in pieces]
    if len(set(printed)) == len(printed) and all(letter in letters for letter in printed):
        return sorted(zip(printed, pieces, strict=True), key=lambda item: item[0])
    if len(pieces) != len(letters):
        return None
    return list(zip(letters, pieces, strict=True))


def _cut_pieces(pieces: list[Piece], panels: PanelText) -> list[Piece]:
    """Cut the pieces that hold several panels, until there are as many as letters; unchanged where that fails."""
    missing = len(panels.letters) - len(pieces)
    if missing <= 0 or not pieces:
        return pieces
    wanted = [max(1, len(p.picture.letters)) for p in pieces]
    if sum(wanted) != len(panels.letters):
        largest = max(range(len(pieces)), key=lambda n: pieces[n].pixels[0] * pieces[n].pixels[1])
        wanted = [1 + missing if n == largest else 1 for n in range(len(pieces))]
    out: list[Piece] = []
    for piece, count in zip(pieces, wanted, strict=True):
        if count == 1:
            out.append(piece)
            continue
        with Image.open(io.BytesIO(piece.data)) as opened:
            image = opened.convert("RGB")
        boxes = split_raster(np.asarray(image), count)
        if boxes is None:
            return pieces
        out += [_crop(piece, image, box) for box in _in_letter_order(piece, boxes)]
    return out


def _in_letter_order(piece: Piece, boxes: list[PixelBox]) -> list[PixelBox]:
    """``boxes`` in the order of the letters printed in them, where each holds or is nearest to one; else as given."""
    picture = piece.picture
    if len(picture.letters) != len(boxes):
        return boxes
    scale = piece.pixels[0] / max(1.0, picture.box.width)
    order: list[PixelBox] = []
    for _, x, y in picture.letters:
        px, py = (x - picture.box.x0) * scale, (y - picture.box.y0) * scale

        def distance(box: PixelBox, px: float = px, py: float = py) -> float:
            return max(box[0] - px, px - box[2], 0.0) + max(box[1] - py, py - box[3], 0.0)

        order.append(min(boxes, key=distance))
    return order if len(set(order)) == len(boxes) else boxes


def _crop(piece: Piece, image: Image.Image, box: PixelBox) -> Piece:
    part = image.crop(box)
    buffer = io.BytesIO()
    if piece.data.startswith(b"\x89PNG"):
        part.save(buffer, "PNG")
    else:
        part.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    x, y = piece.box.width / image.width, piece.box.height / image.height
    placed = Box(
        piece.box.x0 + box[0] * x, piece.box.y0 + box[1] * y, piece.box.x0 + box[2] * x, piece.box.y0 + box[3] * y
    )
    return Piece(piece.picture, buffer.getvalue(), part.size, placed)


def _piece(book: pymupdf.Document, page: Page, picture: Picture) -> Piece:
    """The bytes of a whole picture: those stored in the PDF where nothing was done to them, else a rendering."""
    if picture.data:
        return Piece(picture, picture.data, picture.pixels, picture.box)
    scale = min(picture.resolution, LONGEST_SIDE / max(picture.box.width, picture.box.height))
    data = render(book, page, picture.box, scale, "png" if picture.kind == "vector" else "jpeg", QUALITY)
    with Image.open(io.BytesIO(data)) as image:
        return Piece(picture, data, image.size, picture.box)
