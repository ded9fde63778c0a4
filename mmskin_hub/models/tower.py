"""Which vision tower a converted model gets: the one in the checkpoint, or the one ``mm_vision_tower`` names.

The original code builds the tower by name and then loads the checkpoint. Where ``unfreeze_mm_vision_tower`` is set the
checkpoint's weights overwrite the named ones; where it is not, the tower is loaded *after* the checkpoint, so weights
of a tower in the checkpoint are never used (``clip_encoder.py`` and ``builder.py`` of LLaVA). The two may differ, so
both are compared wherever both can be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse, describe
from mmskin_hub.models.folder import Weights, find_weights, open_weights
from mmskin_hub.models.keys import tower_name

CHECKPOINT, NAMED = "checkpoint", "named"
_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 768,
}
KNOWN = {
    "openai/clip-vit-large-patch14-336": {**_LARGE, "image_size": 336},
    "openai/clip-vit-large-patch14": {**_LARGE, "image_size": 224},
}
"""Configs of the towers LLaVA was published with, for when the checkpoint is all there is."""


@dataclass(frozen=True, slots=True)
class NamedTower:
    """The tower that ``mm_vision_tower`` names, as far as it can be read; ``weights`` is ``None`` where it cannot."""

    name: str
    folder: Path | None
    config: dict[str, Any]
    preprocessing: dict[str, Any]
    weights: Weights | None
    note: str = ""

    def keys(self, natives: Collection[str]) -> dict[str, str]:
        """Its names by their native one."""
        if self.weights is None:
            return {}
        return {found: key for key in self.weights.tensors if (found := tower_name(key, natives))}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which tower is used and why, in words for a person; ``facts`` go into the record."""

    source: str
    why: str
    warning: str
    facts: dict[str, Any]


def named_tower(name: str, given: Path | None, held: bool, pickles: bool) -> NamedTower:
    """Find the tower called ``name``: the folder ``given``, else a folder of that name, else the Hub's cache.

    ``held`` says that the checkpoint has a tower too: then nothing is fetched. Raises :class:`WrongUse` where ``given``
    is no CLIP tower, and :class:`MmskinError` where a tower is needed and cannot be had.
    """
    folder = given or _local(name)
    if folder is None and not held:
        folder = _fetched(name)
    if folder is None:
        if name not in KNOWN:
            raise WrongUse(
                f"The checkpoint names the vision tower {name!r}; its config (heads, image size) is not here.",
                "Fetch that model, and name its folder with --vision-tower DIR.",
            )
        return NamedTower(name, None, dict(KNOWN[name]), {}, None, "it is not on this machine")
    config = _vision_config(folder, given is not None)
    weights, note = None, f"{folder.name} holds no weights"
    try:
        if find_weights(folder):
            weights, note = open_weights(folder, pickles), ""
    except MmskinError as error:
        if given is not None or not held:
            raise
        note = error.what.replace(str(folder), folder.name)
    if weights is None and not held:
        raise MmskinError(
            f"Neither the checkpoint nor {folder} holds the weights of the vision tower {name!r}.",
            "Fetch that model, and name its folder with --vision-tower DIR.",
        )
    preprocessing = _json(folder / "preprocessor_config.json") if (folder / "preprocessor_config.json").exists() else {}
    return NamedTower(name, folder, config, preprocessing, weights, note)


def _local(name: str) -> Path | None:
    if Path(name).expanduser().is_dir():
        return Path(name).expanduser()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        found = Path(snapshot_download(name, local_files_only=True))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError):
        return None
    return found if (found / "config.json").exists() else None


def _fetched(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "pytorch_model*.bin"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise MmskinError(
            f"The checkpoint holds no vision tower, and {name!r}, which it names, cannot be had ({describe(error)}).",
            "Fetch that model, and name its folder with --vision-tower DIR.",
        ) from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUse(f"{path} cannot be read ({describe(error)}).", "Name the folder of a CLIP model.") from error
    return found if isinstance(found, dict) else {}


def _vision_config(folder: Path, given: bool) -> dict[str, Any]:
    config = _json(folder / "config.json")
    if config.get("model_type") == "clip":
        # The vision half of a whole CLIP may leave out what equals transformers' defaults.
        config = {"model_type": "clip_vision_model", **(config.get("vision_config") or {})}
    if config.get("model_type") != "clip_vision_model":
        what = f"--vision-tower {folder}" if given else str(folder)
        raise WrongUse(
            f"{what} is no CLIP vision tower but a {config.get('model_type', 'folder without model_type')!r}.",
            "LLaVA 1.5 and LLaVA-Med 1.5 see with CLIP.",
        )
    return config


def compare(
    checkpoint: Weights, held: dict[str, str], named: NamedTower, keys: dict[str, str], dtype: Any
) -> dict[str, Any]:
    """Where two towers differ, both as ``dtype``. ``held`` and ``keys``: the names in each, by their native name.

    ``tensors``: how many were compared, ``differing`` of them, by at most ``max_difference``; ``only_checkpoint`` and
    ``only_named``: how many one lacks; ``shapes``: names whose shapes differ.
    """
    assert named.weights is not None
    both = [name for name in held if name in keys]
    shapes, differing, largest = [], 0, 0.0
    for name in both:
        ours, theirs = checkpoint.get(held[name]).to(dtype), named.weights.get(keys[name]).to(dtype)
        if ours.shape != theirs.shape:
            shapes.append(name)
        elif not bool((ours == theirs).all()):
            differing += 1
            largest = max(largest, float((ours.float() - theirs.float()).abs().max()))
    return {
        "tensors": len(both),
        "differing": differing,
        "max_difference": largest,
        "shapes": shapes,
        "only_checkpoint": len(held) - len(both),
        "only_named": len(keys) - len(both),
    }


def choose(
    wanted: str, held: dict[str, str], named: NamedTower, unfrozen: bool, compared: Callable[[], dict[str, Any]]
) -> Choice:
    """Decide between the two as the original code would, or as ``wanted`` (``"auto"``, or one of the two) says."""
    facts: dict[str, Any] = {"named": named.name, "unfreeze_mm_vision_tower": unfrozen}
    # The name of the folder alone: what is told here goes into the record, and paths are of no use elsewhere.
    here = f"{named.name} (in {named.folder.name})" if named.folder else named.name
    if wanted == NAMED and named.weights is None:
        raise WrongUse(f"--tower named: {here} cannot be read: {named.note}.", "Name its folder: --vision-tower DIR")
    if wanted == CHECKPOINT and not held:
        raise WrongUse("--tower checkpoint: the checkpoint holds no vision tower.", "Leave --tower out.")
    if not held:
        why = f"the checkpoint holds no vision tower; {here} is used, as the original code does"
        return Choice(NAMED, why, "", {**facts, "used": NAMED, "why": why})
    if named.weights is None:
        why = f"the checkpoint's own vision tower is used; it was not compared with {here}: {named.note}"
        warning = "" if unfrozen else f"{why}. The original code would load {named.name} in its place"
        return Choice(CHECKPOINT, why, warning, {**facts, "used": CHECKPOINT, "why": why})
    found = compared()
    facts["compared"] = found
    if not (found["differing"] or found["shapes"] or found["only_named"]):
        why = f"the vision tower in the checkpoint equals {here}"
        return Choice(CHECKPOINT, why, "", {**facts, "used": CHECKPOINT, "why": why})
    differ = (
        f"the vision tower in the checkpoint differs from {here} in {found['differing'] + len(found['shapes'])} of "
        f"{found['tensors']} tensors (by at most {found['max_difference']:.3g})"
    )
    source = wanted if wanted in (CHECKPOINT, NAMED) else (CHECKPOINT if unfrozen else NAMED)
    reason = {
        CHECKPOINT: "unfreeze_mm_vision_tower is set: it was trained with the model, and the original code loads it",
        NAMED: "unfreeze_mm_vision_tower is not set: the original code loads the named one over it",
    }[CHECKPOINT if unfrozen else NAMED]
    if wanted in (CHECKPOINT, NAMED):
        reason = f"--tower {wanted} was said"
    used = "the checkpoint's is used" if source == CHECKPOINT else "the named one is used"
    why = f"{differ}; {used}, because {reason}"
    return Choice(source, why, why, {**facts, "used": source, "why": why})
