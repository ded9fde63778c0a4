"""The processes that share one run: which one this is, and how they wait for each other.

``accelerate launch --multi_gpu --num_processes N -m mmskin_hub eval …`` (or ``torchrun``) starts N of them; each
holds the whole model, and is asked its share of the samples.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

PATIENCE = timedelta(days=7)
"""How long a process waits for the slowest one. A process that fails takes the others with it long before."""


@dataclass(frozen=True, slots=True)
class Team:
    """``rank`` counts from 0 to ``world`` - 1; ``rank`` 0 writes the results."""

    rank: int = 0
    world: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the results."""
        return self.rank == 0

    def wait(self) -> None:
        """Return when every process has come here."""
        if self.world > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()


def join(device: str | None = None) -> Team:
    """The team this process belongs to: alone, unless a launcher set ``WORLD_SIZE``.

    ``device`` is that of the model; without a GPU, or with "cpu", the processes talk through gloo.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Team()
    import torch
    from accelerate import PartialState

    cpu = not torch.cuda.is_available() or str(device or "").startswith("cpu")
    # The state is shared in the process: whoever makes it first sets the time limit for all.
    state = PartialState(cpu=cpu, timeout=PATIENCE)
    return Team(state.process_index, state.num_processes)
