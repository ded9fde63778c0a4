"""A locator says where everything is, and nothing of what it is."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.locator import COLUMNS, REJECT_COLUMNS, make_locator
from mmskin_hub.hub.locator.sealed import key_of, seal, unseal
from mmskin_hub.hub.subject import Subject
from mmskin_hub.schema import MODALITIES, QUESTION_TYPES
from tests.hub.shelf import digests, subject_of


def rows_of(folder: Path, config: str) -> list[dict[str, Any]]:
    return [row for file in sorted((folder / config).glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_every_row_is_located(full: Path, locator: Path) -> None:
    for config in ("captions", "open_vqa", "demographics"):
        there, here = rows_of(full, config), rows_of(locator, config)
        assert [row["id"] for row in here] == [row["id"] for row in there]
        for own, row in zip(there, here, strict=True):
            assert row["image_sha256"] == hashlib.sha256(own["image"]["bytes"]).hexdigest()
            assert len(row["row_sha256"]) == 64
            assert row["modality"] in ("clinical", "dermoscopic", "pathology")
            if config != "open_vqa":
                kept = ("book", "page", "bbox", "phash", "age_years", "sex")
                assert {name: row[name] for name in kept} == {name: own[name] for name in kept}
    assert [row["caption_id"] for row in rows_of(locator, "open_vqa")] == [
        row["caption_id"] for row in rows_of(full, "open_vqa")
    ]
    rejects = pq.read_table(full / "rejects.parquet").select(list(REJECT_COLUMNS["books"]))
    assert pq.read_table(locator / "rejects.parquet").equals(rejects)


def test_no_pixel_and_no_sentence_leaves(full: Path, locator: Path, shelf: Path) -> None:
    """Every word of a text column, every picture, and every file's name is looked for in every byte."""
    files = {path: path.read_bytes() for path in locator.rglob("*") if path.is_file()}
    assert {path.name for path in files} - {"build.json", "rejects.parquet"} == {
        path.name for path in full.rglob("*-of-*.parquet")
    }
    secrets = {path.stem.encode() for path in shelf.iterdir()} - {b"short", b"empty"}
    secrets |= {path.name.encode() for path in shelf.iterdir()}
    for config in ("captions", "open_vqa", "demographics"):
        for row in rows_of(full, config):
            secrets |= {row["image"]["bytes"][100:160], b"\xff\xd8\xff"}
            texts = [row[name] for name in ("caption", "raw_caption", "question", "answer") if name in row]
            secrets |= {text.encode() for text in texts if len(text) > 12}
            secrets |= {word.encode() for text in texts for word in re.findall(r"[A-Za-z]{9,}", text)}
    secrets |= {row["detail"].encode() for row in pq.read_table(full / "rejects.parquet").to_pylist() if row["detail"]}
    secrets -= {word.encode() for name in (*QUESTION_TYPES, *MODALITIES) for word in (name, *name.split("_"))}
    assert len(secrets) > 50
    # Uncompressed, or a word might hide in the compression.
    for path in locator.rglob("*.parquet"):
        files[path] += json.dumps(pq.read_table(path).to_pylist(), ensure_ascii=False).encode()
        assert not [field for field in pq.read_schema(path) if "binary" in str(field.type)]
        known = {*COLUMNS["books"], "split", "image_sha256", "row_sha256", *REJECT_COLUMNS["books"]}
        assert set(pq.read_schema(path).names) <= known
    for path, data in files.items():
        found = [secret for secret in secrets if secret in data]
        assert not found, (path.name, found[:3])


def test_the_record_names_the_files_of_the_dataset_and_its_own(full: Path, locator: Path) -> None:
    record, whole = (json.loads((folder / "build.json").read_text("utf-8")) for folder in (locator, full))
    assert (record["dataset"], record["version"], record["form"]) == ("mm_skin", "1.2.3", "locator")
    assert {name: file["sha256"] for name, file in record["full"]["files"].items()} == digests(full)
    assert {name: file["sha256"] for name, file in record["files"].items()} == digests(locator)
    assert record["options"] == whole["options"] and record["tools"] == whole["tools"]
    assert record["counts"] == whole["counts"] and record["full"]["configs"] == whole["configs"]
    assert {
        name: {split: size["rows"] for split, size in sizes.items()} for name, sizes in record["configs"].items()
    } == {name: {split: size["rows"] for split, size in sizes.items()} for name, sizes in whole["configs"].items()}
    assert [set(entry) - {"rejected"} for entry in record["inputs"]] == [{"sha256", "size", "pages"}] * 6
    assert "run" not in record


def test_load_dataset_reads_it(locator: Path) -> None:
    from datasets import load_dataset

    rows = load_dataset("parquet", data_files={"train": str(locator / "captions" / "train-*.parquet")}, split="train")
    assert rows[0]["page"] >= 1 and len(rows[0]["bbox"]) == 4 and rows[0]["split"] == "train"


def test_the_same_dataset_gives_the_same_bytes(full: Path, locator: Path, tmp_path: Path) -> None:
    made = make_locator(subject_of(full), tmp_path / "again")
    assert (made.form, made.folder, made.name, made.version) == ("locator", tmp_path / "again", "mm_skin", "1.2.3")
    assert digests(tmp_path / "again") == digests(locator)
    assert (tmp_path / "again" / "build.json").read_bytes() == (locator / "build.json").read_bytes()
    assert made.record == json.loads((locator / "build.json").read_text("utf-8"))


def test_folders_of_this_machine_stay_here(full: Path, tmp_path: Path) -> None:
    own = subject_of(full)
    options = {**own.record["options"], "vqa_model": "/home/anna/models/llama-3/", "mixture": "x.yaml"}
    subject = Subject("dataset", full, own.name, own.version, {**own.record, "options": options})
    record = make_locator(subject, tmp_path / "locator").record
    assert record["options"]["vqa_model"] == "llama-3" and record["withheld"] == ["vqa_model"]
    assert "anna" not in (tmp_path / "locator" / "build.json").read_text("utf-8")
    # The record of a release comes without folders; its writer then is not what the model and its prompt make.
    asked = {**options, "vqa": "endpoint", "vqa_model": "llama-3", "vqa_prompt": "open_vqa-1"}
    for number, (writer, withheld) in enumerate({"llama-3/open_vqa-1": None, "open_vqa-1": ["vqa_model"]}.items()):
        counts = {**own.record["counts"], "questions": {"writer": writer}}
        subject = Subject("dataset", full, own.name, own.version, {**own.record, "options": asked, "counts": counts})
        assert make_locator(subject, tmp_path / str(number)).record.get("withheld") == withheld


def test_what_cannot_be_a_locator_is_refused(full: Path, locator: Path, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="holds files"):
        make_locator(subject_of(full), locator)
    same = make_locator(subject_of(locator), tmp_path / "a")
    assert (same.folder, same.form) == (locator, "locator") and not (tmp_path / "a").exists()
    with pytest.raises(WrongUse, match="model"):
        make_locator(Subject("model", full, "m", "1.0.0", {}), tmp_path / "b")
    with pytest.raises(WrongUse, match="does not know"):
        make_locator(Subject("dataset", full, "mine", "1.0.0", {"dataset": "mine"}), tmp_path / "c")
    shutil.copytree(full, tmp_path / "full")
    changed = next((tmp_path / "full" / "captions").glob("train-*"))
    changed.write_bytes(changed.read_bytes() + b"x")
    with pytest.raises(MmskinError, match=r"not as build\.json says are captions/train-00000"):
        make_locator(subject_of(tmp_path / "full"), tmp_path / "d")
    assert not (tmp_path / "d" / "build.json").exists()


def test_only_the_dataset_opens_what_is_sealed(full: Path, locator: Path, tmp_path: Path) -> None:
    record = json.loads((locator / "build.json").read_text("utf-8"))
    names = [name for name in record["full"]["files"] if name != "rejects.parquet"]
    held = json.loads(unseal(record["sealed"], key_of(full, names)))
    assert held["build"] == (full / "build.json").read_text("utf-8")
    assert {row["book_name"] for row in held["survey"]} >= {"empty.pdf", "letter.pdf"}
    for key in (
        key_of(full, names[1:]),
        key_of(locator, names),
        bytes.fromhex(record["full"]["files"][names[0]]["sha256"]),
    ):
        with pytest.raises(ValueError, match="does not open"):
            unseal(record["sealed"], key)
    for odd in ("", "zz", record["sealed"][:-2] + ("00" if record["sealed"][-2:] != "00" else "11")):
        with pytest.raises(ValueError):
            unseal(odd, key_of(full, names))


@pytest.mark.parametrize("text", ["", "a", "é" * 31, "x" * 32, "y" * 1000])
def test_a_sealed_text_opens_again_and_no_two_share_a_stream(text: str) -> None:
    key = bytes(range(32))
    assert unseal(seal(text, key), key) == text
    assert seal(text, key) == seal(text, key) != seal(text + " ", key)
    assert seal(text, key)[:64] != seal(text + " ", key)[:64]
