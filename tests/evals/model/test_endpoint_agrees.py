"""A served model and the same model loaded find the same answers equally likely.

The server is vLLM's chat API as far as it scores a prompt, with a real tiny LLaVA behind it: chat template, pictures
and forward pass are those of transformers, and nothing of mmskin's own scoring is used.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmskin_hub.evals.model.api import Ask
from mmskin_hub.evals.model.endpoint import open_endpoint
from mmskin_hub.served.pool import Patience
from tests.derive.vqa.endpoint_server import Act, Request, serving
from tests.evals.model.vllm_likeness import question_of

CLASSES = ("melanoma", "melanocytic nevus", "basal cell carcinoma", "nevus")


def parts(content: Any) -> list[dict[str, Any]]:
    """The content of a message as transformers takes it."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    made = []
    for part in content:
        if part["type"] == "text":
            made.append(part)
        else:
            data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
            made.append({"type": "image", "image": Image.open(io.BytesIO(data))})
    return made


def scoring(folder: Path) -> Callable[[Request], Act]:
    """The script of a server that scores prompts with the model in ``folder``."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32).eval()
    processor: Any = AutoProcessor.from_pretrained(folder)

    def script(request: Request) -> Act:
        body = request.body
        chat = [{"role": each["role"], "content": parts(each["content"])} for each in body["messages"]]
        flags = {name: body[name] for name in ("add_generation_prompt", "continue_final_message")}
        inputs = processor.apply_chat_template(chat, tokenize=True, return_dict=True, return_tensors="pt", **flags)
        with torch.inference_mode():
            scores = model(**inputs).logits[0].log_softmax(-1)
        ids = inputs["input_ids"][0].tolist()
        texts = processor.tokenizer.convert_ids_to_tokens(ids)
        told: list[Any] = [None]
        for at in range(1, len(ids)):
            text = processor.tokenizer.convert_tokens_to_string([texts[at]])
            told.append({str(ids[at]): {"logprob": float(scores[at - 1, ids[at]]), "rank": 1, "decoded_token": text}})
        message = {"role": "assistant", "content": "x"}
        given = {"choices": [{"index": 0, "finish_reason": "length", "message": message}], "prompt_logprobs": told}
        return Act(json.dumps(given), headers={"content-type": "application/json"})

    return script


@pytest.mark.parametrize("kind", ["llava", "qwen2_vl"])
def test_choices_of_a_served_model_are_those_of_the_model_loaded(
    kind: str, folder: Callable[[str], Path], load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    pictures = [Image.effect_noise((48, 40), 30 + 40 * n).convert("RGB") for n in range(3)]
    asks = [Ask(f"id{n}", "Which one is the diagnosis?", (picture,)) for n, picture in enumerate(pictures)]
    asks.append(Ask("id3", "Is the lesion benign or malignant?", (pictures[0],)))
    offered = [CLASSES, CLASSES, CLASSES, ("benign", "malignant")]
    with serving(question_of) as server:
        server.script = scoring(folder(kind))
        served = open_endpoint(server.url, "tiny", patience=Patience(concurrency=2, timeout=60)).choose(asks, offered)
    loaded = load(kind).choose(asks, offered)
    for one, other in zip(served, loaded, strict=True):
        assert one.tokens == other.tokens
        assert one.loglik == pytest.approx(other.loglik, abs=1e-4)
    assert len({scores.loglik for scores in served}) == 4
