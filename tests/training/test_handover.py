"""Statuses, words and signals on their way through accelerate, which keeps none of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.training import handover
from mmskin_hub.training.handover import Launch, command_of
from mmskin_hub.training.launch import Choice

LAUNCHED = Path(__file__).with_name("launched.py")
SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from pathlib import Path
from mmskin_hub.errors import MmskinError
from mmskin_hub.training import handover
from mmskin_hub.training.launch import Choice
handover.command_of = lambda choice, arguments: [sys.executable, {launched!r}, "accelerate", "{count}", {how!r}]
try:
    sys.exit(handover.Launch(Choice(Path("x.yaml"), {count}, ""), []).run())
except MmskinError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the stand-in in this process: ``launched(count, how)``."""
    monkeypatch.setattr(handover, "GRACE", 0.5)

    def run(count: int, how: str, wanted: int | None = None) -> int:
        command = [sys.executable, str(LAUNCHED), "accelerate", str(count), how]
        monkeypatch.setattr(handover, "command_of", lambda choice, arguments: command)
        return Launch(Choice(Path("x.yaml"), wanted or count, ""), []).run()

    return run


def test_the_command_names_config_module_and_arguments() -> None:
    choice = Choice(Path("cpu.yaml"), 1, "", ["--num_processes", "1"])
    command = command_of(choice, ["--config", "tiny.yaml"])
    assert command[:4] == [sys.executable, "-P", "-m", "accelerate.commands.launch"]
    assert command[4:8] == ["--config_file", "cpu.yaml", "--num_processes", "1"]
    assert command[-4:] == ["--module", "mmskin_hub.recipes.sft", "--config", "tiny.yaml"]


def test_success(launched: Any) -> None:
    assert launched(2, "fine") == 0


def test_an_error_keeps_its_words_and_its_kind(launched: Any) -> None:
    with pytest.raises(MmskinError) as caught:
        launched(2, "error")
    assert (caught.value.what, caught.value.remedy) == ("Row r1 of process 0 is bad.", "Mend it.")
    assert not isinstance(caught.value, WrongUse)
    with pytest.raises(WrongUse, match="no such key"):
        launched(1, "wrong")


def test_a_defect_has_status_1(launched: Any, capfd: pytest.CaptureFixture[str]) -> None:
    assert launched(1, "defect") == 1
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_process_killed_from_outside_is_an_error_with_a_word(launched: Any) -> None:
    with pytest.raises(MmskinError, match="killed from outside"):
        launched(1, "killed")


def test_those_that_wait_for_one_that_failed_are_ended(launched: Any) -> None:
    with pytest.raises(MmskinError, match="Process 1 met a bad row"):
        launched(2, "one fails")


def test_fewer_processes_than_asked_for_is_an_error(launched: Any) -> None:
    with pytest.raises(MmskinError, match="started 1 processes where 2 were asked for"):
        launched(1, "fine", wanted=2)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("everyone", [False, True])
def test_sigterm_reaches_the_processes_that_train_and_143_comes_back(count: int, everyone: bool) -> None:
    """To the command alone, and to every process at once, as Slurm does."""
    code = SCRIPT.format(root=str(LAUNCHED.parents[2]), launched=str(LAUNCHED), count=count, how="asked")
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    for _ in range(count):
        assert process.stdout.readline() == "training\n"
    if everyone:
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.send_signal(signal.SIGTERM)
    said, errors = process.communicate(timeout=30)
    assert process.returncode == 143, errors
    assert said == "saved\n" * count


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_killed_command_leaves_no_ghost() -> None:
    """kill -9 of the command: accelerate goes with it, and what trains is asked to leave."""
    code = SCRIPT.format(root=str(LAUNCHED.parents[2]), launched=str(LAUNCHED), count=1, how="asked")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "training\n"
    process.kill()
    process.wait()
    until = time.monotonic() + 20
    assert process.stdout.read() == "saved\n"  # to the end of the file: every process that held it is gone
    assert time.monotonic() < until
