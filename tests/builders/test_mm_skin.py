"""The whole way: books drawn here become a dataset that ``load_dataset`` opens, the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.builders.mm_skin import ROWS_A_GROUP, Request, build
from mmskin_hub.engine.plan import PAGES_A_UNIT
from mmskin_hub.errors import MmskinError, NothingUsable, OutputExists, WrongUse
from mmskin_hub.schema import MODALITIES, REJECT_REASONS, captions_features, demographics_features
from tests.engine.drawn import caption_of, draw_book, promise_pages


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good books, one that promises a page it does not hold, a copy, and three files that are no books."""
    folder = tmp_path_factory.mktemp("shelf")
    draw_book(folder / "Großer Atlas, 2nd ed.pdf", range(20), blank=PAGES_A_UNIT)
    draw_book(folder / "small.PDF", range(100, 106))
    promise_pages(draw_book(folder / "short.pdf", range(200, 203)), 1)
    shutil.copy(folder / "small.PDF", folder / "copy of small.pdf")
    (folder / "empty.pdf").touch()
    (folder / "letter.pdf").write_text("Dear reader, this is no PDF.")
    (folder / "cut.pdf").write_bytes((folder / "small.PDF").read_bytes()[:700])
    return folder


@pytest.fixture(scope="module")
def reference(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of the shelf, by one worker."""
    out = tmp_path_factory.mktemp("reference") / "mm-skin"
    build(Request((str(shelf),), out, "1.2.3", workers=1))
    return out


@pytest.fixture(scope="module")
def long_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of ten units: seconds of work are left when the first of them is done, on any machine."""
    folder = tmp_path_factory.mktemp("long")
    draw_book(folder / "long.pdf", range(300, 300 + 10 * PAGES_A_UNIT))
    return folder


def digests(out: Path) -> dict[str, str]:
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*.parquet"))
    }


def record_of(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "build.json").read_text(encoding="utf-8"))
    return record


def test_load_dataset_opens_every_config(reference: Path) -> None:
    from datasets import load_dataset

    for config, features in (("captions", captions_features()), ("demographics", demographics_features())):
        rows = load_dataset(str(reference), config)
        assert rows["train"].features == features
        assert {name: len(part) for name, part in rows.items()} == {
            name: split["rows"] for name, split in record_of(reference)["configs"][config].items()
        }
    row = load_dataset(str(reference), "demographics", split="train")[0]
    assert row["image"].size == (360, 270)
    assert row["age_years"] >= 20
    assert row["question"].endswith(("?", "."))


def test_pairs_are_those_that_were_drawn(reference: Path) -> None:
    drawn = {caption_of(seed) for seed in (*range(20), *range(100, 106), *range(200, 203))}
    rows = [row for file in (reference / "captions").glob("*.parquet") for row in pq.read_table(file).to_pylist()]
    assert len(rows) >= len(drawn) / 2
    assert {row["caption"] for row in rows} <= drawn
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert row["id"].startswith(f"{row['book'][:12]}-p{row['page']:04d}-f")
        assert row["raw_caption"].startswith("Fig. 1.")
        assert 0 < row["pair_score"] <= 1
        assert [round(side) for side in row["bbox"]] == [110, 170, 310, 320]
        assert 0 <= row["modality"] < len(MODALITIES)


def test_the_counts_balance_and_every_reject_has_a_row(reference: Path) -> None:
    counts = record_of(reference)["counts"]
    rejects = pq.read_table(reference / "rejects.parquet").to_pylist()
    assert counts["pictures"] + counts["panel_extra"] == counts["pairs"] + counts["rejected_pictures"]
    assert counts["pairs"] == counts["published"] + counts["rejected_pairs"]
    assert counts["pages"] == sum(book["pages"] for book in record_of(reference)["inputs"] if "rejected" not in book)
    assert Counter(row["reason"] for row in rejects) == counts["rejects"]
    assert counts["rejects"].keys() <= REJECT_REASONS.keys()
    assert sum(counts["splits"].values()) == sum(counts["modalities"].values()) == counts["published"]


def test_bad_books_and_pages_are_rejects_and_the_others_go_on(reference: Path) -> None:
    rejects = pq.read_table(reference / "rejects.parquet").to_pylist()
    refused = {row["book_name"]: row["reason"] for row in rejects if row["page"] == 0}
    assert refused["empty.pdf"] == "empty_file"
    assert refused["letter.pdf"] == "not_pdf"
    assert "duplicate_book" in (refused.get("small.PDF"), refused.get("copy of small.pdf"))
    # A book cut short is refused as a whole, or page by page where its head still promises pages.
    assert "cut.pdf" in {row["book_name"] for row in rejects}
    failed = {(row["book_name"], row["page"]) for row in rejects if row["reason"] == "page_failed"}
    assert {place for place in failed if place[0] != "cut.pdf"} == {("short.pdf", 4)}


def test_files_say_what_they_are(reference: Path) -> None:
    record = record_of(reference)
    assert (record["dataset"], record["version"]) == ("mm_skin", "1.2.3")
    assert {name: file["sha256"] for name, file in record["files"].items()} == digests(reference)
    assert {entry["name"] for entry in record["inputs"]} >= {"short.pdf", "empty.pdf"}
    card = (reference / "README.md").read_text(encoding="utf-8")
    assert "1.2.3" in card
    assert "license: other" in card
    sheet = (reference / "contact_sheet.html").read_text(encoding="utf-8")
    assert sheet.count("data:image/jpeg") == record["counts"]["published"]
    names = {path.name for path in reference.iterdir()}
    folders = {"captions", "open_vqa", "demographics"}
    assert names == folders | {"README.md", "build.json", "contact_sheet.html", "rejects.parquet"}
    for path in reference.rglob("*/*.parquet"):
        parquet = pq.ParquetFile(path).metadata
        assert parquet.num_rows > 0
        assert all(parquet.row_group(n).num_rows <= ROWS_A_GROUP for n in range(parquet.num_row_groups))


def test_no_path_and_no_time_reaches_a_parquet_file(reference: Path, shelf: Path) -> None:
    for path in reference.rglob("*.parquet"):
        data = path.read_bytes()
        assert str(shelf).encode() not in data
        assert str(Path.home()).encode() not in data or str(Path.home()) == "/"


def test_more_workers_and_another_order_of_books_give_the_same_bytes(
    reference: Path, shelf: Path, tmp_path: Path
) -> None:
    books = tuple(sorted(map(str, shelf.iterdir()), reverse=True))
    build(Request(books, tmp_path / "out", "1.2.3", workers=3))
    assert digests(tmp_path / "out") == digests(reference)
    assert not (tmp_path / "out.work").exists()


def test_a_new_version_of_the_same_rows_has_the_same_parquet_files(
    reference: Path, shelf: Path, tmp_path: Path
) -> None:
    build(Request((str(shelf),), tmp_path / "out", "2.0.0", configs=("captions",), workers=2))
    found = digests(tmp_path / "out")
    others = ("demographics/", "open_vqa/")
    assert found == {name: digest for name, digest in digests(reference).items() if not name.startswith(others)}


def start(shelf: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mmskin_hub", "build", "mm_skin", str(shelf), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--version", "1.2.3", "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def wait_for_a_unit(out: Path, process: subprocess.Popen[str]) -> None:
    """Return as soon as one unit is complete, which leaves others under way."""
    for _ in range(6000):
        if list(out.parent.glob(f"{out.name}.work/*/units/*-?????.json")):
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    raise AssertionError("no unit was completed in five minutes")


def test_after_kill_9_the_same_command_ends_with_the_same_bytes(long_shelf: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start(long_shelf, out) as process:
        wait_for_a_unit(out, process)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    kept = {path.name: path.stat().st_mtime_ns for path in out.parent.glob("out.work/*/units/*-?????.json")}
    assert kept
    record = build(Request((str(long_shelf),), out, "1.2.3", workers=2))
    build(Request((str(long_shelf),), tmp_path / "undisturbed", "1.2.3", workers=2))
    assert digests(out) == digests(tmp_path / "undisturbed")
    assert record["run"]["pages_read_now"] < record["counts"]["pages"]


def test_ctrl_c_leaves_quietly_and_says_how_to_go_on(long_shelf: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start(long_shelf, out) as process:
        wait_for_a_unit(out, process)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "run the same command" in errors
    assert "Traceback" not in errors
    assert not out.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_stops_the_build_and_room_lets_it_go_on(reference: Path, shelf: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    request = Request((str(shelf),), out, "1.2.3", workers=2, work=work)
    build(request)
    (key,) = (path for path in work.iterdir() if path.is_dir())
    marker = sorted(key.glob("units/*-?????.json"))[0]
    marker.unlink()
    progress = key / "progress" / marker.stem
    progress.unlink()
    progress.symlink_to("/dev/full")
    shutil.rmtree(out)
    with pytest.raises(MmskinError, match="No space left"):
        build(request)
    assert not out.exists()
    progress.unlink()
    build(request)
    assert digests(out) == digests(reference)


def test_what_out_holds_is_not_overwritten_unasked(reference: Path, shelf: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(reference, out)
    request = Request((str(shelf / "small.PDF"),), out, "1.3.0", workers=1)
    with pytest.raises(OutputExists, match=r"1\.2\.3"):
        build(request)
    assert digests(out) == digests(reference)
    assert not (tmp_path / "out.work").exists()
    build(replace(request, overwrite=True))
    assert record_of(out)["version"] == "1.3.0"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_folder_that_is_not_ours_is_left_alone(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputExists, match="no dataset of ours"):
        build(Request((str(shelf),), tmp_path))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_books_without_a_single_pair_are_nothing_usable_and_say_why(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingUsable, match=r"empty\.pdf"):
        build(Request((str(shelf / "empty.pdf"), str(shelf / "letter.pdf")), tmp_path / "out", workers=1))
    words = draw_book(tmp_path / "words.pdf", [], blank=2)
    with pytest.raises(NothingUsable, match="2 pages, 0 pictures"):
        build(Request((str(words),), tmp_path / "out", workers=1))
    assert [path.name for path in tmp_path.iterdir()] == ["words.pdf"]


def test_books_and_work_inside_out_are_safe_from_overwrite(shelf: Path, tmp_path: Path) -> None:
    shutil.copy(shelf / "small.PDF", tmp_path / "small.pdf")
    with pytest.raises(WrongUse, match="lies inside --out"):
        build(Request((str(tmp_path),), tmp_path, overwrite=True))
    with pytest.raises(WrongUse, match="lies inside --out"):
        build(Request((str(shelf),), tmp_path / "out", work=tmp_path / "out" / "work"))
    assert [path.name for path in tmp_path.iterdir()] == ["small.pdf"]


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0-rc1", "01.0.0", ""])
def test_a_version_has_three_numbers(version: str, tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"X\.Y\.Z") as error:
        build(Request((str(tmp_path),), tmp_path / "out", version))
    assert "1.0.0" in error.value.remedy


def test_a_work_folder_is_gone_at_once_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmskin_hub.builders import mm_skin

    work = tmp_path / "out.work"
    (work / "units").mkdir(parents=True)

    def killed(path: Path, **_: object) -> None:
        if path.exists():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(mm_skin.shutil, "rmtree", killed)
        mm_skin._forget(mm_skin.Request(books=(), out=tmp_path / "out"), work)
    assert not work.exists()
    mm_skin._forget(mm_skin.Request(books=(), out=tmp_path / "out"), work)
    assert not list(tmp_path.iterdir())
