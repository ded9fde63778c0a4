"""Which of two vision towers a converted model gets, and that a person is told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece", reason="draws a tokenizer.model")
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file

from mmskin_hub.cli import main
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.models import tower as towers
from mmskin_hub.models.convert import convert_llava
from tests.models import original

POSITIONS = "embeddings.position_embedding.weight"


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in the cache, and nothing can be fetched."""

    def absent(*args: Any, **more: Any) -> str:
        raise LocalEntryNotFoundError("not here")

    monkeypatch.setattr("huggingface_hub.snapshot_download", absent)


def draw(folder: Path, *, held: bool = True, **changes: Any) -> tuple[Path, Path]:
    """A model whose tower (where it holds one) differs from the one it names in a single tensor."""
    settings, tower = original.config("mistral", **changes), original.draw_tower()
    weights = original.draw_weights(settings, tower if held else {})
    original.write(folder / "model", settings, weights, pickled=False)
    named = {**tower, f"vision_model.{POSITIONS}": tower[f"vision_model.{POSITIONS}"] + 0.5}
    return folder / "model", original.write_tower(folder / "tower", named)


def positions(out: Path) -> torch.Tensor:
    found: torch.Tensor = load_file(out / "model.safetensors")[f"model.vision_tower.{POSITIONS}"]
    return found


@pytest.mark.parametrize(
    ("unfrozen", "asked", "used"),
    [
        (False, "auto", "named"),
        (True, "auto", "checkpoint"),
        (False, "checkpoint", "checkpoint"),
        (True, "named", "named"),
    ],
)
def test_a_tower_that_differs_is_told_and_chosen_as_the_original_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unfrozen: bool, asked: str, used: str
) -> None:
    model, tower = draw(tmp_path, unfreeze_mm_vision_tower=unfrozen)
    command = ["convert", "llava-med", str(model), "--out", str(tmp_path / "out"), "--vision-tower", str(tower)]
    assert main([*command, "--tower", asked]) == 0
    told = capsys.readouterr().err
    assert "differs from openai/clip-tiny" in told
    assert "in 1 of 55 tensors (by at most 0.5)" in told
    reason = f"--tower {asked}" if asked != "auto" else ("is set" if unfrozen else "is not set")
    assert reason in told
    facts = json.loads((tmp_path / "out" / "run.json").read_text())["convert"]["vision_tower"]
    assert facts["used"] == used
    assert (facts["compared"]["differing"], facts["compared"]["max_difference"]) == (1, pytest.approx(0.5))
    ours = original.draw_tower()[f"vision_model.{POSITIONS}"]
    assert torch.equal(positions(tmp_path / "out"), ours if used == "checkpoint" else ours + 0.5)


def test_a_checkpoint_without_a_tower_takes_the_named_one(tmp_path: Path) -> None:
    model, tower = draw(tmp_path, held=False)
    with pytest.raises(MmskinError, match="--vision-tower DIR"):
        convert_llava(model, tmp_path / "out")
    facts = convert_llava(model, tmp_path / "out", tower)
    assert facts["vision_tower"]["used"] == "named"
    assert not facts["warnings"]
    assert torch.equal(positions(tmp_path / "out"), original.draw_tower()[f"vision_model.{POSITIONS}"] + 0.5)
    with pytest.raises(WrongUse, match="--tower checkpoint"):
        convert_llava(model, tmp_path / "again", tower, tower="checkpoint")


def test_a_tower_that_cannot_be_compared_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, tower = draw(tmp_path)
    with pytest.raises(WrongUse, match="its config"):
        convert_llava(model, tmp_path / "out")
    monkeypatch.setitem(towers.KNOWN, "openai/clip-tiny", original.VISION)
    facts = convert_llava(model, tmp_path / "out")
    assert facts["vision_tower"]["used"] == "checkpoint"
    assert "was not compared" in facts["warnings"][0]
    assert "The original code would load openai/clip-tiny" in facts["warnings"][0]
    # A folder with a config alone gives the config; whether weights agree stays unknown.
    (tower / "model.safetensors").unlink()
    again = convert_llava(model, tmp_path / "again", tower)
    assert "holds no weights" in again["warnings"][0]
    assert again["result"] == facts["result"]
    with pytest.raises(WrongUse, match="--tower named"):
        convert_llava(model, tmp_path / "third", tower, tower="named")


def test_pickled_towers_need_the_word_too(tmp_path: Path) -> None:
    model, tower = draw(tmp_path)
    weights = load_file(tower / "model.safetensors")
    (tower / "model.safetensors").unlink()
    torch.save(weights, tower / "pytorch_model.bin")
    with pytest.raises(WrongUse, match="--pickle"):
        convert_llava(model, tmp_path / "out", tower)
    assert convert_llava(model, tmp_path / "out", tower, pickles=True)["vision_tower"]["compared"]["differing"] == 1


def test_what_is_no_clip_or_another_size_is_refused(tmp_path: Path) -> None:
    model, tower = draw(tmp_path, held=False)
    (tmp_path / "siglip").mkdir()
    (tmp_path / "siglip" / "config.json").write_text(json.dumps({"model_type": "siglip"}))
    with pytest.raises(WrongUse, match="no CLIP vision tower"):
        convert_llava(model, tmp_path / "out", tmp_path / "siglip")
    with pytest.raises(WrongUse, match=r"config\.json"):
        convert_llava(model, tmp_path / "out", tmp_path / "nowhere")
    original.write_tower(tmp_path / "wide", original.draw_tower(hidden_size=64), hidden_size=64)
    with pytest.raises(MmskinError, match="has the shape"):
        convert_llava(model, tmp_path / "out", tmp_path / "wide")
    shutil.copytree(tower, tmp_path / "part")
    weights = load_file(tower / "model.safetensors")
    weights.pop(f"vision_model.{POSITIONS}")
    save_file(weights, tmp_path / "part" / "model.safetensors")
    with pytest.raises(MmskinError, match="position_embedding"):
        convert_llava(model, tmp_path / "out", tmp_path / "part")
    assert not (tmp_path / "out").exists()


def test_a_tower_of_another_resolution_is_not_mixed_up(tmp_path: Path) -> None:
    settings, tower = original.config("mistral", unfreeze_mm_vision_tower=True), original.draw_tower()
    original.write(tmp_path / "model", settings, original.draw_weights(settings, tower), pickled=False)
    original.write_tower(tmp_path / "large", original.draw_tower(image_size=84), image_size=84)
    # The checkpoint's tower is the one to use, but the config at hand is another tower's.
    with pytest.raises(MmskinError, match="position_embedding"):
        convert_llava(tmp_path / "model", tmp_path / "out", tmp_path / "large")
