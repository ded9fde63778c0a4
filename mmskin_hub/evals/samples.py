"""One row a sample: what a journal line becomes once the answer is read, and the Parquet file that keeps it.

::

    <out>/samples-<task>.parquet

Rows pass one at a time from the journals to the file; what metrics need of them stays in memory as plain columns.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.work import atomic
from mmskin_hub.evals.metrics import SLICES, age_group, token_f1
from mmskin_hub.evals.protocol import Protocol, choices, question, read, target, yes_or_no

if TYPE_CHECKING:
    import pyarrow as pa

Sample = dict[str, Any]

COLUMNS = {
    "id": "string", "task": "string", "row": "int32", "group": "string", "prompt_version": "string", "asked": "string",
    "said": "string", "outcome": "string", "predicted": "int32", "gold": "int32", "gold_text": "string",
    "correct": "bool", "score": "double", "loglik": "list<double>", "tokens": "list<int32>", "closed": "bool",
    **dict.fromkeys(SLICES, "string"), "seconds": "float",
}  # fmt: skip
"""The columns of every samples file and their Arrow types.

``row`` counts through the benchmark from 0; ``group`` is what a bootstrap keeps together; ``predicted`` and ``gold``
count through the task's classes and are null where there is none; ``correct`` is null for an open question; ``score``
lies from 0 to 1 (1 or 0 for a class or a yes or no, token F1 for an open question); ``loglik`` are sums of
log-probabilities (nats) a class, ``tokens`` the numbers of tokens they are sums over.
"""
_GROUP = 1000


def line_of(p: Protocol, row: Mapping[str, Any], answer: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """The journal line of ``row`` (of :func:`~mmskin_hub.evals.data.open_rows`): what was asked, said and is true."""
    years = row["age_years"]
    return {
        "row": int(row["row"]),
        "id": row["id"],
        "group": row["group_id"],
        "asked": question(p, row),
        **answer,
        "target": target(p, row),
        "closed": yes_or_no(str(row["answer"])) is not None if p.kind == "vqa" else None,
        "skin_tone": row["skin_tone"],
        "sex": row["sex"],
        # NaN is an age that is not known, and no JSON.
        "age_years": float(years) if years is not None and years >= 0 else None,
        "modality": row["modality"],
        "seconds": round(seconds, 4),
    }


def sample_of(p: Protocol, line: Mapping[str, Any]) -> Sample:
    """A journal line with its answer read; every column of :data:`COLUMNS` is there."""
    sample: Sample = {
        **dict.fromkeys(COLUMNS),
        **{name: line.get(name) for name in ("id", "row", "group", "asked", "seconds")},
        **{name: line.get(name) for name in SLICES},
        "age_group": age_group(line["age_years"]),
        "task": p.task,
        "prompt_version": p.version,
        "loglik": line.get("loglik") or [],
        "tokens": line.get("tokens") or [],
    }
    if p.kind == "vqa":
        return {**sample, **_answered(p, line)}
    return {**sample, **(_chosen(p, line) if p.kind == "choice" else _named(p, line))}


def _named(p: Protocol, line: Mapping[str, Any]) -> Sample:
    found, gold = read(p, line["said"]), line["target"]
    return {
        "said": line["said"],
        "outcome": str(found.outcome),
        "predicted": found.label,
        "gold": gold,
        "gold_text": p.classes[gold],
        "correct": found.label == gold,
        "score": float(found.label == gold),
    }


def _chosen(p: Protocol, line: Mapping[str, Any]) -> Sample:
    # The sums as they are: softmax over them is the model's own belief among the choices. Those a token are kept, too.
    best, gold = max(range(len(p.classes)), key=line["loglik"].__getitem__), line["target"]
    return {
        "said": choices(p)[best],
        "outcome": "matched",
        "predicted": best,
        "gold": gold,
        "gold_text": p.classes[gold],
        "correct": best == gold,
        "score": float(best == gold),
    }


def _answered(p: Protocol, line: Mapping[str, Any]) -> Sample:
    said, true = str(line["said"]), str(line["target"])
    sample = {"said": said, "outcome": "said" if said.strip() else "empty", "gold_text": true, "closed": line["closed"]}
    if p.answers != "closed":
        return {**sample, "score": token_f1(true, said)}
    given = yes_or_no(said)
    if said.strip():
        sample["outcome"] = "matched" if given else "none"
    return {**sample, "correct": given == true, "score": float(given == true)}


def score_name(p: Protocol) -> str:
    """What ``score`` is of a VQA task."""
    return "accuracy" if p.answers == "closed" else "token_f1"


@dataclass(slots=True)
class Columns:
    """What metrics need of the samples of one task, in the order of the rows, as small as it goes."""

    gold: array[int] = field(default_factory=lambda: array("i"))
    predicted: array[int] = field(default_factory=lambda: array("i"))
    """-1 where no class was read."""
    loglik: array[float] = field(default_factory=lambda: array("d"))
    """Of all samples, one after the other; as are ``tokens``."""
    tokens: array[int] = field(default_factory=lambda: array("i"))
    prompts: dict[str, int] = field(default_factory=dict)
    """What choices were asked under, with its number; kept for the calibration, as is ``prompt`` (a sample)."""
    prompt: array[int] = field(default_factory=lambda: array("i"))
    groups: list[str] = field(default_factory=list)
    outcomes: dict[str, int] = field(default_factory=dict)
    slices: dict[str, list[str | None]] = field(default_factory=lambda: {name: [] for name in SLICES})
    said: list[str] = field(default_factory=list)
    """Of questions only, as are ``true``, ``closed`` and ``scores``."""
    true: list[str] = field(default_factory=list)
    closed: list[bool] = field(default_factory=list)
    scores: array[float] = field(default_factory=lambda: array("d"))
    asked: str = ""
    """The first question, as an example."""
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.groups)

    def add(self, sample: Sample) -> None:
        """Take note of ``sample``."""
        self.asked = self.asked or sample["asked"]
        self.groups.append(sys.intern(sample["group"]))
        self.outcomes[sample["outcome"]] = self.outcomes.get(sample["outcome"], 0) + 1
        self.seconds += sample["seconds"] or 0.0
        for name, values in self.slices.items():
            values.append(sys.intern(sample[name]) if sample[name] else None)
        if sample["gold"] is None:
            self.said.append(sample["said"])
            self.true.append(sample["gold_text"])
            self.closed.append(bool(sample["closed"]))
            self.scores.append(sample["score"])
            return
        self.gold.append(sample["gold"])
        self.predicted.append(-1 if sample["predicted"] is None else sample["predicted"])
        if sample["loglik"]:
            self.loglik.extend(sample["loglik"])
            self.tokens.extend(sample["tokens"])
            self.prompt.append(self.prompts.setdefault(sample["asked"], len(self.prompts)))

    def rows(self, score: str = "score") -> list[dict[str, Any]]:
        """The rows as :func:`~mmskin_hub.evals.metrics.slices` wants them; ``score`` names that of a question."""
        known = [(name, values) for name, values in self.slices.items() if any(values)]
        return [
            {
                "group": group,
                **({"gold": self.gold[n], "predicted": self.predicted[n]} if self.gold else {score: self.scores[n]}),
                **{name: values[n] for name, values in known},
            }
            for n, group in enumerate(self.groups)
        ]


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write ``samples``, whole or not at all, a thousand in memory at a time."""
    import pyarrow.parquet as pq

    schema = sample_schema()
    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        waiting: list[Sample] = []
        for sample in samples:
            waiting.append(sample)
            if len(waiting) == _GROUP:
                writer.write_table(_table(waiting, schema))
                waiting.clear()
        if waiting:
            writer.write_table(_table(waiting, schema))


def read_samples(path: Path, columns: Sequence[str] | None = None) -> Iterator[Sample]:
    """The samples of a file in its order."""
    from mmskin_hub.engine.work import read_rows

    return read_rows(path, columns, batch=_GROUP)


def sample_schema() -> pa.Schema:
    """The Arrow schema of a samples file."""
    import pyarrow as pa

    lists = {"list<double>": pa.list_(pa.float64()), "list<int32>": pa.list_(pa.int32())}
    return pa.schema([(name, lists.get(kind) or pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])


def _table(samples: Sequence[Sample], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist([{name: _text(sample.get(name)) for name in COLUMNS} for sample in samples], schema)


def _text(value: Any) -> Any:
    # Half a surrogate pair, which a model may well write, is no text that Parquet takes.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
