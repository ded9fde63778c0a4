"""The card (``README.md``) of a public dataset as we publish it, rendered from the facts in its ``build.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmskin_hub.hub.cards.citations import bibtex
from mmskin_hub.hub.cards.known_limits import of_public
from mmskin_hub.hub.cards.markdown import UNKNOWN, by_split, code, config_table, option_table, plain, table
from mmskin_hub.hub.cards.metadata import TAGS, config_entry, info_entry, size_category
from mmskin_hub.hub.cards.templates import environment, tidy
from mmskin_hub.hub.cards.told import NOBODY, Told
from mmskin_hub.registry import PUBLIC
from mmskin_hub.schema import MODALITIES, SPLITS

if TYPE_CHECKING:
    from mmskin_hub.engine.public.spec import Spec

_TASKS = {"default": "image-classification", "captions": "image-to-text", "open_vqa": "visual-question-answering"}
_PUSH = {
    "yes": "The pictures may be passed on under their licence, with attribution.",
    "no": "**The pictures must not be passed on.** Build this dataset from your own download.",
    "labels": "**The pictures must not be passed on**; the labels may be, under their licence.",
    "gated": "The pictures may be passed on to people who accept the terms: keep this dataset gated.",
}
_KNOWN = ("cc0-1.0", "cc-by-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-3.0")
_CLASSES_SHOWN = 60


def render_public_card(build: Mapping[str, Any], specs: Mapping[str, Spec], told: Told = NOBODY) -> str:
    """The text of ``README.md``; ``build`` is the content of ``build.json``, ``specs`` the builder's, by config.

    ``told`` is what a release adds.
    """
    facts = PUBLIC[build["dataset"]]
    splits = [split for split in SPLITS if any(split in held for held in build["configs"].values())]
    text = environment().get_template("public.md.jinja")
    return tidy(
        text.render(
            build=build,
            title=title_of(build),
            how_to_get=build.get("how_to_get") or facts.how_to_get,
            group_by=build["group_by"],
            counts=build["counts"],
            split=build["split"],
            listed="paper" in facts.splits,
            push=_PUSH[build["may_push"]],
            front=front_matter(build, specs),
            several=len(build["configs"]) > 1,
            tables=_tables(build, splits),
            limits=of_public(build),
            citation=bibtex([build["dataset"]]),
            told=told,
        )
    )


def title_of(build: Mapping[str, Any]) -> str:
    """The title in the record or, of a build that has none, the registry's."""
    return str(build.get("title") or PUBLIC[build["dataset"]].title)


def _tables(build: Mapping[str, Any], splits: list[str]) -> dict[str, str]:
    counts = build["counts"]
    return {
        "configs": config_table(build["configs"], splits),
        "classes": _classes(build),
        "modalities": by_split(counts.get("split_modalities"), "split", MODALITIES, always=True),
        "skin_tones": by_split(counts.get("split_skin_tones"), "split"),
        "sets": _sets(build),
        "options": option_table(build["options"]),
        "rejects": table(["reason", "rows"], ([code(k), n] for k, n in counts["rejects"].items()), "lr"),
    }


def _sets(build: Mapping[str, Any]) -> str:
    """What became of the lines of each config, where there are several; the other counts are those of the first."""
    others = {name: each["counts"] for name, each in (build.get("sets") or {}).items()}
    fates = ("read", "published", "rejected")
    rows = ([code(name), *(counts[fate] for fate in fates)] for name, counts in others.items())
    return table(["config", *fates], rows, "lrrr")


def _classes(build: Mapping[str, Any]) -> str:
    """Rows by class and, where the source states them, those of the full release; "" for very many classes."""
    counts = build["counts"]
    full = (build.get("full_release") or {}).get("per_class") or {}
    if not build["classes"] or not counts["classes"] or len(counts["classes"]) > _CLASSES_SHOWN:
        return ""
    rows: list[list[Any]] = [[plain(name), number, full.get(name)] for name, number in counts["classes"].items()]
    if counts["no_label"]:
        rows.append(["(no label)", counts["no_label"], None])
    if full:
        return table(["class", "rows", "in the full release"], rows, "lrr")
    return table(["class", "rows"], (row[:2] for row in rows), "lr")


def front_matter(build: Mapping[str, Any], specs: Mapping[str, Spec]) -> str:
    """The YAML block of the card, without its ``---`` lines."""
    from huggingface_hub import DatasetCardData

    licence = re.sub(r"[^a-z0-9.]+", "-", build["licence"].casefold()).strip("-")
    known = licence in _KNOWN
    modalities = [name for name in build["counts"].get("modalities", {}) if name not in (UNKNOWN, "None")]
    data = DatasetCardData(
        language="en",
        license=licence if known else "other",
        license_name=None if known else licence,
        license_link=None if known else build["source"],
        pretty_name=title_of(build),
        task_categories=list(dict.fromkeys(_TASKS[config] for config in build["configs"])),
        tags=[*TAGS, *modalities, "mm-skin"],
        size_categories=[
            size_category(sum(size["rows"] for size in splits.values()) for splits in build["configs"].values())
        ],
        source_datasets=["extended"],
        configs=[config_entry(build, config, number == 0) for number, config in enumerate(build["configs"])],
        dataset_info=[info_entry(build, config, _features(build, specs[config])) for config in build["configs"]],
    )
    return str(data.to_yaml()).rstrip("\n")


def _features(build: Mapping[str, Any], spec: Spec) -> Any:
    from mmskin_hub.schema import public_features

    return public_features(build["classes"], spec.extra, spec.plain)
