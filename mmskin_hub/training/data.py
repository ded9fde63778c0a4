"""The data of a run: datasets opened and checked, every row looked at, weights and caps applied.

For each split, checked before the first step::

    read = used + too_long + capped
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmskin_hub.engine.counts import ImbalanceError
from mmskin_hub.engine.mixture.sources import Source as Built
from mmskin_hub.engine.mixture.sources import open_data
from mmskin_hub.engine.work import atomic, read_json
from mmskin_hub.errors import MmskinError, NothingUsable, WrongUse
from mmskin_hub.training.arguments import ScriptArguments, numbers, unknown
from mmskin_hub.training.collate import Collator, answer_of, decode
from mmskin_hub.training.lengths import Limits, Looked, check_columns, index_key, keep, kept, look
from mmskin_hub.training.rows import Mapped, Rows, Streamed

if TYPE_CHECKING:
    from PIL.Image import Image

REJECTS = "rejects.jsonl"
"""Beside the model: one line for each row that was left out, with id, file, reason and numbers."""
SPLITS = ("train", "validation")
"""The splits that a training reads."""
INDEX = "index"
"""Folder beside the model: what looking at the rows found."""


@dataclass
class Live:
    """The global step under way, on this process: rows and tokens of its micro-batches that were drawn already."""

    ids: list[str] = field(default_factory=list)
    tokens: int = 0
    slots: int = 0
    samples: int = 0

    def reset(self) -> None:
        """Begin a step."""
        self.ids, self.tokens, self.slots, self.samples = [], 0, 0, 0


@dataclass(frozen=True, slots=True)
class Example:
    """A row with its pictures decoded (RGB), to be answered while the training runs."""

    id: str
    prompt: list[dict[str, str]]
    images: list[Image]
    answer: str


@dataclass
class Split:
    """One split: its rows by number, and for each number its id, tokens, weight (1 on average) and row group."""

    name: str
    rows: Rows
    ids: list[str]
    lengths: NDArray[np.int32]
    learned: NDArray[np.int32]
    weights: NDArray[np.float32] | None
    groups: NDArray[np.int32] | None
    pools: list[str]

    def __len__(self) -> int:
        return len(self.rows)

    def example(self, number: int) -> Example:
        """The row ``number`` with its pictures decoded."""
        row = self.rows[number]
        images = [decode(picture, row["id"]) for picture in row["images"]]
        return Example(row["id"], list(row["prompt"]), images, answer_of(row))


@dataclass
class DataFacts:
    """What is known of the data of a run; ``run.json`` and the model card are made from :meth:`as_json`."""

    sources: list[dict[str, Any]]
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    live: Live = field(default_factory=Live)
    examples: list[Example] = field(default_factory=list)
    collator: Any = None
    processor: Any = None
    model_facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Sources with their revisions, and counts, as plain values."""
        return {"sources": self.sources, "counts": self.counts}


def open_training_data(
    script: ScriptArguments,
    training: Any,
    collator: Collator,
    tell: Callable[[str], None] = lambda text: None,
) -> tuple[Split, Split | None, DataFacts]:
    """Training rows, validation rows (``None`` where the data has none), and the facts about both.

    ``training``: the ``SFTConfig``, of which ``output_dir``, ``seed``, ``max_length`` and the order of processes are
    used. Raises :class:`MmskinError` (or one of its kinds) for everything that a run must not begin with. In a run of
    several processes the first looks at the rows, and the others read what it found.
    """
    built = [_opened(text, script) for text in script.data]
    if not built:
        raise WrongUse("No data was named.", "Say --data skinvl_sft=FOLDER")
    facts = DataFacts([dict(name=each.name, **each.facts) for each in built], collator=collator)
    facts.processor = collator.processor
    limits = Limits(training.max_length, script.text_rows, script.check_pictures, script.check_workers)
    output = Path(training.output_dir)
    splits: dict[str, Split] = {}
    rejects: list[dict[str, Any]] = []
    with training.main_process_first(local=False, desc="looking at the rows"):
        for name in SPLITS:
            files = [part.file for each in built for part in each.parts if part.split == name]
            if not files:
                continue
            check_columns(files)
            looked = _looked(output, name, files, built, collator, limits, tell)
            _check_rejects(name, looked, script, limits)
            splits[name] = _split(name, files, looked, script, training.seed, facts)
            rejects += looked.rejects
        if training.process_index == 0:
            output.mkdir(parents=True, exist_ok=True)
            with atomic(output / REJECTS) as temporary:
                lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rejects]
                temporary.write_text("".join(lines), "utf-8")
    if "train" not in splits:
        raise WrongUse(f"{', '.join(script.data)}: there is no train split.", "Name data that has one.")
    train, validation = splits["train"], splits.get("validation")
    facts.examples = _examples(validation or train, script.generate_every_epoch)
    return train, validation, facts


def _opened(text: str, script: ScriptArguments) -> Built:
    """The dataset that ``text`` names, at the version and of the variant that the config wants."""
    built = open_data(text)
    if not built.parts[0].config:
        raise WrongUse(f"--data {text} is a table, not a dataset.", f"Build one: mmskin build skinvl_sft --data {text}")
    _check_whole(text, built)
    if script.data_version is not None and built.version != script.data_version:
        raise WrongUse(
            f"--data {text} is at version {built.version}, and data_version is {script.data_version}.",
            f"Build that version, or change the config: --data_version {built.version}",
        )
    if script.variant is not None:
        variant = _record_of(built).get("variant")
        if variant != script.variant:
            raise WrongUse(
                f"--data {text} is {f'variant {variant}' if variant else 'of no variant'}, and the config trains "
                f"{script.variant}.",
                f"Build it: mmskin build skinvl_sft --variant {script.variant}, or say --variant {variant or 'null'}",
            )
    return built


def _check_whole(text: str, built: Built) -> None:
    """Refuse a dataset that lacks a file its ``build.json`` names, or has one of another size."""
    folder = _home(built)
    for name, said in dict(_record_of(built).get("files") or {}).items():
        if re.split(r"[-.]", Path(name).name)[0] not in SPLITS:
            continue
        path, size = folder / name, said.get("size")
        if not path.is_file():
            found = "is not there"
        elif size is not None and path.stat().st_size != size:
            found = f"has {path.stat().st_size:,} of {size:,} bytes"
        else:
            continue
        raise WrongUse(f"--data {text} is not what its build.json says: {name} {found}.", "Copy, or build, it again.")


def _home(built: Built) -> Path:
    return next(folder for folder in built.path().parents if (folder / "build.json").is_file())


def _record_of(built: Built) -> dict[str, Any]:
    return dict(read_json(_home(built) / "build.json"))


def _looked(
    output: Path,
    split: str,
    files: Sequence[Path],
    built: Sequence[Built],
    collator: Collator,
    limits: Limits,
    tell: Callable[[str], None],
) -> Looked:
    """What is known of the rows of ``split``: from the output folder, or by looking at them."""
    digests = {f"{number}:{name}": digest for number, each in enumerate(built)
               for name, digest in each.facts["files"].items()}  # fmt: skip
    path = output / INDEX / f"{split}.parquet"
    key = index_key({"split": split, **digests}, collator.processor, limits)
    looked = kept(path, key)
    if looked is None:
        tell(f"looking at the rows of {split}")
        looked = look(files, split, collator.renderer, limits, tell)
        keep(path, key, looked)
    return looked


def _check_rejects(split: str, looked: Looked, script: ScriptArguments, limits: Limits) -> None:
    gone = len(looked.rejects)
    if looked.read and not looked.index.num_rows:
        raise NothingUsable(f"Not one of the {looked.read:,} rows of {split} fits into {limits.tokens} tokens.",
                            "Say a larger --max_length")  # fmt: skip
    if gone > script.max_rejected * looked.read:
        longest = max(looked.rejects, key=lambda row: row["tokens"])
        raise MmskinError(
            f"{gone:,} of the {looked.read:,} rows of {split} are longer than max_length ({limits.tokens} tokens); the "
            f"longest is {longest['id']} with {longest['tokens']}. No row is cut, and max_rejected allows for "
            f"{script.max_rejected:.0%} to be left out.",
            "Say a larger --max_length, or a larger --max_rejected",
        )


def _examples(split: Split, count: int) -> list[Example]:
    """``count`` rows evenly spread over ``split``: the same in every run over the same data."""
    step = max(1, len(split) // max(1, count))
    return [split.example(number) for number in range(0, len(split), step)][:count]


def _split(
    name: str, files: Sequence[Path], looked: Looked, script: ScriptArguments, seed: int, facts: DataFacts
) -> Split:
    """The split as it is trained on, and its counts into ``facts``."""
    index = looked.index
    pools = index["pool"].to_pylist()
    chosen = np.arange(index.num_rows)
    if name == "train":
        chosen = _under_caps(index["id"].to_pylist(), pools, numbers(script.caps, "caps"), seed)
    counts = Counter(pools[number] for number in chosen)
    fates = {"used": len(chosen), "too_long": len(looked.rejects), "capped": index.num_rows - len(chosen)}
    if looked.read != sum(fates.values()):
        raise ImbalanceError(f"{name}: read {looked.read}, {fates}")
    if not len(chosen):
        raise NothingUsable(f"The caps leave none of the {index.num_rows:,} rows of {name}.", "Say larger --caps")
    taken = index.take(chosen)
    lengths = taken["length"].to_numpy()
    facts.counts[name] = {
        "read": looked.read, **fates, "tokens": int(lengths.sum()), "learned": int(taken["learned"].to_numpy().sum()),
        "longest": int(lengths.max(initial=0)), "pools": dict(sorted(counts.items())),
    }  # fmt: skip
    weights = _weights(taken["weight"].to_numpy(), taken["pool"].to_pylist(), script) if name == "train" else None
    source = Streamed(files) if script.stream else Mapped(files, name)
    return Split(
        name,
        Rows(source, taken["place"].to_numpy()),
        taken["id"].to_pylist(),
        lengths,
        taken["learned"].to_numpy(),
        weights,
        taken["group"].to_numpy() if script.stream else None,
        taken["pool"].to_pylist(),
    )


def _names(pools: Sequence[str]) -> list[str]:
    """What weights and caps may name: sources, and source/config."""
    return sorted({*pools, *(pool.partition("/")[0] for pool in pools)} - {"", "/"})


def _share(pool: str, given: Mapping[str, float]) -> tuple[str, float] | None:
    """The entry of ``given`` that holds for ``pool``: that of source/config before that of source."""
    for name in (pool, pool.partition("/")[0]):
        if name in given:
            return name, given[name]
    return None


def _under_caps(ids: Sequence[str], pools: Sequence[str], caps: Mapping[str, float], seed: int) -> NDArray[np.int64]:
    """The rows that the caps leave, in their order; which ones stay, a hash of seed and id decides."""
    unknown(caps, _names(pools), "caps")
    for name, most in caps.items():
        if most != int(most):
            raise WrongUse(f"caps: {name}={most} is no number of rows.", "Say a whole number; shares are for --weights")
    members: dict[str, list[int]] = {}
    for number, pool in enumerate(pools):
        if entry := _share(pool, caps):
            members.setdefault(entry[0], []).append(number)
    gone: set[int] = set()
    for name, own in members.items():
        own.sort(key=lambda number: hashlib.sha256(f"{seed}:cap:{ids[number]}".encode()).digest())
        gone.update(own[int(caps[name]) :])
    return np.array([number for number in range(len(ids)) if number not in gone], dtype=np.int64)


def _weights(weights: NDArray[Any], pools: Sequence[str], script: ScriptArguments) -> NDArray[np.float32] | None:
    """The weight of each row, 1 on average; ``None`` where all are alike."""
    given = numbers(script.weights, "weights")
    unknown(given, _names(pools), "weights")
    own = weights.astype(np.float64) if script.use_row_weights else np.ones(len(pools))
    factors = {pool: (_share(pool, given) or ("", 1.0))[1] for pool in set(pools)}
    own = own * np.array([factors[pool] for pool in pools])
    if not np.isfinite(own).all() or own.min(initial=0) < 0 or (len(own) and own.sum() == 0):
        raise WrongUse("The weights of the rows are not numbers from 0 on, or all 0.", "Change --weights, or the data.")
    if not len(own) or np.allclose(own, own[0]):
        return None
    shares: NDArray[np.float32] = (own * len(own) / own.sum()).astype(np.float32)
    return shares
