"""Run as a program: load model folders in a fresh process, ask each, and write its logits.

``python -m tests.models.reload PICTURE.png (FOLDER PROMPT LOGITS.safetensors)…``: prints a line of JSON for each model,
what it is and what loading found amiss.
"""

from __future__ import annotations

import json
import sys

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoModelForImageTextToText, AutoProcessor


def ask(picture: str, folder: str, prompt: str, out: str) -> None:
    """Ask the model in ``folder`` the whole ``prompt`` about ``picture``; write ids, pixels and logits to ``out``."""
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    model, told = AutoModelForImageTextToText.from_pretrained(folder, output_loading_info=True)
    inputs = processor(images=[Image.open(picture)], text=[prompt], return_tensors="pt")
    with torch.inference_mode():
        logits = model.eval()(**inputs).logits
    kept = {"ids": inputs["input_ids"], "logits": logits, "pixels": inputs["pixel_values"]}
    save_file({name: tensor.contiguous() for name, tensor in kept.items()}, out)
    print(json.dumps({"class": type(model).__name__, **{name: sorted(map(str, each)) for name, each in told.items()}}))


if __name__ == "__main__":
    for place in range(2, len(sys.argv), 3):
        ask(sys.argv[1], *sys.argv[place : place + 3])
