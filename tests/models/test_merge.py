"""A merged model answers as base and adapter do together, and no adapter goes into a base that is not its own."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft")
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from mmskin_hub.cli import main
from mmskin_hub.errors import MmskinError, OutputExists, WrongUse
from mmskin_hub.models import check
from mmskin_hub.models import merge as merging
from mmskin_hub.models.check import adapter_fits, is_vlm, require_vlm, weights_sha256
from mmskin_hub.models.merge import merge
from tests.drawing.models import DRAWN, tiny_llava

ROOT = Path(__file__).parents[2]
TARGETS = r".*(language_model|text_model).*\.(q|k|v|o|gate|up|down)_proj"
PROJECTORS = {
    "llava": "multi_modal_projector",
    "idefics3": "connector",
    "gemma3": "multi_modal_projector",
    "qwen2_vl": "merger",
}


def loaded(folder: Path, **more: Any) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(folder, **more).eval()


def draw_adapter(base: Path, adapter: Path, projector: str = "multi_modal_projector", **more: Any) -> Any:
    """Save an adapter whose every weight is random; returns base and adapter together."""
    from peft import LoraConfig, get_peft_model

    model = loaded(base)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS, modules_to_save=[projector], **more)
    together = get_peft_model(model, config)
    made = torch.Generator().manual_seed(1)
    for weight in together.parameters():
        if weight.requires_grad:
            weight.data = torch.randn(weight.shape, generator=made) * 0.05 + (weight.data if weight.dim() > 1 else 0)
    together.save_pretrained(adapter)
    return together.eval()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """A base, an adapter, and both together in memory."""
    folder = tmp_path_factory.mktemp("pair")
    tiny_llava(folder / "base", initializer_range=0.1)
    together = draw_adapter(folder / "base", folder / "adapter")
    (folder / "adapter" / "run.json").write_text(json.dumps({"seed": 7, "data": {"rows": 3}}))
    return folder / "base", folder / "adapter", together


def test_a_fresh_process_computes_what_base_and_adapter_compute(pair: tuple[Path, Path, Any], tmp_path: Path) -> None:
    from transformers import AutoProcessor

    base, adapter, together = pair
    facts = merge(adapter, tmp_path / "out")
    assert facts["adapter_vs_merged"] <= 1e-5
    assert facts["merged_vs_reloaded"] == 0
    assert facts["effect_of_adapter"] > 0.1
    assert facts["base"] == {"name": "base", "revision": None, "sha256": weights_sha256(base)}
    assert facts["adapter"]["sha256"] == weights_sha256(adapter)
    assert facts["result"] == weights_sha256(tmp_path / "out")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (record["seed"], record["merge"]) == (7, json.loads(json.dumps(facts)))

    picture, prompt = Image.effect_mandelbrot((80, 60), (-2, -1, 1, 1), 50).convert("RGB"), "USER: <image>\nWhat? "
    picture.save(tmp_path / "picture.png")
    command = [
        sys.executable,
        "-m",
        "tests.models.reload",
        str(tmp_path / "picture.png"),
        str(tmp_path / "out"),
        prompt,
    ]
    done = subprocess.run([*command, str(tmp_path / "logits")], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert not (told["missing_keys"] or told["unexpected_keys"] or told["mismatched_keys"])
    inputs = AutoProcessor.from_pretrained(base, backend="pil")(images=[picture], text=[prompt], return_tensors="pt")
    with torch.inference_mode():
        expected = together(**inputs).logits
    assert (load_file(tmp_path / "logits")["logits"] - expected).abs().max() <= 1e-5


def test_native_names_and_no_trace_of_peft(pair: tuple[Path, Path, Any], tmp_path: Path) -> None:
    base, adapter, _ = pair
    merge(adapter, tmp_path / "out")
    kept = load_file(tmp_path / "out" / "model.safetensors")
    assert kept.keys() == loaded(base).state_dict().keys()
    projector = "model.multi_modal_projector.linear_1.weight"
    assert torch.equal(
        kept[projector], load_file(adapter / "adapter_model.safetensors")[f"base_model.model.{projector}"]
    )
    tower = "model.vision_tower.embeddings.position_embedding.weight"
    assert torch.equal(kept[tower], loaded(base).state_dict()[tower])
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"config.json", "tokenizer.json", "processor_config.json", "chat_template.jinja", "run.json"} <= names
    assert not [name for name in names if "adapter" in name]


@pytest.mark.parametrize("kind", ["idefics3", "gemma3", "qwen2_vl"])
def test_every_architecture(kind: str, tmp_path: Path) -> None:
    DRAWN[kind](tmp_path / "base")
    draw_adapter(tmp_path / "base", tmp_path / "adapter", PROJECTORS[kind])
    facts = merge(tmp_path / "adapter", tmp_path / "out")
    # Their logits are of size 10, and rounding alone moves them by more than 1e-5.
    assert facts["adapter_vs_merged"] <= max(1e-5, 4 * facts["rounding_floor"])
    assert facts["rounding_floor"] < 1e-4
    assert facts["merged_vs_reloaded"] == 0
    assert facts["effect_of_adapter"] > 0.05


def test_other_kinds_of_lora(tmp_path: Path) -> None:
    tiny_llava(tmp_path / "base")
    draw_adapter(tmp_path / "base", tmp_path / "adapter", use_dora=True, use_rslora=True, rank_pattern={"q_proj": 2})
    facts = merge(tmp_path / "adapter", tmp_path / "out")
    assert facts["adapter"]["use_dora"]
    assert facts["adapter_vs_merged"] <= max(1e-5, 4 * facts["rounding_floor"])


@pytest.mark.parametrize("memory", [0, 10**12])
def test_a_base_in_bfloat16_stays_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int) -> None:
    tiny_llava(tmp_path / "whole")
    draw_adapter(tmp_path / "whole", tmp_path / "adapter")
    half = loaded(tmp_path / "whole").bfloat16()
    shutil.copytree(tmp_path / "whole", tmp_path / "base")
    half.save_pretrained(tmp_path / "base")
    monkeypatch.setattr(merging, "_free_memory", lambda: memory)
    facts = merge(tmp_path / "adapter", tmp_path / "out", tmp_path / "base")
    assert facts["merged_in"] == ("float32" if memory else "bfloat16")
    assert facts["dtype"] == "bfloat16"
    assert facts["merged_vs_reloaded"] == 0
    name = "model.language_model.layers.0.mlp.up_proj"
    pair = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    update = 2 * pair[f"base_model.model.{name}.lora_B.weight"] @ pair[f"base_model.model.{name}.lora_A.weight"]
    exact = half.state_dict()[f"{name}.weight"].float() + update
    kept = load_file(tmp_path / "out" / "model.safetensors")[f"{name}.weight"]
    assert kept.dtype == torch.bfloat16
    if memory:
        # Rounded once: what is kept is the bfloat16 nearest to the exact sum (up to float32's own last bit).
        assert ((kept.float() - exact).abs() <= exact.abs() * 2**-8).all()


def another(folder: Path, change: str) -> Path:
    """The base changed so that the adapter is not its own."""
    if change == "depth":
        return tiny_llava(folder / "other", num_hidden_layers=1)
    if change == "width":
        return tiny_llava(folder / "other", intermediate_size=64)
    if change == "family":
        return DRAWN["idefics3"](folder / "other")
    return tiny_llava(folder / "other", seed=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [("depth", "layers.1.self_attn"), ("width", "other shapes"), ("family", "not in the base"), ("weights", "SHA-256")],
)
def test_another_base_is_refused(
    pair: tuple[Path, Path, Any], tmp_path: Path, change: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    base, adapter, _ = pair
    shutil.copytree(adapter, tmp_path / "adapter")
    record = {"base": {"name": "base", "sha256": weights_sha256(base)}}
    (tmp_path / "adapter" / "run.json").write_text(json.dumps(record))
    other = another(tmp_path, change)
    command = ["merge", str(tmp_path / "adapter"), "--out", str(tmp_path / "out"), "--base", str(other)]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "another base" in told
    assert not (tmp_path / "out").exists()


def test_the_base_by_its_recorded_hashes(
    pair: tuple[Path, Path, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, adapter, _ = pair
    shutil.copytree(adapter, tmp_path / "adapter")
    record = {"base": {"name": "base", "sha256": {"model-1.safetensors": next(iter(weights_sha256(base).values()))}}}
    (tmp_path / "adapter" / "run.json").write_text(json.dumps(record))
    shutil.copytree(base, tmp_path / "moved")
    command = ["merge", str(tmp_path / "adapter"), "--base", str(tmp_path / "moved"), "--out", str(tmp_path / "out")]
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["merged_vs_reloaded"] == 0
    assert main([*command, "--overwrite"]) == 0
    told = capsys.readouterr().out
    for words in ("adapter into moved", "rounding alone moves them by", "loaded from the files differ by 0"):
        assert words in told


def test_another_name_or_revision_is_refused(pair: tuple[Path, Path, Any], tmp_path: Path) -> None:
    base, adapter, _ = pair
    cached = tmp_path / "models--owner--name" / "snapshots" / ("a" * 40)
    shutil.copytree(base, cached)
    config = json.loads((adapter / "adapter_config.json").read_text())
    for said, revision, problem in (
        ("owner/name", None, ""),
        ("owner/name", "a" * 40, ""),
        ("owner/name", "main", ""),
        ("owner/name", "b" * 40, f"revision {'b' * 40}"),
        ("owner/else", None, "trained on owner/else"),
        (str(cached.parent / ("b" * 40)), None, f"revision {'b' * 40}"),
    ):
        found = adapter_fits(adapter, cached, {**config, "base_model_name_or_path": said, "revision": revision})
        assert bool(found) == bool(problem)
        assert problem in "; ".join(found)


def test_what_is_no_adapter_is_refused(pair: tuple[Path, Path, Any], tmp_path: Path) -> None:
    base, adapter, _ = pair
    for number in (9, 10):
        shutil.copytree(adapter, tmp_path / "run" / f"checkpoint-{number}")
    changed = {name: tmp_path / name for name in ("ia3", "half", "cut", "gone")}
    for folder in changed.values():
        shutil.copytree(adapter, folder)
    config = json.loads((adapter / "adapter_config.json").read_text())
    (changed["ia3"] / "adapter_config.json").write_text(json.dumps({**config, "peft_type": "IA3"}))
    (changed["half"] / "adapter_model.safetensors").unlink()
    whole = (adapter / "adapter_model.safetensors").read_bytes()
    (changed["cut"] / "adapter_model.safetensors").write_bytes(whole[: len(whole) // 2])
    gone = {**config, "base_model_name_or_path": str(tmp_path / "moved")}
    (changed["gone"] / "adapter_config.json").write_text(json.dumps(gone))
    for folder, words in (
        (base, "nothing to merge"),
        (tmp_path / "nowhere", "no such folder"),
        (tmp_path / "run", "checkpoint-10"),
        (changed["ia3"], "IA3"),
        (changed["half"], "half saved"),
        (changed["cut"], "damaged"),
        (changed["gone"], "--base DIR"),
    ):
        with pytest.raises(MmskinError) as refused:
            merge(folder, tmp_path / "out")
        assert words in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_base_inside_the_training_folder_moves_with_it(pair: tuple[Path, Path, Any], tmp_path: Path) -> None:
    base, adapter, _ = pair
    shutil.copytree(adapter, tmp_path / "run")
    shutil.copytree(base, tmp_path / "run" / "tiny-base")
    config = json.loads((adapter / "adapter_config.json").read_text())
    moved = {**config, "base_model_name_or_path": "out/tiny/tiny-base"}
    (tmp_path / "run" / "adapter_config.json").write_text(json.dumps(moved))
    assert merge(tmp_path / "run", tmp_path / "out")["base"]["name"] == "tiny-base"


def test_a_lost_weight_of_the_adapter_is_noticed(pair: tuple[Path, Path, Any], tmp_path: Path) -> None:
    _, adapter, _ = pair
    shutil.copytree(adapter, tmp_path / "adapter")
    weights = load_file(adapter / "adapter_model.safetensors")
    lost = next(key for key in weights if key.endswith("q_proj.lora_B.weight"))
    save_file(
        {key: value for key, value in weights.items() if key != lost}, tmp_path / "adapter/adapter_model.safetensors"
    )
    with pytest.raises(WrongUse, match=r"q_proj\.lora_B"):
        merge(tmp_path / "adapter", tmp_path / "out")


def test_no_space_is_told_before_and_after(
    pair: tuple[Path, Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, adapter, _ = pair
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(check.shutil, "disk_usage", lambda path: usage._replace(free=1000))
        with pytest.raises(MmskinError, match="are free on that disk"):
            merge(adapter, tmp_path / "out")
    from transformers import PreTrainedModel

    def full(*args: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(PreTrainedModel, "save_pretrained", full)
    with pytest.raises(MmskinError, match="is full"):
        merge(adapter, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_without_proof_nothing_is_written(
    pair: tuple[Path, Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, adapter, _ = pair
    load = merging._load

    def spoiled(folder: Path) -> Any:
        model = load(folder)
        if folder.name.endswith(".tmp"):
            model.lm_head.weight.data[5] += 0.01
        return model

    monkeypatch.setattr(merging, "_load", spoiled)
    with pytest.raises(MmskinError, match="The proof failed: what was saved is another model"):
        merge(adapter, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_mistake_in_merging_is_no_rounding(
    pair: tuple[Path, Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft.tuners.lora.layer import Linear

    _, adapter, _ = pair
    right = Linear.get_delta_weight
    # The adapter's share, wrong by a thousandth.
    monkeypatch.setattr(Linear, "get_delta_weight", lambda self, name: right(self, name) * 1.001)
    with pytest.raises(MmskinError, match="merging changed what the adapter says"):
        merge(adapter, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_folders_that_are_read_are_never_replaced(pair: tuple[Path, Path, Any], tmp_path: Path) -> None:
    base, adapter, _ = pair
    for out in (adapter, base, base.parent):
        with pytest.raises(OutputExists):
            merge(adapter, out, overwrite=True)
    (tmp_path / "mine").touch()
    with pytest.raises(OutputExists, match="--overwrite"):
        merge(adapter, tmp_path)
    merge(adapter, tmp_path, overwrite=True)
    assert not (tmp_path / "mine").exists()


def test_what_sees_and_what_does_not(pair: tuple[Path, Path, Any]) -> None:
    from transformers import CLIPVisionConfig, LlamaConfig

    base, _, together = pair
    assert is_vlm(base) and is_vlm(str(base)) and is_vlm(together.config)
    assert not is_vlm(LlamaConfig()) and not is_vlm(CLIPVisionConfig())
    with pytest.raises(WrongUse, match="sees no pictures"):
        require_vlm(LlamaConfig(), "some/llama")
    with pytest.raises(WrongUse, match="mmskin convert llava-med"):
        require_vlm({"model_type": "llava_mistral", "mm_vision_tower": "clip"}, "model")
