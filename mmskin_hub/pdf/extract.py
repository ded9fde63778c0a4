"""The way through ``pdf/``: a page range of a book becomes pairs.

::

    read_page ─▶ RawPage ─┬─ born digital ─▶ find_pictures ─┐
                          └─ a raster ─▶ scans.read_scan ───┤
                                                            ▼
      find_captions ─▶ match_page ─▶ match_numbers ─▶ match_neighbours ─▶ match_unlabelled ─▶ figures.make_pairs

The body type, the side captions stand on and the furniture are learned from the range itself, so that a range gives
the same pairs whoever reads it, and whenever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import describe, name_of
from mmskin_hub.pdf import BookSurvey, PageResult
from mmskin_hub.pdf.captions import TypeStyle, body_style, find_captions
from mmskin_hub.pdf.figures import make_pairs
from mmskin_hub.pdf.layout import Box, Pair, Reject
from mmskin_hub.pdf.match import (
    Habit,
    PageMatch,
    learn_habit,
    match_neighbours,
    match_numbers,
    match_page,
    match_unlabelled,
)
from mmskin_hub.pdf.pictures import Digest, find_furniture, find_pictures
from mmskin_hub.pdf.reader import RawPage, fingerprint, open_book, read_page, share_of_scans

if TYPE_CHECKING:
    import pymupdf


def survey_book(path: str) -> BookSurvey:
    """See :func:`mmskin_hub.pdf.survey_book`."""
    with open_book(path) as book:
        pages = len(book)  # as promised; looking closer may make MuPDF correct it
        profile: dict[str, Any] = {k: v for k, v in (book.metadata or {}).items() if v and k != "encryption"}
        profile["scanned"] = share_of_scans(book)
        return BookSurvey(name_of(path), str(path), fingerprint(path), Path(path).stat().st_size, pages, profile)


def read_pairs(survey: BookSurvey, first: int, last: int, *, ocr: str, min_size: int) -> Iterator[PageResult]:
    """See :func:`mmskin_hub.pdf.read_pairs`."""
    with open_book(survey.path) as book:
        # Not clipped at the end of the file: a page that is promised and not there is a reject like any other.
        section = Section(book, first, min(last, survey.pages), ocr, min_size)
        yield from section.results()


class Section:
    """A page range while it is being read and solved."""

    def __init__(self, book: pymupdf.Document, first: int, last: int, ocr: str, min_size: int) -> None:
        self.book, self.first, self.last, self.ocr, self.min_size = book, first, last, ocr, min_size
        self.rejects: dict[int, list[Reject]] = {n: [] for n in range(first, last + 1)}
        self.seen: dict[int, int] = {}
        self.scanned: set[int] = set()
        self.seconds: dict[int, float] = {}

    def results(self) -> Iterator[PageResult]:
        """One result a page, in order."""
        raws = [raw for n in range(self.first, self.last + 1) if (raw := self._read(n)) is not None]
        furniture = find_furniture(raw.page for raw in raws)
        begun = [self._pictures(raw, furniture) for raw in raws]
        style = body_style(page.page for page in begun)
        for page in begun:
            page.captions = find_captions(page.page, style)
        habit = learn_habit(begun)
        for page in begun:
            match_page(page, habit)
        window = self._with_borders(begun, furniture, style, habit)
        self._match_rest(window, habit, style)
        used = {(m.caption.page, m.caption.box) for page in window for m in page.matches}
        by_number = {page.page.number: page for page in begun}
        for number in range(self.first, self.last + 1):
            yield self._result(number, by_number.get(number), used)

    def _read(self, number: int) -> RawPage | None:
        start = time.perf_counter()
        try:
            raw = read_page(self.book, number)
        except (MemoryError, KeyboardInterrupt, OSError):
            raise
        except Exception as error:  # whatever MuPDF raises: the page is lost, the book goes on
            self._reject(number, Reject("reader", "page_failed", number, detail=describe(error)))
            return None
        finally:
            self._clock(number, start)
        for reject in raw.rejects:
            self._reject(number, reject)
        return raw

    def _pictures(self, raw: RawPage, furniture: frozenset[Digest]) -> PageMatch:
        number = raw.page.number
        start = time.perf_counter()
        if raw.is_scan:
            from mmskin_hub.pdf.scan_page import read_scanned_page

            self.scanned.add(number)
            page, pictures, rejects = read_scanned_page(self.book, raw, self.ocr, self.min_size)
        else:
            page = raw.page
            pictures, rejects = find_pictures(page, furniture, self.min_size)
        for reject in rejects:
            self._reject(number, reject)
        self.seen[number] = len(pictures) + sum(
            r.page == number for r in (*rejects, *raw.rejects) if r.reason in PICTURE
        )
        self._clock(number, start)
        return PageMatch(page, pictures, [])

    def _with_borders(
        self, pages: list[PageMatch], furniture: frozenset[Digest], style: TypeStyle, habit: Habit
    ) -> list[PageMatch]:
        """The pages, with the one before and the one after where something at the border found no partner."""
        window = list(pages)
        used = {(m.caption.page, m.caption.box) for page in pages for m in page.matches}
        for edge, beyond in ((0, self.first - 1), (-1, self.last + 1)):
            if not pages or not 1 <= beyond <= len(self.book):
                continue
            page = pages[edge]
            if not any(p.kind != "vector" for p in page.free_pictures) and not page.free_captions(used):
                continue
            if (raw := self._read(beyond)) is None:
                continue
            other = self._pictures(raw, furniture)
            other.captions = find_captions(other.page, style)
            match_page(other, habit)
            window.insert(0 if edge == 0 else len(window), other)
        return window

    def _match_rest(self, window: Sequence[PageMatch], habit: Habit, style: TypeStyle) -> None:
        for n, page in enumerate(window):
            around = (*window[max(0, n - 1) : n], *window[n + 1 : n + 2])
            match_numbers(page, [p for p in around if abs(p.page.number - page.page.number) == 1])
        match_neighbours(window)
        for page in window:
            match_unlabelled(page, habit, style)

    def _result(self, number: int, page: PageMatch | None, used: set[tuple[int, Box]]) -> PageResult:
        start = time.perf_counter()
        rejects = list(self.rejects[number])
        pairs: list[Pair] = []
        if page is not None:
            pairs, refused = make_pairs(self.book, page)
            rejects += refused
            rejects += [
                Reject("match", "no_caption", number, p.box, detail=f"a {p.kind} picture") for p in page.free_pictures
            ]
            rejects += [
                Reject("match", "no_picture", number, c.box, c.certainty, c.label, c.text)
                for c in page.free_captions(used)
            ]
        self._clock(number, start)
        return PageResult(
            number, self.seen.get(number, 0), tuple(pairs), tuple(rejects), number in self.scanned,
            round(self.seconds.get(number, 0.0), 4),
        )  # fmt: skip

    def _reject(self, number: int, reject: Reject) -> None:
        if number in self.rejects:
            self.rejects[number].append(reject)

    def _clock(self, number: int, start: float) -> None:
        self.seconds[number] = self.seconds.get(number, 0.0) + time.perf_counter() - start


#: Reject reasons behind which a picture stands.
PICTURE = frozenset({"too_small", "too_large", "undecodable", "furniture"})
