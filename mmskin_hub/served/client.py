"""One request to an OpenAI-compatible server, and what its failure means: try again, give up on this one, or stop.

What huggingface_hub (2.4) does that this file has to know:

- without an ``api_key``, or with an empty one, it sends the token of the user's login to *any* ``base_url``, so
  :data:`NO_KEY` is sent instead;
- a ``base_url`` without ``http://`` is taken for the name of a model, and the request goes to Hugging Face;
- its ``timeout`` is that of one wait for the network, so a server that sends a byte now and then is never late;
- an error body that is JSON but no object becomes an ``AttributeError``, a page of HTML a ``JSONDecodeError``, and half
  a body the exception of httpx, which is another package in version 1 than in version 2;
- ``HF_HUB_OFFLINE`` forbids every request, to this machine too.
"""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mmskin_hub.served.faults import (
    EndpointFailed,
    Fault,
    Options,
    Secret,
    failed_response,
    of_status,
    refused_key,
    unwilling_model,
)

HUGGING_FACE = "https://router.huggingface.co/v1"
"""HF Inference Providers as an OpenAI-compatible server."""
NO_KEY = "no-key"
"""The key that is sent where there is none."""
CONNECTIONS = 64
"""Requests under way through one client; httpx opens at most 100 connections and lets the rest wait, then time out."""
MODELS_NAMED = 12


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model wrote, why it stopped, and the tokens read and written (0 where the server does not count).

    ``prompt_logprobs`` is what vLLM calls so, as it came: JSON of any shape, ``None`` from a server without.
    """

    content: str
    finish: str
    tokens_in: int
    tokens_out: int
    prompt_logprobs: Any = None


def base_url(url: str, options: Options) -> str:
    """``url`` as requests are sent to it; raises :class:`EndpointFailed` where it cannot be the address of a server."""
    url = url.strip() or HUGGING_FACE
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        parts, good = urlsplit(""), None
    if not good or parts.fragment:
        raise EndpointFailed(
            "The endpoint is not given as a URL that begins with http:// or https://.",
            f"Give the base URL of an OpenAI-compatible API, such as {options.url} http://127.0.0.1:8000/v1.",
        )
    if "@" in parts.netloc:
        raise EndpointFailed(
            "The URL of the endpoint holds a user name or a password.",
            f"Leave it out of {options.url} and put the key into the environment variable {options.key}.",
        )
    return url


def shown_url(url: str) -> str:
    """``url`` without its query, which may hold a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))


def find_key(url: str, options: Options) -> Secret:
    """The key for ``url``, as :func:`base_url` gives it: from the environment, and for Hugging Face from its login.

    Raises :class:`EndpointFailed` where the key cannot be one, or Hugging Face is asked without.
    """
    key = os.environ.get(options.key, "").strip()
    if not key and url.rstrip("/") == HUGGING_FACE:
        from huggingface_hub import get_token

        key = get_token() or ""
        if not key:
            raise EndpointFailed(
                "HF Inference Providers need a token of Hugging Face, and none is set.",
                f"Set {options.key} or HF_TOKEN, or name a server of your own with {options.url}.",
            )
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise EndpointFailed(
            f"The environment variable {options.key} holds spaces or signs that no key has.",
            "Set it to the key alone.",
        )
    return Secret(key)


class Client:
    """A server that is asked for chat completions; an asynchronous context manager.

    ``timeout`` is in seconds and bounds the whole of a request.
    """

    def __init__(self, url: str, model: str, key: Secret, timeout: float, options: Options) -> None:
        from huggingface_hub import AsyncInferenceClient

        self.url, self.model, self.timeout = url, model, timeout
        self._secret, self._options = key, options
        self._client = AsyncInferenceClient(base_url=url, api_key=key.value or NO_KEY, timeout=timeout)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        close: Any = self._client.close
        await close()

    async def ask(self, messages: list[dict[str, Any]], form: dict[str, Any] | None, **sampling: Any) -> Reply:
        """The reply to ``messages``; ``form`` is the response format, ``sampling`` goes to the model.

        Raises :class:`Fault` where this request brought none, :class:`EndpointFailed` where no other will either.
        """
        chat: Any = self._client.chat_completion
        try:
            # A bit later than the client's own, which tells a server that is not there from one that is slow.
            async with asyncio.timeout(self.timeout * 1.1):
                given = await chat(messages, model=self.model, response_format=form, **sampling)
        except Exception as error:
            failure = error
        else:
            return self._reply(given)
        # Outside the clause: what is raised from here carries no exception with a text of the server's.
        failed = await self._meaning(failure)
        raise failed

    def _reply(self, given: Any) -> Reply:
        try:
            choice = given.choices[0]
            message, usage = choice.message, given.usage
            content = message.content
            if isinstance(content, list):  # parts, as some servers send them
                content = "".join(part["text"] for part in content if part.get("type") == "text")
            refused = not content and message.get("refusal")
            return Reply(
                self._secret.out_of(content or ""),
                "refusal" if refused else str(choice.finish_reason or ""),
                int(getattr(usage, "prompt_tokens", None) or 0),
                int(getattr(usage, "completion_tokens", None) or 0),
                given.get("prompt_logprobs"),
            )
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            pass
        raise Fault("The server's answer is not a chat completion.")

    async def _meaning(self, error: Exception) -> Exception:
        """What an exception of huggingface_hub or of httpx says about this request, or about all."""
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

        response = failed_response(error)
        if response is not None:
            if response.status_code == 405:
                return self.no_api()
            if response.status_code == 404 or unwilling_model(response):
                return await self._no_model(sure=unwilling_model(response))
            return of_status(response, shown_url(self.url), self._secret, self._options)
        if isinstance(error, OfflineModeIsEnabled):
            return EndpointFailed(
                "HF_HUB_OFFLINE is set, which keeps huggingface_hub from asking any server.",
                "Unset it for this run: HF_HUB_OFFLINE=0.",
            )
        # httpx in version 1 of huggingface_hub, httpx2 in version 2
        http = import_module(HfHubHTTPError.__mro__[1].__module__.partition(".")[0])
        cause = error.__cause__ if isinstance(error.__cause__, http.TransportError) else error
        if isinstance(cause, http.ConnectError | http.ConnectTimeout):
            return Fault(f"No connection: {self._secret.hide(str(cause)) or 'timed out'}.", connected=False)
        if isinstance(cause, TimeoutError | http.TimeoutException):
            return Fault(f"No answer within {self.timeout:g} s.")
        if isinstance(cause, http.UnsupportedProtocol | http.InvalidURL | http.TooManyRedirects):
            return self.no_api()
        if isinstance(cause, http.TransportError):
            return Fault(f"The connection broke: {self._secret.hide(str(cause)) or type(cause).__name__}.")
        if isinstance(error, json.JSONDecodeError):
            page = error.doc.lstrip()[:1] == "<"
            return Fault(f"The server's answer is {'a page of HTML' if page else 'broken JSON'}.", page=page)
        if isinstance(error, UnicodeDecodeError):
            return Fault("The server's answer is not text.")
        if isinstance(error, ValueError | AttributeError | TypeError | KeyError):  # JSON of a shape nobody expects
            return Fault("The server's answer is not a chat completion.")
        return error

    def no_api(self) -> EndpointFailed:
        """The error for a server that answers, but not as an OpenAI-compatible API does."""
        return EndpointFailed(
            f"There is no OpenAI-compatible API at {shown_url(self.url)}.",
            f"Give its base URL with {self._options.url}; most end in /v1, such as http://127.0.0.1:8000/v1.",
        )

    async def _no_model(self, sure: bool) -> Exception:
        """The model is not there; or, unless the server is ``sure`` of it, the URL is wrong: it lists no models."""
        try:
            listed = await self.models()
        except (Fault, EndpointFailed):
            listed = None
        if listed is None and not sure:
            return self.no_api()
        models = sorted(listed or ())
        if self.model in models:
            return Fault(f"The server lists the model {self.model!r}, and says it is not there.")
        more = len(models) - MODELS_NAMED
        names = ", ".join(models[:MODELS_NAMED]) + (f" and {more} more" if more > 0 else "")
        return EndpointFailed(
            f"The server at {shown_url(self.url)} does not have the model {self.model!r}.",
            f"Choose with {self._options.model} one it has: {self._secret.hide(names)}."
            if models
            else f"Name another with {self._options.model}.",
        )

    async def models(self) -> dict[str, dict[str, Any]] | None:
        """What ``GET /models`` says about each model, by its name; ``None`` where there is no such list.

        Raises :class:`Fault` where there is no connection, :class:`EndpointFailed` where the key is refused.
        """
        from huggingface_hub import get_async_session

        parts = urlsplit(self.url)
        path = parts.path.rstrip("/").removesuffix("/chat/completions") or "/v1"
        url = urlunsplit((parts.scheme, parts.netloc, f"{path}/models", parts.query, ""))
        headers = {"authorization": f"Bearer {self._secret.value}"} if self._secret.value else {}
        try:
            async with asyncio.timeout(min(self.timeout, 30.0)), get_async_session() as session:
                response = await session.get(url, headers=headers)
            if response.status_code == 401:
                raise refused_key(shown_url(self.url), bool(self._secret.value), self._options)
            return {str(model["id"]): dict(model) for model in response.json()["data"]}
        except EndpointFailed:
            raise
        except Exception as error:
            failure = await self._meaning(error)
        if isinstance(failure, EndpointFailed) or (isinstance(failure, Fault) and not failure.connected):
            raise failure
        return None
