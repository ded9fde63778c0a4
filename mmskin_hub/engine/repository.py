"""Datasets of the Hub as folders: ``owner/name@revision`` becomes a folder of the Hub's own cache."""

from __future__ import annotations

import re
from pathlib import Path

from mmskin_hub.errors import MmskinError

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


def fetched(repo: str, revision: str | None, wanted_as: str) -> Path:
    """The folder that holds the dataset ``repo``; its name is the commit. ``wanted_as`` is the user's own argument.

    Raises :class:`MmskinError` where the Hub does not give it.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=list(PATTERNS)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise MmskinError(
            f"{wanted_as}: there is no such folder here, and the Hub did not give a dataset of that name "
            f"({type(error).__name__}: {reason}).",
            "Check the name, your connection, and for a gated dataset: hf auth login",
        ) from error
