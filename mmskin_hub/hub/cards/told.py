"""What a release adds to the record of what it releases: where it goes, what the gate said, who vouches for the rights.

Rendered without a release (``mmskin build``, ``mmskin card``) all of it is empty, and the card says nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """``repo`` ("owner/name") and ``version`` (X.Y.Z) say how to load it; ``forced_reason`` why the gate was overruled,
    and ``failed`` which checks of it, as (check, found, wanted); ``rights_statement`` is what the release says
    of the rights (:func:`mmskin_hub.hub.rights.statement`)."""

    repo: str = ""
    version: str = ""
    forced_reason: str = ""
    failed: tuple[tuple[str, str, str], ...] = ()
    rights_statement: str = ""

    @property
    def tag(self) -> str:
        """The tag of the release, "" where the version is not known."""
        return f"v{self.version}" if self.version else ""


NOBODY = Told()
"""Nothing is released."""


def told(
    repo: str, version: str, verdicts: Sequence[Any], forced_reason: str | None, rights_statement: str | None
) -> Told:
    """What a release tells; ``verdicts`` are those of the gate (``check``, ``passed``, ``found``, ``wanted``)."""
    failed = tuple((str(v.check), str(v.found), str(v.wanted)) for v in verdicts if v.passed is False)
    return Told(repo, version, forced_reason or "", failed, rights_statement or "")
