"""``report.html``: the results of a run for people, in one file that needs no network, under a strict policy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from mmskin_hub.engine.work import atomic
from mmskin_hub.evals.mistakes import Mistake
from mmskin_hub.evals.report_plots import Mark, confusion, intervals, reliability
from mmskin_hub.evals.results import REPORT, Results

MODES = {
    "strict": "our own protocol: greedy decoding or class likelihoods, answers read by whole phrases, unmatched "
    "answers counted as wrong. These are the figures to believe.",
    "paper": "the original release's scripts, faults included: five beams with sampling, the first class name that is "
    "a substring of the answer. For comparison with published figures only.",
}
METRICS = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1", "auroc": "AUROC",
    "ece": "ECE", "brier": "Brier score", "macro_precision": "macro precision", "macro_recall": "macro recall",
    "unmatched": "unmatched", "exact_match": "exact match", "token_f1": "token F1", "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2", "bleu_3": "BLEU-3", "bleu_4": "BLEU-4", "rouge_1": "ROUGE-1", "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L", "meteor": "METEOR", "bertscore": "BERTScore", "token_recall": "token recall",
}  # fmt: skip
"""The names of figures in their order; others follow under the names they have."""
OVERVIEW = (
    "accuracy", "balanced_accuracy", "macro_f1", "auroc", "ece", "unmatched", "exact_match", "token_f1", "rouge_l",
    "meteor", "bertscore",
)  # fmt: skip
"""The columns of the overview; those that no task has are left out."""
HEADLINES = ("balanced_accuracy", "accuracy", "token_f1")
"""What slices are drawn by: the first that a task has."""
_CONTROLS = {**{code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}, 127: 0x2421}
NO_CLASS = "no class"
"""What a mistake is filtered by whose answer names none."""
FACTS_APART = ("name", "revision")


def write_report(out: Path, results: Results, worst: Mapping[str, Sequence[Mistake]]) -> None:
    """Write the report of ``results`` with the ``worst`` mistakes of each task; the same results make the same page."""
    with atomic(out / REPORT) as temporary:
        temporary.write_text(render(results, worst), encoding="utf-8", newline="\n")


def render(results: Results, worst: Mapping[str, Sequence[Mistake]]) -> str:
    """The page."""
    from mmskin_hub.hub.cards.templates import environment

    jinja = environment(html=True)
    jinja.filters["figure"] = figure
    jinja.filters["span"] = span
    jinja.filters["shown"] = shown
    tasks = [_task(name, task, worst.get(name, ())) for name, task in results["tasks"].items()]
    columns = [name for name in OVERVIEW if any(name in task["figures"] for task in tasks)]
    page: str = jinja.get_template("eval.html.jinja").render(
        results=results,
        tasks=tasks,
        columns=columns,
        names=METRICS,
        overview=_overview(tasks),
        modes={mode: MODES[mode] for mode in dict.fromkeys(task["mode"] for task in tasks)},
        kinds=list(dict.fromkeys(task["kind"] for task in tasks)),
        facts={key: value for key, value in results["model"].items() if key not in FACTS_APART and value is not None},
    )
    return page


def figure(value: float | None) -> str:
    """A figure with three decimals; a dash where it is not defined."""
    return "–" if value is None else f"{value:.3f}"


def span(each: Mapping[str, Any] | None) -> str:
    """The 95 % interval of a figure in brackets; "" where there is none."""
    if not each or each.get("low") is None or each.get("high") is None:
        return ""
    return f"[{each['low']:.3f}, {each['high']:.3f}]"


def shown(text: str) -> str:
    """``text`` with control characters, which HTML may not hold, as their pictures (U+2400 to U+2421)."""
    return text.translate(_CONTROLS)


def _task(name: str, task: Mapping[str, Any], worst: Sequence[Mistake]) -> dict[str, Any]:
    metrics = task["metrics"]
    figures = figures_of(metrics)
    if "closed" in metrics and task["mode"] == "paper":
        figures |= {f"{key}, closed": each for key, each in figures_of(metrics["closed"]).items()}
    plots = {}
    if metrics.get("confusion"):
        plots["confusion"] = confusion(task["classes"], metrics["confusion"])
    if metrics.get("reliability"):
        plots["reliability"] = reliability(metrics["reliability"])
    headline = next((name for name in HEADLINES if _in_slices(task, name)), "")
    marks = _slice_marks(task["slices"], headline)
    if marks:
        label = f"{METRICS.get(headline, headline)} by slice, with 95 % intervals"
        guides = [figures[headline]["value"]] if headline in figures and figures[headline]["value"] is not None else []
        plots["slices"] = intervals(marks, label, guides)
    mistaken = [_mistake(each, task["classes"]) for each in worst]
    return {
        **task,
        "name": name,
        "figures": figures,
        "variants": {
            words: figures_of(task[key])
            for key, words in (("normalised", "by log-likelihood a token"), ("calibrated", "calibrated"))
            if key in task
        },
        "top_k": metrics.get("top_k") or {},
        "headline": headline,
        "slice_metrics": [m for m in ("accuracy", "balanced_accuracy", "macro_f1", "token_f1") if _in_slices(task, m)],
        "plots": plots,
        "mistakes": mistaken,
        "mistaken": {
            key: sorted(Counter(each[f"class_{key}"] for each in mistaken if each[f"class_{key}"]).items())
            for key in ("true", "said")
        },
        "wrong": _wrong(task),
    }


def _mistake(mistake: Mistake, classes: Sequence[str]) -> dict[str, Any]:
    """A mistake with its true class and the class said, by which it is found; "" where the task has no classes."""
    gold, predicted = mistake.sample["gold"], mistake.sample["predicted"]
    return {
        **{each.name: getattr(mistake, each.name) for each in fields(mistake)},
        "class_true": classes[gold] if classes and gold is not None else "",
        "class_said": (classes[predicted] if predicted is not None else NO_CLASS) if classes else "",
    }


def figures_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The figures among ``metrics`` that have an interval, in the order of :data:`METRICS`, then the others."""
    found = {name: each for name, each in metrics.items() if isinstance(each, Mapping) and "value" in each}
    known = [name for name in METRICS if name in found]
    return {name: found[name] for name in (*known, *(name for name in found if name not in METRICS))}


def _overview(tasks: Sequence[Mapping[str, Any]]) -> Any:
    """The plot of the tasks that are classified, by balanced accuracy; ``None`` where there is none."""
    known = [(t["name"], each) for t in tasks if (each := t["figures"].get("balanced_accuracy")) and _has(each)]
    marks = [Mark(name, each["value"], each["low"], each["high"]) for name, each in known]
    return intervals(marks, "Balanced accuracy of each task, with 95 % intervals") if marks else None


def _slice_marks(slices: Mapping[str, Any], metric: str) -> list[Mark]:
    return [
        Mark(f"{name.replace('_', ' ')} {group['value']} (n {group['n']})", *_three(group[metric]), group["small"])
        for name, held in slices.items()
        for group in held["groups"]
        if _has(group.get(metric))
    ]


def _in_slices(task: Mapping[str, Any], metric: str) -> bool:
    return any(metric in group for held in task["slices"].values() for group in held["groups"])


def _has(each: Mapping[str, Any] | None) -> bool:
    return bool(each) and each is not None and each["value"] is not None


def _three(each: Mapping[str, Any]) -> tuple[float, float | None, float | None]:
    return each["value"], each["low"], each["high"]


def _wrong(task: Mapping[str, Any]) -> int | None:
    """The number of wrong samples of a task of classes."""
    table = task["metrics"].get("confusion")
    return sum(map(sum, table)) - sum(table[n][n] for n in range(len(table))) if table else None
