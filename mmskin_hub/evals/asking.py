"""Asks the model about the rows of one task, a chunk at a time, and puts what it says into the journal."""

from __future__ import annotations

import math
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.progress import stage
from mmskin_hub.errors import MmskinError
from mmskin_hub.evals import journal
from mmskin_hub.evals.data import Benchmark, picture
from mmskin_hub.evals.protocol import Protocol, choices, question
from mmskin_hub.evals.results import short
from mmskin_hub.evals.samples import line_of
from mmskin_hub.evals.team import Team

if TYPE_CHECKING:
    from mmskin_hub.evals.model.api import Ask, Scorer, Scores
    from mmskin_hub.evals.run import Request

CHUNK = 32
"""Rows a chunk, at least: their pictures are in memory together, and a kill costs no more than a chunk."""
IDENTIFYING = ("weights", "adapter", "dtype", "template", "processor", "served_model")
"""The facts about a model, beside its name and revision, that make it another one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One task of a run: what is asked, of which rows, and what its journals must be headed with."""

    protocol: Protocol
    benchmark: Benchmark
    identity: Mapping[str, Any]


def identity_of(request: Request, scorer: Scorer, benchmark: Benchmark) -> dict[str, Any]:
    """Everything that decides what the model is asked and what it answers."""
    p = benchmark.protocol
    known = {name: scorer.facts[name] for name in IDENTIFYING if scorer.facts.get(name) is not None}
    return {
        "model": {"name": short(scorer.name), "revision": scorer.revision, **known},
        "task": {"name": p.task, "version": p.version, "mode": p.mode},
        "data": {"dataset": p.dataset, "split": benchmark.split, "revision": benchmark.revision},
        "generation": dict(p.generation),
        "seed": request.seed,
    }


def score(request: Request, task: Asked, rows: Benchmark, scorer: Scorer, team: Team) -> None:
    """Ask the model about ``rows`` and write its answers into the journal of this process, a chunk at a time."""
    p = task.protocol
    with (
        journal.Journal(request.out, p.task, team.rank, task.identity) as book,
        stage(p.task, len(rows), "samples") if team.leads else nullcontext(lambda done: None) as update,
    ):
        reader, done = iter(rows), 0
        while chunk := list(islice(reader, chunk_size(request, scorer))):
            lines, error = _answered(request, p, chunk, scorer)
            book.write(lines)
            if error is not None:
                kept = len(journal.Answers(request.out, p.task))
                error.remedy = (
                    f"{error.remedy}\n  {kept:,} of {task.benchmark.rows:,} samples of {p.task} are kept in "
                    f"{request.out}; the same command goes on from there."
                ).strip()
                raise error
            done += len(lines)
            update(done)


def chunk_size(request: Request, scorer: Scorer) -> int:
    """Rows a chunk: whole batches, and for a served model enough to keep all its connections busy."""
    busy = 4 * int(scorer.facts.get("concurrency") or 0)
    batch = request.batch_size if isinstance(request.batch_size, int) else 1
    return -(-max(CHUNK, busy) // batch) * batch


def _answered(
    request: Request, p: Protocol, chunk: Sequence[Mapping[str, Any]], scorer: Scorer
) -> tuple[list[dict[str, Any]], MmskinError | None]:
    """The journal lines of ``chunk``, and what kept the model from answering all of it."""
    from mmskin_hub.evals.model.api import Ask

    began = time.monotonic()
    if p.generation.get("do_sample"):
        seed_torch(zlib.crc32(f"{request.seed} {p.task} {chunk[0]['row']}".encode()))
    asks: list[Ask] = []
    found: dict[int, Any] = {}
    error: MmskinError | None = None
    try:
        for row in chunk:
            asks.append(Ask(row["id"], question(p, row), (picture(row),)))
    except MmskinError as raised:
        error = raised  # a picture that cannot be decoded; the rows before it are asked
    try:
        if asks:
            found = dict(enumerate(_ask(p, asks, scorer)))
            assert len(found) == len(asks), f"{len(found)} answers to {len(asks)} questions"
    except MmskinError as raised:
        # A scorer hands over what it had (PartialAnswers).
        found, error = dict(getattr(raised, "done", {})), raised
    for place in [place for place, answer in found.items() if p.kind == "choice" and not _finite(answer)]:
        del found[place]
        error = MmskinError(f"Sample {asks[place].id}: a likelihood is not a number.", "Try --dtype float32.")
    each = (time.monotonic() - began) / max(1, len(found))
    return [line_of(p, chunk[place], _said(p, found[place]), each) for place in sorted(found)], error


def _finite(scores: Scores) -> bool:
    return all(map(math.isfinite, scores.loglik))


def _ask(p: Protocol, asks: Sequence[Ask], scorer: Scorer) -> Sequence[Any]:
    if p.kind == "choice":
        return scorer.choose(asks, [choices(p)] * len(asks))
    return scorer.generate(asks, **p.generation)


def _said(p: Protocol, answer: Any) -> dict[str, Any]:
    if p.kind == "choice":
        return {"loglik": [float(value) for value in answer.loglik], "tokens": [int(n) for n in answer.tokens]}
    return {"said": str(answer)}


def seed_torch(seed: int) -> None:
    """Make what is drawn next the same in every run; does nothing where torch is not in use."""
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
