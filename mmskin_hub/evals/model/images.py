"""Pictures are encoded once: what the vision tower and the projector make of one is kept for the next question.

Most models of newer transformers take encoded pictures in place of pixels, as ``mm_encoder_outputs``. Where a model
does not, or where what its encoder returns cannot be taken apart by picture, pixels are handed in every time.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from mmskin_hub.evals.model.inputs import Encoded, pictures_of

KEPT_BYTES = {"cuda": 512 * 2**20, "cpu": 64 * 2**20}
"""Encoded pictures kept, in bytes of the model's device (others as the CPU); 576 tokens of width 4,096 in bfloat16 are
4.7 MB. Questions about one picture stand together in a benchmark, so few are needed."""
_UNDERSTOOD = {"last_hidden_state", "pooler_output", "hidden_states", "attentions", "deepstack_features"}


class Pictures:
    """The pictures of a batch as arguments of the model: encoded ones where it takes them, pixels otherwise.

    ``hits`` and ``encoded`` count pictures (or sets of them, where a question has several).
    """

    def __init__(self, model: Any, kept_bytes: int | None = None) -> None:
        self._model = model
        self._encode = getattr(model, "get_image_features", None)
        self._kept_bytes = KEPT_BYTES.get(model.device.type, KEPT_BYTES["cpu"]) if kept_bytes is None else kept_bytes
        self._bytes = 0
        # A picture (or a part of one) is its features, and those Qwen3-VL adds in the first layers (DeepStack).
        self._kept: OrderedDict[str, list[tuple[Any, ...]]] = OrderedDict()
        self._stacked = False
        self._kind: Any = None
        takes = "mm_encoder_outputs" in inspect.signature(model.forward).parameters
        self.handed_in = takes and self._encode is not None
        self._takes = frozenset(inspect.signature(self._encode).parameters) if self._encode is not None else frozenset()
        self.hits = 0
        self.encoded = 0

    def arguments(self, items: Sequence[Encoded], pixels: bool = False) -> dict[str, Any]:
        """What the model needs to see the pictures of ``items``, one after the other.

        With ``pixels`` (or where the model does not take encoded pictures) their pixels. Tensors that tell their
        layout (Qwen's grids) are there in both cases.
        """
        if not any(item.images for item in items):
            return {}
        if not pixels and self.handed_in:
            found = self._features(items)
            if found is not None:
                return found
            self.handed_in = False
        return pictures_of(items, self._model.device, self._model.dtype)

    def together(self, items: Sequence[Encoded]) -> list[Sequence[Encoded]]:
        """``items`` in groups the model can take at once: by the shape of their pixels, where it takes pixels."""
        if self.handed_in:
            return [items]
        groups: dict[Any, list[Encoded]] = {}
        for item in items:
            groups.setdefault(item.shapes, []).append(item)
        return list(groups.values())

    def forget(self) -> None:
        """Let go of every encoded picture (the memory was needed)."""
        self._kept.clear()
        self._bytes = 0

    def _features(self, items: Sequence[Encoded]) -> dict[str, Any] | None:
        import torch

        seen = [item for item in items if item.images]
        here: dict[str, list[tuple[Any, ...]]] = {}
        new: dict[str, Encoded] = {}
        for item in seen:
            if item.key in self._kept:
                self._kept.move_to_end(item.key)
                here[item.key] = self._kept[item.key]
            elif item.key not in new:
                new[item.key] = item
        groups: dict[Any, list[Encoded]] = {}
        for item in new.values():
            groups.setdefault(item.shapes, []).append(item)
        for group in groups.values():
            made = self._encoded(group)
            if made is None:
                return None
            here.update(zip((item.key for item in group), made, strict=True))
        self.encoded += len(new)
        self.hits += len(seen) - len(new)
        for key in new:
            self._keep(key, here[key])
        features, *deep = zip(*(part for item in seen for part in here[item.key]), strict=True)
        # Made anew for each call: models and generate() write into it.
        output = self._kind(pooler_output=torch.stack(features) if self._stacked else list(features))
        if deep:
            output["deepstack_features"] = [list(layer) for layer in deep]
        layout = {
            name: torch.cat([item.pictures[name] for item in seen]).to(self._model.device)
            for name in seen[0].pictures
            if name.endswith("_grid_thw")
        }
        return {"mm_encoder_outputs": {"image": output}, **layout}

    def _encoded(self, group: Sequence[Encoded]) -> list[list[tuple[Any, ...]]] | None:
        """The features of each of ``group``, a list of parts a sample; ``None`` where they cannot be told apart."""
        import torch

        given = pictures_of(group, self._model.device, self._model.dtype)
        given = {name: tensor for name, tensor in given.items() if name in self._takes}
        assert self._encode is not None
        with torch.inference_mode():
            out = self._encode(**given, return_dict=True)
        pooled = getattr(out, "pooler_output", None)
        if pooled is None or not set(out.keys()) <= _UNDERSTOOD:
            return None
        deep = getattr(out, "deepstack_features", None) or []
        if any(len(layer) != len(pooled) for layer in deep):
            return None
        self._stacked, self._kind = isinstance(pooled, torch.Tensor), type(out)
        parts = list(zip(pooled, *deep, strict=True))
        if len(parts) == sum(item.images for item in group):
            counts = [item.images for item in group]
        elif len(parts) == len(group):
            counts = [1] * len(group)
        else:
            return None
        found, start = [], 0
        for count in counts:
            found.append(parts[start : start + count])
            start += count
        return found

    def _keep(self, key: str, parts: list[tuple[Any, ...]]) -> None:
        size = _bytes(parts)
        if size > self._kept_bytes:
            return
        # A slice of a batch would keep the whole batch alive.
        self._kept[key] = [tuple(tensor.clone() for tensor in part) for part in parts]
        self._bytes += size
        while self._bytes > self._kept_bytes:
            self._bytes -= _bytes(self._kept.popitem(last=False)[1])


def _bytes(parts: Sequence[tuple[Any, ...]]) -> int:
    return sum(tensor.numel() * tensor.element_size() for part in parts for tensor in part)
