"""A release to be struck: two versions of a drawn dataset, a Hub, a workshop, and what may ever be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hub.releases import Done, Running, Workshop, ham, workshop
from tests.hub.server import Hub, Request
from tests.hub.watching import Reader, Tree, history_problems, tree

REPO = "me/drawn"
OLD, NEW = "1.0.0", "1.1.0"


@dataclass
class Campaign:
    """``states``: the whole states by name; ``saved``: the Hub before each release; ``asked``: its requests."""

    hub: Hub
    shop: Workshop
    token: str
    environment: dict[str, str]
    folders: dict[str, Path]
    states: dict[str, Tree] = field(default_factory=dict)
    saved: dict[str, bytes] = field(default_factory=dict)
    asked: dict[str, list[Request]] = field(default_factory=dict)

    def start(self, version: str, *options: str, **environment: str) -> Running:
        """Begin to release that version."""
        where = ("--repo", REPO, "--private", "--json")
        return self.shop.start("release", "dataset", str(self.folders[version]), *where, *options, **environment)

    def release(self, version: str, *options: str, **environment: str) -> Done:
        """Release that version and wait."""
        return self.start(version, *options, **environment).wait()

    def before(self, version: str) -> None:
        """The Hub as it was before that version was released for the first time."""
        self.hub.restore(self.saved[version])

    def reader(self, foreign: tuple[str, ...] = ()) -> Reader:
        """A reader that knows what may be seen."""
        tags = {f"v{version}": version for version in (OLD, NEW)}
        return Reader(self.hub, REPO, self.token, self.states, tags, foreign=foreign)

    def check_sound(self, done: Done, told: str, foreign: tuple[str, ...] = ()) -> None:
        """After a release that was struck: nothing half, and the user was told in words, without the token."""
        assert done.status in (0, 1, 2), f"{told}: status {done.status}\n{done.text}"
        assert "Traceback" not in done.text and self.token not in done.text, f"{told}\n{done.text}"
        if done.status:
            assert "mmskin: error: " in done.err and "\n  " in done.err, f"{told}\n{done.text}"
        self.check_history(told, foreign)

    def check_history(self, told: str, foreign: tuple[str, ...] = ()) -> None:
        """Nothing half was ever on a branch, and no tag ever moved."""
        if self.hub.store.repo("dataset", REPO):
            problems = history_problems(self.hub, REPO, self.states, foreign=foreign)
            assert problems == [], f"{told}: {problems}"

    def check_repeat(self, version: str, told: str, foreign: tuple[str, ...] = ()) -> dict[str, Any]:
        """The same command ends well: the version whole on main and under its tag, by one commit. Its report."""
        self.hub.script.faults.clear()
        done = self.release(version)
        assert done.status == 0, f"{told}, repeated: status {done.status}\n{done.text}"
        report: dict[str, Any] = json.loads(done.out)
        assert report["status"] in ("released", "already released"), report["status"]
        self.check_end(version, told, foreign)
        return report

    def check_end(self, version: str, told: str, foreign: tuple[str, ...] = ()) -> None:
        """The version is whole on main and under its tag, and took one commit."""
        self.check_history(told, foreign)
        wanted = [each for each in (OLD, NEW) if each <= version]
        assert list(self.hub.tags(REPO)) == [f"v{each}" for each in wanted], told
        for each in wanted:
            assert self._seen(f"v{each}", foreign) == self.states[each], f"{told}: v{each}"
        assert self._seen("main", foreign) == self.states[version], told
        ours = [commit for commit in self.hub.store.commits(self.hub.repo(REPO)) if commit.author == "me"]
        assert len(ours) == 1 + len(wanted), f"{told}: {[commit.title for commit in ours]}"

    def _seen(self, revision: str, foreign: tuple[str, ...]) -> Tree:
        return frozenset(pair for pair in tree(self.hub, REPO, revision) if pair[0] not in foreign)


@contextmanager
def campaign(folder: Path, root: Path) -> Iterator[Campaign]:
    """Build both versions, release both undisturbed, and remember all about it. ``root`` is the Hub's folder."""
    hub = Hub(root)
    token = hub.user("me")
    environment = hub.environment(folder / "home", token, TMPDIR=str(_made(folder / "tmp")))
    folders = {OLD: ham(folder, OLD, 16), NEW: ham(folder, NEW, 24, 100)}
    with workshop(environment, folder / "printed") as shop:
        made = Campaign(hub, shop, token, environment, folders)
        for version in (OLD, NEW):
            made.saved[version] = hub.save()
            hub.clear()
            done = made.release(version)
            assert done.status == 0, done.text
            made.asked[version] = hub.requests
            made.states[version] = tree(hub, REPO)
        first = hub.store.commits(hub.repo(REPO))[-1]
        made.states = {"new": tree(hub, REPO, first.oid), **made.states}
        yield made
    hub.stop()
    assert not hub.defects, hub.defects
    assert not hub.unknown, hub.unknown


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
