"""What has its final name is whole; what was cut short leaves no trace; one build at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from mmskin_hub.engine.work import (
    TEMPORARY,
    WorkFolder,
    atomic,
    locked,
    read_json,
    read_rows,
    work_key,
    write_json,
    write_rows,
)
from mmskin_hub.errors import MmskinError


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    write_json(path, {"old": "ö"})
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert read_json(path) == {"old": "ö"}
    assert list(tmp_path.iterdir()) == [path]


def test_half_written_files_of_a_killed_run_are_cleared_away(tmp_path: Path) -> None:
    folder = WorkFolder(str(tmp_path / "key"))
    folder.create()
    half, whole = folder.units / f"u.parquet{TEMPORARY}123", folder.units / "u.json"
    half.touch()
    whole.touch()
    folder.create()
    assert not half.exists()
    assert whole.exists()


def test_rows_come_back_in_order_and_the_bytes_repeat(tmp_path: Path) -> None:
    schema = pa.schema([("n", pa.int32()), ("s", pa.string())])
    rows = [{"n": n, "s": f"row {n}"} for n in range(50)]
    write_rows(tmp_path / "a.parquet", rows, schema, group=7)
    write_rows(tmp_path / "b.parquet", rows, schema, group=7)
    assert list(read_rows(tmp_path / "a.parquet", batch=3)) == rows
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_the_key_follows_every_setting_and_only_the_settings() -> None:
    key = work_key({"ocr": "auto", "min_size": 96})
    assert key == work_key({"min_size": 96, "ocr": "auto"})
    assert len({key, work_key({"ocr": "none", "min_size": 96}), work_key({"ocr": "auto", "min_size": 97})}) == 3


def test_a_second_build_on_the_same_folder_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    second = (
        "import sys\nfrom pathlib import Path\nfrom mmskin_hub.engine.work import locked\n"
        "with locked(Path(sys.argv[1])): print('in')"
    )
    command = [sys.executable, "-c", second, str(tmp_path)]
    with locked(tmp_path):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode != 0
        assert "Another build" in refused.stderr
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "in"


def test_the_lock_of_this_process_is_exclusive_too(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(MmskinError), locked(tmp_path):
        pass
