"""Where the time of a build goes, stage by stage, with one worker.

    python -m benchmarks.profile_build BOOKS

The real command runs inside this one process (the pool is replaced by a loop), and the public function of each stage is
wrapped in a timer. A stage's time is its own: what a wrapped function called from it takes is taken off. The timers
cost about a microsecond a call, where a tracing profiler would double the time of the small functions and so move the
shares. "import and load" is what is paid once a process, not by the page; "other" what no timer covers.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.common import count_pages, find_pdfs, number, one_thread, parse, parser, report

#: stage, module, attribute: where the *caller* looks the function up, so that the wrapper is what it finds.
STAGES: tuple[tuple[str, str, str], ...] = (
    ("survey", "mmskin_hub.engine.survey", "survey_one"),
    ("read text, images, strokes", "mmskin_hub.pdf.extract", "read_page"),
    ("pictures", "mmskin_hub.pdf.extract", "find_furniture"),
    ("pictures", "mmskin_hub.pdf.extract", "find_pictures"),
    ("pictures", "mmskin_hub.pdf.extract", "clip_boxes"),
    ("captions", "mmskin_hub.pdf.extract", "body_style"),
    ("captions", "mmskin_hub.pdf.extract", "find_captions"),
    ("match", "mmskin_hub.pdf.extract", "learn_habit"),
    ("match", "mmskin_hub.pdf.extract", "match_page"),
    ("match", "mmskin_hub.pdf.extract", "match_numbers"),
    ("match", "mmskin_hub.pdf.extract", "match_neighbours"),
    ("match", "mmskin_hub.pdf.extract", "match_unlabelled"),
    ("panels and picture bytes", "mmskin_hub.pdf.extract", "make_pairs"),
    ("render", "mmskin_hub.pdf.figures", "render"),
    ("render", "mmskin_hub.pdf.scan_page", "render"),
    ("scans: photographs, lines", "mmskin_hub.pdf.scan_page", "read_scanned_page"),
    ("scans: OCR", "mmskin_hub.pdf.ocr", "RapidEngine.recognise"),
    ("scans: OCR", "mmskin_hub.pdf.ocr", "RapidEngine.read"),
    ("scans: OCR", "mmskin_hub.pdf.ocr", "DoctrEngine.recognise"),
    ("scans: OCR", "mmskin_hub.pdf.ocr", "DoctrEngine.read"),
    ("import and load", "mmskin_hub.pdf.scan_page", "_engine"),
    ("decode", "mmskin_hub.curate.pipeline", "_decode"),
    ("caption text", "mmskin_hub.curate.pipeline", "_caption"),
    ("import and load", "mmskin_hub.curate.modality", "ModalityModel.load"),
    ("modality", "mmskin_hub.curate.modality", "ModalityModel.predict"),
    ("annotations", "mmskin_hub.curate.annotations", "find_marks"),
    ("import and load", "mmskin_hub.curate.privacy", "FaceDetector.__init__"),
    ("faces", "mmskin_hub.curate.privacy", "FaceDetector.find"),
    ("demographics", "mmskin_hub.curate.demographics", "read_demographics"),
    ("perceptual hash", "mmskin_hub.curate.pipeline", "perceptual_hash"),
    ("write units", "mmskin_hub.engine.unit", "_CandidateFile.flush"),
    ("write units", "mmskin_hub.engine.unit", "write_rows"),
    ("write units", "mmskin_hub.engine.unit", "write_json"),
    ("duplicates", "mmskin_hub.curate.duplicates", "find_duplicates"),
    ("splits", "mmskin_hub.curate.splits", "assign_splits"),
    ("finish: counts, rejects", "mmskin_hub.builders.mm_skin", "finish"),
    ("finish: Parquet", "mmskin_hub.builders.mm_skin", "_write_config"),
    ("finish: contact sheet", "mmskin_hub.hub.contact_sheet", "write_contact_sheet"),
    ("finish: card", "mmskin_hub.hub.cards.books", "render_dataset_card"),
    ("finish: digests", "mmskin_hub.builders.mm_skin", "file_digests"),
)
ONCE = ("import and load", "other")


class Timers:
    """Own seconds and calls of each stage: a stack of who is running, the innermost is charged."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.calls: defaultdict[str, int] = defaultdict(int)
        self.missing: list[str] = []
        self._stack = ["other"]
        self._since = time.perf_counter()

    def _switch(self) -> None:
        now = time.perf_counter()
        self.seconds[self._stack[-1]] += now - self._since
        self._since = now

    @contextlib.contextmanager
    def stage(self, name: str) -> Any:
        """Charge what runs inside to ``name``."""
        self._switch()
        self._stack.append(name)
        self.calls[name] += 1
        try:
            yield
        finally:
            self._switch()
            self._stack.pop()

    def stop(self) -> None:
        """Charge what has run since the last switch."""
        self._switch()

    def wrap(self, name: str, module: str, attribute: str) -> None:
        """Put a timer around ``module.attribute`` ("Class.method" too); note it where there is no such thing."""
        try:
            owner: Any = importlib.import_module(module)
            *path, last = attribute.split(".")
            for part in path:
                owner = getattr(owner, part)
            found = vars(owner)[last]
        except (ImportError, AttributeError, KeyError):
            self.missing.append(f"{module}.{attribute}")
            return
        function = found.__func__ if isinstance(found, classmethod | staticmethod) else found

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return function(*args, **kwargs)

        setattr(owner, last, type(found)(timed) if isinstance(found, classmethod | staticmethod) else timed)


def run(books: list[Path], ocr: str, timers: Timers) -> dict[str, Any]:
    """Build ``books`` in this process; the record of the build."""
    with timers.stage("import and load"):
        importlib.import_module("mmskin_hub.engine.preload")
        import cv2

        from mmskin_hub.engine.executor import LocalExecutor
        from mmskin_hub.registry import DATASETS

        mm_skin = DATASETS["mm_skin"].load()

        cv2.setNumThreads(1)
        for stage in STAGES:
            timers.wrap(*stage)

    def here(executor: LocalExecutor) -> None:
        for rank in executor.ranks:
            executor._run_for_rank(rank, local_rank=1)

    LocalExecutor.run = here  # type: ignore[method-assign, assignment]
    with tempfile.TemporaryDirectory() as folder:
        request = mm_skin.Request(tuple(map(str, books)), Path(folder, "out"), ocr=ocr)
        with contextlib.redirect_stderr(io.StringIO()):
            record: dict[str, Any] = mm_skin.build(request)
    timers.stop()
    return record


def main() -> None:
    """Profile one build and print the table."""
    made = parser(__doc__)
    made.add_argument("books", nargs="+", type=Path, help="PDF files or folders of them")
    made.add_argument("--ocr", default="auto", help="passed on to the build (default: %(default)s)")
    args = parse(made)
    one_thread(cores=1)
    books = find_pdfs(args.books)
    timers = Timers()
    record = run(books, args.ocr, timers)
    pages, total = count_pages(books), sum(timers.seconds.values())
    table = sorted(timers.seconds.items(), key=lambda item: (item[0] in ONCE, -item[1]))
    stages = {
        name: {
            "seconds": number(seconds),
            "share": number(seconds / total),
            "ms_a_page": number(1000 * seconds / pages),
            "calls": timers.calls[name],
        }
        for name, seconds in table
    }
    counts = {name: record["counts"][name] for name in ("pages", "scanned_pages", "pictures", "pairs", "published")}
    figures = {"books": [b.name for b in books], **counts, "seconds": number(total), "stages": stages}
    if timers.missing:
        print(f"not found, so counted elsewhere: {', '.join(timers.missing)}", file=sys.stderr)
    rows = [
        (name, f"{found['seconds']:g}", f"{100 * found['share']:.1f} %", f"{found['ms_a_page']:g}", f"{found['calls']}")
        for name, found in stages.items()
    ]
    report(args, "profile_build", figures, [("stage", "seconds", "share", "ms a page", "calls"), ("---",) * 5, *rows])


if __name__ == "__main__":
    main()
