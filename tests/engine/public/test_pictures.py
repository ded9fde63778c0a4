"""A picture: small ones keep their bytes, large ones shrink, and the hash is that of what is published."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from mmskin_hub.curate.pipeline import perceptual_hash
from mmskin_hub.engine.public.pictures import BadPicture, Picture, process, process_all
from mmskin_hub.engine.public.raw import Raw


def drawn(size: tuple[int, int], kind: str = "JPEG", **options: object) -> bytes:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(image)
    for number in range(1, 9):
        x, y, radius = size[0] * (number * 5 % 9) // 9, size[1] * number // 9, min(size) // (2 + number)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), (25 * number, 255 - 30 * number, 90))
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def done(tmp_path: Path, data: bytes, max_side: int = 512, name: str = "a.jpg") -> Picture:
    (tmp_path / name).write_bytes(data)
    with Raw(tmp_path) as raw:
        found = process(raw, raw.entries[0], max_side)
    assert isinstance(found, Picture), found
    return found


@pytest.mark.parametrize(("size", "side"), [((512, 300), 512), ((100, 80), 512), ((2000, 900), 0)])
def test_bytes_are_copied_where_nothing_shrinks(tmp_path: Path, size: tuple[int, int], side: int) -> None:
    data = drawn(size)
    found = done(tmp_path, data, side)
    assert found.data == data and found.copied and (found.width, found.height) == size
    assert found.phash == perceptual_hash(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "jpg"), ("BMP", "png")])
@pytest.mark.parametrize("size", [(600, 450), (3000, 2000), (513, 5000)])
def test_large_pictures_shrink(tmp_path: Path, kind: str, suffix: str, size: tuple[int, int]) -> None:
    found = done(tmp_path, drawn(size, kind))
    image = Image.open(io.BytesIO(found.data))
    assert max(image.size) == 512 and found.suffix == suffix and (found.width, found.height) == size
    assert abs(image.width / image.height - size[0] / size[1]) < 0.02 * size[0] / size[1]
    bits = int(found.phash, 16) ^ int(perceptual_hash(image.convert("RGB")), 16)
    assert bits.bit_count() <= 8


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "I;16", "1"])
@pytest.mark.parametrize("side", [64, 512])
def test_every_mode_becomes_a_picture(tmp_path: Path, mode: str, side: int) -> None:
    image = Image.linear_gradient("L").resize((100, 80))
    out = io.BytesIO()
    (image.convert("I;16") if mode == "I;16" else image.convert(mode)).save(out, "PNG")
    found = done(tmp_path, out.getvalue(), side, "a.png")
    assert max(Image.open(io.BytesIO(found.data)).size) == min(side, 100)


def test_a_camera_tag_turns_the_smaller_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = done(tmp_path, drawn((800, 400), exif=exif))
    image = Image.open(io.BytesIO(found.data))
    assert image.size == (256, 512) and (found.width, found.height) == (400, 800)
    assert image.getexif().get(0x0112, 1) == 1


def test_order_and_errors_are_kept_with_any_number_of_threads(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02d}.jpg").write_bytes(drawn((40 + number, 30)) if number != 7 else b"broken")
    with Raw(tmp_path) as raw:
        results = [list(process_all(raw, raw.entries, 512, threads)) for threads in (1, 5)]
    assert results[0] == results[1] and isinstance(results[0][7], BadPicture)
    assert [r.width for r in results[0] if isinstance(r, Picture)] == [40 + n for n in range(30) if n != 7]
