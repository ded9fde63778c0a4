"""``run.json`` beside the model: what it was made of, how, on what, in which time. The model card is made from it.

It is written when the run begins, after each checkpoint and at the end, so that a run that was killed has one too. A
run that goes on adds a session to those before it: hours and energy are those of all of them, steps that were made
twice included. What is not known is not in it.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import time
from collections import Counter as Count
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

import mmskin_hub
from mmskin_hub.engine.work import read_json, write_json
from mmskin_hub.errors import MmskinError
from mmskin_hub.training.energy import Meter, added, processor_name

NAME = "run.json"
FORM = 1
"""Number of the file's form."""
PACKAGES = (
    "torch", "torchvision", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "safetensors",
    "pillow", "numpy", "pyarrow", "deepspeed", "liger-kernel", "flash-attn", "bitsandbytes",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Version of Python, of this library, and of each package that a training rests on and that is installed."""
    found = {"python": platform.python_version(), "mmskin-hub": mmskin_hub.__version__}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    with contextlib.suppress(ImportError):
        import torch

        if torch.version.cuda:
            found["cuda"] = torch.version.cuda
    return found


def device_here(device: Any) -> dict[str, Any]:
    """What this process computes on: processor and cores, and its accelerator with memory in GB where it has one."""
    found: dict[str, Any] = {"cores": os.cpu_count(), "system": platform.system()}
    if name := processor_name():
        found["processor"] = name
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found["memory_gb"] = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    if getattr(device, "type", "cpu") == "cuda":
        import torch

        facts = torch.cuda.get_device_properties(device)
        found["accelerator"] = {"name": facts.name, "memory_gb": round(facts.total_memory / 1e9, 1)}
    elif getattr(device, "type", "cpu") != "cpu":
        found["accelerator"] = {"name": str(device.type)}
    return found


def plain(value: Any) -> Any:
    """``value`` as JSON has it; what JSON does not have, as text."""
    if is_dataclass(value) and not isinstance(value, type):
        value = value.to_dict() if hasattr(value, "to_dict") else asdict(value)
    return json.loads(json.dumps(value, default=str))


class Record(TrainerCallback):  # type: ignore[misc]
    """Keeps ``<output>/run.json``; ``model`` is trl's ``ModelConfig`` where it is known."""

    def __init__(self, script: Any, training: Any, model: Any, facts: Any) -> None:
        self.facts, self.training = facts, training
        self.configuration = {"script": plain(script), "training": plain(training)}
        if model is not None:
            self.configuration["model"] = plain(model)
        self.trainer: Any = None
        self.record: dict[str, Any] = {}
        self.session: dict[str, Any] = {}
        self._meter: Meter | None = None
        self._began = 0.0

    @property
    def path(self) -> Path:
        """Where ``run.json`` lies: in the output folder."""
        return Path(self.training.output_dir) / NAME

    def take(self, trainer: Any) -> None:
        """The trainer of the run: its clock starts."""
        self.trainer, self._began = trainer, time.monotonic()
        device = trainer.args.device
        uuid = None
        if getattr(device, "type", "cpu") == "cuda":
            import torch

            uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
        self._meter = Meter(None if uuid is None else str(uuid))

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A session begins."""
        from mmskin_hub.training.checkpoints import gathered

        devices = gathered(device_here(args.device))
        self.session = {
            "began": datetime.now(UTC).isoformat(timespec="seconds"),
            "from_step": int(state.global_step), "processes": int(args.world_size),
            "machines": self._machines(args), "hardware": _hardware(devices),
        }  # fmt: skip
        self.record = {
            "form": FORM, "status": "running", "data": self.facts.as_json(), "base": _base(self.facts.model_facts),
            "configuration": self.configuration, "versions": versions(),
            "seed": int(args.seed), "data_seed": args.data_seed, "sessions": [*self._earlier(args), self.session],
        }  # fmt: skip
        self._update("running", state)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A checkpoint is there: what was spent up to it."""
        self._update("running", state)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:
        """The newest figures of the validation rows."""
        if metrics:
            self.record.setdefault("result", {})["evaluation"] = plain(metrics)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """All steps are made."""
        self._update("trained", state)

    def left(self, error: BaseException) -> None:
        """The training ended before its time; the others are not asked any more."""
        words = getattr(error, "said", None) or (error.what if isinstance(error, MmskinError) else type(error).__name__)
        if self.record:
            self._update("stopped", self.trainer.state, alone=True, why=str(words))

    def on_saved(self, training: Any, state: Any, output: Path) -> None:
        """The model is in ``output``: what its files are, and those of its base. The first process only writes."""
        from mmskin_hub.models.check import weights_sha256

        if not state.is_world_process_zero:
            return
        base = self.record.setdefault("base", {})
        if "sha256" not in base and (folder := _folder(self.facts.model_facts)) is not None:
            base["sha256"] = weights_sha256(folder)
        self.record["weights"] = weights_sha256(output)
        self._update("finished", state, alone=True)

    # ---- within ----

    def _machines(self, args: Any) -> int:
        return max(1, int(args.world_size) // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", args.world_size))))

    def _earlier(self, args: Any) -> list[dict[str, Any]]:
        """The sessions of the run that goes on."""
        if args.resume_from_checkpoint in (None, False, "", "false", "False"):
            return []
        try:
            return list(read_json(self.path)["sessions"])
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def _update(self, status: str, state: Any, alone: bool = False, why: str = "") -> None:
        """Bring the file up to date; ``alone``: without asking the other processes."""
        if self._meter is None or not self.record:
            return
        if not alone or int(self.training.world_size) == 1:
            from mmskin_hub.training.checkpoints import gathered

            self.session["energy"] = _summed(gathered(self._meter.read()))
        if not state.is_world_process_zero:
            return
        self.session["seconds"] = round(time.monotonic() - self._began, 1)
        self.session["to_step"] = int(state.global_step)
        self.session["ended"] = why or status
        sessions = self.record["sessions"]
        self.record["status"] = status
        self.record["hours"] = sum(float(each.get("seconds", 0.0)) for each in sessions) / 3600
        energies = [each.get("energy", {}) for each in sessions]
        self.record.pop("energy", None)
        if energy := added(energies):
            self.record["energy"] = energy
        self.record.setdefault("result", {}).update(_result(state))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, self.record)


def _base(facts: Any) -> dict[str, Any]:
    """Name and revision of the base, on the Hub where it lies in the Hub's cache; of a converted one its origin."""
    from mmskin_hub.models.check import repository_of

    found = {key: value for key, value in plain(facts).items() if key != "place" and value is not None}
    folder = _folder(facts)
    if folder is not None and (known := repository_of(folder)):
        found |= {"name": known["repository"], "revision": known["revision"]}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        if folder is not None:
            found["converted_from"] = read_json(folder / "run.json")["convert"]["from"]
    return found


def _folder(facts: Any) -> Path | None:
    """Where the files of the base lie: the folder itself, or the Hub's cache."""
    place = facts.get("place")
    if place is None:
        return None
    if Path(str(place)).is_dir():
        return Path(str(place))
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(str(place), "config.json", revision=facts.get("revision"))
    return Path(config).parent if isinstance(config, str) else None


def _hardware(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each kind of device once, with the number of processes that had one."""
    counts = Count(json.dumps(device, sort_keys=True) for device in devices)
    return [{**json.loads(device), "processes": count} for device, count in sorted(counts.items())]


def _summed(readings: list[dict[str, Any]]) -> dict[str, Any]:
    """Readings of all processes added up; a figure that one of them lacks is left out."""
    found: dict[str, Any] = {}
    for key in ("core_seconds", "cpu_joules", "gpu_joules"):
        if all(key in reading for reading in readings):
            found[key] = round(sum(float(reading[key]) for reading in readings), 1)
    if "gpu_joules" in found:
        found["gpu_source"] = readings[0]["gpu_source"]
    return found


def _result(state: Any) -> dict[str, Any]:
    """Steps and epochs made, and the newest of the logged losses."""
    found: dict[str, Any] = {"step": int(state.global_step), "steps": int(state.max_steps), "epoch": state.epoch}
    for key in ("loss", "train_loss", "eval_loss"):
        known = [entry[key] for entry in state.log_history if key in entry]
        if known:
            found[key] = known[-1]
    return found
