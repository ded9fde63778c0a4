"""From a name to a model: weights, dtype, adapter, and what is wrong said in words."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from mmskin_hub.errors import MissingExtra, MmskinError, WrongUse
from mmskin_hub.evals.model.adapter import find_adapter
from mmskin_hub.evals.model.api import Ask
from mmskin_hub.evals.model.facts import hash_weights
from mmskin_hub.evals.model.load import load_model

Folder = Callable[[str], Path]
CHOICES = [("melanoma", "basal cell carcinoma")]


@pytest.fixture
def model_folder(folder: Folder, tmp_path: Path) -> Path:
    """A copy of the tiny LLaVA, to be damaged."""
    return Path(shutil.copytree(folder("llava"), tmp_path / "llava"))


@pytest.fixture
def ask(pictures: list[Image.Image]) -> list[Ask]:
    return [Ask("s", "Which one is it?", (pictures[0],))]


@pytest.fixture
def adapter(folder: Folder, tmp_path: Path) -> Path:
    """A LoRA adapter of the tiny LLaVA that changes what it says, saved by peft."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    base = AutoModelForImageTextToText.from_pretrained(folder("llava"))
    names = r".*language_model.*\.(q_proj|v_proj)"
    config = LoraConfig(r=4, target_modules=names, init_lora_weights=False, modules_to_save=["multi_modal_projector"])
    torch.manual_seed(1)
    model = get_peft_model(base, config)
    for name, weights in model.named_parameters():
        if "modules_to_save" in name:
            weights.data.mul_(1.5)
    path = tmp_path / "adapter"
    model.save_pretrained(path)
    return path


def test_facts_tell_the_model_apart(folder: Folder, model_folder: Path) -> None:
    model = load_model(str(folder("llava")))
    facts = model.facts
    assert model.revision == facts["weights"] == hash_weights(folder("llava")) == hash_weights(model_folder)
    assert facts["dtype"] == "float32" and facts["device"] == "cpu" and facts["model_type"] == "llava"
    assert {"torch", "transformers", "python"} <= set(facts["versions"])
    json.dumps(facts)
    weights = load_file(model_folder / "model.safetensors")
    first = sorted(weights)[0]
    save_file({**weights, first: weights[first] + 1}, model_folder / "model.safetensors")
    assert hash_weights(model_folder) != model.revision


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_every_dtype_scores_and_answers(folder: Folder, ask: list[Ask], dtype: str) -> None:
    model: Any = load_model(str(folder("idefics3")), dtype=dtype)
    assert model.facts["dtype"] == dtype
    scores, exact = model.choose(ask, CHOICES)[0], load_model(str(folder("idefics3"))).choose(ask, CHOICES)[0]
    assert scores.loglik == pytest.approx(exact.loglik, abs=1e-4 if dtype == "float32" else 2.0)
    assert model.facts["choice_scoring"] == "packed"
    assert len(model.generate(ask, max_new_tokens=3)) == 1


def test_an_adapter_counts_and_equals_its_merged_model(
    folder: Folder, adapter: Path, tmp_path: Path, ask: list[Ask]
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText

    plain: Any = load_model(str(folder("llava")))
    tuned: Any = load_model(str(folder("llava")), adapter=str(adapter))
    merged = PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(folder("llava")), adapter)
    merged.merge_and_unload().save_pretrained(tmp_path / "merged")
    plain.processor.save_pretrained(tmp_path / "merged")
    whole: Any = load_model(str(tmp_path / "merged"))
    before, after, right = (model.choose(ask, CHOICES)[0].loglik for model in (plain, tuned, whole))
    assert after == pytest.approx(right, abs=1e-4)
    assert abs(before[0] - after[0]) > 0.1
    assert tuned.generate(ask, max_new_tokens=8) == whole.generate(ask, max_new_tokens=8)
    assert tuned.facts["adapter"] == f"adapter {hash_weights(adapter)}"
    assert "adapter_base_differs" not in tuned.facts


def test_an_adapter_finds_its_base(folder: Folder, adapter: Path, ask: list[Ask]) -> None:
    alone: Any = load_model(str(adapter))
    both: Any = load_model(str(folder("llava")), adapter=str(adapter))
    assert alone.choose(ask, CHOICES) == both.choose(ask, CHOICES)
    assert alone.facts["base"] == folder("llava").name


def _edit(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize("base", ["/gone/llava", None])
def test_a_missing_base_is_told(adapter: Path, base: str | None) -> None:
    _edit(adapter / "adapter_config.json", base_model_name_or_path=base)
    said = rf"base model '{base or ''}' is no folder[\s\S]*mmskin eval BASE --adapter"
    with pytest.raises(MmskinError, match=said):
        load_model(str(adapter))


def test_an_adapter_of_another_model_is_refused(folder: Folder, adapter: Path) -> None:
    for kind in ("idefics3", "gemma3"):
        with pytest.warns(UserWarning, match="was trained on"), pytest.raises(MmskinError, match="does not fit"):
            load_model(str(folder(kind)), adapter=str(adapter))


def test_a_base_of_another_name_is_let_pass_with_a_warning(model_folder: Path, adapter: Path) -> None:
    with pytest.warns(UserWarning, match="was trained on"):
        model = load_model(str(model_folder), adapter=str(adapter))
    assert model.facts["adapter_base_differs"] is True


def test_adapter_weights_must_be_there_whole_and_safe(adapter: Path, folder: Folder) -> None:
    base, weights = str(folder("llava")), adapter / "adapter_model.safetensors"
    kept = load_file(weights)
    save_file(dict(list(kept.items())[2:]), weights)
    with pytest.raises(MmskinError, match="not all of its weights"):
        load_model(base, adapter=str(adapter))
    save_file({**kept, "base_model.model.model.vision_tower.x.lora_A.weight": torch.ones(2, 2)}, weights)
    with pytest.raises(MmskinError, match=r"not all of its weights have a place there \(base_model.*vision_tower"):
        load_model(base, adapter=str(adapter))
    weights.unlink()
    with pytest.raises(MmskinError, match="has no weights"):
        load_model(base, adapter=str(adapter))
    torch.save(kept, adapter / "adapter_model.bin")
    with pytest.raises(MmskinError, match=r"pickled[\s\S]*--pickle"):
        load_model(base, adapter=str(adapter))
    load_model(base, adapter=str(adapter), pickle=True)
    with pytest.raises(MmskinError, match="There is no adapter"):
        load_model(base, adapter=base)
    assert find_adapter(base, None, required=False, pickle=False) is None


def test_what_is_no_vlm(tmp_path: Path) -> None:
    from transformers import BertConfig, CLIPVisionConfig, LlamaConfig

    for config in (LlamaConfig(), CLIPVisionConfig(), BertConfig()):
        config.save_pretrained(tmp_path)
        with pytest.raises(MmskinError, match=r"is no vision-language model[\s\S]*probe8"):
            load_model(str(tmp_path))


def test_what_transformers_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llava_mistral"}')
    with pytest.raises(MmskinError, match=r"of a kind transformers does not know[\s\S]*Convert"):
        load_model(str(tmp_path))
    code = {"AutoConfig": "configuration.Config", "AutoModelForImageTextToText": "modeling.Model"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": code}))
    (tmp_path / "configuration.py").write_text("raise SystemExit('code of the checkpoint was run')")
    with pytest.raises(MmskinError, match=r"code of its own[\s\S]*--trust-remote-code"):
        load_model(str(tmp_path))


def test_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in (str(tmp_path), str(tmp_path / "gone"), "nobody/nothing-of-this-name"):
        with pytest.raises(MmskinError, match=r"cannot be loaded|There is no folder"):
            load_model(name)


def test_missing_weights_are_never_random(model_folder: Path) -> None:
    file = model_folder / "model.safetensors"
    weights = load_file(file)
    dropped = [name for name in weights if "layers.1" in name and "language" in name]
    save_file({name: tensor for name, tensor in weights.items() if name not in dropped}, file, {"format": "pt"})
    with pytest.raises(MmskinError, match=rf"lacks {len(dropped)} of its weights.*layers\.1"):
        load_model(str(model_folder))


def test_weights_of_another_shape_damaged_and_none(model_folder: Path) -> None:
    file = model_folder / "model.safetensors"
    weights = load_file(file)
    head = next(name for name in weights if name.endswith("lm_head.weight"))
    save_file({**weights, head: weights[head][:9].clone()}, file, {"format": "pt"})
    with pytest.raises(MmskinError, match="weights"):
        load_model(str(model_folder))
    file.write_bytes(b"x" * 100)
    with pytest.raises(MmskinError, match="weights"):
        load_model(str(model_folder))
    file.unlink()
    with pytest.raises(MmskinError, match="has no weights"):
        load_model(str(model_folder))


def test_pickled_weights_load_only_if_asked(model_folder: Path, ask: list[Ask]) -> None:
    weights = load_file(model_folder / "model.safetensors")
    expected = load_model(str(model_folder)).choose(ask, CHOICES)
    (model_folder / "model.safetensors").unlink()
    torch.save(weights, model_folder / "pytorch_model.bin")
    with pytest.raises(MmskinError, match=r"pickled \(pytorch_model\.bin\)[\s\S]*--pickle"):
        load_model(str(model_folder))
    assert load_model(str(model_folder), pickle=True).choose(ask, CHOICES) == expected


def test_a_missing_processor_is_told(model_folder: Path) -> None:
    for name in ("processor_config.json", "preprocessor_config.json"):
        (model_folder / name).unlink(missing_ok=True)
    with pytest.raises(MmskinError, match="processor"):
        load_model(str(model_folder))


def test_wrong_options(folder: Folder) -> None:
    with pytest.raises(WrongUse, match="dtype"):
        load_model(str(folder("llava")), dtype="int3")
    if not torch.cuda.is_available():
        with pytest.raises(WrongUse, match=r"--device cuda is not to be had[\s\S]*--device cpu"):
            load_model(str(folder("llava")), device="cuda")
    with pytest.raises(WrongUse, match="--device toaster"):
        load_model(str(folder("llava")), device="toaster")
    for size in (0, -1, "many"):
        with pytest.raises(WrongUse, match="batch-size"):
            load_model(str(folder("llava")), batch_size=size)


def test_what_goes_with_a_server_only_and_without_one_only(folder: Folder) -> None:
    for option in ("adapter", "revision", "template", "device"):
        with pytest.raises(WrongUse, match=f"--{option} does not go with a served model"):
            load_model("http://127.0.0.1:1/v1", **{option: "x"})  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match="--dtype does not go with a served model"):
        load_model("http://127.0.0.1:1/v1", dtype="float32")
    with pytest.raises(WrongUse, match="--served-model x goes with the address of a server"):
        load_model(str(folder("llava")), model="x")


def test_a_missing_package_names_the_extra(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r'pip install "mmskin-hub\[eval\]"'):
        load_model(str(folder("llava")))


def test_importing_the_interface_loads_nothing_heavy() -> None:
    import subprocess

    code = (
        "import sys, mmskin_hub.evals.model.api, mmskin_hub.evals.model.load, mmskin_hub.evals.model\n"
        "heavy = {'torch', 'transformers', 'lm_eval', 'peft', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
