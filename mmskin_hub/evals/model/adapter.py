"""A LoRA adapter of peft on top of a model: found, checked against its base, and put on."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MissingExtra, MmskinError
from mmskin_hub.evals.model.facts import hash_weights

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
LISTED = 5


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter in ``folder``: the model it was trained on is ``base`` ("" where it does not say)."""

    name: str
    folder: Path
    base: str
    base_revision: str | None
    kind: str

    @property
    def has_processor(self) -> bool:
        """Whether a processor was saved with it (new tokens, another chat template)."""
        return any((self.folder / file).is_file() for file in ("processor_config.json", "preprocessor_config.json"))

    def facts(self, base: str) -> dict[str, Any]:
        """What the report says of it; ``adapter_base`` is the base it was trained on, by its own word."""
        name = self.folder.resolve().name if Path(self.name).expanduser().is_dir() else self.name
        told: dict[str, Any] = {"adapter": f"{name} {hash_weights(self.folder)}", "adapter_base": self.base}
        if not self.trained_on(base):
            told["adapter_base_differs"] = True
        return told

    def trained_on(self, base: str) -> bool:
        """Whether ``base`` goes by the name of the model this adapter was trained on."""
        if not self.base or self.base == base:
            return True
        return Path(self.base).is_dir() and Path(base).is_dir() and Path(self.base).resolve() == Path(base).resolve()


def find_adapter(name: str, revision: str | None, *, required: bool, pickle: bool) -> Adapter | None:
    """The adapter called ``name``, a folder or a name on the Hub; ``None`` where ``name`` is no adapter.

    Raises :class:`MmskinError` where it is ``required`` and there is none, and where its weights are missing, or
    pickled without ``pickle``.
    """
    folder = _folder(name, revision, required, pickle)
    if folder is None:
        return None
    try:
        told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        base, kind = str(told.get("base_model_name_or_path") or ""), str(told.get("peft_type") or "")
    except (OSError, ValueError, AttributeError) as error:
        raise MmskinError(f"{folder / CONFIG} cannot be read: {error}", "Save the adapter again.") from error
    there = [file for file in WEIGHTS if (folder / file).is_file()]
    if not there:
        raise MmskinError(f"The adapter {name} has no weights ({WEIGHTS[0]}).", "Copy the whole folder.")
    if there[0] != WEIGHTS[0] and not pickle:
        raise MmskinError(
            f"The weights of the adapter {name} are pickled ({there[0]}), not safetensors; a pickle can run any code.",
            "Save it again with safe_serialization=True; or, where you trust its source, say --pickle.",
        )
    return Adapter(name, folder, base, told.get("revision"), kind)


def put_on(model: Any, adapter: Adapter, base: str) -> Any:
    """``model`` with ``adapter`` on top, every weight of the adapter in its place.

    Raises :class:`MmskinError` where they do not belong together. An adapter trained on a model of another name is
    let pass, with a warning, if its weights fit: a base is often a copy.
    """
    try:
        from peft import PeftModel
    except ImportError as error:
        raise MissingExtra("A LoRA adapter", "eval", error.name or str(error)) from error
    if not adapter.trained_on(base):
        warnings.warn(
            f"The adapter {adapter.name} was trained on {adapter.base}, and is put on {base}.",
            UserWarning,
            stacklevel=2,
        )
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            whole = PeftModel.from_pretrained(model, str(adapter.folder), is_trainable=False)
    except (ValueError, RuntimeError, KeyError, TypeError) as error:
        raise MmskinError(
            f"The adapter {adapter.name} does not fit {base}: {' '.join(str(error).split())[:300]}",
            f"It was trained on {adapter.base or 'another model'}: evaluate it on that one.",
        ) from error
    lost = [str(each.message) for each in said if "missing adapter keys" in str(each.message).lower()]
    unused = _unused(whole, adapter)
    if lost or unused:
        some = ", ".join(unused[:LISTED]) or " ".join(lost[0].split())[:200]
        raise MmskinError(
            f"The adapter {adapter.name} does not fit {base}: not all of its weights have a place there ({some}).",
            f"It was trained on {adapter.base or 'another model'}: evaluate it on that one.",
        )
    return whole.get_base_model()


def _unused(model: Any, adapter: Adapter) -> list[str]:
    """Weights in the adapter's file that the model does not have; peft drops them in silence."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    file = adapter.folder / WEIGHTS[0]
    if not file.is_file():
        return []
    with safe_open(str(file), "pt") as weights:
        stored = set(weights.keys())
    return sorted(stored - set(get_peft_model_state_dict(model)))


def _folder(name: str, revision: str | None, required: bool, pickle: bool) -> Path | None:
    """The folder of the adapter, downloaded if need be; ``None`` where ``name`` is a whole model."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        on_hub = name.count("/") == 1 and not name.startswith((".", "/", "~"))
        found = _downloaded(name, revision, pickle) if on_hub else None
    elif (folder / CONFIG).is_file() and (required or not any(folder.glob("model*.safetensors"))):
        found = folder
    else:
        found = None
    if found is None and required:
        raise MmskinError(
            f"There is no adapter {name}: no {CONFIG} in it.", "Give the folder peft saved, or OWNER/NAME."
        )
    return found


def _downloaded(name: str, revision: str | None, pickle: bool) -> Path | None:
    """The adapter called ``name`` on the Hub, or in the cache of what was downloaded; ``None`` where it is none."""
    from huggingface_hub import snapshot_download
    from transformers.utils.peft_utils import find_adapter_config_file

    files = ["*.json", "*.safetensors", "*.model", "*.jinja", "*.txt", *(["*.bin"] if pickle else [])]
    try:
        if find_adapter_config_file(name, revision=revision) is None:
            return None
        return Path(snapshot_download(name, revision=revision, allow_patterns=files))
    except OSError:
        # No such model, or no way to the Hub: whoever loads the model says which.
        return None
