"""``mmskin compare``: two runs of ``mmskin eval`` on the same samples."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from mmskin_hub.api.arguments import path_of
from mmskin_hub.commands.common import print_json, show, table


def add(commands: Any) -> None:
    """The options of the command."""
    parser = commands.add_parser(
        "compare",
        help="compare two evaluations",
        description="Compare two runs of mmskin eval on the tasks that both have, sample by sample: the difference "
        "with its 95 % interval (resampling patients or lesions), and McNemar's test. Other data is refused.",
        example="mmskin compare runs/a runs/b",
        exits={0: "compared, whatever the outcome", 1: "the runs cannot be compared"},
    )
    parser.add_argument("run_a", type=Path, metavar="RUN_A", help="the --out folder of a finished run")
    parser.add_argument("run_b", type=Path, metavar="RUN_B", help="that of the other; differences are A - B")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for the intervals (default: 0)")
    parser.add_argument(
        "--json", action="store_true", help="print the comparison as JSON, and nothing else, on standard output"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    from mmskin_hub.evals.compare import compare

    found = compare(path_of(args.run_a), path_of(args.run_b), args.seed)
    if args.json:
        print_json(found)
    else:
        _print(found)
    for name, task in found["tasks"].items():
        if left := task["only_in_a"] + task["only_in_b"]:
            print(f"warning: {name}: {left:,} samples that only one run has were left out.", file=sys.stderr)
    if found["skipped"]:
        print(f"note: only one run has {', '.join(found['skipped'])}.", file=sys.stderr)
    return 0


def _print(found: dict[str, Any]) -> None:
    for side in ("a", "b"):
        print(f"{side.upper()}: {found[side]['model']} ({found[side]['run']})")
    figures = ("A", "B", "A - B, 95 % interval", "p (Holm)")
    for name, task in found["tasks"].items():
        shown = table("", *figures, right=figures, title=f"{name}, {task['joined']:,} samples")
        for metric in ("accuracy", "balanced_accuracy", "macro_f1", "score"):
            if metric in task:
                _add_rows(shown, metric, task[metric])
        show(shown)
    print("p: McNemar's test; in brackets adjusted for the number of tasks.")


def _add_rows(shown: Any, metric: str, each: dict[str, Any]) -> None:
    value = each["difference"] if "difference" in each else each["value"]
    between = "" if each["low"] is None else f", {each['low']:+.3f} to {each['high']:+.3f}"
    chance = f"{_p(each['mcnemar'])} ({_p(each['mcnemar_holm'])})" if "mcnemar" in each else ""
    name = metric.replace("_", " ")
    shown.add_row(name, f"{each['a']:.3f}", f"{each['b']:.3f}", f"{value:+.3f}{between}", chance)
    if "mcnemar" in each:
        shown.add_row("right alone", f"{each['only_a']:,}", f"{each['only_b']:,}")


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}"
