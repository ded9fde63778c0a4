"""What a check says: passed, failed, or that it does not apply, with what was found, wanted, and the next command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Thresholds = Mapping[str, Any]
"""What ``recipes/gates.yaml`` holds, by name."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One row of the gate's table. ``passed`` is ``None`` where the check does not apply; ``found`` then says why.

    ``remedy`` is the next command, empty where nothing is to be done.
    """

    check: str
    passed: bool | None
    found: str
    wanted: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """The verdict as plain values, for ``release.json`` and the card."""
        return {"check": self.check, "passed": self.passed, "found": self.found, "wanted": self.wanted,
                "remedy": self.remedy}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """The name of a check, and what it wants: gives its verdicts."""

    check: str
    wanted: str

    def good(self, found: str) -> Verdict:
        """The check passed."""
        return Verdict(self.check, True, found, self.wanted)

    def bad(self, found: str, remedy: str) -> Verdict:
        """The check failed."""
        return Verdict(self.check, False, found, self.wanted, remedy)

    def unfit(self, why: str) -> Verdict:
        """The check does not apply."""
        return Verdict(self.check, None, why, self.wanted)
