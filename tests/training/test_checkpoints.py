"""Checkpoints are whole or not there: what is skipped, what is kept, and kills at any moment."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmskin_hub.errors import MmskinError, OutputExists
from mmskin_hub.training import checkpoints
from mmskin_hub.training.checkpoints import HIDDEN, MARK, check_output, missing_in, newest_whole, prune, seal
from tests.training.saver import FILES, Saver, content

SAVER = Path(__file__).with_name("saver.py")


def made(output: Path, *steps: int) -> list[Path]:
    """Whole checkpoints of these steps."""
    saver = Saver(output, keep=100)
    return [saver.save(step) for step in steps]


def test_a_checkpoint_bears_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    (path,) = made(tmp_path, 7)
    assert path == tmp_path / "checkpoint-7"
    assert not (tmp_path / HIDDEN).exists()
    mark = json.loads((path / MARK).read_text())
    assert mark["step"] == 7 and mark["processes"] == 1
    assert mark["files"] == {name: (path / name).stat().st_size for name in mark["files"]}
    assert {*FILES, "trainer_state.json", "deep/shard.bin"} == {*mark["files"]}
    assert missing_in(path) == ""


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (lambda path: (path / MARK).unlink(), "has no complete.json"),
        (lambda path: (path / MARK).write_text("{"), "cannot be read"),
        (lambda path: (path / MARK).write_text("[]"), "cannot be read"),
        (lambda path: (path / FILES[0]).unlink(), f"{FILES[0]} is missing"),
        (lambda path: (path / FILES[1]).write_bytes(b"short"), "has 5 of"),
        (lambda path: (path / "deep/shard.bin").unlink(), "deep/shard.bin is missing"),
    ],
)
def test_what_is_not_whole_is_skipped_with_a_word(tmp_path: Path, harm: object, word: str) -> None:
    older, newer = made(tmp_path, 5, 12)
    assert newest_whole(tmp_path) == newer
    harm(newer)  # type: ignore[operator]
    said: list[str] = []
    assert newest_whole(tmp_path, said.append) == older
    assert len(said) == 1 and word in said[0] and "checkpoint-12" in said[0] and "skipped" in said[0]


def test_the_newest_is_that_of_the_highest_step_not_of_the_last_letter(tmp_path: Path) -> None:
    made(tmp_path, 9, 100, 20)
    (tmp_path / "checkpoint-none").mkdir()
    (tmp_path / "checkpoint-500").write_text("a file")
    found = newest_whole(tmp_path)
    assert found is not None and found.name == "checkpoint-20"  # saved last: the run was wound back from 100 to 20
    assert newest_whole(tmp_path / "nowhere") is None


def test_only_the_first_process_says_what_is_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = made(tmp_path, 3)
    (path / MARK).unlink()
    assert newest_whole(tmp_path) is None
    assert "is not whole" in capsys.readouterr().err
    monkeypatch.setenv("RANK", "1")
    assert newest_whole(tmp_path) is None
    assert capsys.readouterr().err == ""


def test_the_newest_k_stay_and_the_best(tmp_path: Path) -> None:
    saver = Saver(tmp_path, keep=2)
    for step in (1, 2, 3):
        saver.save(step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-2", "checkpoint-3"]
    saver.state.best_global_step = 3
    for step in (4, 5, 6):
        saver.save(step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-3", "checkpoint-5", "checkpoint-6"]
    state = json.loads((tmp_path / "checkpoint-6" / "trainer_state.json").read_text())
    assert state["best_model_checkpoint"] == str(tmp_path / "checkpoint-3")


def test_the_best_that_is_saved_now_has_its_final_name(tmp_path: Path) -> None:
    saver = Saver(tmp_path, keep=2)
    saver.state.best_global_step = 4
    path = saver.save(4)
    state = json.loads((path / "trainer_state.json").read_text())
    assert state["best_model_checkpoint"] == str(path) == saver.state.best_model_checkpoint


def test_halves_do_not_count_among_those_kept_and_go(tmp_path: Path) -> None:
    one, two, three = made(tmp_path, 1, 2, 3)
    (two / MARK).unlink()
    prune(tmp_path, 2, three)
    assert sorted(path.name for path in tmp_path.iterdir()) == [one.name, three.name]


def test_a_step_is_saved_once(tmp_path: Path) -> None:
    saver = Saver(tmp_path, keep=2)
    saver.save(4)
    saver.save(4)
    assert saver.written == 1


def test_a_checkpoint_of_another_run_at_the_same_step_is_replaced(tmp_path: Path) -> None:
    (path,) = made(tmp_path, 4)
    (path / "left.bin").write_bytes(b"old")
    Saver(tmp_path, keep=2).save(4)
    assert missing_in(path) == "" and not (path / "left.bin").exists()


def test_a_new_run_does_not_mix_with_the_checkpoints_of_another(tmp_path: Path) -> None:
    check_output(tmp_path / "new", resume=False)
    (path,) = made(tmp_path, 4)
    with pytest.raises(OutputExists, match="checkpoint-4") as caught:
        check_output(tmp_path, resume=False)
    assert "--resume" in caught.value.remedy
    check_output(tmp_path, resume=True)
    (path / MARK).unlink()
    check_output(tmp_path, resume=False)


def test_no_room_is_an_error_before_the_save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = Saver(tmp_path, keep=2)
    before = saver.save(3)
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(
        MmskinError, match=r"No space for checkpoint-4 in .* about 597.2 kB, and 10 bytes.*whole: checkpoint-3"
    ) as caught:
        saver.save(4)
    assert "keep_checkpoints" in caught.value.remedy
    assert missing_in(before) == "" and [path.name for path in tmp_path.iterdir()] == ["checkpoint-3"]


def test_a_disk_that_takes_no_more_leaves_the_earlier_ones(tmp_path: Path) -> None:
    """The limit of a file's size stands for a full disk: the write itself fails, in the middle of a file."""

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    run = [sys.executable, str(SAVER), str(tmp_path), "--steps"]
    subprocess.run([*run, "3"], check=True, timeout=60)
    said = subprocess.run([*run, "1"], capture_output=True, text=True, timeout=60, preexec_fn=limited)
    assert said.returncode == 1
    assert (
        "No space for" in said.stderr and "checkpoint-4" in said.stderr and "are whole: checkpoint-2, " in said.stderr
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-2", "checkpoint-3"]


def test_kills_at_random_moments_always_leave_a_whole_one(tmp_path: Path) -> None:
    """kill -9 again and again; what :func:`newest_whole` gives loads, and no step that was whole is lost."""
    chance = random.Random(6)
    reached, halves = 0, 0
    for _ in range(15):
        process = subprocess.Popen([sys.executable, str(SAVER), str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.read(1)  # it saves from here on
        time.sleep(chance.uniform(0.0, 0.12))
        process.kill()
        process.wait()
        process.stdout.close()
        halves += (tmp_path / HIDDEN).exists()
        found = newest_whole(tmp_path)
        if found is None:
            assert reached == 0
            continue
        step = int(found.name.partition("-")[2])
        assert step >= reached
        reached = step
        for name in FILES:
            assert (found / name).read_bytes() == content(name, step)
        whole = [path for path in tmp_path.glob("checkpoint-*") if not missing_in(path)]
        assert 1 <= len(whole) <= 3
    assert reached > 3 and halves > 0


def test_seal_flushes_before_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written, final = tmp_path / HIDDEN / "checkpoint-1", tmp_path / "checkpoint-1"
    written.mkdir(parents=True)
    (written / "model.safetensors").write_bytes(b"1234")
    flushed: list[str] = []
    flush = checkpoints._flush

    def note(path: Path) -> None:
        flushed.append(f"{path.name}{'!' if final.exists() else ''}")
        flush(path)

    monkeypatch.setattr(checkpoints, "_flush", note)
    seal(written, final, 1, 1)
    assert flushed == ["model.safetensors", MARK, "checkpoint-1", f"{tmp_path.name}!"]
