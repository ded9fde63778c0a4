"""``mm.train``, ``mm.merge`` and ``mm.convert``: from weights and a dataset to a model."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from mmskin_hub.api.arguments import (
    Place,
    Places,
    check_choice,
    check_whole,
    named,
    path_of,
    path_or_none,
    teller,
    text_of,
)
from mmskin_hub.errors import MissingExtra, MmskinError, TrainingStopped, WrongUse

if TYPE_CHECKING:
    from mmskin_hub.api.records import ConvertRecord, MergeRecord, TrainRecord

Family = Literal["llava-med", "llava"]
Tower = Literal["auto", "checkpoint", "named"]


def train(
    recipe: Place,
    *,
    data: Places = (),
    output: Place | None = None,
    model: Place | None = None,
    resume: bool = False,
    accelerate: Place | None = None,
    processes: int | None = None,
    dry_run: bool = False,
    **keys: Any,
) -> TrainRecord:
    """Train with a recipe, as ``mmskin train`` does, through ``accelerate launch``, and return ``run.json``.

    The training runs in processes of its own, which write on standard error.

    Examples::

        record = mm.train("tiny", data={"skinvl_sft": "data/sft-mm"}, output="out/tiny", max_steps=100)
        record["status"], record["result"]["eval_loss"]

        mm.train("skinvl_pubmm", data={"skinvl_sft": "data/sft-pubmm"}, output="out/pubmm", model="models/llava-med",
                 resume=True, data_version="1.0.0")

    Args:
        recipe: Name of a shipped recipe, or a YAML file.
        data: The datasets: ``{"skinvl_sft": folder or "owner/name@revision"}``; by default the recipe's.
        output: Folder for the model; by default the recipe's.
        model: Base model: a folder, or ``owner/name``; by default the recipe's.
        resume: Go on from the newest whole checkpoint in ``output``.
        accelerate: Config of accelerate, shipped (cpu, cpu_two, single_gpu, ddp, fsdp, deepspeed_zero3, multi_node)
            or a file; by default chosen by what the machine has.
        processes: Processes in all; by default one an accelerator.
        dry_run: Run nothing; the result says as ``command`` what would run.
        **keys: Any key of the recipe: ``max_steps=100``, ``learning_rate=1e-4``, ``log_to=["none"]``. ``None`` leaves
            it to the recipe.

    Returns:
        The record; nothing on a machine that does not write it (of a run on several).

    Raises:
        WrongUse: A recipe, a key or a dataset that is not there or does not fit.
        OutputExists: ``output`` holds the checkpoints of another run; say ``resume=True``.
        TrainingStopped: The run was asked to leave by SIGTERM and has saved; with ``resume=True`` the call goes on.
        KeyboardInterrupt: Ctrl-C.
        MissingExtra: A package of the extra ``train`` is missing.
        MmskinError: The training failed; what was saved is kept.
    """
    check_whole("processes", processes)
    try:
        from mmskin_hub.training.checkpoints import check_output
        from mmskin_hub.training.handover import Launch, command_of
        from mmskin_hub.training.launch import choose, describe, find_recipe
    except ImportError as error:
        raise MissingExtra("mmskin train", "train", error.name or str(error)) from error
    for package in ("accelerate", "transformers", "trl"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtra("mmskin train", "train", package)
    file = find_recipe(text_of(recipe))
    choice = choose(describe(), None if accelerate is None else text_of(accelerate), processes)
    arguments = _arguments(file, named(data), output, model, resume, keys)
    if dry_run:
        return {"status": "dry run", "command": command_of(choice, arguments)}
    folder = _output_of(file, output, keys)
    if not resume and "resume_from_checkpoint" not in keys:
        check_output(folder, resume)
    many = "1 process" if choice.processes == 1 else f"{choice.processes} processes"
    print(f"mmskin: accelerate with {choice.config.name}, {many}: {choice.why} (--accelerate chooses another)",
          file=sys.stderr, flush=True)  # fmt: skip
    # What a training prints is for people: standard output belongs to who called. By its number, as sys.stderr may be
    # a file without one (a notebook).
    return _ended(Launch(choice, arguments, output=2).run(), folder)


def _arguments(
    recipe: Path,
    data: Sequence[str],
    output: Place | None,
    model: Place | None,
    resume: bool,
    keys: Mapping[str, Any],
) -> list[str]:
    """What the recipe's own command line is."""
    found = ["--config", str(recipe)]
    if data:
        found += ["--data", *data]
    if model is not None:
        found += ["--model_name_or_path", text_of(model)]
    if output is not None:
        found += ["--output_dir", text_of(output)]
    if resume:
        found += ["--resume_from_checkpoint", "newest"]
    for key, value in keys.items():
        found += _said(key, value)
    return found


def _said(key: str, value: Any) -> list[str]:
    """One key of the recipe as its command line has it."""
    if value is None:
        return []
    if value is True:  # alone it is true, and says a switch such as --no_group_by_length too
        return [f"--{key}"]
    if value is False:
        return [f"--{key}", "false"]
    if isinstance(value, Mapping):
        return [f"--{key}", json.dumps(value)]
    values = value if isinstance(value, list | tuple) else [value]
    return [f"--{key}", *map(str, values)]


def _output_of(recipe: Path, output: Place | None, keys: Mapping[str, Any]) -> Path:
    """The folder that the model is written into."""
    if output is not None or "output_dir" in keys:
        return path_of(keys.get("output_dir") or output or "")
    import yaml

    try:
        config = yaml.safe_load(recipe.read_text("utf-8"))
        return path_of(config["output_dir"])
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise WrongUse(f"{recipe} names no output_dir.", "Say where the model goes: --output DIR") from error


def _ended(status: int, output: Path) -> TrainRecord:
    """The record of a run that ended well; raises for every other end."""
    from mmskin_hub.engine.work import read_json
    from mmskin_hub.training.process import EXIT_INTERRUPTED
    from mmskin_hub.training.stopping import EXIT_TERMINATED

    if status == EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    if status == EXIT_TERMINATED:
        said = f"The training in {output} was asked to leave by SIGTERM, and has saved."
        raise TrainingStopped(said, "Go on with --resume")
    if status:
        raise MmskinError(
            f"The training ended with status {status}; what it said stands above.",
            f"What was saved is in {output}; go on with --resume",
        )
    try:
        return cast("TrainRecord", read_json(output / "run.json"))
    except FileNotFoundError:
        return {}


def merge(adapter: Place, *, out: Place, base: Place | None = None, overwrite: bool = False) -> MergeRecord:
    """Merge a LoRA adapter into its base, as ``mmskin merge`` does; what all three answer is compared first.

    Example::

        facts = mm.merge("out/pubmm", out="merged/pubmm")
        facts["adapter_vs_merged"], facts["rounding_floor"]

    Args:
        adapter: Folder that training wrote.
        out: Folder to write the whole model into.
        base: Folder of the base, or ``owner/name@revision``; by default the one that the adapter names.
        overwrite: Replace whatever ``out`` holds.

    Returns:
        The part "merge" of ``run.json``: bases and weights by SHA-256, and the differences of logits that were found.

    Raises:
        WrongUse: ``adapter`` is none, or belongs to another base.
        OutputExists: ``out`` holds something else.
        MissingExtra: A package of the extra ``train`` is missing.
        MmskinError: The proof failed, or the disk is full; nothing is left in ``out``.
    """
    try:
        from mmskin_hub.models.merge import merge as run

        facts = run(
            path_of(adapter),
            path_of(out),
            None if base is None else text_of(base),
            overwrite=overwrite,
            tell=teller(),
        )
    except ImportError as error:
        raise MissingExtra("mmskin merge", "train", error.name or str(error)) from error
    return cast("MergeRecord", facts)


def convert(
    model: Family,
    folder: Place,
    *,
    out: Place,
    vision_tower: Place | None = None,
    tower: Tower = "auto",
    pickle: bool = False,
    overwrite: bool = False,
) -> ConvertRecord:
    """Convert the original LLaVA-Med 1.5 or LLaVA 1.5 into a folder that transformers loads, as ``mmskin convert``.

    Example::

        mm.convert("llava-med", "llava-med-v1.5-mistral-7b", out="models/llava-med")["warnings"]

    Args:
        model: What the checkpoint is: llava-med or llava.
        folder: Folder of the original checkpoint.
        out: Folder to write the model into.
        vision_tower: Folder of the CLIP that the checkpoint names; by default looked for in the Hub's cache.
        tower: Which weights of the tower to use where checkpoint and CLIP differ; "auto" as the original code does.
        pickle: Open pickled weights (``*.bin``) too; only for sources you trust.
        overwrite: Replace whatever ``out`` holds.

    Returns:
        The part "convert" of ``run.json``.

    Raises:
        WrongUse: ``folder`` holds no such checkpoint.
        OutputExists: ``out`` holds something else.
        MissingExtra: A package of the extra ``train`` is missing.
        MmskinError: The checkpoint is damaged or incomplete, or the disk is full.
    """
    check_choice("model", model, Family)
    check_choice("tower", tower, Tower)
    try:
        from mmskin_hub.models.convert import convert_llava

        facts = convert_llava(
            path_of(folder),
            path_of(out),
            path_or_none(vision_tower),
            pickles=pickle,
            tower=tower,
            overwrite=overwrite,
            tell=teller(),
        )
    except ImportError as error:
        raise MissingExtra("mmskin convert", "train", error.name or str(error)) from error
    return cast("ConvertRecord", facts)
