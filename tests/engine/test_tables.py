"""Rows that share a picture: stored once, read back by everybody."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import Features, Image, List, Value, load_dataset

from mmskin_hub.engine import tables
from mmskin_hub.engine.tables import ROWS_A_GROUP, SplitSize, write_split

FEATURES = Features({"id": Value("string"), "image": Image(), "picture": Value("int32")})
BYTES = 20_000


def picture(number: int) -> bytes:
    return random.Random(number).randbytes(BYTES)


def rows(pictures: int, questions: int) -> Iterator[dict[str, Any]]:
    for number in range(pictures):
        for question in range(questions):
            name = f"{number}-{question}"
            yield {"id": name, "image": {"bytes": picture(number), "path": f"{number}.jpg"}, "picture": number}


def written(folder: Path, pictures: int, questions: int) -> SplitSize | None:
    return write_split(folder, "train", rows(pictures, questions), FEATURES, lambda row: row["picture"])


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def test_questions_cost_their_words_and_not_their_picture(tmp_path: Path) -> None:
    written(tmp_path / "one", 250, 1)
    written(tmp_path / "five", 250, 5)
    pictures = 250 * BYTES
    assert pictures < size(tmp_path / "one") < 1.05 * pictures
    assert pictures < size(tmp_path / "five") < 1.10 * pictures


def test_a_row_group_ends_between_two_pictures(tmp_path: Path) -> None:
    written(tmp_path, 100, 7)
    (file,) = tmp_path.iterdir()
    table = pq.ParquetFile(file)
    groups = [set(table.read_row_group(n)["picture"].to_pylist()) for n in range(table.num_row_groups)]
    assert len(groups) > 1
    assert sum(map(len, groups)) == len(set().union(*groups)) == 100
    assert all(table.metadata.row_group(n).num_rows < ROWS_A_GROUP + 7 for n in range(len(groups)))


@pytest.mark.parametrize("streaming", [False, True])
def test_datasets_reads_every_row_with_its_picture(tmp_path: Path, streaming: bool) -> None:
    assert written(tmp_path, 40, 3) == SplitSize(120, pytest.approx(120 * BYTES, rel=0.1))
    found = load_dataset("parquet", data_files=str(tmp_path / "*.parquet"), split="train", streaming=streaming)
    found = found.cast_column("image", Image(decode=False))
    read = list(found)
    assert [row["id"] for row in read] == [row["id"] for row in rows(40, 3)]
    assert all(row["image"]["bytes"] == picture(row["picture"]) for row in read)


def test_lists_of_pictures_are_shared_too(tmp_path: Path) -> None:
    features = Features({"images": List(Image()), "picture": Value("int32")})
    given = ({"images": [row["image"]], "picture": row["picture"]} for row in rows(60, 4))
    write_split(tmp_path, "train", given, features, lambda row: row["picture"])
    assert size(tmp_path) < 1.1 * 60 * BYTES


def test_a_split_goes_on_in_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SHARD_BYTES", 200 * BYTES)
    written(tmp_path, 500, 2)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert len(names) > 1
    assert names == [f"train-{n:05d}-of-{len(names):05d}.parquet" for n in range(len(names))]
    assert sum(pq.read_metadata(tmp_path / name).num_rows for name in names) == 1000


def test_the_same_rows_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        written(tmp_path / name, 150, 3)
        digests.update(hashlib.sha256(file.read_bytes()).hexdigest() for file in (tmp_path / name).iterdir())
    assert len(digests) == 1


def test_no_row_makes_no_file(tmp_path: Path) -> None:
    assert written(tmp_path / "none", 0, 3) is None
    assert not (tmp_path / "none").exists()
