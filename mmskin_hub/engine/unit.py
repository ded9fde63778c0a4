"""One unit of work: a page range of one book is read, curated, and written down whole.

Nothing in a book ends the run: a page or a pair that cannot be borne becomes a reject row and the rest goes on. Only
what is about the machine (:func:`mmskin_hub.engine.limits.is_fatal`) is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.counts import Counts
from mmskin_hub.engine.limits import is_fatal
from mmskin_hub.engine.plan import Unit
from mmskin_hub.engine.work import WorkFolder, atomic, read_json, write_json, write_rows
from mmskin_hub.errors import describe
from mmskin_hub.schema import Candidate, Rejected, candidate_schema, reject_schema

if TYPE_CHECKING:
    from mmskin_hub.curate.pipeline import Curator
    from mmskin_hub.pdf import BookSurvey, PageResult
    from mmskin_hub.pdf.layout import Pair, Reject

ROWS_A_GROUP = 8
"""Candidates held in memory, and in one row group, at a time: pictures are large."""


@dataclass
class _Tally(Counts):
    """What one unit counted, as its marker keeps it to be added up, and the seconds its pages took."""

    seconds: float = 0.0


@lru_cache(maxsize=1)
def _curator() -> Curator:
    from mmskin_hub.curate.pipeline import Curator

    return Curator()


def run_unit(folder: WorkFolder, unit: Unit, book: BookSurvey, settings: Mapping[str, Any]) -> None:
    """Write the candidates, the reject rows and, last, the marker of ``unit``; at once where they are all there."""
    if folder.marker(unit.name).exists():
        return
    poison = read_json(folder.poison(unit.name)) if folder.poison(unit.name).exists() else None
    progress = folder.progress / unit.name
    progress.write_bytes(b"")
    tally, rejects = _Tally(), []
    with _candidate_file(folder.candidates(unit.name)) as candidates:
        for page in _pages(book, unit, settings, poison):
            tally.pages += 1
            tally.scanned_pages += page.scanned
            tally.pictures += page.pictures
            tally.seconds += page.seconds
            tally.page_rejects.update(reject.reason for reject in page.rejects)
            rejects += [_row(book, reject) for reject in page.rejects]
            for pair in page.pairs:
                tally.pairs += 1
                tally.panels += bool(pair.panel)
                outcome = _curate(pair, book)
                if isinstance(outcome, Candidate):
                    candidates.add(outcome)
                else:
                    tally.pair_rejects[outcome.reason] += 1
                    rejects.append(_row(book, outcome, pair))
            _tick(progress)
        tally.candidates = candidates.count
    write_rows(folder.rejects(unit.name), [row.row() for row in rejects], reject_schema())
    write_json(folder.marker(unit.name), vars(tally))


def _pages(
    book: BookSurvey, unit: Unit, settings: Mapping[str, Any], poison: Sequence[int] | None
) -> Iterator[PageResult]:
    """Every page of the unit exactly once and in order, whatever the parser does.

    Pages are read together, as captions and their style show across pages. Only where that fails, or has killed a
    worker before (``poison`` is then the list, perhaps empty, of pages to step around), one by one.
    """
    from mmskin_hub.pdf import read_pairs

    page = unit.first
    if poison is None:
        try:
            for result in read_pairs(book, unit.first, unit.last, **settings):
                yield result
                page = result.page + 1
        except Exception as error:  # the page at fault is found below
            if is_fatal(error):
                raise
    for number in range(page, unit.last + 1):
        if number in (poison or ()):
            yield _failed(number, "The PDF parser crashed on this page.")
            continue
        try:
            (result,) = read_pairs(book, number, number, **settings)
        except Exception as error:
            if is_fatal(error):
                raise
            result = _failed(number, describe(error))
        yield result


def _failed(page: int, detail: str) -> PageResult:
    from mmskin_hub.pdf import PageResult
    from mmskin_hub.pdf.layout import Reject

    reject = Reject("reader", "page_failed", page=page, detail=detail)
    return PageResult(page=page, pictures=0, pairs=(), rejects=(reject,), scanned=False, seconds=0.0)


def _curate(pair: Pair, book: BookSurvey) -> Candidate | Reject:
    from mmskin_hub.pdf.layout import Reject

    try:
        return _curator().curate(pair, book)
    except Exception as error:
        if is_fatal(error):
            raise
        detail = describe(error)
        return Reject("curate", "check_failed", pair.page, pair.box, pair.score, detail, pair.raw_caption)


def _row(book: BookSurvey, reject: Reject, pair: Pair | None = None) -> Rejected:
    return Rejected(
        book=book.fingerprint,
        book_name=book.name,
        stage=reject.stage,
        reason=reject.reason,
        page=reject.page,
        bbox=(reject.box.x0, reject.box.y0, reject.box.x1, reject.box.y1),
        score=reject.score,
        detail=reject.detail.replace(book.path, book.name),
        figure=pair.figure if pair else "",
        panel=pair.panel if pair else "",
        caption=reject.caption or (pair.raw_caption if pair else ""),
    )


def _tick(progress: Path) -> None:
    with progress.open("ab") as file:
        file.write(b".")


@dataclass
class _CandidateFile:
    """Candidates on their way into a Parquet file, :data:`ROWS_A_GROUP` of them in memory at a time."""

    writer: Any
    count: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, candidate: Candidate) -> None:
        """Append one row."""
        self.count += 1
        self.rows.append(candidate.row())
        if len(self.rows) >= ROWS_A_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        import pyarrow as pa

        if self.rows:
            self.writer.write_table(pa.Table.from_pylist(self.rows, schema=candidate_schema()))
            self.rows = []


@contextmanager
def _candidate_file(path: Path) -> Iterator[_CandidateFile]:
    import pyarrow.parquet as pq

    # The pictures are compressed already; only the words would gain from another pass, and there are few of them.
    with atomic(path) as temporary, pq.ParquetWriter(temporary, candidate_schema(), compression="none") as writer:
        file = _CandidateFile(writer)
        yield file
        file.flush()
