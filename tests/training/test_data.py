"""Datasets are opened, checked, capped and weighted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmskin_hub.errors import MmskinError, NothingUsable, WrongUse
from mmskin_hub.training.collate import Collator
from mmskin_hub.training.data import DataFacts, Split, open_training_data
from tests.drawing import shapes

Settings = Callable[..., tuple[Any, Any, Any]]
Base = Callable[[str], Path]


def opened(settings: Settings, base: Base, **given: Any) -> tuple[Split, Split | None, DataFacts]:
    from transformers import AutoProcessor

    script, training, _ = settings(**given)
    return open_training_data(script, training, Collator(AutoProcessor.from_pretrained(base("llava"))))


def test_both_splits_and_their_counts(settings: Settings, base: Base, mixture: Path, tmp_path: Path) -> None:
    train, validation, facts = opened(settings, base, data=[f"skinvl_sft={mixture}"], data_version="1.0.0")
    assert validation is not None
    assert (len(train), len(validation)) == (24, 6)
    assert train.weights is None  # all alike
    counts = facts.as_json()["counts"]["train"]
    assert counts["read"] == counts["used"] == 24 and counts["pools"] == {"shapes/default": 24}
    assert counts["tokens"] == int(train.lengths.sum()) and counts["learned"] == int(train.learned.sum())
    (source,) = facts.as_json()["sources"]
    assert source["name"] == "skinvl_sft" and source["version"] == "1.0.0" and source["files"]
    assert json.loads(json.dumps(facts.as_json())) == facts.as_json()
    assert (tmp_path / "out" / "rejects.jsonl").read_text() == ""
    assert [each.id for each in facts.examples] == validation.ids[:4]
    assert facts.examples[0].images[0].mode == "RGB"


def test_streamed_rows_are_the_mapped_ones(settings: Settings, base: Base, mixture: Path) -> None:
    data = [f"skinvl_sft={mixture}"]
    mapped, _, _ = opened(settings, base, data=data)
    streamed, _, _ = opened(settings, base, data=data, stream="true")
    assert mapped.ids == streamed.ids and mapped.groups is None and streamed.groups is not None
    for number in (0, 7, 23):
        one, other = mapped.rows[number], streamed.rows[number]
        assert one == other and one["row"] == number and one["id"] == mapped.ids[number]
        assert isinstance(one["images"][0]["bytes"], bytes)


def test_streamed_rows_hold_few_groups(settings: Settings, base: Base, tmp_path: Path, monkeypatch: Any) -> None:
    from mmskin_hub.training import rows

    monkeypatch.setattr(rows, "HELD_BYTES", 1)
    folder = shapes.write_mixture(tmp_path / "data", 120, 0)
    train, _, _ = opened(settings, base, data=[f"skinvl_sft={folder}"], stream="true", check_pictures="none")
    assert train.groups is not None and int(train.groups.max()) >= 3
    for number in range(0, 360, 40):
        assert train.rows[number]["id"] == train.ids[number]
        assert len(train.rows.source._held) == 1  # type: ignore[attr-defined]


def test_several_datasets_with_caps_and_weights(settings: Settings, base: Base, mixture: Path, tmp_path: Path) -> None:
    other = shapes.write_rows(
        tmp_path / "other", {"train": [{**row, "id": f"o/{row['id']}", "source": "o", "config": "c"}
                                       for row in shapes.rows(range(4))]})  # fmt: skip
    data = [f"skinvl_sft={mixture}", f"skinvl_sft={other}"]
    train, _, facts = opened(settings, base, data=data, caps=["shapes=10"], weights=["o/c=3"])
    assert facts.counts["train"]["pools"] == {"o/c": 12, "shapes/default": 10}
    assert facts.counts["train"]["capped"] == 14
    assert train.weights is not None
    assert train.weights.mean() == pytest.approx(1.0)
    pools = np.array(train.pools)
    assert train.weights[pools == "o/c"][0] == pytest.approx(3 * train.weights[pools == "shapes/default"][0])
    larger, _, _ = opened(settings, base, data=data, caps=["shapes=12"])
    assert set(train.ids) <= set(larger.ids)  # a larger cap only adds


def test_weights_of_the_rows(settings: Settings, base: Base, tmp_path: Path) -> None:
    rows = [{**row, "weight": 1.5 if place < 6 else 0.5} for place, row in enumerate(shapes.rows(range(4)))]
    data = [f"skinvl_sft={shapes.write_rows(tmp_path / 'data', {'train': rows})}"]
    train, _, _ = opened(settings, base, data=data)
    assert train.weights is not None and train.weights.tolist() == [1.5] * 6 + [0.5] * 6
    assert opened(settings, base, data=data, use_row_weights="false")[0].weights is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data_version": "2.0.0"}, "is at version 1.0.0, and data_version is 2.0.0"),
        ({"variant": "mm"}, "is variant pubmm, and the config trains mm"),
        ({"caps": ["shape=3"]}, "caps has the key 'shape'"),
        ({"weights": ["shapes/defualt=3"]}, "weights has the key 'shapes/defualt'"),
        ({"weights": ["shapes=0"]}, "are not numbers from 0 on, or all 0"),
        ({"max_length": 10}, "Not one of the 24 rows"),
        ({"data": []}, "No data was named"),
        ({"data": ["skinvl_sft=nowhere/to/be"]}, "nowhere/to/be"),
    ],
)
def test_what_a_run_must_not_begin_with(
    given: dict[str, Any], said: str, settings: Settings, base: Base, mixture: Path
) -> None:
    with pytest.raises((WrongUse, NothingUsable, MmskinError), match=said):
        opened(settings, base, **{"data": [f"skinvl_sft={mixture}"], **given})


def test_a_missing_column_is_named(settings: Settings, base: Base, mixture: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    (tmp_path / "bad" / "data").mkdir(parents=True)
    table = pq.read_table(next((mixture / "data").glob("train*"))).drop_columns(["completion"])
    pq.write_table(table, tmp_path / "bad" / "data" / "train-00000-of-00001.parquet")
    (tmp_path / "bad" / "build.json").write_text((mixture / "build.json").read_text())
    with pytest.raises(WrongUse, match="has no column 'completion'"):
        opened(settings, base, data=[f"skinvl_sft={tmp_path / 'bad'}"])


def test_too_many_long_rows_are_an_error(settings: Settings, base: Base, tmp_path: Path) -> None:
    long = [{"role": "assistant", "content": "circle " * 60}]
    rows = [{**row, "completion": long} if place % 4 == 0 else row
            for place, row in enumerate(shapes.rows(range(4)))]  # fmt: skip
    data = [f"skinvl_sft={shapes.write_rows(tmp_path / 'data', {'train': rows})}"]
    with pytest.raises(MmskinError, match=r"3 of the 12 rows of train are longer than max_length \(100 tokens\)"):
        opened(settings, base, data=data, max_length=100)
    train, _, facts = opened(settings, base, data=data, max_length=100, max_rejected=0.5)
    assert len(train) == 9 and facts.counts["train"]["too_long"] == 3
    lines = (tmp_path / "out" / "rejects.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [rows[place]["id"] for place in (0, 4, 8)]


def test_columns_of_another_kind_are_named(settings: Settings, base: Base, tmp_path: Path) -> None:
    rows = [{**row, "prompt": row["prompt"][0]["content"]} for row in shapes.rows(range(2))]
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = shapes.write_rows(tmp_path / "data", {"train": shapes.rows(range(2))})
    file = next((folder / "data").glob("train*"))
    pq.write_table(pa.Table.from_pylist(rows), file)
    _forget_files(folder)
    with pytest.raises(WrongUse, match="has a column 'prompt' of another kind, string"):
        opened(settings, base, data=[f"skinvl_sft={folder}"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"completion": [{"role": "assistant", "content": None}]}, "has a message without words"),
        ({"images": [None], "image_sha256": "0" * 64}, "have a picture that cannot be read"),
    ],
)
def test_rows_with_nothing_inside(
    more: dict[str, Any], said: str, settings: Settings, base: Base, tmp_path: Path
) -> None:
    rows = shapes.rows(range(2))
    rows[1] = {**rows[1], **more}
    folder = shapes.write_rows(tmp_path / "data", {"train": rows})
    with pytest.raises(MmskinError, match=said):
        opened(settings, base, data=[f"skinvl_sft={folder}"])


def test_a_dataset_that_is_not_whole(settings: Settings, base: Base, tmp_path: Path) -> None:
    folder = shapes.write_rows(tmp_path / "data", {"train": shapes.rows(range(2))})
    file = next((folder / "data").glob("train*"))
    record = json.loads((folder / "build.json").read_text("utf-8"))
    size = file.stat().st_size
    record["files"] = {f"data/{file.name}": {"sha256": "0", "size": size + 1}}
    (folder / "build.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(WrongUse, match=f"has {size:,} of {size + 1:,} bytes"):
        opened(settings, base, data=[f"skinvl_sft={folder}"])
    record["files"] = {"data/train-00001-of-00002.parquet": {"sha256": "0", "size": 1}}
    (folder / "build.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(WrongUse, match=r"train-00001-of-00002\.parquet is not there"):
        opened(settings, base, data=[f"skinvl_sft={folder}"])


def test_caps_are_whole_and_leave_something(settings: Settings, base: Base, mixture: Path) -> None:
    for cap, said in (("0.5", "is no number of rows"), ("0", "leave none of the 24 rows")):
        with pytest.raises((WrongUse, NothingUsable), match=said):
            opened(settings, base, data=[f"skinvl_sft={mixture}"], caps=[f"shapes={cap}"])


def _forget_files(folder: Path) -> None:
    """As if ``build.json`` said nothing of files."""
    record = json.loads((folder / "build.json").read_text("utf-8"))
    record.pop("files", None)
    (folder / "build.json").write_text(json.dumps(record), "utf-8")
