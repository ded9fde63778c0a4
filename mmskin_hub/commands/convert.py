"""``mmskin convert``: the original LLaVA-Med and LLaVA 1.5 become models that transformers loads."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from mmskin_hub.api import convert
from mmskin_hub.api.training import Family, Tower
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import print_json

if TYPE_CHECKING:
    from mmskin_hub.api.records import ConvertRecord


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "convert",
        help="convert original weights",
        description="Convert the original LLaVA-Med 1.5 (LlavaMistralForCausalLM) or LLaVA 1.5 "
        "(LlavaLlamaForCausalLM) into a folder that transformers loads as LlavaForConditionalGeneration, with "
        "tokenizer, picture preparation and chat template.",
        epilog="Both code names read both models; the checkpoint's config.json decides. Weights pass file by file: "
        "about 5 GB of memory are enough.",
        example="mmskin convert llava-med llava-med-v1.5-mistral-7b --out models/llava-med",
    )
    parser.add_argument("model", choices=get_args(Family), help="what the checkpoint is")
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the original checkpoint")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write the model into")
    parser.add_argument(
        "--vision-tower",
        type=Path,
        metavar="DIR",
        help="folder of the CLIP that the checkpoint names, to compare with the weights in the checkpoint (default: "
        "looked for in the Hub's cache)",
    )
    parser.add_argument(
        "--tower",
        choices=get_args(Tower),
        help="which of the two to use where they differ; auto: the one the original code uses (default: %(default)s)",
    )
    parser.add_argument(
        "--pickle",
        action="store_true",
        help="open pickled weights (*.bin) too, with weights_only=True; only for sources you trust",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace whatever OUT holds")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON, and nothing else")
    take_defaults(parser, convert)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    facts = call(convert, args)
    if args.json:
        print_json(facts)
    else:
        _print(facts, args.out)
    for warning in facts["warnings"]:
        print(f"warning: {warning}.", file=sys.stderr)
    return 0


def _print(facts: ConvertRecord, out: Path) -> None:
    words = facts["vocabulary"]
    print(f"{facts['from']['architecture']}, {facts['parameters']:,} parameters in {facts['dtype']}")
    print(f"vision tower: {facts['vision_tower']['why']}")
    print(f"vocabulary: {words['tokens']:,} tokens, {words['rows']:,} rows ({words['before']:,} before)")
    print(f"written to {out}")
