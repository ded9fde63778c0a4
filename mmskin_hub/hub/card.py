"""The dataset card (``README.md``), rendered from the facts in ``build.json`` and from nothing else.

What the build did not record stays absent from the card: a template never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from mmskin_hub.schema import (
    CONFIGS,
    REJECT_REASONS,
    SPLITS,
    captions_features,
    demographics_features,
    open_vqa_features,
)

if TYPE_CHECKING:
    from jinja2 import Environment

LICENSE_NAME = "textbook-content-not-redistributable"

PRETTY_NAMES = {"mm_skin": "MM-Skin, built from your own books"}
_FEATURES = {"captions": captions_features, "open_vqa": open_vqa_features, "demographics": demographics_features}
_TASKS = {
    "captions": ("image-to-text", "image-text-to-text"),
    "open_vqa": ("visual-question-answering",),
    "demographics": ("visual-question-answering",),
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_FACTS = ("dataset", "version", "options", "tools", "inputs", "counts", "files")


def render_dataset_card(build: Mapping[str, Any]) -> str:
    """The text of ``README.md`` for the dataset that ``build`` (the content of ``build.json``) describes.

    ``build["configs"]`` maps a config to its splits, and a split to its number of rows (or to ``{"rows": …,
    "bytes": …}`` with the size of the decoded table); ``dataset``, ``version``, ``options``, ``tools``, ``inputs``
    (name, sha256, size, pages, rejected), ``counts`` and ``files`` (path to sha256 and size) are optional. The same
    facts give the same text. Raises ``KeyError`` where ``configs`` is missing.
    """
    configs = _configs(build)
    facts = {name: build[name] for name in _FACTS if build.get(name) is not None}
    facts.setdefault("counts", {})
    text = environment().get_template("dataset.md.jinja")
    return text.render(
        **facts,
        configs=configs,
        title=_title(build),
        front=front_matter(build),
        splits=[split for split in SPLITS if any(split in rows for rows in configs.values())],
        reasons=REJECT_REASONS,
    )


def front_matter(build: Mapping[str, Any]) -> str:
    """The YAML block of the card, without its ``---`` lines: what the Hub and ``load_dataset`` read."""
    from huggingface_hub import DatasetCardData

    configs = _configs(build)
    most = max((sum(split["rows"] for split in rows.values()) for rows in configs.values()), default=0)
    data = DatasetCardData(
        language="en",
        license="other",
        license_name=LICENSE_NAME,
        pretty_name=_title(build),
        task_categories=list(dict.fromkeys(task for name in configs for task in _TASKS.get(name, ()))),
        tags=["dermatology", "medical", "skin", "image-caption", "vision-language", "mm-skin"],
        size_categories=[next((size for limit, size in _SIZES if most < limit), "n>1M")],
        configs=[_config(name, rows, build) for name, rows in configs.items()],
        dataset_info=[_info(name, rows, build) for name, rows in configs.items() if name in _FEATURES],
    )
    return str(data.to_yaml()).rstrip("\n")


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
    if name == next(iter(_configs(build))):
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


def environment(html: bool = False) -> Environment:
    """Jinja over the package's cards; ``html`` escapes everything that is put in, Markdown cells use ``|cell``."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # The templates are reached by the name of their package: the core never imports cards/.
    folder = resources.files("mmskin_hub.cards")
    found = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["cell"] = _cell
    found.filters["thousands"] = lambda number: f"{number:,}"
    return found


def _cell(value: object) -> str:
    """``value`` as the text of one Markdown table cell: no markup, no line break."""
    text = " ".join(str(value).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)
