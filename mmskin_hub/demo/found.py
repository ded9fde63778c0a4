"""What came of each step of ``mmskin demo``, in a line, read from the files that the step wrote.

Every function takes the demo's folder and raises ``OSError``, ``KeyError`` or ``ValueError`` where a file is not what
it should be.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import digest_of_sums

LOGS = "log"
"""Below the demo's folder: what each step said, ``<step>.out`` and ``<step>.err``."""
HEADLINES = (
    ("mmskin_vqa_open", "token_f1", "open, token F1"),
    ("mmskin_vqa_closed", "accuracy", "yes or no, accuracy"),
)
"""Task, metric and words of the two figures by which the model is judged."""


def log_of(folder: Path, step: str, ending: str) -> Path:
    """Where ``step`` left what it said: ``ending`` "out" or "err"."""
    return folder / LOGS / f"{step.replace(' ', '-')}.{ending}"


def books(folder: Path) -> str:
    """How many books, and how large."""
    files = sorted((folder / "books").glob("*.pdf"))
    size = sum(file.stat().st_size for file in files) / 1e6
    return f"{len(files)} PDF, {size:.1f} MB"


def dataset(folder: Path) -> str:
    """Pairs, questions and refused pictures of MM-Skin, and the digest of its files."""
    record = _json(folder / "data/mm-skin/build.json")
    counts = record["counts"]
    refused = sum(counts["rejects"].values())
    return (
        f"{counts['pages']} pages, {counts['published']} pairs, {counts['questions']['published']} questions, "
        f"{refused} refused; sha256 {hash_of(folder / 'data/mm-skin')[:12]}"
    )


def mixture(folder: Path) -> str:
    """Rows taken and kept back, and the digest of the files."""
    record = _json(folder / "data/sft-mm/build.json")
    rows = [row for configs in record["counts"]["sources"].values() for row in configs.values()]
    taken, test = (sum(row[fate] for row in rows) for fate in ("taken", "test"))
    return f"{taken} rows to train on, {test} kept back; sha256 {hash_of(folder / 'data/sft-mm')[:12]}"


def hash_of(dataset: Path) -> str:
    """SHA-256 (64 hex digits) over the files of a dataset that ``mmskin build`` wrote, by its ``build.json``."""
    files = _json(dataset / "build.json")["files"]
    return digest_of_sums(sorted((path, str(facts["sha256"])) for path, facts in files.items()))


def audit(folder: Path) -> str:
    """Rows that training shares with the test questions."""
    train = _json(folder / "audit/report.json")["train"]
    return f"{sum(each['to_exclude'] for each in train)} of {sum(each['rows'] for each in train)} rows to exclude"


def base(folder: Path) -> str:
    """The size of the weights."""
    return f"{(folder / 'models/tiny/model.safetensors').stat().st_size / 1e6:.1f} MB, random weights"


def before(folder: Path) -> str:
    """The two headline figures before training."""
    return _figures(folder / "runs/before")


def after(folder: Path) -> str:
    """The two headline figures after training."""
    return _figures(folder / "runs/after")


def training(folder: Path) -> str:
    """Steps, rounds over the rows, and the last loss."""
    result = _json(folder / "models/skinvl-tiny/run.json")["result"]
    return f"{result['step']} steps, {result['epoch']:.0f} times over all rows, last loss {result['loss']:.2f}"


def compared(folder: Path) -> str:
    """The gain in each headline figure, with its interval."""
    tasks = json.loads(log_of(folder, "compare", "out").read_text("utf-8"))["tasks"]
    return ", ".join(f"{words} {_gain(tasks[task])}" for task, _, words in HEADLINES if task in tasks)


def _gain(task: dict[str, Any]) -> str:
    each = next(task[name] for name in ("accuracy", "score") if name in task)
    value = each["difference"] if "difference" in each else each["value"]
    return f"{value:+.2f}" + ("" if each["low"] is None else f" [{each['low']:+.2f}, {each['high']:+.2f}]")


def released(repo: str) -> Callable[[Path], str]:
    """What was released of a dataset: tag, files, bytes."""

    def told(folder: Path) -> str:
        files = _released(folder, "datasets", repo)["files"]
        return f"{repo}@v1.0.0, {len(files)} files, {_size(files)}"

    return told


def gate(folder: Path) -> str:
    """The verdicts on the model, those that shut the gate by name."""
    report = json.loads(log_of(folder, "gate", "out").read_text("utf-8"))
    passed = sum(verdict["passed"] is True for verdict in report["verdicts"])
    shut = [f"{each['check']} ({_first(each['found'])})" for each in report["verdicts"] if each["passed"] is False]
    return f"{passed} checks passed, shut by {', '.join(shut)}" if shut else f"{passed} checks passed, open"


def _first(told: str) -> str:
    head, more, _ = told.partition("; ")
    return f"{head} …" if more else head


def released_model(folder: Path) -> str:
    """The release of the model: tag, files, bytes, and whether the gate was overruled."""
    from mmskin_hub.demo.line import MODEL

    record = _released(folder, "models", MODEL)
    forced = ", the gate overruled, as its card says" if record.get("forced") else ""
    return f"{MODEL}@v{record['version']}, {len(record['files'])} files, {_size(record['files'])}{forced}"


def loaded(folder: Path) -> str:
    """A question that the released model was asked about a picture it never saw."""
    told = json.loads(log_of(folder, "load", "out").read_text("utf-8"))
    return f"{told['rows']} rows; “{told['question']}” “{told['said']}” (the book: “{told['answer']}”)"


def _figures(run: Path) -> str:
    tasks = _json(run / "results.json")["tasks"]
    return ", ".join(
        f"{words} {tasks[task]['metrics'][metric]['value']:.2f}" for task, metric, words in HEADLINES if task in tasks
    )


def _released(folder: Path, kinds: str, repo: str) -> dict[str, Any]:
    place = folder / "hub" / f"{kinds}--{repo.replace('/', '--')}"
    commit = (place / "refs/main").read_text("utf-8")
    return _json(place / "snapshots" / commit / "release.json")


def _size(files: dict[str, Any]) -> str:
    return f"{sum(facts['size'] for facts in files.values()) / 1e6:.1f} MB"


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found
