"""Checkpoints that are whole or are not there.

::

    <output>/.saving/checkpoint-40/          being written
    <output>/checkpoint-20/complete.json     the mark of a whole one: every file of it with its size in bytes

A checkpoint is written under the hidden name, flushed to the disk file by file, marked, and takes its name in one
rename; only then does an old one go. A kill at any moment leaves the earlier ones whole, and at most a hidden folder
that the next save removes. A folder copied in part is found out by the sizes.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, OutputExists, describe

MARK = "complete.json"
"""File that a whole checkpoint holds: ``{"step", "processes", "order", "files": {name: bytes}}``."""
HIDDEN = ".saving"
"""Folder in the output folder in which checkpoints are written."""
_NAME = re.compile(r"checkpoint-(\d+)")
_FULL = re.compile(r"No space left|[Dd]isk quota|File too large|file write failed|unexpected pos \d+ vs")
"""How the disk's refusal reads after safetensors (Rust) and torch's zip writer (C++) have wrapped it."""


def checkpoints(output: Path) -> dict[int, Path]:
    """Every folder of ``output`` that bears a checkpoint's name, whole or not, by its step in rising order."""
    if not output.is_dir():
        return {}
    found = ((match, path) for path in output.iterdir() if (match := _NAME.fullmatch(path.name)) and path.is_dir())
    return dict(sorted((int(match[1]), path) for match, path in found))


def missing_in(checkpoint: Path) -> str:
    """Why ``checkpoint`` is not whole, in words; empty where it is."""
    try:
        mark = json.loads((checkpoint / MARK).read_text("utf-8"))
        files = {str(name): int(size) for name, size in mark["files"].items()}
    except FileNotFoundError:
        return f"it has no {MARK}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"its {MARK} cannot be read ({describe(error)})"
    for name, size in files.items():
        try:
            held = (checkpoint / name).stat().st_size
        except OSError:
            return f"{name} is missing"
        if held != size:
            return f"{name} has {held:,} of {size:,} bytes"
    return ""


def newest_whole(output: Path, tell: Callable[[str], None] | None = None) -> Path | None:
    """The whole checkpoint of the highest step below ``output``, or ``None``.

    ``tell`` gets a sentence about each newer one that is skipped; by default the first process of a run says it on
    standard error.
    """
    said = tell or _say
    for path in reversed(checkpoints(output).values()):
        why = missing_in(path)
        if not why:
            return path
        said(f"{path} is not whole ({why}); it is skipped")
    return None


def other_order(checkpoint: Path, order: Mapping[str, Any]) -> str:
    """What of ``order`` differs from that of the run that wrote ``checkpoint``, in words; empty where nothing does."""
    try:
        before = json.loads((checkpoint / MARK).read_text("utf-8")).get("order") or {}
    except (OSError, ValueError, AttributeError):
        before = {}
    differing = [name for name in order if name in before and before[name] != order[name]]
    return ", ".join(
        "other rows, lengths or weights" if name == "rows" else f"{name} {order[name]} instead of {before[name]}"
        for name in differing
    )


def check_output(output: Path, resume: bool) -> None:
    """Raise :class:`OutputExists` where a new run would mix its checkpoints with those of another.

    Half of a checkpoint does not count: there is nothing in it to lose.
    """
    if resume:
        return
    for path in reversed(checkpoints(output).values()):
        if not missing_in(path):
            raise OutputExists(
                f"{output} holds the checkpoints of another run, the newest {path.name}.",
                "Say --resume to go on with it (by hand: --resume_from_checkpoint newest), or name another folder.",
            )


def seal(written: Path, final: Path, step: int, processes: int, order: Mapping[str, Any] | None = None) -> None:
    """Flush ``written`` to the disk, mark it as whole, and give it its name ``final``.

    ``order`` is what the order of the rows depends on, for :func:`other_order`.
    """
    sizes = {}
    for path in sorted(written.rglob("*")):
        if path.is_file():
            sizes[path.relative_to(written).as_posix()] = path.stat().st_size
            _flush(path)
    mark = written / MARK
    said = {"step": step, "processes": processes, "order": dict(order or {}), "files": sizes}
    mark.write_text(json.dumps(said, indent=1) + "\n", "utf-8")
    _flush(mark)
    for folder in (*(path for path in written.rglob("*") if path.is_dir()), written):
        _flush(folder)
    if final.exists():  # half of one that was copied, or one of a run that was wound back to an earlier step
        final.rename(written.parent / f"old-{final.name}")
    written.rename(final)
    _flush(final.parent)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system without fsync of folders
            raise
    finally:
        os.close(handle)


def prune(output: Path, keep: int, newest: Path, also: str | None = None) -> None:
    """Remove all but the ``keep`` newest whole checkpoints, besides ``newest`` and the one at the path ``also``.

    Checkpoints of a later step than ``newest`` are from before the run was wound back: they go as well.
    """
    found = checkpoints(output)
    step = int(_NAME.fullmatch(newest.name)[1])  # type: ignore[index]
    whole = [number for number, path in found.items() if number <= step and not missing_in(path)]
    kept = {found[number] for number in whole[-keep:]} | {newest}
    for path in found.values():
        if path not in kept and (also is None or path != Path(also)):
            # Under its hidden name first: half of what is removed would look like half of what was written.
            gone = output / HIDDEN / f"old-{path.name}"
            gone.parent.mkdir(exist_ok=True)
            shutil.rmtree(gone, ignore_errors=True)
            path.rename(gone)
    shutil.rmtree(output / HIDDEN, ignore_errors=True)


def _say(text: str) -> None:
    if os.environ.get("RANK", "0") == "0":
        print(f"mmskin: {text}", file=sys.stderr, flush=True)


def _refused(error: BaseException) -> bool:
    """Whether ``error`` or what caused it is a disk that takes no more."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, OSError) and chain.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        if _FULL.search(str(chain)):
            return True
        chain = chain.__cause__ or chain.__context__
    return False


class WholeCheckpoints:
    """Mixin for a ``Trainer``: its checkpoints are written under a hidden name, and kept by their number.

    ``keep_checkpoints`` is how many whole ones stay; the trainer's own ``save_total_limit`` must be ``None``. In a run
    of several processes all must see the same output folder.
    """

    keep_checkpoints: int = 2
    _hiding = False
    _saved_step = -1
    _saved_bytes = 0

    def _get_output_dir(self, trial: Any) -> str:
        plain: str = super()._get_output_dir(trial)  # type: ignore[misc]
        return str(Path(plain) / HIDDEN) if self._hiding else plain

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save; raises :class:`MmskinError` where the disk has no room, with every earlier checkpoint in place."""
        trainer: Any = self
        step, output = int(trainer.state.global_step), Path(self._get_output_dir(trial))
        if step == self._saved_step:
            return  # the end of an epoch on a step that was just saved
        final, written = output / f"checkpoint-{step}", output / HIDDEN / f"checkpoint-{step}"
        first = trainer.is_world_process_zero()
        self._together(self._prepare if first else None, output, final, final=final)
        self._hiding = True
        try:
            self._together(super()._save_checkpoint, model, trial, final=final)  # type: ignore[misc]
        finally:
            self._hiding = False
        self._name_best(output, final, written)
        self._together(self._finish if first else None, written, final, final=final)
        self._saved_step = step

    def _prepare(self, output: Path, final: Path) -> None:
        """An empty hidden folder, and room enough for what is about to be written."""
        hidden = output / HIDDEN
        shutil.rmtree(hidden, ignore_errors=True)
        hidden.mkdir(parents=True)
        self._require_room(output, final.name)

    def check_room(self) -> None:
        """Raise :class:`MmskinError` on every process where not even one checkpoint has room; before the first step."""
        trainer: Any = self
        output = Path(self._get_output_dir(None))
        self._together(self._require_room if trainer.is_world_process_zero() else None, output, "a checkpoint")

    def _require_room(self, output: Path, name: str) -> None:
        folder = next(place for place in (output, *output.absolute().parents) if place.exists())
        needed, free = self._saved_bytes or _estimate(self), shutil.disk_usage(folder).free
        if free < needed:
            raise MmskinError(
                f"No space for {name} in {output}: it needs about {_bytes(needed)}, and {_bytes(free)} are free on "
                f"that disk. {_earlier(output)}",
                "Make room and go on with --resume, or keep fewer: --keep_checkpoints 1",
            )

    def _finish(self, written: Path, final: Path) -> None:
        trainer: Any = self
        order = trainer.order_facts() if hasattr(trainer, "order_facts") else None
        seal(written, final, int(trainer.state.global_step), int(trainer.args.world_size), order)
        self._saved_bytes = sum(path.stat().st_size for path in final.rglob("*") if path.is_file())
        prune(final.parent, self.keep_checkpoints, final, trainer.state.best_model_checkpoint)

    def _name_best(self, output: Path, final: Path, written: Path) -> None:
        """Where the best checkpoint is, by the name it will have; the trainer looked for it in the hidden folder."""
        trainer: Any = self
        if not trainer.state.best_global_step:
            return
        best = output / f"checkpoint-{trainer.state.best_global_step}"
        if best == final or best.is_dir():
            trainer.state.best_model_checkpoint = str(best)
        if trainer.args.should_save:
            trainer.state.save_to_json(str(written / "trainer_state.json"))

    def _together(self, work: Callable[..., None] | None, *args: Any, final: Path | None = None) -> None:
        """Do ``work`` (``None``: others do it), and raise on every process what failed on one."""
        failure: Exception | None = None
        try:
            if work is not None:
                work(*args)
        except Exception as error:
            if isinstance(error, MmskinError) or final is None or not _refused(error):
                failure = error
            else:
                failure = MmskinError(
                    f"No space for {final.name} in {final.parent}: the disk took no more. {_earlier(final.parent)}",
                    "Make room and go on with --resume, or keep fewer: --keep_checkpoints 1",
                )
                failure.__cause__ = error
        told = [each for each in gathered(_words(failure)) if each]
        if not told:
            return
        if final is not None and self.is_world_process_zero():  # type: ignore[attr-defined]
            shutil.rmtree(final.parent / HIDDEN, ignore_errors=True)
        raise failure if failure is not None else MmskinError(*told[0])


def _words(failure: Exception | None) -> tuple[str, str] | None:
    if failure is None:
        return None
    if isinstance(failure, MmskinError):
        return failure.what, failure.remedy
    return f"Another process could not save: {describe(failure)}", ""


def gathered(value: Any) -> list[Any]:
    """``value`` of every process, in their order."""
    dist = sys.modules.get("torch.distributed")  # without it, nothing is distributed
    if dist is None or not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def agreed(value: bool, device: Any) -> bool:
    """Whether ``value`` holds on any process; every process must ask."""
    import torch
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return value
    tensor = torch.tensor(float(value), device=device)
    dist.all_reduce(tensor)
    return bool(tensor.item() > 0)


def _earlier(output: Path) -> str:
    whole = [path.name for path in checkpoints(output).values() if not missing_in(path)]
    return f"The earlier ones are whole: {', '.join(whole)}." if whole else "There is no earlier one."


def _bytes(number: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"


def _estimate(trainer: Any) -> int:
    """Bytes of a first checkpoint: the weights that are saved, and what the optimizer holds of the trained ones.

    Before the first step it holds nothing yet: two numbers of 4 bytes a trained weight, as Adam will.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    adapter = hasattr(model, "peft_config")
    saved = [weights for weights in model.parameters() if weights.requires_grad or not adapter]
    total = sum(_count(weights) * weights.element_size() for weights in saved)
    held = sum(tensor.numel() * tensor.element_size() for tensor in _held_by(trainer.optimizer))
    return int(total + (held or sum(8 * _count(weights) for weights in saved if weights.requires_grad)))


def _count(weights: Any) -> int:
    return int(getattr(weights, "ds_numel", 0) or weights.numel())  # ZeRO-3 leaves an empty tensor behind


def _held_by(optimizer: Any) -> Iterator[Any]:
    for state in getattr(optimizer, "state", {}).values():
        yield from (value for value in state.values() if hasattr(value, "element_size"))
