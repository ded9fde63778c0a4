"""The two datatrove steps. Each takes one task by its rank from the work folder, so any executor can run them.

Locally :mod:`mmskin_hub.engine.executor` does. On a cluster the same objects go into datatrove's
``SlurmPipelineExecutor(pipeline=[PagesStep(folder)], tasks=…)``, provided that the work folder and the books are
reachable there under the same paths.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datatrove.pipeline.base import PipelineStep

from mmskin_hub.engine.plan import Plan, read_plan
from mmskin_hub.engine.survey import survey_one
from mmskin_hub.engine.unit import run_unit
from mmskin_hub.engine.work import WorkFolder, read_json


class SurveyStep(PipelineStep):
    """Surveys book number ``rank`` of ``inputs.json``."""

    name = "survey"
    type = "mmskin"

    def __init__(self, root: str) -> None:
        super().__init__()
        self.root = root

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
        """Leave one survey file; nothing is passed on."""
        folder = WorkFolder(self.root)
        survey_one(folder, _inputs(self.root)[rank])
        return data


class PagesStep(PipelineStep):
    """Turns unit number ``rank`` of ``plan.json`` into candidates and reject rows."""

    name = "pages"
    type = "mmskin"

    def __init__(self, root: str) -> None:
        super().__init__()
        self.root = root

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
        """Leave the three files of the unit, unless they are there; nothing is passed on."""
        folder = WorkFolder(self.root)
        plan = _plan(self.root, folder.plan.stat().st_mtime_ns)
        unit = plan.units[rank]
        with self.track_time("unit"):
            run_unit(folder, unit, plan.books[unit.book], plan.settings)
        return data


@lru_cache(maxsize=1)
def _inputs(root: str) -> list[str]:
    paths: list[str] = read_json(WorkFolder(root).path / "inputs.json")
    return paths


@lru_cache(maxsize=1)
def _plan(root: str, changed: int) -> Plan:
    return read_plan(WorkFolder(root))
