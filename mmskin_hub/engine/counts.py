"""The books are kept: every picture seen is published or rejected, and the sums say so.

Two equations, checked before anything is published::

    pictures + panel_extra = pairs + rejected pictures      (pdf/: what was seen on the pages)
    pairs                  = published + rejected pairs     (curate/: what became of the pairs)

``panel_extra`` is the number of pairs that exist because one picture was cut into lettered panels; it cannot be
negative, and cannot exceed the number of pairs that carry a panel letter. Rejected books, pages, and captions without
a picture have reject rows too, but no picture stands behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmskin_hub.schema import BOOK_REASONS, CAPTION_REASONS, PAGE_REASONS


class ImbalanceError(AssertionError):
    """Something vanished between two steps: a defect of the library, never of a book."""


@dataclass
class Counts:
    """Sums over all units. ``page_rejects`` come from reading pages, ``pair_rejects`` from judging pairs."""

    pages: int = 0
    scanned_pages: int = 0
    pictures: int = 0
    pairs: int = 0
    panels: int = 0
    candidates: int = 0
    page_rejects: Counter[str] = field(default_factory=Counter)
    pair_rejects: Counter[str] = field(default_factory=Counter)

    def add(self, tally: Mapping[str, Any]) -> None:
        """Add what one unit's marker says."""
        for name in ("pages", "scanned_pages", "pictures", "pairs", "panels", "candidates"):
            setattr(self, name, getattr(self, name) + tally[name])
        self.page_rejects.update(tally["page_rejects"])
        self.pair_rejects.update(tally["pair_rejects"])

    @property
    def rejected_pictures(self) -> int:
        """Pictures that never became a pair."""
        without_picture = {**BOOK_REASONS, **PAGE_REASONS, **CAPTION_REASONS}
        return sum(n for reason, n in self.page_rejects.items() if reason not in without_picture)

    @property
    def panel_extra(self) -> int:
        """Pairs beyond one a picture."""
        return self.pairs + self.rejected_pictures - self.pictures

    def check(self, published: int, expected_pages: int) -> None:
        """Raise :class:`ImbalanceError` unless both equations hold and every page was read exactly once."""
        if self.pages != expected_pages:
            raise ImbalanceError(f"{self.pages} pages were read, the books have {expected_pages}.")
        if not 0 <= self.panel_extra <= self.panels:
            raise ImbalanceError(
                f"{self.pictures} pictures were seen, but {self.pairs} pairs ({self.panels} of them panels) and "
                f"{self.rejected_pictures} rejected pictures came of them."
            )
        rejected = self.pair_rejects.total()
        if self.pairs != published + rejected:
            raise ImbalanceError(f"{self.pairs} pairs went in; {published} published and {rejected} rejected came out.")


def sorted_counts(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, the most frequent first, then by name."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))
