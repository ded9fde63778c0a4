"""MM-Skin: pictures, captions, questions and patients out of dermatology textbooks.

::

    mmskin build mm_skin ~/books --out data/mm-skin --version 1.0.0

The configs are ``captions`` (MM-Skin-C), ``open_vqa`` (MM-Skin-O) and ``demographics`` (MM-Skin-D). The books are read
by :mod:`mmskin_hub.engine`; what it leaves in the work folder is streamed through a ``datasets.GeneratorBasedBuilder``
into Parquet files of fixed size, so that the files do not depend on how many workers read the books.

**Why a row of open_vqa is one question, with its picture in it.** A list of questions a picture would store the picture
once, but whoever wants to filter by type, sample questions, look at them in the viewer, or train, must unroll it first;
references to ``captions`` would need a join. So each question is a row, and Parquet stores the picture once: its
column is dictionary-encoded, and the questions of a picture lie side by side (:mod:`mmskin_hub.engine.tables`). What it
costs, against storing the picture with every question, is measured in benchmarks/README.md. ``load_dataset`` unpacks
Parquet into an Arrow cache, where every row has its picture; ``streaming=True`` avoids that.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets

from mmskin_hub.derive.captions import caption_row
from mmskin_hub.derive.demographics import demographics_row
from mmskin_hub.engine.books import find_books
from mmskin_hub.engine.counts import sorted_counts
from mmskin_hub.engine.finish import finish, published_rows, rejects_file
from mmskin_hub.engine.limits import writing
from mmskin_hub.engine.publish import check_out, check_version, file_digests, staged
from mmskin_hub.engine.questions import questions_of, write_questions
from mmskin_hub.engine.run import Settings, Worked, options_record, run_books
from mmskin_hub.engine.tables import ROWS_A_GROUP, SHARD_BYTES, write_split
from mmskin_hub.engine.tools import tool_versions
from mmskin_hub.engine.work import WorkFolder, locked, read_rows, write_json
from mmskin_hub.errors import MmskinError, NothingUsable, WrongUse
from mmskin_hub.registry import DATASETS
from mmskin_hub.schema import SPLITS, captions_features, demographics_features, open_vqa_features

if TYPE_CHECKING:
    from mmskin_hub.derive.vqa.endpoint import EndpointSettings

NAME = "mm_skin"
_FEATURES = {"captions": captions_features, "open_vqa": open_vqa_features, "demographics": demographics_features}


class MMSkinConfig(datasets.BuilderConfig):
    """One config; ``data_dir`` is the work folder (``<work>/<key>``) that the engine finished."""


class MMSkin(datasets.GeneratorBasedBuilder):
    """Streams a finished work folder into the published rows of one config."""

    BUILDER_CONFIG_CLASS = MMSkinConfig
    BUILDER_CONFIGS = [MMSkinConfig(name=name) for name in DATASETS[NAME].configs]  # noqa: RUF012
    DEFAULT_CONFIG_NAME = "captions"
    DEFAULT_WRITER_BATCH_SIZE = ROWS_A_GROUP

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(features=_FEATURES[self.config.name]())

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        # A split without any row gets no file: an empty one would only confuse whoever loads it.
        present = [split for split in SPLITS if next(self.rows(split), None) is not None]
        return [datasets.SplitGenerator(split, gen_kwargs={"split": split}) for split in present]

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from enumerate(self.rows(split))

    def rows(self, split: str) -> Iterator[dict[str, Any]]:
        """The published rows of ``split``, pictures as encoded bytes; those of one picture are neighbours."""
        folder = WorkFolder(self.config.data_dir)
        questions = questions_of(folder, split) if self.config.name == "open_vqa" else {}
        for candidate in published_rows(folder, split):
            if self.config.name == "demographics":
                row = demographics_row(candidate)
                yield from [row] if row else []
                continue
            row = caption_row(candidate)
            if self.config.name == "captions":
                yield row
            for question in questions.get(row["id"], ()):
                yield {**question, "image": row["image"]}


@dataclass(frozen=True, slots=True)
class Request:
    """What ``mmskin build mm_skin`` was asked for.

    ``work`` is None for a folder of its own, removed on success. Questions are written by the rules, or by the model
    behind ``endpoint``, whose answers are kept in the folder ``cache``.
    """

    books: tuple[str, ...]
    out: Path
    version: str = "0.1.0"
    configs: tuple[str, ...] = DATASETS[NAME].configs
    workers: int = 1
    ocr: str = "auto"
    split_by: str = "auto"
    duplicates: str = "pair"
    min_size: int = 64
    endpoint: EndpointSettings | None = None
    cache: Path | None = None
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
            if "open_vqa" in request.configs:
                with writing(f"The work folder {work}", "--work"):
                    counts = _ask(request, worked.folder, counts)
            with writing(f"--out {request.out}", "--out"), staged(request.out) as stage:
                record = _write(stage, request, settings, worked, counts, began)
    except NothingUsable:
        _forget(request, work)
        raise
    _forget(request, work)
    return record


def _ask(request: Request, folder: WorkFolder, counts: dict[str, Any]) -> dict[str, Any]:
    """Have the questions written; the counts with theirs."""
    if request.endpoint is None or request.cache is None:
        questions = write_questions(folder)
    else:
        from mmskin_hub.engine.asking import endpoint_writer

        with endpoint_writer(request.endpoint, request.cache) as writer:
            questions = write_questions(folder, writer)
    refused = Counter(counts["rejects"]) + Counter(questions["not_asked"]) + Counter(questions["rejected"])
    return {**counts, "questions": questions, "rejects": sorted_counts(refused.elements())}


def _check(request: Request) -> None:
    """Refuse, before anything is read or written, what must not be done."""
    check_version(request.version)
    unknown = [name for name in request.configs if name not in DATASETS[NAME].configs]
    if unknown or not request.configs:
        known = ",".join(DATASETS[NAME].configs)
        raise WrongUse(f"--configs {','.join(unknown)!r} is not known.", f"There are: {known}")
    _check_endpoint(request)
    check_out(request.out, NAME, request.version, request.overwrite)
    # --out is replaced as a whole: what is to be read, or worked on, must not lie in it.
    out = request.out.resolve()
    kept = [str(folder) for folder in (request.work, request.cache) if folder]
    for path in [*find_books(request.books).paths, *kept]:
        if Path(path).resolve().is_relative_to(out):
            raise WrongUse(f"{path} lies inside --out {request.out}, which is replaced.", "Name another folder.")


def _check_endpoint(request: Request) -> None:
    """Find out before the books are read, not after, whether there is anybody to ask."""
    if request.endpoint is None:
        return
    if "open_vqa" not in request.configs:
        raise WrongUse(
            "An endpoint writes open_vqa, which is not among --configs.", "Add it, or leave the endpoint out."
        )
    try:
        request.endpoint.check()
    except MmskinError as error:
        raise WrongUse(error.what, error.remedy) from error


def _forget(request: Request, work: Path) -> None:
    """Remove a work folder that nobody asked for, once there is nothing left to go on with.

    It is renamed first: of one that was half removed by a killed run, the next would believe what is left.
    """
    if request.work is None:
        gone = work.with_name(f"{work.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        with suppress(FileNotFoundError):
            work.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _write(
    stage: Path, request: Request, settings: Settings, worked: Worked, counts: dict[str, Any], began: float
) -> dict[str, Any]:
    """Put the whole dataset together in ``stage``."""
    from mmskin_hub.hub.cards.books import render_dataset_card
    from mmskin_hub.hub.contact_sheet import write_contact_sheet

    splits = {name: _write_config(stage, name, worked.folder) for name in request.configs}
    shutil.copyfile(rejects_file(worked.folder), stage / "rejects.parquet")
    record: dict[str, Any] = {
        "dataset": NAME,
        "version": request.version,
        "options": {**options_record(settings, request.configs), **_vqa_record(request)},
        "tools": tool_versions(),
        "inputs": list(worked.surveyed.inputs),
        "counts": counts,
        "configs": splits,
        "files": file_digests(stage),
    }
    rejects = read_rows(stage / "rejects.parquet", batch=500)
    sheet = _sheet_rows(worked.folder, "open_vqa" in request.configs)
    write_contact_sheet(stage / "contact_sheet.html", sheet, record, rejects)
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


def _vqa_record(request: Request) -> dict[str, Any]:
    """How questions were written, as ``build.json`` keeps it: what decides about them, not where they came from."""
    if "open_vqa" not in request.configs:
        return {}
    if request.endpoint is None:
        return {"vqa": "rules"}
    chosen = request.endpoint
    sampling = f"temperature {chosen.temperature:g}, at most {chosen.max_tokens} tokens, seed {chosen.seed}"
    return {"vqa": "endpoint", "vqa_model": chosen.model, "vqa_prompt": chosen.prompt, "vqa_sampling": sampling}


def _sheet_rows(folder: WorkFolder, asked: bool) -> Iterator[dict[str, Any]]:
    """The rows of ``captions`` with their split and, where they were ``asked`` about, their questions."""
    for split in SPLITS:
        questions = questions_of(folder, split) if asked else {}
        for candidate in published_rows(folder, split):
            row = caption_row(candidate)
            yield {**row, "split": split, "questions": questions.get(row["id"], [])}


def _write_config(stage: Path, config: str, folder: WorkFolder) -> dict[str, dict[str, int]]:
    """Write ``<config>/<split>-00000-of-0000N.parquet``; the rows and bytes of each split."""
    cache = stage / ".cache"
    builder = MMSkin(config_name=config, data_dir=folder.root, cache_dir=str(cache / "datasets"))
    try:
        return (_write_shared if config == "open_vqa" else _write_plain)(builder, stage / config, cache / config)
    finally:
        shutil.rmtree(cache, ignore_errors=True)


def _write_shared(builder: MMSkin, target: Path, _: Path) -> dict[str, dict[str, int]]:
    """A config whose neighbouring rows share a picture."""
    target.mkdir()
    features = builder.info.features
    sizes = {
        split: write_split(target, split, builder.rows(split), features, lambda row: row["caption_id"])
        for split in SPLITS
    }
    return {split: {"rows": size.rows, "bytes": size.bytes} for split, size in sizes.items() if size}


def _write_plain(builder: MMSkin, target: Path, parquet: Path) -> dict[str, dict[str, int]]:
    """A config with a picture a row."""
    quiet = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        builder.download_and_prepare(str(parquet), file_format="parquet", max_shard_size=SHARD_BYTES)
    finally:
        if not quiet:
            datasets.enable_progress_bars()
    target.mkdir()
    rows: dict[str, dict[str, int]] = {}
    for split in SPLITS:
        files = sorted(parquet.glob(f"*-{split}*.parquet"))
        for number, file in enumerate(files):
            file.rename(target / f"{split}-{number:05d}-of-{len(files):05d}.parquet")
        if files:
            info = builder.info.splits[split]
            rows[split] = {"rows": int(info.num_examples), "bytes": int(info.num_bytes)}
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
