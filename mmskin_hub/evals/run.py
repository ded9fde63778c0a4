"""A run: the rows of each task pass through the model a chunk at a time, into journals, and from there into results.

::

    request = Request("owner/name", ("mmskin_ham10000_gen",), {"ham10000": "data/ham10000"}, Path("run"))
    results = evaluate(request)

    <out>/journal/<task>.<rank>.jsonl   what was asked and said, on the disk a chunk at a time
    <out>/samples-<task>.parquet        one row a sample
    <out>/results.json                  every figure, with what it takes to get it again
    <out>/report.html                   the same for people

The same command goes on with a run that was killed: what the journals hold is not asked again. Memory holds one chunk
of pictures, however long a benchmark is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import MissingExtra, MmskinError, OutputExists, WrongUse
from mmskin_hub.evals import journal
from mmskin_hub.evals.asking import IDENTIFYING, Asked, identity_of, score
from mmskin_hub.evals.data import Benchmark, open_rows
from mmskin_hub.evals.protocol import GROUPS, protocol
from mmskin_hub.evals.results import FILE, Results, clear, held_tasks
from mmskin_hub.evals.team import join

if TYPE_CHECKING:
    from mmskin_hub.evals.model.api import Scorer

__all__ = ["IDENTIFYING", "Request", "evaluate", "expand", "load"]

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What ``mmskin eval`` was asked for.

    ``data`` maps a dataset to a folder of ``mmskin build`` or "owner/name@revision"; ``tasks`` are names of tasks or
    groups, and of probes; ``limit`` takes the first rows of each task only; ``audit`` is the report.json of an overlap
    audit; ``bertscore`` the model of a BERTScore (a folder, OWNER/NAME@REVISION, or a package that ships one). The
    rest is as :func:`mmskin_hub.evals.model.load.load_model` takes it.
    """

    model: str
    tasks: tuple[str, ...]
    data: Mapping[str, str]
    out: Path
    adapter: str | None = None
    revision: str | None = None
    dtype: str = "auto"
    device: str | None = None
    batch_size: int | str = "auto"
    limit: int | None = None
    seed: int = 0
    audit: Path | None = None
    calibrate: bool = False
    bertscore: str | None = None
    template: str | None = None
    served_model: str | None = None
    trust_remote_code: bool = False
    pickle: bool = False
    overwrite: bool = False
    probes: Mapping[str, Any] = field(default_factory=dict)
    """Options of the probes, as :class:`mmskin_hub.evals.probes.ProbeRequest` names them."""


def evaluate(request: Request, tell: Tell = lambda text: None) -> Results:
    """Ask, read, measure and write; returns what ``results.json`` holds (empty in every process but the first).

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend. What was scored is then kept.
    """
    from mmskin_hub.evals.audited import read_audit
    from mmskin_hub.evals.finish import Measured, finish, measure_tasks

    began = time.monotonic()
    names, probes = expand(request.tasks)
    audit = read_audit(request.audit) if request.audit else None
    benchmarks = {name: open_rows(protocol(name), request.data, limit=request.limit) for name in names}
    team = join(request.device)
    tell = tell if team.leads else lambda text: None
    scorer: Scorer | None = None
    tasks: list[Asked] = []
    with _claimed(request, (*names, *probes)) if team.leads else nullcontext():
        team.wait()
        if names:
            tell(f"loading {request.model}")
            scorer = load(request)
            tasks = _identified(request, scorer, benchmarks.values())
        # The journals are read by all before any is written to, so that all agree on what is left.
        left = [each.benchmark.without(journal.Answers(request.out, each.protocol.task).rows) for each in tasks]
        team.wait()
        for each, rows in zip(tasks, left, strict=True):
            assert scorer is not None
            tell(f"{each.protocol.task}: {len(rows):,} of {each.benchmark.rows:,} samples to ask")
            score(request, each, rows.shard(team.rank, team.world), scorer, team)
        team.wait()
        if not team.leads:
            return {}
        found = measure_tasks(request, tasks, scorer, audit, tell) if scorer else Measured()
        # A probe loads its encoder anew: two models at once may not fit.
        scorer = None
        return finish(request, found, probes, audit, team, began, tell)


def _identified(request: Request, scorer: Scorer, benchmarks: Iterable[Benchmark]) -> list[Asked]:
    """The tasks with their identities; raises :class:`OutputExists` where ``--out`` has answers of another run."""
    tasks = [Asked(each.protocol, each, identity_of(request, scorer, each)) for each in benchmarks]
    for task in tasks:
        journal.check(request.out, {"model": task.identity["model"]})
        journal.check(request.out, task.identity, task.protocol.task)
    return tasks


def expand(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tasks and the probes that ``names`` (tasks, groups, probes) stand for, each once, in that order.

    Raises :class:`WrongUse` for a name that is none of them, and where there is no name.
    """
    from mmskin_hub.evals.probes import tasks_of

    tasks: dict[str, None] = {}
    probes: dict[str, None] = {}
    for name in names:
        if name.startswith("probe"):
            probes.update(dict.fromkeys(tasks_of(name)))
        else:
            tasks.update(dict.fromkeys(GROUPS[name] if name in GROUPS else (protocol(name).task,)))
    if not tasks and not probes:
        raise WrongUse("No task is named.", "For example: --tasks skinvl8 (see what there is: mmskin tasks)")
    return tuple(tasks), tuple(probes)


def load(request: Request) -> Scorer:
    """The model of ``request``; raises :class:`MissingExtra` where a package it needs is not installed."""
    try:
        from mmskin_hub.evals.model.load import load_model

        return load_model(
            request.model,
            adapter=request.adapter,
            revision=request.revision,
            dtype=request.dtype,
            device=request.device,
            batch_size=request.batch_size,
            trust_remote_code=request.trust_remote_code,
            pickle=request.pickle,
            template=request.template,
            model=request.served_model,
        )
    except ImportError as error:
        raise MissingExtra("mmskin eval", "eval", error.name or str(error)) from error


@contextmanager
def _claimed(request: Request, tasks: Sequence[str]) -> Iterator[None]:
    """Keep every other run out of ``--out`` while this one lasts; with ``--overwrite`` forget what is there.

    Raises :class:`OutputExists` where ``--out`` holds anything that is not of this run.
    """
    from filelock import FileLock, Timeout

    out = request.out
    try:
        if out.exists() and not out.is_dir():
            raise OutputExists(f"--out {out} is not a folder.", "Name another.")
        ours = not out.exists() or not any(out.iterdir()) or (out / journal.FOLDER).is_dir() or (out / FILE).is_file()
        if not ours and not request.overwrite:
            raise OutputExists(
                f"--out {out} holds files that are no evaluation of ours.",
                "Name an empty folder, or say --overwrite to write into it (foreign files stay).",
            )
        (out / journal.FOLDER).mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / journal.FOLDER / "lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise MmskinError(f"Another run is writing to {out}.", "Wait for it to end, or name another folder.") from None
    except OSError as error:
        raise WrongUse(f"--out {out} cannot be used: {error.strerror}.", "Name another folder.") from error
    try:
        if request.overwrite:
            clear(out)
        elif other := [name for name in held_tasks(out) if name not in tasks]:
            raise OutputExists(
                f"--out {out} holds results of other tasks: {', '.join(other)}.",
                "Name another folder; or name those tasks too (what was asked is not asked again).",
            )
        yield
    finally:
        lock.release()
