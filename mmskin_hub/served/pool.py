"""Many requests to one server: so many at a time, what is tried again and when, and when to stop.

Waits are shared: where the server asks one request to wait, all of them do.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from mmskin_hub.served.client import CONNECTIONS, Client, Reply, shown_url
from mmskin_hub.served.faults import EndpointFailed, Fault, Options, Secret, refused_key

T = TypeVar("T")

PATIENCE = 100
"""Waits the server itself asked for that do not count as faults of a request."""
GRACE = 10.0
"""Seconds that requests under way are given once the endpoint has failed."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How many requests are under way at most, and how long faults are borne. Times are in seconds.

    A request has ``timeout``; ``attempts`` faults end it. Between them it waits from ``backoff`` on, doubling, or as
    long as the server asks, but never longer than ``longest_wait``. At ``time_limit`` nothing more is asked; what is
    under way is waited for.
    """

    concurrency: int = 8
    timeout: float = 120.0
    attempts: int = 6
    backoff: float = 1.0
    longest_wait: float = 300.0
    time_limit: float | None = None


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end, in a thread of its own where this one has an event loop (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class Stopped(Exception):
    """The pool ends before this is settled."""


class Pool:
    """Requests to the ``model`` at ``url``; ``options`` are for the words of errors.

    After :meth:`each`, ``error`` is what ended it early, and ``late`` says whether the time limit did. ``answered``,
    ``retries``, ``tokens_in`` and ``tokens_out`` count over all calls of it; ``reached`` is true once the server has
    said anything at all: a server that never did is not waited for.
    """

    def __init__(self, url: str, model: str, patience: Patience, options: Options) -> None:
        self.url, self.model, self.patience, self.options = url, model, patience, options
        self.answered = self.retries = self.tokens_in = self.tokens_out = 0
        self.reached, self.late = False, False
        self.error: Exception | None = None
        self._hold = 0.0  # no request before this moment of the loop's clock: the server asked for it
        self._given = False

    async def each(self, names: Sequence[str], key: Secret, settle: Callable[[Client, str], Awaitable[None]]) -> None:
        """``settle`` every one of ``names``, several at a time, until all are or the pool is stopped.

        What ``settle`` raises, other than :class:`Stopped`, stops the pool and becomes its ``error``.
        """
        self._clock = asyncio.get_running_loop().time
        self._stop, self._opened = asyncio.Event(), asyncio.Event()
        self._settle, self._hold, self._given, self.error = settle, 0.0, bool(key.value), None
        if self.answered:
            self._opened.set()
        patience, waiting = self.patience, iter(names)
        workers = max(1, min(patience.concurrency, len(names)))
        limit = patience.time_limit
        timer = None if limit is None else asyncio.get_running_loop().call_later(limit, self._out_of_time)
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(Client(self.url, self.model, key, patience.timeout, self.options))
                for _ in range(0, workers, CONNECTIONS)
            ]
            tasks = [
                asyncio.create_task(self._work(clients[at // CONNECTIONS], waiting, first=at == 0))
                for at in range(workers)
            ]
            stop = asyncio.create_task(self._stop.wait())
            try:
                everyone: asyncio.Future[Any] = asyncio.gather(*tasks)
                either: set[asyncio.Future[Any]] = {everyone, stop}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.wait({everyone}, timeout=GRACE if self.error else patience.timeout + GRACE)
            finally:
                if timer is not None:
                    timer.cancel()
                for task in (*tasks, stop):
                    task.cancel()
                await asyncio.gather(*tasks, stop, return_exceptions=True)

    async def _work(self, client: Client, names: Iterator[str], first: bool) -> None:
        """Settle one after the other. The first is asked alone: it may show that none need be."""
        try:
            if not first:
                await self._opened.wait()
            for name in names:
                if self._stop.is_set():
                    return
                await self._settle(client, name)
                self._opened.set()
        except Stopped:
            return
        except Exception as error:
            self.error = self.error or error
            self._stop.set()
        finally:
            self._opened.set()

    def _out_of_time(self) -> None:
        self.late = True
        self._stop.set()
        self._opened.set()

    async def persist(
        self,
        client: Client,
        name: str,
        ask: Callable[[], Awaitable[Reply]],
        otherwise: Callable[[Fault], bool] = lambda _: False,
    ) -> Reply:
        """What ``ask`` brings; raises :class:`Fault` where it brings nothing, however often it is tried.

        ``otherwise`` may change how ``ask`` puts it, and says whether it has: then it is tried again at once.
        """
        patience, faults, waits = self.patience, 0, 0
        while True:
            await self.pause(name, faults if faults else None)
            try:
                reply = await ask()
            except Fault as fault:
                self._may_go_on(client, fault)
                if otherwise(fault):
                    continue
                self._opened.set()
                if not fault.retry:
                    raise
                self.retries += 1
                asked_for = fault.wait or 0.0
                if asked_for:
                    self._hold = max(self._hold, self._clock() + min(asked_for, patience.longest_wait))
                if 0 < asked_for <= patience.longest_wait and waits < PATIENCE:
                    waits += 1
                    continue
                faults += 1
                if faults >= patience.attempts:
                    raise
            else:
                self.reached = True
                self.answered += 1
                self.tokens_in += reply.tokens_in
                self.tokens_out += reply.tokens_out
                self._opened.set()
                return reply

    def _may_go_on(self, client: Client, fault: Fault) -> None:
        """Raise where ``fault`` shows, before anything was answered, that nothing will be."""
        self.reached = self.reached or fault.connected
        if not self.reached:
            raise EndpointFailed(
                f"No server answers at {shown_url(self.url)}. {fault.text}",
                f"Start it, or name another with {self.options.url} URL.",
            )
        if self.answered == 0 and fault.page:
            raise client.no_api()
        if self.answered == 0 and fault.status == 403:
            raise refused_key(shown_url(self.url), self._given, self.options)

    async def pause(self, name: str, faults: int | None) -> None:
        """Wait until the server may be asked; after ``faults`` faults, and for who was told to wait, longer by a bit.

        The bit is drawn from ``name``, so that requests that failed together do not come back together. Raises
        :class:`Stopped` where the pool ends.
        """
        digest = hashlib.sha256(f"{name}:{faults}".encode()).digest()
        share = int.from_bytes(digest[:4], "big") / 2**32
        patience, until = self.patience, self._clock()
        if faults is not None:
            wait = min(patience.backoff * 2.0 ** (faults - 1), patience.longest_wait)
            until += wait * (0.5 + share / 2)
        while True:
            spread = self._hold + share * min(patience.backoff, 1.0) if self._hold > self._clock() else 0.0
            until = max(until, spread)
            left = until - self._clock()
            if left > 0:
                try:
                    await asyncio.wait_for(self._stop.wait(), left)
                except TimeoutError:
                    continue
            if self._stop.is_set():
                raise Stopped
            return
