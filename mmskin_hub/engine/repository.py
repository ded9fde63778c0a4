"""Datasets of the Hub as folders: ``owner/name@revision`` becomes a folder of the Hub's own cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mmskin_hub.errors import MmskinError, WrongUse, describe

PATTERNS = ("build.json", "README.md", "*.parquet")
"""The files that are fetched: what rows are read from, and what says how they came to be."""
_PREFIX = "hf://datasets/"

_FORM = re.compile(r"(?P<repo>\w[\w.-]*/[\w.-]+?)(?:@(?P<revision>[\w./-]+))?")


def repository_of(place: str) -> tuple[str, str | None] | None:
    """Repository and revision that ``place`` names; ``None`` where it is no name of one, or a path is meant.

    "data/ham10000" has the form of a repository's name too: where there is a folder "data", a folder was meant.
    """
    match, path = _FORM.fullmatch(place.removeprefix(_PREFIX)), Path(place).expanduser()
    if match is None or path.exists() or path.parent.is_dir():
        return None
    return match["repo"], match["revision"]


def fetched(repo: str, revision: str | None, wanted_as: str, patterns: Sequence[str] = PATTERNS) -> Path:
    """The folder of the Hub's cache that holds the dataset ``repo``; its name is the commit.

    Whole files that fit ``patterns`` are downloaded, so that the next one who asks finds them, also offline.
    ``wanted_as`` is the user's own argument. Raises :class:`WrongUse` where there is no such repository or revision,
    :class:`MmskinError` where the Hub does not give it.
    """
    from huggingface_hub import errors, snapshot_download

    try:
        return Path(snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=list(patterns)))
    except errors.RevisionNotFoundError:
        what = f"{wanted_as}: the repository has no revision {revision!r}."
        raise WrongUse(what, "Name a commit or a tag.") from None
    except errors.RepositoryNotFoundError:
        raise WrongUse(
            f"{wanted_as}: there is no such folder, nor a repository on the Hub that you may read.",
            "Mend the name, or log in: hf auth login",
        ) from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError, ValueError) as error:
        raise MmskinError(
            f"{wanted_as} is no folder here, and cannot be downloaded: {describe(error)}",
            "Check the name and your connection, or name a local build.",
        ) from error
