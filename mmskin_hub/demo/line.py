"""The steps of ``mmskin demo``: commands that anybody could type, in the order of the work, and what came of each.

::

    two books ──▶ dataset ──▶ mixture ──▶ audit ──▶ score ──▶ train ──▶ score ──▶ gate ──▶ release ──▶ load
    books.py      mmskin build            mmskin audit, eval, train, eval         mmskin release --to hub   load.py

Nothing here is a short cut: a step is a process of its own (:mod:`mmskin_hub.demo.run`), whose folder is that of the
demo, so each command works as it is printed. What is small is the data (two drawn books), the model (a million
parameters, drawn from a config) and the training. The model has not met the eight benchmarks that a release asks for,
so the gate shuts, and says why; the last release is forced, with a reason that its card shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mmskin_hub.demo import found

DATA, MIXTURE, MODEL = "demo/mm-skin", "demo/sft-mm", "demo/SkinVL-tiny"
"""The repositories of what the demo releases, in the folder ``hub``."""
REASON = "a demonstration on drawn books, not a model to be used; the eight benchmarks were not run"
TRAINING = (
    "--data_version 1.0.0 --num_train_epochs 8 --learning_rate 2e-3 --projector_learning_rate 2e-3 "
    "--save_strategy no --eval_strategy no"
)
_EVAL = "mmskin eval {model} --tasks mm_skin_vqa --data mm_skin=data/mm-skin --audit audit/report.json --out {out}"
_TO = "--repo {repo} --to hub --private"
_MODEL = (
    f"mmskin release model models/skinvl-tiny {_TO.format(repo=MODEL)} --results runs/after --audit audit/report.json "
    f"--data {MIXTURE}@v1.0.0"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the line.

    ``command`` is as one would type it in the demo's folder; it counts as done with one of ``statuses``. ``found``
    reads from that folder what came of it; ``look`` says what a person may want to open there, by pattern of paths;
    ``makes`` are the folders that it fills.
    """

    name: str
    title: str
    command: str
    found: Callable[[Path], str]
    look: Mapping[str, str] = field(default_factory=dict)
    statuses: tuple[int, ...] = (0,)
    makes: tuple[str, ...] = ()


def _place(kinds: str, repo: str) -> str:
    """Where a repository lies in the folder ``hub``."""
    return f"hub/{kinds}--{repo.replace('/', '--')}"


def _card(kinds: str, repo: str) -> str:
    """Where the card of a release lies, whatever its commit."""
    return f"{_place(kinds, repo)}/snapshots/*/README.md"


def steps(seed: int) -> tuple[Step, ...]:
    """The line; ``seed`` draws the books."""
    return (
        Step("books", "draw two books", f"python -m mmskin_hub.demo.books books --seed {seed}", found.books,
             {"books/*.pdf": "the books"}, makes=("books",)),
        Step("dataset", "build MM-Skin-C, -O and -D",
             "mmskin build mm_skin books --out data/mm-skin --version 1.0.0 --workers 2", found.dataset,
             {"data/mm-skin/contact_sheet.html": "every pair, to be looked through in a browser"},
             makes=("data/mm-skin", "data/mm-skin.work")),
        Step("mixture", "mix what SkinVL is trained on",
             "mmskin build skinvl_sft --variant mm --mixture mixture.yaml --data mm_skin=data/mm-skin "
             "--out data/sft-mm --version 1.0.0", found.mixture, makes=("data/sft-mm",)),
        Step("audit", "look for test rows in the training data",
             "mmskin audit skinvl_sft=data/sft-mm --against mm_skin=data/mm-skin --out audit", found.audit,
             {"audit/audit.html": "what training and test rows share"}, makes=("audit",)),
        Step("base", "draw a model of a million parameters",
             "python -m mmskin_hub.training.tiny models/tiny --words data/sft-mm", found.base, makes=("models/tiny",)),
        Step("before", "score it before training", _EVAL.format(model="models/tiny", out="runs/before"),
             found.before, {"runs/before/report.html": "the scores before training"}, makes=("runs/before",)),
        Step("train", "train it",
             "mmskin train tiny --data skinvl_sft=data/sft-mm --model models/tiny --output models/skinvl-tiny -- "
             + TRAINING, found.training, {"models/skinvl-tiny/run.json": "what the model was made of"},
             makes=("models/skinvl-tiny",)),
        Step("after", "score it after training", _EVAL.format(model="models/skinvl-tiny", out="runs/after"),
             found.after, {"runs/after/report.html": "the scores after training, and the worst mistakes"},
             makes=("runs/after",)),
        Step("compare", "compare the two", "mmskin compare runs/after runs/before --json", found.compared),
        Step("release data", "release the dataset",
             f"mmskin release dataset data/mm-skin {_TO.format(repo=DATA)} --i-hold-the-rights", found.released(DATA),
             {_card("datasets", DATA): "the card of the dataset"}, makes=(_place("datasets", DATA),)),
        Step("release mixture", "release the mixture",
             f"mmskin release dataset data/sft-mm {_TO.format(repo=MIXTURE)} --i-hold-the-rights",
             found.released(MIXTURE), {_card("datasets", MIXTURE): "the card of the mixture"},
             makes=(_place("datasets", MIXTURE),)),
        Step("gate", "ask the gate about the model", f"{_MODEL} --dry-run --json", found.gate, statuses=(0, 1)),
        Step("release model", "release the model, and say why",
             f"{_MODEL} --force --reason '{REASON}'", found.released_model,
             {_card("models", MODEL): "the card of the model"}, makes=(_place("models", MODEL),)),
        Step("load", "load both back, and ask", "python -m mmskin_hub.demo.load hub", found.loaded),
    )  # fmt: skip
