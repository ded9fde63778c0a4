"""How the demo runs its steps: each once, each in a process of its own, in one folder, and on again after a stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.demo.found import log_of
from mmskin_hub.demo.line import Step, steps
from mmskin_hub.demo.run import Request, arguments, last_line, walk
from mmskin_hub.errors import MmskinError, OutputExists, WrongUse


class Seen:
    """Writes down what a watcher is told."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[tuple[str, bool]] = []
        self.said: list[str] = []

    def begin(self, number: int, step: Step) -> None:
        self.began.append(step.name)

    def says(self, text: str) -> None:
        self.said.append(text)

    def end(self, number: int, step: Step, done: Mapping[str, Any], before: bool) -> None:
        self.ended.append((step.name, before))


def writes(name: str, code: str = "", statuses: tuple[int, ...] = (0,)) -> Step:
    """A step that appends to the file ``name``, and then runs ``code``."""
    command = f"python -c \"open('{name}', 'a').write('x'); {code}\""
    return Step(name, f"write {name}", command, lambda folder: (folder / name).read_text(), statuses=statuses)


def test_each_step_runs_once_and_is_written_down(tmp_path: Path) -> None:
    line, seen = (writes("one"), writes("two", "print('loud')")), Seen()
    record = walk(line, Request(tmp_path / "demo"), seen)
    assert seen.began == ["one", "two"] and seen.ended == [("one", False), ("two", False)]
    assert {name: step["found"] for name, step in record["steps"].items()} == {"one": "x", "two": "x"}
    assert log_of(tmp_path / "demo", "two", "out").read_text().strip() == "loud"
    assert (tmp_path / "demo" / "commands.sh").read_text().splitlines() == [step.command for step in line]

    again = Seen()
    assert walk(line, Request(tmp_path / "demo"), again) == record
    assert again.began == [] and again.ended == [("one", True), ("two", True)]
    assert (tmp_path / "demo" / "one").read_text() == "x"


def test_a_step_that_fails_is_told_with_what_it_said_and_is_run_again(tmp_path: Path) -> None:
    broken = writes("two", "import sys; sys.exit('no such thing as 猫')")
    with pytest.raises(MmskinError) as error:
        walk((writes("one"), broken), Request(tmp_path), Seen())
    assert "no such thing as 猫" in error.value.what and "write two" in error.value.what
    assert str(log_of(tmp_path, "two", "err")) in error.value.remedy
    seen = Seen()
    walk((writes("one"), writes("two")), Request(tmp_path), seen)
    assert seen.began == ["two"]


def test_a_status_that_a_step_may_have_is_no_failure(tmp_path: Path) -> None:
    walk((writes("one", "import sys; sys.exit(1)", statuses=(0, 1)),), Request(tmp_path), Seen())
    with pytest.raises(MmskinError, match="status 3"):
        walk((writes("two", "import sys; sys.exit(3)", statuses=(0, 1)),), Request(tmp_path), Seen())


def test_a_step_that_left_nothing_to_find_has_failed(tmp_path: Path) -> None:
    step = Step("none", "write nothing", "python -c pass", lambda folder: (folder / "none").read_text())
    with pytest.raises(MmskinError, match="write nothing"):
        walk((step,), Request(tmp_path), Seen())


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputExists):
        walk((writes("one"),), Request(tmp_path), Seen())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_demo_of_another_seed_is_not_gone_on_with(tmp_path: Path) -> None:
    walk((writes("one"),), Request(tmp_path, seed=1), Seen())
    with pytest.raises(WrongUse, match="seed 1"):
        walk((writes("one"),), Request(tmp_path, seed=2), Seen())


def test_steps_keep_to_the_folder_and_the_network_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_not_for_a_demo")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    code = "import json, os; json.dump(dict(os.environ), open('seen', 'w'))"
    walk((writes("one", code),), Request(tmp_path / "demo"), Seen())
    seen = json.loads((tmp_path / "demo" / "seen").read_text())
    assert "HF_TOKEN" not in seen and "HF_HUB_CACHE" not in seen and seen["HF_HUB_OFFLINE"] == "1"
    for name in ("HF_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        assert Path(seen[name]).is_relative_to(tmp_path / "demo")


SOCKET = "import multiprocessing as m; p = m.get_context('forkserver').Process(target=print); p.start(); p.join()"


@pytest.mark.parametrize("name", ["d", "a-name-as-long-as-the-names-of-projects-are/" * 3])
def test_temporary_files_go_with_the_demo_and_have_paths_that_sockets_can_have(name: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        out = Path(folder) / name
        code = f"import os; open('seen', 'w').write(os.environ['TMPDIR']); {SOCKET}"
        walk((writes("one", code),), Request(out), Seen())
        seen = Path((out / "seen").read_text())
        assert not seen.exists() and seen.is_relative_to(out) == (name == "d")


def test_what_is_gone_is_made_again_with_all_that_follows_from_it(tmp_path: Path) -> None:
    def fills(name: str) -> Step:
        command = f"python -c \"import os; os.mkdir('{name}'); open('{name}/file', 'w').write('x')\""
        return Step(name, name, command, lambda out: (out / name / "file").read_text(), makes=(name,))

    line = (fills("one"), fills("two"), fills("three"))
    walk(line, Request(tmp_path), Seen())
    shutil.rmtree(tmp_path / "two")
    seen = Seen()
    walk(line, Request(tmp_path), seen)
    assert seen.ended == [("one", True), ("two", False), ("three", False)]


def test_what_followed_from_a_step_is_not_believed_once_that_step_was_made_again(tmp_path: Path) -> None:
    walk((writes("one"), writes("two"), writes("three")), Request(tmp_path), Seen())
    (tmp_path / "one").unlink()
    broken = writes("two", "import sys; sys.exit(9)")
    with pytest.raises(MmskinError, match="status 9"):
        walk((writes("one"), broken, writes("three")), Request(tmp_path), Seen())
    assert json.loads((tmp_path / "demo.json").read_text())["steps"].keys() == {"one"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"steps": {}}', '{"mmskin_hub": "1", "seed": 0, "steps": {"a": 1}}'])
def test_a_marker_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo.json").write_text(text)
    with pytest.raises(OutputExists, match="something else than a demo"):
        walk((writes("one"),), Request(tmp_path), Seen())


def test_what_a_killed_demo_put_down_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    walk((writes("one"),), Request(tmp_path / "d"), Seen())
    (tmp_path / "d" / "tmp-abc").mkdir()
    walk((writes("one"),), Request(tmp_path / "d"), Seen())
    assert not list((tmp_path / "d").glob("tmp-*"))


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for out in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / "dangling", Path("/proc/demo")):
        with pytest.raises(WrongUse, match="cannot be used"):
            walk((writes("one"),), Request(out), Seen())


@pytest.mark.parametrize("name", ["demo [2]", "what?", "a*"])
def test_a_name_that_datasets_cannot_open_is_told_before_anything_is_done(tmp_path: Path, name: str) -> None:
    with pytest.raises(WrongUse, match="pattern of names"):
        walk((writes("one"),), Request(tmp_path / name), Seen())
    assert not (tmp_path / name).exists()


def test_without_room_nothing_is_begun_and_with_it_all_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mmskin_hub.demo import run

    with monkeypatch.context() as patch:
        patch.setattr(run, "ROOM", 1 << 60)
        with pytest.raises(MmskinError, match="GB free"):
            walk((writes("one"),), Request(tmp_path / "demo"), Seen())
    walk((writes("one"),), Request(tmp_path / "demo"), Seen())


PROGRAM = (
    "import signal, sys; from pathlib import Path; from tests.demo.test_walk import *\n"
    "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
    "line = (writes('one'), writes('two', sys.argv[2]))\n"
    "walk(line, Request(Path(sys.argv[1])), Seen())"
)
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
ROOT = Path(__file__).resolve().parents[2]


def begun(out: Path, code: str) -> subprocess.Popen[bytes]:
    """A process in the middle of the second of two steps, which runs ``code`` and then sleeps."""
    code = f"{code}import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(out), code], cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True
    )
    while not ((out / "pid").is_file() and (out / "pid").read_text()):
        assert process.poll() is None
        time.sleep(0.05)
    return process


def alive(out: Path) -> bool:
    try:
        os.kill(int((out / "pid").read_text()), 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("code", ["", pytest.param(DEAF, marks=pytest.mark.slow)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_is_stopped_stops_the_step_and_the_same_command_goes_on(
    tmp_path: Path, code: str, number: signal.Signals
) -> None:
    process = begun(tmp_path, code)
    os.killpg(process.pid, number)
    _, told = process.communicate(timeout=60)
    assert b"KeyboardInterrupt" in told and process.returncode != 0 and not alive(tmp_path)
    assert json.loads((tmp_path / "demo.json").read_text())["steps"].keys() == {"one"}
    seen = Seen()
    walk((writes("one"), writes("two")), Request(tmp_path), seen)
    assert seen.began == ["two"]


def test_a_step_whose_demo_was_killed_is_not_joined_by_another(tmp_path: Path) -> None:
    process = begun(tmp_path, "")
    process.kill()
    process.communicate()
    assert alive(tmp_path)
    with pytest.raises(MmskinError, match="at work in"):
        walk((writes("one"), writes("two")), Request(tmp_path), Seen())
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    while alive(tmp_path):
        time.sleep(0.05)
    walk((writes("one"), writes("two")), Request(tmp_path), Seen())


def test_every_command_of_the_line_is_one_that_mmskin_knows() -> None:
    from mmskin_hub.cli import make_parser

    parser = make_parser()
    for step in steps(0):
        words = arguments(step.command)[1:]
        if words[:3] == ["-P", "-m", "mmskin_hub"]:
            parser.parse_args(words[3:])


@pytest.mark.parametrize(
    ("text", "last"),
    [("", ""), ("a\nb\n", "b"), ("10 %\r20 %\r", "20 %"), ("b\n\n  \n", "b"), ("x\n\x1b[A\x1b[A", "x")],
)
def test_the_last_thing_that_was_said(tmp_path: Path, text: str, last: str) -> None:
    log = tmp_path / "log"
    log.write_text(text)
    assert last_line(log) == last
