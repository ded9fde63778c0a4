"""The probes of a run, in the shape of its other tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from mmskin_hub.evals.audited import Audit
from mmskin_hub.evals.data import open_rows
from mmskin_hub.evals.measure import overlap_of
from mmskin_hub.evals.mistakes import Mistake, mistakes
from mmskin_hub.evals.probes import TASKS, ProbeRequest, run_probe
from mmskin_hub.evals.protocol import Protocol
from mmskin_hub.evals.results import TaskResult, samples_file, short
from mmskin_hub.evals.samples import Columns, write_samples

if TYPE_CHECKING:
    from mmskin_hub.evals.run import Request


BATCH = 32
"""Pictures at once, where it is left to us."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of the probes: the results and worst mistakes of each, and the facts about the encoder."""

    tasks: dict[str, TaskResult]
    worst: dict[str, list[Mistake]]
    model: dict[str, Any]


def probe(request: Request, names: Sequence[str], audit: Audit | None, tell: Callable[[str], None]) -> Probed:
    """Make the probes ``names``, and write their samples.

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend; features that were extracted by
    then are kept.
    """
    found = run_probe(_request(request, names), tell)
    tasks: dict[str, TaskResult] = {}
    worst: dict[str, list[Mistake]] = {}
    for name, result in found["tasks"].items():
        p = Protocol(name, TASKS[name], "probe", result["mode"], result["version"], tuple(result["classes"]))
        columns = Columns()
        for sample in found["samples"][name]:
            columns.add(sample)
        file = samples_file(name)
        write_samples(request.out / file, found["samples"][name])
        benchmark = open_rows(p, request.data, result["data"]["split"], request.limit)
        whole: dict[str, Any] = {**result, "file": file, "data": {**result["data"], "where": _place(result)}}
        if audit:
            ids = [sample["id"] for sample in found["samples"][name]]
            whole["overlap"] = overlap_of(audit, p, columns, ids)
        tasks[name] = cast(TaskResult, whole)
        worst[name] = mistakes(request.out / file, p, benchmark, columns)
    model = found["model"]
    return Probed(tasks, worst, {**model["facts"], "name": model["name"], "revision": model["revision"]})


def _request(request: Request, names: Sequence[str]) -> ProbeRequest:
    return ProbeRequest(
        encoder=request.model,
        tasks=tuple(names),
        data=request.data,
        adapter=request.adapter,
        revision=request.revision,
        dtype=request.dtype,
        device=request.device,
        seed=request.seed,
        limit=request.limit,
        trust_remote_code=request.trust_remote_code,
        pickle=request.pickle,
        batch_size=request.batch_size if isinstance(request.batch_size, int) else BATCH,
        **request.probes,
    )


def _place(result: dict[str, Any]) -> str:
    where: str = result["data"]["where"]
    return short(where.partition("=")[2] or where)
