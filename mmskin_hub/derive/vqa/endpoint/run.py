"""One run over many captions: a pool of requests, what is tried again and when, and when to stop.

Longer than most files here: pool, waits and stops share one state, and apart none of them could be followed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmskin_hub.derive.vqa.endpoint.answer import FORMS, BadAnswer, read_answer
from mmskin_hub.derive.vqa.endpoint.cache import AnswerCache, Stored
from mmskin_hub.derive.vqa.endpoint.client import CONNECTIONS, Client, Reply, shown_url
from mmskin_hub.derive.vqa.endpoint.faults import EndpointFailed, Fault, Secret, refused_key
from mmskin_hub.schema import QA, Asked

if TYPE_CHECKING:
    from mmskin_hub.derive.vqa.endpoint import EndpointWriter

FAILED = ("writer_failed", "bad_answer")
"""Reject reasons of a caption that a later run asks about again."""
TIMES = 2
"""How often a caption is asked that got an answer nobody can read; the second time with the next seed."""
PATIENCE = 100
"""Waits the server itself asked for that do not count as faults of a caption."""
GRACE = 10.0
"""Seconds that requests under way are given once the endpoint has failed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. Captions: ``done`` of ``total``, of them ``cached`` from an earlier run and ``failed``.

    ``tokens_in``, ``tokens_out``, ``cost`` (in the currency of the prices) and ``retries`` are of this run alone.
    """

    done: int
    total: int
    cached: int
    failed: int
    tokens_in: int
    tokens_out: int
    cost: float
    retries: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a caption: its pairs, or a reject reason with a sentence."""

    pairs: tuple[QA, ...] = ()
    reason: str = ""
    detail: str = ""


NOTHING = Outcome((), "nothing_to_ask", "The writer found nothing that a question could be written about.")


class _Stopped(Exception):
    """The run ends before this caption is settled."""


class Run:
    """The captions ``questions``, by key, asked through ``cache``; ``repeats`` counts how many rows share a key."""

    def __init__(
        self, writer: EndpointWriter, cache: AnswerCache, questions: Mapping[str, Asked], repeats: Mapping[str, int]
    ) -> None:
        self.writer, self.settings, self.cache = writer, writer.settings, cache
        self.questions, self.repeats = questions, repeats
        self.outcomes: dict[str, Outcome] = {}
        self.total, self.done = sum(repeats.values()), repeats.get("", 0)
        self.cached = self.failed = self.answered = self.in_a_row = self.retries = 0
        self.tokens_in = self.tokens_out = 0
        self.reached, self.late = False, False
        self.form: int | None = None  # of FORMS, once the server has answered to one
        self.hold = 0.0  # no request before this moment of the loop's clock: the server asked for it
        self.last_fault = ""
        self.error: Exception | None = None

    def from_cache(self) -> dict[str, Outcome]:
        """The outcomes that answers of earlier runs settle."""
        if self.cache.dropped:
            lines = "1 line" if self.cache.dropped == 1 else f"{self.cache.dropped} lines"
            self.writer.say(
                f"{lines} of {self.cache.path} could not be read, as after a kill, and will be asked again."
            )
        for key in self.questions:
            stored = self.cache.answers.get(key)
            if stored is not None:
                try:
                    self._count(key, _outcome(stored.content, stored.finish))
                except BadAnswer:
                    continue
                self.cached += self.repeats[key]
        self._show()
        return dict(self.outcomes)

    async def ask(self, url: str, key: Secret) -> dict[str, Outcome]:
        """The outcomes of all ``questions``; raises as :meth:`EndpointWriter.write_all` says."""
        self.clock = asyncio.get_running_loop().time
        self.url, self.secret = url, key
        self.stopped, self.opened = asyncio.Event(), asyncio.Event()
        todo = [name for name in self.questions if name not in self.outcomes]
        seen = set(self.cache.times)
        await self._pool(todo)
        if self.error is None and self.failed and not self.answered and len(todo) == len(self.questions):
            self.error = self._no_answers()
        if self.error is None and self.late and len(self.outcomes) < len(self.questions):
            self.error = EndpointFailed(
                f"The time limit of {self.settings.time_limit:g} s is reached.", "Raise it to do more in one run."
            )
        if isinstance(self.error, EndpointFailed):
            raise self._with_count(self.error)
        if self.error is not None:
            raise self.error
        if self.failed:
            earlier = sum(self.repeats[name] for name in todo if name in seen and self.outcomes[name].reason in FAILED)
            again = f", {earlier} of them in an earlier run too" if earlier else ""
            self.writer.say(
                f"{self.failed} of {self.total} captions got no usable answer{again}; the same command asks again."
            )
        return self.outcomes

    async def _pool(self, todo: list[str]) -> None:
        """Ask about ``todo``, several at a time, until all are settled or the run is stopped."""
        workers = max(1, min(self.settings.concurrency, len(todo)))
        names, limit = iter(todo), self.settings.time_limit
        timer = None if limit is None else asyncio.get_running_loop().call_later(limit, self._out_of_time)
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(
                    Client(self.url, self.settings.model, self.secret, self.settings.timeout)
                )
                for _ in range(0, workers, CONNECTIONS)
            ]
            tasks = [
                asyncio.create_task(self._work(clients[at // CONNECTIONS], names, first=at == 0))
                for at in range(workers)
            ]
            stop = asyncio.create_task(self.stopped.wait())
            try:
                everyone: asyncio.Future[Any] = asyncio.gather(*tasks)
                either: set[asyncio.Future[Any]] = {everyone, stop}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait({everyone}, timeout=GRACE if self.error else self.settings.timeout + GRACE)
            finally:
                if timer is not None:
                    timer.cancel()
                for task in (*tasks, stop):
                    task.cancel()
                await asyncio.gather(*tasks, stop, return_exceptions=True)

    async def _work(self, client: Client, names: Iterator[str], first: bool) -> None:
        """Settle one caption after the other. The first is asked alone: it may show that none need be."""
        try:
            if not first:
                await self.opened.wait()
            for name in names:
                if self.stopped.is_set():
                    return
                await self._caption(client, name)
                self.opened.set()
        except _Stopped:
            return
        except Exception as error:
            self.error = self.error or error
            self.stopped.set()
        finally:
            self.opened.set()

    def _out_of_time(self) -> None:
        self.late = True
        self.stopped.set()
        self.opened.set()

    async def _caption(self, client: Client, name: str) -> None:
        messages = self.writer.prompt.messages(self.questions[name])
        bad = BadAnswer("")
        for time in range(TIMES):
            try:
                reply = await self._reply(client, name, messages, self.settings.seed + time)
            except Fault as fault:
                self._gave_up(name, fault)
                return
            self.cache.add(
                Stored(name, self.writer.name, reply.content, reply.finish, reply.tokens_in, reply.tokens_out)
            )
            try:
                outcome = _outcome(reply.content, reply.finish)
            except BadAnswer as error:
                bad = error
            else:
                self._settled(name, outcome)
                return
            if not bad.again:
                break
            if time + 1 < TIMES:
                self.retries += 1
                await self._pause(name, time)
        self._unreadable(name, bad)

    async def _reply(self, client: Client, name: str, messages: list[dict[str, Any]], seed: int) -> Reply:
        """What the model answers; raises :class:`Fault` where it did not, however often it was asked."""
        form, faults, waits = self.form or 0, 0, 0
        while True:
            await self._pause(name, faults if faults else None)
            try:
                reply = await client.ask(
                    messages,
                    FORMS[form],
                    temperature=self.settings.temperature,
                    max_tokens=self.settings.max_tokens,
                    seed=seed,
                )
            except Fault as fault:
                self._may_go_on(client, fault)
                if fault.unsuited and form != self.form:
                    form = form + 1 if self.form is None else self.form
                    if form < len(FORMS):
                        continue
                self.opened.set()
                if not fault.retry:
                    raise
                self.retries += 1
                asked_for = fault.wait or 0.0
                if asked_for:
                    self.hold = max(self.hold, self.clock() + min(asked_for, self.settings.longest_wait))
                if 0 < asked_for <= self.settings.longest_wait and waits < PATIENCE:
                    waits += 1
                    continue
                faults += 1
                if faults >= self.settings.attempts:
                    raise
            else:
                self._took(reply, form)
                return reply

    def _may_go_on(self, client: Client, fault: Fault) -> None:
        """Raise where ``fault`` shows, before anything was answered, that nothing will be."""
        self.reached = self.reached or fault.connected
        if not self.reached:
            raise EndpointFailed(
                f"No server answers at {shown_url(self.url)}. {fault.text}",
                "Start it, or name another with --vqa-endpoint URL.",
            )
        if self.answered == 0 and fault.page:
            raise client.no_api()
        if self.answered == 0 and fault.status == 403:
            raise refused_key(shown_url(self.url), bool(self.secret.value))

    async def _pause(self, name: str, faults: int | None) -> None:
        """Wait until the server may be asked; after ``faults`` faults, and for who was told to wait, longer by a bit.

        The bit is drawn from ``name``, so that requests that failed together do not come back together.
        """
        digest = hashlib.sha256(f"{name}:{faults}".encode()).digest()
        share = int.from_bytes(digest[:4], "big") / 2**32
        until = self.clock()
        if faults is not None:
            wait = min(self.settings.backoff * 2.0 ** (faults - 1), self.settings.longest_wait)
            until += wait * (0.5 + share / 2)
        while True:
            spread = self.hold + share * min(self.settings.backoff, 1.0) if self.hold > self.clock() else 0.0
            until = max(until, spread)
            left = until - self.clock()
            if left > 0:
                try:
                    await asyncio.wait_for(self.stopped.wait(), left)
                except TimeoutError:
                    continue
            if self.stopped.is_set():
                raise _Stopped
            return

    def _took(self, reply: Reply, form: int) -> None:
        if self.form is None and FORMS[form] is None:
            self.writer.say(
                "The server takes no response format; answers are asked for without one, by the prompt alone."
            )
        self.form = form if self.form is None else self.form
        self.reached, self.in_a_row = True, 0
        self.answered += 1
        self.tokens_in += reply.tokens_in
        self.tokens_out += reply.tokens_out
        self.opened.set()

    def _gave_up(self, name: str, fault: Fault) -> None:
        self.last_fault = fault.text
        self._settled(name, Outcome((), "writer_failed", fault.text))
        # What the server will not take of one caption says nothing about the others, once it has answered some.
        if fault.retry or not (self.answered or self.cached):
            self.in_a_row += 1
        if self.in_a_row >= self.settings.failures:
            raise self._no_answers()

    def _unreadable(self, name: str, bad: BadAnswer) -> None:
        self._settled(name, Outcome((), "bad_answer", str(bad)))
        if self.failed == self.done - self.repeats.get("", 0) and self.failed >= self.settings.failures:
            raise EndpointFailed(
                f"None of the first {self.failed} answers of {self.settings.model} could be read. {bad}",
                "Name a model that follows a format with --vqa-model, or let it write more tokens.",
            )

    def _no_answers(self) -> EndpointFailed:
        return EndpointFailed(
            f"The endpoint {shown_url(self.url)} gave no usable answer to {self.failed} captions. {self.last_fault}",
            "See what the server says about it, then run the same command again; --vqa-endpoint names another.",
        )

    def _with_count(self, error: EndpointFailed) -> EndpointFailed:
        """``error``, saying how far the run is."""
        done = self.done - self.failed
        if not done:
            return error
        kept = f"{done:,} of {self.total:,} captions are answered and kept; the same command goes on from there."
        return EndpointFailed(error.what, f"{error.remedy}\n  {kept}")

    def _settled(self, name: str, outcome: Outcome) -> None:
        self._count(name, outcome)
        self._show()

    def _count(self, name: str, outcome: Outcome) -> None:
        self.outcomes[name] = outcome
        self.done += self.repeats[name]
        if outcome.reason in FAILED:
            self.failed += self.repeats[name]

    def _show(self) -> None:
        settings = self.settings
        cost = (self.tokens_in * settings.price_in + self.tokens_out * settings.price_out) / 1e6
        self.writer.progress(
            Progress(
                self.done, self.total, self.cached, self.failed, self.tokens_in, self.tokens_out, cost, self.retries
            )
        )


def _outcome(content: str, finish: str) -> Outcome:
    pairs = read_answer(content, finish)
    return Outcome(pairs) if pairs else NOTHING
