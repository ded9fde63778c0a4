"""Pictures an image encoder takes for the same, where their hashes differ: another crop, another light, a retouch.

Needs the extra ``audit`` (transformers, torch, faiss); nothing of it is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import MissingExtra, WrongUse
from mmskin_hub.evals.overlap.hashes import Unreadable, decode

Vectors = NDArray[np.float32]
SIMILARITY = 0.95
"""Cosine from which two vectors are of the same picture. It depends on the model: look at the sheet, and set it."""


class Encoder:
    """An image encoder of transformers: ``model`` is a name on the Hub, or a folder."""

    def __init__(self, model: str) -> None:
        """Load it; raises :class:`MissingExtra` without the packages, :class:`WrongUse` without the model."""
        try:
            import faiss  # noqa: F401  found out now, not after an hour of encoding
            import torch
            from transformers import AutoImageProcessor, AutoModel
        except ImportError as error:
            raise MissingExtra("mmskin audit --embeddings", "audit", error.name or str(error)) from error
        self._torch: Any = torch
        try:
            self._processor: Any = AutoImageProcessor.from_pretrained(model)
            whole: Any = AutoModel.from_pretrained(model)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            raise WrongUse(f"--embeddings {model} cannot be loaded: {reason}", "Name an image encoder.") from error
        # Of a model of pictures and words (CLIP, SigLIP) the half that sees.
        self._model: Any = getattr(whole, "vision_model", whole).eval()

    def encode(self, pictures: Sequence[bytes | None]) -> list[Vectors | None]:
        """A vector of length 1 for each picture; ``None`` where there is none, or none that can be decoded."""
        images = []
        places = []
        for place, data in enumerate(pictures):
            try:
                if data is not None:
                    images.append(decode(data).convert("RGB"))
                    places.append(place)
            except Unreadable:
                continue
        found: list[Vectors | None] = [None] * len(pictures)
        for start in range(0, len(images), 32):
            inputs = self._processor(images=images[start : start + 32], return_tensors="pt")
            with self._torch.inference_mode():
                out = self._model(**inputs)
            pooled = getattr(out, "pooler_output", None)
            pooled = out.last_hidden_state.mean(dim=1) if pooled is None else pooled
            for place, vector in zip(places[start:], pooled.flatten(1).float().numpy(), strict=False):
                found[place] = vector / max(float(np.linalg.norm(vector)), 1e-12)
        return found


class VectorIndex:
    """Vectors of length 1, searched by cosine with faiss, all with all: encoding takes far longer."""

    def __init__(self, vectors: Sequence[Any]) -> None:
        """Raises :class:`MissingExtra` without faiss."""
        try:
            import faiss
        except ImportError as error:
            raise MissingExtra("mmskin audit --embeddings", "audit", error.name or str(error)) from error
        matrix = np.ascontiguousarray(np.stack(list(vectors)), dtype=np.float32)
        self._index: Any = faiss.IndexFlatIP(matrix.shape[1])
        self._index.add(matrix)

    def search(self, queries: Sequence[Any], far: float) -> list[tuple[int, int, float]]:
        """(query, place, 1 - cosine) of every pair at most ``far`` apart."""
        if not queries:
            return []
        matrix = np.ascontiguousarray(np.stack(list(queries)), dtype=np.float32)
        limits, cosines, places = self._index.range_search(matrix, 1.0 - far)
        owners = np.repeat(np.arange(len(matrix)), np.diff(limits.astype(np.int64)))
        away = np.maximum(0.0, 1.0 - cosines)
        return list(zip(owners.tolist(), places.tolist(), away.tolist(), strict=True))
