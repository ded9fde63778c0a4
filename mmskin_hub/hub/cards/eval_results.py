"""Evaluation results in the two forms the Hub reads: the card's ``model-index``, and ``.eval_results/*.yaml``.

What huggingface_hub does with them, read in its source (1.31 to 2.4):

* ``eval_results_to_model_index`` puts all results with the same task type, dataset, config, split and revision into one
  entry, and takes the entry's task name from the first; so here the metric's name says which task it is of.
* An ``EvalResultEntry`` names a dataset of the Hub and may name its commit (a git SHA). A result on a local folder has
  neither, and is in the model-index alone, without a revision.

Only strict tasks over all their rows are published this way: figures by the original release's scripts, and those of a
run with --limit, are for comparison, and a leaderboard would not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmskin_hub.evals.protocol import PROTOCOLS
from mmskin_hub.hub.cards.evaluated import NAMES, headline
from mmskin_hub.hub.subject import Subject
from mmskin_hub.registry import DATASETS, PUBLIC

FOLDER = ".eval_results"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_METRICS = {"macro_f1": "f1", "token_f1": "f1", "rouge_l": "rouge", "auroc": "roc_auc"}
"""The Hub's ids of metrics that have another name there."""
_PUBLISHED = ("balanced_accuracy", "accuracy", "macro_f1", "auroc", "exact_match", "token_f1", "rouge_l", "meteor",
              "bertscore")  # fmt: skip
_TASKS = {"vqa": "visual-question-answering", "probe": "image-classification"}


def model_index(results: Mapping[str, Any]) -> list[Any]:
    """``huggingface_hub.EvalResult`` of every published figure, in the order of the tasks."""
    from huggingface_hub import EvalResult

    found = []
    for name, task in _strict(results):
        data = task["data"]
        repository, commit = _repository(data)
        for metric in _PUBLISHED:
            value = _value(task, metric)
            if value is None:
                continue
            found.append(
                EvalResult(
                    task_type=_TASKS.get(task["kind"], "zero-shot-image-classification"),
                    task_name="dermatology",
                    dataset_type=repository or data["dataset"],
                    dataset_name=_title(data["dataset"]),
                    dataset_config=_config(name),
                    dataset_split=data["split"],
                    dataset_revision=commit,
                    metric_type=_METRICS.get(metric, metric),
                    metric_name=f"{NAMES[metric]}, {name}",
                    metric_value=round(value, 4),
                )
            )
    return found


def metrics_of(results: Mapping[str, Any]) -> list[str]:
    """The Hub's ids of the metrics that are published, each once."""
    found = [m for m in _PUBLISHED for _, task in _strict(results) if _value(task, m) is not None]
    return list(dict.fromkeys(_METRICS.get(metric, metric) for metric in found))


def write(subject: Subject) -> dict[str, bytes]:
    """``.eval_results/<dataset>.yaml`` of the model ``subject``: its path in the repository, and its bytes.

    Each strict task on a dataset of the Hub is one entry with the figure it is judged by. Empty for a dataset, for a
    model without results, and where every benchmark was a local folder.
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    files: dict[str, list[Any]] = {}
    for name, task in _strict(subject.results or {"tasks": {}}):
        repository, commit = _repository(task["data"])
        metric = headline(task)
        value = _value(task, metric)
        if repository is None or value is None:
            continue
        entry = EvalResultEntry(
            dataset_id=repository,
            task_id=name,
            value=round(value, 4),
            dataset_revision=commit,
            notes=_notes(task, metric),
        )
        files.setdefault(task["data"]["dataset"], []).append(entry)
    return {
        f"{FOLDER}/{dataset}.yaml": _dumped(eval_result_entries_to_yaml(entries)) for dataset, entries in files.items()
    }


def _dumped(entries: Any) -> bytes:
    import yaml

    text: str = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=1_000)
    return text.encode()


def _notes(task: Mapping[str, Any], metric: str) -> str:
    figure = task["metrics"][metric]
    parts = [NAMES[metric], f"strict protocol {task['version']}", f"{task['samples']} samples"]
    if figure["low"] is not None and figure["high"] is not None:
        parts.append(f"95 % interval {figure['low']:.4f} to {figure['high']:.4f}")
    return "; ".join(parts)


def _strict(results: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if (results.get("settings") or {}).get("limit"):
        return iter(())
    return ((name, task) for name, task in results["tasks"].items() if task["mode"] == "strict")


def _value(task: Mapping[str, Any], metric: str) -> float | None:
    each = task["metrics"].get(metric)
    return each["value"] if isinstance(each, Mapping) and "value" in each else None


def _repository(data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The Hub's dataset and commit that rows came from; (None, None) for a folder."""
    if not _COMMIT.fullmatch(data["revision"]):
        return None, None
    repository = data["where"].removeprefix("hf://datasets/").partition("@")[0]
    return repository, data["revision"]


def _title(dataset: str) -> str:
    if dataset in PUBLIC:
        return PUBLIC[dataset].title
    return DATASETS[dataset].title if dataset in DATASETS else dataset


def _config(task: str) -> str | None:
    known = PROTOCOLS.get(task)
    return known.config if known else None
