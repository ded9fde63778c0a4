"""The card (``README.md``) of a public dataset as we publish it, rendered from the facts in its ``build.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmskin_hub.hub.card import environment
from mmskin_hub.registry import PUBLIC

if TYPE_CHECKING:
    from mmskin_hub.engine.public.spec import Spec

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TASKS = {"default": "image-classification", "captions": "image-to-text", "open_vqa": "visual-question-answering"}
_PUSH = {
    "yes": "The pictures may be passed on under their licence, with attribution.",
    "no": "**The pictures must not be passed on.** Build this dataset from your own download.",
    "labels": "**The pictures must not be passed on**; the labels may be, under their licence.",
    "gated": "The pictures may be passed on to people who accept the terms: keep this dataset gated.",
}
_KNOWN = ("cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0")


def render_public_card(build: Mapping[str, Any], specs: Mapping[str, Spec]) -> str:
    """The text of ``README.md``; ``build`` is the content of ``build.json``, ``specs`` the builder's, by config."""
    facts = PUBLIC[build["dataset"]]
    return (
        environment()
        .get_template("public.md.jinja")
        .render(
            build=build,
            facts=facts,
            counts=build["counts"],
            split=build["split"],
            push=_PUSH[build["may_push"]],
            front=front_matter(build, specs),
            folders={config: "data" if config == "default" else config for config in build["configs"]},
        )
    )


def front_matter(build: Mapping[str, Any], specs: Mapping[str, Spec]) -> str:
    """The YAML block of the card, without its ``---`` lines."""
    from huggingface_hub import DatasetCardData

    facts = PUBLIC[build["dataset"]]
    licence = re.sub(r"[^a-z0-9.]+", "-", facts.licence.casefold()).strip("-")
    most = max(sum(size["rows"] for size in splits.values()) for splits in build["configs"].values())
    known = licence in _KNOWN
    data = DatasetCardData(
        language="en",
        license=licence if known else "other",
        license_name=None if known else licence,
        pretty_name=facts.title,
        task_categories=list(dict.fromkeys(_TASKS[config] for config in build["configs"])),
        tags=["dermatology", "medical", "skin", *facts.modality, "mm-skin"],
        size_categories=[next((size for limit, size in _SIZES if most < limit), "n>1M")],
        configs=[_config(build, config, number == 0) for number, config in enumerate(build["configs"])],
        dataset_info=[_info(build, config, specs[config]) for config in build["configs"]],
    )
    return str(data.to_yaml()).rstrip("\n")


def _folder(config: str) -> str:
    return "data" if config == "default" else config


def _config(build: Mapping[str, Any], config: str, default: bool) -> dict[str, Any]:
    files = [{"split": split, "path": f"{_folder(config)}/{split}-*.parquet"} for split in build["configs"][config]]
    record = {"config_name": config, "data_files": files, "version": build["version"]}
    return {**record, "default": True} if default else record


def _info(build: Mapping[str, Any], config: str, spec: Spec) -> dict[str, Any]:
    from mmskin_hub.schema import public_features

    splits = build["configs"][config]
    features = public_features(build["classes"], spec.extra, spec.plain)
    return {
        "config_name": config,
        "features": features._to_yaml_list(),
        "splits": [{"name": n, "num_bytes": s["bytes"], "num_examples": s["rows"]} for n, s in splits.items()],
        "download_size": sum(f["size"] for p, f in build["files"].items() if p.startswith(f"{_folder(config)}/")),
        "dataset_size": sum(size["bytes"] for size in splits.values()),
    }
