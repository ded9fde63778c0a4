"""The training mixtures of the three SkinVL variants: built datasets become one dataset of conversations.

::

    mmskin build skinvl_sft --variant pubmm --data mm_skin=data/mm-skin --data ham10000=data/ham10000 --out data/pubmm

=========  ===========================================================================================
``mm``     MM-Skin: captions, questions, demographics (or files of its original release)
``pub``    the public classification sets as conversations
``pubmm``  both
=========  ===========================================================================================

Which sources a variant has, how often each is drawn and how much of it is taken at most stands in ``skinvl_sft.yaml``
beside this file, or in the file ``--mixture`` names. Train and validation rows of the sources become train and
validation rows; test rows are never taken, they guard: what repeats one of them is refused
(:mod:`mmskin_hub.engine.mixture.leakage`). Rows are conversational ``prompt`` and ``completion`` with ``images``, so
that a trainer masks question and picture, and learns the answer alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.limits import writing
from mmskin_hub.engine.mixture.choose import mixed, under_cap, weights
from mmskin_hub.engine.mixture.instruct import instructed
from mmskin_hub.engine.mixture.items import LEAKS, Item, Refused, refuse, rejects_table
from mmskin_hub.engine.mixture.leakage import Leak, find_leaks
from mmskin_hub.engine.mixture.pictures import Pictures
from mmskin_hub.engine.mixture.read import read_guards, read_sources
from mmskin_hub.engine.mixture.recipe import VARIANTS, Recipe, read_recipe
from mmskin_hub.engine.mixture.sources import Source, build_command, open_data
from mmskin_hub.engine.mixture.tally import FATES, TAKEN, absent, by_name, count, pairs, pools
from mmskin_hub.engine.mixture.write import Spool, fill, write_rows
from mmskin_hub.engine.publish import check_out, check_version, file_digests, staged
from mmskin_hub.engine.tools import installed_versions
from mmskin_hub.engine.work import write_json
from mmskin_hub.errors import NothingUsable, WrongUse

NAME = "skinvl_sft"
RECIPE = Path(__file__).with_suffix(".yaml")
"""The weights and caps that hold unless ``--mixture`` names others."""
_TOOLS = ("mmskin-hub", "datasets", "pyarrow", "numpy", "pillow", "imagehash")


@dataclass(frozen=True, slots=True)
class Request:
    """What ``mmskin build skinvl_sft`` was asked for; ``data`` and ``against`` as the command line has them."""

    variant: str
    data: tuple[str, ...]
    out: Path
    version: str = "0.1.0"
    mixture: Path | None = None
    against: tuple[str, ...] = ()
    allow_leakage: bool = False
    seed: int = 0
    threads: int = 1
    overwrite: bool = False


@dataclass
class _Mix:
    """What became of the rows, and what of it is told."""

    taken: list[Item]
    refused: list[Refused]
    counts: dict[str, Any]
    leakage: dict[str, Any]
    weights: dict[str, float]


def build(request: Request, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Make the mixture and return the record that ``build.json`` holds; ``tell`` hears what is under way.

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend; ``request.out`` is then as it
    was before.
    """
    began = time.perf_counter()
    recipe, sources, guards = _opened(request)
    mix = _mix(request, recipe, sources, guards, tell)
    chosen = time.perf_counter()
    tell(f"writing {mix.counts['taken']:,} rows")
    with writing(f"--out {request.out}", "--out"), staged(request.out) as stage:
        sizes = _write(stage, request, recipe, mix)
        record = _record(stage, request, recipe, sources, guards, mix, sizes)
        seconds = time.perf_counter() - began
        record["run"] = {
            "seconds": round(seconds, 3),
            "reading_seconds": round(chosen - began, 3),
            "rows_a_second": round(mix.counts["read"] / seconds, 1),
        }
        write_json(stage / "build.json", record)
    return record


def _opened(request: Request) -> tuple[Recipe, list[Source], list[Source]]:
    """Recipe, sources and guards; refuses, before anything is read, what must not be done."""
    if request.variant not in VARIANTS:
        raise WrongUse(f"--variant {request.variant!r} is not known.", f"There are: {', '.join(VARIANTS)}")
    check_version(request.version)
    check_out(request.out, NAME, request.version, request.overwrite)
    recipe = read_recipe(request.mixture or RECIPE, request.variant)
    # In the order of their names: a mixture does not depend on the order of the command line.
    sources = sorted((open_data(text) for text in request.data), key=lambda s: (s.name, s.parts[0].file.name, s.path()))
    guards = sorted((open_data(text, "--against") for text in request.against), key=lambda s: (s.name, s.path()))
    _check_sources(recipe, sources)
    out = request.out.resolve()
    for path in (path for source in (*sources, *guards) for path in source.paths()):
        if path.resolve().is_relative_to(out):
            raise WrongUse(f"{path} lies inside --out {request.out}, which is replaced.", "Name another folder.")
    own = {source.path().resolve() for source in sources}
    # What is a source has its test rows compared with everything anyway.
    return recipe, sources, [guard for guard in guards if guard.parts[0].guards or guard.path().resolve() not in own]


def _check_sources(recipe: Recipe, sources: Sequence[Source]) -> None:
    """Refuse sources the recipe has no line for, at another version, given twice, and a recipe that lacks its own."""
    variant = f"variant {recipe.variant} of {recipe.file}"
    given: dict[str, Source] = {}
    for source in sources:
        entry = recipe.entries.get(source.name)
        if entry is None:
            raise WrongUse(
                f"--data {source.name}: {variant} has no source of that name; it has {', '.join(recipe.entries)}.",
                "Leave it out, choose another --variant, or give it a line in a file of yours: --mixture FILE.yaml",
            )
        if entry.version and source.version != entry.version:
            raise WrongUse(
                f"--data {source.name} is at version {source.version or 'unknown'}, and line {entry.line} of "
                f"{recipe.file} wants {entry.version}.",
                f"Build that version: {build_command(source.name, entry.version)}",
            )
        known = given.setdefault(source.name, source)
        if known is not source and ("version" in {*known.facts, *source.facts} or known.path() == source.path()):
            raise WrongUse(f"--data {source.name} is given twice.", "Name each dataset once.")
    for name, entry in recipe.entries.items():
        if entry.required and name not in given:
            raise WrongUse(
                f"{variant} needs {name}, which was not given.",
                f"Say --data {name}=PATH; to build it: {build_command(name)}",
            )
    if not given:
        raise WrongUse(
            f"No source was given for {variant}.", f"Say --data NAME=PATH; NAME is one of {', '.join(recipe.entries)}"
        )


def _mix(
    request: Request,
    recipe: Recipe,
    sources: Sequence[Source],
    guards: Sequence[Source],
    tell: Callable[[str], None],
) -> _Mix:
    pictures = Pictures(request.threads)
    rows = read_sources(sources, pictures, tell)
    candidates = [item for item in rows.items if item.split in TAKEN]
    tests = [(item.source, item) for item in rows.items if item.split == "test"]
    guarded = [*tests, *read_guards(guards, pictures, tell)]
    tell(f"comparing {len(candidates):,} rows with {len(guarded):,} test rows")
    leaks = find_leaks(candidates, guarded)
    clean = [item for index, item in enumerate(candidates) if request.allow_leakage or index not in leaks]
    refused = [] if request.allow_leakage else [_leaked(candidates[index], found[0]) for index, found in leaks.items()]
    taken = mixed(instructed(under_cap(clean, recipe, request.seed), recipe, request.seed), request.seed)
    counts = count(rows, clean, refused, taken)
    train = [item for item in taken if item.split == "train"]
    validation = [(item.source, item) for item in taken if item.split == "validation"]
    leakage = {
        "checked_against": by_name(name for name, _ in guarded),
        "allowed": request.allow_leakage,
        "rows": len(leaks),
        "reasons": {reason: sum(found[0].reason == reason for found in leaks.values()) for reason in LEAKS},
        "pairs": pairs(candidates, leaks),
        "train_seen_in_validation": pairs(train, find_leaks(train, validation)),
    }
    if not train:
        raise NothingUsable(
            f"Nothing is left to train on: {', '.join(f'{counts[fate]} {fate}' for fate in FATES)}.",
            _remedy(counts),
        )
    return _Mix(taken, [*rows.refused, *refused], counts, leakage, weights(train, recipe))


def _remedy(counts: Mapping[str, Any]) -> str:
    if counts["leaked"]:
        return "Nothing was written. Name sources with a train split of their own, or keep such rows: --allow-leakage"
    return "Nothing was written. Name sources that have a train split."


def _leaked(item: Item, leak: Leak) -> Refused:
    return refuse(item, leak.reason, leak.detail, leak.test_set, leak.test_id)


def _write(stage: Path, request: Request, recipe: Recipe, mix: _Mix) -> dict[str, dict[str, int]]:
    """Write ``data/<split>-00000-of-0000N.parquet`` and the rejects; the rows and bytes of each split."""
    import pyarrow.parquet as pq

    sizes: dict[str, dict[str, int]] = {}
    with Spool(stage / ".spool") as spool:
        fill(spool, mix.taken)
        for split in TAKEN:
            rows = [item for item in mix.taken if item.split == split]
            size = write_rows(stage / "data", split, rows, spool, recipe, mix.weights if split == "train" else {})
            if size is not None:
                sizes[split] = {"rows": size.rows, "bytes": size.bytes}
    pq.write_table(rejects_table(mix.refused), stage / "rejects.parquet", compression="zstd")
    return sizes


def _record(
    stage: Path,
    request: Request,
    recipe: Recipe,
    sources: Sequence[Source],
    guards: Sequence[Source],
    mix: _Mix,
    sizes: dict[str, dict[str, int]],
) -> dict[str, Any]:
    """The facts of the build, and the card made of them."""
    from mmskin_hub.hub.cards.mixture import render_mixture_card

    record: dict[str, Any] = {
        "dataset": NAME,
        "version": request.version,
        "variant": request.variant,
        "options": {
            "variant": request.variant,
            "seed": request.seed,
            "allow_leakage": request.allow_leakage,
            "mixture": recipe.file,
            "mixture_sha256": recipe.digest,
        },
        "tools": installed_versions(_TOOLS),
        "inputs": [{"name": source.name, **source.facts} for source in sources],
        "against": [{"name": source.name, **source.facts} for source in guards],
        "absent": absent(recipe, mix.counts["sources"]),
        "recipe": pools(recipe, mix.taken, mix.weights),
        "counts": mix.counts,
        "leakage": mix.leakage,
        "configs": {"default": sizes},
        "files": file_digests(stage),
    }
    (stage / "README.md").write_text(render_mixture_card(record), encoding="utf-8")
    return record


__all__: Sequence[str] = ("RECIPE", "Request", "build")
