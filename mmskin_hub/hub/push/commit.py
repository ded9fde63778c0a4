"""From files to a tag: content first, then one commit that makes all of it seen at once, then the tag on that commit.

::

    look ──▶ upload large files ──▶ one commit on the head that was looked at ──▶ tag ──▶ (verify.py)
      ▲                                   │ 412: somebody committed     │ no answer
      └───────────────────────────────────┴─────────────────────────────┘  look again

Nothing is remembered between two runs: where a push stands is read off the repository each time, so a run that was
killed anywhere is finished by the same command. Uploaded content that no commit names is invisible, a commit is whole
or absent, and a tag is set once and read back; it is never moved.

What is ours is what ``release.json`` lists. Files of others stay. A file of ours that is not as the last release left
it, a file of others where one of ours would go, and a file that would be read as part of the release are named, and
nothing is changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmskin_hub.engine.progress import stage
from mmskin_hub.errors import MmskinError, WrongUse, some
from mmskin_hub.hub.push import manifest as release_json
from mmskin_hub.hub.push.client import PATIENCE, library_bars
from mmskin_hub.hub.push.conflicts import before_it, holds, refuse_conflicts
from mmskin_hub.hub.push.manifest import Manifest, decoded
from mmskin_hub.hub.push.place import Place, State
from mmskin_hub.hub.push.plan import File
from mmskin_hub.hub.push.trouble import Stale, Unsure
from mmskin_hub.hub.push.versions import title_of, version_of

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

ROUNDS = 5
"""How often the repository is looked at anew because it changed, or because an answer did not arrive."""
BATCH_FILES, BATCH_BYTES = 32, 1 << 30
"""Files are uploaded in batches of so many, or so many bytes, whichever is less."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A commit of ``main`` that holds a version, with its manifest; ``tagged`` where the tag stands on it already."""

    commit: str
    manifest: Manifest
    raw: bytes
    tagged: bool


def standing(hub: Place, state: State, wanted: Manifest) -> Standing | None:
    """The commit that holds the version of ``wanted`` already, tagged or not; ``None`` where there is none.

    Raises :class:`WrongUse` where it holds other content, or where its tag is none of ours.
    """
    tags = state.tags or {}
    if wanted.tag in tags:
        found = _held_by(hub, tags[wanted.tag], True)
        if found is None:
            raise WrongUse(
                f"{hub.repo} has a tag {wanted.tag} that no release of this library made.", "Raise the version."
            )
        _check_same(hub, wanted, found, f"{wanted.tag} is released")
        return found
    if not state.head:
        return None
    for commit, title in hub.commits():
        if title != title_of(wanted.tag):
            continue
        found = _held_by(hub, commit, False)
        if found is not None and found.manifest.tag == wanted.tag:
            _check_same(hub, wanted, found, f"{wanted.tag} was committed ({commit[:10]}), though not tagged yet,")
            return found
    newest = max((known for tag in tags if (known := version_of(tag))), default=None)
    ours = version_of(wanted.tag)
    if newest is not None and ours is not None and ours < newest:
        raise WrongUse(
            f"{hub.repo} has v{'.'.join(map(str, newest))} already; main would go back to {wanted.tag}.",
            "Raise the version above it.",
        )
    return None


def _held_by(hub: Place, commit: str, tagged: bool) -> Standing | None:
    raw = hub.read(release_json.NAME, commit)
    found = decoded(raw)
    return Standing(commit, found, raw, tagged) if found is not None and raw is not None else None


def _check_same(hub: Place, wanted: Manifest, found: Standing, how: str) -> None:
    if wanted.same_as(found.manifest):
        return
    differing = some(wanted.differences(found.manifest), 5)
    raise WrongUse(
        f"{hub.repo}: {how} with other content: {differing}. A version never changes.",
        "Raise the version, or name the folder it was released from.",
    )


def push(hub: Place, manifest: Manifest, files: Sequence[File], private: bool) -> Standing:
    """Bring ``files`` (``release.json`` among them) to ``main`` in one commit, and the tag onto it.

    Returns where it stands; finishes or repeats what an earlier run left. Raises :class:`WrongUse` where something of
    others is in the way, :class:`MmskinError` where the Hub does not do it; then the same command goes on.
    """
    for turn in range(ROUNDS):
        state = hub.state()
        if not state.exists:
            hub.create(private)
            state = hub.state()
        check_visibility(hub, state, private)
        found = standing(hub, state, manifest)
        if found is not None:
            return tagged(hub, found)
        try:
            commit = _commit(hub, state, manifest, files, private)
        except (Stale, Unsure) as error:
            wait = max(error.wait if isinstance(error, Unsure) else 0.0, min(2**turn, 8))
            if turn == ROUNDS - 1 or wait > PATIENCE:
                raise
            hub.tell(f"{error.what} Looking again in {wait:.0f} s.")
            time.sleep(wait)
        else:
            return tagged(hub, Standing(commit, manifest, manifest.encoded(), False))
    raise AssertionError("the last round raises or returns")


def check_visibility(hub: Place, state: State, private: bool) -> None:
    """Raise :class:`WrongUse` where the repository is public and what was decided is for a private one."""
    if state.exists and private and not state.private:
        raise WrongUse(
            f"{hub.repo} is public, and this release is for a private repository.",
            "Make it private on its settings page, or name another repository.",
        )


def tagged(hub: Place, found: Standing) -> Standing:
    """``found`` with its tag, which is set where there is none, and read back."""
    name = found.manifest.tag
    for _ in range(3):
        where = (hub.state().tags or {}).get(name)
        if where == found.commit:
            return Standing(found.commit, found.manifest, found.raw, True)
        if where is not None:
            raise MmskinError(
                f"{hub.repo}: somebody set the tag {name} on another commit ({where[:10]}, not {found.commit[:10]}).",
                "A tag never moves: raise the version.",
            )
        hub.tag(name, found.commit)
    raise MmskinError(f"{hub.repo}: the tag {name} does not stay {hub.words.where}.", "Run the same command again.")


def _commit(hub: Place, state: State, manifest: Manifest, files: Sequence[File], private: bool) -> str:
    """Upload what the head lacks and make the one commit; returns its id.

    Raises :class:`Stale` and :class:`Unsure` as :meth:`Place.commit` does.
    """
    from huggingface_hub import CommitOperationDelete

    tree = hub.tree(state.head)
    before, base = before_it(hub, state, tree, manifest)
    planned = {file.path: file for file in files}
    refuse_conflicts(hub, manifest, planned, tree, before, base)
    additions = [_addition(file) for file in files if not holds(tree.get(file.path), file)]
    stale = [path for path in before if path in tree and path not in planned]
    _upload(hub, additions, planned)
    _check_unchanged(files)
    if additions:
        # Uploads take hours, and nobody sees them: it is the commit that must not meet a repository made public since.
        check_visibility(hub, hub.state(), private)
    operations: list[CommitOperationAdd | CommitOperationDelete] = [*additions]
    operations += [CommitOperationDelete(path, is_folder=False) for path in stale]
    hub.tell(f"committing {len(additions)} files, removing {len(stale)}")
    text = f"{manifest.name} {manifest.version} ({manifest.form}), {len(files)} files, by {manifest.tool}"
    return hub.commit(operations, title_of(manifest.tag), text, state.head)


def _addition(file: File) -> CommitOperationAdd:
    from huggingface_hub import CommitOperationAdd

    made = CommitOperationAdd(file.path, str(file.source) if isinstance(file.source, Path) else file.source)
    # What is committed is what was hashed and judged; without this, 2.x hashes the file again as it is then.
    made.upload_info.sha256 = bytes.fromhex(file.sha256)
    return made


def _upload(hub: Place, additions: Sequence[CommitOperationAdd], planned: Mapping[str, File]) -> None:
    """Upload in batches, the large ones last; what the Hub has already is not sent again.

    On a terminal the library draws a bar for each file; elsewhere a line tells every few seconds how far it is.
    """
    sizes = {each.path_in_repo: planned[each.path_in_repo].size for each in additions}
    total, done = sum(sizes.values()), 0
    shown = library_bars() if sys.stderr.isatty() else nullcontext()
    lines = stage(hub.words.sending, _mb(total), "MB") if not sys.stderr.isatty() else nullcontext(lambda done: None)
    with shown, lines as update:
        for batch in _batches(sorted(additions, key=lambda each: (sizes[each.path_in_repo], each.path_in_repo)), sizes):
            held = sum(sizes[each.path_in_repo] for each in batch)
            hub.tell(
                f"{hub.words.sending} {len(batch)} files, {_mb(held)} MB ({_mb(done)} of {_mb(total)} MB are done)"
            )
            hub.upload(batch)
            done += held
            update(_mb(done))


def _batches(additions: Sequence[CommitOperationAdd], sizes: Mapping[str, int]) -> Iterator[list[CommitOperationAdd]]:
    """``additions`` in their order, cut into batches of at most :data:`BATCH_FILES` files and :data:`BATCH_BYTES`."""
    batch: list[CommitOperationAdd] = []
    held = 0
    for each in additions:
        size = sizes[each.path_in_repo]
        if batch and (len(batch) >= BATCH_FILES or held + size > BATCH_BYTES):
            yield batch
            batch, held = [], 0
        batch.append(each)
        held += size
    if batch:
        yield batch


def _mb(size: int) -> int:
    return -(-size // 1_000_000)


def _check_unchanged(files: Sequence[File]) -> None:
    """Raise :class:`MmskinError` where a file was written to after it was hashed: nothing is committed then."""
    changed = [file.path for file in files if not file.unchanged()]
    if changed:
        raise MmskinError(
            f"Files changed while they were being released: {some(changed, 5)}.",
            "Wait until nothing writes into the folder, and run the same command again.",
        )
