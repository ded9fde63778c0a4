"""The official layouts of the public datasets, drawn: small pictures, small tables, in folders or in zips."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw


def picture(seed: object, size: tuple[int, int] = (60, 45), kind: str = "JPEG") -> bytes:
    """A picture that ``seed`` alone decides: spots on a ground, so that no two hashes are the same."""
    dice = random.Random(str(seed))
    image = Image.new("RGB", size, tuple(dice.randrange(120, 230) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = dice.randrange(size[0]), dice.randrange(size[1])
        radius = dice.randrange(2, max(3, size[0] // 4))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), tuple(dice.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    image.save(out, kind, quality=90)
    return out.getvalue()


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    mark: str = ",",
    bom: bool = False,
    ends: str = "\n",
) -> bytes:
    """A CSV; cells that hold the mark or a quote are quoted."""

    def cell(value: object) -> str:
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if mark in text or '"' in text or "\n" in text else text

    lines = [mark.join(cell(value) for value in row) for row in (columns, *rows)]
    return (b"\xef\xbb\xbf" if bom else b"") + (ends.join(lines) + ends).encode()


def lay(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write ``files`` (path to bytes) below ``root``."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """``files`` as the bytes of a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
