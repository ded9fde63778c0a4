"""Names of weights that timm does not convert by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_STEM = "_conv_stem.weight"
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_BLOCK = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand", "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip
_FIRST = {**_BLOCK, "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
"""A block that does not expand has one convolution and one normalisation less."""


def efficientnet(tensors: Mapping[str, Any], model: Any) -> Mapping[str, Any]:
    """``tensors`` of an EfficientNet by lukemelas' EfficientNet-PyTorch (the Lite ones too), by the names of timm.

    Whatever is of another kind comes back as it is. The architectures of timm are the ``tf_efficientnet_…`` ones, for
    the padding is TensorFlow's. Blocks are numbered through there, and by stage in timm.
    """
    stem = next((key for key in tensors if key.endswith(_STEM)), None)
    if stem is None or not hasattr(model, "blocks"):
        return tensors
    prefix = stem.removesuffix(_STEM)
    places = [(stage, place) for stage, blocks in enumerate(model.blocks) for place in range(len(blocks))]
    found: dict[str, Any] = {}
    for key, value in tensors.items():
        part, _, rest = key.removeprefix(prefix).partition(".")
        block = re.match(r"(\d+)\.(\w+)\.(.*)", rest)
        if part == "_blocks" and block and int(block[1]) < len(places):
            stage, place = places[int(block[1])]
            expands = f"{prefix}_blocks.{block[1]}._expand_conv.weight" in tensors
            name = (_BLOCK if expands else _FIRST).get(block[2], block[2])
            found[f"blocks.{stage}.{place}.{name}.{block[3]}"] = value
        else:
            found[f"{_OUTSIDE.get(part, part)}.{rest}"] = value
    return found
