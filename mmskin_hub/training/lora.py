"""Which weights are trained, at which rate: LoRA on the language model, the projector whole, the vision tower frozen.

A list of layer names, or ``all-linear``, would hit the vision tower too: its layers bear the same names as those of
the language model. So the layers are named by a regular expression that begins with the language model's own place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mmskin_hub.errors import MissingExtra, WrongUse
from mmskin_hub.training.arguments import ScriptArguments

LANGUAGE, PROJECTOR, VISION = "language", "projector", "vision"
"""The groups of weights; those of the optimizer bear these names, in this order."""

PROJECTORS = ("multi_modal_projector", "mm_projector", "connector", "merger", "aligner")
"""How transformers calls the part between tower and language model: LLaVA and Gemma3, …, Idefics3, Qwen-VL, Janus."""
MORE_PROJECTORS = ("deepstack_merger_list",)
"""Lists of further projectors (Qwen3-VL)."""
TOWERS = ("vision_tower", "vision_model", "visual", "vision_encoder")
_LANGUAGE = ("language_model", "text_model")


def _ends(model: Any, names: tuple[str, ...]) -> Iterator[str]:
    """Full names of the outermost modules whose last part is one of ``names``."""
    found: list[str] = []
    for full, _ in model.named_modules():
        if full.rpartition(".")[2] in names and not any(full.startswith(f"{outer}.") for outer in found):
            found.append(full)
            yield full


def language_model(model: Any) -> str:
    """Where the language model's decoder is: "model.language_model" in LLaVA. Raises WrongUse where there is none."""
    for name in _ends(model, _LANGUAGE):
        # A tower that reads text (CLIP's other half) may bear the name too; a decoder has embeddings for its words.
        if hasattr(model.get_submodule(name), "get_input_embeddings") and not _within(name, TOWERS):
            return name
    raise WrongUse(
        f"No language model was found in {type(model).__name__}.",
        "Name the layers for LoRA yourself: --lora_target_modules REGEX",
    )


def _within(name: str, parts: tuple[str, ...]) -> bool:
    return any(part in parts for part in name.split("."))


def projectors(model: Any, missing: bool = False) -> list[str]:
    """Where the projector is, or its parts are; raises :class:`WrongUse` where none is known, unless it may miss."""
    found = list(_ends(model, PROJECTORS))
    for name in _ends(model, MORE_PROJECTORS):
        # A list cannot be called, so PEFT cannot put itself in its place: its members can.
        found += [f"{name}.{number}" for number, _ in enumerate(model.get_submodule(name))]
    if not found and not missing:
        raise WrongUse(
            f"No projector was found in {type(model).__name__}.",
            "Name it with --lora_modules_to_save NAME, or say --train_projector false",
        )
    return found


def towers(model: Any) -> list[str]:
    """Where the vision tower is."""
    return list(_ends(model, TOWERS))


def layers_for_lora(model: Any) -> str:
    """A regular expression that matches, as a whole, the linear layers of the language model's blocks and no others.

    The original recipe takes the same: every linear layer but those of the projector, the tower and the head
    (LLaVA, ``find_all_linear_names``).
    """
    from torch import nn

    place = language_model(model)
    names = sorted(
        {name.rpartition(".")[2] for name, module in model.get_submodule(place).named_modules()
         if isinstance(module, nn.Linear) and ".layers." in f".{name}"}
    )  # fmt: skip
    return rf"{re.escape(place)}\.(?:.+\.)?layers\.\d+\.(?:.+\.)?(?:{'|'.join(names)})"


def lora_config(model: Any, arguments: Any, script: ScriptArguments) -> Any:
    """The ``LoraConfig`` that trl's ``ModelConfig`` (``arguments``) and ours ask for; ``None`` without ``use_peft``."""
    if not arguments.use_peft:
        return None
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingExtra("LoRA", "train", error.name or "peft") from error
    named = list(arguments.lora_modules_to_save or [])
    opened = towers(model) if script.open_vision_tower else []
    # Whoever names layers of a model whose projector is not known means that one, too.
    parts = projectors(model, missing=bool(named)) if script.train_projector else []
    # A projector within an opened tower (Qwen-VL) is trained with it, and cannot be wrapped twice.
    parts = [*opened, *(part for part in parts if not any(part.startswith(f"{tower}.") for tower in opened))]
    whole = [*parts, *(name for name in named if not any(f".{part}".endswith(f".{name}") for part in parts))]
    return LoraConfig(
        task_type=arguments.lora_task_type,
        r=arguments.lora_r,
        lora_alpha=arguments.lora_alpha,
        lora_dropout=arguments.lora_dropout,
        target_modules=arguments.lora_target_modules or layers_for_lora(model),
        target_parameters=arguments.lora_target_parameters,
        modules_to_save=whole or None,
        use_rslora=arguments.use_rslora,
        use_dora=arguments.use_dora,
        bias="none",
    )


def freeze(model: Any, script: ScriptArguments) -> None:
    """For a full fine-tune: freeze what is not to be trained."""
    between = projectors(model)
    for name, weights in model.named_parameters():
        kind = kind_of(name, between)
        if kind == VISION:
            weights.requires_grad_(script.open_vision_tower)
        elif kind == PROJECTOR:
            weights.requires_grad_(script.train_projector)


def kind_of(name: str, between: list[str]) -> str:
    """Which group the weights ``name`` belong to; ``between``: what :func:`projectors` found, before PEFT."""
    bare = f".{name.replace('.modules_to_save.default', '').replace('.original_module', '')}."
    if any(f".{part}." in bare for part in between):
        return PROJECTOR
    return VISION if _within(bare, TOWERS) else LANGUAGE


def in_full_precision(model: Any) -> None:
    """Keep the weights that are trained as float32, whatever the base is in.

    A step of 2e-5 is below what bfloat16 can tell apart from nothing at most weights: they would not move.
    """
    import torch

    for weights in model.parameters():
        if weights.requires_grad and weights.dtype in (torch.bfloat16, torch.float16):
            weights.data = weights.data.float()
