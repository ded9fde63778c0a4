"""What a training run may be told: our own arguments, and how YAML and command line become those of three classes.

A config file is flat; each key is an argument of :class:`ScriptArguments`, of trl's ``SFTConfig`` (every
``TrainingArguments`` of transformers among them) or of trl's ``ModelConfig``. The command line overrides the file.
A key that none of them knows is refused with the nearest that exists: trl itself would let it pass in silence.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import typing
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MissingExtra, WrongUse

PICTURE_CHECKS = ("decode", "header", "none")
RESERVED = ("env",)
"""Keys of a config file that are no arguments: trl sets what stands below ``env`` as environment variables."""

UNUSED = {
    "report_to": "--log_to", "save_total_limit": "--keep_checkpoints", "packing": "", "padding_free": "",
    "completion_only_loss": "", "assistant_only_loss": "", "train_sampling_strategy": "--group_by_length",
    "dataset_text_field": "", "dataset_num_proc": "--check_workers", "pad_to_multiple_of": "", "eval_packing": "",
}  # fmt: skip
"""Arguments of trl's and transformers' that would do nothing here, or break a run, and what says it instead."""


def _help(text: str, **more: Any) -> dict[str, Any]:
    return {"help": text, **more}


@dataclass
class ScriptArguments:
    """The arguments of a run that trl does not have."""

    data: list[str] = field(
        default_factory=list, metadata=_help("datasets that mmskin built: NAME=FOLDER or NAME=owner/name@revision")
    )
    data_version: str | None = field(
        default=None, metadata=_help("version (X.Y.Z) that every dataset must be at; refused otherwise")
    )
    variant: str | None = field(
        default=None, metadata=_help("variant (mm, pub, pubmm) the mixture must be of; refused otherwise")
    )
    stream: bool = field(
        default=False,
        metadata=_help("read rows from the Parquet files as they lie, instead of from a memory-mapped copy of them"),
    )
    use_row_weights: bool = field(
        default=True, metadata=_help("draw rows in proportion to their column 'weight'; false: each once an epoch")
    )
    weights: list[str] | None = field(
        default=None,
        metadata=_help("SOURCE=NUMBER or SOURCE/CONFIG=NUMBER: rows of it are drawn so many times as often"),
    )
    caps: list[str] | None = field(
        default=None, metadata=_help("SOURCE=ROWS or SOURCE/CONFIG=ROWS: at most so many training rows of it")
    )
    text_rows: bool = field(
        default=False, metadata=_help("take rows without a picture too; otherwise they are refused")
    )
    check_pictures: str = field(
        default="decode",
        metadata=_help(
            "how pictures are checked before the first step: decode (all of each), header (its first bytes), none",
            choices=list(PICTURE_CHECKS),
        ),
    )
    check_workers: int = field(default=0, metadata=_help("processes that check pictures; 0: one a core"))
    max_rejected: float = field(
        default=0.05,
        metadata=_help("share (0 to 1) of the rows that may be left out because they are longer than max_length"),
    )
    group_by_length: bool = field(default=True, metadata=_help("batches of rows of like length, to cut padding"))
    length_window: int = field(default=50, metadata=_help("global batches that are sorted by length together"))
    projector_learning_rate: float | None = field(
        default=None, metadata=_help("learning rate of the projector; none: that of the rest")
    )
    vision_learning_rate: float | None = field(
        default=None, metadata=_help("learning rate of the vision tower where it is opened")
    )
    open_vision_tower: bool = field(default=False, metadata=_help("train the vision tower too"))
    train_projector: bool = field(
        default=True, metadata=_help("train the projector between vision tower and language model")
    )
    keep_checkpoints: int = field(default=2, metadata=_help("newest checkpoints that are kept"))
    generate_every_epoch: int = field(
        default=4, metadata=_help("answers that are generated on fixed pictures after each epoch; 0: none")
    )
    generate_tokens: int = field(default=64, metadata=_help("longest generated answer, in tokens"))
    log_to: list[str] = field(
        default_factory=lambda: ["trackio"], metadata=_help("where figures go: trackio, wandb, tensorboard, none")
    )
    stop_on_spike: float = field(
        default=10.0,
        metadata=_help(
            "K of: stop where a step's loss is above median + K * max(1.4826 * MAD, 0.1 * median, 0.2) of the last 50, "
            "from the 20th step on, with the ids of its rows; 0: only where it is not a number",
        ),
    )
    fast_kernels: bool = field(
        default=True, metadata=_help("use flash-attention and liger where they are installed and there is a GPU")
    )

    def __post_init__(self) -> None:
        # YAML may say these as a mapping, the command line as NAME=NUMBER.
        self.weights, self.caps = _pairs(self.weights), _pairs(self.caps)
        self.data, self.log_to = _pairs(self.data) or [], _pairs(self.log_to) or []
        for name, low, high in (
            ("max_rejected", 0.0, 1.0), ("length_window", 1, 10**6), ("keep_checkpoints", 1, 10**6),
            ("check_workers", 0, 4096), ("generate_every_epoch", 0, 1000), ("stop_on_spike", 0, 1e9),
        ):  # fmt: skip
            value = getattr(self, name)
            if not low <= value <= high:
                raise WrongUse(f"{name} is {value}, and must lie between {low} and {high}.", f"Change --{name}.")


def _pairs(given: Any) -> list[str] | None:
    """A list as the command line makes it, of a list, a mapping, or one word."""
    if isinstance(given, dict):
        return [f"{name}={value}" for name, value in given.items()]
    return [given] if isinstance(given, str) else given


def numbers(pairs: Sequence[str] | None, key: str) -> dict[str, float]:
    """``NAME=NUMBER`` for each of ``pairs`` as a dictionary; raises :class:`WrongUse` naming the ``key``."""
    found: dict[str, float] = {}
    for pair in pairs or ():
        name, _, number = pair.partition("=")
        try:
            found[name] = float(number)
        except ValueError:
            found[name] = -1.0
        if not name or not 0 <= found[name] < float("inf"):
            raise WrongUse(f"{key} {pair!r} is not of the form NAME=NUMBER.", f"For example: --{key} ham10000=2")
    return found


def classes() -> tuple[type, ...]:
    """The three classes of arguments, in the order ``main`` of the recipe takes them."""
    try:
        from trl import ModelConfig, SFTConfig
    except ImportError as error:
        raise MissingExtra("Training", "train", error.name or "trl") from error
    return ScriptArguments, SFTConfig, ModelConfig


def known_keys() -> list[str]:
    """Every key that a config file may have."""
    return sorted({each.name for kind in classes() for each in dataclasses.fields(kind)} | set(RESERVED))


def unknown(keys: Iterable[str], known: Sequence[str], where: str) -> None:
    """Raise :class:`WrongUse` for the first of ``keys`` that is not ``known``, with the nearest that is."""
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            remedy = f"Did you mean {near[0]}?" if near else "Every key: python -m mmskin_hub.recipes.sft --help"
            raise WrongUse(f"{where} has the key {key!r}, which no argument has.", remedy)


def _refuse_unused(keys: Iterable[str], where: str) -> None:
    for key in keys:
        if key in UNUSED:
            remedy = f"Say {UNUSED[key]}" if UNUSED[key] else "Leave it out: only answers are learned, row by row."
            raise WrongUse(f"{where} has the key {key!r}, which means nothing to this recipe.", remedy)


def read_config(path: Path) -> dict[str, Any]:
    """The keys and values of a config file; raises :class:`WrongUse` where it is none or has an unknown key."""
    import yaml

    try:
        config = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"--config {path} cannot be read: {error}.", "Name a YAML file.") from error
    except yaml.YAMLError as error:
        raise WrongUse(f"--config {path} is no YAML: {' '.join(str(error).split())}.", "Mend that line.") from error
    if not isinstance(config, dict):
        raise WrongUse(f"--config {path} holds no keys and values.", "Write lines of the form: key: value")
    unknown((str(key) for key in config), known_keys(), f"--config {path}")
    _refuse_unused(config, f"--config {path}")
    return config


def _check_values(config: dict[str, Any], parser: Any, path: str) -> None:
    """Refuse values that the command line would refuse too: argparse takes those of a file as they are."""
    types = {name: kind for each in classes() for name, kind in typing.get_type_hints(each).items()}
    for action in parser._actions:
        if action.dest not in config or isinstance(config[action.dest], dict):
            continue
        value, kind = config[action.dest], types.get(action.dest)
        several = isinstance(value, list)
        try:
            if value is None and kind is not None and type(None) not in typing.get_args(kind):
                raise ValueError("it must have a value")
            if several and action.nargs not in ("*", "+"):
                raise ValueError("it takes one value")
            for each in value if several else [] if value is None else [value]:
                parser._check_value(action, parser._get_value(action, str(each)))
        except (ValueError, TypeError, argparse.ArgumentError) as error:
            why = getattr(error, "message", None) or str(error)
            raise WrongUse(f"--config {path}: {action.dest} is {value!r}: {why}.", "Change that line.") from error


def make_parser(prog: str | None = None) -> Any:
    """The ``TrlParser`` over the three classes; abbreviated options are not understood, they would hide typos."""
    kinds = classes()
    from trl import TrlParser

    parser = TrlParser(kinds, prog=prog, allow_abbrev=False)
    parser.error = _refuse  # argparse would print four hundred options above its word
    return parser


def _refuse(message: str) -> None:
    raise WrongUse(f"The arguments are not right: {message}.", "Every key: python -m mmskin_hub.recipes.sft --help")


def read_arguments(argv: Sequence[str], prog: str | None = None) -> tuple[ScriptArguments, Any, Any]:
    """``--config FILE`` and ``--key value`` as (ScriptArguments, SFTConfig, ModelConfig).

    Raises :class:`WrongUse` for what the user can mend. Where there is no accelerator ``use_cpu`` is set, without which
    transformers would refuse bf16.
    """
    args = [part for text in argv for part in (text.split("=", 1) if text.startswith("--config=") else [text])]
    config: dict[str, Any] = {}
    if "--config" in args:
        place = args.index("--config")
        if place + 1 == len(args):
            raise WrongUse("--config names no file.", "Say --config FILE.yaml")
        config = read_config(Path(args[place + 1]))
    known = known_keys()
    given = [text[2:].split("=", 1)[0].replace("-", "_") for text in args if text.startswith("--") and len(text) > 2]
    negated = {f"no_{key}" for key in known}
    unknown((key for key in given if key not in negated), [*known, "config", "help"], "The command line")
    _refuse_unused(given, "The command line")
    parser = make_parser(prog)
    _check_values(config, parser, args[args.index("--config") + 1] if config else "")
    if not {"use_cpu", "no_cuda"} & ({*config} | {*given}) and not _accelerator():
        parser.set_defaults_with_config(use_cpu=True)
    try:
        with warnings.catch_warnings():
            # trl's SFTConfig still sets gradient_checkpointing, and transformers warns of its new name each time.
            warnings.filterwarnings("ignore", ".*gradient_checkpointing.*", FutureWarning)
            script, training, model = parser.parse_args_and_config(args=args)
    except (ValueError, TypeError) as error:
        raise WrongUse(f"The arguments do not fit together: {' '.join(str(error).split())}", "Change them.") from error
    for name in ("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"):
        if getattr(training, name) < 1:
            raise WrongUse(f"{name} is {getattr(training, name)}, and must be 1 or more.", f"Change --{name}.")
    return script, training, model


def _accelerator() -> bool:
    import torch

    return bool(torch.accelerator.is_available()) if hasattr(torch, "accelerator") else torch.cuda.is_available()
