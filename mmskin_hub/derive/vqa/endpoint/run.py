"""One run over many captions: what is settled by an answer, what is asked a second time, and when to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmskin_hub.derive.vqa.endpoint.answer import FORMS, BadAnswer, read_answer
from mmskin_hub.derive.vqa.endpoint.cache import AnswerCache, Stored
from mmskin_hub.schema import QA, Asked
from mmskin_hub.served.client import Client, Reply, shown_url
from mmskin_hub.served.faults import EndpointFailed, Fault, Options, Secret
from mmskin_hub.served.pool import Pool

if TYPE_CHECKING:
    from mmskin_hub.derive.vqa.endpoint import EndpointWriter

FAILED = ("writer_failed", "bad_answer")
"""Reject reasons of a caption that a later run asks about again."""
TIMES = 2
"""How often a caption is asked that got an answer nobody can read; the second time with the next seed."""
OPTIONS = Options("--vqa-endpoint", "--vqa-model", "MMSKIN_VQA_KEY")
"""What the command line calls the settings of the endpoint."""


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


class Run:
    """The captions ``questions``, by key, asked through ``cache``; ``repeats`` counts how many rows share a key."""

    def __init__(
        self, writer: EndpointWriter, cache: AnswerCache, questions: Mapping[str, Asked], repeats: Mapping[str, int]
    ) -> None:
        self.writer, self.settings, self.cache = writer, writer.settings, cache
        self.pool = Pool("", self.settings.model, self.settings.patience, OPTIONS)
        self.questions, self.repeats = questions, repeats
        self.outcomes: dict[str, Outcome] = {}
        self.total, self.done = sum(repeats.values()), repeats.get("", 0)
        self.cached = self.failed = self.in_a_row = 0
        self.form: int | None = None  # of FORMS, once the server has answered to one
        self.last_fault = ""

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
        self.pool.url = url
        todo = [name for name in self.questions if name not in self.outcomes]
        seen = set(self.cache.times)
        await self.pool.each(todo, key, self._caption)
        error = self.pool.error
        if error is None and self.failed and not self.pool.answered and len(todo) == len(self.questions):
            error = self._no_answers()
        if error is None and self.pool.late and len(self.outcomes) < len(self.questions):
            error = EndpointFailed(
                f"The time limit of {self.settings.time_limit:g} s is reached.", "Raise it to do more in one run."
            )
        if isinstance(error, EndpointFailed):
            raise self._with_count(error)
        if error is not None:
            raise error
        if self.failed:
            earlier = sum(self.repeats[name] for name in todo if name in seen and self.outcomes[name].reason in FAILED)
            again = f", {earlier} of them in an earlier run too" if earlier else ""
            self.writer.say(
                f"{self.failed} of {self.total} captions got no usable answer{again}; the same command asks again."
            )
        return self.outcomes

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
                self.pool.retries += 1
                await self.pool.pause(name, time)
        self._unreadable(name, bad)

    async def _reply(self, client: Client, name: str, messages: list[dict[str, Any]], seed: int) -> Reply:
        """What the model answers; raises :class:`Fault` where it did not, however often it was asked."""
        form = self.form or 0

        async def ask() -> Reply:
            return await client.ask(
                messages,
                FORMS[form],
                temperature=self.settings.temperature,
                max_tokens=self.settings.max_tokens,
                seed=seed,
            )

        def another_form(fault: Fault) -> bool:
            nonlocal form
            if not fault.unsuited or form == self.form:
                return False
            form = form + 1 if self.form is None else self.form
            return form < len(FORMS)

        reply = await self.pool.persist(client, name, ask, another_form)
        if self.form is None and FORMS[form] is None:
            self.writer.say(
                "The server takes no response format; answers are asked for without one, by the prompt alone."
            )
        self.form = form if self.form is None else self.form
        self.in_a_row = 0
        return reply

    def _gave_up(self, name: str, fault: Fault) -> None:
        self.last_fault = fault.text
        self._settled(name, Outcome((), "writer_failed", fault.text))
        # What the server will not take of one caption says nothing about the others, once it has answered some.
        if fault.retry or not (self.pool.answered or self.cached):
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
        url = shown_url(self.pool.url)
        return EndpointFailed(
            f"The endpoint {url} gave no usable answer to {self.failed} captions. {self.last_fault}",
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
        read, written, settings = self.pool.tokens_in, self.pool.tokens_out, self.settings
        cost = (read * settings.price_in + written * settings.price_out) / 1e6
        self.writer.progress(
            Progress(self.done, self.total, self.cached, self.failed, read, written, cost, self.pool.retries)
        )


def _outcome(content: str, finish: str) -> Outcome:
    pairs = read_answer(content, finish)
    return Outcome(pairs) if pairs else NOTHING
