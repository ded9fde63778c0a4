"""A hash stays near through what copies go through, and far between different pictures; the index misses nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import imagehash
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from mmskin_hub.evals.overlap import hashes
from mmskin_hub.evals.overlap.find import LIKENESS, RADIUS, Guards, Seen, look
from mmskin_hub.evals.overlap.index import HashIndex
from mmskin_hub.evals.overlap.rows import Row
from tests.engine.mixture.drawn import photo


def codes(count: int, seed: int) -> NDArray[np.uint64]:
    """``count`` hashes, half of whose bits are set, as of pictures."""
    order = np.random.default_rng(seed).random((count, 256), dtype=np.float32).argsort(axis=1)
    packed: NDArray[np.uint64] = np.packbits(order < 128, axis=1).view(np.uint64)
    return packed


def changed(code: NDArray[np.uint64], bits: int, seed: int) -> NDArray[np.uint64]:
    """``code`` with so many of its bits turned."""
    plain = np.unpackbits(code.view(np.uint8))
    plain[np.random.default_rng(seed).choice(256, bits, replace=False)] ^= 1
    packed: NDArray[np.uint64] = np.packbits(plain).view(np.uint64)
    return packed


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    target = io.BytesIO()
    image.save(target, "JPEG", quality=quality)
    return Image.open(io.BytesIO(target.getvalue())).convert("RGB")


def crop(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    return image.crop(
        (round(left * width), round(top * height), round(width - right * width), round(height - bottom * height))
    )


def copies(image: Image.Image, seed: int) -> Iterator[tuple[str, Image.Image]]:
    """What may become of a picture on its way into another dataset."""
    rng = np.random.default_rng(seed)
    scale = rng.uniform(0.5, 2.0)
    yield "resized", image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
    yield "recompressed", jpeg(image, int(rng.integers(50, 91)))
    yield "mirrored", ImageOps.mirror(image)
    yield "2.5 % off each side", crop(image, 0.025, 0.025, 0.025, 0.025)
    yield "5 % off each side", crop(image, 0.05, 0.05, 0.05, 0.05)
    sides = [0.0] * 4
    sides[int(rng.integers(4))] = 0.05
    yield "5 % off one side", crop(image, *sides)
    x, y = rng.uniform(0, 0.05, 2)
    yield "a window of 95 % anywhere", crop(image, x, y, 0.05 - x, 0.05 - y)
    yield "up to 5 % off each side", crop(image, *rng.uniform(0, 0.05, 4))
    small = jpeg(ImageOps.mirror(crop(image, 0.05, 0.05, 0.05, 0.05)), 75)
    yield "all of it", small.resize((round(small.width * 0.8), round(small.height * 0.8)))


def guards_of(images: list[Image.Image]) -> Guards:
    guards = Guards()
    for number, image in enumerate(images):
        target = io.BytesIO()
        image.save(target, "PNG")
        guards.add(0, [Row(number, str(number), str(number), "test", "t", data=target.getvalue())])
    guards.index()
    return guards


def looked(image: Image.Image) -> Seen:
    target = io.BytesIO()
    image.save(target, "PNG")
    return look(Row(0, "x", "x", "train", "a", data=target.getvalue()))


def likely(seen: Seen, guards: Guards, place: int) -> bool:
    return seen.small is not None and hashes.likeness(seen.small, guards.small[place]) >= LIKENESS


def test_it_is_the_hash_that_is_stored_with_datasets() -> None:
    for seed in range(5):
        image = photo(seed, 160)
        ours, telling = hashes.whole(hashes.grey(image))
        stored = hashes.parse(str(imagehash.phash(image, 16)))
        assert stored is not None and telling
        assert np.bitwise_count(ours[:1] ^ stored).sum() <= 10
        assert np.bitwise_count(hashes.mirrored(stored) ^ ours[1:]).sum() <= 40


def test_a_picture_without_texture_says_nothing() -> None:
    _, telling = hashes.windows(hashes.grey(Image.new("RGB", (80, 60), (200, 120, 90))))
    assert not telling
    assert hashes.parse("0" * 64) is None and hashes.parse("no hash") is None
    with pytest.raises(hashes.Unreadable):
        hashes.decode(b"\xff\xd8\xff and no more")


@pytest.mark.parametrize("cropped", ["train", "test"])
def test_planted_copies_of_drawn_pictures_are_found(cropped: str) -> None:
    """Drawn pictures have as much detail as noise, and are harder than photographs."""
    images = [photo(seed, 160) for seed in range(12)]
    plants = [(number, copy) for number, image in enumerate(images) for _, copy in copies(image, number)]
    right = 0
    if cropped == "train":
        guards = guards_of(images)
        for number, copy in plants:
            found = {place for _, place in guards.near([looked(copy)], RADIUS)}
            assert found <= {number}
            right += len(found)
    else:
        guards = guards_of([copy for _, copy in plants])
        for number, image in enumerate(images):
            found = {place for _, place in guards.near([looked(image)], RADIUS)}
            assert {plants[place][0] for place in found} == {number}
            right += len(found)
    assert right >= 0.95 * len(plants)


@pytest.mark.slow
def test_planted_copies_of_real_pictures_are_found_and_others_are_not(shared_data: Path) -> None:
    with (shared_data / "ham10000" / "HAM10000_metadata").open(encoding="utf-8") as table:
        lesions = {row["image_id"]: row["lesion_id"] for row in csv.DictReader(table)}
    files = sorted(shared_data.glob("ham10000/*/*.jpg"))[::32] + sorted(shared_data.glob("pad_ufes_20/*/*.png"))[::10]
    images = [Image.open(file).convert("RGB") for file in files]
    lesion = [lesions.get(file.stem) or "_".join(re.split("_", file.stem)[:3]) for file in files]
    guards = guards_of(images)
    found = planted = false = 0
    for number, image in enumerate(images):
        for _, copy in copies(image, number):
            seen = looked(copy)
            near = {place for _, place in guards.near([seen], RADIUS) if likely(seen, guards, place)}
            planted += 1
            found += number in near
            false += sum(lesion[place] != lesion[number] for place in near)
    assert planted > 500
    assert found / planted >= 0.985
    assert false / (planted * len(images)) <= 1e-5


@pytest.mark.parametrize(("count", "exact"), [(3000, 31), (520_000, 25)])
def test_every_pair_up_to_the_exact_radius_is_found_once(count: int, exact: int) -> None:
    base = codes(1000, 1)
    index = HashIndex(np.resize(base, (count, 4)) if count > 3000 else codes(count, 1))
    assert index.exact == exact
    queries = np.stack([changed(index.codes[n], exact - n % 3, n) for n in range(200)])
    query, place, bits = index.search(queries, exact)
    for n in range(200):
        own = {int(p) for p in place[query == n]}
        assert n in own and len(own) == int((query == n).sum())
    assert (bits == np.bitwise_count(queries[query] ^ index.codes[place]).sum(axis=1)).all()
    assert bits.max() <= exact


def test_it_finds_what_comparing_all_with_all_finds() -> None:
    left = codes(400, 2)
    right = np.concatenate([codes(300, 3), [changed(left[n], n % 44, n) for n in range(200)]])
    distance = np.bitwise_count(left[:, None] ^ right[None]).sum(axis=2)
    for radius in (0, 14, 31):
        wanted = [(int(a), int(b), int(distance[a, b])) for a, b in np.argwhere(distance <= radius)]
        assert list(zip(*(part.tolist() for part in HashIndex(right).search(left, radius)), strict=True)) == wanted
    query, place, _ = HashIndex(right).search(left, 40)
    assert len(query) >= 0.99 * int((distance <= 40).sum())
    assert (distance[query, place] <= 40).all()


def test_nothing_is_compared_with_nothing() -> None:
    empty = np.empty((0, 4), dtype=np.uint64)
    assert all(len(part) == 0 for part in HashIndex(empty).search(codes(3, 0), 36))
    assert all(len(part) == 0 for part in HashIndex(codes(3, 0)).search(empty, 36))
