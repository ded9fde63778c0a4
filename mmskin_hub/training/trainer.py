"""trl's ``SFTTrainer`` with what it lacks for SkinVL: a rate for the projector, exact resume, rows in a fixed order.

What is overridden, and why (trl 1.16, transformers 5.23):

* the DataLoaders: rows come in the order of :class:`mmskin_hub.training.sampler.Order`, from sources that give bytes;
* ``compute_loss``: where logits are small, without trl's fused head, whose tiles, entropies and three gathers a
  micro-batch take longer than all else on a small model;
* the loss on validation rows (:mod:`mmskin_hub.training.evaluating`);
* ``create_optimizer``: groups of weights with rates of their own;
* ``_load_from_checkpoint``: LLaVA saves under its old key names, and the trainer loads them with ``strict=False``, so
  that nothing matches and a resumed full fine-tune begins anew with a mere warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import DataLoader
from transformers import TrainerCallback
from trl import SFTTrainer

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.training.arguments import ScriptArguments
from mmskin_hub.training.checkpoints import WholeCheckpoints
from mmskin_hub.training.collate import FACTS, FAILURE, IGNORED
from mmskin_hub.training.data import DataFacts, Split
from mmskin_hub.training.evaluating import LossOfTokens
from mmskin_hub.training.lora import LANGUAGE, PROJECTOR, VISION, freeze, in_full_precision, kind_of, projectors
from mmskin_hub.training.sampler import Order
from mmskin_hub.training.watch import FiguresInLog

SMALL_LOGITS = 256 << 20
"""Bytes of float32 logits of a micro-batch up to which they are made at once, all of them."""
_SHAPE = {"prompt": [{"role": "user", "content": ""}], "completion": [{"role": "assistant", "content": ""}]}


class SkinTrainer(WholeCheckpoints, FiguresInLog, LossOfTokens, SFTTrainer):  # type: ignore[misc]
    """Trains a vision-language model on a mixture.

    ``train`` and ``validation`` are splits of :func:`mmskin_hub.training.data.open_training_data`, ``facts`` what it
    said about them; ``peft_config`` is that of :func:`mmskin_hub.training.lora.lora_config`, ``None`` for a full
    fine-tune. Losses are means over the learned tokens of a global batch, whatever the number of processes.
    """

    def __init__(
        self,
        model: Any,
        args: Any,
        script: ScriptArguments,
        train: Split,
        validation: Split | None,
        facts: DataFacts,
        peft_config: Any = None,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        self.script, self.facts = script, facts
        self.train_split, self.validation_split = train, validation
        known = script.train_projector or script.projector_learning_rate
        self._between = projectors(model, missing=peft_config is not None) if known else []
        if peft_config is None:
            freeze(model, script)
        args.max_length = None  # rows were measured: what is here fits, and nothing is ever cut
        args.remove_unused_columns = False
        if args.ddp_find_unused_parameters is None:
            # A row without a picture leaves the projector out, and a tower's last layers feed nothing.
            args.ddp_find_unused_parameters = script.text_rows or script.open_vision_tower
        # trl insists on a dataset of its own kind, and looks at the first row; ours takes its place right afterwards.
        stand_in = Dataset.from_list([{**_SHAPE, "images": []}])
        super().__init__(
            model=model,
            args=args,
            data_collator=facts.collator,
            train_dataset=stand_in,
            eval_dataset=stand_in if validation is not None else None,
            processing_class=facts.processor,
            peft_config=peft_config,
            callbacks=list(callbacks),
        )
        self.train_dataset = train.rows
        self.eval_dataset = validation.rows if validation is not None else None
        if not self.is_deepspeed_enabled and not self.is_fsdp_enabled:
            in_full_precision(self.model)
        # Both ways to the loss divide by the learned tokens of the global batch, whatever the model's forward can.
        self.model_accepts_loss_kwargs = True
        longest = max(int(split.lengths.max()) for split in (train, validation) if split is not None)
        rows = max(args.per_device_train_batch_size, args.per_device_eval_batch_size)
        self._small = 4 * longest * rows * model.config.get_text_config().vocab_size <= SMALL_LOGITS

    # ---- rows ----

    def order(self) -> Order:
        """The order of the training rows at the present global batch."""
        split = self.train_split
        return Order(
            split.lengths,
            self.get_total_train_batch_size(self.args),
            self.args.data_seed if self.args.data_seed is not None else self.args.seed,
            weights=split.weights,
            groups=split.groups,
            window=self.script.length_window,
            by_length=self.script.group_by_length,
        )

    def order_facts(self) -> dict[str, Any]:
        """What the order of the rows depends on; a checkpoint keeps it, and a run that goes on compares."""
        return self.order().facts()

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Batches of training rows, in the same global order for any number of processes."""
        return self._loader(self.train_split, self._train_batch_size, self.order(), drop_last=True)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Batches of validation rows, longest first."""
        if self.validation_split is None:
            raise WrongUse("The data has no validation split.", "Say --eval_strategy no")
        order = np.argsort(-self.validation_split.lengths.astype(np.int64), kind="stable").tolist()
        return self._loader(self.validation_split, self.args.eval_batch_size, order, drop_last=False)

    def _loader(self, split: Split, batch: int, order: Any, drop_last: bool) -> DataLoader[Any]:
        workers = self.args.dataloader_num_workers
        loader: DataLoader[Any] = DataLoader(
            split.rows,
            batch_size=batch,
            sampler=order,
            drop_last=drop_last,
            collate_fn=self.data_collator,
            num_workers=workers,
            pin_memory=self.args.dataloader_pin_memory and torch.cuda.is_available(),
            persistent_workers=self.args.dataloader_persistent_workers and workers > 0,
            prefetch_factor=self.args.dataloader_prefetch_factor if workers else None,
        )
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        # Skipping to where a run was interrupted wraps the sampler once more, and accelerate's set_epoch does not
        # reach it there in a run of several processes: it would begin with the order of epoch 0.
        _set_epoch(kwargs["train_dataloader"], kwargs["epoch"])
        super()._run_epoch(*args, **kwargs)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """The micro-batches of a step; what they hold goes to ``facts.live``."""
        self.facts.live.reset()
        batches, items = super().get_batch_samples(_opened(epoch_iterator, self._note), num_batches, device)
        return batches, items

    def _note(self, found: dict[str, Any]) -> None:
        live = self.facts.live
        live.ids += [self.train_split.ids[row] for row in found["rows"]]
        live.tokens += found["tokens"]
        live.slots += found["slots"]
        live.samples += len(found["rows"])

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        _raise_failure(inputs)
        inputs.pop(FACTS, None)
        prepared: dict[str, Any] = super()._prepare_inputs(inputs)
        return prepared

    # ---- the loss ----

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Cross entropy of the learned tokens, divided by their number in the global batch (here, without it)."""
        if return_outputs or not self._small or self.label_smoother is not None or self.args.loss_type != "nll":
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs["labels"][:, 1:]
        given = {name: value for name, value in inputs.items() if name != "labels"}
        logits = model(**given, use_cache=False).logits[:, :-1]
        total = torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        if num_items_in_batch is None:
            return total / (labels != IGNORED).sum().clamp(min=1)
        loss = total / torch.as_tensor(num_items_in_batch, device=total.device).clamp(min=1)
        # DDP takes the mean of the gradients of the processes; the number is that of all of them.
        return loss * self.accelerator.num_processes if self.args.average_tokens_across_devices else loss

    # ---- weights ----

    def create_optimizer(self, model: Any = None) -> Any:
        """An optimizer whose groups bear a name (``group``) and their rate: language, projector, vision.

        As transformers has it, weights of norms and biases do not decay.
        """
        known: Any = self.optimizer
        if known is not None:
            return known
        model = self.model if model is None else model
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, model)
        if {"params", "model", "optimizer_dict"} & options.keys() or not isinstance(kind, type):
            raise WrongUse(
                f"The optimizer {self.args.optim} makes groups of its own, and cannot have a rate for the projector.",
                "Say --optim adamw_torch",
            )
        rates = {
            LANGUAGE: self.args.learning_rate,
            PROJECTOR: self.script.projector_learning_rate,
            VISION: self.script.vision_learning_rate,
        }
        self.optimizer: Any = kind(list(self._groups(model, rates)), **options)
        return self.optimizer

    def _groups(self, model: Any, rates: dict[str, float | None]) -> Iterator[dict[str, Any]]:
        decaying = set(self.get_decay_parameter_names(model))
        trained = [(name, weights) for name, weights in model.named_parameters() if weights.requires_grad]
        for group, rate in rates.items():
            for decay in (True, False):
                members = [
                    weights for name, weights in trained
                    if kind_of(name, self._between) == group and (name in decaying) == decay
                ]  # fmt: skip
                if members:
                    yield {
                        "params": members,
                        "weight_decay": self.args.weight_decay if decay else 0.0,
                        "lr": self.args.learning_rate if rate is None else rate,
                        "group": group,
                    }

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Load the weights of a checkpoint; those of a full fine-tune through ``from_pretrained``, and strictly."""
        target = self.model if model is None else model
        whole = Path(resume_from_checkpoint, "config.json").is_file() and not hasattr(target, "peft_config")
        if self.is_fsdp_enabled or self.is_deepspeed_enabled or not whole:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        loaded = type(target).from_pretrained(resume_from_checkpoint, dtype=target.dtype)
        with torch.no_grad():
            target.load_state_dict(loaded.state_dict(), strict=True)

    def _load_best_model(self) -> None:
        if hasattr(self.model, "peft_config") or self.is_fsdp_enabled or self.is_deepspeed_enabled:
            super()._load_best_model()
        else:
            self._load_from_checkpoint(str(self.state.best_model_checkpoint))

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """No card of trl's: ours is made from ``run.json``."""


def _opened(batches: Iterator[Any], note: Any) -> Iterator[Any]:
    """``batches`` without what is not for the model, which ``note`` hears."""
    for batch in batches:
        _raise_failure(batch)
        note(batch.pop(FACTS))
        yield batch


def _raise_failure(batch: dict[str, Any]) -> None:
    if FAILURE in batch:
        raise MmskinError(*batch[FAILURE])


def _set_epoch(loader: Any, epoch: int) -> None:
    """Tell the innermost :class:`Order` which epoch it is, through whatever stands around it."""
    seen: Any = loader
    while seen is not None and not isinstance(seen, Order):
        seen = next(
            (getattr(seen, name) for name in ("batch_sampler", "sampler") if getattr(seen, name, None) is not None),
            None,
        )
    if isinstance(seen, Order):
        seen.set_epoch(epoch)
