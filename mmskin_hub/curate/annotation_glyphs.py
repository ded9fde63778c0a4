"""Is this patch a printed character? It is compared with the letters and figures of the sans serif Pillow carries."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Mask = npt.NDArray[np.bool_]
SIDE = 24  # px of the square a character is stretched to
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabdefghkmnqrstuy23456789µ*#?"  # characters that are more than a bar or a ring


@cache
def _templates() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """(templates, width over height): every character in a plain and a bold cut, blurred a little."""
    font = ImageFont.load_default(64)
    masks, aspects = [], []
    for character in LETTERS:
        for bold in (0, 2, 5):
            canvas = Image.new("L", (140, 140), 0)
            ImageDraw.Draw(canvas).text((30, 20), character, fill=255, font=font, stroke_width=bold)
            glyph = np.asarray(canvas) > 127
            rows, columns = np.flatnonzero(glyph.any(axis=1)), np.flatnonzero(glyph.any(axis=0))
            glyph = glyph[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            masks.append(_normal(glyph))
            aspects.append(glyph.shape[1] / glyph.shape[0])
    return np.stack(masks), np.array(aspects)


def _normal(mask: Mask) -> npt.NDArray[np.float32]:
    square = Image.fromarray(mask.astype(np.uint8) * 255).resize((SIDE, SIDE), Image.Resampling.BOX)
    values = np.asarray(square, dtype=np.float32).ravel() / 255
    values = values - values.mean()
    return np.asarray(values / max(1e-6, float(np.linalg.norm(values))), dtype=np.float32)


def likeness(mask: Mask) -> float:
    """The best correlation (to 1) with a character of about the same proportions."""
    templates, aspects = _templates()
    aspect = mask.shape[1] / mask.shape[0]
    alike = np.abs(np.log(aspects / aspect)) < 0.3
    if not alike.any() or mask.all():
        return 0.0
    return float((templates[alike] @ _normal(mask)).max())


def lines(boxes: list[tuple[int, int, int, int]]) -> list[list[int]]:
    """Indices of boxes that stand in a row as type does: equal heights or a common foot, a letter's gap apart."""
    order = sorted(range(len(boxes)), key=lambda i: (boxes[i][0], boxes[i][1]))
    rows: list[list[int]] = []
    for i in order:
        for row in rows:
            if _follows(boxes[row[-1]], boxes[i]):
                row.append(i)
                break
        else:
            rows.append([i])
    return rows


def _follows(left: tuple[int, int, int, int], right: tuple[int, int, int, int]) -> bool:
    tall = max(left[3] - left[1], right[3] - right[1])
    low = min(left[3] - left[1], right[3] - right[1])
    feet, heads = abs(left[3] - right[3]), abs(left[1] - right[1])
    gap = right[0] - left[2]
    return low > 0.55 * tall and min(feet, heads) <= 0.15 * tall + 1 and -0.15 * tall <= gap <= 0.9 * tall


def panel_letter(box: tuple[int, int, int, int], size: tuple[int, int], characters: int) -> bool:
    """Whether a piece of lettering is the panel letter in a corner: one to three characters near two edges."""
    width, height = size
    side = min(width, height)
    x = min(box[0], width - box[2])
    y = min(box[1], height - box[3])
    return characters <= 4 and x < 0.12 * side and y < 0.12 * side and box[3] - box[1] < 0.22 * side


def union(boxes: list[Any]) -> tuple[int, int, int, int]:
    """The smallest box (x0, y0, x1, y1 in pixels) around all of ``boxes``, which are at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
