"""Two runs on the same samples: which model is better, and is it more than chance?

Samples are joined by id. McNemar's test looks at those that only one run got right; the interval of the difference
resamples patients, lesions or whatever the rows are grouped by. With several tasks the p-values are also given as
adjusted for that (Holm S. Scand J Stat 1979;6:65-70).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.results import Results, read_results
from mmskin_hub.evals.samples import read_samples

_COLUMNS = ("id", "group", "gold", "predicted", "correct", "score")


def compare(a: Path, b: Path, seed: int = 0) -> dict[str, Any]:
    """Compare the runs in the folders ``a`` and ``b`` on every task that both have.

    Returns ``a`` and ``b`` (name, model, revision), ``tasks`` (by name what
    :func:`~mmskin_hub.evals.metrics.paired_classification` gives, or under ``score`` what
    :func:`~mmskin_hub.evals.metrics.paired` gives, with ``kind``, ``mode``, ``joined``, ``only_in_a`` and
    ``only_in_b``) and ``skipped`` (tasks that one run alone has). Differences are a - b.

    Raises :class:`WrongUse` where a folder holds no run or no task is common, and :class:`MmskinError` where a common
    task was asked of other data, or in another version.
    """
    first, second = read_results(a), read_results(b)
    common = [name for name in first["tasks"] if name in second["tasks"]]
    if not common:
        raise WrongUse(
            f"{a} and {b} have no task in common.", f"They have {_listed(first)} and {_listed(second)}; run the same."
        )
    for name in common:
        _check(name, first, second, a, b)
    tasks = {name: _task(name, first["tasks"][name], second["tasks"][name], a, b, seed) for name in common}
    _adjust(tasks)
    return {
        "a": _run(a, first),
        "b": _run(b, second),
        "seed": seed,
        "tasks": tasks,
        "skipped": sorted(first["tasks"].keys() ^ second["tasks"].keys()),
    }


def _check(name: str, first: Results, second: Results, a: Path, b: Path) -> None:
    one, other = first["tasks"][name], second["tasks"][name]
    mine: Mapping[str, Any] = one["data"]
    theirs: Mapping[str, Any] = other["data"]
    for key in ("dataset", "split", "revision"):
        if mine[key] != theirs[key]:
            raise MmskinError(
                f"{name}: the runs were asked about different data: the {key} of {mine['dataset']} is {mine[key]} in "
                f"{a} and {theirs[key]} in {b}.",
                f"Evaluate both models with the same --data {mine['dataset']}=….",
            )
    if one["version"] != other["version"]:
        raise MmskinError(
            f"{name}: the runs were asked in two versions: {one['version']} in {a} and {other['version']} in {b}.",
            "Evaluate both models with the same mmskin.",
        )


def _task(name: str, one: Mapping[str, Any], other: Mapping[str, Any], a: Path, b: Path, seed: int) -> dict[str, Any]:
    from mmskin_hub.evals.metrics import paired, paired_classification, point_metrics

    mine, theirs = _by_id(a / one["file"]), _by_id(b / other["file"])
    ids = [key for key in mine if key in theirs]
    if not ids:
        raise MmskinError(f"{name}: the runs have no sample in common.", "Evaluate both with the same --limit.")
    pairs = [(mine[key], theirs[key]) for key in ids]
    groups = [x["group"] for x, _ in pairs]
    found: dict[str, Any] = {
        "kind": one["kind"],
        "mode": one["mode"],
        "joined": len(ids),
        "only_in_a": len(mine) - len(ids),
        "only_in_b": len(theirs) - len(ids),
    }
    if one["classes"]:
        gold = [x["gold"] for x, _ in pairs]
        said = [tuple(-1 if each["predicted"] is None else each["predicted"] for each in pair) for pair in pairs]
        first, second = zip(*said, strict=True)
        found |= paired_classification(gold, first, second, len(one["classes"]), groups, seed=seed)
        for side, run in (("a", first), ("b", second)):
            points = point_metrics(gold, run, one["classes"])
            for metric in ("balanced_accuracy", "macro_f1"):
                found[metric][side] = points[metric]
        return found
    scores = [x["score"] for x, _ in pairs], [y["score"] for _, y in pairs]
    return found | {"score": paired(*scores, groups, seed=seed)}


def _by_id(file: Path) -> dict[str, dict[str, Any]]:
    if not file.is_file():
        raise WrongUse(f"{file} is not there.", "Run mmskin eval again; what was asked is not asked again.")
    found: dict[str, dict[str, Any]] = {}
    for sample in read_samples(file, _COLUMNS):
        # An id that a dataset uses twice is told apart by its turn, which is the same in both runs.
        key, turn = sample["id"], 1
        while key in found:
            turn += 1
            key = f"{sample['id']}#{turn}"
        found[key] = sample
    return found


def _adjust(tasks: Mapping[str, dict[str, Any]]) -> None:
    """Holm's adjustment of the McNemar p-values, where there are several."""
    tests = [task["accuracy"] for task in tasks.values() if "accuracy" in task]
    tests += [task["score"] for task in tasks.values() if "mcnemar" in task.get("score", ())]
    most = 0.0
    for rank, test in enumerate(sorted(tests, key=lambda each: float(each["mcnemar"]))):
        most = max(most, min(1.0, test["mcnemar"] * (len(tests) - rank)))
        test["mcnemar_holm"] = most


def _run(folder: Path, results: Results) -> dict[str, Any]:
    return {"run": folder.name, "model": results["model"]["name"], "revision": results["model"].get("revision", "")}


def _listed(results: Results) -> str:
    names: Sequence[str] = list(results["tasks"])
    return ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
