"""How a picture gets onto a page: whole, in strips or tiles, turned, masked, clipped, inline, inside a form.

Every way shows the same upright picture in the same box; only the storage differs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from tests.drawing import rasters
from tests.drawing.pictures import Encoded
from tests.drawing.rasters import Raster, register

Rect = tuple[float, float, float, float]  # left, bottom, width, height; PDF points, y upwards
WAYS = (
    "jpeg",
    "flate",
    "cmyk",
    "grey",
    "indexed",
    "jpx",
    "ccitt",
    "jbig2",
    "mask",
    "strips",
    "stripsgap",
    "stripslap",
    "tiles",
    "tilesgap",
    "form",
    "inline",
    "turned90",
    "turned180",
    "turned270",
    "flipped",
    "mirrored",
    "clip",
    "faint",
    "frame",
    "nested",
)


def paste(canvas: Any, image: Image.Image, rect: Rect, how: str, page: int) -> None:
    """Draw ``image`` into ``rect`` the way ``how`` says."""
    if how.startswith("strips"):
        return _pieces(canvas, image, rect, 1, 40, {"strips": 0.0, "stripsgap": -0.2, "stripslap": 0.2}[how])
    if how.startswith("tiles"):
        return _pieces(canvas, image, rect, 12, 12, -0.2 if how == "tilesgap" else 0.0)
    if how in TURNS:
        return _turned(canvas, image, rect, how)
    if how in ("form", "nested"):
        return _form(canvas, image, rect, page, how == "nested")
    if how == "inline":
        return _inline(canvas, image, rect)
    if how == "clip":
        return _clip(canvas, image, rect)
    held = canvas.__dict__.setdefault("held_rasters", {})  # by identity: the same picture again costs nothing
    if (id(image), how) in held:
        return _do(canvas, held[id(image), how][1], rect)
    mask = None
    if how == "mask":
        mask = Raster(rasters.flate(_rounded(image.size)))
    if how == "faint":
        mask = Raster(rasters.flate(Image.new("L", image.size, 26)))
    coders: dict[str, Callable[[Image.Image], Encoded]] = {
        "flate": rasters.flate,
        "cmyk": rasters.cmyk,
        "indexed": rasters.indexed,
        "jpx": rasters.jpx,
        "ccitt": rasters.ccitt,
        "jbig2": rasters.jbig2,
        "grey": lambda i: rasters.jpeg(i.convert("L")),
    }
    name = register(canvas, Raster(coders.get(how, rasters.jpeg)(image), mask))
    _do(canvas, name, rect)
    if how == "frame":
        canvas.setStrokeColorRGB(0, 0, 0)
        canvas.setLineWidth(0.5)
        canvas.rect(*rect, fill=0, stroke=1)
    else:
        held[id(image), how] = (image, name)
    return None


def _do(canvas: Any, name: str, rect: Rect, matrix: tuple[float, ...] = ()) -> None:
    x, y, wide, high = rect
    canvas.saveState()
    canvas.transform(*(matrix or (wide, 0, 0, high, x, y)))
    canvas._currentPageHasImages = 1
    canvas.doForm(name)
    canvas.restoreState()


TURNS = ("turned90", "turned180", "turned270", "flipped", "mirrored")


def _turned(canvas: Any, image: Image.Image, rect: Rect, how: str) -> None:
    """Store it turned or mirrored, and let the matrix turn it back."""
    x, y, w, h = rect
    way, matrix = {
        "turned90": (Image.Transpose.ROTATE_90, (0, -h, w, 0, x, y + h)),
        "turned180": (Image.Transpose.ROTATE_180, (-w, 0, 0, -h, x + w, y + h)),
        "turned270": (Image.Transpose.ROTATE_270, (0, h, -w, 0, x + w, y)),
        "flipped": (Image.Transpose.FLIP_TOP_BOTTOM, (w, 0, 0, -h, x, y + h)),
        "mirrored": (Image.Transpose.FLIP_LEFT_RIGHT, (-w, 0, 0, h, x + w, y)),
    }[how]
    _do(canvas, register(canvas, Raster(rasters.jpeg(image.transpose(way)))), rect, matrix)


def _pieces(canvas: Any, image: Image.Image, rect: Rect, across: int, down: int, lap: float) -> None:
    """Strips or tiles; ``lap`` points of overlap (negative: a gap) between neighbours."""
    x, y, wide, high = rect
    xs = [round(k * image.width / across) for k in range(across + 1)]
    ys = [round(k * image.height / down) for k in range(down + 1)]
    for j in range(down):
        for i in range(across):
            part = image.crop((xs[i], ys[j], xs[i + 1], ys[j + 1]))
            left, right = x + wide * xs[i] / image.width, x + wide * xs[i + 1] / image.width
            top, low = y + high * (1 - ys[j] / image.height), y + high * (1 - ys[j + 1] / image.height)
            box = (left - lap / 2 * (across > 1), low - lap / 2, right - left + lap * (across > 1), top - low + lap)
            _do(canvas, register(canvas, Raster(rasters.flate(part))), box)


def _rounded(size: tuple[int, int]) -> Image.Image:
    from PIL import ImageDraw

    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), min(size) // 12, fill=255)
    return mask


def _form(canvas: Any, image: Image.Image, rect: Rect, page: int, nested: bool) -> None:
    """Inside a form XObject (and that inside another one)."""
    x, y, wide, high = rect
    name = f"form{page}_{round(x)}_{round(y)}"
    canvas.beginForm(name, 0, 0, wide, high)
    _do(canvas, register(canvas, Raster(rasters.jpeg(image))), (0, 0, wide, high))
    canvas.endForm()
    if nested:
        canvas.beginForm(name + "o", -2, -2, wide + 2, high + 2)
        canvas.doForm(name)
        canvas.endForm()
        name += "o"
    canvas.saveState()
    canvas.translate(x, y)
    canvas.doForm(name)
    canvas.restoreState()


def _inline(canvas: Any, image: Image.Image, rect: Rect) -> None:
    """In the page's own stream (BI … ID … EI): no object, no reference, nothing to look up."""
    data = base64.a85encode(rasters.jpeg(image).stream, wrapcol=120).decode() + "~>"
    x, y, wide, high = rect
    head = f"BI /W {image.width} /H {image.height} /CS /RGB /BPC 8 /F [/A85 /DCT] ID"
    canvas._code.append(f"q {wide:.3f} 0 0 {high:.3f} {x:.3f} {y:.3f} cm\n{head}\n{data}\nEI Q")


def _clip(canvas: Any, image: Image.Image, rect: Rect) -> None:
    """A larger raster cut by a clip path: what is outside must not be seen, nor be published."""
    x, y, wide, high = rect
    bigger = Image.new("RGB", (round(image.width * 1.4), round(image.height * 1.4)), (20, 160, 60))
    left, top = round(image.width * 0.25), round(image.height * 0.2)
    bigger.paste(image, (left, top))
    sx, sy = wide / image.width, high / image.height
    low = bigger.height - top - image.height
    canvas.saveState()
    path = canvas.beginPath()
    path.rect(x, y, wide, high)
    canvas.clipPath(path, stroke=0, fill=0)
    box = (x - left * sx, y - low * sy, bigger.width * sx, bigger.height * sy)
    _do(canvas, register(canvas, Raster(rasters.jpeg(bigger))), box)
    canvas.restoreState()


def move_origin(path: Path, origin: tuple[float, float]) -> None:
    """Rewrite a file so that each MediaBox begins at ``origin`` and not at (0, 0); what is seen stays."""
    import pymupdf

    ox, oy = origin
    with pymupdf.open(stream=path.read_bytes()) as document:
        for page in document:
            boxes = {}
            for key in ("MediaBox", "CropBox"):
                kind, value = document.xref_get_key(page.xref, key)
                if kind == "array":
                    x0, y0, x1, y1 = (float(v) for v in value.strip("[]").split())
                    boxes[key] = f"[{x0 + ox:g} {y0 + oy:g} {x1 + ox:g} {y1 + oy:g}]"
            for key, value in boxes.items():
                document.xref_set_key(page.xref, key, value)
            before = document.get_new_xref()
            document.update_object(before, "<<>>")
            document.update_stream(before, f"q 1 0 0 1 {ox:g} {oy:g} cm".encode())
            after = document.get_new_xref()
            document.update_object(after, "<<>>")
            document.update_stream(after, b"Q")
            held = page.get_contents()
            order = " ".join(f"{xref} 0 R" for xref in (before, *held, after))
            document.xref_set_key(page.xref, "Contents", f"[{order}]")
        document.save(str(path), no_new_id=True)
