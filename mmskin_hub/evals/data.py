"""Benchmarks, read one row at a time from what ``mmskin build`` wrote, or from a Hub repository pinned by revision.

::

    p = protocol("mmskin_ham10000_gen")
    for row in open_rows(p, {"ham10000": "data/ham10000"}):
        ask(picture(row), question(p, row))

What is to be read is decided before any picture is: one pass over the small columns (labels, answers) gives the places
of the rows that count. Pictures are then read a row group at a time (100 rows, as they were written), so that memory
does not follow the length, and a run that goes on skips what it has without reading it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.errors import MmskinError
from mmskin_hub.evals.locations import Files, locate
from mmskin_hub.evals.parquet import BATCH, cells_of, decoded, opened
from mmskin_hub.evals.protocol import Protocol, yes_or_no
from mmskin_hub.schema import MODALITIES

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = (
    "id", "image", "label", "question", "answer", "closed", "group_id", "patient_id", "lesion_id", "image_id",
    "caption_id", "skin_tone", "sex", "age_years", "modality", "sha256",
)  # fmt: skip
"""The keys of every row, beside those of :class:`Place`; a dataset without a column has ``None`` under it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: the ``at``-th (0-based) of ``file``; ``row`` counts through the benchmark."""

    file: Path
    at: int
    row: int


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The rows of one split that a task counts, in the order of the files.

    ``revision`` is the commit of a Hub repository, or the SHA-256 (64 hex digits) of a local build's files of the
    split; ``rows`` the number of rows; ``left_out`` how many rows of the split do not count, by reason ("no_label";
    "other_answer": another task's question). Iterating reads; nothing stays open between two iterations.
    """

    protocol: Protocol
    where: str
    split: str
    revision: str
    places: tuple[Place, ...]
    left_out: Mapping[str, int]
    labels: Mapping[int, int]
    pictures: bool = True

    @property
    def rows(self) -> int:
        """How many rows iterating gives."""
        return len(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Each row as a plain dict with the keys :data:`COLUMNS`; :func:`picture` decodes its ``image``.

        ``label`` counts through the task's classes, ``modality`` is a word, ``group_id`` is what a bootstrap keeps
        together (the widest that is known: group, patient, lesion, picture), ``row`` the place in the benchmark.
        """
        start = 0
        while start < len(self.places):
            file = self.places[start].file
            end = start
            while end < len(self.places) and self.places[end].file == file:
                end += 1
            yield from self._of(file, {place.at: place for place in self.places[start:end]})
            start = end

    def shard(self, rank: int, world: int) -> Benchmark:
        """The ``rank``-th (0-based) of ``world`` blocks of neighbouring rows, so that each process reads its own."""
        if not 0 <= rank < world:
            raise ValueError(f"There is no rank {rank} among {world}.")
        rows = len(self.places)
        return replace(self, places=self.places[rows * rank // world : rows * (rank + 1) // world])

    def without(self, rows: Collection[int]) -> Benchmark:
        """What is left when ``rows`` (the ``row`` of each) are done, in whatever order they were."""
        done = set(rows)
        return replace(self, places=tuple(place for place in self.places if place.row not in done))

    def without_pictures(self) -> Benchmark:
        """The same rows with ``None`` for their ``image``; only the small columns are read."""
        return replace(self, pictures=False)

    def _of(self, file: Path, wanted: Mapping[int, Place]) -> Iterator[dict[str, Any]]:
        with opened(file) as parquet:
            names = [name for name in COLUMNS if name in parquet.schema_arrow.names]
            names = names if self.pictures else [name for name in names if name != "image"]
            at = 0
            for group in range(parquet.num_row_groups):
                size = parquet.metadata.row_group(group).num_rows
                if any(place in wanted for place in range(at, at + size)):
                    number = at
                    for cells in cells_of(file, parquet, group, names, BATCH if self.pictures else size):
                        if number in wanted:
                            yield self._row(cells, wanted[number])
                        number += 1
                at += size

    def _row(self, cells: Mapping[str, Any], place: Place) -> dict[str, Any]:
        row: dict[str, Any] = {name: cells.get(name) for name in COLUMNS}
        row["row"], row["file"], row["at"] = place.row, str(place.file), place.at
        row["id"] = str(row["id"] or row["image_id"] or f"{place.file.name}:{place.at + 1}")
        if self.labels:
            row["label"] = self._label(row["label"], row["id"])
        if isinstance(row["modality"], int):
            row["modality"] = MODALITIES[row["modality"]]
        keys = ("group_id", "patient_id", "lesion_id", "caption_id", "image_id", "id")
        row["group_id"] = next(str(row[key]) for key in keys if row[key])
        return row

    def _label(self, number: int, name: str) -> int:
        try:
            return self.labels[number]
        except KeyError:
            raise MmskinError(f"{self.where}: row {name} has the label {number}, which stands for no class.") from None


def open_rows(
    p: Protocol, where: Mapping[str, str], split: str = "test", limit: int | None = None, start: int = 0
) -> Benchmark:
    """The rows of ``split`` that task ``p`` counts: of ``limit`` rows from the first, those after ``start``.

    ``where`` says for each dataset a folder of ``mmskin build``, or "owner/name@revision" on the Hub. Raises
    :class:`WrongUse` where nothing is said or found there, :class:`MmskinError` where its classes are not the task's,
    or nothing of the split counts.
    """
    files = locate(p.dataset, p.config, where, split)
    labels = _labels(p, files) if p.kind != "vqa" else {}
    places: list[Place] = []
    left_out: dict[str, int] = {}
    for file in files.paths:
        for at, why in enumerate(_verdicts(p, file, files.where)):
            if why:
                left_out[why] = left_out.get(why, 0) + 1
            else:
                places.append(Place(file, at, len(places)))
    if not places:
        why = ", ".join(f"{number:,} {reason}" for reason, number in left_out.items()) or "it has no rows"
        raise MmskinError(f"{files.where}: no row of {split} counts for {p.task} ({why}).", "Build another split.")
    return Benchmark(p, files.where, split, files.revision, tuple(places[start:limit]), left_out, labels)


def picture(row: Mapping[str, Any]) -> Image:
    """The picture of ``row``, decoded, in RGB; raises :class:`MmskinError` where it cannot be decoded."""
    return decoded((row["image"] or {}).get("bytes"), str(row["id"]))


def _labels(p: Protocol, files: Files) -> dict[int, int]:
    """The numbers of the column ``label`` to the places of the classes in ``p.classes``: the names decide."""
    import json

    with opened(files.paths[0]) as parquet:
        schema = parquet.schema_arrow
    if "label" not in schema.names:
        raise MmskinError(
            f"{files.where} has no column label, which {p.task} needs.", f"Build it: mmskin build {p.dataset}"
        )
    features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    names = features.get("label", {}).get("names")
    if names is None:
        raise MmskinError(
            f"{files.where} does not name its classes (its label is no ClassLabel).",
            f"Build it: mmskin build {p.dataset}",
        )
    if set(names) != set(p.classes) or len(names) != len(p.classes):
        missing = ", ".join(repr(name) for name in p.classes if name not in names)
        foreign = ", ".join(repr(name) for name in names if name not in p.classes)
        told = "; ".join(
            words for words in (missing and f"it lacks {missing}", foreign and f"it has {foreign}") if words
        )
        raise MmskinError(
            f"The classes of {files.where} are not those of {p.task}: {told}.",
            f"Say {p.dataset}=PATH of a build of {p.dataset}.",
        )
    return {number: p.classes.index(name) for number, name in enumerate(names)}


def _verdicts(p: Protocol, file: Path, where: str) -> Iterator[str]:
    """For each row of ``file`` why it does not count; "" where it does."""
    column = "answer" if p.kind == "vqa" else "label"
    with opened(file) as parquet:
        needed = ("image", column, *(("question",) if p.kind == "vqa" else ()))
        lacking = [name for name in needed if name not in parquet.schema_arrow.names]
        if lacking:
            raise MmskinError(f"{where} has no column {lacking[0]}, which {p.task} needs.", f"Build {p.dataset} again.")
        cells = parquet.read([column]).column(0).to_pylist()
    for cell in cells:
        if p.kind != "vqa":
            yield "no_label" if cell is None or cell == -1 else ""
        elif not str(cell or "").strip():
            yield "no_answer"
        else:
            closed = yes_or_no(str(cell)) is not None
            yield "" if p.answers == "all" or closed == (p.answers == "closed") else "other_answer"
