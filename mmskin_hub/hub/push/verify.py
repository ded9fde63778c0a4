"""After the tag: every file of it is downloaded anew and compared by hash. Only then a version counts as released.

The files come by the tag, one after the other into a temporary folder and past every cache, the way anybody else gets
them; each is removed once it is hashed, so no more than a few of them lie on the disk at a time.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmskin_hub.engine.progress import stage
from mmskin_hub.engine.publish import sha256_of
from mmskin_hub.errors import MmskinError, some
from mmskin_hub.hub.push import manifest as release_json
from mmskin_hub.hub.push.commit import Standing
from mmskin_hub.hub.push.place import Place
from mmskin_hub.hub.push.trouble import NotThere

THREADS = 4


def verify(hub: Place, found: Standing) -> dict[str, int]:
    """Download the tag of ``found`` and compare; returns how many ``files`` and ``bytes`` were.

    Raises :class:`MmskinError` where the tag is on another commit, or a file is not what was released.
    """
    tag = found.manifest.tag
    commit = hub.commit_of(tag)
    if commit != found.commit:
        raise MmskinError(
            f"{hub.repo}: the tag {tag} leads to {commit[:10]}, not to {found.commit[:10]}, where it was set.",
            "Do not use that version: raise it, and release again.",
        )
    wanted = {path: str(facts["sha256"]) for path, facts in found.manifest.files.items()}
    wanted[release_json.NAME] = hashlib.sha256(found.raw).hexdigest()
    differing = _compare(hub, tag, wanted)
    if differing:
        # What came may have been spoiled on its way: once more before it counts.
        differing = _compare(hub, tag, {path: wanted[path] for path in differing})
    if differing:
        raise MmskinError(
            f"{hub.repo}: what {tag} gives is not what was released: {some(differing, 5)}.",
            hub.words.spoiled,
        )
    size = sum(int(facts["size"]) for facts in found.manifest.files.values()) + len(found.raw)
    return {"files": len(wanted), "bytes": size}


def _compare(hub: Place, tag: str, wanted: dict[str, str]) -> list[str]:
    """The paths of ``wanted`` (SHA-256 by path) that the tag does not give so, sorted."""
    lock, done = threading.Lock(), 0

    def holds(path: str) -> bool:
        nonlocal done
        with tempfile.TemporaryDirectory(prefix="mmskin-") as folder:
            try:
                same = sha256_of(hub.download(path, tag, Path(folder))) == wanted[path]
            except NotThere:
                same = False
        with lock:
            done += 1
            update(done)
        return same

    with (
        stage(f"{hub.words.fetching} {tag} to compare", len(wanted), "files") as update,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        paths = sorted(wanted)
        return [path for path, same in zip(paths, pool.map(holds, paths), strict=True) if not same]
