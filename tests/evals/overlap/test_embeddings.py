"""``mmskin audit --embeddings`` with real encoders, drawn from configs: a tiny CLIP, DINOv2, ViT and others.

The encoders are told nothing of where a patch lies (their position embeddings are 0), so a picture rolled by whole
patches is the same to them, while its hash is another: what they find, hashes cannot.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from mmskin_hub.cli import main
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.overlap import Request, audit
from mmskin_hub.evals.overlap.embed import Encoder, VectorIndex
from tests.engine.mixture.drawn import built, photo, public_row

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("faiss")

SIDE, PATCH = 96, 24
SEES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": PATCH,
}
WORDS = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}


def clip() -> Any:
    config = transformers.CLIPConfig(text_config=WORDS, vision_config=SEES, projection_dim=16)
    return transformers.CLIPModel(config)


def siglip() -> Any:
    return transformers.SiglipModel(transformers.SiglipConfig(text_config=WORDS, vision_config=SEES))


def dinov2() -> Any:
    sees = {name: value for name, value in SEES.items() if name != "intermediate_size"}
    return transformers.Dinov2Model(transformers.Dinov2Config(**sees, mlp_ratio=2))


def vit() -> Any:
    return transformers.ViTModel(transformers.ViTConfig(**SEES))


def classifier() -> Any:
    """A ViT without a pooler, as those trained to classify are published."""
    return transformers.ViTForImageClassification(transformers.ViTConfig(**SEES))


def resnet() -> Any:
    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    return transformers.ResNetModel(config)


DRAWN: dict[str, Callable[[], Any]] = {
    "clip": clip,
    "siglip": siglip,
    "dinov2": dinov2,
    "vit": vit,
    "classifier": classifier,
    "resnet": resnet,
}


def saved(folder: Path, name: str, seed: int = 0, change: Callable[[Any], Any] | None = None) -> Path:
    """The encoder ``name`` with large random weights that see no positions, as ``save_pretrained`` leaves it."""
    torch.manual_seed(seed)
    model = DRAWN[name]()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if "position" in key:
                weight.zero_()
            elif weight.ndim > 1:
                weight.normal_(std=0.3)
    (change or (lambda model: model))(model).save_pretrained(folder)
    size = {"height": SIDE, "width": SIDE}
    exact = {"do_resize": True, "size": size, "do_center_crop": False}
    transformers.ViTImageProcessor(**exact).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every drawn encoder, saved."""
    return {name: saved(tmp_path_factory.mktemp("encoder") / name, name) for name in DRAWN}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def png(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def rolled(seed: int) -> Image.Image:
    return ImageChops.offset(photo(seed, SIDE), 2 * PATCH, PATCH)


def cosines(encoder: Encoder, one: list[bytes], other: list[bytes]) -> Any:
    first, second = (np.stack([v for v in encoder.encode(part) if v is not None]) for part in (one, other))
    return first @ second.T


# The vectors


@pytest.mark.parametrize("name", ["clip", "siglip", "dinov2", "vit", "classifier"])
def test_an_encoder_knows_a_picture_again_and_takes_no_other_for_it(folders: dict[str, Path], name: str) -> None:
    pictures, again = ([png(make(seed)) for seed in range(12)] for make in (lambda s: photo(s, SIDE), rolled))
    found = cosines(Encoder(str(folders[name])), pictures, again)
    assert found.diagonal().min() > 0.9999
    assert (found - np.eye(12)).max() < 0.995


@pytest.mark.parametrize("name", DRAWN)
def test_vectors_are_the_same_in_every_run_and_batch(folders: dict[str, Path], name: str) -> None:
    pictures: list[bytes | None] = [png(photo(seed, SIDE)) for seed in range(40)]
    torch.manual_seed(1)
    whole = Encoder(str(folders[name])).encode(pictures)
    torch.manual_seed(2)
    single = [Encoder(str(folders[name])).encode([picture])[0] for picture in (pictures[0], pictures[33])]
    for one, other in zip((whole[0], whole[33]), single, strict=True):
        assert one is not None and other is not None
        assert np.linalg.norm(one) == pytest.approx(1, abs=1e-6)
        np.testing.assert_allclose(one, other, atol=2e-6)


def test_the_vector_is_what_the_seeing_half_makes_of_the_picture(folders: dict[str, Path]) -> None:
    model = transformers.CLIPModel.from_pretrained(folders["clip"])
    processor = transformers.AutoImageProcessor.from_pretrained(folders["clip"])
    with torch.inference_mode():
        pixels = processor(images=photo(3, SIDE), return_tensors="pt")["pixel_values"]
        wanted = model.vision_model(pixels).pooler_output[0].numpy()
    (found,) = Encoder(str(folders["clip"])).encode([png(photo(3, SIDE))])
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-6)


def test_pictures_of_every_mode_and_size_and_none(folders: dict[str, Path]) -> None:
    odd = [Image.new("RGB", (1, 1)), Image.new("RGB", (3, 3), (9, 8, 7)), Image.new("L", (3, 60), 40)]
    odd += [Image.new("RGBA", (20, 20)), Image.new("P", (5, 9)), Image.new("1", (40, 8)), Image.new("CMYK", (9, 9))]
    kinds = ["PNG"] * 6 + ["JPEG"]
    data: list[bytes | None] = []
    for image, kind in zip(odd, kinds, strict=True):
        target = io.BytesIO()
        image.save(target, kind)
        data.append(target.getvalue())
    found = Encoder(str(folders["dinov2"])).encode([None, *data, b"no picture", b"", None])
    assert [vector is not None for vector in found] == [False, *[True] * 7, False, False, False]


@pytest.mark.parametrize("name", ["clip", "vit"])
def test_a_checkpoint_in_half_precision_gives_float32_vectors(
    folders: dict[str, Path], tmp_path: Path, name: str
) -> None:
    half = saved(tmp_path / "half", name, change=lambda model: model.to(torch.bfloat16))
    (one,), (other,) = (Encoder(str(path)).encode([png(photo(1, SIDE))]) for path in (folders[name], half))
    assert one is not None and other is not None
    assert other.dtype == np.float32
    assert float(one @ other) > 0.98


def test_an_exact_copy_is_found_at_a_similarity_of_1(folders: dict[str, Path]) -> None:
    encoder = Encoder(str(folders["vit"]))
    vectors = encoder.encode([png(photo(seed, SIDE)) for seed in range(5)])
    found = VectorIndex(vectors).search(vectors[2:4], 0.0)
    assert [(query, place) for query, place, _ in found] == [(0, 2), (1, 3)]
    assert VectorIndex(vectors).search([], 0.5) == []


# What cannot be used


def test_a_model_without_weights_for_what_it_needs_is_refused_not_drawn_anew(tmp_path: Path) -> None:
    def without_a_layer(model: Any) -> Any:
        keep = model.state_dict()
        model.save_pretrained(tmp_path / "cut", state_dict={k: v for k, v in keep.items() if "layers.1" not in k})
        return model

    saved(tmp_path / "whole", "clip", change=without_a_layer)
    shutil.copy(tmp_path / "whole" / "preprocessor_config.json", tmp_path / "cut")
    with pytest.raises(WrongUse, match="not whole"):
        Encoder(str(tmp_path / "cut"))


def test_a_vision_language_model_is_taken_for_its_eyes(tmp_path: Path) -> None:
    models = pytest.importorskip("tests.drawing.models")
    models.tiny_llava(tmp_path / "llava")
    found = Encoder(str(tmp_path / "llava")).encode([png(photo(1, 64)), png(photo(2, 64))])
    assert all(vector is not None for vector in found)


@pytest.mark.parametrize("spoiled", ["words", "pickle", "torn", "nothing", "config"])
def test_what_is_no_image_encoder_is_named(folders: dict[str, Path], tmp_path: Path, spoiled: str) -> None:
    folder = tmp_path / "model"
    if spoiled == "words":
        transformers.BertModel(
            transformers.BertConfig(
                hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=64
            )
        ).save_pretrained(folder)
        shutil.copy(folders["vit"] / "preprocessor_config.json", folder)
    elif spoiled != "nothing":
        shutil.copytree(folders["vit"], folder)
    weights = folder / "model.safetensors"
    if spoiled == "pickle":
        torch.save(DRAWN["vit"]().state_dict(), folder / "pytorch_model.bin")
        weights.unlink()
    elif spoiled == "torn":
        weights.write_bytes(weights.read_bytes()[:500])
    elif spoiled == "config":
        (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(WrongUse, match="--embeddings") as refused:
        Encoder(str(folder))
    assert str(folder) in str(refused.value)
    assert "safetensors" in str(refused.value)


def test_vectors_that_are_no_numbers_are_an_error(tmp_path: Path) -> None:
    def broken(model: Any) -> Any:
        model.layernorm.weight.data.fill_(float("nan"))
        return model

    folder = saved(tmp_path / "nan", "vit", change=broken)
    with pytest.raises(MmskinError, match="no vector of numbers"):
        Encoder(str(folder))


# The audit


def sets(tmp_path: Path) -> tuple[Path, Path]:
    """A training set that holds two test pictures rolled, one of them again, and a picture nobody can read."""
    test = [public_row(100 + n, "test", image=png(photo(100 + n, SIDE))) for n in range(5)]
    train = [public_row(n, "train", image=png(photo(n, SIDE))) for n in range(8)]
    train += [public_row(301, "train", image=png(rolled(101))), public_row(303, "train", image=png(rolled(103)))]
    return built(tmp_path / "train", "mine", train), built(tmp_path / "test", "held", test)


@pytest.mark.parametrize("name", ["clip", "dinov2"])
def test_the_audit_finds_by_the_encoder_what_hashes_miss(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    train, test = sets(tmp_path)
    named = ["audit", f"mine={train}", "--against", f"held={test}", "--json"]
    encoder = ["--embeddings", str(folders[name]), "--similarity", "0.999"]
    assert main(named) == 0, "the hashes see nothing"
    capsys.readouterr()
    out, fixed = tmp_path / "out", tmp_path / "fixed"
    assert main([*named, *encoder, "--out", str(out)]) == 3
    report = json.loads(capsys.readouterr().out)
    pairs = {(pair["id"], pair["test_id"]): pair for pair in report["pairs"]}
    assert set(pairs) == {("IMG_301", "IMG_101"), ("IMG_303", "IMG_103")}
    assert {pair["kind"] for pair in pairs.values()} == {"embedding"}
    assert all(pair["distance"] < 0.001 for pair in pairs.values())
    assert report["exclude"]["mine"] == ["IMG_301", "IMG_303"]
    assert report["settings"]["embeddings"] == str(folders[name])
    assert any(path.suffix in (".jpg", ".png", ".html") for path in out.iterdir())
    assert main([*named, *encoder, "--fix", str(fixed)]) == 0
    assert main(["audit", f"mine={fixed}", *named[2:], *encoder]) == 0


def test_the_report_is_the_same_twice_and_pictures_that_cannot_be_read_are_told(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    train, test = sets(tmp_path)
    torn = [public_row(9, "train", image=b"torn"), public_row(301, "train", image=png(rolled(101)))]
    other = built(tmp_path / "other", "other", torn)
    request = Request(
        (f"mine={train}", f"other={other}"), (f"held={test}",), embeddings=str(folders["clip"]), similarity=0.999
    )
    first = audit(request)
    assert json.dumps(first) == json.dumps(audit(request))
    assert [len(each["unreadable"]) for each in first["train"]] == [0, 1]
    assert first["exclude"]["other"] == ["IMG_301"]


def test_quick_does_not_keep_the_encoder_from_the_pictures(folders: dict[str, Path], tmp_path: Path) -> None:
    train, test = sets(tmp_path)
    report = audit(
        Request((f"mine={train}",), (f"held={test}",), embeddings=str(folders["dinov2"]), similarity=0.999, quick=True)
    )
    assert report["exclude"]["mine"] == ["IMG_301", "IMG_303"]
