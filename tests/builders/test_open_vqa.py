"""The config open_vqa all the way: a drawn book, the command line in a process of its own, and what others read of it.

The pages are read once (``shelf``); the builds after that go on from a copy of that work folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest
import yaml

from mmskin_hub import cli
from mmskin_hub.schema import QUESTION_TYPES, REJECT_REASONS, VQA_REASONS, captions_features, open_vqa_features
from tests.derive.vqa.endpoint_server import Act, Request, Server, completion, error, serving
from tests.engine.drawn import draw_book

ROOT = Path(__file__).parents[2]
KEY = "sk-Zq81+very/secret=key"
PAIRS = 3
"""What the scripted model writes about each caption."""


class Shelf(NamedTuple):
    """A folder of books, the dataset of them by one worker, and the work folder it came from."""

    books: Path
    out: Path
    work: Path


class Ran(NamedTuple):
    """How a run of the command line ended, and what it said."""

    status: int
    said: str
    errors: str


def environment(home: Path, **more: str) -> dict[str, str]:
    """That of the tests without any key of the user's, and with a cache of its own."""
    ours = ("MMSKIN_", "HF_", "HUGGING_FACE", "OPENAI_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HF_HOME": str(home), "NO_PROXY": "*", "OMP_NUM_THREADS": "1", **more}


def command(books: Path, out: Path, *options: str) -> list[str]:
    given = ["build", "mm_skin", str(books), "--out", str(out), "--ocr", "none", *options]
    return [sys.executable, "-m", "mmskin_hub", *given]


def mmskin(books: Path, out: Path, *options: str, **more: str) -> Ran:
    """Run the command line and wait for its end."""
    ran = subprocess.run(
        command(books, out, *options),
        env=environment(out.with_name("home"), **more),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def here(books: Path, out: Path, *options: str) -> int:
    """The same in this process, which has loaded already what a new one loads for seconds; the exit status."""
    try:
        return cli.main(command(books, out, *options)[3:])
    except SystemExit as left:  # argparse leaves by itself
        return int(left.code or 0)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Two books of 18 and 6 pictures."""
    folder = tmp_path_factory.mktemp("shelf")
    books = folder / "books"
    books.mkdir()
    draw_book(books / "atlas.pdf", range(18))
    draw_book(books / "small.pdf", range(100, 106))
    ran = mmskin(books, folder / "out", "--workers", "1", "--work", str(folder / "work"), "--json")
    assert ran.status == 0, ran.errors
    assert json.loads(ran.said) == record_of(folder / "out")
    return Shelf(books, folder / "out", folder / "work")


def record_of(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "build.json").read_text(encoding="utf-8"))
    return record


def table(out: Path, config: str) -> dict[str, list[dict[str, Any]]]:
    """The rows of ``config`` by split."""
    return {
        file.name.split("-")[0]: pq.read_table(file).to_pylist() for file in sorted((out / config).glob("*.parquet"))
    }


def digests(out: Path) -> dict[str, str]:
    files = sorted(out.rglob("*.parquet"))
    return {file.relative_to(out).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.parquet"))


# What others read


@pytest.mark.parametrize("streaming", [False, True])
def test_load_dataset_opens_open_vqa(shelf: Shelf, streaming: bool) -> None:
    from datasets import load_dataset

    record = record_of(shelf.out)["configs"]["open_vqa"]
    found = load_dataset(str(shelf.out), "open_vqa", streaming=streaming)
    assert set(found) == set(record)
    for split, rows in found.items():
        assert rows.features == open_vqa_features()
        assert sum(1 for _ in rows) == record[split]["rows"]
    row = next(iter(found["train"]))
    assert set(row) == set(open_vqa_features())
    assert row["image"].size == (360, 270)


def test_each_question_belongs_to_a_caption_of_its_split_and_has_its_picture(shelf: Shelf) -> None:
    captions, questions = table(shelf.out, "captions"), table(shelf.out, "open_vqa")
    assert set(captions) == set(questions)
    for split, rows in questions.items():
        own = {row["id"]: row for row in captions[split]}
        assert {row["caption_id"] for row in rows} <= own.keys()
        for row in rows:
            caption = own[row["caption_id"]]
            assert row["image"] == caption["image"]
            assert row["modality"] == caption["modality"]
            assert row["id"].startswith(f"{caption['id']}-q")
            assert 0 < row["grounding"] <= 1
            assert row["writer"] == "rules-1"
        # Those of one picture are neighbours.
        order = [row["caption_id"] for row in rows]
        assert [name for n, name in enumerate(order) if n == 0 or order[n - 1] != name] == list(dict.fromkeys(order))
    rows = [row for part in questions.values() for row in part]
    assert len({row["id"] for row in rows}) == len(rows)
    assert len(rows) >= 2.5 * len({row["caption_id"] for row in rows})


def test_a_picture_is_stored_once_however_often_it_is_asked_about(shelf: Shelf) -> None:
    record = record_of(shelf.out)["configs"]
    assert sum(part["rows"] for part in record["open_vqa"].values()) > 2 * sum(
        part["rows"] for part in record["captions"].values()
    )
    assert size(shelf.out / "open_vqa") < 1.2 * size(shelf.out / "captions")


def test_features_travel_in_the_parquet_files(shelf: Shelf) -> None:
    for file in (shelf.out / "open_vqa").glob("*.parquet"):
        schema = pq.read_schema(file)
        told = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        assert told["question_type"]["names"] == list(QUESTION_TYPES)
        assert schema.names == list(open_vqa_features())


# What the build says of itself


def test_the_counts_of_the_questions_balance_and_match_the_rows(shelf: Shelf) -> None:
    record = record_of(shelf.out)
    counts = record["counts"]
    asked = counts["questions"]
    rows = [row for part in table(shelf.out, "open_vqa").values() for row in part]
    assert asked["pictures"] == counts["published"] == asked["asked"] + sum(asked["not_asked"].values())
    assert asked["written"] == asked["published"] + sum(asked["rejected"].values())
    assert asked["published"] == len(rows) == sum(asked["types"].values())
    assert asked["types"] == {name: number for name in QUESTION_TYPES if (number := Counter(_types(rows))[name])}
    assert asked["closed"] == sum(row["closed"] for row in rows)
    assert asked["yes"] + asked["no"] <= asked["closed"]
    assert (asked["writer"], record["options"]["vqa"]) == ("rules-1", "rules")
    rejects = pq.read_table(shelf.out / "rejects.parquet").to_pylist()
    assert Counter(row["reason"] for row in rejects) == counts["rejects"]
    assert list(record["configs"]) == ["captions", "open_vqa", "demographics"]
    assert {name: file["sha256"] for name, file in record["files"].items()} == digests(shelf.out)


def _types(rows: list[dict[str, Any]]) -> Iterator[str]:
    return (QUESTION_TYPES[row["question_type"]] for row in rows)


def test_the_card_shows_the_config_and_its_questions(shelf: Shelf) -> None:
    card = (shelf.out / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---")[1])
    configs = {config["config_name"]: config for config in front["configs"]}
    assert set(configs) == {"captions", "open_vqa", "demographics"}
    files = {entry["split"]: entry["path"] for entry in configs["open_vqa"]["data_files"]}
    assert set(files) == set(record_of(shelf.out)["configs"]["open_vqa"])
    assert all(list(shelf.out.glob(path)) for path in files.values())
    assert "visual-question-answering" in front["task_categories"]
    info = {entry["config_name"]: entry for entry in front.get("dataset_info", [])}
    if info:
        assert [column["name"] for column in info["open_vqa"]["features"]] == list(open_vqa_features())
    asked = record_of(shelf.out)["counts"]["questions"]
    assert f"{asked['published']:,} questions" in card
    assert "| `body_site` " in card


def test_the_contact_sheet_shows_the_questions_beside_their_picture(shelf: Shelf) -> None:
    from html import escape

    sheet = (shelf.out / "contact_sheet.html").read_text(encoding="utf-8")
    rows = [row for part in table(shelf.out, "open_vqa").values() for row in part]
    assert sheet.count("<dt>") == len(rows)
    for row in rows:
        assert f"<dt>{escape(row['question'])}</dt><dd>{escape(row['answer'])}</dd>" in sheet


# The same bytes


@pytest.mark.slow
def test_four_workers_give_the_same_bytes(shelf: Shelf, tmp_path: Path) -> None:
    ran = mmskin(shelf.books, tmp_path / "out", "--workers", "4")
    assert ran.status == 0, ran.errors
    assert digests(tmp_path / "out") == digests(shelf.out)
    assert not (tmp_path / "out.work").exists()


def test_a_second_run_gives_the_same_bytes(shelf: Shelf, tmp_path: Path) -> None:
    assert here(shelf.books, tmp_path / "out", "--work", str(shelf.work), "--vqa", "rules") == 0
    assert digests(tmp_path / "out") == digests(shelf.out)


def test_without_open_vqa_nothing_is_asked(shelf: Shelf, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert here(shelf.books, out, "--work", str(shelf.work), "--configs", "captions") == 0
    record = record_of(out)
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["captions"]
    assert digests(out / "captions") == digests(shelf.out / "captions")
    assert "questions" not in record["counts"]
    assert not any(name.startswith("vqa") for name in record["options"])
    assert not any(row["stage"] == "vqa" for row in pq.read_table(out / "rejects.parquet").to_pylist())
    assert "<dt>" not in (out / "contact_sheet.html").read_text(encoding="utf-8")
    assert "open_vqa" not in (out / "README.md").read_text(encoding="utf-8")


# Wrong use: said at once, in a sentence, before anything is read


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--vqa-model", "tiny"), "--vqa-endpoint"),
        (("--vqa", "endpoint"), "--vqa-endpoint"),
        (("--vqa", "endpoint", "--vqa-model", "tiny"), "--vqa-endpoint"),
        (("--vqa-endpoint", "http://127.0.0.1:9/v1"), "--vqa-model"),
        (("--vqa", "rules", "--vqa-endpoint", "http://127.0.0.1:9/v1", "--vqa-model", "tiny"), "exclude"),
        (("--vqa-prices", "cheap"), "two numbers"),
        (("--vqa-prices", "1"), "two numbers"),
        (("--vqa-prices", "1,2,3"), "two numbers"),
        (("--vqa-concurrency", "0"), "above zero"),
        (("--vqa-time-limit", "-5"), "above zero"),
        (("--vqa", "oracle"), "invalid choice"),
        (("--configs", "captions,vqa"), "open_vqa"),
        (("--vqa-endpoint", "http://127.0.0.1:9/v1", "--vqa-model", "t", "--vqa-cache", "OUT/cache"), "inside --out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_options_are_a_sentence_and_2(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    out = tmp_path / "out"
    assert here(shelf.books, out, *(option.replace("OUT", str(out)) for option in options)) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--vqa-endpoint", "localhost:8000"), "http://"),
        (("--vqa-prompt", "nosuch-9"), "nosuch-9"),
        (("--vqa-model", " "), "--vqa-model"),
    ],
)
def test_what_can_be_known_of_an_endpoint_is_checked_before_any_page_is_read(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    good = ("--vqa-endpoint", "http://127.0.0.1:9/v1", "--vqa-model", "tiny", "--vqa-cache", str(tmp_path / "cache"))
    # A folder that cannot be made stands where the work folder would: whoever begins to read fails there.
    (tmp_path / "out.work").write_text("not a folder")
    assert here(shelf.books, tmp_path / "out", *good, *options) != 0
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_cache_that_cannot_be_made_is_named(
    shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str], below: str
) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = tmp_path / "file" / below
    shutil.copytree(shelf.work, tmp_path / "out.work")
    options = ("--vqa-endpoint", "http://127.0.0.1:9/v1", "--vqa-model", "t", "--vqa-cache", str(cache))
    assert here(shelf.books, tmp_path / "out", *options) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "file") in said
    assert "--work" not in said


# A model behind an endpoint


def model(request: Request) -> Act:
    """Two pairs that may leave of a drawn caption, and one about treatment."""
    disease, rest = request.caption.split(" of the ")
    site = rest.split(" in a ")[0]
    pairs = [
        {"question": "What is the diagnosis?", "answer": f"{disease}.", "question_type": "diagnosis", "closed": False},
        {"question": "Where is it?", "answer": f"On the {site}.", "question_type": "body_site", "closed": False},
        {"question": "How is it treated?", "answer": f"{disease}.", "question_type": "other", "closed": False},
    ]
    assert len(pairs) == PAIRS
    return completion(json.dumps({"pairs": pairs}))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("MMSKIN_VQA_KEY", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as running:
        running.script = model
        yield running


def asking(server: Server, cache: Path, *more: str) -> tuple[str, ...]:
    return ("--vqa-endpoint", server.url, "--vqa-model", "tiny", "--vqa-cache", str(cache), *more)


def ready(shelf: Shelf, out: Path) -> Path:
    """``out``, with the pages read already in the work folder that belongs to it."""
    shutil.copytree(shelf.work, out.with_name(f"{out.name}.work"))
    return out


@pytest.fixture(scope="module")
def undisturbed(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Counter[str], str]:
    """A build that asks a model: the dataset, the cache, what was asked how often, and what was said."""
    folder = tmp_path_factory.mktemp("endpoint")
    with serving() as server:
        server.script = model
        options = (*asking(server, folder / "cache"), "--vqa-prices", "1000,2000")
        ran = mmskin(shelf.books, ready(shelf, folder / "out"), *options, MMSKIN_VQA_KEY=KEY)
        assert ran.status == 0, ran.errors
        assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {KEY}"}
        return folder / "out", folder / "cache", server.asked, ran.said + ran.errors


def test_the_model_writes_the_questions_and_the_checks_judge_them(
    shelf: Shelf, undisturbed: tuple[Path, Path, Counter[str], str]
) -> None:
    out, _, asked, said = undisturbed
    captions = [row["caption"] for part in table(out, "captions").values() for row in part]
    assert asked == dict.fromkeys(captions, 1)
    rows = [row for part in table(out, "open_vqa").values() for row in part]
    assert {row["writer"] for row in rows} == {"tiny/open_vqa-1"}
    assert Counter(row["question"] for row in rows) == {
        "What is the diagnosis?": len(captions),
        "Where is it?": len(captions),
    }
    caption = {row["id"]: row["caption"] for part in table(out, "captions").values() for row in part}
    for row in rows:
        assert row["answer"].split()[-1].rstrip(".") in caption[row["caption_id"]]
    refused = [row for row in pq.read_table(out / "rejects.parquet").to_pylist() if row["stage"] == "vqa"]
    assert Counter(row["reason"] for row in refused) == {"not_answerable": len(captions)}
    assert all(row["question"] == "How is it treated?" and row["detail"] and row["page"] for row in refused)
    counts = record_of(out)["counts"]
    assert counts["questions"]["written"] == PAIRS * len(captions)
    assert counts["rejects"]["not_answerable"] == len(captions)
    # The captions themselves are those of the rules.
    assert digests(out / "captions") == digests(shelf.out / "captions")
    assert f"{len(captions)} of {len(captions)} captions" in said
    assert f"{10 * len(captions):,} tokens in" in said
    assert f"cost {20 * len(captions) / 1000:.2f}" in said


def test_the_record_says_who_wrote_and_not_where(undisturbed: tuple[Path, Path, Counter[str], str]) -> None:
    out, *_ = undisturbed
    options = record_of(out)["options"]
    assert (options["vqa"], options["vqa_model"], options["vqa_prompt"]) == ("endpoint", "tiny", "open_vqa-1")
    assert "temperature 0" in options["vqa_sampling"]
    assert "127.0.0.1" not in (out / "build.json").read_text(encoding="utf-8")
    assert "tiny/open_vqa-1" in (out / "README.md").read_text(encoding="utf-8")


def test_the_key_is_nowhere(undisturbed: tuple[Path, Path, Counter[str], str]) -> None:
    out, _, _, said = undisturbed
    assert KEY not in said
    files = [path for path in out.parent.rglob("*") if path.is_file()]
    assert any("cache" in path.parts for path in files)
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path


def test_a_rebuild_asks_nothing_again(
    shelf: Shelf, undisturbed: tuple[Path, Path, Counter[str], str], server: Server, tmp_path: Path
) -> None:
    out, cache, *_ = undisturbed
    shutil.copytree(cache, tmp_path / "cache")
    ran = mmskin(shelf.books, ready(shelf, tmp_path / "out"), *asking(server, tmp_path / "cache"))
    assert ran.status == 0, ran.errors
    assert server.requests == []
    assert digests(tmp_path / "out") == digests(out)


@pytest.mark.slow
def test_after_kill_9_while_asking_nothing_is_asked_twice(
    shelf: Shelf, undisturbed: tuple[Path, Path, Counter[str], str], server: Server, tmp_path: Path
) -> None:
    reference, *_ = undisturbed
    out, cache = ready(shelf, tmp_path / "out"), tmp_path / "cache"
    enough, answered = threading.Event(), 8

    def stalls(request: Request) -> Act:
        """The first answers come; then those who ask are left waiting."""
        with server.lock:
            late = len(server.requests) > answered
        if late:
            enough.set()
        return Act(model(request).body, delay=60.0) if late else model(request)

    server.script = stalls
    options = asking(server, cache, "--vqa-concurrency", "2")
    with subprocess.Popen(
        command(shelf.books, out, *options), env=environment(tmp_path / "home"), cwd=ROOT, stderr=subprocess.PIPE
    ) as process:
        assert enough.wait(60), "the endpoint was never asked"
        wait_for_lines(cache / "answers.jsonl", answered)
        process.send_signal(signal.SIGKILL)
    assert not out.exists()
    assert out.with_name("out.work").exists()
    before = server.requests[:]
    assert lines(cache / "answers.jsonl") == answered < len(before)
    server.script = model
    ran = mmskin(shelf.books, out, *options)
    assert ran.status == 0, ran.errors
    asked = [request.caption for request in server.requests[len(before) :]]
    captions = {row["caption"] for part in table(out, "captions").values() for row in part}
    assert sorted(asked) == sorted(captions - {request.caption for request in before[:answered]})
    assert digests(out) == digests(reference)
    assert not out.with_name("out.work").exists()


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(path: Path, number: int) -> None:
    end = time.monotonic() + 20
    while lines(path) < number:
        assert time.monotonic() < end, f"{path} has {lines(path)} lines"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_refused_key_and_an_unknown_model_say_what_to_mend_and_the_same_command_goes_on(
    shelf: Shelf,
    undisturbed: tuple[Path, Path, Counter[str], str],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, options = ready(shelf, tmp_path / "out"), asking(server, tmp_path / "cache")
    monkeypatch.setenv("MMSKIN_VQA_KEY", KEY)
    begun = work_files(out)
    server.script = lambda _: error(401, f"Incorrect key {KEY}")
    assert here(shelf.books, out, *options) == 1
    refused = capsys.readouterr().err
    server.script = lambda _: error(404, "no such model", code="model_not_found")
    server.models = Act(json.dumps({"data": [{"id": "large-7b"}]}))
    assert here(shelf.books, out, *options) == 1
    unknown = capsys.readouterr().err
    assert "MMSKIN_VQA_KEY" in refused
    assert "--vqa-model" in unknown
    assert "large-7b" in unknown, "a model there is"
    assert KEY not in refused + unknown
    assert not out.exists()
    assert begun
    assert begun.items() <= work_files(out).items()
    server.script = model
    ran = mmskin(shelf.books, out, *options, MMSKIN_VQA_KEY=KEY)
    assert ran.status == 0, ran.errors
    assert record_of(out)["run"]["pages_read_now"] == 0
    assert digests(out) == digests(undisturbed[0])
    assert not out.with_name("out.work").exists()


def work_files(out: Path) -> dict[str, int]:
    """The results of the pages, and when they were written."""
    folder = out.with_name(f"{out.name}.work")
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*/units/*") if path.is_file()}


def test_captions_without_an_answer_are_rows_and_a_later_run_asks_them_again(
    shelf: Shelf,
    undisturbed: tuple[Path, Path, Counter[str], str],
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reference, cache = undisturbed[0], tmp_path / "cache"

    def faulty(request: Request) -> Act:
        number = int(request.caption.split("photographed ")[1].split()[0])
        return error(400, "too long") if number % 5 == 0 and server.asked.total() > 3 else model(request)

    server.script = faulty
    assert here(shelf.books, ready(shelf, tmp_path / "out"), *asking(server, cache)) == 0
    counts = record_of(tmp_path / "out")["counts"]
    failed = counts["questions"]["not_asked"]["writer_failed"]
    assert failed > 0
    assert counts["questions"]["asked"] + failed == counts["questions"]["pictures"]
    rows = pq.read_table(tmp_path / "out" / "rejects.parquet").to_pylist()
    assert Counter(row["reason"] for row in rows) == counts["rejects"]
    assert {row["reason"] for row in rows if row["stage"] == "vqa"} <= VQA_REASONS.keys() <= REJECT_REASONS.keys()
    assert f"{failed} of {counts['published']} captions got no usable answer" in capsys.readouterr().err
    server.script, before = model, server.asked
    assert here(shelf.books, ready(shelf, tmp_path / "again"), *asking(server, cache)) == 0
    assert (server.asked - before).total() == failed
    assert digests(tmp_path / "again") == digests(reference)


def test_pictures_open(shelf: Shelf) -> None:
    """The bytes in open_vqa are pictures, not references that only this machine could follow."""
    from PIL import Image

    for rows in table(shelf.out, "open_vqa").values():
        for row in rows[::7]:
            with Image.open(io.BytesIO(row["image"]["bytes"])) as picture:
                assert picture.size == (360, 270)
            assert "/" not in row["image"]["path"]
    assert set(table(shelf.out, "captions")["train"][0]) == set(captions_features())
