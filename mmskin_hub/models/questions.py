"""The same pictures and questions, put to a model before and after it was merged, saved and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, describe

QUESTIONS = ("What is shown in the picture?", "Is the lesion benign or malignant? Answer yes or no.")


@dataclass(frozen=True, slots=True)
class Questions:
    """Inputs of a model, ready to be put to it."""

    inputs: tuple[Any, ...]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.inputs)

    def shaken(self, model: Any) -> list[Any]:
        """Logits after every number of the embeddings was moved by its last bit, up or down (always the same way).

        How far they are from :meth:`answers` says what rounding alone does to this model, however deep it is.
        """
        import torch

        made = torch.Generator().manual_seed(0)

        def shake(module: Any, inputs: Any, output: Any) -> Any:
            signs = torch.randint(0, 2, output.shape, generator=made).to(output.device, output.dtype) * 2 - 1
            return output * (1 + torch.finfo(output.dtype).eps * signs)

        hook = model.get_input_embeddings().register_forward_hook(shake)
        try:
            return self.answers(model)
        finally:
            hook.remove()

    def answers(self, model: Any) -> list[Any]:
        """Logits (float32, CPU) of every question, 1 × places × tokens."""
        import torch

        dtype, device = model.dtype, model.device
        found = []
        with torch.inference_mode():
            for inputs in self.inputs:
                ready = {
                    name: value.to(device, dtype) if value.is_floating_point() else value.to(device)
                    for name, value in inputs.items()
                }
                found.append(model(**ready, use_cache=False).logits.float().cpu())
        return found


def largest_difference(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    """The largest difference of two lists of logits; not a number where either holds one that is none."""
    return max(float((left - right).abs().max()) for left, right in zip(ours, theirs, strict=True))


def ask(adapter: Path, base: Path, model: Any) -> Questions:
    """Two questions about a drawn picture, prepared as the adapter's own processor does, else the base's.

    Raises :class:`MmskinError` where neither folder holds a processor that works.
    """
    from transformers import AutoProcessor

    names = ("processor_config.json", "preprocessor_config.json")
    folder = next((each for each in (adapter, base) if any((each / name).exists() for name in names)), base)
    try:
        processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        prepared = tuple(_prepared(processor, question) for question in QUESTIONS)
    except Exception as error:
        # Processors fail in as many ways as there are of them; each means that the model cannot be asked.
        raise MmskinError(
            f"The processor in {folder} does not work ({describe(error)}).",
            "A model needs its tokenizer and picture preparation beside it: fetch the base whole.",
        ) from error
    rows = model.get_input_embeddings().weight.shape[0]
    highest = max(int(each["input_ids"].max()) for each in prepared)
    if highest >= rows:
        raise MmskinError(
            f"The tokenizer in {folder} has the token {highest}, and the base knows {rows}.",
            "Adapter and base have different vocabularies: name the base it was trained on with --base DIR",
        )
    return Questions(prepared)


def _prepared(processor: Any, question: str) -> Any:
    parts = [{"type": "image"}, {"type": "text", "text": question}]
    if processor.chat_template:
        text = processor.apply_chat_template([{"role": "user", "content": parts}], add_generation_prompt=True)
    else:
        text = f"{processor.image_token}\n{question}"
    return processor(text=[text], images=[[_picture()]], return_tensors="pt")


def _picture() -> Any:
    """Waves of three colours, 160 × 120 pixels: the same everywhere, and nowhere flat."""
    import numpy as np
    from PIL import Image

    across, down = np.meshgrid(np.arange(160), np.arange(120))
    waves = (np.sin(across / 9), np.sin(down / 7 + 1), np.sin((across + down) / 11 + 2))
    return Image.fromarray((np.stack(waves, -1) * 127 + 128).astype(np.uint8))
