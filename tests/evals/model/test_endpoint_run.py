"""``mmskin eval`` of a served model: a server that goes away and comes back costs no answer and asks none twice."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.cli import main
from mmskin_hub.evals.protocol import protocol
from tests.derive.vqa.endpoint_server import Act, Request, Server, completion, error, serving
from tests.evals.model.vllm_likeness import images_of, prompt_scores
from tests.evals.test_data import row, write

ROWS = 70
GEN, CHOICE = "mmskin_ham10000_gen", "mmskin_ham10000_choice"
CLASSES = protocol(GEN).classes
KEY = "sk-Xy7/Q+very9secret0key"


def shown(body: dict[str, Any]) -> str:
    """Which picture a request is about."""
    return str(zlib.crc32(images_of(body)[0].encode()))


def answer(request: Request) -> Act:
    """A class that follows from the picture alone."""
    return completion(f"This is {CLASSES[int(request.caption) % 7]}.")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("MMSKIN_EVAL_KEY", KEY)
    with serving(shown) as running:
        running.script = answer
        yield running


@pytest.fixture(scope="module")
def ham(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("ham"), [row(number) for number in range(ROWS)])


def words(server: Server, ham: Path, out: Path, task: str = GEN, *more: str) -> list[str]:
    data = ("--tasks", task, "--data", f"ham10000={ham}", "--out", str(out))
    return ["eval", server.url, "--served-model", "tiny", *data, *more]


def said(out: Path) -> list[str]:
    return [str(text) for text in pq.read_table(out / f"samples-{GEN}.parquet")["said"].to_pylist()]


def test_a_run_that_lost_its_server_goes_on_and_asks_nothing_twice(
    server: Server, ham: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(server, ham, tmp_path / "whole")) == 0
    wanted = said(tmp_path / "whole")
    assert len(wanted) == ROWS and len(set(server.asked.values())) == 1
    before = len(server.requests)

    server.script = lambda request: error(401) if len(server.requests) - before > 45 else answer(request)
    capsys.readouterr()
    out = tmp_path / "run"
    assert main(words(server, ham, out)) == 1
    told = capsys.readouterr().err
    assert "refuses the key" in told and "MMSKIN_EVAL_KEY" in told and "same command goes on" in told
    kept = sum('"said"' in line for line in (out / "journal" / f"{GEN}.0.jsonl").read_text().splitlines())
    assert 38 <= kept <= 46, "also the answers of the chunk that was not finished"
    assert not (out / "results.json").exists()

    asked = len(server.requests)
    server.script = answer
    assert main(words(server, ham, out)) == 0
    assert len(server.requests) - asked == ROWS - kept
    assert said(out) == wanted


def test_the_report_tells_the_server_and_never_the_key(server: Server, ham: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert main(words(server, ham, out, GEN, "--limit", "5")) == 0
    model = json.loads((out / "results.json").read_text(encoding="utf-8"))["model"]
    assert (model["name"], model["kind"], model["endpoint"]) == ("tiny", "endpoint", server.url)
    assert all(KEY.encode() not in path.read_bytes() for path in out.rglob("*") if path.is_file())
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}


def test_choices_through_a_server_that_scores_prompts(server: Server, ham: Path, tmp_path: Path) -> None:
    server.script = prompt_scores
    out = tmp_path / "run"
    assert main(words(server, ham, out, CHOICE, "--limit", "9")) == 0
    table = pq.read_table(out / f"samples-{CHOICE}.parquet")
    assert [len(scores) for scores in table["loglik"].to_pylist()] == [7] * 9
    assert len(server.requests) <= 9 * 7 + 8, "one a choice, and one for each request that was under way at first"


def test_choices_through_a_server_that_does_not_say_which_tasks_to_take(
    server: Server, ham: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(server, ham, tmp_path / "run", CHOICE)) == 1
    told = capsys.readouterr().err
    assert "choices cannot be scored" in told and "_gen" in told
    assert len(server.requests) == 1


def test_the_decoding_of_the_paper_cannot_be_asked_for(
    server: Server, ham: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(server, ham, tmp_path / "run", "mmskin_ham10000_paper")) == 2
    assert "beams" in capsys.readouterr().err
    assert not server.requests
