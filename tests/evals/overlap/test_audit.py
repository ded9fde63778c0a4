"""The audit as a user runs it: lists alone, built folders, mixtures; what it tells, excludes, writes and leaves."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from PIL import ImageOps

from mmskin_hub.cli import main
from mmskin_hub.errors import MissingExtra, WrongUse
from mmskin_hub.evals.overlap import Request, audit
from mmskin_hub.evals.overlap.embed import VectorIndex
from mmskin_hub.evals.overlap.rows import Row, keys_of
from tests.engine.mixture.drawn import built, encoded, mm_skin, photo, pictures, public_row, public_rows


def listed(file: Path, ids: list[str], head: str = "image") -> Path:
    file.write_text("\n".join([head, *ids]) + "\n", encoding="utf-8")
    return file


def counts(report: dict[str, Any]) -> dict[tuple[str, str, str], tuple[int, int]]:
    return {(c["train"], c["test"], c["kind"]): (c["train_rows"], c["test_rows"]) for c in report["counts"]}


def run(*arguments: object) -> dict[str, Any]:
    """``audit`` with what the command line would say."""
    words = [str(argument) for argument in arguments]
    cut = words.index("--against")
    return audit(Request(train=tuple(words[:cut]), against=tuple(words[cut + 1 :])))


def test_an_id_says_patient_lesion_slide_and_series() -> None:
    def keys(space: str, name: str, **other: str) -> set[tuple[str, str, str]]:
        return {key for key in keys_of(Row(0, name, name, "", space, **other)) if key[0] != "same_id"}

    assert keys("mine", "PAT_15_17_530.png") == {
        ("same_patient", "pad_ufes_20", "pat_15"),
        ("same_lesion", "pad_ufes_20", "17"),
    }
    assert keys("patch16", "tumor/tumor_x_ws_92_174.jpg") == {("same_slide", "patch16", "92")}
    assert keys("dermnet", "Acne/acne-cystic-12.jpg") == {("same_series", "dermnet", "acne-cystic")}
    assert keys("isic", "ISIC_0024306", lesion="HAM_1", group="HAM_1") == {("same_lesion", "isic", "ham_1")}


def test_the_lists_alone_tell_the_known_contamination(shared_data: Path, tmp_path: Path) -> None:
    lists = shared_data / "mm_skin_lists"
    full = f"ham={shared_data / 'text' / 'HAM10000_metadata_full.csv'}"
    report = run(full, f"bcn={lists / 'BCN20000_test.csv'}", "--against", f"isic={lists / 'ISIC_test.csv'}")
    found = counts(report)
    assert found["ham", "isic", "same_id"] == (2981, 2981)
    assert found["bcn", "isic", "same_id"] == (739, 739)
    # The pictures of those 2,981 have lesions of which HAM10000 holds more pictures.
    assert found["ham", "isic", "same_lesion"][0] > 2981
    shared = {pair["id"] for pair in report["pairs"] if pair["train"] == "bcn"}
    assert len(shared) == 739 and set(report["exclude"]["bcn"]) == shared


def test_a_test_row_borrows_its_lesion_from_whoever_knows_it(tmp_path: Path) -> None:
    train = listed(tmp_path / "meta", ["L1,ISIC_0000001", "L1,ISIC_0000002", "L2,ISIC_0000003"], "lesion_id,image_id")
    test = listed(tmp_path / "test.csv", ["ISIC/ISIC_0000001_downsampled.jpg"])
    report = run(f"ham={train}", "--against", f"isic={test}")
    assert counts(report) == {("ham", "isic", "same_id"): (1, 1), ("ham", "isic", "same_lesion"): (2, 1)}
    assert report["exclude"]["ham"] == ["ISIC_0000001", "ISIC_0000002"]


def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A training set of which five train rows, and a test set of which five test rows, are the same pictures."""
    test = [public_row(100 + n, "test") for n in range(8)] + [public_row(200, "train")]
    base = photo(101, 160)
    test[1]["image"] = encoded(base)
    width, height = base.size
    cropped = base.crop((round(width * 0.05), round(height * 0.05), round(width * 0.95), round(height * 0.95)))
    train = public_rows(0, 12)
    train += [
        public_row(300, "train", image=test[0]["image"]),
        public_row(301, "train", image=encoded(ImageOps.mirror(cropped), 70)),
        public_row(302, "validation", image=encoded(photo(102).resize((60, 60)))),
        public_row(303, "train", image_id="IMG_103"),
        public_row(304, "train", lesion_id="L104"),
        public_row(305, "test", image=test[5]["image"]),
        public_row(306, "train", image=encoded(photo(200))),
    ]
    return built(tmp_path / "train", "mine", train), built(tmp_path / "test", "mine", test)


def test_every_kind_is_found_between_two_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = folders(tmp_path)
    out = tmp_path / "audit"
    assert main(["audit", f"a={train}", "--against", f"b={test}", "--out", str(out)]) == 3
    shown = capsys.readouterr().out
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    kinds = {(pair["id"], pair["kind"]): pair["test_id"] for pair in report["pairs"]}
    assert kinds == {
        ("IMG_300", "same_bytes"): "IMG_100",
        ("IMG_300", "near_duplicate"): "IMG_100",
        ("IMG_301", "near_duplicate"): "IMG_101",
        ("IMG_302", "near_duplicate"): "IMG_102",
        ("IMG_103", "same_id"): "IMG_103",
        ("IMG_304", "same_lesion"): "IMG_104",
    }
    excluded = (out / "exclude" / "a.txt").read_text(encoding="utf-8").split()
    assert sorted(excluded) == sorted({name for name, _ in kinds}) == sorted(report["exclude"]["a"])
    assert report["train"][0]["rows"] == 16 and report["against"][0]["rows"] == 8
    assert "near_duplicate" in shown and "5 of 16" in shown
    page = (out / "audit.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 8 and "unsafe" not in page and "http" not in page.replace("http-equiv", "")
    assert str(tmp_path) not in page and str(tmp_path) not in (out / "report.json").read_text(encoding="utf-8")
    first = {file.name: file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}
    main(["audit", f"a={train}", "--against", f"b={test}", "--out", str(out)])
    assert first == {file.name: file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


def test_the_same_pixels_in_another_file(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "train", [1, 2])
    from PIL import Image

    (tmp_path / "test").mkdir()
    Image.open(folder / "1.jpg").save(tmp_path / "test" / "x.png")
    Image.new("RGB", (50, 50), "white").save(tmp_path / "test" / "blank.png")
    Image.new("RGB", (50, 50), "white").save(folder / "white.bmp")
    Image.new("RGB", (50, 50), "red").save(folder / "red.bmp")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    report = run(f"a={folder}", "--against", f"b={tmp_path / 'test'}")
    kinds = {(pair["id"], pair["kind"], pair["test_id"]) for pair in report["pairs"]}
    assert kinds == {
        ("1.jpg", "near_duplicate", "x.png"),
        ("1.jpg", "same_pixels", "x.png"),
        ("white.bmp", "same_pixels", "blank.png"),
    }
    assert [each["id"] for each in report["train"][0]["unreadable"]] == ["broken.jpg"]


def test_the_fixed_folder_is_clean_loads_and_balances(tmp_path: Path) -> None:
    train, test = folders(tmp_path)
    fixed = tmp_path / "fixed"
    head = "dataset_info:\n- config_name: default\n  splits:\n  - name: train\n    num_bytes: 1\n    num_examples: 99\n"
    configs = "configs:\n- config_name: default\n  data_files:\n"
    configs += "".join(f"  - split: {name}\n    path: data/{name}-*\n" for name in ("train", "validation", "test"))
    counts = {"read": 20, "published": 19, "rejected": 1, "rejects": {"bad_row": 1}, "classes": {"Nevus": 19}}
    record = {"dataset": "mine", "version": "1.0.0", "counts": counts}
    (train / "build.json").write_text(json.dumps(record), encoding="utf-8")
    (train / "README.md").write_text(f"---\n{head}{configs}---\n\n# Mine\n", encoding="utf-8")
    assert main(["audit", f"a={train}", "--against", f"b={test}", "--fix", str(fixed)]) == 0
    record = json.loads((fixed / "build.json").read_text(encoding="utf-8"))
    audited, counts = record["audit"], record["counts"]
    assert counts["read"] == counts["published"] + counts["rejected"] == 14 + 6
    assert counts["rejects"] == {"bad_row": 1, "contaminated": 5} and sum(counts["classes"].values()) == 14
    assert (audited["read"], audited["kept"], audited["dropped"]) == (19, 14, 5)
    assert sum(split["rows"] for split in record["configs"]["default"].values()) == 14
    assert audited["kinds"] == {"near_duplicate": 2, "same_bytes": 1, "same_id": 1, "same_lesion": 1}
    assert record["dataset"] == "mine" and set(record["files"]) >= {
        "data/train-00000-of-00001.parquet",
        "dropped.parquet",
    }
    assert pq.read_table(fixed / "dropped.parquet").num_rows == 5
    loaded = load_dataset(str(fixed), split="train")
    assert loaded.num_rows == record["configs"]["default"]["train"]["rows"]
    assert loaded[0]["image"].size == (96, 96)
    assert main(["audit", f"a={fixed}", "--against", f"b={test}"]) == 0
    before = {row["image_id"] for file in train.rglob("*.parquet") for row in pq.read_table(file).to_pylist()}
    after = {row["image_id"] for file in fixed.glob("data/*.parquet") for row in pq.read_table(file).to_pylist()}
    assert before - after == {"IMG_300", "IMG_301", "IMG_302", "IMG_103", "IMG_304"}


def test_a_fixed_list_keeps_its_lines(tmp_path: Path) -> None:
    train = listed(tmp_path / "meta.csv", ['a,"one, two"', "b,three", "c,"], "image_id,note")
    test = listed(tmp_path / "test.txt", ["B.jpg"], "C.png")
    assert main(["audit", f"x={train}", "--against", f"x={test}", "--fix", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "meta.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["image_id", "note"], ["a", "one, two"]]


def test_what_is_ignored_is_told_and_kept(tmp_path: Path) -> None:
    train = listed(tmp_path / "a.csv", ["x/acne-1.jpg", "x/acne-2.jpg"])
    test = listed(tmp_path / "b.csv", ["x/acne-3.jpg"])
    arguments = ["audit", f"dermnet={train}", "--against", f"dermnet={test}"]
    assert main(arguments) == 3
    assert main([*arguments, "--ignore", "same_series"]) == 0
    assert main([*arguments, "--ignore", "same_sries"]) == 2


def test_books_and_mixtures_are_read(tmp_path: Path) -> None:
    book = mm_skin(tmp_path / "book")
    report = run(f"mm_skin={book}", "--against", f"photos={pictures(tmp_path / 'p', [5000, 5005])}")
    found = {(pair["id"], pair["kind"]) for pair in report["pairs"] if pair["kind"] == "same_bytes"}
    # One train picture (5000) and its two questions in three configs; 5005 is a test row of the book.
    assert found == {
        ("book-p0000-f1", "same_bytes"),
        ("book-p0000-f1-q0", "same_bytes"),
        ("book-p0000-f1-q1", "same_bytes"),
    }
    mixture = tmp_path / "mixture"
    assert main(["build", "skinvl_sft", "--variant", "mm", "--data", f"mm_skin={book}", "--out", str(mixture)]) == 0
    report = run(f"mix={mixture}", "--against", f"photos={tmp_path / 'p'}")
    assert {pair["id"] for pair in report["pairs"]} == {
        f"mm_skin/{name}"
        for name in (
            "captions/book-p0000-f1",
            "demographics/book-p0000-f1",
            "open_vqa/book-p0000-f1-q0",
            "open_vqa/book-p0000-f1-q1",
        )
    }


def test_smooth_pictures_with_near_hashes_are_looked_at_again(shared_data: Path, tmp_path: Path) -> None:
    """Two lesions, 34 bits apart through one of the windows; and one lesion photographed twice."""
    for folder, names in (("train", ("ISIC_0025040", "ISIC_0029724")), ("test", ("PAT_2088_4525_507", "ISIC_0029640"))):
        (tmp_path / folder).mkdir()
        for name in names:
            file = next(shared_data.glob(f"*/*/{name}.*"))
            (tmp_path / folder / file.name).write_bytes(file.read_bytes())
    report = run(f"a={tmp_path / 'train'}", "--against", f"b={tmp_path / 'test'}")
    assert [(pair["id"], pair["test_id"]) for pair in report["pairs"]] == [("ISIC_0029724.jpg", "ISIC_0029640.jpg")]
    assert [(each["id"], each["test_id"]) for each in report["unlike"]] == [
        ("ISIC_0025040.jpg", "PAT_2088_4525_507.png")
    ]


def test_stored_hashes_are_enough(tmp_path: Path) -> None:
    book = mm_skin(tmp_path / "book")
    photos = pictures(tmp_path / "p", [])
    for seed in (5000, 5001):
        (photos / f"{seed}.jpg").write_bytes(encoded(ImageOps.mirror(photo(seed)), 60))
    quick = audit(Request((f"mm_skin={book}",), (f"p={photos}",), quick=True))
    assert {pair["test_id"] for pair in quick["pairs"] if pair["kind"] == "near_duplicate"} == {"5000.jpg", "5001.jpg"}


@pytest.mark.parametrize(
    ("train", "what"),
    [
        ("a=nowhere", "no folder, file or Hub repository"),
        ("a=", "names no path"),
        ("a=odd.csv", "no column of ids"),
        ("a=bytes.csv", "UTF-8"),
        ("a=list.json", "not a list"),
        ("a=empty", "neither Parquet"),
        ("a=broken", "cannot be read"),
    ],
)
def test_wrong_use_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: str, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    listed(tmp_path / "odd.csv", ["1,2"], "age,sex")
    (tmp_path / "bytes.csv").write_bytes(b"image\n\xff\xfe\n")
    (tmp_path / "list.json").write_text('{"a": 1}', encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 no")
    listed(tmp_path / "test.csv", ["x"])
    with pytest.raises(WrongUse, match=re.escape(what)):
        run(train, "--against", "t=test.csv")


def test_what_must_not_be_overwritten_is_not(tmp_path: Path) -> None:
    train, test = folders(tmp_path)
    common = ["audit", f"a={train}", "--against", f"b={test}"]
    assert main([*common, "--fix", str(train)]) == 2
    assert main([*common, "--out", str(train / "audit")]) == 2
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    assert main([*common, "--fix", str(tmp_path / "mine")]) == 1
    assert (tmp_path / "mine" / "file").exists()
    assert main(["audit", f"a={train}", f"a={test}", "--against", f"b={test}"]) == 2


def test_lists_with_quirks_are_read(tmp_path: Path) -> None:
    test = listed(tmp_path / "test.csv", ["ISIC_0000001"])
    for number, text in enumerate(
        (
            "﻿image_id\tdx\r\nISIC_0000001\tnv\r\n",
            "isic_id;age\nisic_0000001;3\n",
            "image,MEL\nISIC_0000001_downsampled,1.0\n",
        )
    ):
        file = tmp_path / f"{number}.csv"
        file.write_bytes(text.encode())
        assert run(f"x={file}", "--against", f"y={test}")["exclude"]["x"]
    (tmp_path / "c.jsonl").write_text('{"image": "a/ISIC_0000001.jpg"}\n', encoding="utf-8")
    assert run(f"x={tmp_path / 'c.jsonl'}", "--against", f"y={test}")["exclude"]["x"] == ["a/ISIC_0000001.jpg"]
    sets = listed(tmp_path / "sets.csv", ["ISIC_0000001,Test", "ISIC_0000002,Train"], "image,set")
    assert not run(f"x={sets}", "--against", f"y={test}")["contaminated"]


def test_vectors_are_searched_by_cosine() -> None:
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((50, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    near = vectors[7] + 0.02 * vectors[8]
    found = VectorIndex(list(vectors)).search([near / np.linalg.norm(near), -vectors[3]], 0.01)
    assert [(query, place) for query, place, _ in found] == [(0, 7)]
    assert 0 <= found[0][2] < 0.01


def test_without_the_packages_the_pip_line_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "faiss", None)
    test = listed(tmp_path / "test.csv", ["x"])
    with pytest.raises(MissingExtra, match=re.escape('pip install "mmskin-hub[audit]"')):
        audit(Request((f"a={test}",), (f"b={test}",), embeddings="some/model"))
