"""One picture: read, checked to its last row of pixels, measured, made smaller where it is larger than asked.

A picture that is small enough keeps its bytes. A larger one is turned upright (smaller copies carry no camera tag),
resized with LANCZOS and stored as JPEG of quality 95, or as PNG where it was one. The perceptual hash is that of the
picture as it is published, taken before it is encoded.

Threads do it, not processes: reading, unpacking, resizing and encoding all leave Python's lock, and a picture need
not travel between processes.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from PIL import Image, ImageFile, ImageOps

from mmskin_hub.curate.pipeline import MAX_PIXELS, PHASH_SIZE
from mmskin_hub.engine.public.raw import Entry, Raw, UnreadableFile
from mmskin_hub.errors import describe

QUALITY = 95
_ORIENTATION = 0x0112
_LOSSLESS = ("PNG", "BMP", "TIFF", "GIF")
_GAP = 2
"""The JPEG decoder may halve a picture for nothing, as long as this many times the wanted side is left for LANCZOS."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture ready to publish: encoded ``data``; size of the original, upright, in pixels; SHA-256 of its bytes."""

    data: bytes
    suffix: str
    width: int
    height: int
    sha256: str
    phash: str
    copied: bool


@dataclass(frozen=True, slots=True)
class BadPicture:
    """Why a picture cannot be published; ``reason`` is one of :data:`spec.REASONS`."""

    reason: str
    detail: str


def process(raw: Raw, entry: Entry, max_side: int) -> Picture | BadPicture:
    """One picture; ``max_side`` in pixels, 0 to keep every picture as it is."""
    try:
        data = raw.read(entry)
    except UnreadableFile as error:
        return BadPicture("unreadable_picture", str(error))
    if not data:
        return BadPicture("unreadable_picture", "It holds no bytes.")
    try:
        return _process(data, max_side)
    except Image.DecompressionBombError as error:
        return BadPicture("too_large", describe(error))
    except (OSError, ValueError, SyntaxError, TypeError, EOFError) as error:
        return BadPicture("unreadable_picture", describe(error))


def _process(data: bytes, max_side: int) -> Picture | BadPicture:
    image: ImageFile.ImageFile | Image.Image = Image.open(io.BytesIO(data))
    kind, (width, height) = image.format or "", image.size
    if width * height > MAX_PIXELS:
        return BadPicture("too_large", f"{width} × {height} pixels.")
    turned = image.getexif().get(_ORIENTATION, 1) in (5, 6, 7, 8) if kind in ("JPEG", "MPO", "PNG", "WEBP") else False
    upright = (height, width) if turned else (width, height)
    small = not max_side or max(width, height) <= max_side
    digest = hashlib.sha256(data).hexdigest()
    if small:
        image.load()
        rgb = ImageOps.exif_transpose(flat(image))
        suffix = {"JPEG": "jpg", "MPO": "jpg"}.get(kind, kind.lower())
        return Picture(data, suffix, *upright, digest, hash_of(rgb), True)
    scale = max_side / max(width, height)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    if kind in ("JPEG", "MPO") and isinstance(image, ImageFile.ImageFile):
        image.draft(None, (target[0] * _GAP, target[1] * _GAP))
    profile = image.info.get("icc_profile")
    exif = image.getexif()
    resized = flat(image).resize(target, Image.Resampling.LANCZOS)
    if exif.get(_ORIENTATION, 1) != 1:
        resized.getexif()[_ORIENTATION] = exif[_ORIENTATION]
        resized = ImageOps.exif_transpose(resized)
    suffix = "png" if kind in _LOSSLESS else "jpg"
    out = io.BytesIO()
    if suffix == "png":
        resized.save(out, "PNG", icc_profile=profile, exif=b"")
    else:
        resized.save(out, "JPEG", quality=QUALITY, icc_profile=profile, exif=b"")
    return Picture(out.getvalue(), suffix, *upright, digest, hash_of(resized), False)


def hash_of(image: Image.Image) -> str:
    """What :func:`mmskin_hub.curate.pipeline.perceptual_hash` says, its bits written out in one go."""
    import imagehash
    import numpy as np

    return bytes(np.packbits(imagehash.phash(image, hash_size=PHASH_SIZE).hash.ravel())).hex()


def flat(image: Image.Image) -> Image.Image:
    """``image`` in RGB, on white where it is transparent; pixels of 16 bits lose the lower eight."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L").convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        over = image.convert("RGBA")
        under = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(under, over).convert("RGB")
    return image.convert("RGB")


def process_all(raw: Raw, entries: Iterable[Entry], max_side: int, threads: int) -> Iterator[Picture | BadPicture]:
    """What became of each picture, in the order of ``entries``; a few dozen are in memory at a time."""
    left = iter(entries)
    # Pillow warns of pictures that are refused here anyway; its filters are no threads' own, so they are set outside.
    with (
        warnings.catch_warnings(category=Image.DecompressionBombWarning, action="ignore"),
        ThreadPoolExecutor(max(1, threads), thread_name_prefix="pictures") as pool,
    ):
        waiting: list[Future[Picture | BadPicture]] = []
        try:
            while True:
                more = islice(left, max(1, 8 * threads - len(waiting)))
                waiting += [pool.submit(process, raw, entry, max_side) for entry in more]
                if not waiting:
                    return
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()
