"""A dataset takes its place whole or not at all, and one run at a time."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mmskin_hub.engine.publish import staged
from mmskin_hub.errors import MmskinError


def test_what_is_staged_takes_its_place_and_an_error_leaves_what_was(tmp_path: Path) -> None:
    out = tmp_path / "data"
    for text in ("first", "second"):
        with staged(out) as stage:
            (stage / "file").write_text(text)
        assert (out / "file").read_text() == text
    with pytest.raises(ValueError, match="no"), staged(out) as stage:
        (stage / "file").write_text("third")
        raise ValueError("no")
    assert (out / "file").read_text() == "second" and [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_second_run_is_told_and_the_first_one_ends_well(tmp_path: Path) -> None:
    out = tmp_path / "data"
    with staged(out) as stage:
        (stage / "file").write_text("mine")
        with pytest.raises(MmskinError, match="Another run is writing"), staged(out):
            pass
    assert (out / "file").read_text() == "mine"


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from mmskin_hub.engine.publish import staged\n"
        "with staged(Path(sys.argv[1])) as stage:\n"
        "    (stage / 'half').mkdir(); (stage / 'half/file').write_text('x'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "data")], check=False)
    assert (tmp_path / "data.tmp/half/file").is_file()
    with staged(tmp_path / "data") as stage:
        assert not list(stage.iterdir())


def test_a_file_system_without_locks_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmskin_hub.engine import locks

    def refused(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", refused)
    with staged(tmp_path / "data") as stage:
        (stage / "file").write_text("x")
    assert (tmp_path / "data/file").is_file()


def test_many_at_once_leave_one_whole_dataset(tmp_path: Path) -> None:
    out, refused, done = tmp_path / "data", [], []

    def build(number: int) -> None:
        try:
            with staged(out) as stage:
                for name in ("a", "b"):
                    (stage / name).write_text(str(number))
        except MmskinError:
            refused.append(number)
        else:
            done.append(number)

    for _ in range(20):
        threads = [threading.Thread(target=build, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (out / "a").read_text() == (out / "b").read_text()
    assert done and len(done) + len(refused) == 80
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
