"""What a release would push is what the gate judges: staged, without paths of this machine, and it passes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmskin_hub.engine.work import write_json
from mmskin_hub.hub.release import Request, release
from tests.hub.gate.made import Shop, asked
from tests.hub.server import Hub

DryRun = Callable[..., dict[str, Any]]


@pytest.fixture
def dry_run(hub: Hub, token: str) -> DryRun:
    """``dry_run(kind, folder, …)``: the report of a dry run."""

    def run(kind: Any, folder: Path, **options: Any) -> dict[str, Any]:
        made = Request(kind, folder, "me/it", private=True, dry_run=True, endpoint=hub.url, **options)
        report = release(made)
        assert report["status"] == "dry run"
        return report

    return run


def failed(report: dict[str, Any]) -> list[str]:
    return [each["check"] for each in report["verdicts"] if each["passed"] is False]


def test_datasets(dry_run: DryRun, books: Path, public: Path, mix: Path) -> None:
    assert not failed(dry_run("dataset", public))
    for folder in (books, mix):
        located = dry_run("dataset", folder)
        assert located["form"] == "locator" and not failed(located)
        assert not failed(dry_run("dataset", folder, i_hold_the_rights=True, full=True))


def test_a_model_as_training_left_it(dry_run: DryRun, shop: Shop, tmp_path: Path) -> None:
    """``run.json`` with paths of this machine, checkpoints and pictures beside the weights."""
    folder = Path(shutil.copytree(shop.folder, tmp_path / "my-model"))
    record = json.loads((folder / "run.json").read_text("utf-8"))
    record["configuration"]["training"]["output_dir"] = str(tmp_path / "my-model")
    record["configuration"]["script"]["data"] = [f"skinvl_sft={shop.mixture}"]
    write_json(folder / "run.json", record)
    for name in ("training_args.bin", "checkpoint-10/optimizer.pt", "samples/index.html", "index/train.parquet"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"left behind")
    write_json(tmp_path / "audit.json", shop.report)
    options = {"results": shop.results, "audit": (tmp_path / "audit.json",)}
    report = dry_run("model", folder, data=(str(shop.mixture),), version="1.0.0", **options)
    assert not failed(report), [each for each in report["verdicts"] if each["passed"] is False]
    assert not [path for path in report["files"] if path.startswith(("checkpoint", "samples", "index", "training"))]
    without = dry_run("model", folder, version="1.0.0", results=shop.results)
    assert failed(without) == ["training_data", "audit"]
    assert "my-model" in str(dry_run("model", folder, version="1.0.0")["verdicts"])


def test_results_of_the_folder_before_it_was_tidied_are_still_of_its_weights(
    dry_run: DryRun, shop: Shop, tmp_path: Path
) -> None:
    """``training_args.bin`` is no weight: it stays at home, and what was evaluated with it there counts."""
    folder = Path(shutil.copytree(shop.folder, tmp_path / "m"))
    (folder / "training_args.bin").write_bytes(b"pickled settings")
    held = {"ham10000": shop.places["ham10000"]}
    results = asked(folder, tmp_path / "run", held, tasks=("mmskin_ham10000_choice",))
    write_json(tmp_path / "audit.json", shop.report)
    made = replace(shop, folder=folder, results=results)
    report = dry_run("model", folder, results=results, data=(str(made.mixture),), audit=(tmp_path / "audit.json",))
    assert failed(report) == ["coverage"]
