"""What fits what: is a model one that sees, does an adapter belong to a base, is there room, which bytes are these."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import sha256_of
from mmskin_hub.errors import MmskinError, OutputExists, WrongUse, describe

ADAPTER = "adapter_config.json"
_ORIGINAL = ("LlavaMistralForCausalLM", "LlavaLlamaForCausalLM")
_WEIGHTS = re.compile(r".*\.(?:safetensors|bin)")
_SNAPSHOT = re.compile(r"models--(?P<owner>[^/]+)--(?P<name>[^/]+)/snapshots/(?P<revision>[0-9a-f]{40})")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_LORA = re.compile(
    r"(?P<module>.+)\.(?P<kind>lora_A|lora_B|lora_embedding_A|lora_embedding_B|lora_magnitude_vector)"
    r"(?:\.weight|\.bias)?"
)
_SIDES = {"lora_A": (1, 1), "lora_B": (0, 0), "lora_embedding_A": (1, 0), "lora_embedding_B": (0, 1)}
"""Of a linear layer (out × in), A is r × in and B is out × r; of an embedding (tokens × width) the reverse."""


def is_vlm(config: Any) -> bool:
    """Whether transformers can load ``config`` as a model of pictures and text that writes text.

    ``config``: a ``PreTrainedConfig``, the content of a ``config.json``, or the folder that holds one.
    """
    found = _config_of(config)
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    sees = any(found.get(key) for key in ("vision_config", "vision_tower", "vision_model"))
    known = found.get("model_type") in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    return known and sees and not _is_original(found)


def require_vlm(config: Any, name: str = "") -> None:
    """Raise :class:`WrongUse` where ``config`` (see :func:`is_vlm`) is none, with the way out where there is one."""
    if is_vlm(config):
        return
    found, name = _config_of(config), name or str(config)
    if _is_original(found):
        raise WrongUse(
            f"{name} is in the layout of the original LLaVA, which transformers cannot load.",
            f"Convert it first: mmskin convert llava-med {name} --out DIR",
        )
    kind = found.get("model_type") or "model of unknown type"
    raise WrongUse(f"{name} is a {kind}, which sees no pictures.", "Name a vision-language model.")


def _is_original(config: Mapping[str, Any]) -> bool:
    return any(each in _ORIGINAL for each in config.get("architectures") or ()) or "mm_vision_tower" in config


def _config_of(config: Any) -> dict[str, Any]:
    if isinstance(config, (str, Path)):
        path = Path(config) / "config.json"
        try:
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise WrongUse(f"{config} holds no readable config.json ({describe(error)}).", "Name a model.") from error
        return found if isinstance(found, dict) else {}
    return dict(config) if isinstance(config, Mapping) else dict(config.to_dict())


def weights_sha256(folder: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """SHA-256 (hex) of every file of weights directly in ``folder``, by its name, in their order.

    Those that are ``known`` (by name) are not read again.
    """
    digests = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and _WEIGHTS.fullmatch(path.name) and path.name != "training_args.bin":
            digests[path.name] = (known or {}).get(path.name) or sha256_of(path)
    return digests


def repository_of(folder: Path) -> dict[str, str]:
    """``repository`` and ``revision`` of a folder that lies in the Hub's cache; empty for any other."""
    found = _SNAPSHOT.search(folder.resolve().as_posix())
    return {"repository": f"{found['owner']}/{found['name']}", "revision": found["revision"]} if found else {}


def check_target(out: Path, overwrite: bool, inputs: Iterable[Path]) -> None:
    """Raise :class:`OutputExists` where ``out`` is no folder to write a model into, or holds one of ``inputs``."""
    target = out.resolve()
    for path in inputs:
        if target == path.resolve() or target in path.resolve().parents:
            raise OutputExists(f"--out {out} holds {path.name}, which is read.", "Name another folder.")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise OutputExists(f"--out {out} is not a plain folder.", "Name another folder.")
    if out.exists() and any(out.iterdir()) and not overwrite:
        raise OutputExists(
            f"--out {out} holds files already.", "Name another folder, or say --overwrite to have all in it replaced."
        )


def check_room(out: Path, needed: int) -> None:
    """Raise :class:`MmskinError` where fewer than ``needed`` bytes are free on the disk of ``out``."""
    parent = next(folder for folder in (out, *out.parents) if folder.exists())
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise MmskinError(
            f"--out {out} needs {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free on that disk.",
            "Make room, or name a folder on another disk.",
        )


@contextmanager
def told_when_full(out: Path) -> Iterator[None]:
    """Turn a disk that fills up while ``out`` is written into a word (safetensors wraps the system's error)."""
    try:
        yield
    except Exception as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        if not full and not re.search(r"No space left|quota exceeded", str(error)):
            raise
        raise MmskinError(
            f"The disk of {out} is full; nothing was left behind.", "Make room, or name a folder on another disk."
        ) from error


def read_adapter(folder: Path) -> dict[str, Any]:
    """The config of the LoRA adapter in ``folder``; raises :class:`WrongUse` where it holds none."""
    path = folder / ADAPTER
    if not path.is_file():
        raise WrongUse(f"{folder} holds no adapter ({ADAPTER}).", _where_else(folder))
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        kind = config["peft_type"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongUse(f"{path} cannot be read ({describe(error)}).", "Name the folder of an adapter.") from error
    if kind != "LORA":
        raise WrongUse(f"{folder} holds a {kind} adapter; only LoRA can be merged.", "Name the folder of another one.")
    if not (folder / "adapter_model.safetensors").is_file():
        raise WrongUse(f"{folder} holds no adapter_model.safetensors.", "The adapter is half saved: name a whole one.")
    return config


def _where_else(folder: Path) -> str:
    if not folder.is_dir():
        return "There is no such folder."
    checkpoints = sorted(
        (path.parent for path in folder.glob(f"checkpoint-*/{ADAPTER}")),
        key=lambda path: (len(path.name), path.name),
    )
    if checkpoints:
        return f"Its newest checkpoint does: {checkpoints[-1]}"
    if (folder / "config.json").is_file():
        return "It is a whole model: there is nothing to merge."
    return "Name the folder that training wrote."


def adapter_fits(adapter: Path, base: Path, config: Mapping[str, Any] | None = None) -> list[str]:
    """Why the adapter does not belong to the model in the folder ``base``, in words; empty where it does.

    Compares the base's name and revision as far as both are known (a folder of the Hub's cache says them), and the
    names and shapes of all weights with a model without memory. ``config``: the adapter's, where it was read before.
    """
    settings = config or read_adapter(adapter)
    return [*_other_base(settings, base), *_misfits(adapter, base, settings)]


def _other_base(settings: Mapping[str, Any], base: Path) -> list[str]:
    name, revision = settings.get("base_model_name_or_path") or "", settings.get("revision")
    here = _SNAPSHOT.search(base.resolve().as_posix())
    of = _SNAPSHOT.search(str(name))
    if of is not None:
        name, revision = f"{of['owner']}/{of['name']}", of["revision"]
    if here is None:
        return []
    given = f"{here['owner']}/{here['name']}"
    if re.fullmatch(r"[\w.-]+/[\w.-]+", str(name)) and not Path(str(name)).exists() and name != given:
        return [f"it was trained on {name}, and the base is {given}"]
    if revision and _COMMIT.fullmatch(str(revision)) and revision != here["revision"]:
        return [f"it was trained on revision {revision} of {name}, and the base is at {here['revision']}"]
    return []


def _misfits(adapter: Path, base: Path, settings: Mapping[str, Any]) -> list[str]:
    shapes = _base_shapes(base)
    unknown, wrong = [], []
    for key, shape in _adapter_shapes(adapter).items():
        name = key.removeprefix("base_model.model.").replace(".modules_to_save.", ".")
        match = _LORA.fullmatch(name)
        found = shapes.get(f"{match['module']}.weight" if match else name)
        if found is None:
            unknown.append(match["module"] if match else name)
        elif match is None:
            wrong += [] if shape == found else [f"{name} is {shape} in the adapter and {found} in the base"]
        elif len(found) == len(shape) == 2 and match["kind"] in _SIDES and not settings.get("fan_in_fan_out"):
            ours, theirs = _SIDES[match["kind"]]
            if shape[ours] != found[theirs]:
                wrong.append(f"{name} is {shape}, and the layer of the base is {found}")
    problems = []
    if unknown:
        names = list(dict.fromkeys(unknown))
        problems.append(f"{len(names)} of its layers are not in the base: {', '.join(names[:4])}")
    if wrong:
        problems.append(f"{len(wrong)} weights have other shapes: {'; '.join(wrong[:3])}")
    return problems


def _adapter_shapes(adapter: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import SafetensorError, safe_open

    path = adapter / "adapter_model.safetensors"
    try:
        with safe_open(path, framework="pt") as opened:
            return {key: tuple(opened.get_slice(key).get_shape()) for key in opened.keys()}  # noqa: SIM118 (no mapping)
    except (SafetensorError, OSError) as error:
        raise MmskinError(
            f"{path} cannot be read ({describe(error)}).", "It is damaged or half saved: name a whole adapter."
        ) from error


def _base_shapes(base: Path) -> dict[str, tuple[int, ...]]:
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText

    require_vlm(base)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(base))
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
