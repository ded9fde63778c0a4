"""Opens what ``NAME=PATH`` names, and reads its rows, a few pictures in memory at a time.

=============================  ========================================================================
``ham10000=data/ham10000``     a folder with Parquet files of splits: what mmskin built, or a mixture
``isic=ISIC_test.csv``         a list: CSV, TSV, JSON (lines), or one id a line; the ids alone count
``ham=HAM_metadata:images``    a list, and the folder of its pictures
``mine=photos``                a folder of pictures
``ham=owner/name@v1.0.0``      a repository of the Hub that holds what mmskin built
=============================  ========================================================================
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmskin_hub.engine.names import picture_key, space_of
from mmskin_hub.engine.public.raw import PICTURES
from mmskin_hub.engine.repository import fetched, repository_of
from mmskin_hub.engine.work import read_json
from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.overlap.rows import Place, Row, known
from mmskin_hub.schema import SPLITS

ID_COLUMNS = (
    "image_id", "isic_id", "img_id", "image", "images", "md5hash", "ddi_file", "file", "filename", "file_name",
    "file_path", "image_name", "image_path", "path", "case_id", "id",
)  # fmt: skip
"""The columns that may name a row's picture, the surest first."""

_SETS = {"train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation",
         "test": "test"}  # fmt: skip
_LIGHT = (
    "id", "image_id", "caption_id", "split", "source", "lesion_id", "patient_id", "group_id", "sha256", "image_sha256",
    "phash",
)  # fmt: skip
_SCIN = re.compile(r"image_\d+_path")
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset under the user's ``name`` for it. ``kind`` is "built", "list" or "pictures".

    ``files`` are the Parquet files with their splits, the list, or the pictures; ``record`` is the content of
    ``build.json``, empty without one; ``images`` the folder of a list's pictures.
    """

    name: str
    path: Path
    kind: str
    space: str
    files: tuple[tuple[Path, str], ...]
    record: Mapping[str, Any]
    images: Path | None = None

    def splits(self) -> set[str]:
        """The splits of its files; "" where files do not say."""
        return {split for _, split in self.files}


def open_dataset(argument: str, option: str = "TRAIN") -> Dataset:
    """The dataset that ``argument`` (NAME=PATH, or a path whose last part is the name) stands for; no row is read.

    Raises :class:`WrongUse` where there is none.
    """
    name, equals, place = argument.partition("=")
    if not equals or Path(argument).expanduser().exists():
        name, place = "", argument
    if not place:
        raise WrongUse(f"{option} {argument!r} names no path.", "Say NAME=PATH, for example ham10000=data/ham10000")
    if found := repository_of(place):
        repo, revision = found
        return _folder(name or repo.partition("/")[2], fetched(repo, revision, f"{option} {argument}"))
    path, images = _parted(place)
    if images is not None and not images.is_dir():
        raise WrongUse(f"{option} {argument}: there is no folder of pictures {images}.", "Name it after the colon.")
    name = name or path.stem
    if path.is_dir():
        return _folder(name, path)
    if not path.is_file():
        raise WrongUse(f"{option} {argument}: there is no folder, file or Hub repository {path}.", "Say NAME=PATH.")
    if path.suffix.lower() == ".parquet":
        return Dataset(name, path, "built", space_of(name), ((path, _split_of(path)),), {})
    return Dataset(name, path, "list", space_of(name), ((path, ""),), {}, images)


def _parted(place: str) -> tuple[Path, Path | None]:
    whole = Path(place).expanduser()
    if whole.exists() or ":" not in place:
        return whole, None
    file, _, images = place.rpartition(":")
    return Path(file).expanduser(), Path(images).expanduser()


def _folder(name: str, folder: Path) -> Dataset:
    record: Mapping[str, Any] = {}
    if (folder / "build.json").is_file():
        try:
            record = read_json(folder / "build.json")
            dataset = str(record["dataset"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WrongUse(f"{folder / 'build.json'} cannot be read: {error!r}.", "Build the dataset again.") from None
        space = space_of(dataset)
    else:
        space = space_of(name)
    found = sorted(file for file in folder.rglob("*.parquet") if not _hidden(file.relative_to(folder)))
    files = tuple((file, split) for file in found if (split := _split_of(file)))
    if files:
        return Dataset(name, folder, "built", space, files, record)
    pictures = sorted(file for file in folder.rglob("*") if file.suffix.lower() in PICTURES)
    if record or not pictures:
        raise WrongUse(
            f"{folder} holds neither Parquet files of splits nor pictures.", "Name a folder that mmskin built."
        )
    return Dataset(name, folder, "pictures", space, tuple((file, "") for file in pictures), {})


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _split_of(file: Path) -> str:
    split = re.split(r"[-_.]", file.name)[0]
    return split if split in SPLITS else ""


def read_rows(dataset: Dataset, pictures: bool = True) -> Iterator[Row]:
    """The rows of ``dataset`` in their order, with the bytes of their pictures if ``pictures``.

    Raises :class:`WrongUse` for a file that cannot be read, or a list without a column of ids.
    """
    for number, row in enumerate(_rows(dataset, pictures)):
        row.number = number
        yield row


def _rows(dataset: Dataset, pictures: bool) -> Iterator[Row]:
    if dataset.kind == "built":
        for file, split in dataset.files:
            yield from _parquet(dataset, file, split, pictures)
    elif dataset.kind == "list":
        yield from _list(dataset, pictures)
    else:
        for file, _ in dataset.files:
            name = file.relative_to(dataset.path).as_posix()
            yield _with_bytes(Row(0, name, name, "", dataset.space, place=Place(file)), pictures)


def _parquet(dataset: Dataset, file: Path, split: str, pictures: bool) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, pre_buffer=False) as parquet:
            names = set(parquet.schema_arrow.names)
            picture = next((name for name in ("image", "images") if name in names), "")
            columns = [name for name in _LIGHT if name in names] + [picture] * (pictures and bool(picture))
            if not {"id", "image_id"} & names and not picture:
                raise WrongUse(f"{file} has no column id, image_id or image.", "Name a dataset of pictures.")
            at = 0
            # Of a file without any wanted column the rows still count.
            for batch in parquet.iter_batches(_BATCH, columns=columns or [picture]):
                for cells in batch.to_pylist():
                    yield _cells(dataset, file, split, at, cells, picture)
                    at += 1
    except (pa.ArrowException, OSError) as error:
        raise WrongUse(f"{file} cannot be read: {error}.", f"Build {dataset.name} again.") from error


def _cells(dataset: Dataset, file: Path, split: str, at: int, cells: dict[str, Any], picture: str) -> Row:
    image = cells.get(picture)
    image = image[0] if isinstance(image, list) and image else image
    data = image.get("bytes") if isinstance(image, Mapping) else None
    name = known(cells.get("image_id")) or known(cells.get("caption_id")) or known(cells.get("id"))
    digests = (known(cells.get("sha256")), known(cells.get("image_sha256")))
    return Row(
        number=0,
        id=known(cells.get("id")) or name or f"{file.name}:{at + 1}",
        image_id=name,
        split=_SETS.get(known(cells.get("split")).casefold(), split),
        # A mixture's rows say whose they are.
        space=space_of(known(cells.get("source"))) if known(cells.get("source")) else dataset.space,
        lesion=known(cells.get("lesion_id")),
        patient=known(cells.get("patient_id")),
        group=known(cells.get("group_id")),
        digests=tuple(digest.lower() for digest in digests if digest),
        phash=known(cells.get("phash")),
        place=Place(file, at) if picture else None,
        data=data,
    )


def _list(dataset: Dataset, pictures: bool) -> Iterator[Row]:
    found = _pictures_by_key(dataset) if dataset.images else {}
    for row in _listed(dataset):
        file = found.get(picture_key(row.space, row.image_id) or ("", ""))
        yield _with_bytes(replace(row, place=Place(file)), pictures) if file else row


def _pictures_by_key(dataset: Dataset) -> dict[tuple[str, str], Path]:
    assert dataset.images is not None
    files = sorted(file for file in dataset.images.rglob("*") if file.suffix.lower() in PICTURES)
    named = ((picture_key(dataset.space, file.relative_to(dataset.images).as_posix()), file) for file in files)
    return {key: file for key, file in named if key}


def _with_bytes(row: Row, pictures: bool) -> Row:
    if pictures and row.place is not None:
        try:
            row.data = row.place.file.read_bytes()
        except OSError as error:
            raise WrongUse(
                f"{row.place.file} cannot be read: {error.strerror}.", "Mend it, or take it away."
            ) from error
    return row


def _listed(dataset: Dataset) -> Iterator[Row]:
    file = dataset.path
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (UnicodeDecodeError, OSError) as error:
        raise WrongUse(f"{file} cannot be read as UTF-8 text: {error}.", "Name a CSV, or a built folder.") from error
    if file.suffix.lower() == ".txt" and "," not in text and "\t" not in text:
        records: Sequence[Mapping[str, Any]] = [{"id": line} for line in text.splitlines() if line.strip()]
    else:
        records = _json(file, text) if file.suffix.lower() in (".json", ".jsonl") else _table(file, text)
    columns = dict.fromkeys(name for record in records for name in record)
    several = [name for name in columns if _SCIN.fullmatch(name)]
    column = next((name for name in ID_COLUMNS if name in columns), None)
    if column is None and not several:
        if not records:
            raise WrongUse(f"{file} holds no row.", "Name a list with one id a line, or a built folder.")
        given = ", ".join(columns)
        raise WrongUse(f"{file} has no column of ids: {given}.", f"Needed is one of {', '.join(ID_COLUMNS)}.")
    for number, record in enumerate(records, 1):
        for name in several or [column or ""]:
            image = record.get(name)
            image = known(image[0] if isinstance(image, list) and image else image)
            if several and not image:
                continue
            yield Row(
                number=0,
                id=image or f"{file.name}:{number}",
                image_id=image,
                split=_SETS.get(known(record.get("set") or record.get("split")).casefold(), ""),
                space=dataset.space,
                lesion=known(record.get("lesion_id")),
                patient=known(record.get("patient_id")),
                group=known(record.get("group_id") or (record.get("case_id") if several else "")),
                phash=known(record.get("phash")),
                digests=tuple(filter(None, (known(record.get("sha256")).lower(),))),
            )


def _table(file: Path, text: str) -> list[dict[str, Any]]:
    head = text.partition("\n")[0]
    csv.field_size_limit(1 << 24)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",\t;", key=head.count))
        reader.fieldnames = [name.strip().casefold() for name in reader.fieldnames or ()]
        return [{name: cell for name, cell in record.items() if name is not None} for record in reader]
    except csv.Error as error:
        raise WrongUse(f"{file} is not a table: {error}.", "Download it again, or name another file.") from error


def _json(file: Path, text: str) -> list[dict[str, Any]]:
    try:
        lines = file.suffix.lower() == ".jsonl"
        entries = [json.loads(line) for line in text.splitlines() if line.strip()] if lines else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"{file} is not JSON: {error}.", "Download it again, or name another file.") from error
    if not isinstance(entries, list):
        raise WrongUse(f"{file} is not a list.", 'Needed is [{"image": …}, …].')
    named = [entry if isinstance(entry, dict) else {"image": entry} for entry in entries]
    return [{str(key).casefold(): value for key, value in entry.items()} for entry in named]


def has_hashes(dataset: Dataset) -> bool:
    """Whether every file of ``dataset`` has a column of hashes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return dataset.kind == "built" and all("phash" in pq.read_schema(file).names for file, _ in dataset.files)
    except (pa.ArrowException, OSError):  # told with its reason when the file is read
        return False


def picture_bytes(places: Iterable[Place]) -> Iterator[tuple[Place, bytes]]:
    """The bytes of the pictures at ``places``, file by file from front to back; what is gone is left out."""
    import pyarrow.parquet as pq

    wanted: dict[Path, set[int]] = defaultdict(set)
    for place in places:
        wanted[place.file].add(place.row)
    for file in sorted(wanted):
        if -1 in wanted[file]:
            yield Place(file), file.read_bytes()
            continue
        with pq.ParquetFile(file, pre_buffer=False) as parquet:
            column = next(name for name in ("image", "images") if name in parquet.schema_arrow.names)
            first = 0
            for group in range(parquet.num_row_groups):
                size = parquet.metadata.row_group(group).num_rows
                if any(first <= row < first + size for row in wanted[file]):
                    at = first
                    for batch in parquet.iter_batches(64, row_groups=[group], columns=[column]):
                        for cell in batch.column(0):
                            if at in wanted[file] and (image := cell.as_py()):
                                image = image[0] if isinstance(image, list) else image
                                if image.get("bytes"):
                                    yield Place(file, at), image["bytes"]
                            at += 1
                first += size
