"""Duplicates: the same picture leaves once, two photographs of one lesion both stay, and order decides nothing."""

from __future__ import annotations

import csv
import hashlib
import io
import random
import time
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from mmskin_hub.curate.duplicates import SAME_CAPTION, SAME_PICTURE, SAME_SCENE, close_pairs, find_duplicates

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def code(bits: np.ndarray) -> str:
    return np.packbits(bits).tobytes().hex()


def base_bits(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(256) % 2).astype(np.uint8)


def moved(bits: np.ndarray, distance: int, seed: int = 0) -> np.ndarray:
    """``bits`` with ``distance`` of them changed, half of them set and half cleared."""
    rng = np.random.default_rng(seed)
    out = bits.copy()
    for value in (0, 1):
        chosen = rng.choice(np.flatnonzero(bits == value), distance // 2, replace=False)
        out[chosen] = 1 - value
    return out


def row(name: str, bits: np.ndarray | None = None, **changes: Any) -> dict[str, Any]:
    bits = base_bits(int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")) if bits is None else bits
    return {
        "id": name, "book": "b" * 64, "book_name": "b.pdf", "page": 1, "figure": "p1-f1", "panel": "",
        "bbox": [0.0, 0.0, 1.0, 1.0], "width": 400, "height": 300, "caption": f"caption {name}", "figure_label": "",
        "pair_score": 0.9, "phash": code(bits), "digest": hashlib.sha256(name.encode()).hexdigest(), **changes,
    }  # fmt: skip


def gone(rows: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    return {twin.id: (twin.kept_id, twin.reason) for twin in find_duplicates(rows, "picture")}


def test_the_same_bytes_are_a_duplicate_of_the_better_pair() -> None:
    bits = base_bits(1)
    rows = [row("a", bits, digest="x", pair_score=0.4), row("b", bits, digest="x", pair_score=0.8), row("c")]
    (twin,) = find_duplicates(rows, "picture")
    assert (twin.id, twin.kept_id, twin.reason, twin.index, twin.kept) == ("a", "b", "duplicate", 0, 1)
    assert "b" in twin.detail


@pytest.mark.parametrize(
    ("distance", "leaves"), [(0, True), (2, True), (SAME_PICTURE, True), (SAME_PICTURE + 2, False)]
)
def test_the_radius(distance: int, leaves: bool) -> None:
    bits = base_bits(2)
    rows = [row("a", bits), row("b", moved(bits, distance), pair_score=0.5)]
    assert gone(rows) == ({"b": ("a", "near_duplicate")} if leaves else {})


def test_the_same_caption_in_another_book_widens_the_radius() -> None:
    bits, words = base_bits(3), "Psoriasis on the elbow of an old man."
    far = moved(bits, SAME_CAPTION)
    other = {"book": "c" * 64, "pair_score": 0.5}
    assert gone([row("a", bits, caption=words), row("b", far, caption=words.upper(), **other)]) == {
        "b": ("a", "near_duplicate")
    }
    assert gone([row("a", bits, caption=words), row("b", far, caption=words, pair_score=0.5)]) == {}
    assert gone([row("a", bits, caption="Psoriasis."), row("b", far, caption="Psoriasis.", **other)]) == {}


def test_a_chain_of_similar_pictures_does_not_collapse() -> None:
    first = base_bits(4)
    chain = [first]
    for step in range(5):
        chain.append(moved(chain[-1], SAME_PICTURE, seed=step + 1))
    rows = [row(str(n), bits, pair_score=0.9 - n / 100) for n, bits in enumerate(chain)]
    kept = [n for n in range(len(rows)) if str(n) not in gone(rows)]
    assert len(kept) > 1
    for name, (stays, _) in gone(rows).items():
        assert int(stays) in kept
        assert int((chain[int(name)] != chain[int(stays)]).sum()) <= SAME_PICTURE


def test_flat_pictures_are_told_by_their_bytes_alone() -> None:
    flat = [Image.new("RGB", (100, 80), (shade, shade, shade)) for shade in range(0, 250, 10)]
    rows = [row(str(n), phash=str(imagehash.phash(image, hash_size=16))) for n, image in enumerate(flat)]
    assert gone(rows) == {}
    rows[1]["digest"] = rows[0]["digest"]
    assert gone(rows) == {"1": ("0", "duplicate")}


def test_another_shape_is_another_picture() -> None:
    bits = base_bits(5)
    assert gone([row("a", bits), row("b", bits, width=300)]) == {}
    assert gone([row("a", bits), row("b", bits, width=808, height=600)]) == {"a": ("b", "near_duplicate")}


@pytest.mark.parametrize("phash", ["", "zz", "ff"])
def test_a_row_without_a_usable_hash_is_compared_by_bytes(phash: str) -> None:
    rows = [row("a", phash=phash), row("b", phash=phash), row("c", phash=phash, digest=row("a")["digest"])]
    assert gone(rows) == {"c": ("a", "duplicate")}


def test_nothing_gives_nothing() -> None:
    assert find_duplicates([]) == []
    assert find_duplicates([row("a")]) == []


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 4, 10, 16, 30]), st.integers(0, 3)), max_size=14),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_order_decides_nothing_and_the_best_stays(spec: list[tuple[int, int, int]], shuffle: random.Random) -> None:
    rows = [
        row(f"{n}", moved(base_bits(base), distance, seed=n), pair_score=score / 4, digest=f"{base}{distance}{score}")
        for n, (base, distance, score) in enumerate(spec)
    ]
    found = gone(rows)
    mixed = rows[:]
    shuffle.shuffle(mixed)
    assert gone(mixed) == found
    scores = {one["id"]: one["pair_score"] for one in rows}
    for name, (stays, _) in found.items():
        assert stays not in found
        assert scores[stays] >= scores[name]
    kept = [one for one in rows if one["id"] not in found]
    assert find_duplicates(kept, "picture") == []


@pytest.mark.parametrize("radius", [0, SAME_PICTURE, SAME_CAPTION, SAME_SCENE, 90])
def test_close_pairs_misses_none_and_invents_none(radius: int) -> None:
    rng = np.random.default_rng(radius)
    bits = np.concatenate([base_bits(n)[None] for n in range(60)])
    near = [moved(bits[n % 60], int(rng.integers(0, 60)) * 2, seed=n) for n in range(300)]
    bits = np.concatenate([bits, np.array(near)])
    words = np.packbits(bits, axis=1).view(np.uint64)
    distance = (bits[:, None] != bits[None]).sum(axis=2)
    expected = [(a, b, int(distance[a, b])) for a in range(360) for b in range(a + 1, 360) if distance[a, b] <= radius]
    assert close_pairs(words, radius) == expected == close_pairs(words, radius, threads=3)


@pytest.mark.slow
def test_twenty_thousand_pictures_take_seconds() -> None:
    bits = np.random.default_rng(0).integers(0, 2, (20_000, 256), dtype=np.uint8)
    began = time.perf_counter()
    close_pairs(np.packbits(bits, axis=1).view(np.uint64), SAME_SCENE)
    assert time.perf_counter() - began < 15


def ham(count: int) -> dict[str, Path]:
    files = sorted((SHARED / "ham10000").glob("HAM10000_images_part_*/*.jpg"))
    if not files:
        pytest.skip("../shared/data/ham10000 is not there")
    return {file.stem: file for file in random.Random(0).sample(files, min(count, len(files)))}


def hashed(name: str, image: Image.Image, **changes: Any) -> dict[str, Any]:
    return row(name, phash=str(imagehash.phash(image, hash_size=16)), width=image.width, height=image.height, **changes)


def test_real_pictures_are_told_from_their_copies() -> None:
    rows = []
    for name, file in ham(60).items():
        with Image.open(file) as opened:
            image = opened.convert("RGB")
        rows.append(hashed(name, image))
        for quality, scale, tone in ((90, 1.0, 1.0), (60, 1.0, 1.0), (75, 2.0, 1.1), (85, 0.7, 0.95)):
            copy = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
            out = io.BytesIO()
            ImageEnhance.Brightness(copy).enhance(tone).save(out, "JPEG", quality=quality)
            rows.append(hashed(f"{name}-{quality}", Image.open(out), pair_score=0.5))
    found = gone(rows)
    assert all(stays == name.split("-")[0] for name, (stays, _) in found.items())
    assert len(found) >= 0.98 * 4 * 60


def test_two_photographs_of_one_lesion_both_stay() -> None:
    table = SHARED / "ham10000" / "HAM10000_metadata"
    files = ham(10_000)
    with table.open() as lines:
        lesions = {line["image_id"]: line["lesion_id"] for line in csv.DictReader(lines)}
    members: dict[str, list[str]] = {}
    for name in files:
        members.setdefault(lesions[name], []).append(name)
    rows = []
    for name in (name for group in members.values() if len(group) > 1 for name in group):
        with Image.open(files[name]) as image:
            rows.append(hashed(name, image.convert("RGB")))
    assert len(rows) > 400
    assert len(find_duplicates(rows, "picture")) <= 0.01 * len(rows)


def test_the_same_picture_under_other_words_is_another_pair() -> None:
    bits = base_bits(9)
    words = "Lichen planus. Violaceous flat-topped papules on the wrist of a {}."
    first = row("a", bits, digest="x", caption=words.format("woman"), pair_score=0.95)
    misread = row("b", bits, digest="x", caption=words.format("wornan"))
    other = row("c", bits, digest="x", caption="Dermoscopy shows Wickham striae in a polarised view.")
    assert [twin.id for twin in find_duplicates([first, misread, other])] == ["b"]
    assert {twin.id for twin in find_duplicates([first, misread, other], by="picture")} == {"b", "c"}


def test_an_unknown_kind_of_duplicate_is_refused() -> None:
    with pytest.raises(ValueError, match="pair"):
        find_duplicates([], by="caption")
