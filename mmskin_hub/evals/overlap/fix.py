"""Writes a training set without the rows that an audit found: ``mmskin audit … --fix DIR``.

A dataset that mmskin built keeps its form: Parquet files, card and ``build.json``, whose numbers are those of what is
left; the rows that went are in ``dropped.parquet``, so that rows read = rows kept + rows dropped. Of a list the lines
are kept as they are.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.engine.limits import writing
from mmskin_hub.engine.publish import check_out, file_digests, staged
from mmskin_hub.engine.tables import write_split
from mmskin_hub.engine.work import write_json
from mmskin_hub.errors import MmskinError, OutputExists, WrongUse
from mmskin_hub.evals.overlap.read import Dataset, read_rows
from mmskin_hub.schema import SPLITS

_OURS = ("build.json", "dropped.parquet")


def check_fix(trains: Sequence[Dataset], all_of_them: Sequence[Dataset], fix: Path, overwrite: bool) -> dict[int, Path]:
    """The folder each training set (its number) is written into: ``fix``, or of several ``fix``/<name>.

    Raises :class:`WrongUse` or :class:`OutputExists` for what must not be done, before anything is read.
    """
    targets = {n: fix if len(trains) == 1 else fix / train.name for n, train in enumerate(trains)}
    for number, target in targets.items():
        train = trains[number]
        if train.kind == "pictures" or train.path.suffix.lower() in (".json", ".jsonl", ".parquet"):
            raise WrongUse(
                f"--fix can write folders of Parquet files and CSV lists, and {train.path} is neither.",
                f"Use the list of ids that --out leaves: exclude/{train.name}.txt",
            )
        for dataset in all_of_them:
            here, there = target.resolve(), dataset.path.resolve()
            if here.is_relative_to(there) or there.is_relative_to(here):
                raise WrongUse(f"--fix {target} and {dataset.path}, which is audited, overlap.", "Name another folder.")
        if target.exists() and not overwrite and not (target / "build.json").exists() and any(target.iterdir()):
            raise OutputExists(f"--fix {target} holds files.", "Name an empty folder, or say --overwrite.")
        if train.record:
            check_out(target, str(train.record.get("dataset")), str(train.record.get("version")), overwrite)
    return targets


def write_fixed(train: Dataset, target: Path, report: Mapping[str, Any], gone: Mapping[int, Any]) -> dict[str, Any]:
    """Write ``train`` without the rows ``gone`` (number: its pairs); what was read, kept and dropped."""
    with writing(f"--fix {target}", "--fix"), staged(target) as stage:
        done = _list(train, stage, gone) if train.kind == "list" else _built(train, stage, report, gone)
    if done["read"] != done["kept"] + done["dropped"] or done["dropped"] != len(gone):
        raise MmskinError(f"{train.path} changed while it was audited.", "Run the audit again.")
    return {"train": train.name, **done}


def _list(train: Dataset, stage: Path, gone: Mapping[int, Any]) -> dict[str, Any]:
    text = train.path.read_text(encoding="utf-8-sig")
    ids = [row.id for row in read_rows(train, pictures=False)]
    kept = io.StringIO(newline="")
    if train.path.suffix.lower() == ".txt" and len(ids) == sum(bool(line.strip()) for line in text.splitlines()):
        lines = [line for line in text.splitlines() if line.strip()]
        kept.writelines(f"{line}\n" for number, line in enumerate(lines) if number not in gone)
    else:
        head = text.partition("\n")[0]
        delimiter = max(",\t;", key=head.count)
        records = [record for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if record]
        if len(records) - 1 != len(ids):
            raise WrongUse(f"{train.path} has several pictures a line, or lines without any.", "Use the exclude list.")
        writer = csv.writer(kept, delimiter=delimiter, lineterminator="\n")
        writer.writerow(records[0])
        writer.writerows(record for number, record in enumerate(records[1:]) if number not in gone)
    (stage / train.path.name).write_text(kept.getvalue(), encoding="utf-8", newline="\n")
    done = {"read": len(ids), "kept": len(ids) - len(gone), "dropped": len(gone)}
    write_json(stage / "build.json", {"dataset": train.name, "version": "0.0.0", "audit": done})
    return done


def _built(train: Dataset, stage: Path, report: Mapping[str, Any], gone: Mapping[int, Any]) -> dict[str, Any]:
    import pyarrow.parquet as pq
    from datasets import Features

    groups: dict[tuple[str, str], list[tuple[Path, int]]] = defaultdict(list)
    first = 0
    for file, split in train.files:
        groups[file.parent.relative_to(train.path).as_posix(), split].append((file, first))
        first += pq.read_metadata(file).num_rows
    sizes: dict[str, dict[str, dict[str, int]]] = defaultdict(dict)
    dropped: list[dict[str, Any]] = []
    left: dict[str, Counter[Any]] = {"label": Counter(), "modality": Counter()}
    by_split: dict[str, dict[str, Counter[Any]]] = {"modality": {}, "skin_tone": {}}
    read = 0
    for (folder, split), files in groups.items():
        config = "default" if folder in (".", "data") else folder
        features = Features.from_arrow_schema(pq.read_schema(files[0][0]))

        def kept(files: list[tuple[Path, int]] = files, config: str = config, split: str = split) -> Iterator[Any]:
            nonlocal read
            for file, number in files:
                for row in _rows(file):
                    read += 1
                    if number in gone:
                        name = str(row.get("id") or row.get("image_id") or "")
                        dropped.append({"config": config, "split": split, "id": name, **gone[number]})
                    else:
                        for column, tally in left.items():
                            tally[row.get(column)] += 1
                        for column, splits in by_split.items():
                            splits.setdefault(split, Counter())[row.get(column)] += 1
                        yield row
                    number += 1

        size = write_split(stage / folder, split, kept(), features, _picture)
        if size is not None:
            sizes[config][split] = {"rows": size.rows, "bytes": size.bytes}
    done = {"read": read, "kept": read - len(dropped), "dropped": len(dropped)}
    _write_dropped(stage / "dropped.parquet", dropped)
    _copy_the_rest(train, stage)
    told = {
        column: {split: _spelled(features, column, tally) for split, tally in splits.items()}
        for column, splits in by_split.items()
    }
    counts = _counts(train, done, {name: _named(features, name, tally) for name, tally in left.items()}, told)
    _write_record(train, stage, report, done, sizes, dropped, counts)
    return done


def _named(features: Any, column: str, tally: Counter[Any]) -> dict[str, int]:
    """``tally`` of a column by the names of its classes."""
    names = getattr(features.get(column), "names", None) or ()
    return {name: tally[number] for number, name in enumerate(names) if tally[number]}


def _spelled(features: Any, column: str, tally: Counter[Any]) -> dict[str, int]:
    """``tally`` of a column by its values; rows without one are "unknown"."""
    names = getattr(features.get(column), "names", None)
    said = {("unknown" if value is None else names[value] if names else str(value)): n for value, n in tally.items()}
    return dict(sorted(said.items()))


def _counts(
    train: Dataset,
    done: Mapping[str, int],
    left: Mapping[str, dict[str, int]],
    by_split: Mapping[str, Mapping[str, dict[str, int]]],
) -> dict[str, Any]:
    """The counts of a public dataset, for what is left: read = published + rejected, as before."""
    counts = dict(train.record.get("counts") or {})
    if counts.get("published") != done["read"] or not isinstance(counts.get("rejects"), Mapping):
        return counts  # of several configs, which do not hold the same rows: only ``audit`` tells
    counts["published"] = done["kept"]
    counts.pop("differs", None)  # from a full download, which this no longer wants to be
    counts["rejects"] = {**counts["rejects"], "contaminated": done["dropped"]}
    if isinstance(counts.get("rejected"), int):
        counts["rejected"] += done["dropped"]
    for key, column in (("classes", "label"), ("modalities", "modality")):
        if key in counts:
            counts[key] = left[column]
    for key, column in (("split_modalities", "modality"), ("split_skin_tones", "skin_tone")):
        if key in counts:
            counts[key] = {split: by_split[column][split] for split in SPLITS if split in by_split[column]}
    if {"no_label", "classes"} <= counts.keys():
        counts["no_label"] = done["kept"] - sum(counts["classes"].values())
    return counts


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(file, pre_buffer=False) as parquet:
        for batch in parquet.iter_batches(64):
            yield from batch.to_pylist()


def _picture(row: Mapping[str, Any]) -> object:
    """What rows have in common that share a stored picture."""
    image = row.get("image") or row.get("images")
    image = image[0] if isinstance(image, list) and image else image
    return image["bytes"] if isinstance(image, Mapping) else row.get("id")


def _write_dropped(path: Path, dropped: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ("config", "split", "id", "kind", "test_set", "test_id", "distance")
    kinds = [(name, pa.float32() if name == "distance" else pa.string()) for name in names]
    pq.write_table(pa.Table.from_pylist(dropped, schema=pa.schema(kinds)), path)


def _copy_the_rest(train: Dataset, stage: Path) -> None:
    """Rejects and whatever else lies there, except what shows or counts the rows that went."""
    split_files = {file for file, _ in train.files}
    for file in sorted(train.path.rglob("*")):
        inside = file.relative_to(train.path)
        if not file.is_file() or file in split_files or file.name in ("contact_sheet.html", *_OURS):
            continue
        (stage / inside).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, stage / inside)


def _write_record(
    train: Dataset,
    stage: Path,
    report: Mapping[str, Any],
    done: dict[str, Any],
    sizes: Mapping[str, Mapping[str, Mapping[str, int]]],
    dropped: Sequence[Mapping[str, Any]],
    counts: Mapping[str, Any],
) -> None:
    record = {**train.record, **({"counts": counts} if counts else {})}
    record["configs"] = {config: dict(splits) for config, splits in sizes.items()}
    record["files"] = file_digests(stage)
    record["audit"] = {
        "tool": f"mmskin-hub {report['audit']}",
        "against": [
            {key: test[key] for key in ("name", "dataset", "version", "rows") if key in test}
            for test in report["against"]
        ],
        "settings": report["settings"],
        **done,
        "kinds": dict(sorted(Counter(row["kind"] for row in dropped).items())),
        "splits": dict(sorted(Counter(row["split"] for row in dropped).items())),
    }
    # Folders that mmskin did not build have no record to go on with.
    record.setdefault("dataset", re.sub(r"\W+", "_", train.name))
    record.setdefault("version", "0.0.0")
    write_json(stage / "build.json", record)
    if (stage / "README.md").is_file():
        _mend_card(stage / "README.md", sizes, stage, done)


def _mend_card(
    card: Path, sizes: Mapping[str, Mapping[str, Mapping[str, int]]], stage: Path, done: Mapping[str, int]
) -> None:
    """Numbers in the head of the card are checked by ``load_dataset``: they must be those of what is left."""
    import yaml

    text = card.read_text(encoding="utf-8")
    parts = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if parts is None:
        return
    head = yaml.safe_load(parts[1]) or {}
    infos = head.get("dataset_info")
    for info in infos if isinstance(infos, list) else [infos] if isinstance(infos, dict) else []:
        own = sizes.get(str(info.get("config_name") or "default"), {})
        info["splits"] = [
            {"name": split, "num_bytes": size["bytes"], "num_examples": size["rows"]} for split, size in own.items()
        ]
        info["dataset_size"] = sum(size["bytes"] for size in own.values())
        folder = stage / str(info.get("config_name") or "default")
        folder = folder if folder.is_dir() else stage / "data" if (stage / "data").is_dir() else stage
        info["download_size"] = sum(file.stat().st_size for split in own for file in folder.glob(f"{split}-*.parquet"))
    for config in head.get("configs") or ():
        files = config.get("data_files")
        if isinstance(files, list):  # of a split that is gone altogether there is no file to load
            config["data_files"] = [each for each in files if any(stage.glob(str(each.get("path"))))]
    note = (
        f"> **Audited.** {done['dropped']:,} of {done['read']:,} rows were dropped because they repeat what a test set "
        "holds: see `dropped.parquet` and `audit` in `build.json`. Numbers below are those before the audit.\n\n"
    )
    body = text[parts.end() :].lstrip("\n")
    written = yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=1000)
    card.write_text(f"---\n{written}---\n\n{note}{body}", encoding="utf-8", newline="\n")
