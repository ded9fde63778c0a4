"""Encoders of transformers: the projector or the vision tower of a VLM, and models that only see."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import MissingExtra, MmskinError, WrongUse, describe
from mmskin_hub.evals.model.adapter import find_adapter, put_on
from mmskin_hub.evals.probes.encoders import Encoder, as_json, device_of, dtype_of, mean_of, weights_digest

_LANGUAGE = ("language_model", "text_model", "lm_head", "text_projection", "logit_scale", "logit_bias")
"""Parts of a model that no picture passes; their weights do not change features."""


def hub_encoder(
    name: str,
    *,
    features: str,
    adapter: str | None,
    revision: str | None,
    dtype: str,
    device: str | None,
    trust_remote_code: bool,
    pickle: bool,
) -> Encoder:
    """A model of transformers by its name on the Hub or its folder; see :func:`encoders.load_encoder`."""
    try:
        import torch  # noqa: F401
        from transformers import AutoConfig
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtra("A probe", "eval", error.name or str(error)) from error
    logging.disable_progress_bar()
    where = device_of(device)
    found = find_adapter(adapter or name, None if adapter else revision, required=adapter is not None, pickle=pickle)
    base = name if found is None or adapter else found.base
    at = revision if base == name else found and found.base_revision
    options: dict[str, Any] = {"revision": at, "trust_remote_code": trust_remote_code}
    try:
        config: Any = AutoConfig.from_pretrained(base, **options)
        model, missing = _loaded(base, config, pickle, dtype_of(dtype, where), options)
        processor = _processor(str(found.folder) if found and found.has_processor else base, options)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise WrongUse(
            f"The encoder {base} cannot be loaded: {describe(error)}",
            "Name a model of transformers, timm:ARCH=FILE.safetensors for a checkpoint, or say python:MODULE:FACTORY.",
        ) from error
    if found is not None:
        model = put_on(model, found, base)
    vlm = config.model_type in _writers() and hasattr(model, "get_image_features")
    if features == "auto":
        features = "projector" if vlm else "pooled"
    if features == "projector" and not vlm:
        raise WrongUse(f"{name} has no projector: it is no model that writes.", "Ask for pooled, cls or mean.")
    _check_weights(name, missing, features)
    return HubEncoder(name, model.eval().to(where), processor, features, vlm, where)


def _loaded(name: str, config: Any, pickle: bool, dtype: Any, options: Mapping[str, Any]) -> tuple[Any, frozenset[str]]:
    """The model and the names of its weights that the files do not hold."""
    from transformers import AutoModel, AutoModelForImageTextToText

    kind: Any = AutoModelForImageTextToText if config.model_type in _writers() else AutoModel
    extra: dict[str, Any] = {} if pickle else {"use_safetensors": True}
    model, told = kind.from_pretrained(name, dtype=dtype, output_loading_info=True, **extra, **options)
    return model, frozenset(str(key) for key in told["missing_keys"])


def _writers() -> Mapping[str, Any]:
    """The kinds of models that take pictures and write."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    names: Mapping[str, Any] = MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    return names


def _processor(name: str, options: Mapping[str, Any]) -> Any:
    from transformers import AutoImageProcessor

    return AutoImageProcessor.from_pretrained(name, **options)


def _check_weights(name: str, missing: frozenset[str], features: str) -> None:
    """A weight that is not in the files is random, and so would the features be."""
    needed = [key for key in sorted(missing) if not any(part in key for part in _LANGUAGE)]
    if features in ("cls", "mean"):
        needed = [key for key in needed if "pool" not in key and ".head." not in f".{key}"]
    if needed:
        shown = ", ".join(needed[:3]) + ", …" * (len(needed) > 3)
        pooled = all("pool" in key for key in needed)
        raise WrongUse(
            f"{name}: {len(needed)} weights are not in its files and would be random: {shown}.",
            "Ask for cls or mean instead of pooled." if pooled else "Name another, or mend the checkpoint.",
        )


class HubEncoder:
    """A model of transformers. ``features`` is never "auto"; ``vlm`` whether it writes."""

    def __init__(self, name: str, model: Any, processor: Any, features: str, vlm: bool, device: Any) -> None:
        self.name = name
        self._model, self._processor = model, processor
        self._features, self._vlm, self._device = features, vlm, device
        held = {key: value for key, value in model.state_dict().items() if not any(p in key for p in _LANGUAGE)}
        self.revision = weights_digest(held)
        self._dtype = next(value.dtype for value in held.values() if value.is_floating_point())
        # Of a model of pictures and words (CLIP, SigLIP) the half that sees.
        self._tower = model if vlm else getattr(model, "vision_model", model)
        self._takes = set(inspect.signature(model.get_image_features).parameters) if vlm else set()
        self.facts = {
            "encoder": type(model).__name__,
            "features": features,
            "dtype": str(self._dtype).removeprefix("torch."),
            "commit": str(getattr(model.config, "_commit_hash", None) or ""),
            "processor": type(processor).__name__,
            "preprocessing": as_json(processor.to_dict()),
        }

    def prepare(self, images: Sequence[Any]) -> Any:
        """What the model's image processor makes of each picture, one by one: they may have different sizes."""
        return [self._processor(images=[image], return_tensors="pt") for image in images]

    def encode(self, batch: Sequence[Any]) -> NDArray[np.float32]:
        """[pictures, columns]."""
        import torch

        with torch.inference_mode():
            found = self._together(batch) if _alike(batch) else None
            if found is None:
                found = [self._pooled(one, 1)[0] for one in batch]
        return np.stack([vector.float().cpu().numpy() for vector in found])

    def _together(self, batch: Sequence[Any]) -> list[Any] | None:
        """All at once where every picture is one tensor of one size; ``None`` where pictures have parts."""
        import torch

        if len(batch) < 2 or any("pixel_values" not in each or each["pixel_values"].shape[0] != 1 for each in batch):
            return None
        if self._vlm and any(each["pixel_values"].dim() != 4 for each in batch):
            return None
        joined = {key: torch.cat([each[key] for each in batch]) for key in batch[0] if torch.is_tensor(batch[0][key])}
        return self._pooled(joined, len(batch))

    def _pooled(self, inputs: Mapping[str, Any], pictures: int) -> list[Any]:
        """A vector of each picture, on the device."""
        import torch

        moved = {
            key: value.to(self._device, self._dtype if value.is_floating_point() else None)
            for key, value in inputs.items()
            if torch.is_tensor(value)
        }
        if not self._vlm:
            return self._seen(self._tower(pixel_values=moved["pixel_values"]), pictures)
        out = self._model.get_image_features(**{key: value for key, value in moved.items() if key in self._takes})
        if self._features != "projector":
            return self._seen(out, pictures)
        tokens = getattr(out, "pooler_output", out)
        if pictures == 1:
            parts = tokens if isinstance(tokens, list | tuple) else [tokens]
            return [mean_of(torch.cat([part.reshape(-1, part.shape[-1]) for part in parts]))]
        if len(tokens) != pictures:
            raise MmskinError(
                f"{self.name} gives {len(tokens)} sets of tokens for {pictures} pictures.", "Say --batch-size 1."
            )
        return [mean_of(each) for each in tokens]

    def _seen(self, out: Any, pictures: int) -> list[Any]:
        """The output of the vision tower."""
        tokens = out.last_hidden_state
        if self._features == "pooled":
            pooled = None if self._vlm else getattr(out, "pooler_output", None)
            if pooled is not None:
                return list(pooled.reshape(pictures, -1))
            if not self._vlm and tokens.dim() == 3:
                return list(tokens[:, 0])  # without a pooler of its own, the first token is what a ViT classifies by
        if self._features == "cls":
            if tokens.dim() != 3 or len(tokens) != pictures:
                raise WrongUse(f"{self.name} has no first token a picture.", "Ask for mean, pooled or projector.")
            return list(tokens[:, 0])
        if tokens.dim() == 4:  # of a convolutional model: [pictures, columns, height, width]
            tokens = tokens.flatten(2).transpose(1, 2)
        return [mean_of(tokens)] if pictures == 1 else [mean_of(each) for each in tokens]


def _alike(batch: Sequence[Any]) -> bool:
    shapes = [{key: tuple(value.shape) for key, value in each.items() if hasattr(value, "shape")} for each in batch]
    return all(shape == shapes[0] for shape in shapes)
