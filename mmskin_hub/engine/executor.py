"""datatrove's local executor over a pool that survives the death of a worker.

``LocalPipelineExecutor`` runs tasks in ``multiprocess.Pool``, which waits for ever once a worker is killed by the
kernel or by a fault in the C code of a parser. Here the tasks of a dead worker are run again, each alone, and a task
that takes its worker down once more is handed to ``on_crash``. Every other part (steps, ranks, logs) is datatrove's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from mmskin_hub.engine.limits import start_worker, worker_context
from mmskin_hub.errors import MmskinError

POLL_SECONDS = 0.25


class LocalExecutor(LocalPipelineExecutor):
    """Runs one step for the given ranks.

    ``tick`` is called a few times a second while the work goes on; ``on_crash(rank)`` must leave the folder so that
    the rank gets further (or ends) when it is run again: it is called until the rank comes through. Whether a rank
    is done is known by the files of the step, so datatrove's own completion markers are ignored.
    """

    def __init__(
        self,
        step: PipelineStep,
        ranks: Sequence[int],
        workers: int,
        logs: Path,
        tick: Callable[[], None],
        on_crash: Callable[[int], None],
    ) -> None:
        tasks = max(ranks, default=-1) + 1
        super().__init__([step], tasks=tasks, workers=workers, logging_dir=str(logs), skip_completed=False)
        self.ranks = list(ranks)
        self._started = logs / "started"
        self._tick = tick
        self._on_crash = on_crash

    def run(self) -> None:
        """Run every rank. An exception of a step ends the run at once; a dead worker does not."""
        self._started.mkdir(parents=True, exist_ok=True)
        for mark in self._started.iterdir():
            mark.unlink()
        pending = self.ranks
        while undone := self._run_pool(pending, min(self.workers, len(pending))):
            # Whoever was at work when a process died may have killed it, or only shared the pool with it.
            suspects = [rank for rank in undone if self._mark(rank).exists()]
            if not suspects and len(undone) == len(pending):
                raise MmskinError(
                    "The worker processes die before they take up any work.",
                    "Look for what ends them: memory, or a limit on processes. Try fewer: --workers 1",
                )
            for rank in suspects:
                while self._run_pool([rank], 1):
                    self._on_crash(rank)
            pending = [rank for rank in undone if rank not in suspects]

    def _run_pool(self, ranks: Sequence[int], workers: int) -> list[int]:
        """Run ``ranks``; those left undone by the death of a worker are returned, in order."""
        if not ranks:
            return []
        task = _Task(self, self._started)
        pool = ProcessPoolExecutor(workers, worker_context(), start_worker)
        futures: dict[Future[None], int] = {pool.submit(task, rank): rank for rank in ranks}
        try:
            return self._await(futures)
        except BaseException:
            _kill(pool)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _await(self, futures: dict[Future[None], int]) -> list[int]:
        waiting, undone = set(futures), []
        while waiting:
            done, waiting = wait(waiting, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
            self._tick()
            for future in done:
                try:
                    future.result()
                except BrokenProcessPool:
                    undone.append(futures[future])
        return sorted(undone, key=self.ranks.index)

    def _mark(self, rank: int) -> Path:
        return self._started / str(rank)

    def __getstate__(self) -> dict[str, Any]:
        # The callbacks belong to the parent (they draw a progress bar) and do not travel.
        return {name: value for name, value in self.__dict__.items() if name not in ("_tick", "_on_crash", "ranks")}


class _Task:
    """What a worker is sent: run one rank, and leave a mark while at it."""

    def __init__(self, executor: LocalExecutor, started: Path) -> None:
        self.executor = executor
        self.started = started

    def __call__(self, rank: int) -> None:
        mark = self.started / str(rank)
        mark.touch()
        # A local rank other than 0 keeps datatrove's log out of the terminal; the log files have it all.
        self.executor._run_for_rank(rank, local_rank=1)
        mark.unlink(missing_ok=True)


def _kill(pool: ProcessPoolExecutor) -> None:
    for process in list((pool._processes or {}).values()):
        process.kill()
