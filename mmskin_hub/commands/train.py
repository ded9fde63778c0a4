"""``mmskin train``: a recipe by its name, on whatever the machine has."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import Any

from mmskin_hub.api import train
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import positive
from mmskin_hub.errors import TrainingStopped, WrongUse

EXIT_TERMINATED, EXIT_INTERRUPTED = 143, 130
"""The exit statuses where the training was asked to leave by SIGTERM and has saved, and after Ctrl-C."""


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "train",
        help="train a model",
        usage="mmskin train [options] RECIPE [-- --key value ...]",
        description="Train a vision-language model on datasets that mmskin built, with a recipe that is shipped or "
        "your own, through accelerate launch.",
        epilog="Whatever stands behind -- goes to the recipe: mmskin train tiny -- --max_steps 2. Every key: python -m "
        "mmskin_hub.recipes.sft --help.",
        example="mmskin train tiny --data skinvl_sft=data/sft-mm --output out/tiny",
        exits={EXIT_TERMINATED: "asked to leave by SIGTERM; a checkpoint was saved, --resume goes on"},
    )
    parser.add_argument("recipe", metavar="RECIPE", help="name of a shipped recipe, or a YAML file")
    parser.add_argument(
        "--data",
        nargs="+",
        action="extend",
        metavar="NAME=PLACE",
        help="datasets: skinvl_sft=FOLDER or skinvl_sft=owner/name@revision (default: the recipe's)",
    )
    parser.add_argument("--model", metavar="MODEL", help="base model: a folder, or owner/name (default: the recipe's)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder for the model (default: the recipe's)")
    parser.add_argument("--resume", action="store_true", help="go on from the newest whole checkpoint of the output")
    parser.add_argument(
        "--accelerate",
        metavar="CONFIG",
        help="config of accelerate: cpu, cpu_two, single_gpu, ddp, fsdp, deepspeed_zero3, multi_node, or a file "
        "(default: chosen by what the machine has)",
    )
    parser.add_argument(
        "--processes", type=positive, metavar="N", help="processes in all (default: one an accelerator)"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the command that would run, and nothing else")
    take_defaults(parser, train)
    parser.set_defaults(run=_run, extra=[])
    _keep_what_follows(parser)


def _keep_what_follows(parser: argparse.ArgumentParser) -> None:
    """Make ``extra`` of what stands behind ``--``; argparse would want it beside RECIPE, before the options."""
    parse = parser.parse_known_args

    def split(args: Any = None, namespace: Any = None) -> tuple[argparse.Namespace, list[str]]:
        given: Sequence[str] = sys.argv[1:] if args is None else args
        place = list(given).index("--") if "--" in given else len(given)
        found, unknown = parse(list(given[:place]), namespace)
        found.extra = list(given[place + 1 :])
        return found, unknown

    parser.parse_known_args = split  # type: ignore[method-assign,assignment]


def _run(args: argparse.Namespace) -> int:
    try:
        record = call(train, args, **keys_of(args.extra))
    except TrainingStopped:
        return EXIT_TERMINATED  # the processes that trained have said so
    except KeyboardInterrupt:
        print("mmskin: interrupted; the same command with --resume goes on.", file=sys.stderr)
        return EXIT_INTERRUPTED
    if args.dry_run:
        print(shlex.join(record["command"]))
    return 0


def keys_of(extra: Sequence[str]) -> dict[str, Any]:
    """What stands behind ``--`` as the keys of :func:`mmskin_hub.api.train`: a key alone is true.

    Raises :class:`WrongUse` for a value without a key, and for a key that the command has as an option of its own.
    """
    found: dict[str, Any] = {}
    values: list[str] | None = None
    for word in extra:
        if not word.startswith("--") or word == "--":
            if values is None:
                raise WrongUse(f"{word!r} stands behind -- without a key.", "Say -- --KEY VALUE")
            values.append(word)
            continue
        key, equals, value = word[2:].partition("=")
        if key in signature(train).parameters:
            raise WrongUse(f"--{key} stands behind --, and is an option of mmskin train.", "Say it before the --")
        values = found[key] = [value] if equals else []
    return {key: values or True for key, values in found.items()}
