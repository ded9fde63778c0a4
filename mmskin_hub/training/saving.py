"""When a run saves because it was asked to leave: between two steps, or in the middle of an evaluation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from mmskin_hub.training.stopping import Notice, Terminated


class Checkpoints(TrainerCallback):  # type: ignore[misc]
    """Listens to SIGTERM while a run trains; then saves, and ends the process with status 143.

    ``keep`` is how many whole checkpoints stay. The trainer has the mixin
    :class:`~mmskin_hub.training.checkpoints.WholeCheckpoints`, which does the writing.
    """

    def __init__(self, notice: Notice, keep: int) -> None:
        self.notice, self.keep = notice, keep
        self.trainer: Any = None

    def take(self, trainer: Any) -> None:
        """The trainer of the run; SIGTERM is listened to from here on."""
        self.trainer = trainer
        trainer.keep_checkpoints = self.keep
        self.notice.install()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A disk that is full already is found out before the first step."""
        self.trainer.check_room()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Save in this step where the processes agreed to leave; what an evaluation would cost may be too long."""
        if self.notice.agreed:
            control.should_save, control.should_evaluate = True, False
        return control

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Leave where the processes agreed to: a whole checkpoint is there now."""
        if self.notice.agreed:
            self._leave(state)
        return control

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """An evaluation within a training can take longer than the time that is left."""
        if not getattr(self.trainer, "is_in_train", False):
            return control
        from mmskin_hub.training.checkpoints import agreed

        if agreed(self.notice.heard, args.device):
            self.notice.agreed = True
            self.trainer._save_checkpoint(self.trainer.model, None)
            self._leave(state)
        return control

    def left(self, error: BaseException) -> None:
        """The training ended before its time; SIGTERM is as it was before."""
        if not isinstance(error, SystemExit):
            self.notice.release()

    def on_saved(self, training: Any, state: Any, output: Path) -> None:
        """The model is saved: nothing is left that a signal could spoil."""
        self.notice.release()

    def _leave(self, state: Any) -> None:
        said = f"asked to leave by SIGTERM: step {state.global_step} of {state.max_steps} is saved; go on with --resume"
        if state.is_world_process_zero:
            print(f"mmskin: {said}", file=sys.stderr, flush=True)
        raise Terminated(said)
