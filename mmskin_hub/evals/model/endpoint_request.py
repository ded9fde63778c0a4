"""What a served model is sent: the picture and the question as a chat, and how to decode."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

from mmskin_hub.errors import WrongUse

EXTENDED = ("vllm", "sglang")
"""Servers (as ``GET /models`` calls their owner) that take the parameters of :data:`_EXTRA` beside OpenAI's."""
_EXTRA = {"top_k": "top_k", "min_new_tokens": "min_tokens", "repetition_penalty": "repetition_penalty"}
_IDLE: dict[str, tuple[Any, ...]] = {
    "num_beams": (None, 1),
    "min_new_tokens": (None, 0, 1),
    "repetition_penalty": (None, 1, 1.0),
    "top_k": (None, 0),
}
"""Values that change nothing, and so need not be sent."""
_BEAMS_ONLY = frozenset({"length_penalty", "early_stopping"})
_LENGTH = ("max_new_tokens", "max_gen_toks", "max_tokens")
_STOP = ("stop", "until", "stop_strings")


def data_uri(picture: Any) -> str:
    """``picture`` (PIL) as a ``data:`` URI: a PNG, so that the server sees the same pixels; RGB unless it is grey."""
    if picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    written = io.BytesIO()
    picture.save(written, format="PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode("ascii")


def messages(prompt: str, uris: Sequence[str], begun: str | None = None) -> list[dict[str, Any]]:
    """A chat of one question, the pictures before the words; ``begun`` is the answer so far, to be gone on with."""
    content: Any = prompt
    if uris:
        content = [{"type": "image_url", "image_url": {"url": uri}} for uri in uris]
        content.append({"type": "text", "text": prompt})
    chat: list[dict[str, Any]] = [{"role": "user", "content": content}]
    return chat if begun is None else [*chat, {"role": "assistant", "content": begun}]


def decoding(generation: Mapping[str, Any], server: str = "") -> dict[str, Any]:
    """The keyword arguments of transformers' ``generate`` (and lm-eval's names for them) as a request has them.

    Without ``do_sample`` it is greedy: temperature 0. ``server`` is the kind of server where it is known. Raises
    :class:`WrongUse` for whatever the API, or this server, has no word for: a result must not claim a decoding that
    did not happen.
    """
    left = {name: value for name, value in generation.items() if value is not None}
    sent: dict[str, Any] = {"temperature": 0.0}
    sampled = bool(left.pop("do_sample", left.get("temperature", 0) > 0))
    temperature, top_p = left.pop("temperature", 1.0), left.pop("top_p", None)
    if sampled:
        sent["temperature"] = float(temperature)
        if top_p is not None:
            sent["top_p"] = float(top_p)
    else:
        left.pop("top_k", None)
    if left.get("num_beams", 1) != 1:
        raise WrongUse(
            f"A served model cannot search {left['num_beams']} beams: the API has no word for it.",
            "Take the tasks that end in _gen, which decode greedily, or load the model itself: mmskin eval FOLDER.",
        )
    lengths = [int(left.pop(name)) for name in _LENGTH if name in left]
    if lengths:
        sent["max_tokens"] = min(lengths)
    stops = [left.pop(name) for name in _STOP if name in left]
    words = [word for stop in stops for word in ([stop] if isinstance(stop, str) else stop) if word]
    if words:
        sent["stop"] = list(dict.fromkeys(words))
    if "seed" in left:
        sent["seed"] = int(left.pop("seed"))
    extra = _extra({name: value for name, value in left.items() if name not in _BEAMS_ONLY}, server)
    if extra:
        sent["extra_body"] = extra
    return sent


def _extra(left: Mapping[str, Any], server: str) -> dict[str, Any]:
    """What goes beside OpenAI's parameters, to a server that takes it."""
    wanted = {name: value for name, value in left.items() if value not in _IDLE.get(name, ())}
    for name, value in wanted.items():
        if name not in _EXTRA or server not in EXTENDED:
            known = f"{server} has" if server else "the API has"
            raise WrongUse(
                f"A served model cannot decode with {name}={value!r}: {known} no word for it.",
                "Leave it out, serve the model with vLLM, or load the model itself: mmskin eval FOLDER.",
            )
    return {_EXTRA[name]: value for name, value in wanted.items()}
