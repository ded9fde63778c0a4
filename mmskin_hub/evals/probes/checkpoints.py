"""Weights out of a checkpoint, into an architecture of timm.

Weights fit or they do not: every weight of the encoder must be in the file, and every tensor of the file that belongs
to the encoder must be used. What may be left over is what lies outside the prefix under which the encoder was found
(the half of a CLIP that reads, a decoder) and its head; how many such tensors there are is told.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.errors import WrongUse, describe
from mmskin_hub.evals.probes.renames import efficientnet

NESTED = ("model", "state_dict", "model_state_dict", "teacher", "module", "encoder")
PREFIXES = (
    "", "module.", "model.", "encoder.", "backbone.", "visual.trunk.", "visual.", "vision_model.", "trunk.",
    "teacher.", "teacher.backbone.", "student.backbone.", "image_encoder.", "vision_encoder.",
)  # fmt: skip
"""What the names of an encoder's weights may begin with in a checkpoint; two may stand one after the other."""


def read_checkpoint(path: Path, pickle: bool) -> dict[str, Any]:
    """The tensors of a checkpoint by name, out of whatever dictionaries they are wrapped in.

    Raises :class:`WrongUse` for a file that cannot be read, and for a pickle unless ``pickle``; even then nothing but
    tensors and plain values is unpickled.
    """
    import torch

    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return dict(load_file(path))
        except (SafetensorError, OSError) as error:
            raise WrongUse(f"{path} cannot be read: {describe(error)}", "Download it again.") from error
    if not pickle:
        raise WrongUse(
            f"{path} is no safetensors file; a pickle can run code when it is opened.",
            "Convert it with safetensors.torch.save_file, or say --pickle if you trust it.",
        )
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for a file that is no checkpoint
        raise WrongUse(f"{path} cannot be read: {describe(error)}", "Convert it to safetensors.") from error
    while isinstance(found, Mapping) and (inner := next((name for name in NESTED if _wraps(found, name)), None)):
        found = found[inner]
    tensors = (
        {str(key): value for key, value in found.items() if torch.is_tensor(value)}
        if isinstance(found, Mapping)
        else {}
    )
    if not tensors:
        raise WrongUse(f"{path} holds no weights.", "Name a checkpoint.")
    return tensors


def _wraps(held: Mapping[str, Any], name: str) -> bool:
    return isinstance(held.get(name), Mapping)


def load_into(model: Any, tensors: Mapping[str, Any], where: str, sine: bool = False) -> int:
    """Load ``tensors`` into a timm ``model``; returns how many of them belong to something else.

    The prefix is found, and what timm knows to convert is converted (CLIP of the open_clip style, DINOv2, positions of
    another size). With ``sine``, positions that are not there are computed. Raises :class:`WrongUse` with the names
    where weights are missing, left over or of another shape.
    """
    own = dict(model.state_dict())
    tensors = efficientnet(tensors, model)
    prefix = _prefix(tensors, own)
    inside = {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    try:
        converted = dict(_converted(model, dict(tensors) if prefix == "visual." else inside))
    except (RuntimeError, KeyError, ValueError, AttributeError) as error:
        raise WrongUse(f"{where} does not fit the architecture: {describe(error)}", "Name another one.") from error
    if sine and "pos_embed" not in converted:
        height, width = model.patch_embed.grid_size
        converted["pos_embed"] = sine_positions(height, width, int(own["pos_embed"].shape[-1]))
    heads = _heads(model)
    missing = sorted(set(own) - set(converted))
    surplus = sorted(key for key in set(converted) - set(own) if not key.startswith(heads))
    shapes = [
        f"{key} {tuple(converted[key].shape)}, not {tuple(own[key].shape)}"
        for key in sorted(set(own) & set(converted))
        if converted[key].shape != own[key].shape
    ]
    if missing or surplus or shapes:
        found = ((missing, "weights are missing"), (surplus, "are not used"), (shapes, "have another shape"))
        told = [f"{len(names)} {what} ({_few(names)})" for names, what in found if names]
        raise WrongUse(
            f"{where} does not fit the architecture: {'; '.join(told)}.",
            "Name the architecture it was trained with, or mend the names of its weights.",
        )
    model.load_state_dict({key: converted[key] for key in own})
    return len(tensors) - len(set(own) & set(converted))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + ", …" * (len(names) > 3)


def _prefix(tensors: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """The prefix under which most of the encoder's names are found; "visual." for a CLIP of the open_clip style."""
    if "visual.class_embedding" in tensors or "module.visual.class_embedding" in tensors:
        return "visual."
    pairs = dict.fromkeys([*PREFIXES, *(first + second for first in PREFIXES for second in PREFIXES)])
    # Positions may be computed. Of two copies (PanDerm's encoder and its teacher) the first of PREFIXES is taken.
    counts = {prefix: sum(prefix + key in tensors for key in own if key != "pos_embed") for prefix in pairs}
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix)))


def _converted(model: Any, tensors: dict[str, Any]) -> Mapping[str, Any]:
    """``tensors`` as timm's own converter of this architecture leaves them."""
    own = model.state_dict()
    convert = getattr(importlib.import_module(type(model).__module__), "checkpoint_filter_fn", None)
    if convert is None or all(key in tensors and tensors[key].shape == own[key].shape for key in own):
        return tensors
    found: Mapping[str, Any] = convert(tensors, model)
    return found


def _heads(model: Any) -> tuple[str, ...]:
    """What the names of weights begin with that only training needs, the classifier above all: a probe replaces it."""
    named = (getattr(model, "pretrained_cfg", None) or {}).get("classifier") or ()
    names = (named,) if isinstance(named, str) else tuple(named)
    return (*(f"{name}." for name in {*names, "head", "fc", "classifier", "lm_head"}), "mask_token")


def sine_positions(height: int, width: int, columns: int) -> Any:
    """[1, 1 + height * width, columns]: zeros for the first token, then sine and cosine of row and of column.

    As CAE and PanDerm have it: ``columns / 4`` frequencies, 10000 ** -(i / (columns / 4)).
    """
    import torch

    frequencies = 1.0 / 10000.0 ** (torch.arange(columns // 4, dtype=torch.float32) / (columns // 4))
    first, second = torch.meshgrid(
        torch.arange(width, dtype=torch.float32), torch.arange(height, dtype=torch.float32), indexing="ij"
    )
    waves = [grid.flatten()[:, None] * frequencies for grid in (first, second)]
    rows = torch.cat([turned for wave in waves for turned in (wave.sin(), wave.cos())], dim=1)
    return torch.cat([torch.zeros(1, columns), rows])[None]
