"""The demo itself, as a newcomer runs it: a process of its own, without a network, twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmskin_hub.demo.found import hash_of
from mmskin_hub.demo.line import steps
from mmskin_hub.demo.run import arguments

pytestmark = pytest.mark.slow
CLOSED = """
import os, socket
def _shut(call):
    def attempt(self, address, *more):
        host = str(address[0]) if isinstance(address, tuple) else ""
        if isinstance(address, tuple) and not host.startswith(("127.", "::1", "localhost", "0.0.0.0")):
            open(os.environ["ATTEMPTS"], "a").write(host + chr(10))
            raise OSError(101, "Network is unreachable")
        return call(self, address, *more)
    return attempt
def _unknown(host, *more, **keys):
    if host not in (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", socket.gethostname()):
        open(os.environ["ATTEMPTS"], "a").write(str(host) + chr(10))
        raise socket.gaierror(-2, "Name or service not known")
    return _found(host, *more, **keys)
_found = socket.getaddrinfo
socket.getaddrinfo = _unknown
for _name in ("connect", "connect_ex"):
    setattr(socket.socket, _name, _shut(getattr(socket.socket, _name)))
"""
"""A ``sitecustomize`` that shuts the network of every Python process, and writes down who knocked."""


def demo(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run ``mmskin demo`` in ``folder`` without a network."""
    (folder / "shut").mkdir(parents=True)
    (folder / "shut" / "sitecustomize.py").write_text(CLOSED)
    environment = {**os.environ, "PYTHONPATH": str(folder / "shut"), "ATTEMPTS": str(folder / "attempts")}
    return subprocess.run(
        [sys.executable, "-m", "mmskin_hub", "demo", *more], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the demo was run, with its report."""
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder, "--json")
    assert done.returncode == 0, done.stderr
    (folder / "report.json").write_text(done.stdout)
    return folder


def test_every_step_was_walked_and_nobody_asked_for_a_network(walked: Path) -> None:
    report = json.loads((walked / "report.json").read_text())
    assert list(report["steps"]) == [step.name for step in steps(0)]
    assert not (walked / "attempts").exists(), (walked / "attempts").read_text()


def test_everything_is_in_the_one_folder(walked: Path) -> None:
    assert sorted(path.name for path in walked.iterdir()) == ["mmskin-demo", "report.json", "shut"]


def test_what_is_to_be_looked_at_is_there(walked: Path) -> None:
    for step in steps(0):
        for pattern in step.look:
            assert any((walked / "mmskin-demo").glob(pattern)), pattern


def test_the_books_come_out_whole(walked: Path) -> None:
    record = json.loads((walked / "mmskin-demo/data/mm-skin/build.json").read_text())
    assert record["counts"]["published"] >= 200
    assert record["counts"]["rejects"] == {"annotated": 2, "other_modality": 2}


def test_training_helped(walked: Path) -> None:
    tasks = json.loads((walked / "mmskin-demo/log/compare.out").read_text())["tasks"]
    for task in ("mmskin_vqa_open", "mmskin_vqa_closed"):
        gain = next(tasks[task][name] for name in ("accuracy", "score") if name in tasks[task])
        assert gain["low"] > 0.1, task


def test_the_gate_was_shut_by_what_was_not_run_alone(walked: Path) -> None:
    verdicts = json.loads((walked / "mmskin-demo/log/gate.out").read_text())["verdicts"]
    assert [verdict["check"] for verdict in verdicts if verdict["passed"] is False] == ["coverage"]


def test_the_same_command_again_does_nothing_and_shows_the_same(walked: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mmskin_hub", "demo", "--json"], cwd=walked, capture_output=True, text=True
    )
    assert done.returncode == 0 and json.loads(done.stdout) == json.loads((walked / "report.json").read_text())
    assert "done before" in done.stderr


def test_a_second_demo_makes_the_same_datasets(walked: Path, tmp_path: Path) -> None:
    """The commands by hand, in another folder: the first three decide the bytes."""
    (tmp_path / "mixture.yaml").write_bytes((walked / "mmskin-demo/mixture.yaml").read_bytes())
    for command in (walked / "mmskin-demo/commands.sh").read_text().splitlines()[:3]:
        subprocess.run(arguments(command), cwd=tmp_path, check=True, capture_output=True)
    report = json.loads((walked / "report.json").read_text())
    assert report["hashes"] == {name: hash_of(tmp_path / "data" / name) for name in report["hashes"]}
