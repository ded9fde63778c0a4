"""One repository in a folder of this machine, laid out as huggingface_hub's own cache, which every client reads.

::

    DIR/datasets--OWNER--NAME/blobs/<name>             content: SHA-256 of a large file, git's object id of any other
                             /snapshots/<commit>/…     the files of a commit, links into blobs/
                             /refs/main, refs/v1.0.0   the commit each stands for, 40 hex digits and nothing more
                             /trees/<commit>.json      size and ids of its files, as the client writes it
                             /.mmskin/<commit>.json    our own: its parent and its title
                             /.mmskin/lock             held while something is written

``snapshot_download(repo, revision="v1.0.0", cache_dir=DIR, local_files_only=True)`` gives a snapshot, and so does any
client under ``HF_HUB_CACHE=DIR HF_HUB_OFFLINE=1``.

What the client does, read in its source (huggingface_hub 1.33 and 2.4: file_download.py, _snapshot_download.py,
_tree_cache.py, utils/_cache_manager.py):

* Offline, a revision of 40 hex digits is a folder of ``snapshots``; any other is a file of ``refs``, read as it is.
* A snapshot is believed to be whole unless ``trees/<commit>.json`` (``format_version`` 1) names a file that it lacks.
* ``hf cache ls`` calls a repository corrupt where ``snapshots`` holds a file, or ``refs`` a name of no snapshot; other
  folders it leaves alone. So whatever is half written lies in ``.mmskin``.
* Links are relative, so the folder may be moved; without links (``HF_HUB_DISABLE_SYMLINKS``, a file system that has
  none) a snapshot holds copies.

Written as git would: content first, then the snapshot in one rename, then ``refs/main``, then the tag. A kill between
any two of these leaves what nobody sees, and the same command goes on from it. The id of a commit is the SHA-1 of its
files, its title and its parent, so the same releases give the same ids on every machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.publish import sha256_of
from mmskin_hub.engine.work import TEMPORARY, read_json
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.push.place import Held, State, Words
from mmskin_hub.hub.push.plan import git_oid
from mmskin_hub.hub.push.trouble import NotThere, Stale

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

MAIN = "main"
OWN = ".mmskin"
LARGEST = 10 << 20
"""Bytes of the largest file that the Hub keeps in git itself."""
PATIENCE = 600.0
"""Seconds to wait for another release that writes into the same repository."""
_LARGE = (
    "7z arrow bin bz2 ckpt ftz gz h5 joblib jpeg jpg mp3 mp4 msgpack npy npz onnx parquet pb pickle pkl png pt pth "
    "safetensors tar tgz tif tiff wav webp xz zip zst"
)
"""Endings of the files that the ``.gitattributes`` of a new repository of the Hub keep as large ones."""
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BLOCK = 1 << 20
_GO_ON = "Mend that, or name another folder, and run the same command again: it goes on from what is there."


class Shelf:
    """The repository ``repo`` (OWNER/NAME) of ``kind`` "dataset" or "model" in ``folder``; it is always private.

    Meets :class:`Place`. Raises :class:`WrongUse` for a name that the Hub would not take.
    """

    def __init__(self, repo: str, kind: str, folder: Path, tell: Callable[[str], None] = lambda text: None) -> None:
        from huggingface_hub import constants
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

        try:
            validate_repo_id(repo)
        except HFValidationError as error:
            raise WrongUse(f"{repo!r} is no name of a repository ({error}).", "Say OWNER/NAME.") from None
        self.repo, self.kind, self.folder, self.tell = repo, kind, folder, tell
        spoiled = "Something else wrote into that folder: name another one, and release again."
        self.words = Words(f"in {folder}", "copying", "reading", spoiled)
        self.root = folder / constants.REPO_ID_SEPARATOR.join([f"{kind}s", *repo.split("/")])
        self._own = self.root / OWN
        self._held: dict[tuple[str, bytes], Held] = {}

    def url_of(self, revision: str) -> str:
        """The folder of ``revision``; where there is none yet, that of the repository."""
        commit = self._ref(revision)
        return str(self.root / "snapshots" / commit if commit else self.root)

    def exists(self) -> bool:
        """Whether anything was released here under that name."""
        return self._own.is_dir()

    def state(self) -> State:
        """Head and tags; raises :class:`WrongUse` where the folder holds a download of the Hub under that name."""
        with self._asked("looking into it"):
            if not self.folder.is_dir() and os.path.lexists(self.folder):
                raise WrongUse(f"--to {self.folder} is not a folder.", "Name another folder.")
            refs = self.root / "refs"
            found = {path.name: path.read_text("utf-8") for path in sorted(refs.glob("*")) if path.is_file()}
            strange = [name for name, commit in found.items() if not (self._own / f"{commit}.json").is_file()]
            if strange:
                raise WrongUse(
                    f"--to {self.folder} holds {self.repo} as it was downloaded from the Hub ({strange[0]}); a release "
                    "would take its place.",
                    "Name another folder.",
                )
            return State(self.exists(), True, found.pop(MAIN, ""), found)

    def tree(self, revision: str) -> dict[str, Held]:
        """Every file of the commit ``revision`` by its path."""
        if not revision:
            return {}
        with self._asked("listing its files"):
            told = _json(self.root / "trees" / f"{self.commit_of(revision)}.json")["files"]
        return {path: Held(each["blob_id"], each["size"], each.get("lfs_sha256")) for path, each in told.items()}

    def commits(self) -> list[tuple[str, str]]:
        """Id and title of every commit of ``main``, the newest first."""
        found, commit = [], self._ref(MAIN)
        with self._asked("reading its history"):
            while commit:
                told = _json(self._own / f"{commit}.json")
                found.append((commit, str(told["title"])))
                commit = str(told["parent"])
        return found

    def commit_of(self, revision: str) -> str:
        """The commit that ``revision`` stands for; raises :class:`NotThere` where there is none."""
        found = self._ref(revision)
        if not found:
            absent = NotThere(f"{self.repo} in {self.folder}: there is no {revision}.", "Mend the name.")
            absent.lacking = "revision" if self.root.is_dir() else "repository"
            raise absent
        return found

    def _ref(self, revision: str) -> str:
        """The commit of ``revision``, "" where there is none."""
        if _COMMIT.fullmatch(revision):
            return revision if (self.root / "snapshots" / revision).is_dir() else ""
        path = self.root / "refs" / revision
        inside = path.resolve().is_relative_to((self.root / "refs").resolve())
        return path.read_text("utf-8") if inside and path.is_file() else ""

    def read(self, path: str, revision: str) -> bytes | None:
        """The bytes of a small file of ``revision``; ``None`` where it has no such file."""
        try:
            file = self.download(path, revision, self.root)
        except NotThere as error:
            if error.lacking == "file":
                return None
            raise
        with self._asked(f"reading {path}"):
            return file.read_bytes()

    def download(self, path: str, revision: str, folder: Path) -> Path:
        """Where the file of ``revision`` lies; nothing is copied."""
        commit = self.commit_of(revision)
        file = self.root / "snapshots" / commit / path
        if path not in self.tree(commit) or not file.is_file():
            absent = NotThere(f"{self.repo} in {self.folder}: {revision} has no file {path}.", "Release it again.")
            absent.lacking = "file"
            raise absent
        return file

    def create(self, private: bool) -> None:
        """Make the folders; a folder is private whatever ``private`` says."""
        with self._asked("making the folder"):
            # Our own one last: it is what tells that the others are there.
            for name in ("blobs", "refs", "snapshots", "trees", OWN):
                (self.root / name).mkdir(parents=True, exist_ok=True)

    def upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Copy content into ``blobs/``; what is there, and whole, stays."""
        with self._alone("copying"):
            for each in additions:
                self._keep(each)

    def commit(
        self, operations: Sequence[CommitOperationAdd | CommitOperationDelete], title: str, text: str, parent: str
    ) -> str:
        """Make one commit on ``main`` if its head is ``parent``; raises :class:`Stale` where it is another one."""
        from huggingface_hub import CommitOperationAdd

        with self._alone("committing"):
            if self._ref(MAIN) != parent:
                raise Stale(f"{self.repo} in {self.folder}: somebody else committed in the meantime.", _GO_ON)
            tree = self.tree(parent)
            for each in operations:
                if isinstance(each, CommitOperationAdd):
                    tree[each.path_in_repo] = self._keep(each)
                else:
                    del tree[each.path_in_repo]
            told = {"parent": parent, "title": title, "text": text}
            listing = {"format_version": 1, "files": {path: _entry(tree[path]) for path in sorted(tree)}}
            commit = hashlib.sha1(_encoded({**told, **listing}), usedforsecurity=False).hexdigest()
            self._lay(commit, tree)
            self._write(self.root / "trees" / f"{commit}.json", _encoded(listing))
            self._write(self._own / f"{commit}.json", _encoded(told))
            self._write(self.root / "refs" / MAIN, commit.encode())
        return commit

    def tag(self, name: str, commit: str) -> None:
        """Put the tag ``name`` on ``commit`` if there is none of that name."""
        with self._alone(f"setting the tag {name}"):
            if not self._ref(name):
                self._write(self.root / "refs" / name, commit.encode())

    def _keep(self, each: CommitOperationAdd) -> Held:
        """The file of the commit that ``each`` makes, its content in ``blobs/``.

        Raises :class:`MmskinError` where it is not what it was when it was hashed.
        """
        known = each.path_in_repo, each.upload_info.sha256
        if known in self._held:
            return self._held[known]
        source, size, sha256 = each.path_or_fileobj, each.upload_info.size, each.upload_info.sha256.hex()
        if _is_large(each.path_in_repo, size, each.upload_info.sample):
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
            held = Held(git_oid(pointer), size, sha256)
        else:
            held = Held(git_oid(source if isinstance(source, bytes) else Path(str(source)).read_bytes()), size, None)
        blob = self._blob(held)
        if not blob.is_file() or sha256_of(blob) != sha256:
            with self._new(blob) as new:
                if isinstance(source, bytes):
                    new.write_bytes(source)
                else:
                    shutil.copyfile(str(source), new)
                if sha256_of(new) != sha256:
                    raise MmskinError(
                        f"Files changed while they were being released: {each.path_in_repo}.",
                        "Wait until nothing writes into the folder, and run the same command again.",
                    )
        self._held[known] = held
        return held

    def _blob(self, held: Held) -> Path:
        return self.root / "blobs" / (held.sha256 or held.oid)

    def _lay(self, commit: str, tree: Mapping[str, Held]) -> None:
        """The snapshot of ``commit``, there all at once."""
        from huggingface_hub import constants

        target = self.root / "snapshots" / commit
        if target.is_dir():
            return
        linked = not constants.HF_HUB_DISABLE_SYMLINKS
        new = self._own / f"{commit}{TEMPORARY}{os.getpid()}"
        for path, held in tree.items():
            file = new / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if linked:
                # Relative, and as deep below snapshots/<commit> as it will lie.
                above = "../" * (2 + path.count("/"))
                try:
                    file.symlink_to(f"{above}blobs/{held.sha256 or held.oid}")
                    continue
                except (OSError, NotImplementedError):
                    linked = False
            shutil.copyfile(self._blob(held), file)
        target.parent.mkdir(parents=True, exist_ok=True)
        new.rename(target)

    def _write(self, path: Path, data: bytes) -> None:
        with self._new(path) as new:
            new.write_bytes(data)

    @contextmanager
    def _new(self, path: Path) -> Iterator[Path]:
        """A path to write to, out of everybody's sight; on success it is flushed and takes the name of ``path``."""
        new = self._own / f"{path.name}{TEMPORARY}{os.getpid()}"
        yield new
        with new.open("rb+") as written:
            os.fsync(written.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        new.replace(path)

    @contextmanager
    def _alone(self, doing: str) -> Iterator[None]:
        """Nobody else writes meanwhile; what a killed run left half written is cleared away."""
        from filelock import Timeout
        from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

        lock = self._own / "lock"
        with self._asked(doing):
            try:
                with WeakFileLock(lock, timeout=PATIENCE):
                    for path in self._own.glob(f"*{TEMPORARY}*"):
                        if path.is_dir():
                            shutil.rmtree(path)
                        else:
                            path.unlink()
                    yield
            except Timeout:
                raise MmskinError(
                    f"{self.repo} in {self.folder}: another release has been writing there for long.",
                    f"Wait for it; if there is none, delete {lock}. Then run the same command again.",
                ) from None

    @contextmanager
    def _asked(self, doing: str) -> Iterator[None]:
        """What the file system refuses is told in words."""
        try:
            yield
        except OSError as error:
            what = error.strerror or type(error).__name__
            raise MmskinError(f"{self.repo} in {self.folder}, {doing}: {what}.", _GO_ON) from error


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except ValueError:
        raise MmskinError(f"{path} is damaged: it holds no JSON.", "Name another folder, and release again.") from None


def _is_large(path: str, size: int, sample: bytes) -> bool:
    """Whether the Hub would keep the file as a large one; ``sample`` is how it begins."""
    return size > LARGEST or b"\0" in sample or path.rpartition(".")[2] in _LARGE.split()


def _entry(held: Held) -> dict[str, Any]:
    large = {"lfs_sha256": held.sha256, "lfs_size": held.size} if held.sha256 else {}
    return {"size": held.size, "blob_id": held.oid, **large}


def _encoded(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
