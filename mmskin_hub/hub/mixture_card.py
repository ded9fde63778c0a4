"""The card (``README.md``) of a training mixture, rendered from the facts in its ``build.json`` and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mmskin_hub.hub.card import environment

TITLES = {
    "mm": "SkinVL-MM training mixture",
    "pub": "SkinVL-Pub training mixture",
    "pubmm": "SkinVL-PubMM training mixture",
}
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_TASKS = {
    "caption": "image-to-text",
    "vqa": "visual-question-answering",
    "demographics": "visual-question-answering",
    "classification": "image-classification",
    "conversation": "image-text-to-text",
}
_CLASSES = (
    ("cc0-1.0", 0, "public domain"),
    ("cc-by", 1, "to be attributed"),
    ("cc-by-sa", 2, "to be attributed, shared alike"),
    ("cc-by-nc", 3, "to be attributed, non-commercial"),
    ("cc-by-nc-sa", 4, "to be attributed, non-commercial, shared alike"),
    ("cc-by-nd", 5, "to be attributed, not to be changed"),
    ("cc-by-nc-nd", 6, "to be attributed, non-commercial, not to be changed"),
    ("other", 7, "not to be passed on"),
)
_RANKS = {name: (rank, meaning) for name, rank, meaning in _CLASSES}


def licence_class(text: str) -> str:
    """The kind of licence that ``text`` names: one of "cc0-1.0", "cc-by", "cc-by-nc-sa", … or "other".

    Anything unknown, and whatever is for research only, gated or not redistributable, is "other": the most
    restrictive.
    """
    plain = re.sub(r"[\s_]+", "-", text.casefold())
    plain = plain.replace("creative-commons", "cc").replace("attribution", "by").replace("noncommercial", "nc")
    plain = plain.replace("non-commercial", "nc").replace("sharealike", "sa").replace("noderivatives", "nd")
    plain = plain.replace("noderivs", "nd")
    if re.search(r"\bcc-?0\b|cc-zero|public-domain", plain):
        return "cc0-1.0"
    found = re.search(r"\bcc-(by(?:-nc)?(?:-sa|-nd)?)\b", plain)
    return f"cc-{found[1]}" if found else "other"


def strictest(licences: Iterable[str]) -> str:
    """The most restrictive of ``licences``, as spelled; "unknown" where there is none."""
    return max(licences, key=lambda text: (_RANKS[licence_class(text)][0], text), default="unknown")


def render_mixture_card(build: Mapping[str, Any]) -> str:
    """The text of ``README.md`` for the mixture that ``build`` (the content of ``build.json``) describes."""
    licences = build["counts"]["licences"]
    worst = strictest(text for found in licences.values() for text in found)
    text = environment().get_template("mixture.md.jinja")
    return text.render(
        build=build,
        counts=build["counts"],
        leakage=build["leakage"],
        recipe={line["pool"]: line for line in build["recipe"]},
        front=front_matter(build, worst),
        title=TITLES[build["variant"]],
        licences={name: sorted(found) for name, found in licences.items()},
        worst=worst,
        terms=_RANKS[licence_class(worst)][1],
        splits=build["configs"]["default"],
    )


def front_matter(build: Mapping[str, Any], licence: str) -> str:
    """The YAML block of the card, without its ``---`` lines."""
    from huggingface_hub import DatasetCardData

    from mmskin_hub.engine.mixture.items import mixture_features

    splits = build["configs"]["default"]
    rows = sum(split["rows"] for split in splits.values())
    data_files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in splits]
    info = {
        "features": mixture_features()._to_yaml_list(),
        "splits": [{"name": n, "num_bytes": s["bytes"], "num_examples": s["rows"]} for n, s in splits.items()],
        "download_size": sum(f["size"] for path, f in build["files"].items() if path.startswith("data/")),
        "dataset_size": sum(split["bytes"] for split in splits.values()),
    }
    data = DatasetCardData(
        language="en",
        license="other",
        license_name=re.sub(r"[^a-z0-9.]+", "-", f"most restrictive of its sources: {licence}".casefold()).strip("-"),
        pretty_name=TITLES[build["variant"]],
        task_categories=list(dict.fromkeys(_TASKS[task] for task in build["counts"]["tasks"])),
        tags=["dermatology", "medical", "skin", "vision-language", "sft", "trl", "mm-skin"],
        size_categories=[next((size for limit, size in _SIZES if rows < limit), "n>1M")],
        configs=[{"config_name": "default", "data_files": data_files, "default": True, "version": build["version"]}],
        dataset_info=info,
    )
    return str(data.to_yaml()).rstrip("\n")
