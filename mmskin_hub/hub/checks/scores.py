"""Are the figures of a model those of a whole evaluation, above the floor, and no worse than the last version's?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from mmskin_hub.errors import some
from mmskin_hub.hub.cards.evaluated import headline
from mmskin_hub.hub.checks.look import Look
from mmskin_hub.hub.checks.results import eval_command, tasks_of
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted

COVERAGE = Wanted("coverage", "skinvl8 and the questions of MM-Skin, every sample of them")
FLOOR = Wanted("floor", "better than the gate's floor")
WORSE = Wanted("no_worse", "no task worse than in the last version beyond the interval of the difference")

Task = Mapping[str, Any]
_NO_RESULTS = "there are no results (see results)"


def coverage(look: Look, thresholds: Thresholds) -> Verdict:
    """Every task of the groups in ``cover`` is there, and none was cut short with ``--limit``."""
    from mmskin_hub.evals.protocol import GROUPS

    tasks = tasks_of(look)
    if tasks is None:
        return COVERAGE.unfit(_NO_RESULTS)
    wanted = [task for group in thresholds["cover"] for task in GROUPS[group]]
    wrong = [f"{name} is missing" for name in wanted if name not in tasks]
    limit = ((look.subject.results or {}).get("settings") or {}).get("limit")
    if limit is not None:
        wrong.append(f"only the first {limit:,} samples were asked (--limit)")
    wrong += [
        f"{name} has {tasks[name]['samples']:,} of {tasks[name]['data']['rows']:,} samples"
        for name in wanted
        if name in tasks and tasks[name]["samples"] != tasks[name]["data"]["rows"]
    ]
    if wrong:
        return COVERAGE.bad(some(wrong), f"Evaluate all of them: {eval_command(look)}")
    return COVERAGE.good(f"{len(wanted)} tasks, {sum(tasks[name]['samples'] for name in wanted):,} samples")


def floor(look: Look, thresholds: Thresholds) -> Verdict:
    """Means over the tasks of each kind against ``floor`` of gates.yaml; a kind without a task is told by coverage."""
    tasks = tasks_of(look)
    if tasks is None:
        return FLOOR.unfit(_NO_RESULTS)
    figures = dict(_figures(tasks))
    if not figures:
        return FLOOR.unfit("none of the tasks has a floor (see coverage)")
    floors: Mapping[str, float] = thresholds["floor"]
    low = [f"{name} {value:.3f}, floor {floors[name]:.3f}" for name, value in figures.items() if value < floors[name]]
    if low:
        return FLOOR.bad(some(low), "Train longer or on more, or see what it answers: report.html beside results.json")
    return FLOOR.good(", ".join(f"{name} {value:.3f}" for name, value in figures.items()))


def _figures(tasks: Mapping[str, Task]) -> Iterator[tuple[str, float]]:
    """What the floor is about, by its name in gates.yaml."""
    from mmskin_hub.evals.protocol import GROUPS

    for kind in ("choice", "gen"):
        own = [tasks[name] for name in GROUPS[f"skinvl8_{kind}"] if name in tasks]
        skills = [each for each in map(skill, own) if each is not None]
        if skills:
            yield f"{kind}_skill", fmean(skills)
        if kind == "gen" and (read := [1 - each for task in own if (each := value_of(task, "unmatched")) is not None]):
            yield "gen_read", fmean(read)
    for name, metric, key in (
        ("mmskin_vqa_open", "token_f1", "vqa_open_token_f1"),
        ("mmskin_vqa_closed", "accuracy", "vqa_closed_accuracy"),
    ):
        if name in tasks and (found := value_of(tasks[name], metric)) is not None:
            yield key, found


def skill(task: Task) -> float | None:
    """Balanced accuracy between guessing (0) and perfect (1): (b - 1/k) / (1 - 1/k) of k classes; ``None`` without.

    It is Youden's J for two classes; scikit-learn's ``balanced_accuracy_score(adjusted=True)`` is the same.
    """
    found, classes = value_of(task, "balanced_accuracy"), len(task["classes"])
    return None if found is None or classes < 2 else (found - 1 / classes) / (1 - 1 / classes)


def value_of(task: Task, metric: str) -> float | None:
    """The value of a figure of ``task``; ``None`` where it has none."""
    each = task["metrics"].get(metric)
    found = each.get("value") if isinstance(each, Mapping) else None
    return None if found is None else float(found)


def no_worse(look: Look, thresholds: Thresholds) -> Verdict:
    """The headline figure of every task that both versions were asked, of the same rows and in the same words.

    Worse is what lies beyond the interval of the difference, made of the two intervals (the MOVER of Zou and Donner,
    Stat Med 2008;27:1693-1702): old - new > sqrt((old - old.low)² + (new.high - new)²). Both versions saw the same
    samples, so their errors go together and the true interval is narrower: chance alone hardly ever fails this.
    """
    tasks, before = tasks_of(look), look.subject.previous_results
    if tasks is None:
        return WORSE.unfit(_NO_RESULTS)
    if before is None:
        return WORSE.unfit("no version was released before")
    last = f"v{look.subject.previous_version}" if look.subject.previous_version else "the last version"
    theirs: Mapping[str, Task] = before.get("tasks") or {}
    common = [name for name, task in tasks.items() if name in theirs and _comparable(task, theirs[name])]
    if not common:
        return WORSE.unfit(f"no task was asked of the same rows in {last}")
    worse = []
    for name in common:
        metric = headline(tasks[name])
        old, new = theirs[name]["metrics"].get(metric) or {}, tasks[name]["metrics"].get(metric) or {}
        if old.get("value") is not None and (new.get("value") is None or beyond(old, new)):
            value = "undefined" if new.get("value") is None else f"{new['value']:.3f}"
            worse.append(f"{name}: {metric.replace('_', ' ')} {value}, {old['value']:.3f} in {last}")
    if worse:
        return WORSE.bad(some(worse), "Compare sample by sample: mmskin compare NEW_DIR OLD_DIR")
    skipped = len(set(theirs) & set(tasks)) - len(common)
    return WORSE.good(
        f"{len(common)} tasks compared with {last}" + (f"; {skipped} asked of other rows" * bool(skipped))
    )


def _comparable(new: Task, old: Task) -> bool:
    same = all(new["data"].get(key) == old["data"].get(key) for key in ("dataset", "split", "revision"))
    return same and new.get("version") == old.get("version") and headline(new) == headline(old)


def beyond(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether the figure ``new`` is worse than ``old`` beyond the interval of the difference (:func:`no_worse`)."""
    below = old["value"] - (old["value"] if old.get("low") is None else old["low"])
    above = (new["value"] if new.get("high") is None else new["high"]) - new["value"]
    return bool(old["value"] - new["value"] > math.hypot(below, above) + 1e-12)
