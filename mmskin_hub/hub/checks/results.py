"""The results of a model: there are some, and every dataset in them was asked at one revision that training knew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmskin_hub.engine.publish import digest_of_sums
from mmskin_hub.errors import some
from mmskin_hub.evals.results import FORMAT
from mmskin_hub.hub.checks.look import Look
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted
from mmskin_hub.hub.subject import TrainingData

RESULTS = Wanted("results", "results of mmskin eval")
REVISIONS = Wanted("revisions", "every task was asked of a pinned revision, of the build that training knew")

_HEX = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def results(look: Look, thresholds: Thresholds) -> Verdict:
    """There are results, in the form that this library writes."""
    found = look.subject.results
    if found is None:
        return RESULTS.bad("there are none", f"Make them: {eval_command(look)}, then release with --results DIR")
    tasks = found.get("tasks")
    if found.get("format") != FORMAT or not isinstance(tasks, Mapping) or not tasks:
        return RESULTS.bad(
            "results.json is of another form, or without tasks", f"Make them again: {eval_command(look)}"
        )
    return RESULTS.good(f"{len(tasks)} tasks, mmskin {found.get('mmskin_hub', 'of unknown version')}")


def eval_command(look: Look, more: str = "") -> str:
    """The command that evaluates the model on everything the gate wants; ``more`` are further options."""
    return f"mmskin eval {look.name} --tasks skinvl8,mm_skin_vqa --data NAME=PLACE{more} --out DIR"


def tasks_of(look: Look) -> Mapping[str, Any] | None:
    """The tasks of the results; ``None`` where there are none (which the check ``results`` tells)."""
    found = look.subject.results
    tasks = found.get("tasks") if found is not None and found.get("format") == FORMAT else None
    return tasks if isinstance(tasks, Mapping) and tasks else None


def revisions(look: Look, thresholds: Thresholds) -> Verdict:
    """Tasks about one dataset share one revision, which is that of the build the mixture took from or was guarded by.

    Rows of another split of the same pictures could be test there and train here. A build that was read from a folder
    here and from the Hub there cannot be compared (digest and commit): it is told, and left to the audit.
    """
    tasks = tasks_of(look)
    if tasks is None:
        return REVISIONS.unfit("there are no results (see results)")
    asked: dict[tuple[str, str, str], set[str]] = {}
    for task in tasks.values():
        data = task["data"]
        folder = "open_vqa" if task["kind"] == "vqa" else "data"
        asked.setdefault((data["dataset"], folder, data["split"]), set()).add(str(data.get("revision") or ""))
    loose = [f"{name} is of no revision" for (name, *_), found in asked.items() if not all(map(_HEX.fullmatch, found))]
    loose += [f"{name} is of {len(found)} revisions" for (name, *_), found in asked.items() if len(found) > 1]
    if loose:
        return REVISIONS.bad(some(loose), f"Evaluate with one pinned place for each dataset: {eval_command(look)}")
    wrong, open_ = [], []
    for (name, folder, split), (revision,) in asked.items():
        known = _known(look.subject.data, name, folder, split)
        if known and revision not in known:
            if any(len(each) == len(revision) for each in known):
                wrong.append(f"{name} {revision[:12]}… is not the build that training knew")
            else:
                open_.append(name)
    if wrong:
        return REVISIONS.bad(
            some(wrong), f"Evaluate with the builds that the mixture names in its inputs: {eval_command(look)}"
        )
    told = f"{len({name for name, *_ in asked})} datasets, each of one revision"
    return REVISIONS.good(told + (f"; from the Hub here, from a folder there: {', '.join(open_)}" if open_ else ""))


def _known(data: Sequence[TrainingData], name: str, folder: str, split: str) -> set[str]:
    """The revisions of a split of dataset ``name`` that the mixtures took from or were guarded by."""
    found: set[str] = set()
    for each in data:
        for source in (*(each.record.get("inputs") or ()), *(each.record.get("against") or ())):
            files = source.get("files")
            if source.get("dataset", source.get("name")) != name or not isinstance(files, Mapping):
                continue
            own = {path: str(sha) for path, sha in files.items() if path.startswith(f"{folder}/{split}-")}
            if own:
                found.add(digest_of_sums(sorted(own.items())))
            if source.get("commit"):
                found.add(str(source["commit"]))
    return found
