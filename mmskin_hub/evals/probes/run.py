"""Probes from end to end: features, protocol, figures; the results in the shape of ``results.json``."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mmskin_hub.engine.progress import stage
from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.data import Benchmark, open_rows
from mmskin_hub.evals.probes import EXTRAS, TASKS, ProbeRequest, tasks_of
from mmskin_hub.evals.probes.cache import Rows, features
from mmskin_hub.evals.probes.encoders import Encoder, load_encoder
from mmskin_hub.evals.probes.fit import SELECT
from mmskin_hub.evals.probes.task import probe
from mmskin_hub.evals.protocol import MODES, Protocol
from mmskin_hub.registry import PUBLIC

VERSION = "1"
"""Of the protocols of :mod:`fit`; raised when a probe of the same features would come out otherwise."""
Tell = Callable[[str], None]


def run(request: ProbeRequest, tell: Tell = lambda text: None) -> dict[str, Any]:
    """Make every probe of ``request``.

    Returns ``model`` (name, revision and facts of the encoder), ``tasks`` (a
    :class:`~mmskin_hub.evals.results.TaskResult` of each probe) and ``samples`` (its rows, as
    :data:`~mmskin_hub.evals.samples.COLUMNS` has them). Raises :class:`MmskinError` (or one of its kinds) for
    everything the user can mend; features that were extracted by then are kept.
    """
    names = _checked(request)
    benchmarks = {name: _splits(name, request) for name in names}
    tell(f"loading {request.encoder}")
    encoder = load_encoder(
        request.encoder,
        features=request.features,
        adapter=request.adapter,
        revision=request.revision,
        dtype=request.dtype,
        device=request.device,
        trust_remote_code=request.trust_remote_code,
        pickle=request.pickle,
    )
    tasks: dict[str, Any] = {}
    samples: dict[str, list[dict[str, Any]]] = {}
    for name, splits in benchmarks.items():
        began = time.monotonic()
        held = {split: _features(name, encoder, rows, request) for split, rows in splits.items()}
        tell(f"{name}: fitting on {sum(map(len, held.values())) - len(held['test']):,} rows")
        tasks[name], samples[name] = probe(splits["test"], held, request, time.monotonic() - began)
        if known := tasks[name]["probe"]["test_rows_of_known_groups"]:
            tell(f"{name}: {known:,} test rows are of groups (lesions, patients) that were learned from")
    model = {"name": encoder.name, "revision": encoder.revision, "facts": encoder.facts}
    return {"model": model, "tasks": tasks, "samples": samples}


def _checked(request: ProbeRequest) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name for asked in request.tasks for name in tasks_of(asked)))
    if not names:
        raise WrongUse("No probe is named.", "For example: --tasks probe8")
    if request.mode not in MODES:
        raise WrongUse(f"There is no mode {request.mode!r}.", f"There are: {', '.join(MODES)}")
    if request.select and request.select not in SELECT:
        raise WrongUse(f"C cannot be chosen by {request.select!r}.", f"There are: {', '.join(SELECT)}")
    if request.folds < 2 or request.batch_size < 1:
        raise WrongUse("A probe needs at least two folds and batches of one.", "The usual numbers are 5 and 32.")
    for extra in request.extras:
        if extra not in EXTRAS:
            raise WrongUse(f"There is no extra {extra!r} of a probe.", f"There are: {', '.join(EXTRAS)}")
    return names


def protocol_of(name: str, mode: str) -> Protocol:
    """The protocol of the probe ``name``, as :func:`~mmskin_hub.evals.data.open_rows` takes it."""
    dataset = TASKS[name]
    return Protocol(name, dataset, "probe", mode, VERSION, PUBLIC[dataset].classes)


def _splits(name: str, request: ProbeRequest) -> dict[str, Benchmark]:
    """Train and test, and validation where there is one."""
    p = protocol_of(name, request.mode)
    found = {split: open_rows(p, request.data, split, request.limit) for split in ("train", "test")}
    # Where there is none, C is chosen on train alone.
    with suppress(WrongUse):
        found["validation"] = open_rows(p, request.data, "validation", request.limit)
    return found


def _features(name: str, encoder: Encoder, rows: Benchmark, request: ProbeRequest) -> Rows:
    with stage(f"{name} {rows.split}", len(rows), "pictures") as update:
        return features(encoder, rows, request.cache, store=request.store, batch_size=request.batch_size, update=update)
