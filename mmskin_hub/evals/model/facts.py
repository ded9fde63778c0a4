"""What the report says of a model: what tells it from another one, and what it ran on."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import digest_of
from mmskin_hub.engine.tools import installed_versions

PACKAGES = ("torch", "transformers", "tokenizers", "peft", "accelerate", "safetensors", "torchvision", "pillow")
"""Whose versions go to the report: an answer may change with any of them."""


def facts_of(name: str, model: Any, processor: Any, device: Any) -> dict[str, Any]:
    """What tells this model from another one, and how it is run."""
    commit = getattr(model.config, "_commit_hash", None) if not Path(name).is_dir() else None
    weights = f"commit:{commit}" if commit else hash_weights(Path(name))
    import torch

    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        "revision": commit or weights,
        "weights": weights,
        "base": Path(name).resolve().name if Path(name).is_dir() else name,
        "class": type(model).__name__,
        "model_type": model.config.model_type,
        "parameters": sum(each.numel() for each in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": str(device),
        "device_name": gpu or platform.processor() or platform.machine(),
        "attention": getattr(model.config, "_attn_implementation", None),
        "processor": f"{type(processor).__name__} {type(processor.image_processor).__name__}",
        "versions": {"python": platform.python_version(), **installed_versions(PACKAGES)},
    }


def hash_weights(folder: Path) -> str:
    """``sha256:`` and the hash of the names and hashes of the weight files in ``folder``; "" where there are none."""
    # What a trainer was told is pickled beside the weights, and stays at home when they are released.
    found = (path for path in folder.glob("*") if path.name != "training_args.bin")
    files = sorted(path for path in found if path.suffix in (".safetensors", ".bin", ".pt"))
    return f"sha256:{digest_of(folder, files)}" if files else ""
