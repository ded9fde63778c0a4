"""The names of weights: from the original LLaVA layout to the native one of transformers.

===========================================================  =============================================
original (``LlavaMistralForCausalLM``)                        native (``LlavaForConditionalGeneration``)
===========================================================  =============================================
``model.vision_tower.vision_tower.vision_model.…``            ``model.vision_tower.…``
``model.mm_projector.0`` and ``.2``                           ``model.multi_modal_projector.linear_1``, ``_2``
``model.embed_tokens``, ``model.layers.…``, ``model.norm``    ``model.language_model.…``
``lm_head``                                                   ``lm_head``
===========================================================  =============================================

Source: ``llava_arch.py`` and ``clip_encoder.py`` of LLaVA, and ``state_dict()`` of the installed transformers. Whether
its CLIP tower has a level ``vision_model`` depends on the version, so the target is looked up among the real names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

TOWER, PROJECTOR, LANGUAGE, HEAD = "tower", "projector", "language", "head"
_RULES = (
    (re.compile(r"model\.vision_tower\.vision_tower\.(?:vision_model\.)?"), "model.vision_tower.", TOWER),
    (re.compile(r"model\.mm_projector\.0\."), "model.multi_modal_projector.linear_1.", PROJECTOR),
    (re.compile(r"model\.mm_projector\.2\."), "model.multi_modal_projector.linear_2.", PROJECTOR),
    (re.compile(r"model\.(?=(?:embed_tokens|layers|norm)\.)"), "model.language_model.", LANGUAGE),
    (re.compile(r"(?=lm_head\.)"), "", HEAD),
)
_BUFFERS = re.compile(r".*\.(?:rotary_emb\.inv_freq|embeddings\.position_ids)")
"""Tables older versions stored and every version computes."""
_NAMED_TOWER = re.compile(r"(?:vision_model\.)?(?P<rest>(?:embeddings|encoder|pre_layrnorm|post_layernorm)\b.*)")
EMBEDDINGS = ("model.language_model.embed_tokens.weight", "lm_head.weight")


@dataclass(slots=True)
class Names:
    """Original names that were understood (by their native one), and those that were not."""

    native: dict[str, str] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    buffers: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def of(self, part: str) -> list[str]:
        """The original names that belong to ``part``."""
        return [key for key, each in self.parts.items() if each == part]


def translate(originals: Iterable[str], natives: Collection[str]) -> Names:
    """Sort the names of a checkpoint. ``natives`` are all names of the native model."""
    names = Names()
    for original in originals:
        if _BUFFERS.fullmatch(original):
            names.buffers.append(original)
            continue
        found = _native(original, natives)
        if found is None:
            names.unknown.append(original)
        else:
            names.native[original], names.parts[original] = found
    return names


def part_of(original: str) -> str | None:
    """Which part of the model an original name belongs to."""
    return next((part for pattern, _, part in _RULES if pattern.match(original)), None)


def _native(original: str, natives: Collection[str]) -> tuple[str, str] | None:
    for pattern, prefix, part in _RULES:
        match = pattern.match(original)
        if match is None:
            continue
        name = prefix + original[match.end() :]
        candidates = (name, name.replace(prefix, f"{prefix}vision_model.", 1)) if part == TOWER else (name,)
        return next(((each, part) for each in candidates if each in natives), None)
    return None


def tower_name(key: str, natives: Collection[str]) -> str | None:
    """The native name of a weight of a stand-alone CLIP (``vision_model.…``); ``None`` for those of its text half."""
    match = _NAMED_TOWER.fullmatch(key)
    if match is None or _BUFFERS.fullmatch(key):
        return None
    candidates = (f"model.vision_tower.{match['rest']}", f"model.vision_tower.vision_model.{match['rest']}")
    return next((each for each in candidates if each in natives), None)
