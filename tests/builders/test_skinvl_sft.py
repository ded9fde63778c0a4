"""Drawn datasets become a mixture: what TRL reads, the same bytes every time, and nothing a test split knows."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from PIL import Image as Pillow

from mmskin_hub.builders.skinvl_sft import RECIPE, Request, build
from mmskin_hub.engine.mixture.items import REASONS, mixture_features
from mmskin_hub.engine.mixture.recipe import VARIANTS, read_recipe
from mmskin_hub.engine.mixture.tally import FATES
from mmskin_hub.errors import MmskinError, NothingUsable, OutputExists, WrongUse
from tests.engine.mixture.drawn import CLASSES, built, encoded, mm_skin, photo, pictures, public_row, public_rows


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MM-Skin, two public sets, and a file of the original release with its pictures."""
    folder = tmp_path_factory.mktemp("sources")
    mm_skin(folder / "mm")
    built(folder / "ham10000", "ham10000", public_rows(0, 60))
    built(folder / "ddi", "ddi", public_rows(1000, 24), classes=CLASSES)
    return folder


def request(shelf: Path, out: Path, **other: Any) -> Request:
    data = (f"mm_skin={shelf / 'mm'}", f"ham10000={shelf / 'ham10000'}", f"ddi={shelf / 'ddi'}")
    return Request(**{"variant": "pubmm", "data": data, "out": out, "version": "1.2.3", **other})


@pytest.fixture(scope="module")
def reference(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("reference") / "pubmm"
    build(request(shelf, out))
    return out


def digests(out: Path) -> dict[str, str]:
    files = sorted([*out.rglob("*.parquet"), out / "README.md"])
    return {file.relative_to(out).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def record_of(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "build.json").read_text(encoding="utf-8"))
    return record


def rows_of(out: Path, split: str = "train") -> list[dict[str, Any]]:
    return [row for file in sorted((out / "data").glob(f"{split}-*")) for row in pq.read_table(file).to_pylist()]


def fates(*numbers: int) -> dict[str, int]:
    return dict(zip(FATES, numbers, strict=True))


def test_rows_are_what_a_trainer_reads(reference: Path) -> None:
    rows = load_dataset(str(reference))
    assert set(rows) == {"train", "validation"}
    assert rows["train"].features == mixture_features()
    for row in rows["train"]:
        assert [message["role"] for message in row["completion"]] == ["assistant"]
        assert row["prompt"][-1]["role"] == "user"
        assert len(row["images"]) == 1
        assert row["images"][0].size == (96, 96)
        texts = [message["content"] for message in (*row["prompt"], *row["completion"])]
        assert all(text.strip() and "<image>" not in text for text in texts)


def test_trl_puts_the_picture_before_the_question(reference: Path) -> None:
    pytest.importorskip("trl", reason="trl is not installed")
    from trl.data_utils import is_conversational, prepare_multimodal_messages

    for row in load_dataset(str(reference), split="train"):
        assert is_conversational(row)
        prompt = prepare_multimodal_messages(row["prompt"], images=row["images"])
        assert [part["type"] for part in prompt[0]["content"]] == ["image", "text"]
        assert prepare_multimodal_messages(row["completion"])[0]["content"][0]["type"] == "text"


def test_every_task_has_its_rows_and_answers_are_those_of_the_source(reference: Path) -> None:
    rows = rows_of(reference)
    assert Counter(row["task"] for row in rows) == {"caption": 8, "vqa": 16, "demographics": 8, "classification": 56}
    for row in rows:
        answer = row["completion"][0]["content"]
        if row["task"] == "classification":
            assert answer == CLASSES[int(row["image_id"].removeprefix("IMG_")) % 3]
        elif row["task"] == "caption":
            assert answer == f"Plaques number {int(row['image_id'][6:10])}."
        assert row["image_sha256"] == hashlib.sha256(row["images"][0]["bytes"]).hexdigest()
    assert len({row["id"] for row in rows}) == len(rows)


def test_no_picture_is_encoded_again_and_rows_of_one_lie_side_by_side(reference: Path, shelf: Path) -> None:
    tables = [pq.read_table(file, columns=["image"]) for file in shelf.rglob("*.parquet")]
    given = {row["image"]["bytes"] for table in tables for row in table.to_pylist()}
    rows = rows_of(reference)
    assert {row["images"][0]["bytes"] for row in rows} < given
    places: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        places[row["image_sha256"]].append(place)
    assert max(len(own) for own in places.values()) == 4
    assert all(own == list(range(own[0], own[0] + len(own))) for own in places.values())
    stored = sum(file.stat().st_size for file in (reference / "data").glob("train-*"))
    distinct = sum(len(data) for data in {row["images"][0]["bytes"] for row in rows})
    assert stored < 1.2 * distinct + 60_000


def test_sources_are_mixed(reference: Path) -> None:
    sources = [row["source"] for row in rows_of(reference)]
    changes = sum(one != other for one, other in pairwise(sources))
    assert changes > len(sources) / 4


def test_the_counts_balance_and_test_rows_are_never_taken(reference: Path, shelf: Path) -> None:
    record = record_of(reference)
    table = record["counts"]["sources"]
    assert table["ham10000"]["default"] == fates(60, 50, 0, 10, 0, 0)
    assert table["mm_skin"]["open_vqa"] == fates(24, 20, 0, 4, 0, 0)
    taken = {row["image_sha256"] for split in ("train", "validation") for row in rows_of(reference, split)}
    for file in shelf.rglob("test-*.parquet"):
        for row in pq.read_table(file, columns=["image"]).to_pylist():
            assert hashlib.sha256(row["image"]["bytes"]).hexdigest() not in taken
    assert record["configs"]["default"]["train"]["rows"] == len(rows_of(reference)) == 88
    assert {path: file["sha256"] for path, file in record["files"].items()}.items() <= digests(reference).items()
    assert record["leakage"]["checked_against"] == {"ddi": 4, "ham10000": 10, "mm_skin": 8}
    assert record["leakage"]["pairs"] == []


def test_the_same_bytes_whatever_the_order_and_the_threads(reference: Path, shelf: Path, tmp_path: Path) -> None:
    asked = request(shelf, tmp_path / "out")
    build(replace(asked, data=asked.data[::-1], threads=4))
    assert digests(tmp_path / "out") == digests(reference)


def test_another_seed_gives_another_order_of_the_same_rows(reference: Path, shelf: Path, tmp_path: Path) -> None:
    build(request(shelf, tmp_path / "out", seed=7))
    ours, others = ([row["id"] for row in rows_of(out)] for out in (reference, tmp_path / "out"))
    assert ours != others
    assert sorted(ours) == sorted(others)


def twin(row: dict[str, Any], **other: Any) -> dict[str, Any]:
    """A training row with nothing of ``row`` but what ``other`` says."""
    return public_row(9000 + int(row["image_id"].removeprefix("IMG_")), "train", **other)


def planted() -> dict[str, dict[str, Any]]:
    """By reason, a training row that repeats the test row of seed 5 in one respect."""
    test = public_row(5, "test")
    smaller = encoded(photo(5, 400).resize((70, 70)), 60)
    return {
        "leak_same_picture": twin(test, image=test["image"]),
        "leak_near_duplicate": twin(test, image=smaller),
        "leak_same_lesion": twin(test, lesion_id="L5"),
        "leak_same_patient": twin(test, patient_id="P5"),
        "leak_same_image_id": twin(test, image_id="IMG_5"),
    }


@pytest.mark.parametrize("reason", sorted(planted()))
@pytest.mark.parametrize("where", ["own", "against"])
def test_what_a_test_split_knows_is_refused_and_counted(reason: str, where: str, tmp_path: Path) -> None:
    train, test = [public_row(n, "train") for n in range(20, 24)], public_row(5, "test")
    if where == "own":
        built(tmp_path / "set", "ddi", [*train, planted()[reason], test])
        asked = Request("pub", (f"ddi={tmp_path / 'set'}",), tmp_path / "out")
    else:
        built(tmp_path / "set", "ddi", [*train, planted()[reason]])
        built(tmp_path / "other", "ddi", [test], version="2.0.0")
        asked = Request("pub", (f"ddi={tmp_path / 'set'}",), tmp_path / "out", against=(str(tmp_path / "other"),))
    record = build(asked)
    assert record["counts"]["rejects"] == {reason: 1}
    assert record["leakage"]["pairs"] == [
        {"source": "ddi", "split": "train", "test_set": "ddi", "reason": reason, "rows": 1}
    ]
    (reject,) = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert (reject["reason"], reject["test_id"]) == (reason, "ddi/default/IMG_5")
    assert len(rows_of(tmp_path / "out")) == 4
    assert reason in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    kept = build(replace(asked, allow_leakage=True, overwrite=True))
    assert (kept["counts"]["taken"], kept["leakage"]["rows"], kept["leakage"]["allowed"]) == (5, 1, True)
    assert "--allow-leakage" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_without_what_was_planted_nothing_leaks(tmp_path: Path) -> None:
    """The control: many pictures, ids that differ by a letter or live in another dataset, null ids."""
    plain = {"lesion_id": None, "patient_id": None}
    test = [public_row(n, "test", **plain) for n in range(40)]
    train = [public_row(n, "train", lesion_id=" ", patient_id="nan") for n in range(100, 300)]
    built(tmp_path / "ddi", "ddi", [*train, *test])
    other = [public_row(n, "train", image_id=f"IMG_{n - 400}", lesion_id=f"L{n - 400}") for n in range(400, 440)]
    built(tmp_path / "scin", "scin", other)
    data = (f"ddi={tmp_path / 'ddi'}", f"scin={tmp_path / 'scin'}")
    record = build(Request("pub", data, tmp_path / "out"))
    assert (record["counts"]["leaked"], record["counts"]["taken"]) == (0, 240)


def test_ids_of_the_isic_archive_are_one_in_all_its_datasets(tmp_path: Path) -> None:
    ham = [public_row(1, "test", image_id="ISIC_0024306", lesion_id="HAM_0000001")]
    built(tmp_path / "ham", "ham10000", [*ham, public_row(2, "train")])
    isic = [
        public_row(11, "train", image_id="ISIC_0024306_downsampled"),
        public_row(12, "validation", image_id="ISIC_0000009", lesion_id="HAM_0000001"),
        public_row(13, "train", image_id="ISIC_0024307"),
    ]
    built(tmp_path / "isic", "isic2019", isic)
    data = (f"ham10000={tmp_path / 'ham'}", f"isic2019={tmp_path / 'isic'}")
    record = build(Request("pub", data, tmp_path / "out"))
    assert record["counts"]["rejects"] == {"leak_same_image_id": 1, "leak_same_lesion": 1}
    assert record["counts"]["sources"]["isic2019"]["default"]["taken"] == 1


def test_real_pictures_leak_where_they_were_planted_and_nowhere_else(shared_data: Path, tmp_path: Path) -> None:
    """Four hundred lesions, half of them to train on; of twenty test pictures a smaller, paler copy is planted."""
    files = sorted((shared_data / "ham10000").rglob("*.jpg"))[::4][:400]
    rows = [
        public_row(n, "test" if n % 2 else "train", image=file.read_bytes(), image_id=file.stem, lesion_id=None)
        for n, file in enumerate(files)
    ]
    copies = []
    for row in rows[1:41:2]:
        with Pillow.open(io.BytesIO(row["image"])) as image:
            paler = image.resize((image.width * 3 // 4, image.height * 3 // 4)).point(lambda value: 20 + value * 0.9)
        copies.append({**row, "split": "train", "image": encoded(paler, 70), "image_id": f"copy of {row['image_id']}"})
        copies[-1]["patient_id"] = None
    lesions = dict(line.split(",")[1::-1] for line in _lines(shared_data / "ham10000" / "HAM10000_metadata"))
    for row in rows:
        row["lesion_id"] = lesions[row["image_id"]]
    tests = {row["lesion_id"] for row in rows if row["split"] == "test"}
    rows = [row for row in rows if row["split"] == "test" or row["lesion_id"] not in tests]
    built(tmp_path / "ham", "ham10000", [*rows, *copies])
    record = build(Request("pub", (f"ham10000={tmp_path / 'ham'}",), tmp_path / "out"))
    assert record["counts"]["rejects"] == {"leak_near_duplicate": len(copies)}
    rejects = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert all(row["id"].endswith(f"copy of {row['test_id'].rpartition('/')[2]}") for row in rejects)


def _lines(table: Path) -> list[str]:
    return table.read_text(encoding="utf-8").replace("\t", ",").splitlines()[1:]


def test_what_training_and_validation_share_is_told_and_kept(tmp_path: Path) -> None:
    shared = public_row(3, "validation")
    built(tmp_path / "ddi", "ddi", [public_row(1, "train"), shared, public_row(2, "test")])
    built(tmp_path / "scin", "scin", [public_row(30, "train", image=shared["image"])])
    data = (f"ddi={tmp_path / 'ddi'}", f"scin={tmp_path / 'scin'}")
    record = build(Request("pub", data, tmp_path / "out"))
    assert record["counts"]["taken"] == 3
    (pair,) = record["leakage"]["train_seen_in_validation"]
    assert (pair["source"], pair["test_set"], pair["reason"]) == ("scin", "ddi", "leak_same_picture")


def test_caps_and_weights_of_a_file_of_ones_own(shelf: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(
        "pubmm:\n  mm_skin:\n    configs:\n      open_vqa: {cap: 6}\n  ham10000: {cap: 12, weight: 24}\n  ddi:\n"
    )
    record = build(request(shelf, tmp_path / "out", mixture=recipe))
    pools = {line["pool"]: line for line in record["recipe"]}
    assert pools["ham10000"]["rows"] == 12
    assert pools["mm_skin/open_vqa"]["rows"] == 6
    assert record["counts"]["sources"]["ham10000"]["default"]["capped"] == 28
    rows = rows_of(tmp_path / "out")
    weights = {name: {row["weight"] for row in rows if row["source"] == name} for name in ("ham10000", "ddi")}
    assert sum(row["weight"] for row in rows) == pytest.approx(len(rows), rel=1e-5)
    assert weights["ham10000"].pop() == pytest.approx(2 * weights["ddi"].pop(), rel=1e-5)
    kinds = Counter(row["completion"][0]["content"] for row in rows if row["source"] == "ham10000")
    # Of the forty rows the first class has as many as the others together.
    assert kinds == {CLASSES[0]: 6, CLASSES[1]: 3, CLASSES[2]: 3}


def test_what_the_recipe_names_and_nobody_gave_is_told(reference: Path) -> None:
    assert "isic2019" in record_of(reference)["absent"]
    assert "mm_skin/captions" not in record_of(reference)["absent"]
    card = (reference / "README.md").read_text(encoding="utf-8")
    assert "`isic2019`" in card
    assert "textbook content, not redistributable" in card


def test_the_shipped_recipe_has_the_eleven_sets_and_a_reason_on_each_line() -> None:
    pub = read_recipe(RECIPE, "pub").entries
    entries = {variant: set(read_recipe(RECIPE, variant).entries) for variant in VARIANTS}
    assert entries["mm"] == {"mm_skin"}
    assert len(entries["pub"]) == 11
    assert entries["pubmm"] == entries["mm"] | entries["pub"]
    assert all(read_recipe(RECIPE, "pubmm").entries[name].share == one.share for name, one in pub.items())
    for line in RECIPE.read_text(encoding="utf-8").splitlines():
        assert "{" not in line or "#" in line, f"a line without its reason: {line}"


def release(folder: Path) -> Path:
    """The published files of MM-Skin, with good and bad rows."""
    pictures(folder / "images" / "dataset", range(5000, 5008))
    (folder / "images" / "dataset" / "broken.jpg").write_bytes(encoded(photo(1))[:300])
    (folder / "outside.jpg").write_bytes(encoded(photo(2)))
    ask, answer = {"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "Psoriasis."}
    more = [{"from": "human", "value": "Where?"}, {"from": "gpt", "value": "On the elbow."}]
    entries = [
        {"id": "a", "image": "dataset/5000.jpg", "conversations": [ask, answer, *more]},
        {
            "id": "b",
            "image": "MM-SkinQA/dataset/5001.jpg",
            "conversations": [{"from": "human", "value": "What is it?\n<image>"}, answer],
        },
        {"id": "c", "conversations": [{"from": "human", "value": "What is psoriasis?"}, answer]},
        {"id": "d", "image": "nowhere.jpg", "conversations": [ask, answer]},
        {"id": "e", "image": "dataset/broken.jpg", "conversations": [ask, answer]},
        {"id": "f", "image": "../outside.jpg", "conversations": [ask, answer]},
        {"id": "g", "image": "dataset/5002.jpg", "conversations": []},
        {"id": "h", "image": "dataset/5002.jpg", "conversations": [answer, ask]},
        {"id": "i", "image": "dataset/5002.jpg", "conversations": [ask, {"from": "gpt", "value": " "}]},
        {"id": "j", "conversations": [ask, answer]},
    ]
    (folder / "train.json").write_text(json.dumps(entries), encoding="utf-8")
    table = ["image,question,answer", 'dataset/5003.jpg,What is it?,"A wart, flat"', "dataset/5003.jpg,Where?,Hand"]
    (folder / "VQA.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*table, "dataset/none.jpg,What?,It", "x"]).encode())
    (folder / "caption.csv").write_text("image\tcaption\tmodality\ndataset/5004.jpg\tA naevus.\tskin\n")
    return folder


def test_files_of_the_original_release_become_rows(tmp_path: Path) -> None:
    folder = release(tmp_path / "release")
    data = tuple(f"mm_skin={folder / name}:{folder / 'images'}" for name in ("train.json", "VQA.csv", "caption.csv"))
    record = build(Request("mm", data, tmp_path / "out"))
    rows = {row["id"]: row for row in rows_of(tmp_path / "out")}
    assert rows.keys() == {
        "mm_skin/conversations/a-t1", "mm_skin/conversations/a-t2", "mm_skin/conversations/b",
        "mm_skin/conversations/c", "mm_skin/vqa/5003", "mm_skin/vqa/5003-2", "mm_skin/captions/5004",
    }  # fmt: skip
    second = rows["mm_skin/conversations/a-t2"]
    assert [message["content"] for message in second["prompt"]] == ["What is it?", "Psoriasis.", "Where?"]
    assert second["completion"] == [{"role": "assistant", "content": "On the elbow."}]
    assert rows["mm_skin/conversations/c"]["images"] == []
    assert rows["mm_skin/vqa/5003"]["completion"][0]["content"] == "A wart, flat"
    assert rows["mm_skin/captions/5004"]["modality"] == 0
    rejects = {
        (row["file"], row["row"]): row["reason"] for row in pq.read_table(tmp_path / "out/rejects.parquet").to_pylist()
    }
    assert rejects == {
        ("train.json", 4): "missing_picture",
        ("train.json", 5): "unreadable_picture",
        ("train.json", 6): "outside_folder",
        ("train.json", 7): "no_conversation",
        ("train.json", 8): "roles_out_of_order",
        ("train.json", 9): "empty_answer",
        ("train.json", 10): "image_token",
        ("VQA.csv", 3): "missing_picture",
        ("VQA.csv", 4): "bad_row",
    }  # fmt: skip
    assert set(record["counts"]["rejects"]) <= REASONS.keys()
    assert record["counts"]["sources"]["mm_skin"]["conversations"] == fates(11, 4, 0, 0, 0, 7)


def test_a_list_of_test_pictures_guards_by_picture_and_by_name_alone(tmp_path: Path) -> None:
    images = pictures(tmp_path / "images", range(4))
    head = "image,atributes,categories\n"
    rows = [f"set/{seed}.jpg,[],['{name}']\n" for seed, name in enumerate(("Malignant", "Non-Malignant") * 2)]
    (tmp_path / "train.csv").write_text(head + "".join(rows))
    (tmp_path / "DDI_test.csv").write_text(head + "elsewhere/2.jpg,[],['Malignant']\n")
    asked = Request("pub", (f"ddi={tmp_path / 'train.csv'}:{images}",), tmp_path / "out")
    record = build(replace(asked, against=(f"ddi={tmp_path / 'DDI_test.csv'}",)))
    assert record["counts"]["rejects"] == {"leak_same_image_id": 1}
    assert {row["completion"][0]["content"] for row in rows_of(tmp_path / "out")} == {"Malignant", "Non-Malignant"}
    guard = f"scin={tmp_path / 'DDI_test.csv'}:{images}"
    assert build(replace(asked, against=(guard,)))["counts"]["rejects"] == {"leak_same_picture": 1}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmskin_hub", "build", "skinvl_sft", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)


def test_the_command_line_builds_reports_and_warns(shelf: Path, tmp_path: Path) -> None:
    data = ["--data", f"ddi={shelf / 'ddi'}", "--data", f"ham10000={shelf / 'ham10000'}"]
    words = ["--variant", "pub", *data, "--out", str(tmp_path / "out")]
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["taken"] == 70
    assert "isic2019" in done.stderr
    again = run(*words)
    assert again.returncode == 0, again.stderr
    assert "ham10000/default" in again.stdout
    assert "written to" in again.stdout


def test_a_mistake_on_the_command_line_ends_with_2_and_no_traceback(tmp_path: Path) -> None:
    done = run("--variant", "mm", "--data", f"mm_skin={tmp_path / 'nowhere'}", "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "mmskin build mm_skin" in done.stderr


def broken(tmp_path: Path, shelf: Path, kind: str) -> Request:
    """A request with one mistake."""
    out = tmp_path / "out"
    good = built(tmp_path / "ddi", "ddi", public_rows(0, 12))
    data = (f"ddi={good}",)
    if kind == "no build.json":
        (good / "build.json").unlink()
    if kind == "broken build.json":
        (good / "build.json").write_text("{")
    if kind == "no rows":
        built(tmp_path / "empty", "ddi", [public_row(1, "test")])
    if kind == "broken parquet":
        (good / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1 no more")
    if kind == "not json":
        (tmp_path / "train.json").write_text("[{")
    if kind == "no columns":
        (tmp_path / "train.csv").write_text("picture,words\na,b\n")
    if kind == "no pictures":
        (tmp_path / "train.csv").write_text("image,question,answer\na.jpg,b,c\n")
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("pub:\n  ddi:\n    version: 3.0.0\n")
    lone = built(tmp_path / "lone", "scin", [public_row(1, "train")])
    table = f"{tmp_path / 'train.csv'}:{tmp_path}"
    requests = {
        "variant": Request("all", data, out),
        "no name": Request("pub", (str(good),), out),
        "not there": Request("pub", (f"ddi={tmp_path / 'nowhere'}",), out),
        "no build.json": Request("pub", data, out),
        "broken build.json": Request("pub", data, out),
        "another dataset": Request("pub", (f"scin={good}",), out),
        "not in the variant": Request("mm", (f"mm_skin={shelf / 'mm'}", *data), out),
        "required": Request("pubmm", data, out),
        "nothing": Request("pub", (), out),
        "twice": Request("pub", (*data, *data), out),
        "wrong version": Request("pub", data, out, mixture=recipe),
        "no rows": Request("pub", (f"ddi={tmp_path / 'empty'}",), out),
        "broken parquet": Request("pub", data, out),
        "not json": Request("pub", (f"ddi={tmp_path / 'train.json'}:{tmp_path}",), out),
        "no columns": Request("pub", (f"ddi={table}",), out),
        "no pictures": Request("pub", (f"ddi={table}",), out),
        "guard without test": Request("pub", data, out, against=(str(lone),)),
        "inside out": Request("pub", data, tmp_path, overwrite=True),
    }  # fmt: skip
    return requests[kind]


@pytest.mark.parametrize(
    ("kind", "says", "remedy"),
    [
        ("variant", "'all'", "mm, pub, pubmm"),
        ("no name", "NAME=PATH", "--data ham10000="),
        ("not there", "no folder, file or Hub repository", "mmskin build ddi --raw DIR"),
        ("no build.json", "no build.json", "mmskin build ddi"),
        ("broken build.json", "build.json cannot be read", "mmskin build ddi"),
        ("another dataset", "holds ddi 1.0.0, not scin", "mmskin build scin"),
        ("not in the variant", "--data ddi", "--mixture"),
        ("required", "needs mm_skin", "mmskin build mm_skin BOOKS"),
        ("nothing", "No source was given", "ham10000"),
        ("twice", "twice", "once"),
        ("wrong version", r"version 1\.0\.0, and line 3 of mine\.yaml wants 3\.0\.0", "--version 3.0.0"),
        ("no rows", "Nothing is left to train on", "train split"),
        ("broken parquet", "train-00000-of-00001.parquet", "ddi"),
        ("not json", "train.json is not JSON", "Download"),
        ("no columns", "picture, words", "categories"),
        ("no pictures", "Not one of the 1 rows", ":IMAGES"),
        ("guard without test", "no test split", "Name a dataset"),
        ("inside out", "lies inside --out", "another folder"),
    ],
)
def test_a_mistake_is_named_with_the_next_command(
    kind: str, says: str, remedy: str, shelf: Path, tmp_path: Path
) -> None:
    asked = broken(tmp_path, shelf, kind)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MmskinError, match=says) as error:
        build(asked)
    assert isinstance(error.value, (WrongUse, NothingUsable))
    assert remedy in error.value.remedy
    assert sorted(tmp_path.rglob("*")) == before


def test_what_out_holds_is_not_overwritten_unasked(reference: Path, shelf: Path, tmp_path: Path) -> None:
    built(tmp_path / "out", "ddi", public_rows(0, 6))
    with pytest.raises(OutputExists, match=r"ddi 1\.0\.0"):
        build(request(shelf, tmp_path / "out"))
    build(request(shelf, tmp_path / "out", overwrite=True))
    assert digests(tmp_path / "out") == digests(reference)
