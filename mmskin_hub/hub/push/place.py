"""Where a release goes, as the rest of this folder speaks to it: :class:`Place`, met by :class:`~.client.Hub` and
:class:`~.shelf.Shelf`. What is planned, refused, committed, tagged and compared is the same code for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete


@dataclass(frozen=True, slots=True)
class State:
    """What the repository is now. ``head`` is the commit of ``main``, "" where there is none; ``tags`` name commits."""

    exists: bool
    private: bool = True
    head: str = ""
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A file of a commit: its git object id, its size in bytes, and its SHA-256 where it is stored as a large file."""

    oid: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Words:
    """What is told of a place: ``where`` it is, what it is called to send something there and to fetch it, and what to
    do where what it gives is ``spoiled``."""

    where: str
    sending: str
    fetching: str
    spoiled: str


class Place(Protocol):
    """One repository ``repo`` (OWNER/NAME) of ``kind`` "dataset" or "model"; ``tell`` is told what is under way.

    Every method raises :class:`MmskinError` where the place does not do what it was asked.
    """

    repo: str
    kind: str
    words: Words
    tell: Callable[[str], None]

    def url_of(self, revision: str) -> str:
        """Where a person finds ``revision``: an address, or a path."""

    def state(self) -> State:
        """What there is: visibility, head and tags."""

    def tree(self, revision: str) -> dict[str, Held]:
        """Every file of the commit ``revision`` by its path; none where it is ""."""

    def commits(self) -> list[tuple[str, str]]:
        """Id and title of every commit of ``main``, the newest first."""

    def commit_of(self, revision: str) -> str:
        """The commit that ``revision`` (a tag, a branch, a commit) stands for, 40 hex digits."""

    def read(self, path: str, revision: str) -> bytes | None:
        """The bytes of a small file of ``revision``; ``None`` where it has no such file."""

    def download(self, path: str, revision: str, folder: Path) -> Path:
        """One file as anybody else gets it, put into ``folder`` where need be; returns where it lies.

        Raises :class:`NotThere` where there is none.
        """

    def create(self, private: bool) -> None:
        """Make the repository where there is none; one that exists stays as it is."""

    def upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Bring content there that no commit names yet; what is there is not sent again."""

    def commit(
        self, operations: Sequence[CommitOperationAdd | CommitOperationDelete], title: str, text: str, parent: str
    ) -> str:
        """Make one commit on ``main`` if its head is ``parent``; returns its id.

        Raises :class:`Stale` where the head is another one, :class:`Unsure` where no answer arrived.
        """

    def tag(self, name: str, commit: str) -> None:
        """Put the tag ``name`` on ``commit`` if there is none of that name; the caller reads where it stands."""
