"""``results.json``: every figure of a run, and everything it takes to get it again. Written whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from mmskin_hub.engine.work import read_json, write_json
from mmskin_hub.errors import WrongUse
from mmskin_hub.evals import journal

FORMAT = 1
FILE, REPORT = "results.json", "report.html"


class Figure(TypedDict):
    """A figure with its 95 % interval; ``None`` where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class Data(TypedDict):
    """Which rows were asked about. ``where`` is the name of the folder, or OWNER/NAME@REVISION."""

    dataset: str
    where: str
    split: str
    revision: str
    rows: int
    left_out: dict[str, int]


class TaskResult(TypedDict):
    """One task. ``kind`` is "gen", "choice", "vqa" or "probe"; ``mode`` "strict" or "paper".

    ``asked`` is the first question, as an example; ``metrics`` and ``slices`` are those of
    :mod:`mmskin_hub.evals.metrics`. ``seconds`` is the time the model took, over all processes.
    """

    kind: str
    mode: str
    version: str
    data: Data
    classes: list[str]
    samples: int
    outcomes: dict[str, int]
    metrics: dict[str, Any]
    slices: dict[str, Any]
    seconds: float
    file: str
    asked: NotRequired[str]
    choices: NotRequired[list[str]]
    generation: NotRequired[dict[str, Any]]
    normalised: NotRequired[dict[str, Any]]
    """Of a choice task: the metrics by log-likelihood a token."""
    calibrated: NotRequired[dict[str, Any]]
    """Of a choice task with --calibrate: the metrics after contextual calibration."""
    overlap: NotRequired[dict[str, Any]]
    """With --audit: how many samples overlap with training data, and the metrics without them."""
    probe: NotRequired[dict[str, Any]]
    """Of a probe: how it was fitted, by share of the labels, k-NN and few-shot."""


class Results(TypedDict, total=False):
    """The whole of ``results.json``."""

    format: int
    mmskin_hub: str
    model: dict[str, Any]
    settings: dict[str, Any]
    packages: dict[str, str]
    tasks: dict[str, TaskResult]
    means: list[dict[str, Any]]
    """By kind and mode, where there are several such tasks: the plain mean of their figures."""
    audit: dict[str, Any] | None
    seconds: float


def samples_file(task: str) -> str:
    """The name of the Parquet file of ``task``."""
    return f"samples-{task}.parquet"


def write_results(out: Path, results: Results) -> Results:
    """Write ``results``; returns them as they were written, with ``None`` for what is not a finite number."""
    plain: Results = _plain(results)
    write_json(out / FILE, plain)
    return plain


def read_results(out: Path) -> Results:
    """The results in the folder ``out``; raises :class:`WrongUse` where there are none."""
    try:
        found: Results = read_json(out / FILE)
        if found["format"] != FORMAT or not isinstance(found["tasks"], dict):
            raise ValueError(f"its format is {found['format']!r}, not {FORMAT}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongUse(
            f"{out} holds no results that can be read ({error}).", "Name the --out folder of a finished mmskin eval."
        ) from None
    return found


def held_tasks(out: Path) -> list[str]:
    """The tasks whose results are in ``out``; none where there is no ``results.json``, or one that cannot be read."""
    try:
        return list(read_results(out)["tasks"])
    except WrongUse:
        return []


def short(place: str) -> str:
    """A name on the Hub or an address as it is; of a path of this machine its last part."""
    path = Path(place).expanduser()
    return path.resolve().name if path.exists() else place


def clear(out: Path) -> None:
    """Forget the run in ``out``; files that are not of ours stay."""
    journal.remove(out)
    for path in (out / FILE, out / REPORT, *out.glob(samples_file("*"))):
        path.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    """``value`` as JSON has it: numpy's numbers and arrays become Python's, NaN and infinity become ``None``."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
