"""Folders of weights: opened one file at a time, checked for what is not there, written in shards of a known size.

A checkpoint is ``model.safetensors``, or shards with an index that names the file of every tensor; the original LLaVA
ones are mostly ``pytorch_model-*.bin``. Those are pickles: they are opened only where the user said so, and then with
``weights_only=True``, which builds tensors and refuses anything else.
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse, describe

SHARD_BYTES = 4 * 1024**3
"""The largest file written, and so about the most memory a conversion takes."""
_SHARD = re.compile(r"(?P<stem>.+)-(?P<place>\d{5})-of-(?P<count>\d{5})(?P<ending>\.safetensors|\.bin)")
_KINDS = (("model", ".safetensors"), ("pytorch_model", ".bin"))


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a file says about a tensor without loading it. ``dtype`` is torch's, as text: ``"bfloat16"``."""

    file: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(slots=True)
class Weights:
    """The weights of one folder: which tensor lies in which file."""

    folder: Path
    files: tuple[str, ...]
    tensors: dict[str, Tensor] = field(default_factory=dict)
    _pickled: tuple[str, dict[str, Any]] = ("", {})

    def load(self, file: str, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
        """Name and tensor (CPU, as stored) of ``file``, one after the other; only ``keys``, in their order, if given.

        Raises :class:`MmskinError` where the file cannot be read.
        """
        wanted = list(keys) if keys is not None else [key for key, each in self.tensors.items() if each.file == file]
        with _told(self.folder / file):
            if not file.endswith(".bin"):
                yield from _read(self.folder / file, wanted)
                return
            if self._pickled[0] != file:
                # Unpickled once, not once a tensor; the one before is let go first.
                self._pickled = ("", {})
                self._pickled = (file, _unpickled(self.folder / file))
            yield from ((key, self._pickled[1][key]) for key in wanted)

    def get(self, key: str) -> Any:
        """One tensor by its name."""
        return next(self.load(self.tensors[key].file, [key]))[1]

    @property
    def bytes(self) -> int:
        """The size of all its files."""
        return sum((self.folder / file).stat().st_size for file in self.files)


class _told:
    """Turns what readers raise over a damaged file into a word about the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from safetensors import SafetensorError

        damage = (SafetensorError, OSError, EOFError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile)
        if isinstance(error, (*damage, KeyError, ValueError)):
            raise MmskinError(
                f"{self.path} cannot be read as weights ({describe(error)}).",
                "It is damaged or half downloaded: compare its size with the source's, and fetch it again.",
            ) from error


def find_weights(folder: Path) -> tuple[str, ...]:
    """The files of weights in ``folder`` as an index or their names say, or ``()``; safetensors go before pickles.

    Raises :class:`MmskinError` where an index, or the numbering of the shards, names files that are not there.
    """
    for stem, ending in _KINDS:
        index = folder / f"{stem}{ending}.index.json"
        if index.is_file():
            files = tuple(sorted(set(_index(index).values())))
            _refuse_absent(folder, files, f"its index {index.name}")
            return files
        if (folder / f"{stem}{ending}").is_file():
            return (f"{stem}{ending}",)
        shards = [match for path in sorted(folder.glob(f"{stem}-*{ending}")) if (match := _SHARD.fullmatch(path.name))]
        if shards:
            count = int(shards[0]["count"])
            files = tuple(f"{stem}-{place:05d}-of-{count:05d}{ending}" for place in range(1, count + 1))
            _refuse_absent(folder, files, f"the name {shards[0].group()}")
            return files
    return ()


def _index(path: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(path.read_text("utf-8"))["weight_map"]
        return found
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MmskinError(f"{path} is no index of weights ({describe(error)}).", "Fetch the file again.") from error


def _refuse_absent(folder: Path, files: tuple[str, ...], witness: str) -> None:
    absent = [file for file in files if not (folder / file).is_file()]
    if absent:
        raise MmskinError(
            f"{folder} is half downloaded: {witness} speaks of {len(files)} files, and {len(absent)} are not there: "
            f"{', '.join(absent[:8])}{' …' if len(absent) > 8 else ''}.",
            "Fetch the missing files, and run the same command again.",
        )


def open_weights(folder: Path, pickles: bool = False) -> Weights:
    """Read names, shapes and dtypes of all tensors in ``folder``. ``pickles`` allows ``.bin`` files.

    Raises :class:`WrongUse` where there are none, or only pickles, and :class:`MmskinError` where a file is missing,
    damaged, or does not hold what the index says.
    """
    files = find_weights(folder)
    if not files:
        raise WrongUse(f"{folder} holds no weights (model*.safetensors or pytorch_model*.bin).", "Name another folder.")
    if files[0].endswith(".bin") and not pickles:
        raise WrongUse(
            f"{folder} holds pickled weights ({files[0]}); a pickle can run code when it is opened.",
            "If you trust where it comes from, say --pickle: it is then read with weights_only=True.",
        )
    weights = Weights(folder, files)
    for file in files:
        with _told(folder / file):
            weights.tensors.update(_headers(folder, file))
    _check_index(weights)
    return weights


def _check_index(weights: Weights) -> None:
    for stem, ending in _KINDS:
        index = weights.folder / f"{stem}{ending}.index.json"
        if index.is_file() and weights.files[0].endswith(ending):
            absent = [key for key in _index(index) if key not in weights.tensors]
            if absent:
                raise MmskinError(
                    f"{weights.folder}: {len(absent)} tensors that {index.name} names are in none of its files: "
                    f"{', '.join(absent[:5])}{' …' if len(absent) > 5 else ''}.",
                    "The files are of different versions: fetch the whole folder again.",
                )


def _headers(folder: Path, file: str) -> dict[str, Tensor]:
    path, found = folder / file, {}
    if file.endswith(".bin"):
        for key, tensor in _unpickled(path).items():
            found[key] = Tensor(file, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        return found
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        for key in opened.keys():  # noqa: SIM118 (no mapping)
            part = opened.get_slice(key)
            found[key] = Tensor(file, tuple(part.get_shape()), _DTYPES.get(part.get_dtype(), part.get_dtype()))
    return found


_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64"}


def _read(path: Path, keys: list[str]) -> Iterator[tuple[str, Any]]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        for key in keys:
            yield key, opened.get_tensor(key)


def _unpickled(path: Path) -> dict[str, Any]:
    """The tensors of a pickled file, mapped from the disk where its format allows that."""
    import torch

    mapped = zipfile.is_zipfile(path)
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    stray = [key for key, value in found.items() if not isinstance(value, torch.Tensor)]
    if stray:
        raise ValueError(f"{stray[0]!r} is no tensor")
    return found


def plan_shards(sizes: Mapping[str, int], limit: int = SHARD_BYTES) -> dict[str, str]:
    """The file of every tensor, ``model.safetensors`` or numbered shards: ``sizes`` in bytes, kept in their order."""
    places, room, count = [], 0, 1
    for size in sizes.values():
        if room and room + size > limit:
            count, room = count + 1, 0
        room += size
        places.append(count)
    if count == 1:
        return dict.fromkeys(sizes, "model.safetensors")
    return {key: f"model-{place:05d}-of-{count:05d}.safetensors" for key, place in zip(sizes, places, strict=True)}


def write_shards(folder: Path, tensors: Iterable[tuple[str, Any]], files: Mapping[str, str], size: int) -> None:
    """Write ``tensors``, which come in the order of ``files`` (:func:`plan_shards`), holding one file's at a time.

    ``size`` is their total in bytes, for the index. The same tensors give the same bytes.
    """
    from safetensors.torch import save_file

    held: dict[str, Any] = {}
    current = ""
    for key, tensor in tensors:
        if files[key] != current and held:
            save_file(held, folder / current, metadata={"format": "pt"})
            held = {}
        current = files[key]
        held[key] = tensor.contiguous()
    save_file(held, folder / current, metadata={"format": "pt"})
    if len(set(files.values())) > 1:
        index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(files.items()))}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", "utf-8")
