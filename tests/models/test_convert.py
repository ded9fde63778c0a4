"""A converted model answers as the original does: tokens, pixels and logits, also in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece", reason="draws a tokenizer.model")
import torch
from safetensors.torch import load_file

from mmskin_hub.cli import main
from mmskin_hub.models.convert import convert_llava
from tests.models import original

ROOT = Path(__file__).parents[2]
QUESTION = [{"type": "image"}, {"type": "text", "text": "What is shown  in the picture?"}]
TALK = [
    {"role": "user", "content": QUESTION},
    {"role": "assistant", "content": [{"type": "text", "text": "a nevus, 5 µm"}]},
    {"role": "user", "content": "Is the lesion benign?"},
]
SAID = {
    "mistral": "[INST] <image>\nWhat is shown  in the picture? [/INST] a nevus, 5 µm </s>"
    "[INST] Is the lesion benign? [/INST]",
    "llama": "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions. USER: <image>\nWhat is shown  in the picture? "
    "ASSISTANT: a nevus, 5 µm</s>USER: Is the lesion benign? ASSISTANT:",
}


def picture(path: Path | None = None, size: tuple[int, int] = (90, 37)) -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    drawn = Image.fromarray(pixels)
    if path:
        drawn.save(path)
    return drawn


def drawn(folder: Path, family: str = "mistral", *, pickled: bool = True, **changes: Any) -> Any:
    """A whole original checkpoint and its tower, in ``folder/model`` and ``folder/tower``."""
    settings = original.config(family, **changes)
    tower = original.draw_tower()
    weights = original.draw_weights(settings, tower)
    tokenizer = original.write(folder / "model", settings, weights, pickled=pickled)
    original.write_tower(folder / "tower", tower)
    return settings, tower, weights, tokenizer


def test_a_fresh_process_computes_what_the_original_computes(tmp_path: Path) -> None:
    from transformers import AutoProcessor

    picture(tmp_path / "picture.png")
    command, made = [sys.executable, "-m", "tests.models.reload", str(tmp_path / "picture.png")], {}
    for family, pickled in (("mistral", True), ("llama", False)):
        made[family] = drawn(tmp_path / family, family, pickled=pickled)
        if family == "llama":
            original.as_fast(tmp_path / family / "model")
        folder = tmp_path / family / "out"
        convert_llava(tmp_path / family / "model", folder, tmp_path / family / "tower", pickles=pickled)
        prompt = AutoProcessor.from_pretrained(folder, backend="pil").apply_chat_template(
            TALK, add_generation_prompt=True
        )
        assert prompt == SAID[family]
        command += [str(folder), prompt, str(tmp_path / f"{family}.logits")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    for family, line in zip(made, done.stdout.splitlines(), strict=True):
        told = json.loads(line)
        assert told["class"] == "LlavaForConditionalGeneration"
        assert not (told["missing_keys"] or told["unexpected_keys"] or told["mismatched_keys"])
        check_answers(load_file(tmp_path / f"{family}.logits"), SAID[family], *made[family])


def check_answers(
    found: dict[str, torch.Tensor], prompt: str, settings: Any, tower: Any, weights: Any, tokenizer: Any
) -> None:
    """Ids, pixels and logits are those of the original model."""
    ids = original.prompt_ids(tokenizer, prompt)
    spread = [part for each in ids for part in ([300] * 16 if each == original.IMAGE_TOKEN else [each])]
    assert found["ids"][0].tolist() == spread
    pixels = original.prepare(picture(), 56)
    assert torch.equal(found["pixels"], pixels)
    logits = original.forward(weights, settings, tower, ids, pixels)
    assert found["logits"].shape[-1] == 320
    assert logits.abs().max() > 2
    assert (found["logits"][..., :300] - logits).abs().max() <= 1e-5
    # New tokens get the mean logit: they are never the likeliest.
    assert (found["logits"][..., 300:] <= found["logits"][..., :300].max(-1, keepdim=True).values).all()


def test_another_layer_and_the_cls_token_are_followed(tmp_path: Path) -> None:
    settings, tower, weights, tokenizer = drawn(
        tmp_path, mm_vision_select_layer=-1, mm_vision_select_feature="cls_patch", image_aspect_ratio="square",
        sliding_window=8,
    )  # fmt: skip
    convert_llava(tmp_path / "model", tmp_path / "out", tmp_path / "tower", pickles=True)
    prompt = "[INST] <image>\nIs the lesion benign? [/INST]"
    processor, model = loaded(tmp_path / "out")
    inputs = processor(text=[prompt], images=[picture()], return_tensors="pt")
    pixels, ids = original.prepare(picture(), 56, pad=False), original.prompt_ids(tokenizer, prompt)
    assert torch.equal(inputs["pixel_values"], pixels)
    logits = original.forward(weights, settings, tower, ids, pixels)
    with torch.inference_mode():
        assert (model(**inputs).logits[..., :300] - logits).abs().max() <= 1e-5
    # A control: another layer, or no window, would show.
    for change in ({"mm_vision_select_layer": -2}, {"sliding_window": None}):
        other = original.forward(weights, {**settings, **change}, tower, ids, pixels)
        assert (other - logits).abs().max() > 0.05, change


def loaded(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    return processor, AutoModelForImageTextToText.from_pretrained(folder).eval()


def test_batches_with_two_pictures_and_none(tmp_path: Path) -> None:
    settings, tower, weights, tokenizer = drawn(tmp_path)
    convert_llava(tmp_path / "model", tmp_path / "out", tmp_path / "tower", pickles=True)
    processor, model = loaded(tmp_path / "out")
    pictures = [picture(), picture(size=(40, 70))]
    prompts = ["[INST] <image>\n<image>\nWhich one? [/INST]", "[INST] Is it benign? [/INST]"]
    inputs = processor(text=prompts, images=[pictures, []], return_tensors="pt", padding=True)
    with torch.inference_mode():
        found = model(**inputs).logits
    for row, (prompt, shown) in enumerate(zip(prompts, (pictures, []), strict=True)):
        pixels = torch.cat([original.prepare(each, 56) for each in shown] or [torch.zeros(1, 3, 56, 56)])
        logits = original.forward(weights, settings, tower, original.prompt_ids(tokenizer, prompt), pixels)
        assert (found[row, -logits.shape[1] :, :300] - logits[0]).abs().max() <= 1e-5


def test_the_same_checkpoint_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(tmp_path)
    first = convert_llava(tmp_path / "model", tmp_path / "a", tmp_path / "tower", pickles=True)
    again = convert_llava(tmp_path / "model", tmp_path / "b", tmp_path / "tower", pickles=True)
    assert first == again
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}
    assert json.loads(files["run.json"])["convert"]["result"] == first["result"]
    # Small shards hold the same tensors, and load the same.
    from mmskin_hub.models import convert, folder

    monkeypatch.setattr(convert, "plan_shards", lambda sizes: folder.plan_shards(sizes, 60_000))
    convert_llava(tmp_path / "model", tmp_path / "c", tmp_path / "tower", pickles=True)
    assert len(list((tmp_path / "c").glob("model-*-of-*.safetensors"))) > 3
    one, many = folder.open_weights(tmp_path / "a"), folder.open_weights(tmp_path / "c")
    assert one.tensors.keys() == many.tensors.keys()
    assert all(torch.equal(one.get(key), many.get(key)) for key in one.tensors)


def test_a_half_precision_checkpoint_stays_one(tmp_path: Path) -> None:
    settings = original.config("mistral")
    tower = original.draw_tower()
    weights = {key: value.bfloat16() for key, value in original.draw_weights(settings, tower).items()}
    original.write(tmp_path / "model", settings, weights)
    original.write_tower(tmp_path / "tower", tower)
    facts = convert_llava(tmp_path / "model", tmp_path / "out", tmp_path / "tower", pickles=True)
    assert facts["dtype"] == "bfloat16"
    assert facts["vision_tower"]["compared"]["differing"] == 0
    kept = load_file(tmp_path / "out" / "model.safetensors")
    assert {value.dtype for value in kept.values()} == {torch.bfloat16}
    name = "model.layers.1.mlp.up_proj.weight"
    assert torch.equal(kept[name.replace("model.", "model.language_model.", 1)], weights[name])
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"


def test_start_and_end_marks_and_newer_tokenizers(tmp_path: Path) -> None:
    drawn(tmp_path, mm_use_im_start_end=True)
    path = tmp_path / "model" / "tokenizer_config.json"
    settings = {**json.loads(path.read_text()), "legacy": False}
    plain = dict.fromkeys(("normalized", "lstrip", "rstrip", "single_word"), False)
    names = enumerate(("<im_start>", "<im_end>"), 300)
    tokens = {str(place): {"content": token, "special": True, **plain} for place, token in names}
    path.write_text(json.dumps({**settings, "added_tokens_decoder": tokens}))
    facts = convert_llava(tmp_path / "model", tmp_path / "out", tmp_path / "tower", pickles=True)
    assert "legacy: false" in facts["warnings"][0]
    processor, model = loaded(tmp_path / "out")
    prompt = processor.apply_chat_template(TALK[:1])
    assert prompt == "[INST] <im_start><image><im_end>\nWhat is shown  in the picture? [/INST]"
    ids = processor(text=[prompt], images=[picture()], return_tensors="pt")["input_ids"][0].tolist()
    place = ids.index(300)
    assert ids[place : place + 18] == [300, *[302] * 16, 301]
    assert model.config.image_token_id == 302


def test_the_command_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn(tmp_path)
    command = ["convert", "llava-med", str(tmp_path / "model"), "--out", str(tmp_path / "out")]
    assert main([*command, "--vision-tower", str(tmp_path / "tower"), "--pickle"]) == 0
    told = capsys.readouterr()
    for word in ("LlavaMistralForCausalLM", "float32", "equals openai/clip-tiny", "302 tokens, 320 rows", "out"):
        assert word in told.out
    assert "warning" not in told.err
    assert main([*command, "--vision-tower", str(tmp_path / "tower"), "--pickle"]) == 1
    assert "--overwrite" in capsys.readouterr().err
    again = [*command, "--vision-tower", str(tmp_path / "tower"), "--pickle", "--overwrite", "--json"]
    assert main(again) == 0
    assert json.loads(capsys.readouterr().out)["vision_tower"]["used"] == "checkpoint"
