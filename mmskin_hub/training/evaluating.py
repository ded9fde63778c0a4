"""The loss on the validation rows: a mean over learned tokens, as in training, whatever batch size and processes.

transformers averages the means of batches, so that its figure moves with the batch size, and divides each by the
tokens of all processes. And accelerate fills up the last batches of several processes with rows that were had already.
"""

from __future__ import annotations

from typing import Any

from mmskin_hub.training.checkpoints import gathered
from mmskin_hub.training.collate import IGNORED


class LossOfTokens:
    """Mixin for a ``Trainer`` whose evaluation goes through the rows in the order of its DataLoader."""

    _total = _learned = 0.0
    _batches = 0

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        """The loop of transformers; ``<prefix>_loss`` is the mean over all learned tokens of all processes."""
        self._total, self._learned, self._batches = 0.0, 0.0, 0
        output = super().evaluation_loop(*args, **kwargs)  # type: ignore[misc]
        sums = gathered((self._total, self._learned))
        total, learned = (sum(each) for each in zip(*sums, strict=True))
        if learned:
            output.metrics[f"{kwargs.get('metric_key_prefix', 'eval')}_loss"] = total / learned
        return output

    def prediction_step(
        self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: list[str] | None = None
    ) -> tuple[Any, None, None]:
        """The mean loss of a batch; its sum and its learned tokens are kept for :meth:`evaluation_loop`."""
        import torch

        trainer: Any = self
        inputs = trainer._prepare_inputs(inputs)
        labels = inputs["labels"]
        labels[self._new(len(labels)) :] = IGNORED
        learned = int((labels[:, 1:] != IGNORED).sum())
        with torch.no_grad(), trainer.compute_loss_context_manager():
            loss = trainer.compute_loss(model, inputs).detach()
        if not learned:  # the mean of nothing; the process went through the model because the others do
            loss = torch.zeros_like(loss)
        self._total, self._learned = self._total + float(loss) * learned, self._learned + learned
        return loss, None, None

    def _new(self, rows: int) -> int:
        """How many of the ``rows`` of the next batch of this process come for the first time."""
        trainer: Any = self
        args = trainer.args
        # Process p of P has the batches p, p + P, …; what stands behind the last row is filled up from the first.
        first = (self._batches * args.world_size + args.process_index) * args.per_device_eval_batch_size
        self._batches += 1
        return int(max(0, min(rows, len(trainer.eval_dataset) - first)))
