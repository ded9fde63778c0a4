"""MM-Skin: pictures and captions out of dermatology textbooks, as the configs ``captions`` and ``demographics``.

::

    mmskin build mm_skin ~/books --out data/mm-skin --version 1.0.0

The books are read by :mod:`mmskin_hub.engine`; what it leaves in the work folder is streamed through a
``datasets.GeneratorBasedBuilder`` into Parquet files of fixed size, so that the files do not depend on how many
workers read the books.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets

from mmskin_hub.derive.captions import caption_row
from mmskin_hub.derive.demographics import demographics_row
from mmskin_hub.engine.books import find_books
from mmskin_hub.engine.finish import finish, published_rows, rejects_file
from mmskin_hub.engine.limits import writing
from mmskin_hub.engine.publish import check_out, check_version, file_digests, staged
from mmskin_hub.engine.run import Settings, Worked, options_record, run_books
from mmskin_hub.engine.tools import tool_versions
from mmskin_hub.engine.work import WorkFolder, locked, read_rows, write_json
from mmskin_hub.errors import NothingUsable, WrongUse
from mmskin_hub.registry import DATASETS
from mmskin_hub.schema import SPLITS, captions_features, demographics_features

NAME = "mm_skin"
ROWS_A_GROUP = 100
"""Rows a row group: enough to compress, few enough for a viewer to open one quickly."""
SHARD_BYTES = 400_000_000
"""Size from which a split goes on in another file; fixed, so that the number of files follows the content alone."""


class MMSkinConfig(datasets.BuilderConfig):
    """One config; ``data_dir`` is the work folder (``<work>/<key>``) that the engine finished."""


class MMSkin(datasets.GeneratorBasedBuilder):
    """Streams a finished work folder into the published rows of one config."""

    BUILDER_CONFIG_CLASS = MMSkinConfig
    BUILDER_CONFIGS = [MMSkinConfig(name=name) for name in DATASETS[NAME].configs]  # noqa: RUF012
    DEFAULT_CONFIG_NAME = "captions"
    DEFAULT_WRITER_BATCH_SIZE = ROWS_A_GROUP

    def _info(self) -> datasets.DatasetInfo:
        features = captions_features() if self.config.name == "captions" else demographics_features()
        return datasets.DatasetInfo(features=features)

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # A split without any row gets no file: an empty one would only confuse whoever loads it.
        present = [split for split in SPLITS if next(self._rows(split), None) is not None]
        return [datasets.SplitGenerator(split, gen_kwargs={"split": split}) for split in present]

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(self._rows(split))

    def _rows(self, split: str) -> Iterator[dict[str, Any]]:
        for candidate in published_rows(WorkFolder(self.config.data_dir), split):
            row = caption_row(candidate) if self.config.name == "captions" else demographics_row(candidate)
            if row is not None:
                yield {**row, "id": candidate["id"]}


@dataclass(frozen=True, slots=True)
class Request:
    """What ``mmskin build mm_skin`` was asked for. ``work`` is None for a folder of its own, removed on success."""

    books: tuple[str, ...]
    out: Path
    version: str = "0.1.0"
    configs: tuple[str, ...] = DATASETS[NAME].configs
    workers: int = 1
    ocr: str = "auto"
    split_by: str = "auto"
    duplicates: str = "pair"
    min_size: int = 64
    work: Path | None = None
    overwrite: bool = False


def build(request: Request) -> dict[str, Any]:
    """Make the dataset and return the record that ``build.json`` holds.

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend; ``request.out`` is then as it
    was before.
    """
    _check(request)
    work = request.work or request.out.with_name(f"{request.out.name}.work")
    options = (request.workers, request.ocr, request.min_size, request.split_by, request.duplicates)
    settings = Settings(request.books, work, *options).resolved()
    began = time.perf_counter()
    try:
        with locked(work):
            worked = run_books(settings)
            with writing(f"The work folder {work}", "--work"):
                counts = finish(worked, request.split_by, request.duplicates)
            if not counts["published"]:
                raise NothingUsable(_why_empty(counts), _remedy(counts))
            with writing(f"--out {request.out}", "--out"), staged(request.out) as stage:
                record = _write(stage, request, settings, worked, counts, began)
    except NothingUsable:
        _forget(request, work)
        raise
    _forget(request, work)
    return record


def _check(request: Request) -> None:
    """Refuse, before anything is read or written, what must not be done."""
    check_version(request.version)
    unknown = [name for name in request.configs if name not in DATASETS[NAME].configs]
    if unknown or not request.configs:
        known = ",".join(DATASETS[NAME].configs)
        raise WrongUse(f"--configs {','.join(unknown)!r} is not known.", f"There are: {known}")
    check_out(request.out, NAME, request.version, request.overwrite)
    # --out is replaced as a whole: what is to be read, or worked on, must not lie in it.
    out = request.out.resolve()
    work = [str(request.work)] if request.work else []
    for path in [*find_books(request.books).paths, *work]:
        if Path(path).resolve().is_relative_to(out):
            raise WrongUse(f"{path} lies inside --out {request.out}, which is replaced.", "Name another folder.")


def _forget(request: Request, work: Path) -> None:
    """Remove a work folder that nobody asked for, once there is nothing left to go on with."""
    if request.work is None:
        shutil.rmtree(work, ignore_errors=True)


def _write(
    stage: Path, request: Request, settings: Settings, worked: Worked, counts: dict[str, Any], began: float
) -> dict[str, Any]:
    """Put the whole dataset together in ``stage``."""
    from mmskin_hub.hub.card import render_dataset_card
    from mmskin_hub.hub.contact_sheet import write_contact_sheet

    splits = {name: _write_config(stage, name, request.version, worked.folder) for name in request.configs}
    shutil.copyfile(rejects_file(worked.folder), stage / "rejects.parquet")
    record: dict[str, Any] = {
        "dataset": NAME,
        "version": request.version,
        "options": options_record(settings, request.configs),
        "tools": tool_versions(),
        "inputs": list(worked.surveyed.inputs),
        "counts": counts,
        "configs": splits,
        "files": file_digests(stage),
    }
    rejects = read_rows(stage / "rejects.parquet", batch=500)
    write_contact_sheet(stage / "contact_sheet.html", _sheet_rows(worked.folder), record, rejects)
    (stage / "README.md").write_text(render_dataset_card(record), encoding="utf-8")
    seconds = time.perf_counter() - began
    record["run"] = {
        "workers": request.workers,
        "seconds": round(seconds, 3),
        "reading_seconds": round(worked.seconds, 3),
        "pages_read_now": worked.pages_now,
        "pages_a_second": round(worked.pages_now / worked.seconds, 3) if worked.seconds else 0.0,
    }
    write_json(stage / "build.json", record)
    return record


def _sheet_rows(folder: WorkFolder) -> Iterator[dict[str, Any]]:
    for candidate in published_rows(folder):
        yield {**caption_row(candidate), "id": candidate["id"], "split": candidate["split"]}


def _write_config(stage: Path, config: str, version: str, folder: WorkFolder) -> dict[str, dict[str, int]]:
    """Write ``<config>/<split>-00000-of-0000N.parquet``;
    the rows and bytes of each split."""
    cache = stage / ".cache"
    parquet = cache / config
    quiet = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        builder = MMSkin(config_name=config, data_dir=folder.root, cache_dir=str(cache / "datasets"))
        builder.download_and_prepare(str(parquet), file_format="parquet", max_shard_size=SHARD_BYTES)
    finally:
        if not quiet:
            datasets.enable_progress_bars()
    target = stage / config
    target.mkdir()
    rows: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        files = sorted(parquet.glob(f"*-{split}*.parquet"))
        for number, file in enumerate(files):
            file.rename(target / f"{split}-{number:05d}-of-{len(files):05d}.parquet")
        if files:
            info = builder.info.splits[split]
            rows[split] = {"rows": int(info.num_examples), "bytes": int(info.num_bytes)}
    shutil.rmtree(cache)
    return rows


def _why_empty(counts: dict[str, Any]) -> str:
    reasons = ", ".join(f"{number} {reason}" for reason, number in counts["rejects"].items()) or "no pictures at all"
    seen = f"{counts['pages']} pages, {counts['pictures']} pictures"
    return f"The books hold no pair that can be published: {seen}; {reasons}."


def _remedy(counts: dict[str, Any]) -> str:
    if counts["rejects"].get("ocr_needed"):
        return "Nothing was written. Pages without text need OCR: leave out --ocr none."
    return "Nothing was written."


__all__: Sequence[str] = ("MMSkin", "Request", "build")
