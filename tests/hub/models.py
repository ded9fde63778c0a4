"""A tiny model, trained as far as its files and records go: mixture, merged weights, adapter, results, audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.evals.tasks.drawn import open_vqa
from tests.hub.gate.made import Knowing, answers_of, asked, audited, benchmarks, run_record
from tests.hub.releases import ham


@dataclass(frozen=True)
class Trained:
    """Folders of a base, what a LoRA on it gave (``merged`` and ``adapter``), what of it was measured, the data."""

    base: Path
    merged: Path
    adapter: Path
    results: Path
    adapter_results: Path
    mixture: Path
    audit: Path


def trained(folder: Path, base_name: str) -> Trained:
    """Make it all below ``folder``; the adapter names its base ``base_name``.

    The weights are those of a real LLaVA and a real LoRA adapter, merged; only the training itself is left out, and
    the answers under evaluation are known beforehand (see tests/hub/gate/made.py).
    """
    from mmskin_hub.builders import skinvl_sft

    public = ham(folder / "data", "1.0.0", 70, 100)
    mixture = folder / "pub"
    skinvl_sft.build(skinvl_sft.Request("pub", (f"ham10000={public}",), mixture, "1.2.0"))
    base, adapter, merged = _weights(folder, base_name)
    vqa = open_vqa(folder / "mm_skin")
    places = benchmarks(folder / "places", ham10000=public, mm_skin=vqa)
    configuration: dict[str, Any] = {
        "script": {"variant": "pub"}, "model": {"use_peft": True, "lora_r": 4}, "training": {"learning_rate": 2e-5},
    }  # fmt: skip
    for each in (merged, adapter):
        record = run_record(each, mixture, configuration=configuration)
        if each is adapter:
            record["weights"] = record.pop("merge")["result"]
        (each / "run.json").write_text(json.dumps(record), encoding="utf-8")
    results = asked(merged, folder / "results", places)
    adapter_results = _asked_on_its_base(adapter, record["base"]["sha256"], folder / "adapter-results", places)
    report = folder / "report.json"
    report.write_text(json.dumps(audited(mixture, places)), encoding="utf-8")
    return Trained(base, merged, adapter, results, adapter_results, mixture, report)


def _asked_on_its_base(adapter: Path, base: Mapping[str, str], out: Path, places: Mapping[str, Path]) -> Path:
    """The results of ``mmskin eval BASE --adapter DIR``; ``base`` is SHA-256 by file of the weights below it."""
    from mmskin_hub.evals import run
    from mmskin_hub.evals.model.facts import hash_weights

    # As mmskin eval names weights: engine.publish.digest_of.
    under = hashlib.sha256("".join(f"{name} {sha}\n" for name, sha in sorted(base.items())).encode()).hexdigest()

    class Adapted(Knowing):
        @property
        def facts(self) -> dict[str, Any]:
            return {**super().facts, "adapter": f"adapter {hash_weights(adapter)}"}

    with pytest.MonkeyPatch.context() as patch:
        told = f"sha256:{under}"
        knowing = Adapted(answers=answers_of(places), weights=told, name="base", revision=told)
        patch.setattr(run, "load", lambda request: knowing)
        data = {name: str(place) for name, place in places.items()}
        run.evaluate(run.Request("base", ("skinvl8", "mm_skin_vqa"), data, out))
    return out


def _weights(folder: Path, base_name: str) -> tuple[Path, Path, Path]:
    """The base, an adapter of it, and the two merged."""
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    from tests.drawing.models import tiny_llava

    base = tiny_llava(folder / "base")
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration.from_pretrained(base, dtype=torch.float32)
    lora = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    lora.save_pretrained(folder / "adapter")
    settings = folder / "adapter" / "adapter_config.json"
    told = json.loads(settings.read_text("utf-8"))
    settings.write_text(json.dumps({**told, "base_model_name_or_path": base_name}), encoding="utf-8")
    (folder / "adapter" / "README.md").unlink(missing_ok=True)
    model = LlavaForConditionalGeneration.from_pretrained(base, dtype=torch.float32)
    PeftModel.from_pretrained(model, folder / "adapter").merge_and_unload().save_pretrained(folder / "merged")
    AutoProcessor.from_pretrained(base).save_pretrained(folder / "merged")
    return base, folder / "adapter", folder / "merged"
