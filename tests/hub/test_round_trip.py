"""Out and back with unmodified clients: what was released is what anybody loads, version by version.

``check_…`` take a :class:`Place`, so that ``test_live.py`` runs the same before the real Hub.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.hub.places import REFS, ROWS, SNAPSHOT, Place
from tests.hub.releases import ham
from tests.hub.server import Hub


@pytest.fixture
def place(hub: Hub, token: str, tmp_path: Path) -> Place:
    """The test-time Hub."""
    return Place(hub.environment(tmp_path / "huggingface", token), "me")


def rows_of(folder: Path) -> dict[str, list[Any]]:
    """What ROWS tells, by way of the Parquet files at home."""
    splits: dict[str, Any] = {}
    for file in sorted((folder / "data").glob("*.parquet")):
        count, whole = splits.setdefault(file.name.split("-")[0], [0, hashlib.sha256()])
        table = pq.read_table(file).to_pylist()
        for row in table:
            for key in sorted(row):
                whole.update(row[key]["bytes"] if key == "image" else repr((key, row[key])).encode())
        splits[file.name.split("-")[0]][0] = count + len(table)
    return {split: [count, whole.hexdigest(), whole.hexdigest()] for split, (count, whole) in splits.items()}


def sha256_of(folder: Path, pattern: str) -> dict[str, str]:
    """SHA-256 of files by path."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob(pattern)}
    return {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}


def check_dataset(place: Place, folder: Path) -> None:
    """Two versions, one after the other: each tag and ``main`` give what they should, loaded and streamed."""
    repo, first, second = place.repo("ham"), ham(folder, "1.0.0", 30), ham(folder, "1.1.0", 44, 100)
    assert place.released("dataset", first, "ham", "--private")["status"] == "released"
    early = place.python(REFS, repo, "dataset")
    assert place.released("dataset", second, "ham", "--private")["status"] == "released"
    refs = place.python(REFS, repo, "dataset")
    assert refs == {"main": refs["v1.1.0"], "v1.0.0": early["main"], "v1.1.0": refs["v1.1.0"]}
    loaded = place.python(ROWS, repo, "default", "v1.0.0", "v1.1.0", "main")
    assert loaded == {"v1.0.0": rows_of(first), "v1.1.0": rows_of(second), "main": rows_of(second)}
    for revision, local in (("v1.0.0", first), ("main", second)):
        files = place.python(SNAPSHOT, repo, "dataset", revision)
        assert {path: sha for path, sha in files.items() if path.endswith(".parquet")} == sha256_of(local, "*.parquet")
        assert {"README.md", "build.json", "release.json"} <= set(files)
    assert place.released("dataset", first, "ham", "--private")["status"] == "already released"
    other = place.release("dataset", second, "ham", "--private", "--version", "1.0.0")
    assert other.status == 2 and "1.0.0" in other.err, other.text
    assert place.python(REFS, repo, "dataset") == refs


def test_a_dataset_in_two_versions(place: Place, tmp_path: Path) -> None:
    check_dataset(place, tmp_path)


MODEL = """
import hashlib, json, sys
import torch
from transformers import AutoProcessor, LlavaForConditionalGeneration
def digest(model):
    whole = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        whole.update(name.encode() + value.contiguous().numpy().tobytes())
    return whole.hexdigest()
merged, adapter, base = sys.argv[1:4]
revision = dict(revision=sys.argv[4]) if len(sys.argv) > 4 else {}
model = LlavaForConditionalGeneration.from_pretrained(merged, dtype=torch.float32, **revision)
AutoProcessor.from_pretrained(merged, **revision)
found = [digest(model)]
from peft import PeftModel
under = LlavaForConditionalGeneration.from_pretrained(base, dtype=torch.float32)
found.append(digest(PeftModel.from_pretrained(under, adapter, **revision)))
print(json.dumps(found))
"""


CARD = """
import json, sys
from huggingface_hub import ModelCard
print(json.dumps(ModelCard.load(sys.argv[1]).data.to_dict(), default=str))
"""


def check_model(place: Place, folder: Path) -> None:
    """What it was trained on, the merged model and its adapter: released one after the other, and loaded again."""
    from tests.hub.models import Trained, trained

    made: Trained = trained(folder, place.repo("base"))
    data = place.repo("pub") + "@v1.2.0"
    assert place.released("dataset", made.mixture, "pub", "--private")["form"] == "full"
    more = ("--private", "--data", data, "--audit", str(made.audit))
    for name, of, results in (("merged", made.merged, made.results), ("adapter", made.adapter, made.adapter_results)):
        report = place.released("model", of, name, *more, "--results", str(results))
        assert (report["status"], report["version"]) == ("released", "0.1.0")
        assert all(verdict["passed"] is not False for verdict in report["verdicts"])
        files = place.python(SNAPSHOT, place.repo(name), "model", "v0.1.0")
        local = sha256_of(of, "*.safetensors")
        assert local and local.items() <= files.items()
        card = place.python(CARD, place.repo(name))
        assert card["datasets"] == [place.repo("pub")], card
    back = place.python(MODEL, place.repo("merged"), place.repo("adapter"), str(made.base), "v0.1.0")
    assert back == place.python(MODEL, str(made.merged), str(made.adapter), str(made.base))
    assert place.released("model", made.merged, "merged", *more, "--results", str(made.results))["version"] == "0.1.0"


@pytest.mark.slow
def test_a_model_and_its_adapter(place: Place, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("peft")
    check_model(place, tmp_path)
