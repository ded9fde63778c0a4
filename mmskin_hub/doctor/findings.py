"""What the doctor has to say at the end."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Findings:
    """``problems`` are broken, ``notes`` worth knowing; each has ``what`` and ``remedy``."""

    problems: list[dict[str, str]] = field(default_factory=list)
    notes: list[dict[str, str]] = field(default_factory=list)

    def broken(self, what: str, remedy: str) -> None:
        """Something that is installed does not work; ``remedy`` is the next thing to try."""
        entry = {"what": what, "remedy": remedy}
        if entry not in self.problems:
            self.problems.append(entry)

    def note(self, what: str, remedy: str = "") -> None:
        """Something works, but not as it might be expected to."""
        self.notes.append({"what": what, "remedy": remedy})
