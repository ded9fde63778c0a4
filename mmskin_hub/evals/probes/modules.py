"""Encoders that are torch modules which take a tensor of pictures: of timm, or of the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import WrongUse, describe
from mmskin_hub.evals.probes.encoders import Encoder, device_of, dtype_of, weights_digest


def python_encoder(spec: str, rest: str, *, features: str, dtype: str, device: str | None) -> Encoder:
    """``PACKAGE.MODULE:FACTORY``: a function without arguments that returns a module, or (module, transform).

    The module maps [pictures, 3, height, width] to [pictures, columns]; the transform a PIL picture to [3, height,
    width] (default: 224 pixels, ImageNet's mean and deviation).
    """
    name, colon, factory = rest.partition(":")
    if not colon or not factory:
        raise WrongUse(f"{spec} names no function.", "Say python:PACKAGE.MODULE:FUNCTION")
    if features not in ("auto", "pooled"):
        raise WrongUse(f"{spec} has one output only.", "Leave the output to it: auto.")
    try:
        made = getattr(importlib.import_module(name), factory)()
    except (ImportError, AttributeError, TypeError) as error:
        raise WrongUse(f"{spec} cannot be called: {describe(error)}", "Mend the name, or the function.") from error
    module, transform = made if isinstance(made, tuple) else (made, None)
    if not hasattr(module, "state_dict"):
        raise WrongUse(f"{spec} gave a {type(module).__name__}, not a torch module.", "Mend the function.")
    if transform is None:
        data: Any = importlib.import_module("timm.data")
        transform = data.create_transform((3, 224, 224), crop_pct=0.875)
    return ModuleEncoder(spec, module, transform, "auto", dtype, device, {"preprocessing": str(transform)})


class ModuleEncoder:
    """A torch module that takes a tensor of pictures: of timm, or of the user's own."""

    def __init__(
        self,
        name: str,
        model: Any,
        transform: Any,
        features: str,
        dtype: str,
        device: str | None,
        facts: Mapping[str, Any],
    ) -> None:
        import torch

        self.name = name
        self._device = device_of(device)
        kind = dtype_of(dtype, self._device)
        self._dtype = torch.float32 if kind == "auto" else kind
        self._features = "pooled" if features == "auto" else features
        self._transform = transform
        self.revision = weights_digest(model.state_dict())
        self._model = model.eval().to(self._device, self._dtype)
        self.facts = {
            "encoder": type(model).__name__,
            "features": self._features,
            "dtype": str(self._dtype).removeprefix("torch."),
            **facts,
        }

    def prepare(self, images: Sequence[Any]) -> Any:
        """[pictures, 3, height, width]."""
        import torch

        return torch.stack([self._transform(image) for image in images])

    def encode(self, batch: Any) -> NDArray[np.float32]:
        """[pictures, columns]."""
        import torch

        with torch.inference_mode():
            pictures = batch.to(self._device, self._dtype)
            if self._features == "pooled":
                out = self._model(pictures)
            else:
                out = self._model.forward_features(pictures)
                if out.dim() == 4 and self._features == "mean":
                    out = out.flatten(2).mean(dim=2)
                elif out.dim() != 3:
                    raise WrongUse(f"{self.name} has no tokens.", "Ask for pooled.")
                else:
                    out = out[:, 0] if self._features == "cls" else out.mean(dim=1)
        if out.dim() != 2:
            raise WrongUse(f"{self.name} gives {tuple(out.shape)}, not a row a picture.", "Ask for another output.")
        found: NDArray[np.float32] = out.float().cpu().numpy()
        return found
