"""A repository of the Hub is used like a folder; what is in the Hub's cache needs no network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmskin_hub.engine.mixture.sources import open_data
from mmskin_hub.engine.repository import repository_of
from mmskin_hub.errors import MmskinError
from tests.engine.mixture.drawn import built, public_row

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("owner/name", ("owner/name", None)),
        ("owner/name@v1.0.0", ("owner/name", "v1.0.0")),
        ("owner/na.me@refs/pr/1", ("owner/na.me", "refs/pr/1")),
        ("owner", None),
        ("/owner/name", None),
        ("a/b/c", None),
        ("../name", None),
        ("here/name", None),
    ],
)
def test_what_names_a_repository(
    place: str, found: tuple[str, str | None] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    assert repository_of(place) == found


def test_a_repository_that_cannot_be_had_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MmskinError, match="--data ham10000=nobody/nothing"):
        open_data("ham10000=nobody/nothing")


def test_an_audit_of_a_repository_in_the_cache(tmp_path: Path) -> None:
    """The Hub's own cache is laid out as huggingface_hub does it, and read without a network."""
    rows = [public_row(n, "train", image_id=f"ISIC_{n:07d}") for n in range(3)]
    place = tmp_path / "hf" / "hub" / "datasets--me--ham10000"
    built(place / "snapshots" / COMMIT, "ham10000", rows)
    (place / "refs").mkdir()
    (place / "refs" / "v1.0.0").write_text(COMMIT)
    (tmp_path / "test.csv").write_text("image\nISIC_0000001.jpg\n")
    command = ["audit", "ham=me/ham10000@v1.0.0", "--against", "isic=test.csv", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "mmskin_hub", *command],
        cwd=tmp_path,
        env={**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3, done.stderr
    pairs = [(pair["kind"], pair["id"]) for pair in json.loads(done.stdout)["pairs"]]
    assert pairs[0] == ("same_id", "ISIC_0000001"), pairs
