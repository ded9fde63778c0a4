"""The numbers of a caption: lengths of lesions, and magnifications."""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = r"\d{1,3}(?:[.,]\d+)?"
_MAGNIFICATION = re.compile(
    r"(?<![\w.])(?:[x×]\s?(\d{1,3}(?:,\d{3})+|\d{1,6}(?:\.\d+)?)|(\d{1,3}(?:,\d{3})+|\d{1,6}(?:\.\d+)?)\s?[x×](?!\s?\d))"
    r"(?![\w/]|\s?[-–]?\d|\s?(?:[cm]m|daily|weekly|per|a)\b)",
    re.IGNORECASE,
)
_SIZE = re.compile(
    rf"(?<![\w.,–-]){_NUMBER}(?:(?:\s?[-–×x]\s?|-?\s*(?:to|by)\s+){_NUMBER}){{0,2}}[\s-]?"
    r"(mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?)\b"
)
_ANOTHER = re.compile(
    r"\b(?:than|least|most|up to|under|over|bar|breslow|clark|thickness|depth|margins?|punch|biopsy|level)\W*"
    r"(?:of\W*|depth\W*|thickness\W*)?$",
    re.IGNORECASE,
)
"""Before a length: it is a limit, or not the size of the lesion."""
_ANOTHER_AFTER = re.compile(
    r"\W*(?:thick|deep|in depth|in thickness|margins?|punch|from|above|below|apart)\b", re.IGNORECASE
)


class Measure(NamedTuple):
    """A length as printed ("12 mm", "2 to 6 mm", "12 × 8 cm"), and the least and the most it says, in millimetres."""

    text: str
    least: float
    most: float


def sizes_in(caption: str) -> tuple[Measure, ...]:
    """The lengths that may be of the lesion; not limits ("larger than 2 cm"), depths, margins, or zero."""
    if not any(unit in caption for unit in ("mm", "cm", "imet")):
        return ()
    found = (_measure(match) for match in _SIZE.finditer(caption) if _is_of_the_lesion(caption, match))
    return tuple(measure for measure in found if measure.least > 0)


def _is_of_the_lesion(caption: str, match: re.Match[str]) -> bool:
    return not _ANOTHER.search(caption, 0, match.start()) and not _ANOTHER_AFTER.match(caption, match.end())


def _measure(match: re.Match[str]) -> Measure:
    numbers = [float(part.replace(",", ".")) for part in re.findall(_NUMBER, match[0])]
    scale = 10.0 if match[1].startswith("c") else 1.0
    return Measure(match[0], min(numbers) * scale, max(numbers) * scale)


def magnifications_in(caption: str) -> tuple[str, ...]:
    """The magnifications as numbers ("40"), each once: "×40", "x 40" and "40×" are the same."""
    found = (match[1] or match[2] for match in _MAGNIFICATION.finditer(caption))
    return tuple(dict.fromkeys(found))
