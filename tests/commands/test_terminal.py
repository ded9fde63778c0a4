"""Colours and bars on a terminal only; in a pipe nothing is cut, nothing moves, and a reader may leave."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mmskin_hub.evals.protocol import PROTOCOLS
from mmskin_hub.terminal import NO_BARS, facts, print_json
from tests.commands.at_terminal import MMSKIN, ROOT, environment, on_terminal, piped

LONG = "/".join(["a folder with a long name"] * 12)
TABLE = f"""
from mmskin_hub.terminal import show, table
made = table("path", "rows", right=("rows",), title="[bold]What[/bold]")
made.add_row({LONG!r}, "[red]1[/red]")
show(made, "written to {LONG}")
"""
BAR = """
from mmskin_hub.engine.progress import stage
with stage("Reading", 3, "pages") as update:
    for done in range(4):
        update(done)
print("done")
"""
SGR = re.compile(r"\x1b\[[0-9;]*m")


def run(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_pipe_gets_whole_lines_and_no_codes() -> None:
    done = piped(run(TABLE))
    assert LONG in done.stdout.splitlines()[4]
    assert f"written to {LONG}" in done.stdout.splitlines()
    assert "\x1b" not in done.stdout
    assert "[red]1[/red]" in done.stdout
    assert not done.stderr


@pytest.mark.parametrize("columns", [20, 40, 200])
def test_columns_are_respected_and_nothing_is_lost(columns: int) -> None:
    done = piped(run(TABLE), COLUMNS=str(columns))
    table, _, _ = done.stdout.partition("written to")
    assert max(len(line.rstrip()) for line in table.splitlines()) <= columns
    cells = "".join(line.split("│")[1].strip() for line in table.splitlines() if "│" in line)
    assert cells.replace(" ", "") == LONG.replace(" ", "")


def test_a_terminal_gets_styles_and_its_width() -> None:
    status, told = on_terminal(run(TABLE), columns=60)
    assert status == 0
    assert SGR.search(told)
    table = SGR.sub("", told).partition("written to")[0]
    assert max(len(line) for line in table.splitlines()) <= 60
    assert "…" not in table


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}])
def test_a_terminal_without_colours_gets_none(more: dict[str, str]) -> None:
    _, told = on_terminal(run(TABLE), **more)
    assert "\x1b" not in told
    assert "[red]1[/red]" in told


def test_an_empty_no_color_says_nothing() -> None:
    _, told = on_terminal(run(TABLE), NO_COLOR="")
    assert SGR.search(told)


def test_force_color_reaches_a_pipe() -> None:
    assert SGR.search(piped(run(TABLE), FORCE_COLOR="1").stdout)


def test_the_bar_moves_on_a_terminal() -> None:
    status, told = on_terminal(run(BAR))
    assert status == 0
    assert "3/3 pages" in SGR.sub("", told)
    assert "\x1b[2K" in told or "\x1b[?25l" in told


def test_the_bar_has_no_colours_where_none_are_wanted() -> None:
    _, told = on_terminal(run(BAR), NO_COLOR="1")
    assert "3/3 pages" in told
    assert not SGR.search(told)


@pytest.mark.parametrize("where", ["pipe", "dumb"])
def test_elsewhere_nothing_moves(where: str) -> None:
    if where == "pipe":
        done = piped(run(BAR))
        assert (done.stdout, done.stderr) == ("done\n", "")
    else:
        _, told = on_terminal(run(BAR), TERM="dumb")
        assert told == "done\r\n"


def test_the_bar_is_no_part_of_standard_output(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _, told = on_terminal(["sh", "-c", f'"$0" -c "$1" > {out}', sys.executable, BAR])
    assert out.read_text(encoding="utf-8") == "done\n"
    assert "pages" in told


LIBRARIES = """
import sys
sys.argv = ["mmskin", "tasks-path"]
from mmskin_hub.cli import main
main()
import datasets, huggingface_hub.utils
from transformers.utils import logging
loaded = datasets.Dataset.from_dict({"n": [1, 2, 3]}).map(lambda row: {"n": row["n"] + 1})
loaded.to_parquet(sys.stdin.readline().strip())
list(huggingface_hub.utils.tqdm(range(3), desc="hub"))
list(logging.tqdm(range(3), desc="transformers"))
from tqdm.auto import tqdm
tqdm(range(3), desc="trainer").write("logged")
"""


def test_bars_of_libraries_keep_silent_off_a_terminal(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    done = subprocess.run(
        run(LIBRARIES),
        input=str(tmp_path / "x.parquet"),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={name: value for name, value in environment().items() if name not in NO_BARS},
    )
    assert not re.search(r"it/s|examples|\r|100%", done.stderr), done.stderr
    assert done.stdout.endswith("logged\n")


def test_bars_of_libraries_are_left_alone_on_a_terminal() -> None:
    code = f"import os, mmskin_hub.terminal as t; t.prepare(); print('bars', os.environ.get({NO_BARS[0]!r}))"
    assert "bars None" in on_terminal(run(code))[1]
    assert "bars 1" in piped(run(code)).stdout


@pytest.mark.parametrize("words", [["tasks"], ["tasks", "--json"], ["--help"], ["datasets"], ["eval", "--help"]])
def test_a_reader_may_leave(words: list[str]) -> None:
    command = f'{" ".join([*MMSKIN, *words])} | head -c 1; echo "status ${{PIPESTATUS[0]}}"'
    done = piped(["bash", "-c", command])
    assert done.stdout.endswith("status 0\n")
    assert not done.stderr


def test_what_fails_fails_although_nobody_reads() -> None:
    command = f'{" ".join(MMSKIN)} compare nowhere nothere 2>&1 | true; echo "status ${{PIPESTATUS[0]}}"'
    assert piped(["bash", "-c", command]).stdout == "status 2\n"


def test_the_tasks_are_whole_in_a_pipe_and_on_a_narrow_terminal() -> None:
    told = piped([*MMSKIN, "tasks"]).stdout
    assert all(re.search(rf"│ {task} +│", told) for task in PROTOCOLS)
    _, narrow = on_terminal([*MMSKIN, "tasks"], columns=50)
    assert "…" not in narrow


def test_names_that_are_not_utf_8_are_told() -> None:
    code = (
        "import os, sys\nsys.argv = ['mmskin', 'compare', os.fsdecode(b'/no/caf\\xe9'), 'b']\n"
        "from mmskin_hub.cli import main\nstatus = main()\nprint(os.fsdecode(b'caf\\xe9'), 'é')\nsys.exit(status)"
    )
    done = piped(run(code), PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert r"caf\udce9" in done.stderr
    assert done.stdout == "caf\\udce9 \\xe9\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_is_valid_whatever_the_encoding(encoding: str) -> None:
    value = {"name": "Schönlein", "odd": os.fsdecode(b"\xe9"), "pair": [1, 2.5], "none": None}
    code = f"from mmskin_hub.terminal import prepare, print_json\nprepare()\nprint_json({value!r})"
    assert json.loads(piped(run(code), PYTHONIOENCODING=encoding).stdout) == value


def test_a_number_that_json_lacks_becomes_null(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"low": float("inf"), "all": (float("nan"), 1.0)})
    assert capsys.readouterr().out == '{"low": null, "all": [null, 1.0]}\n'


def test_facts_are_two_columns() -> None:
    assert facts([("disk", "one two"), ("disk", "three"), ("a", "b")]) == "  disk  one two\n        three\n  a     b"


@pytest.mark.parametrize("closed", ["2>&-", ">&-", ">&- 2>&-"])
def test_closed_streams_stop_nothing(closed: str) -> None:
    done = subprocess.run(["sh", "-c", f"{shlex.join(MMSKIN)} datasets --json {closed}"], cwd=ROOT, env=environment())
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", ["datasets --json", "tasks", "--help"])
def test_a_full_disk_is_told(words: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(MMSKIN)} {words} > /dev/full"], cwd=ROOT, env=environment(), capture_output=True
    )
    assert b"Traceback" not in done.stderr and b"Exception ignored" not in done.stderr
    assert words == "--help" or (done.returncode == 1 and b"could not be written" in done.stderr)
