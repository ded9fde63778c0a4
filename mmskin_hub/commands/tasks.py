"""``mmskin tasks``: what ``mmskin eval`` and ``lm_eval`` can run; ``mmskin tasks-path``: where lm_eval finds it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from mmskin_hub.evals.protocol import GROUPS, PROTOCOLS, Protocol


def add(commands: Any) -> None:
    """Both commands and their options."""
    tasks = commands.add_parser(
        "tasks",
        help="list the evaluation tasks and their groups",
        description="List the tasks of the evaluation and their groups, with dataset, classes and version.",
        epilog="The strict tasks are what we stand behind; paper tasks repeat the original prompts, decoding, matching "
        "and metrics, faults included. Of lm_eval's own models none can run the choice tasks.",
        example="mmskin tasks",
    )
    tasks.add_argument("--json", action="store_true", help="print the list as JSON")
    tasks.set_defaults(run=_list)
    path = commands.add_parser(
        "tasks-path",
        help="print the folder of the tasks, for lm_eval",
        description="Print the folder with the task files of lm_eval: MMSKIN_DATA=NAME=PATH,… lm_eval --include_path "
        '"$(mmskin tasks-path)" --tasks skinvl8_gen --model hf-multimodal --apply_chat_template …',
        example="mmskin tasks-path",
    )
    path.set_defaults(run=_path)


def _path(args: argparse.Namespace) -> int:
    from mmskin_hub.evals.tasks import PATH

    print(PATH)
    return 0


def _list(args: argparse.Namespace) -> int:
    from mmskin_hub.evals import probes

    if args.json:
        rows = [_row(each) for each in PROTOCOLS.values()]
        groups = {name: list(tasks) for name, tasks in GROUPS.items()}
        print(json.dumps({"tasks": rows, "groups": groups, "probes": list(probes.TASKS)}))
        return 0
    from rich import box
    from rich.console import Console
    from rich.table import Table

    # A name that is cut off cannot be copied: narrow terminals wrap, and a pipe is as wide as it needs to be.
    console = Console() if sys.stdout.isatty() else Console(width=200)
    table = Table(title="Tasks", box=box.SIMPLE)
    table.add_column("task", no_wrap=True)
    table.add_column("dataset", no_wrap=True)
    table.add_column("mode")
    table.add_column("classes", justify="right")
    table.add_column("version")
    for each in PROTOCOLS.values():
        table.add_row(each.task, each.dataset, each.mode, str(len(each.classes) or "-"), each.version)
    console.print(table)
    table_of_groups = Table("group", "tasks", title="Groups", box=box.SIMPLE)
    for name, tasks in (GROUPS | probes.GROUPS).items():
        table_of_groups.add_row(name, ", ".join(tasks))
    console.print(table_of_groups)
    console.print(f"Probes, of mmskin eval alone: {', '.join(probes.TASKS)}", highlight=False)
    return 0


def _row(each: Protocol) -> dict[str, Any]:
    return {
        "task": each.task,
        "dataset": each.dataset,
        "config": each.config,
        "kind": each.kind,
        "mode": each.mode,
        "version": each.version,
        "classes": list(each.classes),
        "generation": dict(each.generation),
        "groups": [name for name, tasks in GROUPS.items() if each.task in tasks],
    }
