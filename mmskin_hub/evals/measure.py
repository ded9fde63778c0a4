"""From the samples of one task to its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.evals.audited import Audit, key_of
from mmskin_hub.evals.metrics import classification, point_metrics, slices, softmax, vqa
from mmskin_hub.evals.protocol import Protocol
from mmskin_hub.evals.results import TaskResult
from mmskin_hub.evals.samples import Columns, score_name

if TYPE_CHECKING:
    from mmskin_hub.evals.model.api import Scorer

Floats = NDArray[np.float64]
HEADLINES = ("accuracy", "balanced_accuracy", "macro_f1")


def measure(p: Protocol, columns: Columns, seed: int = 0, bertscore: str | None = None) -> dict[str, Any]:
    """``metrics`` and ``slices`` of the task; for choices also ``normalised``: by log-likelihood a token.

    ``bertscore`` is the model of a BERTScore, for questions.
    """
    if p.kind == "vqa":
        name = score_name(p)
        found = vqa(
            columns.true,
            columns.said,
            columns.closed,
            columns.groups,
            bertscore=bertscore,
            mode=p.mode,
            seed=seed,
        )
        if name == "accuracy":
            found = {name: found["closed"][name], **found}
        return {"metrics": found, "slices": slices(columns.rows(name), score=name, seed=seed)}
    sums = logliks(p, columns)
    metrics = classification(
        columns.gold,
        columns.predicted,
        None if sums is None else softmax(sums),
        p.classes,
        columns.groups,
        mode=p.mode,
        seed=seed,
    )
    found = {"metrics": metrics, "slices": slices(columns.rows(), seed=seed)}
    if sums is not None:
        tokens = np.asarray(columns.tokens, dtype=np.float64).reshape(sums.shape)
        found["normalised"] = by_scores(p, columns, sums / tokens, seed)
    return found


def by_scores(p: Protocol, columns: Columns, scores: Floats, seed: int = 0) -> dict[str, Any]:
    """The metrics where the class with the highest of ``scores`` (samples, classes) is the answer."""
    return classification(
        columns.gold, scores.argmax(axis=1), softmax(scores), p.classes, columns.groups, mode=p.mode, seed=seed
    )


def calibrated(p: Protocol, columns: Columns, scorer: Scorer, seed: int = 0) -> dict[str, Any]:
    """The metrics after contextual calibration: every question is asked once more about pictures that show nothing
    (:func:`~mmskin_hub.evals.calibrate.content_free`), and the belief in a class divided by what comes of that."""
    from mmskin_hub.evals.calibrate import content_free

    sums = logliks(p, columns)
    assert sums is not None, "only choices are calibrated"
    nothing = content_free(p, list(columns.prompts), scorer)
    return by_scores(p, columns, sums - nothing[np.asarray(columns.prompt)], seed)


def logliks(p: Protocol, columns: Columns) -> Floats | None:
    """The sums of log-probabilities, (samples, classes), or ``None`` where the task has none."""
    return np.asarray(columns.loglik).reshape(-1, len(p.classes)) if columns.loglik else None


def overlap_of(audit: Audit, p: Protocol, columns: Columns, ids: Sequence[str]) -> dict[str, Any]:
    """``samples``: how many of the samples training data repeats; ``without``: the headline figures of the others.

    ``ids`` are those of the samples in ``columns``. ``without`` is ``None`` for questions, and where nothing is left.
    """
    seen = audit.overlapping(p.dataset)
    left = np.array([key_of(p.dataset, name) not in seen for name in ids], dtype=bool)
    found: dict[str, Any] = {"samples": int((~left).sum()), "without": None}
    if p.kind != "vqa" and left.any():
        points = point_metrics(np.asarray(columns.gold)[left], np.asarray(columns.predicted)[left], p.classes)
        found["without"] = {name: points[name] for name in HEADLINES}
    return found


def means(tasks: Mapping[str, TaskResult]) -> list[dict[str, Any]]:
    """For each kind and mode with several tasks: the plain mean of their headline figures."""
    found = []
    for key in dict.fromkeys((task["kind"], task["mode"]) for task in tasks.values()):
        held = {name: task for name, task in tasks.items() if (task["kind"], task["mode"]) == key}
        figures = {name: [t["metrics"].get(name, {}).get("value") for t in held.values()] for name in HEADLINES}
        known = {name: sum(values) / len(values) for name, values in figures.items() if None not in values}
        if len(held) > 1 and known:
            found.append({"kind": key[0], "mode": key[1], "tasks": list(held), **known})
    return found
