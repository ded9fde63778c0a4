"""From ``mmskin train NAME`` to processes that train: which recipe, which config of accelerate, and the launch.

The choice is a plain function of a described machine; what was chosen and why is said aloud, and ``--accelerate``
overrides it.
"""

from __future__ import annotations

import difflib
import importlib.resources
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MissingExtra, WrongUse
from mmskin_hub.training.process import worker

__all__ = ["Choice", "Machine", "choose", "describe", "find_recipe", "worker"]

RECIPES, CONFIGS = "mmskin_hub.recipes.configs", "mmskin_hub.recipes.accelerate"
MODULE = "mmskin_hub.recipes.sft"
ON_ACCELERATORS = ("MULTI_GPU", "MULTI_XPU", "MULTI_NPU", "FSDP", "DEEPSPEED")
"""Kinds of accelerate's ``distributed_type`` that start a process an accelerator."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a launch depends on. ``accelerators``: how many this process may use; ``node``: this machine's number."""

    accelerators: int = 0
    name: str = ""
    cores: int = 1
    nodes: int = 1
    node: int = 0
    tasks_a_node: int = 1
    head: str = ""
    port: int = 0
    deepspeed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A config of accelerate, the options that go with it, how many processes there will be, and why."""

    config: Path
    processes: int
    why: str
    options: list[str] = field(default_factory=list)


def describe(environ: Mapping[str, str] | None = None) -> Machine:
    """This machine, and its place among those of a Slurm step; raises :class:`MissingExtra` where torch is missing."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("mmskin train", "train", error.name or "torch") from error
    given = os.environ if environ is None else environ
    count, name = 0, ""
    if torch.cuda.is_available():
        count, name = torch.cuda.device_count(), torch.cuda.get_device_name(0)
    elif hasattr(torch, "xpu") and torch.xpu.is_available():
        count, name = torch.xpu.device_count(), "XPU"
    elif torch.backends.mps.is_available():
        count, name = 1, "MPS"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        accelerators=count,
        name=name,
        cores=cores,
        deepspeed=importlib.util.find_spec("deepspeed") is not None,
        **_slurm(given),
    )


def _slurm(given: Mapping[str, str]) -> dict[str, Any]:
    """The place of this machine in a step that ``srun`` started; nothing for a job script or another machine."""
    if "SLURM_STEP_ID" not in given or "SLURM_NODEID" not in given:
        return {}
    tasks = given.get("SLURM_STEP_TASKS_PER_NODE", "1").partition("(")[0].partition(",")[0]
    return {
        "nodes": int(given.get("SLURM_STEP_NUM_NODES", given.get("SLURM_NNODES", "1"))),
        "node": int(given["SLURM_NODEID"]),
        "tasks_a_node": int(tasks) if tasks.isdigit() else 1,
        "head": given.get("MASTER_ADDR", ""),
        "port": int(given.get("MASTER_PORT", "0") or 0),
    }


def shipped(package: str) -> dict[str, Path]:
    """The YAML files that are shipped in ``package``, by their names without ending."""
    folder = Path(str(importlib.resources.files(package)))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def _named(given: str, package: str, what: str) -> Path:
    known = shipped(package)
    if given in known:
        return known[given]
    path = Path(given).expanduser()
    if path.is_file():
        return path.absolute()
    near = difflib.get_close_matches(given, known, 1, 0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise WrongUse(f"There is no {what} {given!r}, and no such file.", f"{hint}There are: {', '.join(known)}")


def find_recipe(given: str) -> Path:
    """The recipe of this name, or the YAML file at this path; raises :class:`WrongUse` naming the nearest."""
    return _named(given, RECIPES, "recipe")


def choose(machine: Machine, given: str | None = None, processes: int | None = None) -> Choice:
    """The config of accelerate for ``machine``; ``given`` (a shipped name or a file) and ``processes`` override.

    Raises :class:`WrongUse` for what the machine cannot run, and for a config that would run fewer processes than it
    says.
    """
    if machine.nodes > 1 and machine.tasks_a_node > 1:
        raise WrongUse(
            f"Slurm starts {machine.tasks_a_node} tasks a machine.", "Start one: srun --ntasks-per-node=1 mmskin train"
        )
    name, why = _suited(machine) if given is None else (given, "as --accelerate says")
    path = _named(name, CONFIGS, "config of accelerate")
    config = _read(path)
    kind, cpu = str(config.get("distributed_type", "NO")), bool(config.get("use_cpu"))
    several = kind in ON_ACCELERATORS
    ours = path in shipped(CONFIGS).values()
    count = processes or _count(config, machine, ours and several and not cpu)
    _check(path, kind, cpu, count, machine)
    options: list[str] = ["--num_processes", str(count)]
    if machine.nodes > 1 and several:
        options += _place(machine)
    else:
        options += ["--num_machines", "1", "--machine_rank", "0"]
        options += ["--main_process_port", "0"] if count > 1 else []  # any free one: runs do not get into each other
    threads = max(1, machine.cores // max(1, count // machine.nodes)) if cpu else 1
    if "OMP_NUM_THREADS" in os.environ:
        threads = max(1, int(os.environ["OMP_NUM_THREADS"]))
    options += ["--num_cpu_threads_per_process", str(threads)]
    return Choice(path, count, why, options)


def _suited(machine: Machine) -> tuple[str, str]:
    if machine.nodes > 1:
        return "multi_node", f"Slurm runs this step on {machine.nodes} machines, this is number {machine.node}"
    if machine.accelerators == 0:
        return "cpu", "there is no accelerator"
    if machine.accelerators == 1:
        return "single_gpu", f"there is one accelerator ({machine.name})"
    return "ddp", f"there are {machine.accelerators} accelerators ({machine.name})"


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        config = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WrongUse(
            f"{path} cannot be read: {' '.join(str(error).split())}", "Name a config of accelerate."
        ) from error
    if not isinstance(config, dict) or "distributed_type" not in config:
        raise WrongUse(
            f"{path} is no config of accelerate: it has no distributed_type.",
            f"Name one of {', '.join(shipped(CONFIGS))}, or a file that accelerate config wrote.",
        )
    return config


def _count(config: Mapping[str, Any], machine: Machine, by_machine: bool) -> int:
    """How many processes: one an accelerator for a shipped config, else what the file says."""
    if by_machine:
        return max(1, machine.accelerators) * machine.nodes
    return int(config.get("num_processes") or 1)


def _check(path: Path, kind: str, cpu: bool, count: int, machine: Machine) -> None:
    if not cpu and kind != "NO" and machine.accelerators == 0:
        raise WrongUse(f"{path.name} needs accelerators, and there is none.", "Say --accelerate cpu, or cpu_two")
    if cpu and kind in ("FSDP", "DEEPSPEED"):
        raise WrongUse(
            f"{path.name} ({kind}) says use_cpu: accelerate would run plain DDP there, and say nothing.",
            "Say --accelerate cpu_two for several processes on a CPU.",
        )
    if kind not in ON_ACCELERATORS and count > 1:
        raise WrongUse(
            f"{path.name} ({kind}) would run one process where {count} are asked for: accelerate does so in silence.",
            "Set distributed_type: MULTI_GPU (with use_cpu: true on a CPU), as cpu_two does.",
        )
    if kind in ON_ACCELERATORS and not cpu and count > machine.accelerators * machine.nodes:
        raise WrongUse(
            f"{path.name} asks for {count} processes, and there are {machine.accelerators * machine.nodes} "
            "accelerators.",
            "Say --processes, or change num_processes in the file.",
        )
    if kind in ("MULTI_GPU", "MULTI_XPU", "MULTI_NPU") and count < 2 and machine.nodes == 1:
        raise WrongUse(f"{path.name} is for several processes, and one is asked for.", "Say --accelerate single_gpu")
    if kind == "DEEPSPEED" and not machine.deepspeed:
        raise WrongUse(f"{path.name} needs DeepSpeed, which is not installed.", "pip install deepspeed, or take fsdp")


def _place(machine: Machine) -> list[str]:
    if not machine.head:
        raise WrongUse(
            f"A run on {machine.nodes} machines has to know the first of them, and MASTER_ADDR is not set.",
            'In the job script: export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        )
    return [
        "--num_machines", str(machine.nodes), "--machine_rank", str(machine.node),
        "--main_process_ip", machine.head, "--main_process_port", str(machine.port or 29500),
    ]  # fmt: skip
