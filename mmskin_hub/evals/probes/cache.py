"""Features are extracted once, and kept under what made them.

::

    <cache>/<key>/shard-00000.npz    the features and the small columns of 512 rows
    <cache>/<key>/key.json           what the key is a digest of, for people

The key is a digest of the encoder (weights, output, preprocessing, dtype), of the rows (revision of the dataset,
split, limit) and of the form of the files. Each shard is written whole or not at all: a run that is killed goes on
behind its last shard, and nothing is extracted twice. Pictures are in memory a batch at a time, features all.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.engine.work import TEMPORARY, atomic, write_json
from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.evals.data import Benchmark, picture
from mmskin_hub.evals.probes.encoders import Encoder

FORMAT = 1
"""Raised when the files change."""
SHARD = 512
"""Rows a shard: what a kill costs at most."""
STORES = ("float16", "float32")
WORDS = ("id", "group_id", "skin_tone", "sex", "modality")
"""The columns that are kept as text beside the features; "" for what is not known."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Features of one split: ``x`` [rows, columns] in float32, ``y`` class ids, and the small columns.

    ``words`` holds each of :data:`WORDS`, ``years`` ages (NaN where unknown), ``number`` the place of each row in its
    benchmark.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int64]
    words: Mapping[str, NDArray[np.str_]]
    years: NDArray[np.float64]
    number: NDArray[np.int64]

    @property
    def groups(self) -> NDArray[np.str_]:
        """The group (patient, lesion, …) of each row, by which intervals and folds are made."""
        return self.words["group_id"]

    def __len__(self) -> int:
        return len(self.y)


def folder_for_features() -> Path:
    """Where features are kept unless the user says otherwise: below the cache folder of Hugging Face."""
    from huggingface_hub.constants import HF_HOME

    return Path(HF_HOME) / "mmskin" / "features"


def features(
    encoder: Encoder,
    benchmark: Benchmark,
    cache: Path | None = None,
    *,
    store: str = "float16",
    batch_size: int = 32,
    update: Callable[[int], None] = lambda done: None,
) -> Rows:
    """The features of every row of ``benchmark``: read where they are kept, extracted where not.

    ``store`` is the dtype they are kept in. ``update`` is told the number of rows that are done. Raises
    :class:`MmskinError` for a picture that cannot be decoded, features that are no finite numbers (or, in float16, too
    large for it), and a cache that cannot be written; :class:`WrongUse` for a store that there is not.
    """
    if store not in STORES:
        raise WrongUse(f"Features cannot be kept in {store!r}.", f"There are: {', '.join(STORES)}")
    told = describe_key(encoder, benchmark, store)
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    folder = (cache or folder_for_features()) / key
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for torn in folder.glob(f"*{TEMPORARY}*"):
            torn.unlink(missing_ok=True)
        if not (folder / "key.json").exists():
            write_json(folder / "key.json", told)
        shards = _kept(folder, len(benchmark))
        done = sum(len(shard["y"]) for shard in shards)
        update(done)
        for shard in _extracted(encoder, _after(benchmark, done), batch_size, np.dtype(store)):
            path = folder / f"shard-{len(shards):05d}.npz"
            with atomic(path) as temporary, temporary.open("wb") as file:
                np.savez(file, **shard)
            shards.append(shard)
            done += len(shard["y"])
            update(done)
    except OSError as error:
        raise MmskinError(
            f"{folder}: features cannot be kept there: {error.strerror or error}.", "Name another cache folder."
        ) from error
    return _joined(shards)


def describe_key(encoder: Encoder, benchmark: Benchmark, store: str) -> dict[str, Any]:
    """What decides the features of a row, and which rows there are; JSON."""
    places = hashlib.sha256(repr([place.row for place in benchmark.places]).encode()).hexdigest()
    return {
        "format": FORMAT,
        "shard": SHARD,
        "store": store,
        "encoder": {"weights": encoder.revision, **encoder.facts},
        "data": {
            "dataset": benchmark.protocol.dataset,
            "split": benchmark.split,
            "revision": benchmark.revision,
            "classes": list(benchmark.protocol.classes),
            "rows": len(benchmark),
            "places": places,
        },
    }


def _after(benchmark: Benchmark, done: int) -> Benchmark:
    return benchmark.without([place.row for place in benchmark.places[:done]]) if done else benchmark


def _kept(folder: Path, rows: int) -> list[dict[str, Any]]:
    """The whole shards from the first on; a shard that cannot be read, and all behind it, is taken away."""
    found: list[dict[str, Any]] = []
    paths = sorted(folder.glob("shard-*.npz"))
    for number, path in enumerate(paths):
        try:
            with np.load(path, allow_pickle=False) as held:
                shard = {name: held[name] for name in held.files}
            whole = path.name == f"shard-{number:05d}.npz" and len(shard["x"]) == len(shard["y"])
            if whole and sum(len(each["y"]) for each in found) + len(shard["y"]) <= rows:
                found.append(shard)
                continue
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            pass
        for torn in paths[number:]:
            torn.unlink(missing_ok=True)
        break
    return found


def _extracted(encoder: Encoder, rows: Iterable[dict[str, Any]], size: int, store: Any) -> Iterator[dict[str, Any]]:
    """Shards of features. While the encoder works on a batch, the next is decoded and prepared."""
    waiting: list[dict[str, Any]] = []
    with ThreadPoolExecutor(1) as pool:
        reader = iter(rows)
        ahead = pool.submit(_batch, encoder, reader, size)
        while (batch := ahead.result()) is not None:
            ahead = pool.submit(_batch, encoder, reader, size)
            waiting.append(_columns(batch[0], _encoded(encoder, batch[0], batch[1], store), store))
            if sum(len(each["y"]) for each in waiting) >= SHARD:
                yield _one(waiting)
                waiting = []
    if waiting:
        yield _one(waiting)


def _batch(encoder: Encoder, reader: Iterator[dict[str, Any]], size: int) -> tuple[list[dict[str, Any]], Any] | None:
    rows = list(islice(reader, size))
    if not rows:
        return None
    return rows, encoder.prepare([picture(row) for row in rows])


def _encoded(encoder: Encoder, rows: list[dict[str, Any]], batch: Any, store: Any) -> NDArray[np.float32]:
    """The features of a batch; where the device is too small for it, of its halves."""
    import torch

    try:
        found = encoder.encode(batch)
    except torch.OutOfMemoryError as error:
        if len(rows) == 1:
            raise MmskinError(
                f"{encoder.name}: one picture is too much for the memory of the device.", "Use another device."
            ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        half = len(rows) // 2
        parts = [rows[:half], rows[half:]]
        found = np.concatenate(
            [_encoded(encoder, part, encoder.prepare([picture(row) for row in part]), store) for part in parts]
        )
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(found.astype(store)).all(axis=1))
    if len(bad):
        large = bool(np.isfinite(found[bad]).all())
        raise MmskinError(
            f"{encoder.name}: the features of row {rows[int(bad[0])]['id']} are "
            + ("too large for float16." if large else "not finite numbers (NaN or infinity)."),
            "Keep them in float32." if large else "Run the encoder in float32, or look at its weights.",
        )
    return found


def _columns(rows: list[dict[str, Any]], x: NDArray[np.float32], store: Any) -> dict[str, Any]:
    return {
        "x": x.astype(store),
        "y": np.array([row["label"] for row in rows], dtype=np.int64),
        "number": np.array([row["row"] for row in rows], dtype=np.int64),
        "years": np.array([np.nan if row["age_years"] is None else row["age_years"] for row in rows], dtype=np.float64),
        **{name: np.array([str(row[name] or "") for row in rows], dtype=np.str_) for name in WORDS},
    }


def _one(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _joined(shards: list[dict[str, Any]]) -> Rows:
    if len({shard["x"].shape[1] for shard in shards}) > 1:
        raise MmskinError("The features of one encoder have different numbers of columns.", "Look at the encoder.")
    whole = _one(shards)
    words = {name: whole[name] for name in WORDS}
    return Rows(whole["x"].astype(np.float32), whole["y"], words, whole["years"], whole["number"])
