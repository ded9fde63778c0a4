"""Checkpoints that lack something, hold too much, or hold another vision tower than they name."""

from __future__ import annotations

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece", reason="draws a tokenizer.model")
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file

from mmskin_hub.cli import main
from mmskin_hub.errors import MissingExtra, MmskinError, OutputExists, WrongUse
from mmskin_hub.models import check, processor
from mmskin_hub.models.convert import convert_llava
from tests.models import original

Change = Callable[[dict[str, Any], dict[str, torch.Tensor]], None]


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in the cache, and nothing can be fetched."""

    def absent(*args: Any, **more: Any) -> str:
        raise LocalEntryNotFoundError("not here")

    monkeypatch.setattr("huggingface_hub.snapshot_download", absent)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``model`` (safetensors), ``tower`` (the same as in the model) and ``other`` (another one)."""
    folder = tmp_path_factory.mktemp("drawn")
    settings, tower = original.config("mistral"), original.draw_tower()
    original.write(folder / "model", settings, original.draw_weights(settings, tower), pickled=False)
    original.write_tower(folder / "tower", tower)
    original.write_tower(folder / "other", original.draw_tower(seed=6))
    return folder


def changed(drawn: Path, folder: Path, change: Change) -> Path:
    """A copy of the model with config and weights changed in place, in one file."""
    shutil.copytree(drawn / "model", folder / "model")
    path = folder / "model" / "config.json"
    settings, weights = json.loads(path.read_text()), {}
    for shard in sorted((folder / "model").glob("model-*.safetensors")):
        weights |= load_file(shard)
        shard.unlink()
    change(settings, weights)
    (folder / "model" / "model.safetensors.index.json").unlink()
    original.write(folder / "model", settings, weights, pickled=False)
    return folder / "model"


def without(*parts: str) -> Change:
    def change(settings: dict[str, Any], weights: dict[str, torch.Tensor]) -> None:
        for key in [key for key in weights if any(part in key for part in parts)]:
            del weights[key]

    return change


def with_config(**values: Any) -> Change:
    return lambda settings, weights: settings.update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("mm_projector"), "holds no projector"),
        (without("model.layers.1.mlp.up_proj"), "language_model.layers.1.mlp.up_proj.weight"),
        (without("model.layers", "model.embed_tokens", "model.norm"), "holds no language model"),
        (without("model.embed_tokens"), "lacks model.embed_tokens.weight"),
        (lambda settings, weights: weights.update({"model.image_newline": torch.ones(48)}), "model.image_newline"),
        (with_config(num_hidden_layers=1), "model.layers.1."),
        (with_config(intermediate_size=64), "asks for (48, 64)"),
        (with_config(architectures=["LlavaForConditionalGeneration"]), "already"),
        (with_config(architectures=["LlavaQwenForCausalLM"]), "LlavaQwenForCausalLM"),
        (with_config(image_aspect_ratio="anyres"), "image_aspect_ratio is 'anyres'"),
        (with_config(mm_projector_type="linear"), "mm_projector_type is 'linear'"),
        (with_config(mm_vision_tower=None), "lacks mm_vision_tower"),
        (with_config(mm_use_im_start_end=True), "<im_start>"),
    ],
)
def test_what_is_no_whole_llava_is_refused(drawn: Path, tmp_path: Path, change: Change, words: str) -> None:
    model = changed(drawn, tmp_path, change)
    with pytest.raises(MmskinError) as refused:
        convert_llava(model, tmp_path / "out", drawn / "tower")
    assert words in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model"]


def test_old_tables_are_left_out_and_told(drawn: Path, tmp_path: Path) -> None:
    table = "model.layers.0.self_attn.rotary_emb.inv_freq"
    model = changed(drawn, tmp_path, lambda settings, weights: weights.update({table: torch.ones(6)}))
    facts = convert_llava(model, tmp_path / "out", drawn / "tower")
    assert facts["buffers_left_out"] == [table]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "model-00002-of-00002.safetensors").unlink(), "half downloaded"),
        (lambda folder: os.truncate(folder / "model-00001-of-00002.safetensors", 5000), "cannot be read as weights"),
        (lambda folder: (folder / "model-00001-of-00002.safetensors").write_text("version https://git-lfs"), "damaged"),
        (
            lambda folder: shutil.copy(
                folder / "model-00001-of-00002.safetensors", folder / "model-00002-of-00002.safetensors"
            ),
            "of different versions",
        ),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("{"), "no index of weights"),
        (lambda folder: (folder / "config.json").write_text("{"), "not the config of a model"),
        (lambda folder: (folder / "tokenizer.model").unlink(), "holds no tokenizer"),
        (lambda folder: (folder / "tokenizer.model").write_bytes(b"no model"), "tokenizer"),
        (lambda folder: shutil.rmtree(folder), "hf download"),
    ],
)
def test_a_damaged_download_is_told(
    drawn: Path, tmp_path: Path, harm: Callable[[Path], Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(drawn / "model", tmp_path / "model")
    harm(tmp_path / "model")
    command = ["convert", "llava-med", str(tmp_path / "model"), "--out", str(tmp_path / "out")]
    assert main([*command, "--vision-tower", str(drawn / "tower")]) in (1, 2)
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_package_that_is_not_there_is_named(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "find_spec", lambda module: None)
    with pytest.raises(MissingExtra, match=r"mmskin-hub\[train\]"):
        convert_llava(drawn / "model", tmp_path / "out", drawn / "tower")


def test_shards_without_an_index_are_counted(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn / "model", tmp_path / "model")
    (tmp_path / "model" / "model.safetensors.index.json").unlink()
    convert_llava(tmp_path / "model", tmp_path / "out", drawn / "tower")
    (tmp_path / "model" / "model-00001-of-00002.safetensors").unlink()
    with pytest.raises(MmskinError, match="model-00001-of-00002"):
        convert_llava(tmp_path / "model", tmp_path / "again", drawn / "tower")


class Harm:
    """Does something when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_pickles_are_opened_only_when_asked_and_never_run(drawn: Path, tmp_path: Path) -> None:
    settings = original.config("mistral")
    original.write(tmp_path / "model", settings, original.draw_weights(settings, original.draw_tower()), pickled=True)
    with pytest.raises(WrongUse, match="--pickle"):
        convert_llava(tmp_path / "model", tmp_path / "out", drawn / "tower")
    shard = tmp_path / "model" / "pytorch_model-00001-of-00002.bin"
    torch.save({"model.norm.weight": Harm(tmp_path / "harm")}, shard)
    with pytest.raises(MmskinError, match="cannot be read as weights"):
        convert_llava(tmp_path / "model", tmp_path / "out", drawn / "tower", pickles=True)
    shard.write_bytes(pickle.dumps({"model.norm.weight": Harm(tmp_path / "harm")}))
    with pytest.raises(MmskinError, match="cannot be read as weights"):
        convert_llava(tmp_path / "model", tmp_path / "out", drawn / "tower", pickles=True)
    assert not (tmp_path / "harm").exists()
    assert not (tmp_path / "out").exists()


def test_no_space_and_a_used_folder_are_told_first(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(OutputExists):
        convert_llava(drawn / "model", tmp_path, drawn / "tower")
    with pytest.raises(OutputExists, match="which is read"):
        convert_llava(drawn / "model", drawn, drawn / "tower", overwrite=True)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(check.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(MmskinError, match="are free on that disk"):
        convert_llava(drawn / "model", tmp_path / "out", drawn / "tower")
