"""The card (``README.md``) of a training mixture, rendered from the facts in its ``build.json`` and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mmskin_hub.hub.cards.citations import bibtex
from mmskin_hub.hub.cards.known_limits import of_mixture
from mmskin_hub.hub.cards.licences import attributions, licence_name, strictest, terms_of
from mmskin_hub.hub.cards.markdown import Cell, by_split, code, config_table, plain, table
from mmskin_hub.hub.cards.metadata import TAGS, config_entry, info_entry, size_category
from mmskin_hub.hub.cards.templates import environment, tidy
from mmskin_hub.hub.cards.told import NOBODY, Told
from mmskin_hub.schema import MODALITIES

TITLES = {
    "mm": "SkinVL-MM training mixture",
    "pub": "SkinVL-Pub training mixture",
    "pubmm": "SkinVL-PubMM training mixture",
}
_TASKS = {
    "caption": "image-to-text",
    "vqa": "visual-question-answering",
    "demographics": "visual-question-answering",
    "classification": "image-classification",
    "conversation": "image-text-to-text",
}
_FATES = ("read", "taken", "capped", "test", "leaked", "rejected")


def render_mixture_card(build: Mapping[str, Any], told: Told = NOBODY) -> str:
    """The text of ``README.md`` for the mixture that ``build`` (the content of ``build.json``) describes.

    ``told`` is what a release adds.
    """
    licences = build["counts"]["licences"]
    worst = strictest(text for found in licences.values() for text in found)
    text = environment().get_template("mixture.md.jinja")
    return tidy(
        text.render(
            build=build,
            counts=build["counts"],
            leakage=build["leakage"],
            front=front_matter(build, worst),
            title=TITLES[build["variant"]],
            worst=worst,
            terms=terms_of(worst),
            splits=build["configs"]["default"],
            tables=_tables(build),
            limits=of_mixture(build),
            citation=bibtex(licences),
            told=told,
        )
    )


def _tables(build: Mapping[str, Any]) -> dict[str, str]:
    counts, leakage = build["counts"], build["leakage"]
    sources: list[list[Cell]] = [
        [code(f"{source}/{config}"), *(row[fate] for fate in _FATES)]
        for source, configs in counts["sources"].items()
        for config, row in configs.items()
    ]
    sources.append(["all", *(counts[fate] for fate in _FATES)])
    leaks = leakage["pairs"]
    seen = leakage["train_seen_in_validation"]
    return {
        "configs": config_table(build["configs"], build["configs"]["default"]),
        "modalities": by_split(counts.get("split_modalities"), "split", MODALITIES, always=True),
        "skin_tones": by_split(counts.get("split_skin_tones"), "split"),
        "sources": table(["source", *_FATES], sources, "lrrrrrr"),
        "inputs": table(["source", "version", "made from"], (_input(each) for each in build["inputs"]), "lrl"),
        "attributions": attributions(counts["licences"]),
        "recipe": _recipe(build["recipe"]),
        "leaks": table(
            ["source", "split", "test set", "reason", "rows"],
            ([code(p["source"]), p["split"], code(p["test_set"]), code(p["reason"]), p["rows"]] for p in leaks),
            "llllr",
        ),
        "seen": table(
            ["source", "validation of", "reason", "rows"],
            ([code(p["source"]), code(p["test_set"]), code(p["reason"]), p["rows"]] for p in seen),
            "lllr",
        ),
    }


def _input(facts: Mapping[str, Any]) -> list[Cell]:
    """One source as it was given: a repository of the Hub at a commit, a folder, or a table of the original release."""
    if facts.get("repository"):
        commit = f" at {code(facts['commit'])}" if facts.get("commit") else ""
        where = f"{code(facts['repository'])}{commit}"
    elif facts.get("file"):
        where = f"the table {code(facts['file'])}"
    else:
        where = "a local build"
    return [code(facts["name"]), plain(facts.get("version") or ""), where]


def _recipe(lines: Iterable[Mapping[str, Any]]) -> str:
    rows: list[list[Cell]] = [
        [
            code(line["pool"]),
            str(line["weight"]),
            f"{line['cap']:,}" if line["cap"] is not None else "none",
            line["rows"],
            f"{line['row_weight']:.3f}",
            f"{100 * line['share']:.1f} %",
        ]
        for line in lines
    ]
    return table(
        ["source", "weight", "cap", "training rows", "weight of a row", "share of what is drawn"], rows, "lrrrrr"
    )


def front_matter(build: Mapping[str, Any], licence: str) -> str:
    """The YAML block of the card, without its ``---`` lines."""
    from huggingface_hub import DatasetCardData

    from mmskin_hub.engine.mixture.items import mixture_features

    data = DatasetCardData(
        language="en",
        license="other",
        license_name=licence_name("sources", licence),
        pretty_name=TITLES[build["variant"]],
        task_categories=list(dict.fromkeys(_TASKS[task] for task in build["counts"]["tasks"])),
        tags=[*TAGS, "vision-language", "sft", "trl", "mm-skin"],
        size_categories=[size_category([sum(split["rows"] for split in build["configs"]["default"].values())])],
        source_datasets=sorted({f["repository"] for f in build["inputs"] if f.get("repository")}) or None,
        configs=[config_entry(build, "default", True)],
        dataset_info=info_entry(build, "default", mixture_features()),
    )
    return str(data.to_yaml()).rstrip("\n")
