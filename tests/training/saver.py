"""A trainer that does nothing but save, without torch: to be killed in the middle of it.

``python saver.py OUTPUT [--steps N]`` goes on from the newest whole checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from mmskin_hub.errors import MmskinError
from mmskin_hub.training.checkpoints import WholeCheckpoints, newest_whole

FILES = ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth")
SIZES = dict(zip(FILES, (200_000, 400_000, 100, 5_000), strict=True))


def content(name: str, step: int) -> bytes:
    """What the file ``name`` of the checkpoint of ``step`` holds."""
    return f"{name} of step {step}\n".encode() * (SIZES[name] // 25)


class _Trainer:
    """What :class:`WholeCheckpoints` needs of transformers' ``Trainer``."""

    def __init__(self, output: Path, keep: int) -> None:
        self.output, self.keep_checkpoints, self.written = output, keep, 0
        self.state = SimpleNamespace(
            global_step=0, best_global_step=None, best_model_checkpoint=None, save_to_json=self._write_state
        )
        self.args = SimpleNamespace(should_save=True, world_size=1)
        self.accelerator = SimpleNamespace(unwrap_model=lambda model: SimpleNamespace(parameters=list))
        self.model = self.optimizer = None

    def is_world_process_zero(self) -> bool:
        return True

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.output)

    def _write_state(self, path: str) -> None:
        known = {key: value for key, value in vars(self.state).items() if key != "save_to_json"}
        Path(path).write_text(json.dumps(known))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self._get_output_dir(trial)) / f"checkpoint-{self.state.global_step}"
        (folder / "deep").mkdir(parents=True)
        for name in FILES:
            data = content(name, self.state.global_step)
            with (folder / name).open("wb", buffering=0) as file:
                for start in range(0, len(data), 20_000):
                    file.write(data[start : start + 20_000])
        (folder / "deep" / "shard.bin").write_bytes(b"piece")
        self._write_state(str(folder / "trainer_state.json"))
        self.written += 1


class Saver(WholeCheckpoints, _Trainer):  # type: ignore[misc]
    """Saves whole checkpoints of files of known content."""

    def save(self, step: int) -> Path:
        """Save as if ``step`` had just been made."""
        self.state.global_step = step
        self._save_checkpoint(None, None)
        return self.output / f"checkpoint-{step}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, default=100_000)
    args = parser.parse_args()
    found = newest_whole(args.output)
    first = 1 + (int(found.name.partition("-")[2]) if found else 0)
    saver = Saver(args.output, keep=2)
    print(".", end="", flush=True)
    try:
        for step in range(first, first + args.steps):
            saver.save(step)
    except MmskinError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
