"""A reader that looks at a repository all the while, and the judgement of what was ever to be seen in it.

A reader does what the clients do: it takes the commit that ``main`` or a tag stands for and reads that commit. Whatever
commit it gets must be one of the whole states that are allowed: no file of the new version without all the others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from huggingface_hub import HfApi
from huggingface_hub.errors import RepositoryNotFoundError

from tests.hub.server import Hub

Tree = frozenset[tuple[str, str]]
"""A state: path and git's name for the content, of every file."""


def tree(hub: Hub, repo: str, revision: str = "main", type: str = "dataset") -> Tree:
    """The state of a revision, as the Hub keeps it."""
    commit = hub.store.find(hub.repo(repo, type), revision)
    return frozenset((path, entry.oid) for path, entry in commit.tree.items())


class Reader(threading.Thread):
    """Looks at ``repo`` until :meth:`stop`; ``problems`` names whatever was not whole.

    ``states`` are the whole states by name, ``tags`` names the state each tag must show, and ``foreign`` the paths of
    others, which do not count. Its requests carry a mark by which the Hub neither strikes nor logs them.
    """

    def __init__(
        self, hub: Hub, repo: str, token: str, states: Mapping[str, Tree], tags: Mapping[str, str],
        type: str = "dataset", foreign: Iterable[str] = (),
    ) -> None:  # fmt: skip
        super().__init__(daemon=True)
        self.api = HfApi(endpoint=hub.url, token=token, headers={"X-Reader": "1"})
        self.name_of = {each: name for name, each in states.items()}
        self.repo, self.type, self.tags, self.foreign = repo, type, dict(tags), frozenset(foreign)
        self.problems: list[str] = []
        self.seen: list[str] = []
        self._targets: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._over = threading.Event()

    def run(self) -> None:
        """Look, again and again."""
        while not self._over.is_set():
            try:
                self.look()
            except RepositoryNotFoundError:
                self._saw("no repository")
            except Exception as error:
                self.problems.append(f"the reader failed: {error!r}")
                return
            time.sleep(0.003)

    def stop(self) -> list[str]:
        """Look a last time; returns the problems."""
        self._over.set()
        self.join()
        self.look()
        return self.problems

    def look(self) -> None:
        """One look at every branch and tag."""
        refs = self.api.list_repo_refs(self.repo, repo_type=self.type)
        for branch in refs.branches:
            self._saw(self._state(branch.name, branch.target_commit))
        for tag in refs.tags:
            if self._targets.setdefault(tag.name, tag.target_commit) != tag.target_commit:
                self.problems.append(f"the tag {tag.name} moved")
            state = self._state(tag.name, tag.target_commit)
            if state != self.tags.get(tag.name, state):
                self.problems.append(f"the tag {tag.name} shows {state}")
        gone = set(self._targets) - {tag.name for tag in refs.tags}
        self.problems += [f"the tag {name} is gone" for name in sorted(gone)]

    def _state(self, ref: str, commit: str) -> str:
        if commit not in self._known:
            listed = self.api.list_repo_tree(self.repo, recursive=True, revision=commit, repo_type=self.type)
            found = frozenset((each.path, each.blob_id) for each in listed if hasattr(each, "blob_id"))
            found = frozenset(pair for pair in found if pair[0] not in self.foreign)
            self._known[commit] = self.name_of.get(found, "")
            if not self._known[commit]:
                self.problems.append(f"{ref} showed {sorted(path for path, _ in found)}, which is no whole state")
        return self._known[commit]

    def _saw(self, state: str) -> None:
        if not self.seen or self.seen[-1] != state:
            self.seen.append(state)


def history_problems(
    hub: Hub, repo: str, states: Mapping[str, Tree], type: str = "dataset", foreign: Iterable[str] = ()
) -> list[str]:
    """What was ever wrong on any branch, also between two looks of a reader: halves, moved tags, a way back."""
    found, there, ignored = (
        [f"the tag {name} moved" for name in hub.moved_tags(repo, type)],
        hub.repo(repo, type),
        set(foreign),
    )
    whole = {each: number for number, each in enumerate(states.values())}
    last = -1
    for kind, name, _, commit in hub.store.moves(there):
        if kind != "branch" or not commit:
            continue
        entries = hub.store.find(there, commit).tree
        state = whole.get(frozenset((path, entry.oid) for path, entry in entries.items() if path not in ignored))
        if state is None:
            found.append(f"{name} held {sorted(entries)}, which is no whole state")
        elif state < last:
            found.append(f"{name} went back")
        else:
            last = state
    return found
