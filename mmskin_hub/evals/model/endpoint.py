"""Models that are served: a scorer that asks an OpenAI-compatible API (vLLM, TGI, ``transformers serve``).

::

    scorer = open_endpoint("http://127.0.0.1:8000/v1")
    scorer.generate([Ask("ISIC_0024306", "Which diagnosis is this?", (picture,))], max_new_tokens=64)

The server applies the chat template and makes the batches; requests are asked several at a time
(:mod:`mmskin_hub.served.pool` waits and tries again). The key comes from the environment variable
``MMSKIN_EVAL_KEY`` and is written nowhere.

Choices are scored where the server tells the log-probabilities of a prompt
(:mod:`~mmskin_hub.evals.model.endpoint_likelihood`): one request a choice, as a server offers no other way. With many
choices that is slower than the model itself under ``mmskin eval FOLDER``, which reads question and picture once.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.model.api import Ask, PartialAnswers, Scores
from mmskin_hub.evals.model.endpoint_likelihood import OPENED, SCORED, Token, prompt_tokens, says, shared
from mmskin_hub.evals.model.endpoint_request import data_uri, decoding, messages
from mmskin_hub.served.client import MODELS_NAMED, Client, Reply, base_url, find_key, shown_url
from mmskin_hub.served.faults import EndpointFailed, Fault, Options
from mmskin_hub.served.pool import Patience, Pool, run_to_end

T = TypeVar("T")

OPTIONS = Options("mmskin eval", "--served-model", "MMSKIN_EVAL_KEY")
"""What the command line calls the settings of an endpoint."""
FAILURES = 5
"""Samples in a row without an answer, after which the server is taken for gone."""
_AGAIN = "then run the same command again: it goes on where it stopped."
_REMEMBERED = 256


def is_endpoint(name: str) -> bool:
    """Whether the ``name`` of a model is the address of a server."""
    return name.lower().startswith(("http://", "https://"))


def open_endpoint(
    url: str,
    model: str | None = None,
    *,
    concurrency: int | None = None,
    patience: Patience | None = None,
    seed: int = 0,
) -> EndpointModel:
    """The ``model`` at ``url``, the base URL of an OpenAI-compatible API; without a name, the only one it serves.

    ``concurrency`` requests are under way at most; ``patience`` says how faults are borne; ``seed`` goes with requests.
    Raises :class:`EndpointFailed` where no server answers, the key is refused, or no one model can be told.
    """
    url = base_url(url, OPTIONS)
    patience = patience or Patience()
    if concurrency is not None:
        patience = replace(patience, concurrency=concurrency)
    key = find_key(url, OPTIONS)

    async def listed() -> dict[str, dict[str, Any]] | None:
        async with Client(url, model or "", key, patience.timeout, OPTIONS) as client:
            return await client.models()

    try:
        with key.kept_from_logs():
            served = run_to_end(listed()) or {}
    except Fault as fault:
        raise EndpointFailed(
            f"No server answers at {shown_url(url)}. {fault.text}", "Start it, or give the address of another."
        ) from None
    if model is None or not model.strip():
        if len(served) != 1:
            names = key.hide(", ".join(sorted(served)[:MODELS_NAMED]))
            raise EndpointFailed(
                f"The server at {shown_url(url)} lists {len(served) or 'no'} models{': ' * bool(names)}{names}.",
                f"Say which to ask: {OPTIONS.model} NAME",
            )
        (model,) = served
    told = {name: key.hide(value) if isinstance(value, str) else value for name, value in served.get(model, {}).items()}
    return EndpointModel(url, model, patience, seed=seed, told=told)


class EndpointModel:
    """A :class:`~mmskin_hub.evals.model.api.Scorer` that asks a server; made by :func:`open_endpoint`.

    ``told`` is what the server lists about the model. ``seed`` goes with each request.
    """

    revision = ""
    """A server does not tell which weights it holds."""

    def __init__(
        self, url: str, model: str, patience: Patience, *, seed: int = 0, told: Mapping[str, Any] | None = None
    ) -> None:
        self.url, self.name, self.patience, self.seed = url, model, patience, seed
        self._told = {name: value for name, value in (told or {}).items() if isinstance(value, str | int)}
        self.server = str(self._told.get("owned_by", "")).lower()
        self._pool = Pool(url, model, patience, OPTIONS)
        self._in_a_row = self._cut = self._declined = 0
        self._tails: dict[tuple[str, int, tuple[str, ...]], tuple[int, ...]] = {}

    @property
    def facts(self) -> dict[str, Any]:
        """What is known of the model and how it was asked; what the server does not tell is left out."""
        told = {name: self._told[name] for name in ("owned_by", "root", "max_model_len") if self._told.get(name)}
        return {
            "kind": "endpoint",
            "endpoint": shown_url(self.url),
            "served_model": self.name,
            **told,
            "seed": self.seed,
            "concurrency": self.patience.concurrency,
            "requests": self._pool.answered,
            "retries": self._pool.retries,
            "tokens_in": self._pool.tokens_in,
            "tokens_out": self._pool.tokens_out,
            "answers_cut": self._cut,
            "answers_declined": self._declined,
        }

    def generate(self, asks: Sequence[Ask], **generation: Any) -> list[str]:
        """What the model writes about each of ``asks``, in their order; ``generation`` as transformers names it.

        An answer the model declines to give is "". Raises :class:`WrongUse` for a decoding no server can be asked
        for, and :class:`PartialAnswers`, with the answers there are, where the endpoint fails or refuses a sample.
        """
        sampling = {"seed": self.seed, **decoding(generation, self.server)}

        async def write(client: Client, place: int, uris: list[str]) -> str:
            ask = asks[place]
            reply = await self._reply(client, ask.id, messages(ask.prompt, uris), sampling)
            self._cut += reply.finish == "length"
            self._declined += reply.finish in ("refusal", "content_filter")
            return reply.content

        return self._all(asks, write)

    def choose(self, asks: Sequence[Ask], choices: Sequence[Sequence[str]]) -> list[Scores]:
        """The log-likelihood of each of ``choices[i]`` as the answer to ``asks[i]``.

        Raises as :meth:`generate`; also where the server does not tell the log-probabilities of a prompt.
        """
        for ask, offered in zip(asks, choices, strict=True):
            if not offered or not all(choice.strip() for choice in offered):
                raise WrongUse(f"Sample {ask.id}: a choice is empty, or there is none.", "Give every class a name.")

        async def score(client: Client, place: int, uris: list[str]) -> Scores:
            return await self._score(client, asks[place], uris, tuple(choices[place]))

        return self._all(asks, score)

    def _all(self, asks: Sequence[Ask], answer: Callable[[Client, int, list[str]], Awaitable[T]]) -> list[T]:
        """``answer`` for the place of each of ``asks``, many at a time."""
        if any(ask.templated for ask in asks):
            raise WrongUse(
                "A served model applies its chat template itself, and these questions went through one already.",
                "Ask it with mmskin eval, or lm-eval's own model for served chats: local-chat-completions.",
            )
        answers: dict[int, T] = {}
        refused: dict[int, Fault] = {}
        encoding: dict[int, asyncio.Lock] = {}

        async def settle(client: Client, name: str) -> None:
            place = int(name)
            try:
                uris = [await _encoded(picture, encoding) for picture in asks[place].images]
                answers[place] = await answer(client, place, uris)
                self._in_a_row = 0
            except Fault as fault:
                refused[place] = fault
                self._gave_up(fault)

        key = find_key(self.url, OPTIONS)
        with key.kept_from_logs():
            run_to_end(self._pool.each([str(place) for place in range(len(asks))], key, settle))
        error = self._pool.error
        if error is None and refused:
            place, fault = min(refused.items())
            error = EndpointFailed(
                f"The endpoint {shown_url(self.url)} gave no answer to {len(refused)} of {len(asks)} samples; to the "
                f"first, {asks[place].id}: {fault.text}",
                f"See what the server says about it, {_AGAIN}",
            )
        if isinstance(error, MmskinError):
            raise PartialAnswers(error, answers) from error
        if error is not None:
            raise error
        return [answers[place] for place in range(len(asks))]

    def _gave_up(self, fault: Fault) -> None:
        """Raise where ``fault``, which ended a sample, shows that the others would end so too."""
        self._in_a_row += 1
        where = shown_url(self.url)
        if not fault.connected:
            raise EndpointFailed(
                f"The endpoint {where} is gone: it was asked {self.patience.attempts} times. {fault.text}",
                f"Start the server again, {_AGAIN}",
            )
        if not self._pool.answered and not fault.retry:
            raise EndpointFailed(
                f"The endpoint {where} does not take what it is asked. {fault.text}",
                f"See that it serves {self.name}, with pictures in a chat and a context that is long enough for them.",
            )
        if self._in_a_row >= FAILURES:
            raise EndpointFailed(
                f"The endpoint {where} gave no answer to {self._in_a_row} samples in a row. {fault.text}",
                f"See what the server says about it, {_AGAIN}",
            )

    async def _reply(self, client: Client, name: str, chat: list[dict[str, Any]], sampling: Mapping[str, Any]) -> Reply:
        return await self._pool.persist(client, name, lambda: client.ask(chat, None, **sampling))

    async def _score(self, client: Client, ask: Ask, uris: list[str], choices: tuple[str, ...]) -> Scores:
        """One request a choice. How many tokens each has is found out once for a question: pictures do not matter."""
        known = ask.prompt, len(uris), choices
        opened = None if known in self._tails else await self._prompt(client, ask, uris)
        scored = [await self._prompt(client, ask, uris, choice) for choice in choices]
        tails = self._tails.get(known)
        starts = {len(tokens) - tail for tokens, tail in zip(scored, tails, strict=True)} if tails else set()
        if len(starts) != 1:
            opened = opened or await self._prompt(client, ask, uris)
            # The same start for all: a token that holds the end of the question and the answer's beginning counts.
            starts = {min(shared(opened, tokens) for tokens in scored)}
        (start,) = starts
        if opened is not None:
            for tokens, choice in zip(scored, choices, strict=True):
                if not says(tokens[start:], choice, begun=start < len(opened)):
                    raise self._no_likelihood(f"Its chat template does not let an answer begin with {choice!r}.")
            while len(self._tails) >= _REMEMBERED:
                del self._tails[next(iter(self._tails))]
            self._tails[known] = tuple(len(tokens) - start for tokens in scored)
        sums = tuple(math.fsum(token.logprob for token in tokens[start:]) for tokens in scored)
        if not all(map(math.isfinite, sums)):
            raise EndpointFailed(
                f"The endpoint {shown_url(self.url)} gave a log-probability that is no number, for {ask.id}.",
                "The model computes NaN or infinity: serve it in another dtype (bfloat16 or float32).",
            )
        return Scores(sums, tuple(len(tokens) - start for tokens in scored))

    async def _prompt(self, client: Client, ask: Ask, uris: list[str], choice: str | None = None) -> tuple[Token, ...]:
        """The tokens of the chat, ending in ``choice``, or in what stands before an answer."""
        sampling = {
            "temperature": 0.0,
            "max_tokens": 1,
            "seed": self.seed,
            "extra_body": OPENED if choice is None else SCORED,
        }
        try:
            reply = await self._reply(client, f"{ask.id}:{choice}", messages(ask.prompt, uris, choice), sampling)
        except Fault as fault:
            if fault.unsuited and not self._tails:
                raise self._no_likelihood(fault.text) from None
            raise
        tokens = prompt_tokens(reply.prompt_logprobs)
        if tokens is None:
            raise self._no_likelihood("")
        return tokens

    def _no_likelihood(self, why: str) -> EndpointFailed:
        return EndpointFailed(
            f"The server at {shown_url(self.url)} does not tell how likely an answer is (prompt_logprobs in a chat), "
            f"so choices cannot be scored.{' ' * bool(why)}{why}",
            "Take the tasks that end in _gen (such as mmskin_ham10000_gen, or the group skinvl8_gen), serve the model "
            "with vLLM, or load the model itself: mmskin eval FOLDER.",
        )


async def _encoded(picture: Any, locks: dict[int, asyncio.Lock]) -> str:
    """``picture`` as a URI, made beside the event loop. A lock each: PIL decodes a picture once, in one thread."""
    async with locks.setdefault(id(picture), asyncio.Lock()):
        return await asyncio.to_thread(data_uri, picture)
