"""Features are extracted once, a shard at a time; what was torn is made again, and what differs is kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.data import Benchmark, open_rows, picture
from mmskin_hub.evals.probes import cache
from mmskin_hub.evals.probes.cache import features, folder_for_features
from mmskin_hub.evals.probes.encoders import Encoder, load_encoder
from mmskin_hub.evals.probes.run import protocol_of
from tests.evals.probes.drawn import BROKEN, FACTORY, Means, dataset, to_tensor


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dataset(tmp_path_factory.mktemp("data") / "ham10000")


@pytest.fixture
def rows(built: Path, monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    """159 training rows, in shards of 32."""
    monkeypatch.setattr(cache, "SHARD", 32)
    Means.seen = 0
    return open_rows(protocol_of("probe_ham10000", "strict"), {"ham10000": str(built)}, "train")


@pytest.fixture
def encoder() -> Encoder:
    return load_encoder(FACTORY, device="cpu")


def shards(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/shard-*.npz"))


def test_features_are_those_of_each_picture_in_order(rows: Benchmark, encoder: Encoder, tmp_path: Path) -> None:
    found = features(encoder, rows, tmp_path, store="float32", batch_size=7)
    assert len(found) == len(rows) == 159 and len(shards(tmp_path)) == 5
    for place, row in enumerate(rows):
        pixels = to_tensor(picture(row))[None]
        expected = torch.nn.functional.adaptive_avg_pool2d(pixels, 3).flatten()
        assert np.allclose(found.x[place], expected, atol=1e-6)
        assert (found.words["id"][place], found.y[place]) == (row["id"], row["label"])
        assert found.groups[place] == row["group_id"] and found.number[place] == place
        assert found.words["sex"][place] == (row["sex"] or "")


def test_nothing_is_extracted_twice(rows: Benchmark, encoder: Encoder, tmp_path: Path) -> None:
    first = features(encoder, rows, tmp_path)
    assert Means.seen == 159
    again = features(load_encoder(FACTORY, device="cpu"), rows, tmp_path)
    assert Means.seen == 159
    assert np.array_equal(first.x, again.x) and np.array_equal(first.words["id"], again.words["id"])
    kept = features(encoder, rows, tmp_path, store="float32")
    assert Means.seen == 318 and np.abs(kept.x - first.x).max() < 1e-3


def test_a_run_that_was_killed_goes_on(
    rows: Benchmark, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = features(encoder, rows, tmp_path / "whole", batch_size=16)
    Means.seen = 0
    atomic = cache.atomic

    def killed(path: Path) -> Any:
        if path.name == "shard-00002.npz":
            raise KeyboardInterrupt
        return atomic(path)

    with monkeypatch.context() as patch:
        patch.setattr(cache, "atomic", killed)
        with pytest.raises(KeyboardInterrupt):
            features(encoder, rows, tmp_path / "cut", batch_size=16)
    assert len(shards(tmp_path / "cut")) == 2
    Means.seen = 0
    done: list[int] = []
    found = features(encoder, rows, tmp_path / "cut", batch_size=16, update=done.append)
    assert Means.seen == 95 and done == [64, 96, 128, 159]
    assert np.array_equal(found.x, whole.x) and np.array_equal(found.number, whole.number)


def test_a_torn_shard_and_all_behind_it_are_made_again(rows: Benchmark, encoder: Encoder, tmp_path: Path) -> None:
    whole = features(encoder, rows, tmp_path)
    torn = shards(tmp_path)[1]
    torn.write_bytes(torn.read_bytes()[:300])
    Means.seen = 0
    assert np.array_equal(features(encoder, rows, tmp_path).x, whole.x)
    assert Means.seen == 127 and len(shards(tmp_path)) == 5


def test_other_weights_rows_or_form_are_kept_apart(built: Path, rows: Benchmark, tmp_path: Path) -> None:
    encoder = load_encoder(FACTORY, device="cpu")
    features(encoder, rows, tmp_path)
    test = open_rows(rows.protocol, {"ham10000": str(built)}, "test")
    features(encoder, test, tmp_path)
    features(encoder, open_rows(rows.protocol, {"ham10000": str(built)}, "train", 20), tmp_path)
    other = load_encoder(FACTORY, device="cpu")
    with torch.no_grad():
        other._model.mix.weight[0, 0] = 2.0  # type: ignore[attr-defined]
    changed: Any = other
    changed.revision = "another"
    features(other, rows, tmp_path)
    folders = [folder for folder in tmp_path.iterdir() if (folder / "key.json").exists()]
    assert len(folders) == 4


def test_weights_make_the_revision() -> None:
    first, second = load_encoder(FACTORY, device="cpu"), load_encoder(FACTORY, device="cpu")
    assert first.revision == second.revision and len(first.revision) == 64
    from mmskin_hub.evals.probes.encoders import weights_digest

    weights = Means().state_dict()
    before = weights_digest(weights)
    weights["mix.weight"][3, 3] += 1e-6
    assert weights_digest(weights) != before
    assert weights_digest({"mix.weight": weights["mix.weight"].to(torch.bfloat16)}) != before


def test_a_batch_too_large_for_the_device_is_halved(rows: Benchmark, encoder: Encoder, tmp_path: Path) -> None:
    whole = features(encoder, rows, tmp_path / "whole")
    sizes: list[int] = []

    class Small:
        name, revision, facts = encoder.name, encoder.revision, encoder.facts

        def prepare(self, images: list[Image.Image]) -> Any:
            return encoder.prepare(images)

        def encode(self, batch: Any) -> Any:
            if len(batch) > 3:
                raise torch.OutOfMemoryError("out of memory")
            sizes.append(len(batch))
            return encoder.encode(batch)

    assert np.array_equal(features(Small(), rows, tmp_path / "small", batch_size=16).x, whole.x)
    assert max(sizes) <= 3 and sum(sizes) == 159


def test_features_that_are_no_numbers_name_the_row(rows: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(MmskinError, match=r"features of row row\d+ are not finite numbers"):
        features(load_encoder(BROKEN, device="cpu"), rows, tmp_path)
    assert not shards(tmp_path)


def test_features_too_large_for_float16_are_not_rounded_to_infinity(
    rows: Benchmark, encoder: Encoder, tmp_path: Path
) -> None:
    with torch.no_grad():
        encoder._model.mix.weight *= 1e6  # type: ignore[attr-defined]
    with pytest.raises(MmskinError, match="too large for float16") as caught:
        features(encoder, rows, tmp_path)
    assert "float32" in caught.value.remedy
    assert features(encoder, rows, tmp_path, store="float32").x.max() > 1e5


def test_bad_places_are_told(rows: Benchmark, encoder: Encoder, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MmskinError, match="features cannot be kept there"):
        features(encoder, rows, tmp_path / "file")
    with pytest.raises(WrongUse, match="cannot be kept in 'int8'"):
        features(encoder, rows, tmp_path, store="int8")


def test_features_are_kept_in_the_cache_of_hugging_face() -> None:
    from huggingface_hub.constants import HF_HOME

    assert folder_for_features().is_relative_to(HF_HOME)
