"""The images and strokes of a page become the pictures a reader sees.

Steps, each a function below: furniture is set aside (page backgrounds, logos and banners that stand at the same
place on several pages), strips and tiles are merged, pictures inside pictures are made one, drawings made of vector
paths are found, and what is printed on or at each picture (letters, numbers, arrows) is noted.

All boxes are in PDF points of the upright page.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from mmskin_hub.pdf.drawings import find_drawings
from mmskin_hub.pdf.labels import parse_bare_number, parse_label, parse_panel_letter
from mmskin_hub.pdf.layout import Box, Line, Page, Picture, PlacedImage, Reject, Stroke

#: Printed smaller than this on either side (points; under half an inch) is an icon or a rule, not a figure.
SMALLEST_PRINT = 30.0
#: Edges closer than this (points) touch.
TOUCH = 0.8
#: A piece smaller than this on a side, printed, can only be part of a picture.
SMALLEST_PIECE = 24.0
#: The same image at the same place on this many pages is furniture.
FURNITURE_PAGES = 3
#: Panel letters and bare numbers stand within this many points of their picture.
MARK_REACH = 16.0

Digest = tuple[str, int, int]


def placed_digest(image: PlacedImage) -> Digest:
    """What makes two placed images the same furniture: their bytes, height on the page and printed width."""
    key = hashlib.blake2b(image.data, digest_size=12).hexdigest()
    return (key, *_place(image))


def _may_be_furniture(image: PlacedImage, page: Page) -> bool:
    """A logo, an icon or a banner: small, thin, or wholly in the band of running heads and feet."""
    box = image.box
    thin = max(box.width, box.height) > 3.5 * min(box.width, box.height)
    in_band = box.y1 < 0.16 * page.height or box.y0 > 0.84 * page.height
    return thin or in_band or box.area < 0.025 * page.box.area


def _place(image: PlacedImage) -> tuple[int, int]:
    return round(image.box.y0 / 6), round(image.box.width / 6)


def find_furniture(pages: Iterable[Page]) -> frozenset[Digest]:
    """Digests of images that stand at the same place on at least :data:`FURNITURE_PAGES` pages."""
    # Hashing every photograph would take as long as reading it: only what agrees in length and place is hashed.
    alike: dict[tuple[int, int, int], list[tuple[int, PlacedImage]]] = {}
    for page in pages:
        for image in page.images:
            if not _may_be_furniture(image, page):
                continue
            alike.setdefault((len(image.data), *_place(image)), []).append((page.number, image))
    seen: dict[Digest, set[int]] = {}
    for group in alike.values():
        if len({number for number, _ in group}) >= FURNITURE_PAGES:
            for number, image in group:
                seen.setdefault(placed_digest(image), set()).add(number)
    return frozenset(digest for digest, on in seen.items() if len(on) >= FURNITURE_PAGES)


def find_pictures(
    page: Page, furniture: frozenset[Digest] = frozenset(), min_size: int = 64, clips: Sequence[Box] = ()
) -> tuple[list[Picture], list[Reject]]:
    """The pictures of a born-digital page in reading order, and what was set aside.

    ``min_size`` is the least number of pixels on the shorter side.
    """
    images, rejects = _without_furniture(page, furniture)
    pictures: list[Picture] = []
    for group in merge_pieces(images):
        box = group[0].box
        for piece in group[1:]:
            box = box.union(piece.box)
        visible = box.intersect(page.box)
        resolution = max(piece.resolution for piece in group)
        if why := _too_small(visible, resolution, min_size):
            rejects.append(Reject("pdf", "too_small", page.number, visible, detail=why))
            continue
        first = group[0]
        whole = visible.area > 0.98 * box.area
        alone = len(group) == 1 and whole and page.turn == 0 and not first.altered
        if alone and first.ext in ("jpeg", "png") and first.channels in (1, 3):
            pictures.append(Picture(page.number, visible, "image", first.data, first.ext, resolution, first.pixels))
        else:
            pictures.append(Picture(page.number, visible, "region", b"", "jpeg", resolution))
    pictures += [
        Picture(page.number, box, "vector", b"", "png", 150 / 72)
        for box in find_drawings(page, [p.box for p in pictures])
    ]
    return note_marks(page, reading_order(pictures), images), rejects


def reading_order(pictures: Sequence[Picture]) -> list[Picture]:
    """Row by row, each from left to right; pictures whose heights overlap by half are of one row. Sets ``index``."""
    rows: list[list[Picture]] = []
    for picture in sorted(pictures, key=lambda p: (p.box.y0, p.box.x0)):
        for row in rows:
            top, bottom = max(p.box.y0 for p in row), min(p.box.y1 for p in row)
            shared = min(bottom, picture.box.y1) - max(top, picture.box.y0)
            if shared >= 0.5 * min(bottom - top, picture.box.height):
                row.append(picture)
                break
        else:
            rows.append([picture])
    ordered = [p for row in rows for p in sorted(row, key=lambda p: (p.box.x0, p.box.y0))]
    return [replace(p, index=n) for n, p in enumerate(ordered)]


def _without_furniture(page: Page, furniture: frozenset[Digest]) -> tuple[list[PlacedImage], list[Reject]]:
    kept: list[PlacedImage] = []
    rejects: list[Reject] = []
    others = len(page.lines) >= 3 or len(page.images) > 1
    for image in page.images:
        why = ""
        if others and image.box.intersect(page.box).area >= 0.85 * page.box.area:
            why = "a background as large as the page"
        elif furniture and placed_digest(image) in furniture:
            why = "the same picture stands at the same place on several pages"
        elif image.box.width < 1 or image.box.height < 1:
            why = "a rule"
        if why:
            rejects.append(Reject("pdf", "furniture", page.number, image.box, detail=why))
        else:
            kept.append(image)
    return kept, rejects


def _too_small(box: Box, resolution: float, min_size: int) -> str:
    width, height = round(box.width * resolution), round(box.height * resolution)
    if min(box.width, box.height) < SMALLEST_PRINT:
        return f"printed {box.width:.0f} × {box.height:.0f} points: an icon or a rule"
    if min(width, height) < min_size:
        return f"{width} × {height} pixels; --min-size is {min_size}"
    return ""


# ---- strips and tiles ------------------------------------------------------------------------------------------


def merge_pieces(images: Sequence[PlacedImage]) -> list[list[PlacedImage]]:
    """Group the images that make one picture, in drawing order.

    Two images belong together where one lies inside the other, or where they touch along an edge at one resolution
    and are pieces: too small to be a figure, or without a seam between them (two photographs set edge to edge do
    show one).
    """
    parent = list(range(len(images)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    order = sorted(range(len(images)), key=lambda n: (images[n].box.y0, images[n].box.x0, n))
    for place, a in enumerate(order):
        for b in order[place + 1 :]:
            if images[b].box.y0 > images[a].box.y1 + TOUCH:
                break
            if root(a) != root(b) and _one_picture(images[a], images[b]):
                parent[root(b)] = root(a)
    groups: dict[int, list[PlacedImage]] = {}
    for n, image in enumerate(images):
        groups.setdefault(root(n), []).append(image)
    return list(groups.values())


def _one_picture(a: PlacedImage, b: PlacedImage) -> bool:
    if a.box.covers(b.box) or b.box.covers(a.box):
        return True
    side = _touching(a.box, b.box)
    if not side:
        return False
    if any(min(i.box.width, i.box.height) < SMALLEST_PIECE for i in (a, b)):
        return True
    if abs(a.resolution - b.resolution) > 0.03 * max(a.resolution, b.resolution):
        return False
    return not a.altered and not b.altered and _seamless(a, b, side)


def _touching(a: Box, b: Box) -> str:
    """On which side ("down", "right") one of two boxes joins the other along most of an edge; "" where none does."""
    x_shared = min(a.x1, b.x1) - max(a.x0, b.x0)
    y_shared = min(a.y1, b.y1) - max(a.y0, b.y0)
    reach = 2 * TOUCH
    if -TOUCH <= y_shared <= reach and x_shared >= 0.6 * min(a.width, b.width):
        return "down"
    if -TOUCH <= x_shared <= reach and y_shared >= 0.6 * min(a.height, b.height):
        return "right"
    return ""


def _seamless(a: PlacedImage, b: PlacedImage, side: str) -> bool:
    """Whether the pixels run on across the shared edge of two pieces about as smoothly as they do beside it."""
    first, second = (a, b) if (a.box.y0, a.box.x0) <= (b.box.y0, b.box.x0) else (b, a)
    if side == "right" and first.box.x0 > second.box.x0:
        first, second = second, first
    try:
        one, two = _grey(first), _grey(second)
    except (OSError, ValueError, Image.DecompressionBombError):
        return False
    if side == "right":
        one, two = one.T, two.T
        ends = (first.box.y0, first.box.y1, second.box.y0, second.box.y1)
    else:
        ends = (first.box.x0, first.box.x1, second.box.x0, second.box.x1)
    # The two edges, resampled to the stretch they share.
    low, high = max(ends[0], ends[2]), min(ends[1], ends[3])
    samples = np.linspace(low, high, 64)[1:-1]
    left = _resample(one[-3:], samples, ends[0], ends[1])
    right = _resample(two[:3], samples, ends[2], ends[3])
    across = np.abs(left[-1] - right[0]).mean()
    within = max(np.abs(np.diff(left, axis=0)).mean(), np.abs(np.diff(right, axis=0)).mean())
    return bool(across <= 3.0 * within + 4.0)


def _grey(image: PlacedImage) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    with Image.open(io.BytesIO(image.data)) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float32)


def _resample(
    rows: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    samples: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    low: float,
    high: float,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    places = np.clip((samples - low) / (high - low) * rows.shape[1], 0, rows.shape[1] - 1).astype(int)
    return rows[:, places].astype(np.float64)


# ---- letters, numbers and arrows printed on a picture ----------------------------------------------------------


def note_marks(page: Page, pictures: Sequence[Picture], images: Sequence[PlacedImage] = ()) -> list[Picture]:
    """Set ``letter``, ``number`` and ``overlaid`` of each picture from the lines, strokes and small images at it."""
    letters: dict[int, list[tuple[str, float, float]]] = {}
    numbers: dict[int, str] = {}
    over = dict.fromkeys(range(len(pictures)), 0)
    if not pictures:
        return []
    sizes = Counter(line.block for line in page.lines)
    captions: dict[int, bool] = {}
    marks: list[tuple[Line, str]] = []
    for line in page.lines:
        if len(line.text) > 40 or not (near := _near(line.box, pictures)):
            continue
        inside = next((n for n, side, _ in near if side == "inside"), None)
        alone = sizes[line.block] == 1 or inside is not None
        if alone and (letter := parse_panel_letter(line.text)):
            marks.append((line, letter))
        elif alone and (bare := parse_bare_number(line.text)) and bare.key:
            marks.append((line, bare.key))
        elif inside is not None and len(line.text.split()) < 6:
            if line.block not in captions:
                captions[line.block] = any(parse_label(o.text) for o in page.lines if o.block == line.block)
            over[inside] += not captions[line.block]
    owners = _owners([line.box for line, _ in marks], pictures)
    # Marks on the usual side first: "PLATE IV" over a picture must not take the place of the "7" under it.
    for (line, mark), (_, place) in sorted(zip(marks, owners, strict=True), key=lambda item: not item[1][0]):
        if mark[0].isalpha() and parse_panel_letter(mark):
            letters.setdefault(place, []).append((mark, *line.box.centre))
        else:
            numbers.setdefault(place, mark)
    for n, picture in enumerate(pictures):
        if picture.kind != "vector":
            over[n] += sum(_drawn_over(stroke, picture, page.lines) for stroke in page.strokes)
            over[n] += sum(_stuck_on(image, picture) for image in images)
    return [
        replace(
            p,
            letter=letters[n][0][0] if len(letters.get(n, ())) == 1 else "",
            letters=tuple(sorted(letters.get(n, ()))),
            number=numbers.get(n, ""),
            overlaid=over[n],
        )
        for n, p in enumerate(pictures)
    ]


def _near(mark: Box, pictures: Sequence[Picture]) -> list[tuple[int, str, float]]:
    """The pictures a mark stands on or at, within :data:`MARK_REACH`: (index, side, distance), the nearest first."""
    found = []
    for n, picture in enumerate(pictures):
        box = picture.box
        dx = max(box.x0 - mark.x1, mark.x0 - box.x1)
        dy = max(box.y0 - mark.y1, mark.y0 - box.y1)
        if (dx > 0 and dy > 0) or max(dx, dy) > MARK_REACH:
            continue
        if box.grow(1).covers(mark, 0.6):
            found.append((n, "inside", 0.0))
        elif dy >= dx:
            found.append((n, "below" if mark.y0 > box.centre[1] else "above", max(0.0, dy)))
        else:
            found.append((n, "right" if mark.x0 > box.centre[0] else "left", max(0.0, dx)))
    return sorted(found, key=lambda item: (item[2], item[0]))


def _owners(marks: Sequence[Box], pictures: Sequence[Picture]) -> list[tuple[bool, int]]:
    """For each mark whether it stands on the usual side of a picture, and the index of the picture it belongs to.

    A mark between two rows is as near to one as to the other: what tells is that a plate sets all its marks on one
    side, so that the side that serves the most pictures is taken.
    """
    choices = [_near(mark, pictures) for mark in marks]
    sides = ("inside", "below", "above", "left", "right")
    served = {side: len({n for near in choices for n, s, _ in near if s == side}) for side in sides}
    habit = max(sides, key=lambda side: (served[side], -sides.index(side)))
    usual = [next((n for n, side, _ in near if side == habit), None) for near in choices]
    return [(n is not None, n if n is not None else near[0][0]) for n, near in zip(usual, choices, strict=True)]


def _drawn_over(stroke: Stroke, picture: Picture, lines: Sequence[Line]) -> bool:
    """Whether a path was drawn on the picture as a mark: within it, not its frame, not the box behind a letter."""
    box = picture.box
    if not box.covers(stroke.box.grow(0.01), 0.95) or max(stroke.box.width, stroke.box.height) < 3:
        return False
    if stroke.box.width > 0.9 * box.width or stroke.box.height > 0.9 * box.height:
        return False  # a frame or a rule along the edge
    if not stroke.stroked and stroke.rectangle:
        return not any(stroke.box.grow(3).covers(line.box, 0.7) for line in lines) and stroke.box.area < 0.2 * box.area
    return True


def _stuck_on(image: PlacedImage, picture: Picture) -> bool:
    """Whether a small image (an arrow, a star) was laid on the picture, away from the corners where letters stand."""
    box, mark = picture.box, image.box
    if mark.area > 0.05 * box.area or not box.covers(mark, 0.9):
        return False
    x, y = mark.centre
    margin_x, margin_y = 0.12 * box.width, 0.12 * box.height
    return box.x0 + margin_x < x < box.x1 - margin_x or box.y0 + margin_y < y < box.y1 - margin_y
