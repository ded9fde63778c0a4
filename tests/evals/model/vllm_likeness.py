"""The part of vLLM's chat API that scores a prompt, over a toy tokenizer and a toy model: for a loopback server.

The toy template is ``<s>USER: <image> question ASSISTANT:`` and a space before the answer. A token is a word with its
space, of at most three letters; its log-probability depends on everything before it.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from typing import Any

from tests.derive.vqa.endpoint_server import Act, Request, error


def pieces(text: str) -> list[str]:
    """The toy tokenizer: ``" melanoma"`` becomes ``" mel"``, ``"ano"``, ``"ma"``; special tokens are one each."""
    return re.findall(r"<[^>]*>|</s>|\s?\w{1,3}|\s?[^\w\s]|\s", text)


def logprob(before: list[str], piece: str) -> float:
    """Between -10 and 0, and another after every other context."""
    digest = hashlib.sha256("|".join([*before, piece]).encode()).digest()
    return -10.0 * int.from_bytes(digest[:4], "big") / 2**32


def images_of(body: dict[str, Any]) -> list[str]:
    """The data URIs of the question."""
    content = body["messages"][0]["content"]
    return [] if isinstance(content, str) else [p["image_url"]["url"] for p in content if p["type"] == "image_url"]


def question_of(body: dict[str, Any]) -> str:
    """The words of the question."""
    content = body["messages"][0]["content"]
    return content if isinstance(content, str) else next(p["text"] for p in content if p["type"] == "text")


def rendered(body: dict[str, Any], colon: str = ":") -> str:
    """The chat as the toy template writes it; the image token says which picture it stands for."""
    images = "".join(f"<image {zlib.crc32(uri.encode())}>" * 4 for uri in images_of(body))
    text = f"<s>USER: {images} {question_of(body)}"
    for message in body["messages"][1:]:
        text += f" ASSISTANT{colon} {message['content']}"
        text += "" if body.get("continue_final_message") else "</s>"
    return text + (f" ASSISTANT{colon}" if body.get("add_generation_prompt", True) else "")


def prompt_scores(request: Request, tokens: list[str] | None = None) -> Act:
    """A completion with ``prompt_logprobs`` where they are asked for, and beside each token a likelier one."""
    body = request.body
    tokens = pieces(rendered(body)) if tokens is None else tokens
    told: list[Any] = [None]
    for at in range(1, len(tokens)):
        own = {"logprob": logprob(tokens[:at], tokens[at]), "rank": 2, "decoded_token": tokens[at]}
        other = {"logprob": -0.01, "rank": 1, "decoded_token": "other"}
        told.append({str(zlib.crc32(tokens[at].encode())): own, "7": other})
    given: dict[str, Any] = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "tiny",
        "choices": [{"index": 0, "finish_reason": "length", "message": {"role": "assistant", "content": "x"}}],
        "usage": {"prompt_tokens": len(tokens), "completion_tokens": 1, "total_tokens": len(tokens) + 1},
    }
    if body.get("prompt_logprobs") is not None:
        given["prompt_logprobs"] = told
    if body.get("continue_final_message") and body.get("add_generation_prompt"):
        return error(400, "Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
    return Act(json.dumps(given), headers={"content-type": "application/json"})


def expected(body: dict[str, Any], choice: str) -> tuple[float, int]:
    """The log-likelihood and the number of tokens of ``choice`` after the chat of ``body``, worked out apart."""
    before = pieces(rendered({**body, "messages": body["messages"][:1], "add_generation_prompt": True}))
    answer = pieces(f" {choice}")
    return sum(logprob(before + answer[:at], answer[at]) for at in range(len(answer))), len(answer)
