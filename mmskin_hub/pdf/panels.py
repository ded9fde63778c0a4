"""Lettered panels: "(A) … (B) …" in the caption, and the gutters of a raster that holds several panels.

:func:`read_panels` splits the words, :func:`split_raster` the pixels. Pixel boxes are (left, top, right, bottom),
0-based, right and bottom exclusive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmskin_hub.pdf.labels import parse_label

PixelBox = tuple[int, int, int, int]
Pixels = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class PanelText:
    """The words of a caption by panel: ``head`` is shared, ``parts`` maps each letter, in order, to its own words.

    ``apart`` is false where the words cannot be taken apart ("a rash on the trunk (a) with bullae on the thighs
    (b)"): every panel then keeps the whole caption, ``head`` is "" and each part is the whole text.
    """

    head: str
    parts: tuple[tuple[str, str], ...]
    apart: bool = True

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of the panels, in order."""
        return tuple(letter for letter, _ in self.parts)


_LIST = r"[A-La-l](?:\s*(?:[-–—,&/]|,?\s*and|to)\s*[A-La-l](?![A-Za-z]))*"
_OPENS = r"(?:(?<=^)|(?<=[.;:,]\s)|(?<=[.;:]\s\s)|(?<=\)\s)|(?<=[—–-]\s)|(?<=and\s))"
_STYLES: tuple[re.Pattern[str], ...] = (
    re.compile(rf"[(\[]\s*(?P<letters>{_LIST})\s*[)\]]\s*[:.,—–-]?\s*"),
    re.compile(rf"{_OPENS}(?P<letters>{_LIST})\s*[:)]\s*[,.]?\s*"),
    re.compile(rf"{_OPENS}(?P<letters>[A-L](?:\s*(?:[-–—,&/]|,?\s*and|to)\s*[A-L](?![A-Za-z]))*)\s*[.,]\s+"),
    re.compile(rf"{_OPENS}(?P<letters>[a-l](?:\s*(?:[-–—,&/]|,?\s*and|to)\s*[a-l](?![A-Za-z]))*)\s*[.,]\s+"),
    re.compile(r"(?:(?<=^)|(?<=[.;:]\s))(?P<letters>[A-L](?:\s*(?:[-–—,&/]|and|to)\s*[A-L])*)\s+(?=[A-Z(][a-z&])"),
    re.compile(r"(?:(?<=^)|(?<=[.;:]\s))(?P<letters>[a-l](?:\s*[-–—,&]\s*[a-l])*)\s+(?=[A-Z(][a-z&]|An?\s)"),
)
_PLACES = ("left", "centre", "right", "top", "middle", "bottom")
_PLACE = re.compile(
    r"(?:(?<=^)|(?<=[.;:,)]\s))(?P<place>left|right|cent(?:re|er)|middle|top|bottom|upper|lower)"
    r"(?:\s+(?:panel|image|picture|photograph|side|row))?\s*[:,—–]\s*|"
    r"[(\[](?P<bracketed>left|right|cent(?:re|er)|middle|top|bottom|upper|lower)(?:\s+(?:panel|image|side|row))?[)\]]\s*[:,]?\s*",
    re.IGNORECASE,
)
_SAME_PLACE = {"center": "centre", "upper": "top", "lower": "bottom"}


@lru_cache(maxsize=4096)
def read_panels(text: str) -> PanelText | None:
    """The panels a caption names, or None where it names fewer than two.

    ``text`` is the printed caption, with its label or without, lines joined by ``\\n``.
    """
    label = parse_label(text)
    body = text[label.end :] if label else text
    body = re.sub(r"\s*\n\s*", lambda m: "\n", body).strip()
    flat = body.replace("\n", " ")  # same length: offsets stay valid in ``body``
    for style in _STYLES:
        marks = _in_sequence((m, _expand(m["letters"])) for m in style.finditer(flat))
        if marks:
            return _cut(body, flat, marks)
    places = [(m, [_place_name(m["place"] or m["bracketed"])]) for m in _PLACE.finditer(flat)]
    names = [p[0] for _, p in places]
    if len(places) >= 2 and len(set(names)) == len(names) and _one_axis(names):
        cut = _cut(body, flat, places)
        order = sorted(cut.parts, key=lambda part: _PLACES.index(part[0]))
        return PanelText(cut.head, tuple((chr(65 + n), words) for n, (_, words) in enumerate(order)), cut.apart)
    if label and re.fullmatch(r"[A-L](?:[-,][A-L])+", label.panel):
        return PanelText("", tuple((letter, body) for letter in _expand(label.panel)), apart=False)
    return None


def _place_name(word: str) -> str:
    return _SAME_PLACE.get(word.lower(), word.lower())


def _one_axis(names: Sequence[str]) -> bool:
    return set(names) <= {"left", "centre", "middle", "right"} or set(names) <= {"top", "middle", "centre", "bottom"}


def _expand(letters: str) -> list[str]:
    """The letters a mark stands for: "A–C" gives A, B, C; "a and b" gives A, B."""
    found: list[str] = []
    tokens = re.findall(r"\b[A-La-l]\b|[-–—]|\bto\b", letters)
    for n, token in enumerate(tokens):
        if token in "-–—" or token == "to":
            continue
        letter = token.upper()
        if found and n and (tokens[n - 1] in "-–—" or tokens[n - 1] == "to"):
            found += [chr(k) for k in range(ord(found[-1]) + 1, ord(letter))]
        if letter not in found:
            found.append(letter)
    return found


def _in_sequence(
    marks: Iterator[tuple[re.Match[str], list[str]]],
) -> list[tuple[re.Match[str], list[str]]]:
    """The marks that count up from A without a gap, at least two letters in all; else nothing."""
    out: list[tuple[re.Match[str], list[str]]] = []
    seen: list[str] = []
    for mark, letters in marks:
        expected = chr(65 + len(seen))
        if letters and letters[0] == expected and letters == [chr(65 + len(seen) + k) for k in range(len(letters))]:
            out.append((mark, letters))
            seen += letters
    return out if len(seen) >= 2 else []


def _cut(body: str, flat: str, marks: Sequence[tuple[re.Match[str], list[str]]]) -> PanelText:
    head = body[: marks[0][0].start()].strip()
    tail = flat[marks[-1][0].end() :].strip(" .;,")
    if not tail:  # the letters follow their words
        return _cut_after(body, flat, marks)
    if not all(_opens(flat[: mark.start()], first=mark is marks[0][0]) for mark, _ in marks):
        return PanelText("", tuple((letter, body) for _, letters in marks for letter in letters), apart=False)
    parts: list[tuple[str, str]] = []
    for n, (mark, letters) in enumerate(marks):
        end = marks[n + 1][0].start() if n + 1 < len(marks) else len(body)
        words = re.sub(r"[,;]?\s*(?:and)?\s*$", "", body[mark.end() : end]).strip()
        parts += [(letter, words) for letter in letters]
    if any(len(words) < 3 for _, words in parts):
        return PanelText("", tuple((letter, body) for letter, _ in parts), apart=False)
    return PanelText(head, tuple(parts))


def _opens(before: str, first: bool) -> bool:
    """Whether the words after ``before`` begin a clause: "before (A) and after (B) six weeks" cannot be cut."""
    return not before.strip() or bool(re.search(r"[.;:,)—–|]\s*$" if first else r"(?:[.;:,)—–|]|\band)\s*$", before))


def _cut_after(body: str, flat: str, marks: Sequence[tuple[re.Match[str], list[str]]]) -> PanelText:
    """Words that come before their letter: taken apart only where each is a sentence of its own."""
    parts: list[tuple[str, str]] = []
    start = 0
    apart = True
    for mark, letters in marks:
        words = body[start : mark.start()].strip()
        parts += [(letter, words) for letter in letters]
        start = mark.end()
        apart = apart and len(words) > 3 and words[0].isupper()
        if mark is not marks[-1][0] and not re.search(r"[.;]\s*$", flat[mark.start() : mark.end()]):
            apart = False
    if apart and len(marks) > 1:
        return PanelText("", tuple(parts))
    return PanelText("", tuple((letter, body) for letter, _ in parts), apart=False)


# ---- pixels ----------------------------------------------------------------------------------------------------


def split_raster(pixels: Pixels, count: int) -> list[PixelBox] | None:
    """The boxes of ``count`` panels drawn in one raster, in reading order, or None where they cannot be told.

    ``pixels`` is uint8 RGB, H × W × 3. Gutters (rows or columns of one flat colour right across) are cut first, the
    widest first; where there are none, seams are looked for: straight lines across which nothing runs on.
    """
    if count < 2:
        return None
    grey = np.asarray(pixels, dtype=np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    whole = _trim(grey, (0, 0, grey.shape[1], grey.shape[0]), pad=True)
    for finder in (_gutters, _seams):
        boxes = _cut_until(grey, whole, count, finder)
        if boxes:
            return _rows(boxes)
    return None


Finder = Callable[[np.ndarray[tuple[int, ...], np.dtype[np.float32]]], list[tuple[float, int, int]]]


def _cut_until(
    grey: np.ndarray[tuple[int, ...], np.dtype[np.float32]], whole: PixelBox, count: int, finder: Finder
) -> list[PixelBox] | None:
    """Cut the leaf with the best cut until there are ``count``; None where that cannot be done evenly."""
    leaves = [whole]
    x0, y0, x1, y1 = whole
    guides = {"y": _absolute(finder(grey[y0:y1, x0:x1]), y0), "x": _absolute(finder(grey[y0:y1, x0:x1].T), x0)}
    while len(leaves) < count:
        best: tuple[float, PixelBox, str, int, int] | None = None
        for leaf in leaves:
            x0, y0, x1, y1 = leaf
            part = grey[y0:y1, x0:x1]
            for axis, view in (("y", part), ("x", part.T)):
                for strength, low, high in finder(view):
                    span = view.shape[0]
                    if min(low, span - high) < max(24, 0.12 * span):
                        continue
                    if best is None or strength > best[0]:
                        best = (strength, leaf, axis, low, high)
        if best is None:
            return None
        _, leaf, axis, low, high = best
        x0, y0, x1, y1 = leaf
        # A gutter that runs across the whole raster shows its true width there; in one half of it the white
        # background of a histology beside it would be taken for gutter too.
        base = y0 if axis == "y" else x0
        for guide in guides[axis]:
            if base + low <= guide[0] and guide[1] <= base + high:
                low, high = guide[0] - base, guide[1] - base
                break
        leaves.remove(leaf)
        if axis == "y":
            leaves += [(x0, y0, x1, y0 + low), (x0, y0 + high, x1, y1)]
        else:
            leaves += [(x0, y0, x0 + low, y1), (x0 + high, y0, x1, y1)]
    leaves = [_trim(grey, leaf, pad=True) for leaf in leaves]
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in leaves]
    return leaves if min(areas) > 0.1 * max(areas) else None


def _absolute(cuts: list[tuple[float, int, int]], offset: int) -> list[tuple[int, int]]:
    return [(low + offset, high + offset) for _, low, high in cuts]


def _flat_rows(view: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows of one flat colour that is a gutter's: nearly white or nearly black."""
    white, black = (view > 228).mean(axis=1) >= 0.98, (view < 26).mean(axis=1) >= 0.98
    flat = np.zeros(view.shape[0], dtype=np.bool_)
    for row in np.flatnonzero(white | black):
        low, high = np.percentile(view[row], [2, 98])
        flat[row] = high - low < 14
    return flat


def _pad_rows(view: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Rows that are padding, not background: every pixel white, or every pixel black, but for JPEG noise."""
    return np.asarray((view.min(axis=1) > 252) | (view.max(axis=1) < 4), dtype=np.bool_)


def _gutters(view: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> list[tuple[float, int, int]]:
    """Runs of flat rows inside ``view``: (width as a share of the height, first row, row after)."""
    flat = np.concatenate([[False], _flat_rows(view), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    runs = zip(edges[::2], edges[1::2], strict=True)
    return [((b - a) / view.shape[0], int(a), int(b)) for a, b in runs if b - a >= 2]


def _seams(view: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> list[tuple[float, int, int]]:
    """Rows across which the picture breaks along its whole width: (strength, row, row)."""
    if view.shape[0] < 64:
        return []
    # Against the change two rows away, so that sharp texture on both sides does not count as a seam.
    step = np.abs(view[1:] - view[:-1])
    base = np.median(step, axis=1)
    width = view.shape[1]
    found = []
    around = np.array([np.median(base[max(0, r - 12) : r + 13]) for r in range(len(base))])
    # Panels of one size are the rule: where they would meet, half the evidence is enough.
    share = (np.arange(len(base)) + 1) / view.shape[0]
    regular = np.min([np.abs(share - f) for f in (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)], axis=0) * view.shape[0] < 2.5
    for row in np.flatnonzero(base > np.where(regular, 2.2 * around + 3, 4 * around + 6)):
        broken = float((step[row] > 8).mean())
        if broken > (0.45 if regular[row] else 0.75) and width > 48:
            found.append((0.001 * float(base[row] / (around[row] + 1)), int(row) + 1, int(row) + 1))
    return found


def _trim(grey: np.ndarray[tuple[int, ...], np.dtype[np.float32]], box: PixelBox, pad: bool = False) -> PixelBox:
    """``box`` without the flat margin around it; with ``pad`` only what is exactly white or black goes."""
    x0, y0, x1, y1 = box
    part = grey[y0:y1, x0:x1]
    if part.size == 0:
        return box
    rows, columns = (~_pad_rows(part), ~_pad_rows(part.T)) if pad else (~_flat_rows(part), ~_flat_rows(part.T))
    if not rows.any() or not columns.any():
        return box
    r, c = np.flatnonzero(rows), np.flatnonzero(columns)
    return x0 + int(c[0]), y0 + int(r[0]), x0 + int(c[-1]) + 1, y0 + int(r[-1]) + 1


def _rows(boxes: Sequence[PixelBox]) -> list[PixelBox]:
    """Boxes in reading order: by rows that overlap by half, each from left to right."""
    rows: list[list[PixelBox]] = []
    for box in sorted(boxes, key=lambda b: (b[1], b[0])):
        for row in rows:
            shared = min(row[0][3], box[3]) - max(row[0][1], box[1])
            if shared >= 0.5 * min(row[0][3] - row[0][1], box[3] - box[1]):
                row.append(box)
                break
        else:
            rows.append([box])
    return [box for row in rows for box in sorted(row)]
