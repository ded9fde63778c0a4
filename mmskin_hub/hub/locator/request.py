"""What ``mmskin rematerialize`` was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What ``mmskin rematerialize`` was asked for.

    ``place`` is a folder or ``owner/name@revision``. ``books``, ``raw``, ``data`` and ``against`` as ``mmskin build``
    has them; ``mixture`` is the file of weights where it was not the shipped one; ``cache`` the folder of the answers
    of an endpoint, ``vqa_model`` its model where the locator withholds the name. ``work`` keeps what was read.
    """

    place: str
    out: Path
    books: tuple[str, ...] = ()
    raw: Path | None = None
    data: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    mixture: Path | None = None
    cache: Path | None = None
    vqa_model: str = ""
    workers: int = 1
    work: Path | None = None
    overwrite: bool = False
