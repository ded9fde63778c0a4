"""How far the demo is, and what came of it: on a terminal, in a pipe, without colours, folded where it is narrow."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.commands.at_terminal import on_terminal, piped

PROGRAM = """
import sys
from pathlib import Path
from mmskin_hub.demo.line import Step
from mmskin_hub.demo.run import Request, walk
from mmskin_hub.demo.show import watcher

busy = "import sys, time; print('half of it', file=sys.stderr, flush=True); time.sleep(1)"
line = (Step("first", "look busy", f'python -c "{busy}"', lambda out: "it did [nothing]"),
        Step("second", "end", "python -c pass", lambda out: "all of it"))
with watcher(len(line)) as watching:
    walk(line, Request(Path(sys.argv[1])), watching)
"""


def test_a_terminal_shows_the_command_what_it_says_and_leaves_what_came_of_it(tmp_path: Path) -> None:
    status, told = on_terminal([sys.executable, "-c", PROGRAM, str(tmp_path)])
    assert status == 0
    assert "1/2" in told and "$ python -c" in told and "half of it" in told
    assert "it did [nothing]" in told and told.index("it did [nothing]") < told.rindex("all of it")
    assert "\x1b[" in told and "\x1b[?25h" in told  # the cursor is shown again at the end


@pytest.mark.parametrize("settings", [{"TERM": "dumb"}, {}])
def test_elsewhere_there_are_lines(tmp_path: Path, settings: dict[str, str]) -> None:
    done = piped([sys.executable, "-c", PROGRAM, str(tmp_path)], **settings)
    assert done.returncode == 0 and done.stdout == "" and "\x1b" not in done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == "[1/2] look busy" and lines[1].startswith("    $ python -c")
    assert lines[2].startswith("    it did [nothing] (") and lines[-1].startswith("    all of it (")


def test_without_colours_nothing_is_coloured(tmp_path: Path) -> None:
    _, told = on_terminal([sys.executable, "-c", PROGRAM, str(tmp_path)], NO_COLOR="1")
    assert "it did [nothing]" in told and "\x1b[32m" not in told and "\x1b[1m" not in told


@pytest.fixture(scope="module")
def record() -> dict[str, object]:
    from mmskin_hub.demo.line import steps

    done = {step.name: {"command": step.command, "seconds": 3.2, "found": "a/long/path/" * 12} for step in steps(0)}
    return {"out": "/nowhere/demo", "seed": 0, "steps": done, "hashes": {"mm-skin": "ab" * 32}}


@pytest.mark.parametrize("columns", ["60", "300"])
def test_the_table_is_whole_at_any_width(
    record: dict[str, object], columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmskin_hub.demo.show import show_table

    monkeypatch.setenv("COLUMNS", columns)
    show_table(record)
    told = capsys.readouterr().out
    assert told.replace(" ", "").replace("\n", "").count("path") >= 12 * 14 if columns == "300" else "…" not in told
    assert "ab" * 32 in told and "/nowhere/demo/commands.sh" in told
