"""Benchmarks are read as they were built: every row once, in order, with its picture and its class by name."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmskin_hub.engine.tables import write_split
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals import data as module
from mmskin_hub.evals.data import open_rows, picture
from mmskin_hub.evals.locations import parse_where
from mmskin_hub.evals.protocol import protocol
from mmskin_hub.registry import PUBLIC
from mmskin_hub.schema import open_vqa_features, public_features
from tests.builders.drawn_public import picture as drawn

HAM = protocol("mmskin_ham10000_gen")
ROWS = 250
"""More than two row groups."""


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"row{number:05d}",
        "image": {"bytes": drawn(number), "path": f"{number}.jpg"},
        "image_id": f"row{number:05d}",
        "label": number % 7,
        "modality": 1,
        "lesion_id": f"lesion{number // 2}",
        "group_id": f"lesion{number // 2}",
        "age_years": 40.0,
        "sha256": f"{number:064x}",
        **more,
    }


def write(
    folder: Path, rows: list[dict[str, Any]], split: str = "test", classes: tuple[str, ...] = HAM.classes
) -> Path:
    features = public_features(classes)
    whole = [{name: each.get(name) for name in features} for each in rows]
    write_split(folder / "data", split, whole, features, lambda each: each["sha256"])
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("built"), [row(number) for number in range(ROWS)])


def test_every_row_comes_once_in_order_with_its_picture_and_its_class(built: Path) -> None:
    benchmark = open_rows(HAM, {"ham10000": str(built)})
    rows = list(benchmark)
    assert benchmark.rows == len(benchmark) == len(rows) == ROWS
    assert [each["row"] for each in rows] == list(range(ROWS))
    assert [each["id"] for each in rows] == [f"row{number:05d}" for number in range(ROWS)]
    assert [each["label"] for each in rows] == [number % 7 for number in range(ROWS)]
    assert [each["modality"] for each in rows[:2]] == ["dermoscopic"] * 2
    assert rows[5]["group_id"] == "lesion2"
    for number in (0, 99, 100, 249):
        with Image.open(io.BytesIO(drawn(number))) as original:
            assert picture(rows[number]).tobytes() == original.convert("RGB").tobytes()


def test_limit_start_shards_and_what_is_done_part_the_rows_and_keep_their_numbers(built: Path) -> None:
    where = {"ham10000": str(built)}
    assert [each["row"] for each in open_rows(HAM, where, limit=120, start=95)] == list(range(95, 120))
    assert not list(open_rows(HAM, where, limit=5, start=5))
    benchmark = open_rows(HAM, where, limit=200)
    parts = [[each["row"] for each in benchmark.shard(rank, 3)] for rank in range(3)]
    assert [row for part in parts for row in part] == list(range(200))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    done = {0, 7, 120, 199}
    assert [each["row"] for each in benchmark.without(done)] == [row for row in range(200) if row not in done]
    with pytest.raises(ValueError, match="no rank 3"):
        benchmark.shard(3, 3)


def test_only_the_row_groups_that_are_needed_are_read(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = module.cells_of

    def counted(file: Path, parquet: Any, group: int, *more: Any) -> Any:
        read.append(group)
        return real(file, parquet, group, *more)

    monkeypatch.setattr(module, "cells_of", counted)
    list(open_rows(HAM, {"ham10000": str(built)}, start=210))
    assert read == [2]


def test_rows_without_a_class_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, [row(0), row(1, label=None), row(2)])
    benchmark = open_rows(HAM, {"ham10000": str(tmp_path)})
    assert ([each["id"] for each in benchmark], benchmark.left_out) == (["row00000", "row00002"], {"no_label": 1})


def test_the_same_classes_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    write(tmp_path, [row(number, label=number) for number in range(7)], classes=HAM.classes[::-1])
    assert [each["label"] for each in open_rows(HAM, {"ham10000": str(tmp_path)})] == [6, 5, 4, 3, 2, 1, 0]


def test_other_classes_are_refused_and_named(tmp_path: Path) -> None:
    write(tmp_path, [row(0)], classes=("Wart", *HAM.classes[1:]))
    with pytest.raises(MmskinError, match=r"lacks 'Actinic Keratoses'; it has 'Wart'"):
        open_rows(HAM, {"ham10000": str(tmp_path)})
    other = write(tmp_path / "other", [row(0, label=1)], classes=PUBLIC["hiba"].classes)
    with pytest.raises(MmskinError, match="are not those of mmskin_ham10000_gen"):
        open_rows(HAM, {"ham10000": str(other)})


def test_the_revision_follows_the_bytes_of_the_split_and_nothing_else(built: Path, tmp_path: Path) -> None:
    first = open_rows(HAM, {"ham10000": str(built)}).revision
    assert len(first) == 64
    same = write(tmp_path / "same", [row(number) for number in range(ROWS)])
    write(same, [row(7000)], split="train")
    assert open_rows(HAM, {"ham10000": str(same)}).revision == first
    other = write(tmp_path / "other", [row(number, sex="male" if number == 3 else None) for number in range(ROWS)])
    assert open_rows(HAM, {"ham10000": str(other)}).revision != first


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (None, "Nothing says where ham10000 is"),
        ("nowhere/ham10000", "there is no such folder"),
        (".", "no Parquet files of test"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, place: str | None, told: str) -> None:
    where = {"ham10000": str(tmp_path if place == "." else place)} if place else {}
    with pytest.raises(WrongUse, match=told) as caught:
        open_rows(HAM, where)
    assert "ham10000" in caught.value.remedy


def test_a_broken_file_and_a_broken_picture_are_told_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test-00000-of-00001.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(WrongUse, match=r"test-00000-of-00001.parquet cannot be read"):
        open_rows(HAM, {"ham10000": str(tmp_path)})
    spoilt = write(tmp_path / "spoilt", [row(0, image={"bytes": drawn(0)[:80], "path": None}), row(1, image=None)])
    first, second = open_rows(HAM, {"ham10000": str(spoilt)})
    with pytest.raises(MmskinError, match="row00000 holds a picture that cannot be decoded"):
        picture(first)
    with pytest.raises(MmskinError, match="row00001 holds no picture"):
        picture(second)


def test_a_dataset_without_names_of_classes_or_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = pa.table({"id": ["a"], "image": [{"bytes": drawn(1), "path": "a"}], "label": [1]})
    pq.write_table(table, tmp_path / "data" / "test-0.parquet")
    with pytest.raises(MmskinError, match="does not name its classes"):
        open_rows(HAM, {"ham10000": str(tmp_path)})
    pq.write_table(table.drop(["label"]), tmp_path / "data" / "test-0.parquet")
    with pytest.raises(MmskinError, match="no column label"):
        open_rows(HAM, {"ham10000": str(tmp_path)})


def test_places_are_parsed_and_paths_may_hold_commas() -> None:
    assert parse_where("ham10000=data/a,b,ddi=o/n@v1.0.0") == {"ham10000": "data/a,b", "ddi": "o/n@v1.0.0"}
    assert parse_where(["a=x", "b=y=z"]) == {"a": "x", "b": "y=z"}
    assert parse_where("") == {}
    for wrong in ("data/ham10000", "=x", "ham10000="):
        with pytest.raises(WrongUse, match="names no dataset"):
            parse_where(wrong)


QUESTIONS = (
    ("What is it?", "A wart.", False),
    ("Is it red?", "Yes, it is red.", True),
    ("Is it blue?", "no", True),
    ("Is it left or right?", "On the left.", True),
    ("Is it known?", "Not in the picture.", False),
    ("What?", " ", False),
)


def test_questions_are_parted_by_their_answers_and_none_is_lost(tmp_path: Path) -> None:
    features = open_vqa_features()
    rows = [
        {
            "id": f"q{number}", "image": {"bytes": drawn(number), "path": None}, "question": question,
            "answer": answer, "question_type": 0, "closed": closed, "modality": 2, "grounding": 1.0,
            "writer": "rules-1", "caption_id": f"pair{number // 2}",
        }
        for number, (question, answer, closed) in enumerate(QUESTIONS)
    ]  # fmt: skip
    write_split(tmp_path / "open_vqa", "test", rows, features, lambda each: each["caption_id"])
    where = {"mm_skin": str(tmp_path)}
    found = {name: open_rows(protocol(f"mmskin_vqa_{name}"), where) for name in ("open", "closed", "paper")}
    assert [each["id"] for each in found["open"]] == ["q0", "q3", "q4"]
    assert [each["id"] for each in found["closed"]] == ["q1", "q2"]
    assert [each["id"] for each in found["paper"]] == ["q0", "q1", "q2", "q3", "q4"]
    assert found["paper"].left_out == {"no_answer": 1}
    assert all(benchmark.rows + sum(benchmark.left_out.values()) == len(QUESTIONS) for benchmark in found.values())
    first = next(iter(found["closed"]))
    assert (first["group_id"], first["modality"], first["question"]) == ("pair0", "pathology", "Is it red?")


def test_the_hub_is_asked_for_one_split_at_one_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    commit = "5" * 40
    asked: list[tuple[Any, ...]] = []

    def download(repo: str, *, repo_type: str, revision: str, allow_patterns: list[str]) -> str:
        asked.append((repo, repo_type, revision, allow_patterns))
        return str(write(tmp_path / commit, [row(0)]))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    benchmark = open_rows(HAM, {"ham10000": "owner/ham@v1.0.0"})
    assert (benchmark.revision, benchmark.rows) == (commit, 1)
    assert asked == [("owner/ham", "dataset", "v1.0.0", ["build.json", "data/test-*.parquet"])]

    def offline(*_: Any, **__: Any) -> str:
        raise errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(MmskinError, match=r"ham10000=owner/ham@v1\.0\.0 is no folder here"):
        open_rows(HAM, {"ham10000": "owner/ham@v1.0.0"})


_OFFLINE = """
import sys
from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.data import open_rows
from mmskin_hub.evals.protocol import protocol
for revision in ("v1.0.0", "5" * 40, "v2.0.0"):
    try:
        benchmark = open_rows(protocol("mmskin_ham10000_gen"), {"ham10000": f"owner/ham@{revision}"})
        print(benchmark.revision, benchmark.rows)
    except MmskinError as error:
        print(error.what)
"""


def test_what_was_downloaded_is_found_again_without_the_network_by_tag_or_commit(tmp_path: Path) -> None:
    commit = "5" * 40
    cache = tmp_path / "hub" / "datasets--owner--ham"
    write(cache / "snapshots" / commit, [row(0), row(1)])
    (cache / "refs").mkdir()
    (cache / "refs" / "v1.0.0").write_text(commit)
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", _OFFLINE], env=env, capture_output=True, text=True, check=True)
    by_tag, by_commit, unknown = done.stdout.splitlines()
    assert by_tag == by_commit == f"{commit} 2"
    assert unknown.startswith("ham10000=owner/ham@v2.0.0 is no folder here, and cannot be downloaded")


_READ = """
import resource, sys
from mmskin_hub.evals.data import open_rows, picture
from mmskin_hub.evals.protocol import protocol
benchmark = open_rows(protocol("mmskin_ham10000_gen"), {"ham10000": sys.argv[1]})
for number, row in enumerate(benchmark):
    if number % 20 == 0:
        picture(row)
    if number == 2_000:
        early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(number + 1, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early)
"""


def test_memory_does_not_follow_the_length(tmp_path: Path) -> None:
    # 12,000 rows of 10 kB; noise after the end of a JPEG makes them large and costs nothing to decode.
    dice = random.Random(5)
    pictures = [drawn(number) + dice.randbytes(9_000) for number in range(500)]

    def rows() -> Any:
        features = public_features(HAM.classes)
        for number in range(12_000):
            data = pictures[number % 500] + number.to_bytes(4, "big")
            one = row(0, id=str(number), sha256=str(number), image={"bytes": data, "path": None})
            yield {name: one.get(name) for name in features}

    class Encoded:
        arrow_schema = public_features(HAM.classes).arrow_schema

        def encode_example(self, each: dict[str, Any]) -> dict[str, Any]:
            return each

    write_split(tmp_path / "data", "test", rows(), Encoded(), lambda each: each["sha256"])  # type: ignore[arg-type]
    done = subprocess.run([sys.executable, "-c", _READ, str(tmp_path)], capture_output=True, text=True, check=True)
    number, grown = map(int, done.stdout.split())
    assert number == 12_000
    assert grown < 40_000, f"{grown} kB more after 12,000 rows than after 2,000"


def test_reading_the_table_of_tasks_loads_nothing_heavy() -> None:
    code = """
import sys, mmskin_hub.evals.protocol, mmskin_hub.evals.data, mmskin_hub.evals.tasks, mmskin_hub.commands.tasks
heavy = {"torch", "transformers", "lm_eval", "datasets", "pyarrow", "numpy", "PIL", "huggingface_hub", "rich"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
