"""Public datasets from their raw data, and mixtures from their parts: the same bytes, or the ids that differ."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.builders.skinvl_sft import Request as Mixture
from mmskin_hub.builders.skinvl_sft import build as mix
from mmskin_hub.engine.public import build as public
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.locator import COLUMNS
from mmskin_hub.hub.locator.rematerialize import Request, rematerialize
from mmskin_hub.registry import DATASETS
from tests.builders.drawn_public import lay, picture, table, zipped
from tests.engine.mixture.drawn import CLASSES, built, mm_skin, public_rows
from tests.hub.server import Hub
from tests.hub.shelf import digests, edited, locator_of, texts


def ddi(raw: Path) -> Path:
    rows = [(n, n + 1, f"{n + 1:06d}.png", (12, 34, 56)[n % 3], n % 2 == 0, "melanoma") for n in range(12)]
    columns = ("", "DDI_ID", "DDI_file", "skin_tone", "malignant", "disease")
    pictures = {str(row[2]): picture(row[2], kind="PNG") for row in rows}
    return lay(raw, {"ddi_metadata.csv": table(columns, rows), **pictures})


def dermnet(raw: Path) -> Path:
    files = {f"train/Urticaria Hives/hives-{n}.jpg": picture(n) for n in range(6)}
    return lay(raw, {"dermnet.zip": zipped({**files, "test/A folder nobody knows/x-1.jpg": picture("x")})})


def fitzpatrick17k(raw: Path) -> Path:
    columns = ("md5hash", "fitzpatrick_scale", "fitzpatrick_centaur", "label", "nine_partition_label",
               "three_partition_label", "qc", "url", "url_alphanum")  # fmt: skip
    rows = [(f"{n:032x}", 3, 3, "psoriasis", "inflammatory", "non-neoplastic", "", "", "") for n in range(8)]
    pictures = {f"images/{row[0]}.jpg": picture(row[0]) for row in rows[:6]}
    return lay(raw, {"fitzpatrick17k.csv": table(columns, rows), **pictures})


def mm_skin_release(raw: Path) -> Path:
    names = [f"bk{book}_{number}.png" for book in (1, 2, 3) for number in (1, 2)]
    captions = [(f"dataset/{name}", f"A scaly plaque of {name}", "skin") for name in names]
    asked = [(f"dataset/{name}", words, "Yes.") for name in names for words in ("Is it erythematous?", "Is it flat?")]
    files = {f"dataset/{name}": picture(name, kind="PNG") for name in names}
    tables = {
        "caption.csv": table(("image", "caption", "modality"), captions),
        "VQA.csv": table(("image", "question", "answer"), asked),
    }
    return lay(raw, {**tables, **files})


DRAW = {"ddi": ddi, "dermnet": dermnet, "fitzpatrick17k": fitzpatrick17k, "mm_skin_release": mm_skin_release}


def build_public(name: str, raw: Path, out: Path, **options: Any) -> Path:
    public.build(DATASETS[name].load().SPEC, public.Request(raw=raw, out=out, version="2.0.0", **options))
    return out


@pytest.mark.parametrize("name", sorted(DRAW))
def test_the_same_raw_data_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    raw = DRAW[name](tmp_path / "raw")
    options: dict[str, Any] = {"max_side": 40, "allow_missing": True}
    full = build_public(name, raw, tmp_path / "full", **options)
    locator = locator_of(full, tmp_path / "locator")
    for path in locator.rglob("*-of-*.parquet"):
        assert set(pq.read_schema(path).names) <= {*COLUMNS["public"], "split", "image_sha256", "row_sha256"}
        text = json.dumps(pq.read_table(path).to_pylist())
        assert not any(word in text for word in ("scaly", "erythematous", "psoriasis", "melanoma"))
    moved = raw.rename(tmp_path / "elsewhere")
    report = rematerialize(Request(str(locator), tmp_path / "out", raw=moved, workers=2))
    assert report["identical"], texts(report)
    assert digests(tmp_path / "out") == digests(full)
    assert (tmp_path / "out" / "build.json").read_bytes() == (full / "build.json").read_bytes()


def test_pictures_that_are_missing_or_others_are_named(tmp_path: Path) -> None:
    raw = ddi(tmp_path / "raw")
    locator = locator_of(build_public("ddi", raw, tmp_path / "full"), tmp_path / "locator")
    (raw / "000003.png").unlink()
    (raw / "000005.png").write_bytes(picture("another", kind="PNG"))
    report = rematerialize(Request(str(locator), tmp_path / "out", raw=raw))
    rows = {found["what"]: found["ids"] for found in report["differences"] if found["kind"] == "rows"}
    assert rows["missing"] == ["000003"] and rows["with another picture"] == ["000005"]
    assert not report["identical"] and not (tmp_path / "out").exists()
    assert "1 row is missing: 000003." in texts(report)
    with pytest.raises(WrongUse, match="nothing is named"):
        rematerialize(Request(str(locator), tmp_path / "out"))
    with pytest.raises(MmskinError):
        rematerialize(Request(str(locator), tmp_path / "out", raw=tmp_path / "nowhere"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sources")
    mm_skin(folder / "mm_skin")
    built(folder / "ham10000", "ham10000", public_rows(0, 24))
    built(folder / "ddi", "ddi", public_rows(1000, 12), classes=CLASSES)
    built(folder / "scin", "scin", public_rows(2000, 12))
    return folder


def data(shelf: Path, *names: str) -> tuple[str, ...]:
    return tuple(f"{name}={shelf / name}" for name in names)


PARTS = ("mm_skin", "ham10000", "ddi")


@pytest.fixture(scope="module")
def full(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("full") / "pubmm"
    mix(Mixture("pubmm", data(shelf, *PARTS), out, "1.2.3", against=data(shelf, "scin"), seed=5))
    return out


@pytest.fixture(scope="module")
def locator(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return locator_of(full, tmp_path_factory.mktemp("locator") / "pubmm")


def again(locator: Path, out: Path, **parts: Any) -> dict[str, Any]:
    return rematerialize(Request(str(locator), out, **parts))


def test_a_mixture_comes_out_of_its_parts(full: Path, locator: Path, shelf: Path, tmp_path: Path) -> None:
    rows = [row for path in sorted((locator / "data").glob("*")) for row in pq.read_table(path).to_pylist()]
    there = [row for path in sorted((full / "data").glob("*")) for row in pq.read_table(path).to_pylist()]
    assert [(row["id"], row["image_sha256"], row["phash"]) for row in rows] == [
        (row["id"], row["image_sha256"], row["phash"]) for row in there
    ]
    assert not {"prompt", "completion", "images"} & set(rows[0])
    assert "Plaques" not in json.dumps(rows)
    shutil.copytree(shelf, tmp_path / "moved")
    parts = data(tmp_path / "moved", *reversed(PARTS))
    report = again(locator, tmp_path / "out", data=parts, against=data(tmp_path / "moved", "scin"))
    assert report["identical"], texts(report)
    assert digests(tmp_path / "out") == digests(full)


def test_parts_that_are_missing_or_others_are_named(locator: Path, shelf: Path, tmp_path: Path) -> None:
    report = again(locator, tmp_path / "out", data=data(shelf, "mm_skin", "ham10000"))
    assert [found["kind"] for found in report["differences"]] == ["missing_part", "missing_part"]
    assert "say --data ddi=PATH" in texts(report) and "say --against scin=PATH" in texts(report)
    other = built(tmp_path / "ham10000", "ham10000", public_rows(50, 24))
    newer = built(tmp_path / "ddi", "ddi", public_rows(1000, 13), version="1.1.0", classes=CLASSES)
    parts = (*data(shelf, "mm_skin"), f"ham10000={other}", f"ddi={newer}")
    report = again(locator, tmp_path / "out", data=parts, against=data(shelf, "scin"))
    assert [found["kind"] for found in report["differences"]] == ["other_part", "other_part"]
    assert "version 1.1.0" in texts(report) and "data/train-00000-of-00001.parquet" in texts(report)
    assert not (tmp_path / "out").exists()
    # A part that is a locator itself has to be made again first.
    with pytest.raises(WrongUse, match=r"holds a locator of mm_skin") as raised:
        again(locator, tmp_path / "out", data=(f"mm_skin={locator_like(shelf / 'mm_skin', tmp_path)}",))
    assert "mmskin rematerialize" in raised.value.remedy


def locator_like(folder: Path, tmp_path: Path) -> Path:
    return locator_of(folder, tmp_path / "of_a_part")


def test_another_seed_is_told_by_rows(locator: Path, shelf: Path, tmp_path: Path) -> None:
    other = edited(locator, tmp_path / "locator", lambda record: record["options"].update(seed=6))
    report = again(other, tmp_path / "out", data=data(shelf, *PARTS), against=data(shelf, "scin"))
    assert not report["identical"]
    assert report["files"]["data/train-00000-of-00001.parquet"] == "differs"
    assert "stored" in texts(report) or "rows" in texts(report)


def test_weights_of_another_file_are_asked_for(shelf: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("pub:\n  ham10000:\n    weight: 2000\n    cap: 7\n", encoding="utf-8")
    mix(Mixture("pub", data(shelf, "ham10000"), tmp_path / "full", mixture=recipe))
    locator = locator_of(tmp_path / "full", tmp_path / "locator")
    with pytest.raises(MmskinError, match=r"weights and caps in mine\.yaml") as raised:
        again(locator, tmp_path / "out", data=data(shelf, "ham10000"))
    assert "--mixture FILE" in raised.value.remedy
    report = again(locator, tmp_path / "out", data=data(shelf, "ham10000"), mixture=recipe)
    assert report["identical"], texts(report)
    assert digests(tmp_path / "out") == digests(tmp_path / "full")


def test_a_part_on_the_hub_needs_no_naming(shelf: Path, tmp_path: Path, hub: Hub, script: Callable[..., str]) -> None:
    """A mixture of a release at a commit and a folder: only the folder is named again."""
    token = hub.user("me")
    code = "import sys; from huggingface_hub import HfApi; api = HfApi(); own = ('me/ham10000',);"
    code += "api.create_repo(*own, repo_type='dataset');"
    code += "api.upload_folder(repo_id=own[0], repo_type='dataset', folder_path=sys.argv[1]);"
    code += "api.create_tag(*own, repo_type='dataset', tag='v1.0.0')"
    script(code, str(shelf / "ham10000"), token=token)
    run: dict[str, Any] = {"capture_output": True, "text": True, "env": hub.environment(tmp_path / "home", token)}
    mmskin = [sys.executable, "-m", "mmskin_hub"]
    folder = ["--data", f"ddi={shelf / 'ddi'}"]
    parts = ["--data", "ham10000=me/ham10000@v1.0.0", *folder, "--out", str(tmp_path / "full"), "--json"]
    built = subprocess.run([*mmskin, "build", "skinvl_sft", "--variant", "pub", *parts], **run)
    assert built.returncode == 0, built.stderr
    locator = locator_of(tmp_path / "full", tmp_path / "locator")
    hub.meddle("me/ham10000", {"README.md": b"# Later\n"})  # the branch goes on; the commit stays
    told = subprocess.run([*mmskin, "rematerialize", str(locator), *folder, "--out", str(tmp_path / "out")], **run)
    assert told.returncode == 0, told.stderr
    assert digests(tmp_path / "out") == digests(tmp_path / "full")
