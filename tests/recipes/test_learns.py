"""``tiny.yaml`` truly learns to see: right answers with the right picture, guesses with a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("trl")

from tests.drawing import shapes
from tests.recipes.asking import balanced, held_out
from tests.recipes.running import arguments, mmskin

pytestmark = pytest.mark.slow


def train(data: Path, output: Path) -> None:
    """``mmskin train tiny``, as a user would on a machine without a GPU."""
    place = ["--data", f"skinvl_sft={data}", "--output", str(output)]
    status, said = mmskin("train", "tiny", *place, "--accelerate", "cpu", "--", *arguments(log_to="none"), seconds=1800)
    assert status == 0, said[-5000:]


def test_drawn_shapes(tmp_path: Path) -> None:
    train(shapes.write_mixture(tmp_path / "shapes", 1344, 64), tmp_path / "out")
    found = held_out(tmp_path / "out")
    print(found)
    assert found["right"] >= 0.9
    assert abs(found["wrong"] - found["same"]) <= 0.1
    assert abs(found["wrong"] - shapes.CHANCE) <= 0.12
    assert all(share >= 0.75 for share in found["kinds"].values()), "one kind is carried by the others"


def test_real_pictures(shared_data: Path, tmp_path: Path) -> None:
    """HAM10000, seven classes: better than to say the most frequent one, each class weighed alike."""
    raw = shared_data / "ham10000"
    if not raw.is_dir():
        pytest.skip(f"{raw} is not here")
    ham, data = tmp_path / "ham", tmp_path / "data"
    for command in (
        ["build", "ham10000", "--raw", str(raw), "--out", str(ham)],
        ["build", "skinvl_sft", "--variant", "pub", "--data", f"ham10000={ham}", "--out", str(data)],
    ):
        status, said = mmskin(*command, seconds=1800)
        assert status == 0, said[-5000:]
    train(data, tmp_path / "out")
    found = balanced(tmp_path / "out", data)
    print(found)
    assert len(found["recall"]) == 7
    # Who says the most frequent class gets 1/7, whatever its share is.
    assert found["balanced"] > 1 / 7 + 0.05
