"""``mmskin train``: a recipe by its name, on whatever the machine has."""

from __future__ import annotations

import argparse
import importlib.util
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.commands.common import positive
from mmskin_hub.errors import MissingExtra


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
        exits={143: "asked to leave by SIGTERM; a checkpoint was saved, --resume goes on"},
    )
    parser.add_argument("recipe", metavar="RECIPE", help="name of a shipped recipe, or a YAML file")
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=PLACE",
        help="dataset: skinvl_sft=FOLDER or skinvl_sft=owner/name@revision; may be said several times (default: the "
        "recipe's)",
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
        from mmskin_hub.training.checkpoints import check_output
        from mmskin_hub.training.handover import Launch, command_of
        from mmskin_hub.training.launch import choose, describe, find_recipe
    except ImportError as error:
        raise MissingExtra("mmskin train", "train", error.name or str(error)) from error
    for package in ("accelerate", "transformers", "trl"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra("mmskin train", "train", package)
    recipe = find_recipe(args.recipe)
    choice = choose(describe(), args.accelerate, args.processes)
    arguments = arguments_of(args, recipe)
    if args.dry_run:
        print(shlex.join(command_of(choice, arguments)))
        return 0
    if args.output is not None and "--resume_from_checkpoint" not in args.extra:
        check_output(args.output.expanduser(), args.resume)
    many = "1 process" if choice.processes == 1 else f"{choice.processes} processes"
    print(f"mmskin: accelerate with {choice.config.name}, {many}: {choice.why} (--accelerate chooses another)",
          file=sys.stderr, flush=True)  # fmt: skip
    return Launch(choice, arguments).run()


def arguments_of(args: argparse.Namespace, recipe: Path) -> list[str]:
    """What the recipe's own command line is."""
    found = ["--config", str(recipe)]
    if args.data:
        found += ["--data", *args.data]
    if args.model is not None:
        found += ["--model_name_or_path", args.model]
    if args.output is not None:
        found += ["--output_dir", str(args.output.expanduser())]
    if args.resume:
        found += ["--resume_from_checkpoint", "newest"]
    return [*found, *args.extra]
