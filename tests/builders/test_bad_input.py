"""Every kind of bad file at once, and every mistake in the command, by the command line as a user meets it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub import cli
from tests.drawing import broken
from tests.engine.drawn import draw_book, promise_pages

REFUSED = {
    "encrypted.pdf": "encrypted",
    "truncated.pdf": "truncated",
    "cut_short.pdf": "truncated",
    "empty.pdf": "empty_file",
    "zero_pages.pdf": "no_pages",
    "text_file.pdf": "not_pdf",
    "jpeg_file.pdf": "not_pdf",
    "caf\\xe9.pdf": "empty_file",
}


def mmskin(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mmskin_hub", "build", "mm_skin", *map(os.fspath, arguments), "--workers", "2"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good book, a copy of it, and one file of every kind that is not."""
    folder = tmp_path_factory.mktemp("a shelf")
    for name, draw in broken.KINDS.items():
        draw(folder / f"{name}.pdf")
    draw_book(folder / "Książka o skórze (2).pdf", range(6))
    shutil.copy(folder / "Książka o skórze (2).pdf", folder / "copy.pdf")
    promise_pages(draw_book(folder / "short.pdf", range(10, 12)), 1)
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.pdf")).touch()
    draw_book(folder / "latin.pdf", range(20, 22)).rename(os.fsdecode(os.fsencode(folder) + b"/K\xf6rper.pdf"))
    return folder


@pytest.fixture(scope="module")
def built(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], Path]:
    """The one build of the whole shelf."""
    out = tmp_path_factory.mktemp("built") / "mm-skin"
    return mmskin(shelf, "--out", out, "--json"), out


def rejects_of(out: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(out / "rejects.parquet").to_pylist()
    return rows


def test_the_others_go_on_and_the_count_is_told(built: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    done, out = built
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    record = json.loads(done.stdout)
    counts = record["counts"]
    assert counts["books"]["given"] == len(broken.KINDS) + 5
    assert f"{counts['books']['rejected']} books" in done.stderr
    assert counts["pictures"] + counts["panel_extra"] == counts["pairs"] + counts["rejected_pictures"]
    assert counts["pairs"] == counts["published"] + counts["rejected_pairs"]
    assert counts["rejects"] == Counter(row["reason"] for row in rejects_of(out))
    assert counts["published"] > 0


def test_every_bad_book_has_its_reason(built: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    rows = [row for row in rejects_of(built[1]) if row["page"] == 0]
    found = {row["book_name"]: row["reason"] for row in rows}
    copies = {name: found.pop(name) for name in list(found) if found[name] == "duplicate_book"}
    assert found == REFUSED
    assert len(copies) == 1
    assert all(row["detail"] for row in rows)


def test_every_bad_page_has_its_reason(built: tuple[subprocess.CompletedProcess[str], Path]) -> None:
    rows = rejects_of(built[1])
    failed = {(row["book_name"], row["page"]) for row in rows if row["reason"] == "page_failed"}
    assert failed == {("bad_page.pdf", 2), ("page_loop.pdf", 2), ("page_loop.pdf", 3), ("short.pdf", 3)}
    others = {row["reason"]: (row["book_name"], row["page"]) for row in rows}
    assert others["too_large"] == ("gigapixel.pdf", 1)
    assert others["undecodable"] == ("bad_image.pdf", 1)


def test_nothing_usable_names_every_file_once(shelf: Path, tmp_path: Path) -> None:
    done = mmskin(*(shelf / name for name in ("empty.pdf", "encrypted.pdf")), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("empty.pdf") == 1
    assert "qpdf --decrypt" in done.stderr
    assert not list(tmp_path.iterdir())


def test_mistakes_in_the_command_are_told_before_anything_is_read(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = shelf / "copy.pdf"
    (tmp_path / "file").touch()
    for arguments, word in (
        (("", "--out", tmp_path / "out"), "empty name"),
        ((book, "--out", tmp_path / "file" / "out"), "is not a folder"),
        ((book, "--out", tmp_path / ("x" * 300)), "cannot be used"),
        ((book, "--out", tmp_path / "out", "--work", tmp_path / "file"), "--work"),
    ):
        # In this process, which has loaded what a new one would load for seconds.
        status = cli.main(["build", "mm_skin", *map(str, arguments), "--workers", "2"])
        errors = capsys.readouterr().err
        assert status in (1, 2)
        assert word in errors
        assert "Traceback" not in errors
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_opencv_that_cannot_be_loaded_has_its_remedy_told(shelf: Path, tmp_path: Path) -> None:
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2" / "__init__.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    done = mmskin(shelf / "copy.pdf", "--out", tmp_path / "out", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "libGL.so.1" in done.stderr
    assert "opencv-python-headless" in done.stderr
    assert "Traceback" not in done.stderr
