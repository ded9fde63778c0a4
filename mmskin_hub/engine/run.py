"""From BOOKS to a finished work folder: survey, plan, pages, and the bringing together."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import mmskin_hub
from mmskin_hub.engine.books import find_books
from mmskin_hub.engine.limits import writing
from mmskin_hub.engine.plan import Plan, make_plan, write_plan
from mmskin_hub.engine.progress import pages_done, stage
from mmskin_hub.engine.survey import Surveyed, collect, refuse_crashed, stamp
from mmskin_hub.engine.tools import check_opencv, tool_versions
from mmskin_hub.engine.work import WorkFolder, read_json, work_key, write_json
from mmskin_hub.errors import NothingUsable


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a build that reach the engine; ``min_size`` in pixels, ``split_by`` auto, book or figure,
    ``duplicates`` pair or picture."""

    books: tuple[str, ...]
    work: Path
    workers: int = 1
    ocr: str = "auto"
    min_size: int = 64
    split_by: str = "auto"
    duplicates: str = "pair"

    def resolved(self) -> Settings:
        """The same with the OCR engine named that "auto" means on this machine, now.

        Raises :class:`MissingExtra` or :class:`MmskinError` where docTR is asked for and is not all there.
        """
        from mmskin_hub.pdf.ocr import check_engine, resolve_engine

        check_engine(self.ocr)
        return replace(self, ocr=resolve_engine(self.ocr))

    def of_results(self) -> dict[str, Any]:
        """The options that change what a unit holds: the keyword arguments of ``pdf.read_pairs``."""
        return {"ocr": self.ocr, "min_size": self.min_size}


@dataclass(frozen=True, slots=True)
class Worked:
    """A work folder whose every unit is complete, and how long that took in this run.

    ``pages_now`` are the pages this run read itself: after a resume, fewer than the books have.
    """

    folder: WorkFolder
    plan: Plan
    surveyed: Surveyed
    pages_now: int
    seconds: float


def run_books(settings: Settings) -> Worked:
    """Survey the books and work off their pages, or what a former run left of them.

    Raises :class:`NothingUsable` where no book can be read, :class:`MmskinError` where the disk is full.
    """
    began = time.perf_counter()
    found = find_books(settings.books)
    tools = tool_versions()
    check_opencv()
    folder = WorkFolder(str((settings.work / work_key({**settings.of_results(), "tools": tools})).absolute()))
    with writing(f"The work folder {settings.work}", "--work"):
        folder.create()
        _survey(folder, list(found.paths), settings.workers)
        surveyed = collect(folder, found.paths, found.rejects)
        if not surveyed.books:
            raise NothingUsable(_why_nothing(surveyed), "Check the files; each line above says what is wrong with one.")
        plan = make_plan(surveyed.books, settings.of_results())
        write_plan(folder, plan)
        pages_now = _pages(folder, plan, settings.workers)
    return Worked(folder, plan, surveyed, pages_now, time.perf_counter() - began)


def _survey(folder: WorkFolder, paths: list[str], workers: int) -> None:
    from mmskin_hub.engine.steps import SurveyStep

    write_json(folder.path / "inputs.json", paths)
    targets = [folder.survey / f"{stamp(path)}.json" for path in paths]
    ranks = [rank for rank, target in enumerate(targets) if not target.exists()]
    if not ranks:
        return
    from mmskin_hub.engine.executor import LocalExecutor

    with stage("Surveying", len(paths), "books") as update:
        LocalExecutor(
            SurveyStep(folder.root),
            ranks,
            workers,
            folder.logs / "survey",
            tick=lambda: update(sum(target.exists() for target in targets)),
            on_crash=lambda rank: refuse_crashed(folder, paths[rank]),
        ).run()


def _pages(folder: WorkFolder, plan: Plan, workers: int) -> int:
    todo = [rank for rank, unit in enumerate(plan.units) if not folder.marker(unit.name).exists()]
    known = {unit.name: unit.pages for unit in plan.units}
    total = sum(known.values())
    pages_now = sum(plan.units[rank].pages for rank in todo)
    if not todo:
        return 0
    from mmskin_hub.engine.executor import LocalExecutor
    from mmskin_hub.engine.steps import PagesStep

    with stage("Reading", total, "pages") as update:
        LocalExecutor(
            PagesStep(folder.root),
            todo,
            workers,
            folder.logs / "pages",
            tick=lambda: update(pages_done(folder.progress, known)),
            on_crash=lambda rank: poison_page(folder, plan, rank),
        ).run()
    return pages_now


def poison_page(folder: WorkFolder, plan: Plan, rank: int) -> None:
    """After unit ``rank`` killed its worker: have its pages read one by one, then step around the one at fault."""
    unit = plan.units[rank]
    path = folder.poison(unit.name)
    if not path.exists():
        write_json(path, [])
        return
    bad: list[int] = read_json(path)
    page = unit.first + (folder.progress / unit.name).stat().st_size
    if page in bad or page > unit.last:
        raise RuntimeError(f"The worker of unit {unit.name} dies without a page to blame; see {folder.logs}.")
    write_json(path, sorted([*bad, page]))


def _why_nothing(surveyed: Surveyed) -> str:
    told = [(row.book_name, (row.detail or row.reason).removeprefix(f"{row.book_name}: ")) for row in surveyed.rejects]
    lines = [f"  {name}: {what}" for name, what in told[:20]]
    more = len(surveyed.rejects) - len(lines)
    return "\n".join(["None of the books can be read.", *lines, *([f"  … and {more} more"] if more > 0 else [])])


def options_record(settings: Settings, configs: Sequence[str]) -> dict[str, Any]:
    """The options as ``build.json`` keeps them: those that decide what is published, not where or how fast."""
    chosen = asdict(settings)
    kept = {name: chosen[name] for name in ("ocr", "min_size", "split_by", "duplicates")}
    return {"configs": list(configs), **kept, "library": mmskin_hub.__version__}
