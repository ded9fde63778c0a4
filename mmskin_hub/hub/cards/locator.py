"""The card (``README.md``) of a locator release: what it points to, and the command that makes the dataset again.

Rendered from the locator's own ``build.json`` (:mod:`mmskin_hub.hub.locator`) and the columns of its Parquet files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmskin_hub.hub.cards.citations import bibtex
from mmskin_hub.hub.cards.licences import attributions
from mmskin_hub.hub.cards.markdown import Cell, by_split, code, config_table, option_table, plain, table
from mmskin_hub.hub.cards.metadata import TAGS, config_entry, folder_of, info_entry, size_category
from mmskin_hub.hub.cards.mixture import TITLES
from mmskin_hub.hub.cards.templates import environment, tidy
from mmskin_hub.hub.cards.told import NOBODY, Told
from mmskin_hub.registry import DATASETS
from mmskin_hub.schema import MODALITIES, SPLITS

_NAMES = {"mm_skin": "MM-Skin, built from books"}
LICENSE_NAME = "locator-without-content"
OPTIONS = {
    "books": "--books ~/books",
    "public": "--raw ~/download",
    "mixture": "--data NAME=PATH …",
}
"""What ``mmskin rematerialize`` needs beside the repository, by what a dataset is built from."""
MEANINGS = {
    "id": "the id of the row in the dataset",
    "caption_id": "the id of the pair a question is about",
    "book": "SHA-256 of the PDF file",
    "page": "1-based",
    "bbox": "box in PDF points, origin at the top left",
    "phash": "perceptual hash of the picture",
    "modality": "clinical, dermoscopic or pathology",
    "age_years": "age where the caption states it",
    "age_group": "group of that age",
    "sex": "sex where the caption states it",
    "question_type": "what a question asks for",
    "closed": "whether a question offers its answers",
    "image_id": "the id of the picture at its source",
    "group_id": "what a grouped split keeps together",
    "patient_id": "the patient, as the source numbers them",
    "lesion_id": "the lesion, as the source numbers them",
    "sha256": "SHA-256 of the source's picture",
    "source": "the dataset a row was taken from",
    "config": "the config of that dataset",
    "task": "what kind of conversation it is",
    "licence": "the licence of the picture",
    "split": "train, validation or test",
    "image_sha256": "SHA-256 of the published picture",
    "row_sha256": "SHA-256 over all that the row says, its picture included",
}
"""What the columns of a locator are; a column that is not here is named without a word."""


def render_locator_card(build: Mapping[str, Any], features: Mapping[str, Any], told: Told = NOBODY) -> str:
    """The text of ``README.md``; ``build`` is the locator's ``build.json``, ``features`` its ``Features`` by config."""
    kind = DATASETS[build["dataset"]].source
    counts = build.get("counts") or {}
    splits = [split for split in SPLITS if any(split in held for held in build["configs"].values())]
    text = environment().get_template("locator.md.jinja")
    return tidy(
        text.render(
            build=build,
            title=_title(build),
            kind=kind,
            needs=OPTIONS[kind],
            front=_front(build, features),
            several=len(build["configs"]) > 1,
            first_split=splits[0] if splits else "train",
            tables=_tables(build, kind, counts, splits),
            citation=bibtex(_cited(build, kind)),
            told=told,
        )
    )


def features_of(folder: Path, build: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of each config as ``datasets.Features``, read from the first Parquet file of each."""
    import pyarrow.parquet as pq
    from datasets import Features

    found = {}
    for config in build["configs"]:
        prefix = f"{folder_of(config)}/"
        file = next((name for name in sorted(build["files"]) if name.startswith(prefix)), None)
        if file is not None:
            found[config] = Features.from_arrow_schema(pq.read_schema(folder / file))
    return found


def _title(build: Mapping[str, Any]) -> str:
    name = str(build["dataset"])
    title = TITLES.get(str(build.get("variant"))) or build.get("title") or _NAMES.get(name) or DATASETS[name].title
    return f"{title}: locator"


def _cited(build: Mapping[str, Any], kind: str) -> list[str]:
    if kind == "mixture":
        return list((build.get("counts") or {}).get("licences") or ())
    return ["mm_skin" if kind == "books" else str(build["dataset"])]


def _tables(build: Mapping[str, Any], kind: str, counts: Mapping[str, Any], splits: list[str]) -> dict[str, str]:
    columns: dict[str, list[str]] = {}
    for config, names in build["columns"].items():
        for name in names:
            columns.setdefault(name, []).append(config)
    books = [
        [code(book.get("sha256") or "unknown"), book.get("pages") or None,
         plain(f"not read: {book['rejected']}") if book.get("rejected") else ""]
        for book in build.get("inputs") or ()
    ]  # fmt: skip
    files: list[list[Cell]] = [
        [code(path), file["size"], code(file["sha256"])] for path, file in build["full"]["files"].items()
    ]
    return {
        "configs": config_table(build["configs"], splits),
        "columns": table(
            ["column", "configs", "what"],
            ([code(name), ", ".join(map(code, held)), MEANINGS.get(name, "")] for name, held in columns.items()),
            "lll",
        ),
        "modalities": by_split(counts.get("split_modalities"), "split", MODALITIES, always=True),
        "skin_tones": by_split(counts.get("split_skin_tones"), "split"),
        "books": table(["book (SHA-256)", "pages", ""], books, "lrl") if kind == "books" else "",
        "attributions": attributions(counts["licences"]) if kind == "mixture" and counts.get("licences") else "",
        "files": table(["file of the dataset", "bytes", "SHA-256"], files, "lrl"),
        "options": option_table(build.get("options")),
    }


def _front(build: Mapping[str, Any], features: Mapping[str, Any]) -> str:
    from huggingface_hub import DatasetCardData

    configs = [name for name, splits in build["configs"].items() if splits]
    data = DatasetCardData(
        language="en",
        license="other",
        license_name=LICENSE_NAME,
        pretty_name=_title(build),
        tags=[*TAGS, "locator", "mm-skin"],
        size_categories=[size_category(sum(s["rows"] for s in build["configs"][name].values()) for name in configs)],
        configs=[config_entry(build, name, name == configs[0]) for name in configs],
        dataset_info=[info_entry(build, name, features[name]) for name in configs if name in features],
    )
    return str(data.to_yaml()).rstrip("\n")
