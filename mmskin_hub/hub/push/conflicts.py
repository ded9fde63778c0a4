"""What is ours on ``main``, and where a commit would undo or take in what somebody else did.

Ours is what ``release.json`` lists. Somebody changed it where its git object is another than in the commit of the last
release; the ids of the Hub's listings are compared, so nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from mmskin_hub.errors import WrongUse, some
from mmskin_hub.hub.push import manifest as release_json
from mmskin_hub.hub.push.manifest import Manifest, decoded
from mmskin_hub.hub.push.place import Held, Place, State
from mmskin_hub.hub.push.plan import File
from mmskin_hub.hub.push.versions import newest_first, title_of

_READ = {"dataset": (".parquet",), "model": (".safetensors", ".bin")}
"""What load_dataset and from_pretrained take by a pattern of names."""


def before_it(
    hub: Place, state: State, tree: Mapping[str, Held], manifest: Manifest
) -> tuple[set[str], Mapping[str, Held]]:
    """The paths of the release that ``main`` holds, and the files of its commit as they were then.

    Raises :class:`WrongUse` where that is a release of another dataset than ``manifest``, which would take its place.
    """
    tags = state.tags or {}
    known = decoded(hub.read(release_json.NAME, state.head)) if release_json.NAME in tree else None
    commit = ""
    if known is not None:
        commit = tags.get(known.tag) or next((c for c, t in hub.commits() if t == title_of(known.tag)), "")
    else:
        # Somebody removed or spoiled it: the newest tag that has one tells what was ours.
        for tag in newest_first(tags):
            known = decoded(hub.read(release_json.NAME, tags[tag]))
            if known is not None:
                commit = tags[tag]
                break
    if known is not None and known.kind == manifest.kind == "dataset" and known.name != manifest.name:
        raise WrongUse(
            f"{hub.repo} holds releases of {known.name}, and this is {manifest.name}.", "Name another repository."
        )
    if known is None or not commit:
        return set(), {}
    return {*known.files, release_json.NAME}, hub.tree(commit)


def refuse_conflicts(
    hub: Place,
    manifest: Manifest,
    planned: Mapping[str, File],
    tree: Mapping[str, Held],
    before: set[str],
    base: Mapping[str, Held],
) -> None:
    """Raise :class:`WrongUse` where the commit would undo what somebody else did, or take in what is theirs."""
    changed, foreign = [], []
    for path, file in planned.items():
        here = tree.get(path)
        if path in before and _oid(here) != _oid(base.get(path)) and not holds(here, file):
            changed.append(path if here else f"{path} (removed)")
        elif path not in before and here is not None and not holds(here, file):
            foreign.append(path)
    changed += [p for p in before - planned.keys() if p in tree and _oid(tree[p]) != _oid(base.get(p))]
    if changed:
        raise WrongUse(
            f"{hub.repo}: somebody changed files of ours on main since the last release: {some(sorted(changed), 5)}.",
            f"Undo that commit {hub.words.where} (its history keeps it) or take the change into what you release, then "
            "repeat.",
        )
    if foreign:
        raise WrongUse(
            f"{hub.repo}: main holds files of others where this release has its own: {some(sorted(foreign), 5)}.",
            f"Move or delete them {hub.words.where} (its history keeps them), or name another repository.",
        )
    folders = {PurePosixPath(path).parent for path in planned if path.endswith(_READ[manifest.kind])}
    read = [
        path
        for path in tree
        if path not in planned and path not in before and path.endswith(_READ[manifest.kind])
        and PurePosixPath(path).parent in folders
    ]  # fmt: skip
    if read:
        told = some(sorted(read), 5)
        raise WrongUse(
            f"{hub.repo}: main holds files of others that would be read as part of this release: {told}.",
            f"Move or delete them {hub.words.where} (its history keeps them), or name another repository.",
        )


def holds(here: Held | None, file: File) -> bool:
    """Whether the commit has exactly this file."""
    if here is None:
        return False
    return here.sha256 == file.sha256 if here.sha256 else here.size == file.size and here.oid == file.git_oid()


def _oid(held: Held | None) -> str:
    return held.oid if held else ""
