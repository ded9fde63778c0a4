"""The dataset card (``README.md``), rendered from the facts in ``build.json`` and from nothing else.

What the build did not record stays absent from the card: a template never guesses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmskin_hub.hub.cards.citations import bibtex
from mmskin_hub.hub.cards.known_limits import of_books
from mmskin_hub.hub.cards.markdown import by_split, code, config_table, option_table, plain, table
from mmskin_hub.hub.cards.metadata import TAGS, size_category
from mmskin_hub.hub.cards.templates import environment, tidy
from mmskin_hub.hub.cards.told import NOBODY, Told
from mmskin_hub.schema import (
    CONFIGS,
    MODALITIES,
    REJECT_REASONS,
    SPLITS,
    captions_features,
    demographics_features,
    open_vqa_features,
)

LICENSE_NAME = "textbook-content-not-redistributable"

PRETTY_NAMES = {"mm_skin": "MM-Skin, built from your own books"}
_FEATURES = {"captions": captions_features, "open_vqa": open_vqa_features, "demographics": demographics_features}
_TASKS = {
    "captions": ("image-to-text", "image-text-to-text"),
    "open_vqa": ("visual-question-answering",),
    "demographics": ("visual-question-answering",),
}
_FACTS = ("dataset", "version", "options", "tools", "inputs", "counts", "files")


def render_dataset_card(build: Mapping[str, Any], told: Told = NOBODY) -> str:
    """The text of ``README.md`` for the dataset that ``build`` (the content of ``build.json``) describes.

    ``build["configs"]`` maps a config to its splits, and a split to its number of rows (or to ``{"rows": …,
    "bytes": …}`` with the size of the decoded table); ``dataset``, ``version``, ``options``, ``tools``, ``inputs``
    (name, sha256, size, pages, rejected), ``counts`` and ``files`` (path to sha256 and size) are optional. ``told`` is
    what a release adds. The same facts give the same text. Raises ``KeyError`` where ``configs`` is missing.
    """
    configs = _configs(build)
    facts = {name: build[name] for name in _FACTS if build.get(name) is not None}
    facts.setdefault("counts", {})
    facts.setdefault("tools", {})
    splits = [split for split in SPLITS if any(split in rows for rows in configs.values())]
    text = environment().get_template("dataset.md.jinja")
    return tidy(
        text.render(
            **facts,
            audit=build.get("audit"),
            configs=configs,
            title=_title(build),
            front=front_matter(build),
            splits=splits,
            tables=_tables(build, configs, splits),
            limits=of_books(build),
            citation=bibtex(["mm_skin"]),
            told=told,
        )
    )


def front_matter(build: Mapping[str, Any]) -> str:
    """The YAML block of the card, without its ``---`` lines: what the Hub and ``load_dataset`` read."""
    from huggingface_hub import DatasetCardData

    # A config without a row has no file either, and must not be offered.
    configs = {name: rows for name, rows in _configs(build).items() if rows}
    data = DatasetCardData(
        language="en",
        license="other",
        license_name=LICENSE_NAME,
        pretty_name=_title(build),
        task_categories=list(dict.fromkeys(task for name in configs for task in _TASKS.get(name, ()))),
        tags=[*TAGS, "image-caption", "vision-language", "mm-skin"],
        size_categories=[size_category(sum(split["rows"] for split in rows.values()) for rows in configs.values())],
        configs=[_config(name, rows, build) for name, rows in configs.items()],
        dataset_info=[_info(name, rows, build) for name, rows in configs.items() if name in _FEATURES],
    )
    return str(data.to_yaml()).rstrip("\n")


def _tables(build: Mapping[str, Any], configs: Mapping[str, Any], splits: list[str]) -> dict[str, str]:
    """The tables of the body; "" where the record says nothing."""
    counts = build.get("counts") or {}
    modalities = by_split(counts.get("split_modalities"), "split", MODALITIES) or table(
        ["modality", "pairs"], ([plain(k), n] for k, n in (counts.get("modalities") or {}).items()), "lr"
    )
    inputs = [
        [code(book.get("sha256") or "unknown"), book.get("pages") or None,
         plain(f"not read: {book['rejected']}") if book.get("rejected") else ""]
        for book in build.get("inputs") or ()
    ]  # fmt: skip
    types = (counts.get("questions") or {}).get("types") or {}
    rejects = (counts.get("rejects") or {}).items()
    return {
        "configs": config_table(configs, splits),
        "modalities": modalities,
        "questions": table(["question type", "questions"], ([code(k), n] for k, n in types.items()), "lr"),
        "rejects": table(
            ["reason", "rows", "meaning"], ([code(k), n, REJECT_REASONS.get(k, "")] for k, n in rejects), "lrl"
        ),
        "inputs": table(["book (SHA-256)", "pages", ""], inputs, "lrl"),
        "options": option_table(build.get("options")),
    }


def _configs(build: Mapping[str, Any]) -> dict[str, dict[str, dict[str, int]]]:
    """Config to split to rows (and bytes), the default config first, splits in reading order, empty ones left out."""
    found = build["configs"]
    names = sorted(found, key=lambda name: (CONFIGS.index(name) if name in CONFIGS else len(CONFIGS), name))
    return {
        name: {
            split: given if isinstance(given, dict) else {"rows": int(given)}
            for split in SPLITS
            if (given := found[name].get(split))
        }
        for name in names
    }


def _config(name: str, rows: Mapping[str, Any], build: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "config_name": name,
        "data_files": [{"split": split, "path": f"{name}/{split}-*.parquet"} for split in rows],
    }
    if name == next(name for name, rows in _configs(build).items() if rows):
        record["default"] = True
    if build.get("version"):
        record["version"] = str(build["version"])
    return record


def _info(name: str, rows: Mapping[str, Mapping[str, int]], build: Mapping[str, Any]) -> dict[str, Any]:
    splits = []
    for split, counts in rows.items():
        record: dict[str, Any] = {"name": split}
        if "bytes" in counts:
            record["num_bytes"] = counts["bytes"]
        splits.append({**record, "num_examples": counts["rows"]})
    info: dict[str, Any] = {
        "config_name": name,
        "features": _FEATURES[name]()._to_yaml_list(),
        "splits": splits,
    }
    sizes = [int(file["size"]) for path, file in (build.get("files") or {}).items() if path.startswith(f"{name}/")]
    if sizes:
        info["download_size"] = sum(sizes)
    if rows and all("bytes" in counts for counts in rows.values()):
        info["dataset_size"] = sum(counts["bytes"] for counts in rows.values())
    return info


def _title(build: Mapping[str, Any]) -> str:
    name = str(build.get("dataset") or "mm_skin")
    return PRETTY_NAMES.get(name, name)
