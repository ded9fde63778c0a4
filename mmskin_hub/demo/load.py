"""The last step of ``mmskin demo``: open what was released with nothing but the libraries everybody has.

Run as ``python -m mmskin_hub.demo.load HUB``; no line below imports mmskin_hub, so all of it works where that is not
installed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

DATASET, MODEL = "demo/mm-skin", "demo/SkinVL-tiny"
HOW = "Answer in one short sentence."
"""It was trained on questions that say how they want to be answered."""


def load(hub: str) -> dict[str, Any]:
    """Open dataset and model from the folder ``hub``, and ask the first test question.

    Returns ``rows`` of the test split, the ``question``, what the model ``said``, and the ``answer`` of the book.
    """
    from datasets import load_dataset
    from huggingface_hub import snapshot_download
    from transformers import AutoModelForImageTextToText, AutoProcessor

    data = snapshot_download(DATASET, repo_type="dataset", revision="v1.0.0", cache_dir=hub, local_files_only=True)
    rows = load_dataset(data, "open_vqa", split="test")
    weights = snapshot_download(MODEL, revision="v0.1.0", cache_dir=hub, local_files_only=True)
    processor = AutoProcessor.from_pretrained(weights)
    model = AutoModelForImageTextToText.from_pretrained(weights)

    row = next((row for row in rows if row["answer"].lower() not in ("yes", "no")), rows[0])
    turn = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": f"{row['question']}\n{HOW}"}]}
    text = processor.apply_chat_template([turn], add_generation_prompt=True)
    inputs = processor(images=row["image"], text=text, return_tensors="pt")
    tokens = model.generate(**inputs, max_new_tokens=40, do_sample=False)
    said = processor.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return {"rows": len(rows), "question": row["question"], "said": said.strip(), "answer": row["answer"]}


if __name__ == "__main__":
    print(json.dumps(load(sys.argv[1]), ensure_ascii=False))
