"""What an original checkpoint is, what the native model looks like, and whether the one can become the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.models.folder import Weights
from mmskin_hub.models.keys import EMBEDDINGS, LANGUAGE, PROJECTOR, Names, part_of

FAMILIES = {"LlavaMistralForCausalLM": "mistral", "LlavaLlamaForCausalLM": "llama"}
_TEXT = (
    "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "hidden_act", "max_position_embeddings", "initializer_range", "rms_norm_eps", "rope_theta", "rope_scaling",
    "rope_parameters", "sliding_window", "attention_bias", "attention_dropout", "mlp_bias", "bos_token_id",
    "eos_token_id", "tie_word_embeddings", "use_cache",
)  # fmt: skip
"""What of the original config describes the language model."""


def read_original(folder: Path) -> dict[str, Any]:
    """The config of an original checkpoint; raises :class:`WrongUse` where ``folder`` holds anything else."""
    path = folder / "config.json"
    if not folder.is_dir():
        raise WrongUse(f"There is no folder {folder}.", "Fetch the model first: hf download OWNER/NAME --local-dir DIR")
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        architecture = config["architectures"][0]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        hint = "It is an adapter: convert its base, then train or merge." if _is_adapter(folder) else ""
        raise WrongUse(f"{path} is not the config of a model.", hint or "Name the folder of the model.") from error
    if architecture == "LlavaForConditionalGeneration":
        raise WrongUse(f"{folder} is in the layout of transformers already.", "Use it as it is.")
    if architecture not in FAMILIES:
        raise WrongUse(
            f"{folder} holds a {architecture}; what can be converted is {' and '.join(FAMILIES)}.",
            "Name the folder of LLaVA-Med 1.5 or of LLaVA 1.5.",
        )
    _refuse_others(folder, config)
    return config


def _is_adapter(folder: Path) -> bool:
    return (folder / "adapter_config.json").exists()


def _refuse_others(folder: Path, config: dict[str, Any]) -> None:
    """LLaVA 1.6 and other relatives use the same class names, and another forward pass."""
    for key, allowed in (
        ("mm_projector_type", ("mlp2x_gelu",)),
        ("image_aspect_ratio", ("pad", "square", None)),
        ("mm_patch_merge_type", ("flat", None)),
        ("mm_vision_select_feature", ("patch", "cls_patch", None)),
        ("s2", (False, None)),
    ):
        if config.get(key) not in allowed:
            words = " or ".join(repr(each) for each in allowed if each)
            raise WrongUse(
                f"{folder / 'config.json'}: {key} is {config.get(key)!r}; LLaVA 1.5 and LLaVA-Med 1.5 have {words}.",
                "This is another model, which the native LLaVA cannot compute.",
            )
    absent = [key for key in ("mm_vision_tower", "vocab_size", "hidden_size") if not config.get(key)]
    if absent:
        raise WrongUse(f"{folder / 'config.json'} lacks {', '.join(absent)}.", "Fetch the whole model again.")


def main_dtype(weights: Weights) -> str:
    """The dtype most of the language model is stored in; the original code, too, runs the whole model in one."""
    counts: dict[str, int] = {}
    for key, tensor in weights.tensors.items():
        if part_of(key) == LANGUAGE and "float" in tensor.dtype:
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + numel(tensor.shape)
    if not counts:
        raise MmskinError(
            f"{weights.folder} holds no language model (model.layers.…): {_some(list(weights.tensors))}",
            "Name the folder of the whole model; an adapter or a projector alone cannot be converted.",
        )
    return max(sorted(counts), key=lambda name: counts[name])


def embedding_rows(weights: Weights) -> int:
    """How many tokens the embedding holds."""
    found = weights.tensors.get("model.embed_tokens.weight")
    if found is None or len(found.shape) != 2:
        raise MmskinError(f"{weights.folder} lacks model.embed_tokens.weight.", "Fetch the whole model again.")
    return found.shape[0]


def numel(shape: tuple[int, ...]) -> int:
    """How many numbers a tensor of that shape holds."""
    count = 1
    for side in shape:
        count *= side
    return count


def _some(keys: list[str], limit: int = 8) -> str:
    return f"{', '.join(keys[:limit])}{f' … ({len(keys)} in all)' if len(keys) > limit else ''}"


def native_config(original: dict[str, Any], vision: dict[str, Any], processor: Any, rows: int, dtype: str) -> Any:
    """The ``LlavaConfig`` of an original config. ``rows``: of the embedding; the vocabulary is the next multiple of 64.

    ``vision``: the config of the tower. ``processor``: where the new tokens are known.
    """
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, MistralConfig

    tokenizer = processor.tokenizer
    size = -(-max(rows, len(tokenizer)) // 64) * 64
    text = {key: original[key] for key in _TEXT if key in original}
    kind = MistralConfig if FAMILIES[original["architectures"][0]] == "mistral" else LlamaConfig
    sight = CLIPVisionConfig(**{key: value for key, value in vision.items() if key not in ("model_type", "dtype")})
    whole = original.get("mm_vision_select_feature") == "cls_patch"
    config = LlavaConfig(
        vision_config=sight,
        text_config=kind(**text, vocab_size=size, pad_token_id=tokenizer.pad_token_id),
        image_token_index=processor.image_token_id,
        image_seq_length=(sight.image_size // sight.patch_size) ** 2 + whole,
        projector_hidden_act="gelu",
        vision_feature_layer=int(original.get("mm_vision_select_layer", -2)),
        vision_feature_select_strategy="full" if whole else "default",
        tie_word_embeddings=bool(original.get("tie_word_embeddings", False)),
    )
    config.architectures = ["LlavaForConditionalGeneration"]
    config.dtype = dtype
    return config


def vocabulary(config: Any) -> int:
    """The rows of the native model's embedding."""
    return int(config.text_config.vocab_size)


def native_shapes(config: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the native model, from a model without memory."""
    import torch
    from transformers import LlavaForConditionalGeneration

    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def refuse_strange(weights: Weights, names: Names) -> None:
    """Raise :class:`MmskinError` for a checkpoint without a projector, or with weights nothing is known of."""
    if not names.of(PROJECTOR):
        raise MmskinError(
            f"{weights.folder} holds no projector (model.mm_projector.0 and .2): without it the model sees nothing.",
            "It may lie apart (mm_projector.bin), or this is the language model alone. Name the whole model.",
        )
    if names.unknown:
        raise MmskinError(
            f"{weights.folder} holds {len(names.unknown)} weights that LLaVA 1.5 has no place for: "
            f"{_some(sorted(names.unknown), 12)}.",
            "This is another model, or it has another depth than its config.json says; nothing was written.",
        )


def refuse_misfits(
    folder: Path, sources: dict[str, tuple[Weights, str]], shapes: dict[str, tuple[int, ...]], rows: int
) -> None:
    """Raise :class:`MmskinError` where a weight of the native model has no source, or one of another shape."""
    absent = [name for name in shapes if name not in sources]
    if absent:
        raise MmskinError(
            f"{folder} lacks {len(absent)} weights of the model its config.json describes (by their native names): "
            f"{_some(absent)}.",
            "Fetch the whole model again; nothing was written.",
        )
    for name, (weights, key) in sources.items():
        found, wanted = weights.tensors[key].shape, shapes[name]
        if name in EMBEDDINGS:
            wanted = (rows, *wanted[1:])
        if found != wanted:
            raise MmskinError(
                f"{weights.folder}: {key} has the shape {found}, but its config.json asks for {wanted}.",
                "Config and weights are of different models; nothing was written.",
            )
