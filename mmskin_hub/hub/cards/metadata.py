"""The metadata that the Hub and ``load_dataset`` read from a card: what all datasets of the house have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmskin_hub.schema import SPLITS

TAGS = ("dermatology", "medical", "skin")
"""What every dataset and model of the house is found by."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def size_category(rows: Iterable[int]) -> str:
    """The Hub's word for the size of the largest config; ``rows`` are the rows of each."""
    most = max(rows, default=0)
    return next((size for limit, size in _SIZES if most < limit), "n>1M")


def folder_of(config: str) -> str:
    """The folder of the Parquet files of ``config``."""
    return "data" if config == "default" else config


def config_entry(build: Mapping[str, Any], config: str, default: bool) -> dict[str, Any]:
    """The entry of ``configs:`` for ``config`` of the dataset that ``build`` (its ``build.json``) describes."""
    files = [{"split": split, "path": f"{folder_of(config)}/{split}-*.parquet"} for split in _splits(build, config)]
    record = {"config_name": config, "data_files": files, "version": build["version"]}
    return {**record, "default": True} if default else record


def _splits(build: Mapping[str, Any], config: str) -> dict[str, Any]:
    """The splits of ``config`` in reading order."""
    held = build["configs"][config]
    return {split: held[split] for split in SPLITS if split in held}


def info_entry(build: Mapping[str, Any], config: str, features: Any) -> dict[str, Any]:
    """The entry of ``dataset_info:`` for ``config`` with the columns ``features`` (``datasets.Features``)."""
    splits, prefix = _splits(build, config), f"{folder_of(config)}/"
    return {
        "config_name": config,
        "features": features._to_yaml_list(),
        "splits": [{"name": n, "num_bytes": s["bytes"], "num_examples": s["rows"]} for n, s in splits.items()],
        "download_size": sum(file["size"] for path, file in build["files"].items() if path.startswith(prefix)),
        "dataset_size": sum(size["bytes"] for size in splits.values()),
    }
