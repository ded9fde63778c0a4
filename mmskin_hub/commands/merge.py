"""``mmskin merge``: a LoRA adapter becomes part of its base, with proof."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mmskin_hub.api import merge
from mmskin_hub.commands.calls import call, take_defaults
from mmskin_hub.commands.common import print_json


def add(commands: Any) -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "merge",
        help="merge a LoRA adapter into its base",
        description="Merge a LoRA adapter, and the layers trained whole with it, into its base; save it, load it "
        "again, and compare what all three answer before it counts as done.",
        example="mmskin merge out/pubmm --out merged/pubmm",
    )
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="folder that training wrote")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder to write the whole model into")
    parser.add_argument(
        "--base",
        metavar="DIR",
        help="folder of the base, or owner/name@revision (default: the one that the adapter names)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace whatever OUT holds")
    parser.add_argument("--json", action="store_true", help="print the facts as JSON, and nothing else")
    take_defaults(parser, merge)
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    facts = call(merge, args)
    if args.json:
        print_json(facts)
        return 0
    found: dict[str, Any] = {**facts}
    print(f"{facts['adapter']['name']} into {facts['base']['name']}, {facts['questions']} questions, largest logit "
          f"{facts['largest_logit']:.3g}:")  # fmt: skip
    for name, what in (
        ("effect_of_adapter", "the adapter moves logits by"),
        ("rounding_floor", "rounding alone moves them by"),
        ("adapter_vs_merged", f"adapter beside and merged, in {facts['merged_in']}, differ by"),
        ("rounding_to_dtype", f"rounding to {facts['dtype']} moves them by"),
        ("merged_vs_reloaded", "merged and loaded from the files differ by"),
    ):
        print(f"  {what} {found[name]:.3g}")
    print(f"written to {args.out}")
    return 0
