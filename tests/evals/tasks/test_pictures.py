"""A stored picture is a picture to everybody, and is in memory only while it is looked at."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals import pictures
from mmskin_hub.evals.data import open_rows, picture
from mmskin_hub.evals.pictures import StoredPicture
from mmskin_hub.evals.protocol import protocol
from tests.evals.test_data import row, write

HAM = protocol("mmskin_ham10000_gen")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("pictures"), [row(number) for number in range(230)])
    return next(folder.rglob("*.parquet"))


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> pictures._Held:
    """An empty memory that keeps three of the drawn pictures (60 x 45 pixels)."""
    fresh = pictures._Held()
    monkeypatch.setattr(pictures, "_HELD", fresh)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 3 * 60 * 45)
    return fresh


def test_it_is_the_picture_of_its_row(file: Path, held: pictures._Held) -> None:
    plain = [picture(each) for each in open_rows(HAM, {"ham10000": str(file.parents[1])})]
    for at in (229, 0, 100, 99, 3):
        stored = StoredPicture(file, at, f"row{at}")
        assert isinstance(stored, Image.Image)
        assert (stored.mode, stored.size, stored.width, stored.height) == ("RGB", (60, 45), 60, 45)
        assert stored.tobytes() == plain[at].tobytes()
        assert np.array_equal(np.asarray(stored), np.asarray(plain[at]))
        assert stored.resize((8, 8)).tobytes() == plain[at].resize((8, 8)).tobytes()
        assert stored.convert("L").tobytes() == plain[at].convert("L").tobytes()
        assert stored.crop((1, 1, 9, 9)).tobytes() == plain[at].crop((1, 1, 9, 9)).tobytes()
        assert stored.copy().tobytes() == plain[at].tobytes()


def test_pictures_are_let_go_and_come_back(file: Path, held: pictures._Held) -> None:
    stored = [StoredPicture(file, at, f"row{at}") for at in range(20)]
    assert not held._pictures
    first = [each.tobytes() for each in stored]
    assert [each._im is not None for each in stored] == [False] * 17 + [True] * 3
    assert [each.tobytes() for each in stored] == first
    assert len(set(first)) == 20


def test_the_largest_picture_is_kept_though_it_is_too_large(
    file: Path, held: pictures._Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1)
    stored = StoredPicture(file, 5, "row5")
    assert stored.tobytes()
    assert stored._im is not None


def test_copies_and_pickles_hold_the_place_and_not_the_pixels(file: Path, held: pictures._Held) -> None:
    stored = StoredPicture(file, 7, "row7")
    stored.load()
    for other in (copy.deepcopy(stored), pickle.loads(pickle.dumps(stored))):
        assert other._im is None
        assert other.tobytes() == stored.tobytes()
    assert len(pickle.dumps(stored)) < 500
    assert repr(stored) == "<picture of row7>"


def test_a_spoilt_picture_is_told_with_its_name(tmp_path: Path, held: pictures._Held) -> None:
    folder = write(tmp_path, [row(0, image={"bytes": b"no picture", "path": None})])
    with pytest.raises(MmskinError, match="Row row0 holds a picture that cannot be decoded"):
        StoredPicture(next(folder.rglob("*.parquet")), 0, "row0").load()
