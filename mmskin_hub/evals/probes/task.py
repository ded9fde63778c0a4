"""One probe, once the features are there: fitted, measured on the test rows, with its extras and its samples."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.data import Benchmark
from mmskin_hub.evals.metrics import age_group, classification, slices
from mmskin_hub.evals.probes import SHARES, ProbeRequest
from mmskin_hub.evals.probes.cache import Rows
from mmskin_hub.evals.probes.fit import (
    HELD_BACK,
    Chosen,
    Fold,
    Plan,
    by_group,
    check,
    choose,
    fits,
    hold_back,
    make_folds,
    score,
    told,
)
from mmskin_hub.evals.probes.neighbours import choose_k, few_shot, vote
from mmskin_hub.evals.probes.solver import Linear
from mmskin_hub.evals.protocol import Protocol

PATCH16_SHARE = 0.1
"""The share of the rows of PATCH16 the paper's protocol learns from."""


def probe(
    benchmark: Benchmark, held: dict[str, Rows], request: ProbeRequest, seconds: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """One probe: its result and its samples. ``benchmark`` is that of the test rows, ``seconds`` what features took."""
    p = benchmark.protocol
    began = time.monotonic()
    pool = _pool(p, [held[split] for split in ("train", "validation") if split in held], request.seed)
    plan = plan_of(request)
    check(*pool, plan.folds, benchmark.where)
    model, chosen, refit = fitted(*pool, len(p.classes), plan, request.mode)
    test = held["test"]
    logs = model.log_probabilities(test.x)
    samples = _samples(p, test, logs)
    absent = [p.classes[label] for label in range(len(p.classes)) if label not in model.present]
    facts = {
        **told(chosen, plan),
        "seed": request.seed,
        "rows": {"train": len(pool[1]), "refit": len(refit), "test": len(test)},
        "groups": len(np.unique(pool[2])),
        "columns": int(test.x.shape[1]),
        "absent_classes": absent,
        "test_rows_of_known_groups": int(np.isin(test.groups, pool[2]).sum()),
        "converged": model.converged,
        **_extras(pool, test, len(p.classes), plan, request),
    }
    if "labels" in facts:
        whole = {"share": 1.0, "rows": len(pool[1]), "groups": facts["groups"], "C": chosen.c, "folds": facts["folds"]}
        facts["labels"].append({**whole, **_headlines(test, logs, len(p.classes), request.seed)})
    result = {
        "kind": "probe",
        "mode": p.mode,
        "version": p.version,
        "data": _data(benchmark),
        "classes": list(p.classes),
        "samples": len(test),
        "outcomes": {"matched": len(test)},
        "metrics": classification(
            test.y, logs.argmax(axis=1), np.exp(logs), p.classes, test.groups.tolist(), mode=p.mode, seed=request.seed
        ),
        "slices": slices(samples, seed=request.seed),
        "probe": {**facts, "seconds_features": seconds, "seconds_fit": time.monotonic() - began},
        "seconds": seconds + time.monotonic() - began,
    }
    return result, samples


def plan_of(request: ProbeRequest) -> Plan:
    """How C is chosen in the request's mode."""
    paper = request.mode == "paper"
    return Plan(
        grouped=not paper,
        select=request.select or ("roc_auc_ovr" if paper else "balanced_accuracy"),
        folds=request.folds,
        seed=request.seed,
        solver=request.solver,
    )


Pool = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.str_]]


def _pool(p: Protocol, parts: list[Rows], seed: int) -> Pool:
    """All rows that may be learned from; in the paper's protocol a tenth of those of PATCH16."""
    x, y = np.concatenate([part.x for part in parts]), np.concatenate([part.y for part in parts])
    groups = np.concatenate([part.groups for part in parts])
    if p.mode == "paper" and p.dataset == "patch16":
        kept = hold_back(len(y), PATCH16_SHARE, seed)[1]
        return x[kept], y[kept], groups[kept]
    return x, y, groups


def fitted(
    x: NDArray[np.float32], y: NDArray[np.int64], groups: NDArray[np.str_], classes: int, plan: Plan, mode: str
) -> tuple[Linear, Chosen, NDArray[np.int64]]:
    """The classifier at the best C, how it was chosen, and the rows it was fitted on."""
    chosen = choose(x, y, groups, classes, plan)
    rows = hold_back(len(y), HELD_BACK, plan.seed)[0] if mode == "paper" else np.arange(len(y))
    if len(np.unique(y[rows])) < 2:
        raise MmskinError("The rows to refit on are of one class.", "Use more rows, or another seed.")
    # From the smallest C up to the chosen one: each solution starts the next.
    (model,) = list(fits(x[rows], y[rows], classes, [c for c in sorted(plan.grid) if c <= chosen.c], plan.solver))[-1:]
    return model, chosen, rows


def _extras(pool: Pool, test: Rows, classes: int, plan: Plan, request: ProbeRequest) -> dict[str, Any]:
    _, y, groups = pool
    found: dict[str, Any] = {}
    if "labels" in request.extras:
        found["labels"] = [_share(pool, test, classes, plan, request, share) for share in SHARES if share < 1]
    if "knn" in request.extras:
        found["knn"] = _knn(pool, test, classes, make_folds(y, groups, plan.folds, plan.grouped, plan.seed), plan.seed)
    if "few_shot" in request.extras:
        found["few_shot"] = few_shot(pool, (test.x, test.y), classes, plan.seed)
    return found


def _share(pool: Pool, test: Rows, classes: int, plan: Plan, request: ProbeRequest, share: float) -> dict[str, Any]:
    """The same probe on the labels of ``share`` of the groups; without figures, and why, where there are too few."""
    x, y, groups = pool
    rows = by_group(y, groups, share, plan.seed)
    many = len(np.unique(groups[rows]))
    found: dict[str, Any] = {"share": share, "rows": len(rows), "groups": many}
    # Folds are stratified: there can be no more of them than the largest class has groups.
    most = max(len(np.unique(groups[rows][y[rows] == label])) for label in np.unique(y[rows]))
    small = Plan(plan.grouped, plan.select, max(2, min(plan.folds, most)), plan.grid, plan.seed, plan.solver)
    try:
        check(x[rows], y[rows], groups[rows], small.folds, f"{share:.0%} of the labels")
        model, chosen, _ = fitted(x[rows], y[rows], groups[rows], classes, small, request.mode)
    except MmskinError as error:
        return {**found, "left_out": error.what}
    logs = model.log_probabilities(test.x)
    return {**found, "C": chosen.c, "folds": chosen.scores.shape[1], **_headlines(test, logs, classes, plan.seed)}


def _knn(pool: Pool, test: Rows, classes: int, folds: list[Fold], seed: int) -> dict[str, Any]:
    x, y, _ = pool
    scores = choose_k(x, y, classes, folds)
    k = max(scores, key=lambda each: (round(scores[each], 12), -each))
    votes = vote(x, y, test.x, classes, (k,))[k]
    logs = np.log(np.maximum(votes, 1e-300))
    told = {"k": k, "of_k": {str(each): value for each, value in scores.items()}}
    return {**told, **_headlines(test, logs, classes, seed)}


def _headlines(test: Rows, logs: NDArray[np.float64], classes: int, seed: int) -> dict[str, Any]:
    """The figures a probe beside the main one is told by; ``logs`` are log-probabilities."""
    names = [str(label) for label in range(classes)]
    whole = classification(test.y, logs.argmax(axis=1), None, names, test.groups.tolist(), seed=seed)
    return {
        **{name: whole[name] for name in ("accuracy", "balanced_accuracy", "macro_f1")},
        "auroc": _known(score("roc_auc_ovr", test.y, logs)),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _data(benchmark: Benchmark) -> dict[str, Any]:
    return {
        "dataset": benchmark.protocol.dataset,
        "where": benchmark.where,
        "split": benchmark.split,
        "revision": benchmark.revision,
        "rows": len(benchmark),
        "left_out": dict(benchmark.left_out),
    }


def _samples(p: Protocol, test: Rows, logs: NDArray[np.float64]) -> list[dict[str, Any]]:
    """One row a sample; ``loglik`` are the log-probabilities of the classes, floored at -700."""
    found = []
    for place in range(len(test)):
        guess, gold = int(logs[place].argmax()), int(test.y[place])
        years = float(test.years[place])
        found.append(
            {
                "id": str(test.words["id"][place]),
                "task": p.task,
                "row": int(test.number[place]),
                "group": str(test.groups[place]),
                "prompt_version": p.version,
                "asked": "",
                "said": p.classes[guess],
                "outcome": "matched",
                "predicted": guess,
                "gold": gold,
                "gold_text": p.classes[gold],
                "correct": guess == gold,
                "score": float(guess == gold),
                "loglik": np.maximum(logs[place], -700.0).tolist(),
                "tokens": [],
                **{name: str(test.words[name][place]) or None for name in ("skin_tone", "sex", "modality")},
                "age_group": age_group(None if np.isnan(years) else years),
                "seconds": None,
            }
        )
    return found
