"""The end of a run: journals become samples files, these figures, and these ``results.json`` and a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import mmskin_hub
from mmskin_hub.engine.tools import installed_versions
from mmskin_hub.evals.audited import Audit
from mmskin_hub.evals.data import Benchmark
from mmskin_hub.evals.journal import Answers
from mmskin_hub.evals.measure import calibrated, means, measure, overlap_of
from mmskin_hub.evals.mistakes import Mistake, mistakes
from mmskin_hub.evals.protocol import Protocol, choices
from mmskin_hub.evals.results import FORMAT, Results, TaskResult, samples_file, short, write_results
from mmskin_hub.evals.samples import Columns, Sample, sample_of, write_samples

if TYPE_CHECKING:
    from mmskin_hub.evals.asking import Asked
    from mmskin_hub.evals.model.api import Scorer
    from mmskin_hub.evals.run import Request
    from mmskin_hub.evals.team import Team

PACKAGES = (
    "accelerate", "lm_eval", "nltk", "numpy", "peft", "pillow", "rouge_score", "sacrebleu", "safetensors",
    "scikit-learn", "timm", "torch", "torchvision", "transformers",
)  # fmt: skip
"""Packages whose versions may move a figure."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Measured:
    """What is known of the tasks so far: results and worst mistakes of each, and the facts about the model."""

    tasks: dict[str, TaskResult] = field(default_factory=dict)
    worst: dict[str, list[Mistake]] = field(default_factory=dict)
    model: dict[str, Any] = field(default_factory=dict)


def measure_tasks(
    request: Request, tasks: Sequence[Asked], scorer: Scorer, audit: Audit | None, tell: Tell
) -> Measured:
    """Write the samples of every task, and measure them. The journals must be complete."""
    found = Measured()
    for each in tasks:
        name = each.protocol.task
        tell(f"measuring {name}")
        found.tasks[name], columns = _task(request, each, scorer, audit)
        found.worst[name] = mistakes(request.out / samples_file(name), each.protocol, each.benchmark, columns)
    # Read at the end: some facts, such as the batch size found, are known only now.
    found.model = {**scorer.facts, "name": scorer.name, "revision": scorer.revision}
    return found


def finish(
    request: Request, found: Measured, probes: Sequence[str], audit: Audit | None, team: Team, began: float, tell: Tell
) -> Results:
    """Make the probes, and write results and report; ``began`` is the monotonic time the run started.

    Returns what ``results.json`` holds.
    """
    from mmskin_hub.evals.report import write_report

    if probes:
        from mmskin_hub.evals.probed import probe

        tell(f"probing: {', '.join(probes)}")
        probed = probe(request, probes, audit, tell)
        found.tasks |= probed.tasks
        found.worst |= probed.worst
        found.model = {**probed.model, **found.model}
    datasets = dict.fromkeys(result["data"]["dataset"] for result in found.tasks.values())
    results: Results = {
        "format": FORMAT,
        "mmskin_hub": mmskin_hub.__version__,
        "model": {name: short(each) if isinstance(each, str) else each for name, each in found.model.items()},
        "settings": settings(request, team),
        "packages": packages(),
        "tasks": found.tasks,
        "means": means(found.tasks),
        "audit": audit.record(datasets) if audit else None,
        "seconds": round(time.monotonic() - began, 2),
    }
    written = write_results(request.out, results)
    write_report(request.out, written, found.worst)
    return written


def _task(request: Request, task: Asked, scorer: Scorer, audit: Audit | None) -> tuple[TaskResult, Columns]:
    p, columns = task.protocol, Columns()
    ids: list[str] = []

    def samples() -> Iterator[Sample]:
        for line in Answers(request.out, p.task).lines(request.limit):
            sample = sample_of(p, line)
            columns.add(sample)
            ids.append(sample["id"])
            yield sample

    write_samples(request.out / samples_file(p.task), samples())
    if len(columns) != task.benchmark.rows:
        # Not the user's to mend: the journals and the benchmark disagree.
        raise AssertionError(f"{p.task}: {len(columns)} answers for {task.benchmark.rows} samples")
    result: dict[str, Any] = {
        "kind": p.kind,
        "mode": p.mode,
        "version": p.version,
        "data": data_of(p, task.benchmark),
        "classes": list(p.classes),
        "asked": columns.asked,
        **({"choices": list(choices(p))} if p.kind == "choice" else {"generation": dict(p.generation)}),
        "samples": len(columns),
        "outcomes": columns.outcomes,
        **measure(p, columns, request.seed, request.bertscore),
    }
    if request.calibrate and p.kind == "choice":
        result["calibrated"] = calibrated(p, columns, scorer, request.seed)
    if audit:
        result["overlap"] = overlap_of(audit, p, columns, ids)
    result |= {"seconds": round(columns.seconds, 2), "file": samples_file(p.task)}
    return cast(TaskResult, result), columns


def data_of(p: Protocol, benchmark: Benchmark) -> dict[str, Any]:
    """What the results tell of the rows."""
    return {
        "dataset": p.dataset,
        "where": short(benchmark.where.partition("=")[2]),
        "split": benchmark.split,
        "revision": benchmark.revision,
        "rows": benchmark.rows,
        "left_out": dict(benchmark.left_out),
    }


def settings(request: Request, team: Team) -> dict[str, Any]:
    """What the command said, without the paths of this machine."""
    return {
        "tasks": list(request.tasks),
        "limit": request.limit,
        "seed": request.seed,
        "adapter": short(request.adapter) if request.adapter else None,
        "dtype": request.dtype,
        "device": request.device,
        "batch_size": request.batch_size,
        "calibrate": request.calibrate,
        "bertscore": short(request.bertscore) if request.bertscore else None,
        "trust_remote_code": request.trust_remote_code,
        "pickle": request.pickle,
        "processes": team.world,
    }


def packages() -> dict[str, str]:
    """The versions of :data:`PACKAGES` that are installed."""
    return installed_versions(PACKAGES)
