"""kill -9 at any moment of a release into a folder: no reader sees a half, and the same command ends it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmskin_hub.hub.push.shelf import Shelf
from tests.hub.releases import Done, Workshop, ham, workshop

REPO = "me/drawn"
OLD, NEW = "1.0.0", "1.1.0"


@dataclass(frozen=True)
class Field:
    """``to`` is the folder that is released into; ``saved`` what it is before, and after, each version undisturbed."""

    shop: Workshop
    folders: dict[str, Path]
    to: Path
    saved: dict[str, Path]
    moments: dict[str, list[str]]

    def release(self, version: str, die_at: int = 0) -> Done:
        """Release it; killed right before the ``die_at``-th thing it would do in the folder."""
        order = ("release", "dataset", str(self.folders[version]), "--repo", REPO, "--to", str(self.to), "--json")
        return self.shop.start(*order, WATCHED=str(self.to), DIE_AT=str(die_at)).wait()

    def lay(self, version: str) -> None:
        """The folder as it was before that version."""
        shutil.rmtree(self.to, ignore_errors=True)
        shutil.copytree(self.saved[version], self.to, symlinks=True)

    def check(self, version: str, die_at: int) -> None:
        """Killed at that moment, then looked at, then released again."""
        self.lay(version)
        told = f"{version}, killed before {self.moments[version][die_at - 1]}"
        assert self.release(version, die_at).status == -9, told
        whole(self.to, told)
        done = self.release(version)
        assert done.status == 0, f"{told}\n{done.text}"
        assert json.loads(done.out)["status"] in ("released", "already released")
        assert state_of(self.to) == state_of(self.saved[f"after {version}"]), told


def state_of(folder: Path) -> dict[str, str]:
    """Every file and link below ``folder``, leftovers too, by what it holds."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else path.read_text("latin-1")
            for path in found}  # fmt: skip


def whole(folder: Path, told: str) -> None:
    """Whatever a name or a commit leads to is a whole version, as its own ``release.json`` says."""
    shelf = Shelf(REPO, "dataset", folder)
    state = shelf.state()
    for commit in {state.head, *(state.tags or {}).values()} - {""}:
        assert (shelf.root / "snapshots" / commit).is_dir(), told
    for snapshot in shelf.root.glob("snapshots/*"):
        files = {path.relative_to(snapshot).as_posix(): path.read_bytes()
                 for path in snapshot.rglob("*") if not path.is_dir()}  # fmt: skip
        listed = json.loads(files.pop("release.json"))["files"]
        assert {path: hashlib.sha256(data).hexdigest() for path, data in files.items()} == {
            path: facts["sha256"] for path, facts in listed.items()
        }, told
    for tag, commit in (state.tags or {}).items():
        assert f'"version": "{tag[1:]}"' in (shelf.root / "snapshots" / commit / "release.json").read_text(), told


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Both versions, built once and released undisturbed."""
    folder = tmp_path_factory.mktemp("field")
    folders = {OLD: ham(folder, OLD, 16), NEW: ham(folder, NEW, 24, 100)}
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home"), "PYTHONPATH": "."}
    (folder / "empty").mkdir()
    with workshop(environment, folder / "printed") as shop:
        made = Field(shop, folders, folder / "hub", {OLD: folder / "empty"}, {})
        made.to.mkdir()
        for version in (OLD, NEW):
            done = made.release(version)
            assert done.status == 0, done.text
            made.moments[version] = (folder / "hub.log").read_text().splitlines()
            made.saved[f"after {version}"] = folder / f"after-{version}"
            shutil.copytree(made.to, made.saved[f"after {version}"], symlinks=True)
            made.saved.setdefault(NEW, made.saved[f"after {version}"])
        yield made


@pytest.mark.parametrize("moment", ["snapshots", r"os\.symlink", r"os\.rename .*snapshots/", "refs/main", r"refs/v1"])
@pytest.mark.parametrize("version", [OLD, NEW])
def test_killed_before(field: Field, version: str, moment: str) -> None:
    number = [n for n, told in enumerate(field.moments[version], 1) if re.search(moment, told)][-1]
    field.check(version, number)


@pytest.mark.slow
@pytest.mark.parametrize("version", [OLD, NEW])
def test_killed_at_every_moment(field: Field, version: str) -> None:
    assert len(field.moments[version]) > 40
    for number in range(1, len(field.moments[version]) + 1):
        field.check(version, number)


def test_killed_again_and_again(field: Field) -> None:
    field.lay(OLD)
    for number in range(3, len(field.moments[OLD]), 12):
        field.release(OLD, number)
        whole(field.to, f"killed at {number}")
    assert field.release(OLD).status == 0
    assert state_of(field.to) == state_of(field.saved[f"after {OLD}"])
