"""The original LLaVA, stated again: its files with random weights, and its forward pass on plain tensors.

Nothing here uses a model or processor class of transformers: the tower, the projector, the splicing, the decoder, the
cutting of prompts and the preparation of pictures are written out from the description of ``llava_arch.py``,
``clip_encoder.py``, ``mm_utils.py`` and the papers of CLIP, Llama and Mistral, so that a conversion has something to
be held against.
"""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

IMAGE_TOKEN = -200
VISION = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 56,
    "patch_size": 14, "projection_dim": 32, "layer_norm_eps": 1e-5, "hidden_act": "quick_gelu",
    "model_type": "clip_vision_model",
}  # fmt: skip
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
WORDS = (
    "This is a skin lesion image. From the following categories: melanoma, nevus, basal cell carcinoma, which one is "
    "the diagnosis? Is the lesion benign or malignant? What is shown in the picture? Answer yes or no. USER: ASSISTANT:"
    " A chat between a curious user and an artificial intelligence assistant. [INST] [/INST] polite answers to the user"
)


def config(family: str, **changes: Any) -> dict[str, Any]:
    """``config.json`` of a tiny original model: ``"mistral"`` (LLaVA-Med 1.5) or ``"llama"`` (LLaVA 1.5)."""
    return {
        "architectures": ["LlavaMistralForCausalLM" if family == "mistral" else "LlavaLlamaForCausalLM"],
        "model_type": "llava_mistral" if family == "mistral" else "llava_llama",
        "vocab_size": 300, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2 if family == "mistral" else 4, "hidden_act": "silu",
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5 if family == "mistral" else 1e-6,
        "rope_theta": 1e6 if family == "mistral" else 1e4, "sliding_window": None, "tie_word_embeddings": False,
        "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32", "image_aspect_ratio": "pad",
        "mm_hidden_size": 32, "mm_projector_type": "mlp2x_gelu", "mm_vision_select_layer": -2,
        "mm_vision_select_feature": "patch", "mm_vision_tower": "openai/clip-tiny", "mm_use_im_start_end": False,
        "mm_use_im_patch_token": False, "tokenizer_model_max_length": 2048, "use_mm_proj": True, **changes,
    }  # fmt: skip


def draw_tower(seed: int = 5, **changes: Any) -> dict[str, torch.Tensor]:
    """Random weights of a CLIP tower under the names of a stand-alone one."""
    made, sizes = torch.Generator().manual_seed(seed), {**VISION, **changes}
    width, inner, patch = sizes["hidden_size"], sizes["intermediate_size"], sizes["patch_size"]
    places = (sizes["image_size"] // patch) ** 2 + 1

    def draw(*shape: int, scale: float = 0.25) -> torch.Tensor:
        return torch.randn(*shape, generator=made) * scale

    weights = {
        "embeddings.class_embedding": draw(width),
        "embeddings.patch_embedding.weight": draw(width, 3, patch, patch, scale=0.06),
        "embeddings.position_embedding.weight": draw(places, width),
    }
    for norm in ("pre_layrnorm", "post_layernorm"):
        weights |= {f"{norm}.weight": 1 + draw(width), f"{norm}.bias": draw(width)}
    for layer in range(sizes["num_hidden_layers"]):
        start = f"encoder.layers.{layer}."
        for name, out, into in (
            *((f"self_attn.{each}_proj", width, width) for each in ("k", "v", "q", "out")),
            ("mlp.fc1", inner, width),
            ("mlp.fc2", width, inner),
        ):
            weights |= {f"{start}{name}.weight": draw(out, into), f"{start}{name}.bias": draw(out)}
        for norm in ("layer_norm1", "layer_norm2"):
            weights |= {f"{start}{norm}.weight": 1 + draw(width), f"{start}{norm}.bias": draw(width)}
    return {f"vision_model.{key}": value for key, value in weights.items()}


def draw_weights(settings: dict[str, Any], tower: dict[str, torch.Tensor], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights of a whole model under their original names; large ones, so that every mistake shows."""
    made = torch.Generator().manual_seed(seed)
    width, inner, rows = settings["hidden_size"], settings["intermediate_size"], settings["vocab_size"]
    keys = width // settings["num_attention_heads"] * settings["num_key_value_heads"]

    def draw(*shape: int, scale: float = 0.2) -> torch.Tensor:
        return torch.randn(*shape, generator=made) * scale

    weights = {"model.embed_tokens.weight": draw(rows, width)}
    for layer in range(settings["num_hidden_layers"]):
        start = f"model.layers.{layer}."
        for name, out, into in (
            ("self_attn.q_proj", width, width), ("self_attn.k_proj", keys, width), ("self_attn.v_proj", keys, width),
            ("self_attn.o_proj", width, width), ("mlp.gate_proj", inner, width), ("mlp.up_proj", inner, width),
            ("mlp.down_proj", width, inner),
        ):  # fmt: skip
            weights[f"{start}{name}.weight"] = draw(out, into)
        for norm in ("input_layernorm", "post_attention_layernorm"):
            weights[f"{start}{norm}.weight"] = 1 + draw(width)
    weights["model.norm.weight"] = 1 + draw(width)
    weights["lm_head.weight"] = draw(rows, width, scale=0.08)
    weights |= {f"model.vision_tower.vision_tower.{key}": value for key, value in tower.items()}
    for place, into in ((0, settings["mm_hidden_size"]), (2, width)):
        weights[f"model.mm_projector.{place}.weight"] = draw(width, into)
        weights[f"model.mm_projector.{place}.bias"] = draw(width)
    return weights


def draw_tokenizer(folder: Path, size: int = 300) -> Any:
    """``tokenizer.model`` as Llama and Mistral have it: BPE, byte fallback, every blank kept, a blank put in front."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([WORDS] * 20), model_writer=model, vocab_size=size, model_type="bpe",
        byte_fallback=True, add_dummy_prefix=True, remove_extra_whitespaces=False, character_coverage=1.0,
        normalization_rule_name="identity", unk_id=0, bos_id=1, eos_id=2, pad_id=-1, minloglevel=2,
        hard_vocab_limit=False,
    )  # fmt: skip
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    settings = {
        "tokenizer_class": "LlamaTokenizer", "legacy": True, "add_bos_token": True, "add_eos_token": False,
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<unk>",
        "model_max_length": 2048, "padding_side": "right",
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def as_fast(folder: Path) -> None:
    """Turn ``tokenizer.model`` into a ``tokenizer.json`` as Vicuna has it: space marks come from the normalizer."""
    from transformers import AutoTokenizer, LlamaConfig

    backend = AutoTokenizer.from_pretrained(folder, config=LlamaConfig()).backend_tokenizer
    stored = json.loads(backend.to_str())
    replaced = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    stored["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replaced]}
    stored["pre_tokenizer"] = None
    (folder / "tokenizer.json").write_text(json.dumps(stored))
    (folder / "tokenizer.model").unlink()


def prompt_ids(tokenizer: Any, prompt: str) -> list[int]:
    """``tokenizer_image_token``: the pieces between ``<image>`` one by one, one BOS, ``IMAGE_TOKEN`` between them.

    Special tokens written in the text (``</s>``) are set aside first, as Llama's tokenizer does.
    """
    ids = [1]
    for place, piece in enumerate(prompt.split("<image>")):
        if place:
            ids.append(IMAGE_TOKEN)
        for number, part in enumerate(piece.split("</s>")):
            ids += [2] * bool(number)
            ids += tokenizer.encode(part) if part else []
    return ids


def prepare(picture: Image.Image, side: int, pad: bool = True) -> torch.Tensor:
    """``expand2square`` with the mean colour, then CLIP: shortest side to ``side``, centre, scale; 1 × 3 × side²."""
    width, height = picture.size
    if pad and width != height:
        longest = max(width, height)
        square = Image.new("RGB", (longest, longest), tuple(int(each * 255) for each in CLIP_MEAN))
        square.paste(picture, ((longest - width) // 2, (longest - height) // 2))
        picture, width, height = square, longest, longest
    size = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    pixels = np.asarray(picture.resize(size, Image.Resampling.BICUBIC), np.float32)
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    pixels = pixels[top : top + side, left : left + side] / 255
    pixels = (pixels - np.array(CLIP_MEAN, np.float32)) / np.array(CLIP_STD, np.float32)
    return torch.from_numpy(pixels.transpose(2, 0, 1))[None]


def see(tower: dict[str, torch.Tensor], pixels: torch.Tensor, layer: int = -2, feature: str = "patch") -> torch.Tensor:
    """CLIP: the hidden states of one layer (0: the embeddings), without the CLS token for ``"patch"``."""
    get = {key.removeprefix("vision_model."): value for key, value in tower.items()}.__getitem__
    patches = functional.conv2d(pixels, get("embeddings.patch_embedding.weight"), stride=VISION["patch_size"])
    states = patches.flatten(2).transpose(1, 2)
    first = get("embeddings.class_embedding").expand(len(pixels), 1, -1)
    states = torch.cat([first, states], 1) + get("embeddings.position_embedding.weight")

    def norm(name: str, states: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(states, states.shape[-1:], get(f"{name}.weight"), get(f"{name}.bias"), 1e-5)

    def linear(name: str, states: torch.Tensor) -> torch.Tensor:
        return states @ get(f"{name}.weight").T + get(f"{name}.bias")

    states = norm("pre_layrnorm", states)
    seen = [states]
    for place in range(VISION["num_hidden_layers"]):
        start = f"encoder.layers.{place}"
        into = norm(f"{start}.layer_norm1", states)
        heads = [_heads(linear(f"{start}.self_attn.{each}_proj", into), 4) for each in "qkv"]
        states = states + linear(f"{start}.self_attn.out_proj", _attend(*heads, mask=None))
        into = linear(f"{start}.mlp.fc1", norm(f"{start}.layer_norm2", states))
        states = states + linear(f"{start}.mlp.fc2", into * torch.sigmoid(1.702 * into))
        seen.append(states)
    return seen[layer][:, 1:] if feature == "patch" else seen[layer]


def _heads(states: torch.Tensor, heads: int) -> torch.Tensor:
    """batch × places × width to batch × heads × places × (width / heads)."""
    return states.unflatten(-1, (heads, -1)).transpose(1, 2)


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return (scores.softmax(-1) @ value).transpose(1, 2).flatten(-2)


def _turn(states: torch.Tensor, theta: float) -> torch.Tensor:
    """Rotary positions: pairs (i, i + half) turn by place · theta^(-i / half)."""
    places, half = states.shape[-2], states.shape[-1] // 2
    angles = torch.arange(places)[:, None] * theta ** (-torch.arange(half, dtype=torch.float32) / half)
    left, right = states[..., :half], states[..., half:]
    return torch.cat([left * angles.cos() - right * angles.sin(), right * angles.cos() + left * angles.sin()], -1)


def decode(weights: dict[str, torch.Tensor], settings: dict[str, Any], states: torch.Tensor) -> torch.Tensor:
    """Llama or Mistral on embeddings, 1 × places × width, to logits, 1 × places × tokens."""
    heads, groups = settings["num_attention_heads"], settings["num_key_value_heads"]
    places = torch.arange(states.shape[1])
    mask = places[:, None] >= places
    if settings["sliding_window"]:
        mask &= places[:, None] - places < settings["sliding_window"]

    def norm(name: str, states: torch.Tensor) -> torch.Tensor:
        size = states.pow(2).mean(-1, keepdim=True) + settings["rms_norm_eps"]
        return states * size.rsqrt() * weights[f"{name}.weight"]

    for layer in range(settings["num_hidden_layers"]):
        start = f"model.layers.{layer}"
        into = norm(f"{start}.input_layernorm", states)
        query, key, value = (
            _heads(into @ weights[f"{start}.self_attn.{each}_proj.weight"].T, number)
            for each, number in (("q", heads), ("k", groups), ("v", groups))
        )
        query, key = _turn(query, settings["rope_theta"]), _turn(key, settings["rope_theta"])
        key, value = (each.repeat_interleave(heads // groups, 1) for each in (key, value))
        states = states + _attend(query, key, value, mask) @ weights[f"{start}.self_attn.o_proj.weight"].T
        into = norm(f"{start}.post_attention_layernorm", states)
        gate, up = (into @ weights[f"{start}.mlp.{each}_proj.weight"].T for each in ("gate", "up"))
        states = states + (functional.silu(gate) * up) @ weights[f"{start}.mlp.down_proj.weight"].T
    return norm("model.norm", states) @ weights["lm_head.weight"].T


def forward(
    weights: dict[str, torch.Tensor],
    settings: dict[str, Any],
    tower: dict[str, torch.Tensor],
    ids: list[int],
    pixels: torch.Tensor,
) -> torch.Tensor:
    """Logits of the original model, 1 × places × tokens; each ``IMAGE_TOKEN`` gives way to all features of a picture.

    ``pixels``: pictures × 3 × side × side, in the order of their tokens.
    """
    features = see(tower, pixels, settings["mm_vision_select_layer"], settings["mm_vision_select_feature"])
    for place, name in enumerate(("model.mm_projector.0", "model.mm_projector.2")):
        features = features @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        features = features if place else functional.gelu(features)
    pictures, parts = iter(features), []
    for each in ids:
        parts.append(next(pictures) if each == IMAGE_TOKEN else weights["model.embed_tokens.weight"][each][None])
    return decode(weights, settings, torch.cat(parts)[None])


def write(
    folder: Path,
    settings: dict[str, Any],
    weights: dict[str, torch.Tensor],
    *,
    pickled: bool = True,
    shards: int = 2,
) -> Any:
    """Write a whole original checkpoint; returns its tokenizer (sentencepiece)."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings, indent=1))
    stem, ending = ("pytorch_model", ".bin") if pickled else ("model", ".safetensors")
    names, places = list(weights), {}
    for shard in range(shards):
        file = f"{stem}-{shard + 1:05d}-of-{shards:05d}{ending}"
        held = {key: weights[key].clone() for key in names[shard::shards]}
        places |= dict.fromkeys(held, file)
        if pickled:
            torch.save(held, folder / file)
        else:
            save_file(held, folder / file, metadata={"format": "pt"})
    (folder / f"{stem}{ending}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return draw_tokenizer(folder)


def write_tower(folder: Path, tower: dict[str, torch.Tensor], **changes: Any) -> Path:
    """A stand-alone CLIP as the Hub has it: both halves, a nested config, its picture preparation."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    vision = {key: value for key, value in {**VISION, **changes}.items() if key != "model_type"}
    (folder / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": vision, "text_config": {}}))
    side = vision["image_size"]
    prepared = {"image_mean": CLIP_MEAN, "image_std": CLIP_STD, "resample": 3, "size": side, "crop_size": side}
    (folder / "preprocessor_config.json").write_text(json.dumps(prepared))
    text = {"text_model.final_layer_norm.weight": torch.ones(8), "logit_scale": torch.tensor(4.6)}
    save_file({**{key: value.clone() for key, value in tower.items()}, **text}, folder / "model.safetensors")
    return folder
