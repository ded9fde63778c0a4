"""``mmskin tasks``: what ``mmskin eval`` and ``lm_eval`` can run; ``mmskin tasks-path``: where lm_eval finds it."""

from __future__ import annotations

import argparse
from typing import Any

from mmskin_hub.commands.common import print_json, show, table
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
        members = {name: list(tasks) for name, tasks in GROUPS.items()}
        print_json({"tasks": rows, "groups": members, "probes": list(probes.TASKS)})
        return 0
    tasks = table("task", "dataset", "mode", "classes", "version", right=("classes",), title="Tasks")
    for each in PROTOCOLS.values():
        tasks.add_row(each.task, each.dataset, each.mode, str(len(each.classes) or "-"), each.version)
    groups = table("group", "tasks", title="Groups")
    for name, names in (GROUPS | probes.GROUPS).items():
        groups.add_row(name, ", ".join(names))
    show(tasks, groups, f"Probes, of mmskin eval alone: {', '.join(probes.TASKS)}")
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
