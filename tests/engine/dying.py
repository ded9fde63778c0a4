"""A step whose tasks can be told to die the way a fault in C code does: without a word."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from datatrove.pipeline.base import PipelineStep


class DyingStep(PipelineStep):
    """Task ``rank`` writes a file; it kills its own process where ``die-<rank>`` lies there, once or every time."""

    name = "dying"
    type = "test"

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
        """Die, fail or work, as the folder says."""
        folder = Path(self.folder)
        if (folder / f"once-{rank}").exists():
            (folder / f"once-{rank}").unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        if (folder / f"always-{rank}").exists():
            os.kill(os.getpid(), signal.SIGSEGV)
        if (folder / f"fail-{rank}").exists():
            raise OSError(28, "No space left on device")
        with (folder / f"done-{rank}").open("a") as file:
            file.write(f"{os.environ.get('OMP_NUM_THREADS')} {os.getpid()}\n")
        return data
