"""What the gate is shown: datasets, mixtures, locators and models as the library leaves them, and copies with a defect.

Everything is made by the real builders, the real ``evaluate`` and the real ``audit``; only the model under test knows
the answers beforehand, so that it passes the floor.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Features

from mmskin_hub.builders import skinvl_sft
from mmskin_hub.engine.mixture.sources import open_data
from mmskin_hub.engine.publish import file_digests
from mmskin_hub.evals import run
from mmskin_hub.evals.model.api import Ask, Scores
from mmskin_hub.evals.model.facts import hash_weights
from mmskin_hub.evals.overlap import Request as AuditRequest
from mmskin_hub.evals.overlap import audit
from mmskin_hub.evals.protocol import SKINVL8
from mmskin_hub.evals.run import Request, evaluate
from mmskin_hub.hub.gate import Verdict, judge
from mmskin_hub.hub.subject import Kind, Subject, TrainingData, read_record
from mmskin_hub.models.check import weights_sha256
from tests.evals.tasks.drawn import classified

Edit = Callable[[dict[str, Any]], object]


def mixture(folder: Path, **sources: Path) -> Path:
    """The SkinVL-PubMM mixture of built ``sources``."""
    data = tuple(f"{name}={path}" for name, path in sources.items())
    skinvl_sft.build(skinvl_sft.Request("pubmm", data, folder, "1.2.0"))
    return folder


@dataclass
class Knowing:
    """A model that knows every answer by the sample's id; ``weights`` is what it says it is made of."""

    answers: Mapping[str, str]
    weights: str
    adapter: str = ""
    name: str = "merged"
    revision: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        more = {"adapter": self.adapter} if self.adapter else {}
        return {"weights": self.weights, "dtype": "float32", "device": "cpu", **more}

    def generate(self, asks: Sequence[Ask], **generation: Any) -> list[str]:
        return [self.answers[ask.id] for ask in asks]

    def choose(self, asks: Sequence[Ask], choices: Sequence[Sequence[str]]) -> list[Scores]:
        def scores(ask: Ask, texts: Sequence[str]) -> Scores:
            right = " ".join(self.answers[ask.id].split())
            return Scores(tuple(-0.1 if text == right else -9.0 for text in texts), tuple(2 for _ in texts))

        return [scores(ask, texts) for ask, texts in zip(asks, choices, strict=True)]


def answers_of(places: Mapping[str, Path]) -> dict[str, str]:
    """The right answer to every row of the test splits, by its id."""
    found: dict[str, str] = {}
    for path in (path for place in places.values() for path in place.rglob("test-*.parquet")):
        table = pq.read_table(path)
        label = Features.from_arrow_schema(table.schema).get("label")
        for row in table.drop_columns(["image"]).to_pylist():
            if isinstance(label, ClassLabel) and row["label"] is not None:
                found[row["id"]] = label.int2str(row["label"])
            elif "answer" in row:
                found[row["id"]] = row["answer"]
    return found


def benchmarks(folder: Path, **built: Path) -> dict[str, Path]:
    """A place for each of the eight benchmarks and for MM-Skin: ``built`` ones, the others drawn."""
    return {**{name: classified(folder / name, name, rows=12) for name in SKINVL8 if name not in built}, **built}


@dataclass(frozen=True)
class Shop:
    """A model with all that belongs to it: its folder, results, training data, and the audit of that."""

    folder: Path
    results: Path
    mixture: Path
    places: Mapping[str, Path]
    report: Mapping[str, Any] = field(default_factory=dict)

    def subject(self, **changes: Any) -> Subject:
        """The model as it would be released; ``changes`` are fields of the subject."""
        record = read_record(self.folder, "model")
        results = json.loads((self.results / "results.json").read_text("utf-8"))
        build = json.loads((self.mixture / "build.json").read_text("utf-8"))
        data = (TrainingData("me/pubmm", "v1.2.0", "c" * 40, build),)
        measured = {"results": results, "results_folder": self.results, "audits": (self.report,), "data": data}
        made = Subject("model", self.folder, "SkinVL-PubMM", "1.0.0", record, repo="me/SkinVL-PubMM", **measured)
        return replace(made, **changes)


def weights_in(folder: Path, name: str = "model.safetensors", seed: int = 0) -> Path:
    """A folder of a model, as far as the gate looks: real safetensors, a config, a tokenizer's file."""
    import numpy as np
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    dice = np.random.default_rng(seed)
    save_file({"a.weight": dice.random((8, 8)).astype(np.float32)}, folder / name, metadata={"format": "pt"})
    (folder / "config.json").write_text('{"model_type": "llava"}', encoding="utf-8")
    # Pieces of words: what looks like a path or an address in here is none.
    pieces = {"/home/": 1, "/usr/bin": 2, "me@example.com": 3}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": pieces}}), encoding="utf-8")
    return folder


def run_record(folder: Path, mix: Path, **changes: Any) -> dict[str, Any]:
    """``run.json`` of a LoRA training on ``mix`` that was merged into ``folder``, without a path of this machine."""
    built = open_data(f"skinvl_sft={mix}")
    sums = {"model.safetensors": "9" * 64}
    base = {"name": "microsoft/llava-med-v1.5-mistral-7b", "revision": "f" * 40, "sha256": sums}
    rows = {"read": 50, "used": 50, "too_long": 0, "capped": 0, "tokens": 900, "learned": 90, "longest": 40}
    record = {
        "form": 1, "status": "finished",
        "data": {"sources": [dict(name=built.name, **built.facts)], "counts": {"train": {**rows, "pools": {}}}},
        "base": base,
        "configuration": {"script": {"variant": "pubmm"}, "model": {"use_peft": True, "lora_r": 8},
                          "training": {"learning_rate": 2e-5, "output_dir": "out"}},
        "versions": {"python": "3.11.7", "transformers": "5.23.0"}, "seed": 0, "data_seed": None,
        "sessions": [{"began": "2026-01-02T03:04:05+00:00", "hardware": [], "seconds": 9.0}], "hours": 0.01,
        "result": {"step": 10, "steps": 10, "epoch": 1.0},
        "merge": {
            "base": base,
            "adapter": {"name": "out", "sha256": {"adapter_model.safetensors": "8" * 64}, "r": 8},
            "result": weights_sha256(folder), "dtype": "float32", "merged_in": "float32", "questions": 2,
            "effect_of_adapter": 1.5, "adapter_vs_merged": 1e-6, "merged_vs_reloaded": 0.0,
        },
    }  # fmt: skip
    return {**record, **changes}


def asked(
    folder: Path,
    out: Path,
    places: Mapping[str, Path],
    adapter: str = "",
    weights: str = "",
    *,
    tasks: tuple[str, ...] = ("skinvl8", "mm_skin_vqa"),
) -> Path:
    """The results of ``mmskin eval`` of the model in ``folder``, by default on every task that the gate wants.

    ``weights`` and ``adapter`` are what it says it is made of; by default the weights of ``folder`` and no adapter.
    """
    told = weights or hash_weights(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "load", lambda request: Knowing(answers_of(places), told, adapter, folder.name, told))
        data = {name: str(place) for name, place in places.items()}
        evaluate(Request(str(folder), tasks, data, out))
    return out


def audited(mix: Path, places: Mapping[str, Path]) -> dict[str, Any]:
    """The report of an audit of ``mix`` against every place."""
    against = tuple(f"{name}={place}" for name, place in places.items())
    return json.loads(json.dumps(audit(AuditRequest((f"pubmm={mix}",), against))))  # type: ignore[no-any-return]


def subject_of(folder: Path, kind: Kind = "dataset", **changes: Any) -> Subject:
    """The dataset in ``folder`` as it would be released."""
    record = read_record(folder, kind)
    form = "locator" if record.get("form") == "locator" else "full"
    made = Subject(kind, folder, str(record["dataset"]), str(record["version"]), record, form)
    return replace(made, repo="me/data", **changes)


def copied(source: Path, target: Path, edit: Edit = lambda record: None) -> Path:
    """A copy of a dataset whose ``build.json`` went through ``edit``."""
    shutil.copytree(source, target)
    return recorded(target, edit)


def recorded(folder: Path, edit: Edit = lambda record: None) -> Path:
    """``build.json`` of ``folder`` with the digests of the files as they are now, and changed by ``edit``."""
    record = json.loads((folder / "build.json").read_text("utf-8"))
    record["files"] = file_digests(folder)
    edit(record)
    (folder / "build.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def rewritten(path: Path, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    """The rows of a Parquet file put through ``change`` and written under the same schema."""
    import pyarrow as pa

    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema), path)


def told(rows: list[dict[str, Any]], at: int, **values: Any) -> list[dict[str, Any]]:
    """``rows`` with other ``values`` in one of them."""
    rows[at] = {**rows[at], **values}
    return rows


def failing(verdicts: Sequence[Verdict]) -> list[str]:
    """The names of the checks that failed."""
    return [verdict.check for verdict in verdicts if verdict.passed is False]


def only(subject: Subject, check: str, *words: str, **thresholds: Any) -> Verdict:
    """Exactly ``check`` fails for ``subject``, says every one of ``words``, and what to do; returns its verdict."""
    verdicts = judge(subject, thresholds or None)
    assert failing(verdicts) == [check], [(v.check, v.found) for v in verdicts if v.passed is False]
    (verdict,) = (each for each in verdicts if each.check == check)
    for word in words:
        assert word in verdict.found, verdict.found
    assert verdict.remedy and verdict.wanted
    return verdict


def good(subject: Subject, *unfit: str) -> list[Verdict]:
    """Nothing fails for ``subject``, and of its checks exactly ``unfit`` do not apply; returns the verdicts."""
    verdicts = judge(subject)
    assert not failing(verdicts), [(v.check, v.found) for v in verdicts if v.passed is False]
    assert {verdict.check for verdict in verdicts if verdict.passed is None} == set(unfit)
    return verdicts


def sha256(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
