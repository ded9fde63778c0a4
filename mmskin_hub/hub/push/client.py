"""One repository of the Hub, as a release speaks to it: bounded patience, one meaning for each request.

What the client libraries do, read in their source (huggingface_hub 1.31 to 2.4):

* The token is looked up anew at every request (``HF_TOKEN``, then the file that ``hf auth login`` writes); this module
  never holds it.
* ``preupload``, LFS and downloads go through the library's own backoff (5 repeats, 1 to 8 s); ``create_repo``,
  ``create_commit``, ``create_tag``, ``repo_info`` and listings are sent once. There is no time limit by default: a
  server that says nothing is waited for forever, so the shared session gets one.
* ``create_commit`` raises a 412 as a plain ``HfHubHTTPError`` where the parent is not the head any more. An answer that
  was lost on its way (5xx, broken connection) says nothing of whether the commit was made.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mmskin_hub.hub.push.place import Held, State, Words
from mmskin_hub.hub.push.trouble import NotThere, told, trouble_of, wait_of, why

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each repeat of a request that may be repeated; one more failure is told."""
PATIENCE = 300.0
"""The longest wait in seconds that the Hub may ask for (its limits count by five minutes)."""
SILENCE = 180.0
"""Seconds without a byte after which a connection counts as broken."""
_SPOILED = "Do not use that version: raise it, and release again."
Answer = TypeVar("Answer")


def api(endpoint: str | None = None) -> HfApi:
    """The client; the token and, without ``endpoint``, the address are those that huggingface_hub reads."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint, library_name="mmskin-hub")


@contextmanager
def hushed() -> Iterator[None]:
    """Keep the library's own warnings (each repeat, with its address) and its bars away."""
    from huggingface_hub import constants
    from huggingface_hub.utils import logging as chatter
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before, bars = chatter.get_verbosity(), not are_progress_bars_disabled()
    if not constants.HF_DEBUG:
        chatter.set_verbosity(logging.ERROR)
    if bars:
        disable_progress_bars()
    try:
        yield
    finally:
        chatter.set_verbosity(before)
        if bars:
            enable_progress_bars()


@contextmanager
def library_bars() -> Iterator[None]:
    """Within :func:`hushed`, let the library draw its bars, unless ``HF_HUB_DISABLE_PROGRESS_BARS`` forbids them."""
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

    allowed = constants.HF_HUB_DISABLE_PROGRESS_BARS is not True
    if allowed:
        enable_progress_bars()
    try:
        yield
    finally:
        if allowed:
            disable_progress_bars()


class Hub:
    """The repository ``repo`` (OWNER/NAME) of ``kind`` "dataset" or "model".

    Every method raises :class:`MmskinError` where the Hub does not do what it was asked; requests that change nothing
    when sent twice are repeated as :data:`WAITS` says.
    """

    def __init__(
        self, repo: str, kind: str, endpoint: str | None = None, tell: Callable[[str], None] = lambda text: None
    ) -> None:
        self.repo, self.kind, self.tell = repo, kind, tell
        self.words = Words("on the Hub", "uploading", "downloading", _SPOILED)
        self.api = api(endpoint)

    def url_of(self, revision: str) -> str:
        """The page of ``revision``."""
        folder = "datasets/" if self.kind == "dataset" else ""
        return f"{self.api.endpoint}/{folder}{self.repo}/tree/{revision}"

    def state(self) -> State:
        """What there is: visibility, head and tags."""

        def read() -> State:
            info: Any = self.api.repo_info(self.repo, repo_type=self.kind)
            refs = self.api.list_repo_refs(self.repo, repo_type=self.kind)
            heads = {branch.name: branch.target_commit for branch in refs.branches}
            tags = {tag.name: tag.target_commit for tag in refs.tags}
            return State(True, bool(info.private), str(heads.get("main") or info.sha or ""), tags)

        try:
            return self._asked("reading the repository", read)
        except NotThere:
            return State(False, tags={})

    def tree(self, revision: str) -> dict[str, Held]:
        """Every file of the commit ``revision`` by its path."""
        from huggingface_hub import errors
        from huggingface_hub.hf_api import RepoFile

        def read() -> dict[str, Held]:
            try:
                listed = self.api.list_repo_tree(self.repo, recursive=True, revision=revision, repo_type=self.kind)
                return {
                    each.path: Held(each.blob_id, each.size, each.lfs.sha256 if each.lfs else None)
                    for each in listed
                    if isinstance(each, RepoFile)
                }
            except errors.EntryNotFoundError:
                return {}

        return self._asked("listing its files", read) if revision else {}

    def commits(self) -> list[tuple[str, str]]:
        """Id and title of every commit of ``main``, the newest first."""
        from huggingface_hub import errors

        def read() -> list[tuple[str, str]]:
            try:
                listed = self.api.list_repo_commits(self.repo, repo_type=self.kind)
            except errors.RevisionNotFoundError:
                return []
            return [(each.commit_id, each.title) for each in listed]

        return self._asked("reading its history", read)

    def commit_of(self, revision: str) -> str:
        """The commit that ``revision`` (a tag, a branch, a commit) stands for, 40 hex digits."""

        def read() -> str:
            return str(self.api.repo_info(self.repo, repo_type=self.kind, revision=revision).sha or "")

        return self._asked(f"looking up {revision}", read)

    def read(self, path: str, revision: str) -> bytes | None:
        """The bytes of a small file of ``revision``; ``None`` where it has no such file."""
        with tempfile.TemporaryDirectory(prefix="mmskin-") as folder:
            try:
                return self.download(path, revision, Path(folder)).read_bytes()
            except NotThere as error:
                if error.lacking == "file":
                    return None
                raise

    def download(self, path: str, revision: str, folder: Path) -> Path:
        """Fetch one file into ``folder``, from the Hub and no cache; returns where it lies."""

        def fetch() -> Path:
            # force_download: without it the library copies a file that its own cache holds.
            return Path(
                self.api.hf_hub_download(
                    self.repo, path, repo_type=self.kind, revision=revision, local_dir=folder, force_download=True
                )
            )

        return self._asked(f"downloading {path}", fetch)

    def create(self, private: bool) -> None:
        """Make the repository where there is none; one that exists stays as it is."""

        def make() -> None:
            self.api.create_repo(self.repo, repo_type=self.kind, private=private, exist_ok=True)

        self._asked("creating the repository", make)

    def upload(self, additions: Sequence[CommitOperationAdd]) -> None:
        """Bring the content of large files to the Hub, where no commit names it yet; what is there is not sent again.

        Afterwards each addition knows whether it is a large file. A ``.gitignore`` in the repository is overridden: it
        would drop files from the commit without a word.
        """

        def send() -> None:
            self.api.preupload_lfs_files(
                self.repo, additions, repo_type=self.kind, free_memory=False, gitignore_content=""
            )

        self._asked("uploading", send)

    def commit(
        self, operations: Sequence[CommitOperationAdd | CommitOperationDelete], title: str, text: str, parent: str
    ) -> str:
        """Make one commit on ``main`` if its head is ``parent``; returns its id.

        Raises :class:`Stale` where the head is another one, :class:`Unsure` where no answer arrived.
        """

        def send() -> str:
            made = self.api.create_commit(
                self.repo,
                operations,
                commit_message=title,
                commit_description=text,
                repo_type=self.kind,
                revision="main",
                parent_commit=parent or None,
            )
            return str(made.oid)

        return self._asked("committing", send, once=True)

    def tag(self, name: str, commit: str) -> None:
        """Put the tag ``name`` on ``commit`` if there is none of that name; the caller reads where it stands."""

        def send() -> None:
            self.api.create_tag(self.repo, tag=name, revision=commit, repo_type=self.kind, exist_ok=True)

        self._asked(f"setting the tag {name}", send)

    def _asked(self, doing: str, ask: Callable[[], Answer], once: bool = False) -> Answer:
        """What ``ask`` returns, asked again as often as :data:`WAITS` allows; ``once``: never again."""
        from huggingface_hub import get_session

        for wait in (*WAITS, None):
            # The library makes a new session after a failed connection, so the limit is set each time.
            get_session().timeout = SILENCE
            try:
                return ask()
            except Exception as error:
                asked_for = wait_of(error)
                if trouble_of(error) != "passing" or once or wait is None or asked_for > PATIENCE:
                    raise told(error, f"{self.repo}, {doing}", once) from error
                pause = max(wait, asked_for)
                self.tell(f"{doing}: {why(error)}; again in {pause:.0f} s")
            time.sleep(pause)
        raise AssertionError("the last failure is raised above")
