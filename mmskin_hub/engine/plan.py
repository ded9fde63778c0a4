"""The plan of the page step: which page ranges there are, and in which order they are worked off.

The unit of work is :data:`PAGES_A_UNIT` pages of one book, fixed, so that no result depends on how many workers share
the work, and one huge book spreads over all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.work import WorkFolder, read_json, write_json

if TYPE_CHECKING:
    from mmskin_hub.pdf import BookSurvey

PAGES_A_UNIT = 16
PAGES_A_SCANNED_UNIT = 4
"""The same for a book of scans, where OCR makes a page take ten times as long."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Pages ``first`` to ``last`` (1-based, inclusive) of the book with this fingerprint."""

    book: str
    first: int
    last: int

    @property
    def name(self) -> str:
        """The stem of the unit's files."""
        return f"{self.book[:16]}-{self.first:05d}"

    @property
    def pages(self) -> int:
        """How many pages the unit has."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the page step needs, in rank order. ``settings`` are the options that change a result."""

    books: dict[str, BookSurvey]
    units: tuple[Unit, ...]
    settings: dict[str, Any]

    def in_book_order(self) -> list[Unit]:
        """The units by fingerprint and page: the order in which results leave, whatever the order of work."""
        return sorted(self.units, key=lambda unit: (unit.book, unit.first))


def make_plan(books: Sequence[BookSurvey], settings: dict[str, Any]) -> Plan:
    """Cut ``books`` into units; those that take longest come first, so that no worker is left alone at the end."""
    units = [unit for book in books for unit in _cut(book)]
    by_print = {book.fingerprint: book for book in books}
    units.sort(key=lambda unit: (-_weight(by_print[unit.book], unit), unit.book, unit.first))
    return Plan(by_print, tuple(units), settings)


def _cut(book: BookSurvey) -> Iterator[Unit]:
    size = PAGES_A_SCANNED_UNIT if _scanned(book) > 0.5 else PAGES_A_UNIT
    for first in range(1, book.pages + 1, size):
        yield Unit(book.fingerprint, first, min(first + size - 1, book.pages))


def _scanned(book: BookSurvey) -> float:
    """The share of scanned pages, 0 to 1, where the survey tells it."""
    return float(book.profile.get("scanned") or 0.0)


def _weight(book: BookSurvey, unit: Unit) -> float:
    # The bytes of a page stand for its pictures.
    return unit.pages * (1.0 + 10.0 * _scanned(book) + book.size / max(1, book.pages) / 1e6)


def write_plan(folder: WorkFolder, plan: Plan) -> None:
    """Leave the plan where the page step finds it."""
    write_json(
        folder.plan,
        {
            "settings": plan.settings,
            "books": [asdict(book) for book in plan.books.values()],
            "units": [[unit.book, unit.first, unit.last] for unit in plan.units],
        },
    )


def read_plan(folder: WorkFolder) -> Plan:
    """The plan :func:`write_plan` wrote."""
    from mmskin_hub.pdf import BookSurvey

    record = read_json(folder.plan)
    books = [BookSurvey(**fields) for fields in record["books"]]
    return Plan(
        {book.fingerprint: book for book in books},
        tuple(Unit(book, first, last) for book, first, last in record["units"]),
        record["settings"],
    )
