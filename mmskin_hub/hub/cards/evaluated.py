"""The tables of a model's evaluation, from ``results.json``: figures with their intervals, groups, overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmskin_hub.hub.cards.markdown import Cell, code, plain, table

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "unmatched": "unmatched",
    "exact_match": "exact match",
    "token_f1": "token F1",
    "rouge_l": "ROUGE-L",
    "meteor": "METEOR",
    "bertscore": "BERTScore",
}
"""The figures that a card shows, by their names in ``results.json``."""
HEADLINES = ("balanced_accuracy", "accuracy", "token_f1")
"""What a task is judged by: the first that it has."""
Task = Mapping[str, Any]


def figure(each: Mapping[str, Any] | None) -> str:
    """A figure with its 95 % interval: "0.612 [0.590, 0.640]"; a dash where it is not defined."""
    if not each or each.get("value") is None:
        return "–"
    value = f"{each['value']:.3f}"
    if each.get("low") is None or each.get("high") is None:
        return value
    return f"{value} [{each['low']:.3f}, {each['high']:.3f}]"


def headline(task: Task) -> str:
    """The name of the figure that ``task`` is judged by."""
    return next((name for name in HEADLINES if name in task["metrics"]), "accuracy")


def kinds(results: Mapping[str, Any], mode: str) -> dict[str, dict[str, Task]]:
    """The tasks of ``mode`` by kind: classes that are written ("gen") or chosen ("choice"), questions, probes."""
    found: dict[str, dict[str, Task]] = {}
    for name, task in results["tasks"].items():
        if task["mode"] == mode:
            found.setdefault(task["kind"], {})[name] = task
    return found


def figures(tasks: Mapping[str, Task]) -> str:
    """One line a task with the figures of :data:`NAMES` that any of them has."""
    shown = [name for name in NAMES if any(_has(task, name) for task in tasks.values())]
    rows: list[list[Cell]] = [
        [code(name), task["samples"], *(figure(task["metrics"].get(each)) for each in shown)]
        for name, task in tasks.items()
    ]
    return table(["task", "samples", *(NAMES[each] for each in shown)], rows, "lr" + "r" * len(shown))


def _has(task: Task, name: str) -> bool:
    each = task["metrics"].get(name)
    return isinstance(each, Mapping) and each.get("value") is not None


def benchmarks(results: Mapping[str, Any]) -> str:
    """The rows that were asked about: each dataset once, with its revision and what was left out."""
    lines: dict[tuple[Any, ...], list[Cell]] = {}
    for task in results["tasks"].values():
        data = task["data"]
        left = ", ".join(f"{number:,} {why}" for why, number in data["left_out"].items())
        key = (data["dataset"], data["where"], data["split"], data["revision"], data["rows"], left)
        lines[key] = [
            code(data["dataset"]), plain(data["where"]), data["split"], data["rows"], plain(left),
            code(data["revision"]),
        ]  # fmt: skip
    return table(["dataset", "from", "split", "rows", "left out", "revision"], lines.values(), "lllrll")


def asked(results: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """For each kind and mode: kind, version of prompts and readings, and how answers were decoded."""
    found: dict[tuple[str, str, str, str], None] = {}
    for task in results["tasks"].values():
        decoding = ", ".join(f"{name}={value}" for name, value in (task.get("generation") or {}).items())
        found[task["kind"], task["mode"], task["version"], decoding] = None
    return [(f"{kind}, {mode}", version, decoding) for kind, mode, version, decoding in found]


def skin_tones(results: Mapping[str, Any]) -> str:
    """The headline figure of each strict task by skin tone; "" where no task knows tones."""
    rows: list[list[Cell]] = []
    for name, task in _strict(results):
        for group in (task["slices"].get("skin_tone") or {}).get("groups", ()):
            metric = next((m for m in HEADLINES if m in group), "")
            if not metric:
                continue
            note = "few samples" if group["small"] else ""
            rows.append([code(name), plain(group["value"]), group["n"], NAMES[metric], figure(group[metric]), note])
    return table(["task", "skin tone", "samples", "figure", "value", "note"], rows, "llrlrl")


def worst_groups(results: Mapping[str, Any]) -> str:
    """For each strict task and slice the group that fares worst, and how far it is behind the best."""
    rows: list[list[Cell]] = []
    for name, task in _strict(results):
        for by, held in task["slices"].items():
            metric = next((m for m in HEADLINES if (held.get("worst") or {}).get(m)), "")
            if not metric or held["gap"].get(metric) is None:
                continue
            worst = held["worst"][metric]
            rows.append([code(name), by.replace("_", " "), plain(worst["value"]), worst["n"], NAMES[metric],
                         worst["figure"], held["gap"][metric]])  # fmt: skip
    return table(["task", "by", "worst group", "samples", "figure", "value", "behind the best"], rows, "lllrlrr")


def _strict(results: Mapping[str, Any]) -> Iterable[tuple[str, Task]]:
    return ((name, task) for name, task in results["tasks"].items() if task["mode"] == "strict")


def overlap(results: Mapping[str, Any] | None, audits: Sequence[Mapping[str, Any]]) -> str:
    """What training sets share with test sets, by kind of match, as the audits counted it; "" where nothing is shared.

    The reports themselves count where they were given, else what ``results.json`` keeps of one.
    """
    rows: dict[tuple[Any, ...], list[Cell]] = {}
    for report in audits or ([results["audit"]] if results and results.get("audit") else []):
        fixed = {each["train"] for each in report.get("fixed") or ()}
        for count in report["counts"]:
            removed = "yes" if count.get("fixed", count["train"] in fixed) else "no"
            key = (count["train"], count["test"], count["kind"])
            rows[key] = [code(count["train"]), code(count["test"]), code(count["kind"]), count["train_rows"],
                         count["test_rows"], removed]  # fmt: skip
    head = ["training set", "test set", "what is the same", "training rows", "test rows", "removed"]
    return table(head, rows.values(), "lllrrl")


def compared(results: Mapping[str, Any] | None, audits: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The (training sets, test sets) that each audit compared, as code."""
    reports = audits or ([results["audit"]] if results and results.get("audit") else [])
    return [
        tuple(", ".join(f"{code(each['name'])} ({each['rows']:,} rows)" for each in report[side])  # type: ignore[misc]
              for side in ("train", "against"))
        for report in reports
    ]  # fmt: skip


def without_overlap(results: Mapping[str, Any]) -> str:
    """The figures of the strict tasks without the samples that overlap; "" where none does."""
    rows: list[list[Cell]] = []
    for name, task in _strict(results):
        found = task.get("overlap") or {}
        if found.get("samples") and found.get("without"):
            metric = next((m for m in HEADLINES if m in found["without"]), "")
            rows.append([code(name), found["samples"], NAMES[metric], found["without"][metric]])
    return table(["task", "samples that overlap", "figure", "without them"], rows, "lrlr")
