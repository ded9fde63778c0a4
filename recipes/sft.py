"""Supervised fine-tuning of a vision-language model on a mixture: SkinVL-MM, SkinVL-Pub, SkinVL-PubMM.

On one machine, whatever it has::

    mmskin train skinvl_pubmm --data skinvl_sft=data/pubmm --model models/llava-med --output out/pubmm

By hand, with a config of accelerate's::

    accelerate launch --config_file recipes/accelerate/fsdp.yaml recipes/sft.py \
        --config recipes/configs/skinvl_pubmm.yaml --data skinvl_sft=data/pubmm \
        --model_name_or_path models/llava-med --output_dir out/pubmm

In a few minutes on a CPU::

    python -m mmskin_hub.recipes.sft --config recipes/configs/tiny.yaml --data skinvl_sft=data/shapes --output_dir out

To go on after an interruption: the same command, and ``--resume_from_checkpoint newest``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

if __name__ == "__main__" and sys.path and Path(sys.path[0] or ".").resolve() == Path(__file__).resolve().parent:
    # Launched by path, Python looks into this folder first, and recipes/accelerate would hide the library accelerate.
    del sys.path[0]

from mmskin_hub.errors import MissingExtra, WrongUse
from mmskin_hub.training.arguments import ScriptArguments, read_arguments
from mmskin_hub.training.arguments import make_parser as _make_parser

NEWEST = ("newest", "true", "True", True)
"""Values of ``resume_from_checkpoint`` that mean the newest whole checkpoint of the output folder."""


def main(script: ScriptArguments, training: Any, model: Any) -> dict[str, Any]:
    """Train, save, and return the figures of the training; the arguments are those of :func:`make_parser`.

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend, before the first step where
    it can be known by then.
    """
    # Worker processes are forked after the tokenizer was used; it would warn of each.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        from mmskin_hub.training.checkpoints import other_order
        from mmskin_hub.training.collate import Collator
        from mmskin_hub.training.data import open_training_data
        from mmskin_hub.training.load import load_weights, longest, open_base
        from mmskin_hub.training.lora import lora_config
        from mmskin_hub.training.trainer import SkinTrainer
        from mmskin_hub.training.watch import make_callbacks, reporters
    except ImportError as error:
        raise MissingExtra("Training", "train", error.name or str(error)) from error
    if not training.output_dir:
        raise WrongUse("No output folder was named.", "Say --output_dir FOLDER")
    # Checkpoints are pruned, and losses that are no number noticed, by our own callbacks.
    training.save_total_limit, training.logging_nan_inf_filter = None, False
    training.report_to = reporters(script.log_to, training.output_dir)
    checkpoint = _checkpoint(training)
    base = open_base(model, training)
    training.max_length = longest(base, training.max_length)
    train, validation, facts = open_training_data(script, training, Collator(base.processor), _teller(training))
    if validation is None and training.eval_strategy != "no":
        _teller(training)("the data has no validation split: nothing is evaluated")
        training.eval_strategy, training.do_eval = training.eval_strategy.__class__("no"), False
    if checkpoint is not None:
        _check_adapter(checkpoint, base.place, model)
    facts.model_facts = {**base.facts, "place": base.place}
    weights = load_weights(base, model, script, training)
    peft = lora_config(weights, model, script)
    callbacks = make_callbacks(script, training, facts, model)
    trainer = SkinTrainer(weights, training, script, train, validation, facts, peft, callbacks)
    if checkpoint is not None and (other := other_order(checkpoint, trainer.order_facts())):
        _teller(training)(
            f"the rows come in another order than in {checkpoint} ({other}): some will come twice, others never"
        )
    result = trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    trainer.save_model(training.output_dir)
    trainer.accelerator.wait_for_everyone()
    for callback in callbacks:
        if hasattr(callback, "on_saved"):
            callback.on_saved(training, trainer.state, Path(training.output_dir))
    if hasattr(trainer, "end"):
        trainer.end()
    return dict(result.metrics)


def _teller(training: Any) -> Any:
    """What tells a person what is under way: the first process only."""
    if training.process_index:
        return lambda text: None
    return lambda text: print(f"mmskin: {text}", file=sys.stderr, flush=True)


def _checkpoint(training: Any) -> Path | None:
    """The checkpoint to go on from, or ``None``."""
    wanted = training.resume_from_checkpoint
    if wanted in (None, False, "false", "False"):
        return None
    from mmskin_hub.training.checkpoints import missing_in, newest_whole

    if wanted in NEWEST:
        found = newest_whole(Path(training.output_dir))
        if found is None:
            _teller(training)(f"{training.output_dir} has no whole checkpoint: beginning anew")
        return None if found is None else Path(found)
    path = Path(wanted)
    if not (path / "trainer_state.json").is_file():
        raise WrongUse(
            f"--resume_from_checkpoint {path} is no checkpoint: it holds no trainer_state.json.",
            "Say --resume_from_checkpoint newest",
        )
    if why := missing_in(path):
        # transformers would go on without what is missing: at step 40, with an optimizer and a schedule begun anew.
        raise WrongUse(f"--resume_from_checkpoint {path} is not whole ({why}).", "Say --resume_from_checkpoint newest")
    return path


def _check_adapter(checkpoint: Path, base: str, model: Any) -> None:
    """Refuse a checkpoint of another kind of training, and an adapter of another shape or for another base."""
    file = checkpoint / "adapter_config.json"
    adapter = file.is_file()
    if adapter != bool(model.use_peft):
        raise WrongUse(
            f"{checkpoint} holds {'an adapter' if adapter else 'a whole model'}, and use_peft is "
            f"{str(model.use_peft).lower()}.",
            f"Say --use_peft {str(adapter).lower()}, or begin anew in another --output_dir",
        )
    before = json.loads(file.read_text("utf-8")) if adapter else {}
    for ours, theirs in (("lora_r", "r"), ("lora_alpha", "lora_alpha"), ("use_rslora",) * 2, ("use_dora",) * 2):
        if before.get(theirs, getattr(model, ours)) != getattr(model, ours):
            raise WrongUse(
                f"{checkpoint} was trained with {ours} {before[theirs]}, and it is {getattr(model, ours)} now.",
                f"Say --{ours} {before[theirs]}, or begin anew in another --output_dir",
            )
    if adapter and Path(base).is_dir():
        from mmskin_hub.models.check import adapter_fits

        problems = adapter_fits(checkpoint, Path(base))
        if problems:
            raise WrongUse(
                f"The adapter of {checkpoint} is not for {base}: {'; '.join(problems[:3])}.",
                "Name the base it was trained for: --model_name_or_path",
            )


def make_parser(prog: str | None = None) -> Any:
    """The ``TrlParser`` over ScriptArguments, SFTConfig and ModelConfig."""
    return _make_parser(prog)


def run() -> None:
    """What one process of a run does: read the command line, and train."""
    main(*read_arguments(sys.argv[1:], "python -m mmskin_hub.recipes.sft"))


if __name__ == "__main__":
    from mmskin_hub.training.launch import worker

    sys.exit(worker(run))
