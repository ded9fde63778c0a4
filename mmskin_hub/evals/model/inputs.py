"""A question as tensors: one sample encoded by the model's processor, and several of them padded into a batch.

Every sample goes through the processor by itself, so that what it becomes does not depend on its neighbours. Tensors
as long as the prompt (ids, token types) are padded on the left; everything else belongs to the pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.model.api import Ask
from mmskin_hub.evals.model.prompts import Prompts


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sample: ``text`` as rendered, ``ids`` and ``extras`` (each [tokens], int64, on the CPU), the tensors of its
    ``pictures`` with the batch dimension the processor gave them, and ``key``, the same for the same pictures."""

    id: str
    text: str
    ids: Any
    extras: Mapping[str, Any]
    pictures: Mapping[str, Any]
    images: int
    key: str
    dropped: int = 0

    def __len__(self) -> int:
        return int(self.ids.shape[0])

    @property
    def shapes(self) -> tuple[Any, ...]:
        """What the pictures' tensors must have in common to be put together along their first dimension."""
        return tuple((name, tuple(tensor.shape[1:])) for name, tensor in sorted(self.pictures.items()))


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples padded on the left, on the model's device: ``ids`` and ``attention`` [samples, tokens] and the extras."""

    items: Sequence[Encoded]
    ids: Any
    attention: Any
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def lengths(self) -> Any:
        """Tokens of each sample without padding, [samples]."""
        return self.attention.sum(dim=1)


class Encoder:
    """Samples through the processor; ``limit`` is the model's context in tokens (``None`` where it has none)."""

    def __init__(self, processor: Any, prompts: Prompts, image_ids: frozenset[int], limit: int | None) -> None:
        self._processor = processor
        self._prompts = prompts
        self._image_ids = image_ids
        self._kept = image_ids | frozenset(processor.tokenizer.all_special_ids)
        self._limit = limit
        self._expected: dict[tuple[int, int], int] = {}
        # Most models make as many tokens of every picture; those that do not must be told its size.
        self._sized = self._image_tokens((97, 101)) != self._image_tokens((1009, 1511))

    def length(self, ask: Ask) -> int:
        """About how many tokens ``ask`` has, beyond those of pictures that all have as many: good enough to sort by."""
        text = len(self._processor.tokenizer(ask.prompt, add_special_tokens=False)["input_ids"])
        return text + sum(self._image_tokens((each.height, each.width)) for each in ask.images if self._sized)

    def encode(self, ask: Ask, room: int = 0) -> Encoded:
        """The tensors of ``ask``, cut on the left so that ``room`` more tokens fit in.

        Tokens of pictures and special tokens are never cut. Raises :class:`MmskinError` where the picture cannot be
        read by the processor, or where it alone leaves no room.
        """
        text = self._prompts.render(ask)
        images = [image if image.mode == "RGB" else image.convert("RGB") for image in ask.images]
        try:
            out = dict(self._processor(text=[text], **({"images": images} if images else {}), return_tensors="pt"))
        except Exception as error:  # processors raise all kinds, and each is about this sample
            raise MmskinError(
                f"Sample {ask.id}: the processor of the model refuses it: {' '.join(str(error).split())[:300]}",
                "Look at the picture and at the chat template.",
            ) from error
        ids = out.pop("input_ids")[0]
        for unused in ("attention_mask", "labels"):
            out.pop(unused, None)
        along = {name: out.pop(name)[0] for name in list(out) if getattr(out[name], "shape", None) == (1, len(ids))}
        kept = self._fitting(ids.tolist(), room, ask.id)
        if kept is not None:
            dropped = len(ids) - len(kept)
            ids, along = ids[kept], {name: tensor[kept] for name, tensor in along.items()}
        else:
            dropped = 0
        return Encoded(ask.id, text, ids, along, out, len(images), same_pictures(images), dropped)

    def _fitting(self, ids: Sequence[int], room: int, name: str) -> list[int] | None:
        """The places to keep so that ``room`` more tokens fit; ``None`` where all of them do."""
        too_many = 0 if self._limit is None else len(ids) + room - self._limit
        if too_many <= 0:
            return None
        seen = [place for place, token in enumerate(ids) if token in self._image_ids]
        inside = range(seen[0], seen[-1] + 1) if seen else range(0)
        free = [place for place, token in enumerate(ids) if place not in inside and token not in self._kept]
        if len(free) < too_many:
            raise MmskinError(
                f"Sample {name}: its picture takes {len(seen)} of the {self._limit} tokens the model can read; "
                f"{room} more for the answer do not fit.",
                "Ask for shorter answers, or lower the resolution in the model's image processor.",
            )
        cut = set(free[:too_many])
        return [place for place in range(len(ids)) if place not in cut]

    def _image_tokens(self, size: tuple[int, int]) -> int:
        """Tokens a picture of ``size`` (height, width) becomes, where the processor can tell; else 0."""
        if size not in self._expected:
            try:
                told = self._processor._get_num_multimodal_tokens(image_sizes=[size])
                self._expected[size] = int(told["num_image_tokens"][0])
            except Exception:  # only the order depends on it
                self._expected[size] = 0
        return self._expected[size]


def same_pictures(images: Sequence[Any]) -> str:
    """A key that two lists of RGB pictures share if, and only if, their sizes and pixels are the same (BLAKE2b)."""
    digest = hashlib.blake2b(digest_size=16)
    for image in images:
        digest.update(f"{image.size}".encode())
        digest.update(image.tobytes())
    return digest.hexdigest() if images else ""


def collate(items: Sequence[Encoded], pad_id: int, device: Any, longer: int = 0) -> Batch:
    """Pad ``items`` on the left to the longest of them (and ``longer`` tokens more) and move them to ``device``."""
    import torch

    width = max(len(item) for item in items) + longer
    ids = torch.full((len(items), width), pad_id, dtype=torch.long)
    attention = torch.zeros((len(items), width), dtype=torch.long)
    names = {name: tensor.dtype for item in items for name, tensor in item.extras.items()}
    extras = {name: torch.zeros((len(items), width), dtype=dtype) for name, dtype in names.items()}
    for row, item in enumerate(items):
        start = width - len(item)
        ids[row, start:] = item.ids
        attention[row, start:] = 1
        for name, tensor in item.extras.items():
            extras[name][row, start:] = tensor
    moved = {name: tensor.to(device) for name, tensor in extras.items()}
    return Batch(tuple(items), ids.to(device), attention.to(device), moved)


def pictures_of(items: Sequence[Encoded], device: Any, dtype: Any) -> dict[str, Any]:
    """The pictures' tensors of ``items`` put together along their first dimension; floats become ``dtype``.

    The items must agree in :attr:`Encoded.shapes`; those without pictures are passed over.
    """
    import torch

    seen = [item for item in items if item.images]
    joined = {name: torch.cat([item.pictures[name] for item in seen]) for name in (seen[0].pictures if seen else ())}
    return {
        name: tensor.to(device, dtype) if tensor.is_floating_point() else tensor.to(device)
        for name, tensor in joined.items()
    }
