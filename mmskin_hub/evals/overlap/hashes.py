"""Perceptual hashes of a picture, of its mirror image, and of windows cut out of it.

The hash is that of :func:`mmskin_hub.curate.pipeline.perceptual_hash` (256 bits: which of the 16 × 16 lowest
frequencies of the cosine transform lie above their median), so hashes stored with a dataset can be compared with the
ones made here. It bears resizing, recompression and changes of tone, but not a crop: 5 % cut off all round moves 60
of the 256 bits, where pictures of two lesions may be as near as 64. So a picture is hashed through :data:`WINDOWS`,
and every 5 % crop lies near one of them. A window costs no resampling: the transform of a window is a product with
another matrix (:func:`_basis`), and that of the mirror image differs by the sign of the odd columns.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import describe

if TYPE_CHECKING:
    from PIL import Image

Codes = NDArray[np.uint64]
"""Hashes, n × 4: the bits of a hash in the order of its hex digits."""

BITS = 256
MAX_PIXELS = 120_000_000
"""As :data:`mmskin_hub.curate.pipeline.MAX_PIXELS`; a larger picture is not decoded."""

_SIDE = 128
_SMALL = 32
_LOW = 16
_TIES = 16
"""A picture without texture has many equal frequencies, and a hash of it says nothing."""

_CUTS = ((0.0, 0.0), (0.025, 0.025), (0.0, 0.05), (0.05, 0.0), (0.05, 0.05))
WINDOWS: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = (
    *((x, y) for x in _CUTS for y in _CUTS),
    ((0.0375, 0.0375), (0.0375, 0.0375)),
)
"""What is cut off: (left, right), (top, bottom), as shares of width and height. The first is the whole picture."""


@lru_cache(maxsize=64)
def _basis(before: float, after: float, side: int = _SIDE) -> NDArray[np.float32]:
    """The 16 lowest cosines (16 × ``side``) over what is left of a side when ``before`` and ``after`` are cut off."""
    edges = np.arange(side + 1) / side
    inside: NDArray[np.float64] = np.clip(edges, before, 1 - after)
    share = np.diff(inside) * side
    centre = (inside[1:] + inside[:-1]) / 2
    place = (centre - before) / (1 - before - after)
    waves: NDArray[np.float32] = (share * np.cos(np.pi * np.arange(_LOW)[:, None] * place)).astype(np.float32)
    return waves


def grey(image: Image.Image) -> NDArray[np.float32]:
    """``image``, whatever its shape and mode, as 128 × 128 greys."""
    from PIL import Image as Pillow

    plain = image if image.mode == "L" else image.convert("RGB").convert("L")
    small = plain.resize((_SIDE, _SIDE), Pillow.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(small, dtype=np.float32)


def whole(greys: NDArray[np.float32]) -> tuple[Codes, bool]:
    """The hash of the picture and of its mirror image (2 × 4), and whether they say anything."""
    return _codes([_transform(greys, *WINDOWS[0])])


def windows(greys: NDArray[np.float32]) -> tuple[Codes, bool]:
    """The hashes through all :data:`WINDOWS`, upright and mirrored (2·26 × 4), and whether they say anything."""
    columns = {x: greys @ _basis(*x).T for x, _ in WINDOWS}
    return _codes([np.asarray(_basis(*y) @ columns[x], dtype=np.float32) for x, y in WINDOWS])


def _transform(greys: NDArray[np.float32], x: tuple[float, float], y: tuple[float, float]) -> NDArray[np.float32]:
    columns: NDArray[np.float32] = greys @ _basis(*x).T
    return np.asarray(_basis(*y) @ columns, dtype=np.float32)


_MIRROR = np.where(np.arange(_LOW) % 2, -1, 1).astype(np.float32)


def _codes(transforms: list[NDArray[np.float32]]) -> tuple[Codes, bool]:
    upright = np.stack(transforms)
    both = np.concatenate([upright, upright * _MIRROR]).reshape(-1, BITS)
    bits = both > np.median(both, axis=1, keepdims=True)
    codes = np.packbits(bits, axis=1).view(np.uint64)
    spread = float(np.abs(upright[0].ravel()[1:]).max())
    telling = abs(int(bits[0].sum()) - BITS // 2) <= _TIES and spread > _SIDE * _SIDE * 0.05
    return codes, telling


def small(greys: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``greys`` as 32 × 32 bytes: enough for :func:`likeness`, little enough to keep."""
    blocks = greys.reshape(_SMALL, _SIDE // _SMALL, _SMALL, _SIDE // _SMALL).mean(axis=(1, 3))
    return np.asarray(blocks.round(), dtype=np.uint8)


def likeness(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """How well two pictures (:func:`small`) agree through the best of all windows, 1 at the most.

    The correlation of their 255 lowest frequencies. A hash counts every frequency alike, however weak, so that two
    smooth pictures may have near hashes by chance; this counts them by their strength.
    """
    first, second = _waves(one), _waves(other)
    return float(max((first[:1] @ second.T).max(), (first @ second[:1].T).max()))


def _waves(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    greys = pixels.astype(np.float32)
    upright = np.stack([_basis(*y, _SMALL) @ greys @ _basis(*x, _SMALL).T for x, y in WINDOWS])
    waves = np.concatenate([upright, upright * _MIRROR]).reshape(-1, BITS)[:, 1:]
    return np.asarray(waves / np.maximum(np.linalg.norm(waves, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def parse(text: str | None) -> Codes | None:
    """The hash with these 64 hex digits (1 × 4); ``None`` where they are none, or of a picture without texture."""
    try:
        code = bytes.fromhex(text or "")
    except ValueError:
        return None
    if len(code) != BITS // 8 or abs(int.from_bytes(code, "big").bit_count() - BITS // 2) > _TIES:
        return None
    return np.frombuffer(code, dtype=np.uint64).reshape(1, 4)


_ODD = np.packbits(np.tile(np.arange(_LOW) % 2, _LOW).astype(bool)).view(np.uint64)


def mirrored(codes: Codes) -> Codes:
    """The hashes of the mirror images, from the hashes alone: as good as a few bits, for the median is hardly 0."""
    flipped: Codes = codes ^ _ODD
    return flipped


def hex_of(code: Codes) -> str:
    """The 64 hex digits of one hash."""
    return np.ascontiguousarray(code).tobytes().hex()


class Unreadable(ValueError):
    """The bytes are not a picture that can be decoded; the text says why."""


def decode(data: bytes, draft: bool = False) -> Image.Image:
    """The encoded picture as a viewer shows it; with ``draft`` a JPEG is decoded small and grey, which is quicker.

    Raises :class:`Unreadable`.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps

    try:
        with Pillow.open(io.BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable(f"{image.width} × {image.height} pixels are more than any photograph has.")
            if draft:
                image.draft("L", (2 * _SIDE, 2 * _SIDE))
            image.load()
            return ImageOps.exif_transpose(image)
    except Unreadable:
        raise
    except Exception as error:  # a decoder may raise anything about a broken picture
        raise Unreadable(describe(error)) from error


def pixel_digest(image: Image.Image) -> str:
    """SHA-256 of width, height and the RGB values."""
    plain = image.convert("RGB")
    return hashlib.sha256(f"{plain.width}x{plain.height}:".encode() + plain.tobytes()).hexdigest()
