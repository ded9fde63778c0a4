"""The processor of a converted model: the original's tokenizer and picture preparation, in transformers' own classes.

The original code cuts a prompt at ``<image>`` and tokenizes the pieces one by one; the tokenizer is therefore kept in
the mode that puts a space mark before every piece (``legacy``), and ``<image>`` becomes a token. Pictures are padded to
a square with the mean colour, then prepared as CLIP does (``process_images`` and ``expand2square`` of LLaVA).
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MissingExtra, MmskinError, describe
from mmskin_hub.models.prompts import chat_template
from mmskin_hub.models.tower import NamedTower

IMAGE, PAD = "<image>", "<pad>"
_START, _END = "<im_start>", "<im_end>"


def make_processor(folder: Path, original: dict[str, Any], named: NamedTower) -> Any:
    """The ``LlavaProcessor`` of a checkpoint in ``folder``; raises :class:`MmskinError` where it has no tokenizer."""
    from transformers import AddedToken, LlavaProcessor

    tokenizer = _tokenizer(folder)
    image = IMAGE
    if original.get("mm_use_im_start_end"):
        image = f"{_START}{IMAGE}{_END}"
        if not {_START, _END} <= tokenizer.get_vocab().keys():
            raise MmskinError(
                f"{folder}: mm_use_im_start_end is set, but the tokenizer knows no {_START}.", "Fetch the model again."
            )
    for token in (IMAGE, PAD):
        if token not in tokenizer.get_vocab():
            tokenizer.add_tokens(AddedToken(token, special=True, normalized=False), special_tokens=True)
    tokenizer.pad_token = PAD
    family = "mistral" if original["architectures"][0] == "LlavaMistralForCausalLM" else "llama"
    return LlavaProcessor(
        image_processor=_image_processor(original, named),
        tokenizer=tokenizer,
        patch_size=int(named.config.get("patch_size", 32)),
        vision_feature_select_strategy="full" if original.get("mm_vision_select_feature") == "cls_patch" else "default",
        # CLIP's CLS token counts among a picture's, and the strategy "default" takes it away again.
        num_additional_image_tokens=1,
        image_token=IMAGE,
        chat_template=chat_template(family, image),
    )


def keeps_marks(folder: Path) -> bool:
    """Whether the tokenizer in ``folder`` puts a space mark before every piece of its own accord."""
    return bool(_tokenizer_settings(folder).get("legacy", True))


def _tokenizer_settings(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    try:
        found = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise MmskinError(f"{path} cannot be read ({describe(error)}).", "Fetch it again.") from error
    return found if isinstance(found, dict) else {}


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer, LlamaConfig

    if not any((folder / name).exists() for name in ("tokenizer.json", "tokenizer.model")):
        raise MmskinError(
            f"{folder} holds no tokenizer (tokenizer.model or tokenizer.json).", "Fetch the whole model again."
        )
    if not (folder / "tokenizer.json").exists():
        for module in ("sentencepiece", "google.protobuf"):
            if not _installed(module):
                raise MissingExtra("Reading tokenizer.model", "train", module)
    try:
        # The config given here keeps AutoTokenizer from reading the original one, which it does not know.
        return AutoTokenizer.from_pretrained(folder, config=LlamaConfig(), legacy=True, padding_side="left")
    except Exception as error:
        # A damaged file fails in sentencepiece's, protobuf's or tokenizers' own ways.
        raise MmskinError(
            f"The tokenizer in {folder} cannot be read ({describe(error)}).", "Fetch it again."
        ) from error


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


def _image_processor(original: dict[str, Any], named: NamedTower) -> Any:
    """Preparation as the tower's ``preprocessor_config.json`` says, else CLIP's; padding as the model's config says."""
    from transformers import LlavaImageProcessorPil

    side = int(named.config.get("image_size", 224))
    known = {
        key: named.preprocessing[key]
        for key in ("image_mean", "image_std", "resample", "rescale_factor")
        if key in named.preprocessing
    }
    return LlavaImageProcessorPil(
        do_pad=original.get("image_aspect_ratio") == "pad",
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        **known,
    )
