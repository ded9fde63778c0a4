"""The original LLaVA-Med 1.5 and LLaVA 1.5 become models that transformers loads by itself.

Weights pass one file at a time: the model is never whole in memory. Names, shapes and what is missing are checked
against the native model, drawn without memory, before anything is written; what is written bears native names, so that
a plain ``from_pretrained`` gives the same model (:mod:`mmskin_hub.models.keys`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import staged
from mmskin_hub.engine.work import write_json
from mmskin_hub.errors import MmskinError
from mmskin_hub.models.check import check_room, check_target, repository_of, told_when_full, weights_sha256
from mmskin_hub.models.folder import Weights, open_weights, plan_shards, write_shards
from mmskin_hub.models.keys import EMBEDDINGS, TOWER, Names, part_of, translate
from mmskin_hub.models.native import (
    embedding_rows,
    main_dtype,
    native_config,
    native_shapes,
    numel,
    read_original,
    refuse_misfits,
    refuse_strange,
    vocabulary,
)
from mmskin_hub.models.processor import keeps_marks, make_processor
from mmskin_hub.models.tower import CHECKPOINT, Choice, NamedTower, choose, compare, named_tower


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known before the first tensor is written."""

    config: Any
    names: Names
    sources: dict[str, tuple[Weights, str]]
    dtype: Any
    rows: int
    choice: Choice


def convert_llava(
    folder: Path,
    out: Path,
    vision_tower: Path | None = None,
    *,
    pickles: bool = False,
    tower: str = "auto",
    overwrite: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Convert the original checkpoint in ``folder`` into ``out``; returns what ``out/run.json`` says under "convert".

    ``vision_tower``: folder of the tower that the checkpoint names. ``tower``: ``"auto"`` chooses as the original code
    does, ``"checkpoint"`` and ``"named"`` force one. ``pickles`` allows ``.bin`` files. Raises :class:`WrongUse` for
    what is no such checkpoint, :class:`MmskinError` for a damaged or incomplete one, or where the disk is full.
    """
    original = read_original(folder)
    check_target(out, overwrite, [folder, *([vision_tower] if vision_tower else [])])
    weights = open_weights(folder, pickles)
    tell(f"{folder}: {len(weights.tensors)} tensors in {len(weights.files)} files, {weights.bytes / 1e9:.1f} GB")
    held = any(part_of(key) == TOWER for key in weights.tensors)
    named = named_tower(str(original["mm_vision_tower"]), vision_tower, held, pickles)
    processor = make_processor(folder, original, named)
    plan = _plan(original, weights, named, processor, tower)
    tell(plan.choice.why)
    check_room(out, int(weights.bytes * 1.05) + (named.weights.bytes if named.weights else 0))
    with told_when_full(out), staged(out) as stage:
        size = _write(plan, stage)
        _write_configs(plan, processor, stage)
        facts = {
            "from": {"folder": folder.name, "architecture": original["architectures"][0], **repository_of(folder)},
            "weights": weights_sha256(folder),
            "vision_tower": plan.choice.facts,
            "warnings": _warnings(folder, plan),
            "vocabulary": {"tokens": len(processor.tokenizer), "before": plan.rows, "rows": vocabulary(plan.config)},
            "dtype": str(plan.dtype).removeprefix("torch."),
            "parameters": size,
            "buffers_left_out": plan.names.buffers,
            "result": weights_sha256(stage),
        }
        _check_result(stage, plan)
        write_json(stage / "run.json", {"convert": facts})
    return facts


def _warnings(folder: Path, plan: Plan) -> list[str]:
    found = [plan.choice.warning] if plan.choice.warning else []
    if not keeps_marks(folder):
        found.append(
            "tokenizer_config.json says legacy: false; from the second turn of a conversation on, a piece after </s> "
            "begins with a space mark that the original leaves out"
        )
    return found


def _plan(original: dict[str, Any], weights: Weights, named: NamedTower, processor: Any, tower: str) -> Plan:
    import torch

    dtype = main_dtype(weights)
    rows = embedding_rows(weights)
    config = native_config(original, named.config, processor, rows, dtype)
    shapes = native_shapes(config)
    names = translate(weights.tensors, shapes)
    refuse_strange(weights, names)
    held = {names.native[key]: key for key in names.of(TOWER)}
    keys = named.keys(shapes)
    choice = choose(
        tower, held, named, bool(original.get("unfreeze_mm_vision_tower")),
        lambda: compare(weights, held, named, keys, getattr(torch, dtype)),
    )  # fmt: skip
    sources = {names.native[key]: (weights, key) for key in weights.tensors if names.parts.get(key, TOWER) != TOWER}
    if choice.source == CHECKPOINT:
        sources |= {native: (weights, key) for native, key in held.items()}
    else:
        assert named.weights is not None
        sources |= {native: (named.weights, key) for native, key in keys.items()}
    if config.tie_word_embeddings:
        sources.pop("lm_head.weight", None)
        shapes.pop("lm_head.weight", None)
    refuse_misfits(weights.folder, sources, shapes, rows)
    return Plan(config, names, sources, getattr(torch, dtype), rows, choice)


def _write(plan: Plan, stage: Path) -> int:
    """Write all weights file by file in the order they are stored in; returns the number of parameters."""
    size, numbers, bytes_each = vocabulary(plan.config), {}, plan.dtype.itemsize
    for name, (weights, key) in plan.sources.items():
        shape = weights.tensors[key].shape
        numbers[name] = numel((size, *shape[1:]) if name in EMBEDDINGS else shape)
    files = plan_shards({name: number * bytes_each for name, number in numbers.items()})
    write_shards(stage, _tensors(plan), files, sum(numbers.values()) * bytes_each)
    return sum(numbers.values())


def _tensors(plan: Plan) -> Iterator[tuple[str, Any]]:
    for name, (weights, key) in plan.sources.items():
        tensor = weights.get(key).to(plan.dtype)
        yield name, _lengthened(tensor, vocabulary(plan.config)) if name in EMBEDDINGS else tensor


def _lengthened(table: Any, rows: int) -> Any:
    """``table`` (tokens × width) with rows for new tokens, each the mean of the others.

    In ``lm_head`` that gives a new token the mean of all logits, so that it is never the likeliest.
    """
    import torch

    if rows == table.shape[0]:
        return table
    mean = table.float().mean(0, keepdim=True).to(table.dtype)
    return torch.cat([table, mean.expand(rows - table.shape[0], -1)])


def _write_configs(plan: Plan, processor: Any, stage: Path) -> None:
    from transformers import GenerationConfig

    plan.config.save_pretrained(stage)
    tokenizer = processor.tokenizer
    GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    ).save_pretrained(stage)
    processor.save_pretrained(stage)


def _check_result(stage: Path, plan: Plan) -> None:
    """What was written is whole: every name and shape of the native model, and none besides."""
    wanted = native_shapes(plan.config)
    if plan.config.tie_word_embeddings:
        wanted.pop("lm_head.weight")
    written = {name: tensor.shape for name, tensor in open_weights(stage).tensors.items()}
    if written != wanted:
        raise MmskinError(f"What was written to {stage} is not what was meant.", "Check the disk, and try again.")
