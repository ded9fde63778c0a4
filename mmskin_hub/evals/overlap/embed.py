"""Pictures an image encoder takes for the same, where their hashes differ: another crop, another light, a retouch.

Needs the extra ``audit`` (transformers, torch, faiss); nothing of it is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.errors import MissingExtra, MmskinError, WrongUse, describe
from mmskin_hub.evals.overlap.hashes import Unreadable, decode

Vectors = NDArray[np.float32]
SIMILARITY = 0.95
"""Cosine from which two vectors are of the same picture. It depends on the model: look at the sheet, and set it."""
_SEEING = ("vision_model", "vision_tower")
"""What the half that sees is called in models of pictures and words."""
_AT_ONCE = 32
_ROUNDING = 1e-6
"""What a cosine in float32 may be off: a picture and itself are at 1 - 1e-7."""


class Encoder:
    """An image encoder of transformers: ``model`` is a name on the Hub, or a folder.

    Of a model of pictures and words (CLIP, SigLIP, LLaVA) it is the half that sees. A picture's vector is what the
    model itself makes of all its tokens (``pooler_output``), or their mean where it has no weights for that.
    """

    def __init__(self, model: str) -> None:
        """Load it, in float32 and from safetensors only, and try it on a picture.

        Raises :class:`MissingExtra` without the packages, :class:`WrongUse` where ``model`` cannot be loaded whole or
        does not turn pictures into vectors.
        """
        try:
            import faiss  # noqa: F401  found out now, not after an hour of encoding
            import torch
            from transformers import AutoImageProcessor, AutoModel
        except ImportError as error:
            raise MissingExtra("mmskin audit --embeddings", "audit", error.name or str(error)) from error
        self._torch: Any = torch
        self._name = model
        try:
            self._processor: Any = AutoImageProcessor.from_pretrained(model)
            loaded: Any = AutoModel.from_pretrained(
                model, dtype=torch.float32, use_safetensors=True, output_loading_info=True
            )
        except Exception as error:  # of half a dozen libraries, each with errors of its own
            raise _unusable(model, "cannot be loaded", error) from error
        whole, told = loaded
        half = next((name for name in _SEEING if hasattr(whole, name)), "")
        missing = [key for key in told["missing_keys"] if key.startswith(f"{half}." if half else "")]
        # Without weights for it, transformers draws the pooler anew at each start: two runs would not agree.
        self._pools = not any("pooler" in key for key in missing)
        if any("pooler" not in key for key in missing):
            raise _unusable(model, "is not whole", ValueError(f"its weights lack {sorted(missing)[0]}"))
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model: Any = (getattr(whole, half) if half else whole).eval().to(self._device)
        try:
            self._vectors([_trial()])
        except MmskinError:
            raise
        except Exception as error:  # whatever a model says that wants words, or something else, beside a picture
            raise _unusable(model, "does not turn a picture into a vector", error) from error

    def encode(self, pictures: Sequence[bytes | None]) -> list[Vectors | None]:
        """A vector of length 1 for each picture; ``None`` where there is none, or none that can be decoded.

        Raises :class:`MmskinError` where the model computes something that is no number.
        """
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
        for start in range(0, len(images), _AT_ONCE):
            vectors = self._vectors(images[start : start + _AT_ONCE])
            for place, vector in zip(places[start:], vectors, strict=False):
                found[place] = vector
        return found

    def _vectors(self, images: Sequence[Any]) -> Vectors:
        """The vectors (n × size) of pictures."""
        inputs = self._processor(images=list(images), return_tensors="pt").to(self._device)
        with self._torch.inference_mode():
            out = self._model(**inputs)
        pooled = getattr(out, "pooler_output", None) if self._pools else None
        if pooled is None:
            tokens = out.last_hidden_state  # n × tokens × size, or of a convolutional net n × size × rows × columns
            pooled = tokens.mean(dim=(2, 3)) if tokens.ndim == 4 else tokens.mean(dim=1)
        vectors: Vectors = pooled.flatten(1).float().cpu().numpy()
        if len(vectors) != len(images) or not np.isfinite(vectors).all():
            raise MmskinError(
                f"--embeddings {self._name} gives no vector of numbers for a picture.",
                "Name another image encoder, or leave --embeddings out.",
            )
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-12))
        return vectors


def _unusable(model: str, what: str, error: Exception) -> WrongUse:
    reason = describe(error) if type(error) not in (OSError, ValueError) else " ".join(str(error).split())[:300]
    return WrongUse(
        f"--embeddings {model} {what}: {reason}",
        "Name an image encoder of transformers (CLIP, SigLIP, DINOv2, ViT, …) with its weights in safetensors.",
    )


def _trial() -> Any:
    """A picture to try a model on."""
    from PIL import Image

    return Image.new("RGB", (64, 48), (180, 120, 100))


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
        # faiss finds what lies above a bound, not at it.
        limits, cosines, places = self._index.range_search(matrix, 1.0 - far - _ROUNDING)
        owners = np.repeat(np.arange(len(matrix)), np.diff(limits.astype(np.int64)))
        away = np.maximum(0.0, 1.0 - cosines)
        return list(zip(owners.tolist(), places.tolist(), away.tolist(), strict=True))
