"""What the YAML files of the tasks call: rows, questions, pictures, right answers, and what an answer is worth.

lm_eval keeps every row and every request until the end. A row here is therefore text and numbers, and its picture a
:class:`~mmskin_hub.evals.pictures.StoredPicture`, which is on disk but for the moment it is looked at.

lm_eval loads this file by its path, so it imports by whole names.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmskin_hub.evals.data import Benchmark, open_rows
from mmskin_hub.evals.locations import parse_where
from mmskin_hub.evals.pictures import StoredPicture
from mmskin_hub.evals.protocol import choices, protocol, question, read, target, yes_or_no

VARIABLE = "MMSKIN_DATA"
"""The environment variable that says where the datasets are: "NAME=PATH,…"."""
IMAGE = "<image>"
"""lm_eval's placeholder for a picture; the model class puts its own in its place."""
_KEPT = ("id", "row", "label", "question", "answer", "modality", "group_id", "skin_tone", "sex", "age_years")

Doc = dict[str, Any]


class Rows(Sequence[Doc]):
    """The rows of a benchmark without their pictures, as lm_eval wants a dataset: with ``features`` and places."""

    def __init__(self, benchmark: Benchmark) -> None:
        head = {"task": benchmark.protocol.task, "revision": benchmark.revision}
        self.benchmark = benchmark
        self._docs: list[Doc] = []
        self._places: dict[int, tuple[Path, int]] = {}
        for row in benchmark.without_pictures():
            self._docs.append({**head, **{name: row[name] for name in _KEPT if row[name] is not None}})
            self._places[row["row"]] = Path(row["file"]), row["at"]
        self.features = dict.fromkeys((*head, *_KEPT), "")

    def __len__(self) -> int:
        return len(self._docs)

    def __getitem__(self, number: Any) -> Any:
        return self._docs[number]

    def __iter__(self) -> Iterator[Doc]:
        return iter(self._docs)

    def picture(self, doc: Mapping[str, Any]) -> StoredPicture:
        """The picture of one of the rows."""
        return StoredPicture(*self._places[doc["row"]], doc["id"])


_OPEN: dict[tuple[str, str], Rows] = {}
"""By task and revision: lm_eval gives :func:`doc_to_image` a row and nothing else."""


def dataset(task: str, data: str | Mapping[str, str] = "", **metadata: Any) -> dict[str, Rows]:
    """``custom_dataset``: the test rows of ``task``; ``data`` is that of --metadata, and goes before :data:`VARIABLE`.

    Raises what :func:`~mmskin_hub.evals.data.open_rows` does.
    """
    more = data if isinstance(data, Mapping) else parse_where(data)
    rows = Rows(open_rows(protocol(task), {**parse_where(os.environ.get(VARIABLE, "")), **more}))
    _OPEN[task, rows.benchmark.revision] = rows
    return {"test": rows}


def doc_to_text(doc: Doc) -> str:
    """The picture, then the question. The line break between them is the template's, where it has one."""
    return IMAGE + question(protocol(doc["task"]), doc)


def doc_to_image(doc: Doc) -> list[StoredPicture]:
    """The one picture, undecoded."""
    return [_OPEN[doc["task"], doc["revision"]].picture(doc)]


def doc_to_choice(doc: Doc) -> list[str]:
    """The class names, in the order of the labels."""
    return list(choices(protocol(doc["task"])))


def doc_to_target(doc: Doc) -> int | str:
    """The place of the class, or the answer to the question."""
    return target(protocol(doc["task"]), doc)


def process_results(doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
    """What one row adds to each metric: of ``gen`` the answer's text, of ``choice`` a (log-likelihood, greedy) a class.

    A metric that is no plain mean gets (task, right answer, given answer) and aggregates over all rows.
    """
    p = protocol(doc["task"])
    right = target(p, doc)
    if p.kind == "choice":
        logs = [log for log, _ in results]
        even = [log / len(name) for log, name in zip(logs, choices(p), strict=True)]
        item = (p.task, right, _largest(logs))
        return dict.fromkeys(STRICT, item) | {"accuracy_by_character": float(_largest(even) == right)}
    said = str(results[0])
    if p.answers == "closed":
        found = yes_or_no(said)
        return {"accuracy": float(found == right), "unmatched": float(found is None)}
    if p.kind == "vqa":
        return dict.fromkeys(PAPER_TEXT if p.mode == "paper" else TEXT, (p.task, right, said))
    label = read(p, said).label
    item = (p.task, right, -1 if label is None else label)
    return dict.fromkeys(PAPER if p.mode == "paper" else STRICT, item) | {"unmatched": float(label is None)}


def _largest(logs: Sequence[float]) -> int:
    """The place of the largest; -1, which is wrong, where one of them is no number."""
    return -1 if any(math.isnan(log) for log in logs) else max(range(len(logs)), key=logs.__getitem__)


Items = Sequence[tuple[str, Any, Any]]
STRICT = ("accuracy", "balanced_accuracy", "macro_f1")
PAPER = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
PAPER_TEXT = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_1", "rouge_2", "rouge_l", "meteor", "token_recall")
TEXT = (*PAPER_TEXT, "token_f1")
"""The metrics over all rows, by kind and mode; the YAML files list the same."""


def _over_all_rows(metric: str) -> Callable[[Items], float]:
    """The aggregation of lm_eval for ``metric``: from the items of :func:`process_results` to the figure, 0 to 1."""

    def aggregate(items: Items) -> float:
        return _points(tuple(items))[metric]

    aggregate.__name__ = aggregate.__qualname__ = metric
    return aggregate


@lru_cache(maxsize=1)
def _points(items: Items) -> Mapping[str, float]:
    """Every figure of a task: its metrics are asked for one by one, and some take long."""
    from mmskin_hub.evals.metrics import paper_metrics, point_metrics, vqa_points

    tasks, right, said = zip(*items, strict=True)
    p = protocol(tasks[0])
    if p.kind == "vqa":
        return vqa_points(right, said, mode=p.mode)
    return paper_metrics(right, said) if p.mode == "paper" else point_metrics(right, said, p.classes)


accuracy = _over_all_rows("accuracy")
balanced_accuracy = _over_all_rows("balanced_accuracy")
macro_precision = _over_all_rows("macro_precision")
macro_recall = _over_all_rows("macro_recall")
macro_f1 = _over_all_rows("macro_f1")
bleu_1 = _over_all_rows("bleu_1")
bleu_2 = _over_all_rows("bleu_2")
bleu_3 = _over_all_rows("bleu_3")
bleu_4 = _over_all_rows("bleu_4")
rouge_1 = _over_all_rows("rouge_1")
rouge_2 = _over_all_rows("rouge_2")
rouge_l = _over_all_rows("rouge_l")
meteor = _over_all_rows("meteor")
token_recall = _over_all_rows("token_recall")
token_f1 = _over_all_rows("token_f1")
