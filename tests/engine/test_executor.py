"""Tasks run once each over real worker processes, and the death of one is not the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmskin_hub.engine.executor import LocalExecutor
from tests.engine.dying import DyingStep


def run(folder: Path, ranks: list[int], workers: int = 2) -> list[int]:
    """Run the step; the ranks that were handed to ``on_crash``, which makes them survivable."""
    crashed: list[int] = []

    def on_crash(rank: int) -> None:
        crashed.append(rank)
        (folder / f"always-{rank}").unlink()

    LocalExecutor(DyingStep(str(folder)), ranks, workers, folder / "logs", lambda: None, on_crash).run()
    return crashed


def done(folder: Path) -> dict[int, int]:
    """How often each rank came through."""
    return {int(path.name[5:]): len(path.read_text().splitlines()) for path in folder.glob("done-*")}


def test_only_the_ranks_asked_for_run_and_each_once(tmp_path: Path) -> None:
    assert run(tmp_path, [1, 3, 4]) == []
    assert done(tmp_path) == {1: 1, 3: 1, 4: 1}


def test_a_worker_killed_from_outside_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "once-2").touch()
    assert run(tmp_path, list(range(6))) == []
    assert sorted(done(tmp_path)) == list(range(6))


def test_a_task_that_always_kills_its_worker_is_handed_over_and_the_others_finish(tmp_path: Path) -> None:
    (tmp_path / "always-1").touch()
    (tmp_path / "always-4").touch()
    assert sorted(run(tmp_path, list(range(6)))) == [1, 4]
    assert sorted(done(tmp_path)) == list(range(6))


def test_an_exception_of_a_step_reaches_the_caller(tmp_path: Path) -> None:
    (tmp_path / "fail-0").touch()
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, [0, 1])


def test_workers_are_other_processes_with_one_thread_a_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    run(tmp_path, [0], workers=1)
    threads, pid = (tmp_path / "done-0").read_text().split()
    assert threads == "1"
    assert int(pid) != os.getpid()
    assert os.environ.get("OMP_NUM_THREADS") == "3"


def test_a_script_needs_no_main_guard_and_is_run_once(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        "from mmskin_hub.engine.executor import LocalExecutor\nfrom tests.engine.dying import DyingStep\n"
        "folder = Path(sys.argv[1])\nprint('once')\n"
        "LocalExecutor(DyingStep(str(folder)), [0, 1], 2, folder / 'logs', lambda: None, print).run()\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=120, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.stdout == "once\n"
    assert (tmp_path / "done-0").exists() and (tmp_path / "done-1").exists()


def test_a_folder_whose_path_is_too_long_for_a_socket_is_told(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name-" * 10)
    folder.mkdir()
    code = "from mmskin_hub.engine.limits import worker_context; worker_context()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True
    )
    assert done.returncode == 1 and "mmskin_hub.errors.MmskinError: Workers cannot be started" in done.stderr
    assert "TMPDIR=/tmp" in done.stderr


def test_modules_where_the_user_stands_are_not_taken_for_those_of_python(tmp_path: Path) -> None:
    for name in ("random", "json", "queue"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    code = (
        "import sys; sys.path.pop(0); from mmskin_hub.engine.limits import worker_context\n"
        "process = worker_context().Process(target=print, args=('well',)); process.start(); process.join()\n"
        "sys.exit(process.exitcode)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "well"), done.stderr
