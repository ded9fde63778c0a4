"""A page becomes figures with captions; the only importer of PyMuPDF, docTR and RapidOCR.

Two calls are all the rest of the house needs: :func:`survey_book` once a book, :func:`read_pairs` once a page range.
Importing this package loads none of the three.

A page range is read on its own: whoever reads pages 33 to 64 of a book needs nothing from whoever reads 1 to 32, only,
where a picture or a caption at the border is left over, a look at the page beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mmskin_hub.pdf.layout import Pair, Reject


@dataclass(frozen=True, slots=True)
class BookSurvey:
    """What is known of a book before its pages are read.

    ``fingerprint`` is the SHA-256 of the file (64 hex digits), ``size`` its bytes, ``pages`` their number;
    ``profile`` holds what the PDF says of itself (producer, creator, title) and ``scanned``, about which share (0 to 1)
    of its pages are scans, as plain JSON values.
    """

    name: str
    path: str
    fingerprint: str
    size: int
    pages: int
    profile: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageResult:
    """One page, read: its pairs, and a reject for every picture and caption that found no partner.

    ``page`` is 1-based; ``pictures`` counts what was seen as a picture, rejected or not, before panels were cut out;
    ``seconds`` is the wall time spent on it.
    """

    page: int
    pictures: int
    pairs: tuple[Pair, ...] = ()
    rejects: tuple[Reject, ...] = ()
    scanned: bool = False
    seconds: float = 0.0


def survey_book(path: str) -> BookSurvey:
    """Open ``path`` once: fingerprint and page count.

    Raises :class:`mmskin_hub.errors.UnreadableBook` with its reason, :class:`mmskin_hub.errors.MissingExtra` where
    PyMuPDF is not installed.
    """
    from mmskin_hub.pdf.extract import survey_book as survey

    return survey(path)


def read_pairs(
    survey: BookSurvey, first: int, last: int, *, ocr: str = "auto", min_size: int = 64
) -> Iterator[PageResult]:
    """Read pages ``first`` to ``last`` (1-based, inclusive), in order, one result a page.

    ``ocr`` is "auto", "rapidocr", "doctr" or "none"; ``min_size`` the least number of pixels on a picture's shorter
    side. A page the parser cannot read is a result with a reject, never an exception.
    """
    from mmskin_hub.pdf.extract import read_pairs as read

    return read(survey, first, last, ocr=ocr, min_size=min_size)
