"""The card of a mixture says what it may be used for: the strictest licence of its sources, whatever its spelling."""

from __future__ import annotations

import re

import pytest
import yaml

from mmskin_hub.hub.cards.licences import licence_class, strictest
from mmskin_hub.hub.cards.mixture import render_mixture_card


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CC0", "cc0-1.0"),
        ("CC-0", "cc0-1.0"),
        ("Public Domain", "cc0-1.0"),
        ("CC BY 4.0", "cc-by"),
        ("cc-by-nc-4.0", "cc-by-nc"),
        ("CC BY-NC-SA 3.0", "cc-by-nc-sa"),
        ("CC_BY_NC_ND", "cc-by-nc-nd"),
        ("Creative Commons Attribution-NonCommercial 4.0", "cc-by-nc"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike", "cc-by-nc-sa"),
        ("research use, gated", "other"),
        ("unknown", "other"),
        ("", "other"),
        ("textbook content, not redistributable", "other"),
    ],
)
def test_a_licence_is_known_by_any_of_its_names(text: str, kind: str) -> None:
    assert licence_class(text) == kind


def test_the_strictest_licence_holds() -> None:
    assert strictest(["CC BY 4.0", "CC BY-NC 4.0", "CC0"]) == "CC BY-NC 4.0"
    assert strictest(["CC BY-NC-SA 3.0", "unknown", "CC0"]) == "unknown"
    assert strictest([]) == "unknown"


def record(**leakage: object) -> dict[str, object]:
    fates = {"read": 12, "taken": 8, "capped": 1, "test": 1, "leaked": 1, "rejected": 1}
    return {
        "variant": "pub",
        "version": "1.0.0",
        "options": {"mixture": "a|b.yaml", "seed": 0},
        "tools": {"mmskin-hub": "0"},
        "inputs": [{"name": "ddi", "version": "1.0.0"}, {"name": "scin", "file": "x.csv"}],
        "absent": [],
        "recipe": [{"pool": "ddi", "weight": 2.0, "cap": 9, "rows": 8, "row_weight": 1.0, "share": 1.0}],
        "counts": {
            **fates,
            "pictures": 7,
            "tasks": {"classification": 8},
            "licences": {"ddi": {"CC BY 4.0": 8}},
            "sources": {"ddi": {"default": fates}},
        },
        "leakage": {
            "checked_against": {"ddi": 1},
            "rows": 1,
            "allowed": False,
            "pairs": [{"source": "ddi", "split": "train", "test_set": "ddi", "reason": "leak_same_lesion", "rows": 1}],
            "train_seen_in_validation": [],
            **leakage,
        },
        "configs": {"default": {"train": {"rows": 8, "bytes": 10}}},
        "files": {"data/train-00000-of-00001.parquet": {"size": 5}},
    }


def test_the_front_matter_is_what_the_hub_reads() -> None:
    card = render_mixture_card(record())
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "other"
    assert front["license_name"] == "most-restrictive-of-its-sources-cc-by-4.0"
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert front["dataset_info"]["splits"][0]["num_examples"] == 8
    assert front["task_categories"] == ["image-classification"]


def test_the_card_tells_what_leaks() -> None:
    refused = re.sub(" {2,}", " ", render_mixture_card(record()))
    assert "| `ddi` | train | `ddi` | `leak_same_lesion` | 1 |" in refused
    assert "They were refused." in refused
    assert "**They are part of this mixture**" in render_mixture_card(record(allowed=True))
    assert "There was no test split" in render_mixture_card(record(checked_against={}))
    assert "No row repeats" in render_mixture_card(record(rows=0, pairs=[]))
