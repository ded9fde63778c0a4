"""Which file is the picture a table names: never a mask, never that of another folder, none where files differ."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from mmskin_hub.engine.public.lookup import Ambiguous, Lookup
from mmskin_hub.engine.public.raw import Raw


def lay(root: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def found(root: Path, name: str, *others: str) -> str | None:
    with Raw(root) as raw:
        entry = Lookup(raw, [name, *others]).find(name)
        return None if entry is None else entry.path


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize("folder", ["GroundTruth", "masks", "HAM10000_segmentations_lesion", "superpixels"])
def test_a_mask_is_no_picture(tmp_path: Path, folder: str) -> None:
    lay(tmp_path, {f"{folder}/a.png": b"mask"})
    assert found(tmp_path, "a") is None
    lay(tmp_path, {"part_1/a.jpg": b"photograph"})
    assert found(tmp_path, "a") == "part_1/a.jpg"


def test_files_that_differ_are_told_and_copies_are_one(tmp_path: Path) -> None:
    lay(tmp_path, {"one/a.jpg": b"1", "two/a.jpg": b"2", "one/b.jpg": b"1", "two/b.jpg": b"1"})
    with pytest.raises(Ambiguous, match=r"one/a\.jpg and two/a\.jpg differ"):
        found(tmp_path, "a")
    assert found(tmp_path, "b") == "one/b.jpg"
    assert found(tmp_path, "two/a.jpg") == "two/a.jpg"


def test_the_ending_decides_where_a_name_has_one(tmp_path: Path) -> None:
    lay(tmp_path, {"a.jpg": b"1", "a.png": b"2"})
    assert (found(tmp_path, "a.jpg"), found(tmp_path, "a.PNG")) == ("a.jpg", "a.png")
    with pytest.raises(Ambiguous):
        found(tmp_path, "a")


def test_a_folder_counts_where_the_names_have_several(tmp_path: Path) -> None:
    lay(tmp_path, {"youtube/0.jpg": b"1"})
    assert found(tmp_path, "pubmed/0.jpg", "youtube/0.jpg") is None
    assert found(tmp_path, "youtube/0.jpg", "pubmed/0.jpg") == "youtube/0.jpg"
    # Where all names have one folder, it says nothing: pictures are often unpacked elsewhere.
    assert found(tmp_path, "dataset/0.jpg", "dataset/1.jpg") == "youtube/0.jpg"


def test_a_zip_and_the_folder_that_was_named_are_folders_too(tmp_path: Path) -> None:
    lay(tmp_path / "raw", {"pubmed.zip": zipped({"0.jpg": b"p"}), "youtube.zip": zipped({"0.jpg": b"y"})})
    assert found(tmp_path / "raw", "pubmed/0.jpg", "youtube/0.jpg") == "pubmed.zip/0.jpg"
    lay(tmp_path / "pubmed", {"0.jpg": b"p"})
    assert found(tmp_path / "pubmed", "pubmed/0.jpg", "youtube/0.jpg") == "0.jpg"


def test_a_linked_folder_is_followed_and_a_loop_is_not(tmp_path: Path) -> None:
    lay(tmp_path / "elsewhere", {"a.jpg": b"1"})
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "pictures").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "raw" / "again").symlink_to(tmp_path / "raw")
    assert found(tmp_path / "raw", "a") == "pictures/a.jpg"
