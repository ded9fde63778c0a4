"""What a model was trained on: named, the same bytes, and audited against every test set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmskin_hub.errors import some
from mmskin_hub.hub.checks.look import Look
from mmskin_hub.hub.checks.results import eval_command, tasks_of
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted
from mmskin_hub.hub.subject import TrainingData

DATA = Wanted("training_data", "the data named is what the record says the model was trained on, file by file")
AUDIT = Wanted("audit", "an overlap audit of the training data against every test set")


def training_data(look: Look, thresholds: Thresholds) -> Verdict:
    """Every source of ``run.json`` is one of the datasets named, with the same files, and each that is named is one.

    Of a locator the files of the dataset it stands for are compared.
    """
    sources = (look.record.get("data") or {}).get("sources") or []
    if not sources:
        return DATA.bad(
            "run.json does not say what the model was trained on", "Merge again, from what mmskin train wrote."
        )
    named = {id(each): each for each in look.subject.data}
    wrong = []
    for source in sources:
        match = next((key for key, each in named.items() if _is_source(each, source)), None)
        if match is None:
            wrong.append(
                f"{source.get('dataset', source['name'])} {source.get('version', '')} is none of the data named"
            )
        else:
            del named[match]
    wrong += [f"{_place(each)} was not trained on" for each in named.values()]
    if wrong:
        release = "--data OWNER/NAME@vX.Y.Z (release it first: mmskin release dataset DIR --repo OWNER/NAME)"
        return DATA.bad(some(wrong), f"Name what it was trained on: {release}")
    return DATA.good(", ".join(_place(each) for each in look.subject.data))


def _place(data: TrainingData) -> str:
    return f"{data.place}@{data.revision}" if data.revision else Path(data.place).name


def _is_source(data: TrainingData, source: Mapping[str, Any]) -> bool:
    record: Mapping[str, Any] = data.record
    held = (record.get("full") or {}).get("files") or record.get("files") or {}
    sums = {path: each.get("sha256") for path, each in held.items()}
    seen = dict(source.get("files") or {})
    same = all(sums.get(path) == sha for path, sha in seen.items()) and bool(seen)
    return same and str(record.get("dataset")) == str(source.get("dataset", source.get("name")))


def audit(look: Look, thresholds: Thresholds) -> Verdict:
    """Audits that are attached look at every training set and every test set; where they found overlaps that nobody
    removed, the results were made with ``--audit``, so that they also tell the figures without them."""
    from mmskin_hub.evals.audited import Audit

    command = "mmskin audit TRAINING_DATA --against NAME=PLACE … --out DIR, then release with --audit DIR/report.json"
    audits = [each for each in look.subject.audits if isinstance(each, Mapping) and each.get("train")]
    if not audits:
        return AUDIT.bad("there is none", f"Make one: {command}")
    tasks = tasks_of(look) or {}
    datasets = list(dict.fromkeys(task["data"]["dataset"] for task in tasks.values()))
    wrong = []
    for source in (look.record.get("data") or {}).get("sources") or ():
        rows = _rows(look, source)
        own = [each for each in audits if _looks_at(each, source, rows)]
        if not own:
            wrong.append(f"{source.get('dataset', source['name'])} {source.get('version', '')} was not audited")
            continue
        unseen = set(datasets).intersection(*(Audit(each, "").record(datasets)["unaudited"] for each in own))
        wrong += [f"{name} was not looked at" for name in datasets if name in unseen]
    if wrong:
        return AUDIT.bad(some(dict.fromkeys(wrong)), f"Make one of all: {command}")
    overlaps = sum(int(each["train_rows"]) for report in audits for each in _left(report))
    if overlaps and tasks and not (look.subject.results or {}).get("audit"):
        return AUDIT.bad(
            f"it found {overlaps:,} overlaps, and the results do not tell the figures without them",
            f"Measure again (nothing is asked anew): {eval_command(look, ' --audit DIR/report.json')}",
        )
    told = f"{overlaps:,} overlaps, told on the card" if overlaps else "no overlap"
    return AUDIT.good(f"{told}; against {', '.join(datasets) or 'no test set'}")


def _rows(look: Look, source: Mapping[str, Any]) -> int | None:
    """The rows of a source that are trained on; ``None`` where they are not known, or an audit took some out."""
    record = next((each.record for each in look.subject.data if _is_source(each, source)), None)
    if record is None or record.get("audit") or record.get("form") == "locator":
        return None
    configs: Mapping[str, Mapping[str, Any]] = record.get("configs") or {}
    return sum(int(size["rows"]) for splits in configs.values() for split, size in splits.items() if split != "test")


def _looks_at(report: Mapping[str, Any], source: Mapping[str, Any], rows: int | None) -> bool:
    """Whether a training set of an audit is ``source``, by its name, version and number of rows."""
    name, version = str(source.get("dataset", source.get("name"))), source.get("version")
    return any(
        str(each.get("dataset") or each.get("name")) == name
        and each.get("version", version) == version
        and rows in (None, each.get("rows"))
        for each in report["train"]
    )


def _left(report: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The counts of overlap that were not removed with --fix, nor told to be ignored."""
    fixed = {each["train"] for each in report.get("fixed") or ()}
    ignored = (report.get("settings") or {}).get("ignore") or ()
    yield from (
        each for each in report.get("counts") or () if each["train"] not in fixed and each["kind"] not in ignored
    )
