"""Is a dataset's folder what its record says, and are its columns and names those of the registry."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.publish import sha256_of
from mmskin_hub.errors import some
from mmskin_hub.hub.checks.look import ASIDE, Look, Table
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted
from mmskin_hub.registry import DATASETS, PUBLIC

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

REPLACED = ("README.md", "release.json")
"""Files that a release writes itself."""
_BELONGS = re.compile(
    r"README\.md|LICEN[CS]E(?:\.\w+)?|CITATION\.(?:cff|bib)|build\.json|release\.json|contact_sheet\.html|"
    r"(?:[\w-]+/)*[\w-]+\.parquet|[\w-]+\.bib"
)

FILES = Wanted("files", "the Parquet files are those of build.json, byte for byte, and nothing else lies beside them")
SCHEMA = Wanted("schema", "a registered dataset, its configs, splits, classes and columns as registered")


def rebuild(look: Look) -> str:
    """The command that makes the dataset anew."""
    name = str(look.record.get("dataset") or look.subject.name)
    source = DATASETS[name].source if name in DATASETS else ""
    given = {
        "books": "BOOKS",
        "mixture": f"--variant {look.record.get('variant', 'VARIANT')} --data NAME=PATH",
        "public": "--raw DIR",
    }.get(source, "…")
    return f"Build it again: mmskin build {name} {given} --out {look.name} --overwrite"


def files(look: Look, thresholds: Thresholds) -> Verdict:
    """Every Parquet file has the SHA-256 and size that ``build.json`` records, and no other kind of file is there."""
    recorded: Mapping[str, Any] = look.record.get("files") or {}
    here = {name: path for name, path in look.files.items() if name.endswith(".parquet")}
    wrong = [f"{name} is missing" for name in recorded if name not in here]
    wrong += [f"{name} is not in build.json" for name in here if name not in recorded]
    wrong += [f"{name} does not belong to a dataset" for name in look.files if not _BELONGS.fullmatch(name)]
    for name, path in here.items():
        told = recorded.get(name)
        if told is not None and not _is(path, told, look.subject.sums.get(name)):
            wrong.append(f"{name} is not the file that was built")
    if wrong:
        strange = all(each.endswith("belong to a dataset") for each in wrong)
        return FILES.bad(some(wrong), "Take these files out of the folder." if strange else rebuild(look))
    return FILES.good(f"{len(here)} Parquet files")


def _is(path: Path, told: Mapping[str, Any], known: str | None) -> bool:
    return path.stat().st_size == told.get("size") and (known or sha256_of(path)) == told.get("sha256")


def schema(look: Look, thresholds: Thresholds) -> Verdict:
    """Columns as :mod:`mmskin_hub.schema` and the builders have them; names as the registry has them."""
    name = str(look.record.get("dataset"))
    if name not in DATASETS:
        return SCHEMA.bad(f"{name} is not a registered dataset", "See what there is: mmskin datasets")
    wanted = features_of(look)
    wrong = [*_names(look, name), *_shards(look)]
    for table in look.tables:
        if table.name in ASIDE:
            expected = aside_schema(name, table.name, look.subject.form)
            if expected is not None and not table.schema.remove_metadata().equals(expected):
                wrong.append(f"{table.name}: {_difference(table.schema, expected)}")
        elif table.config in wanted and not _fits(table, wanted[table.config]):
            wrong.append(f"{table.name}: {_difference(table.schema, wanted[table.config].arrow_schema)}")
    if wrong:
        return SCHEMA.bad(some(wrong), rebuild(look))
    return SCHEMA.good(f"{name}: {', '.join(dict.fromkeys(table.config for table in look.parts))}")


def _names(look: Look, name: str) -> Iterator[str]:
    dataset, public = DATASETS[name], PUBLIC.get(name)
    configs = tuple(look.record.get("configs") or ())
    allowed = ("default",) if dataset.source == "mixture" else dataset.configs
    yield from (f"{config!r} is no config of {name}" for config in configs if config not in allowed)
    if dataset.source == "mixture" and look.record.get("variant") not in dataset.configs:
        yield f"{look.record.get('variant')!r} is no variant of {name}"
    if public is not None and public.classes and tuple(look.record.get("classes") or ()) != public.classes:
        yield f"the classes of build.json are not those of the registry for {name}"
    for table in look.parts:
        if not table.split:
            yield f"{table.name} is named like no file of a split"
        elif table.config not in configs:
            yield f"{table.name} is of the config {table.config!r}, which build.json does not name"


def _shards(look: Look) -> Iterator[str]:
    """Splits whose files are not all there, by the numbers in their names."""
    numbers: dict[tuple[str, str], set[tuple[int, int]]] = defaultdict(set)
    for name in look.broken:
        # Told by the check ``opens``; its number counts as there.
        if len(parts := name.rpartition("/")[2].removesuffix(".parquet").split("-")) == 4:
            folder = name.rpartition("/")[0]
            config = "default" if folder in ("", "data") else folder
            numbers[config, parts[0]].add((int(parts[1]), int(parts[3])))
    for table in look.parts:
        if table.split:
            numbers[table.config, table.split].add((table.number, table.count))
    for (config, split), found in numbers.items():
        count = max(count for _, count in found)
        if found != {(number, count) for number in range(count)}:
            yield f"{config}/{split} has {len(found)} of {count} files"


def features_of(look: Look) -> dict[str, Features]:
    """The columns of each config of the dataset, as registered; of a locator those of :mod:`mmskin_hub.hub.locator`."""
    if look.subject.form == "locator":
        from mmskin_hub.hub.checks.locator import features

        return features(look)
    return full_features(look)


def full_features(look: Look) -> dict[str, Features]:
    """The columns of each config of the dataset itself, as registered."""
    name = str(look.record["dataset"])
    source = DATASETS[name].source
    if source == "books":
        from mmskin_hub.schema import captions_features, demographics_features, open_vqa_features

        return {
            "captions": captions_features(),
            "open_vqa": open_vqa_features(),
            "demographics": demographics_features(),
        }
    if source == "mixture":
        from mmskin_hub.engine.mixture.items import mixture_features

        return {"default": mixture_features()}
    from mmskin_hub.schema import public_features

    spec = DATASETS[name].load().SPEC
    classes = [str(each) for each in look.record.get("classes") or ()]
    return {each.config: public_features(classes, each.extra, each.plain) for each in (spec, *spec.sets)}


def aside_schema(dataset: str, name: str, form: str = "full") -> pa.Schema | None:
    """The Arrow schema of a table beside the splits; ``None`` where none is registered."""
    import pyarrow as pa

    if name != "rejects.parquet":
        return None
    source = DATASETS[dataset].source
    if source == "books":
        from mmskin_hub.schema import reject_schema

        whole = reject_schema()
    elif source == "mixture":
        from mmskin_hub.engine.mixture.items import rejects_table

        whole = rejects_table(()).schema
    else:
        from mmskin_hub.engine.public.spec import Rejected

        columns = ("config", *Rejected.__dataclass_fields__)
        whole = pa.schema([(each, pa.int64() if each == "line" else pa.string()) for each in columns])
    if form == "full":
        return whole
    from mmskin_hub.hub.locator import REJECT_COLUMNS

    return pa.schema([whole.field(each) for each in REJECT_COLUMNS[source]])


def _fits(table: Table, wanted: Features) -> bool:
    from datasets import Features

    try:
        told = Features.from_arrow_schema(table.schema)
    except (ValueError, TypeError, KeyError):
        return False
    return bool(told == wanted) and table.schema.remove_metadata().equals(wanted.arrow_schema.remove_metadata())


def _difference(found: pa.Schema, wanted: pa.Schema) -> str:
    """In what columns two schemas differ, in words."""
    lacking = [name for name in wanted.names if name not in found.names]
    strange = [name for name in found.names if name not in wanted.names]
    other = [
        f"{name} is {found.field(name).type}, not {wanted.field(name).type}"
        for name in wanted.names
        if name in found.names and found.field(name).type != wanted.field(name).type
    ]
    words = [f"it lacks {', '.join(lacking)}"] * bool(lacking) + [f"it has {', '.join(strange)}"] * bool(strange)
    return "; ".join([*words, *other[:2]]) or "its columns are in another order, or their features are others"
