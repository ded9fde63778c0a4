"""Versions and tags: which there are, which one comes next, and which came before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from mmskin_hub.engine.publish import check_version
from mmskin_hub.hub.push.manifest import NAME, decoded
from mmskin_hub.hub.push.place import Place, State
from mmskin_hub.hub.reading import parsed
from mmskin_hub.hub.subject import Subject

RESULTS = "results.json"
_TAG = re.compile(r"v(\d+)\.(\d+)\.(\d+)")


def version_of(tag: str) -> tuple[int, int, int] | None:
    """The numbers of a tag ``vX.Y.Z``; ``None`` for any other tag."""
    found = _TAG.fullmatch(tag)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def newest_first(tags: Iterable[str]) -> list[str]:
    """Those of ``tags`` that are of the form vX.Y.Z, by their version."""
    return sorted((tag for tag in tags if version_of(tag)), key=lambda tag: version_of(tag) or (), reverse=True)


def title_of(tag: str) -> str:
    """The title of the commit that releases ``tag``, by which an untagged one is found again."""
    return f"Release {tag}"


def with_version(subject: Subject, hub: Place, state: State, content: Mapping[str, str]) -> Subject:
    """``subject`` with the version that its user left open.

    That is the newest one of the repository where it holds this ``content`` (SHA-256 by path) already, so that a
    command given twice releases once, and the next minor one otherwise: 0.1.0 first.
    """
    if subject.version:
        return replace(subject, version=check_version(subject.version))
    tags = dict(state.tags or {})
    if state.head:
        # A push that died left its commit without a tag; its version is taken all the same.
        for commit, title in reversed(hub.commits()):
            tag = title.removeprefix(title_of(""))
            if title == title_of(tag) and version_of(tag):
                tags.setdefault(tag, commit)
    newest = next(iter(newest_first(tags)), None)
    if newest is None:
        return replace(subject, version="0.1.0")
    held = decoded(hub.read(NAME, tags[newest]))
    if held is not None and held.content() == content and held.form == subject.form:
        return replace(subject, version=newest.removeprefix("v"))
    major, minor, _ = version_of(newest) or (0, 0, 0)
    return replace(subject, version=f"{major}.{minor + 1}.0")


def with_previous(subject: Subject, hub: Place, tags: Mapping[str, str]) -> Subject:
    """``subject`` with the version released before it, and of a model its results."""
    own = version_of(f"v{subject.version}") or (0, 0, 0)
    before = [tag for tag in newest_first(tags) if (version_of(tag) or own) < own]
    if not before:
        return subject
    tag = before[0]
    results = parsed(hub.read(RESULTS, tags[tag])) if subject.kind == "model" else None
    return replace(subject, previous_version=tag.removeprefix("v"), previous_results=results)
