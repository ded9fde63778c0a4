"""The card is whole: metadata that the Hub and ``load_dataset`` read, and every part that a reader must find."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mmskin_hub.errors import some
from mmskin_hub.hub.checks.look import Look
from mmskin_hub.hub.checks.results import tasks_of
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted

CARD = Wanted("card", "the card has its metadata, and every part that a reader must find")

_FRONT = re.compile(r"\A---\n(?P<yaml>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_KEYS = {
    "dataset": ("license", "tags", "pretty_name", "size_categories", "configs", "dataset_info"),
    "model": ("tags", "pipeline_tag", "library_name"),
}
_PARTS = {
    "licence and attribution": r"^#+ .*licen[cs]e",
    "known limits": r"^#+ .*limits",
    "intended use": r"^#+ .*intended use",
    "misuse": r"misuse",
    "that it is not a medical device": r"not a medical device",
}
_OF_KIND = {
    "dataset": {"how to load it": r"load_dataset\("},
    "model": {
        "how to load it": r"from_pretrained\(",
        "training": r"^#+ .*training",
    },
}
_EVALUATION = {"evaluation": r"^#+ .*evaluation", "protocol of the evaluation": r"^#+ .*protocol"}
_UNFILLED = re.compile(r"\{%|More Information Needed", re.IGNORECASE)


def card(look: Look, thresholds: Thresholds) -> Verdict:
    """The text that would be written now: its YAML block, its parts, and nothing left of a template.

    What no record states stays absent: of a model ``base_model`` where its base is of no repository, ``datasets``
    where it was trained on folders, and the evaluation where there are no results (which other checks tell).
    """
    if not look.card.text:
        return CARD.bad(f"the card cannot be rendered: {look.card.why}", _remedy(look))
    wrong = list(_wrong(look, look.card.text))
    if wrong:
        return CARD.bad(some(wrong), _remedy(look))
    return CARD.good("all parts are there")


def _remedy(look: Look) -> str:
    return f"See it: mmskin card {look.name}. A part that is missing lacks its fact in the record."


def _wrong(look: Look, text: str) -> Iterator[str]:
    import yaml

    kind = look.subject.kind
    match = _FRONT.match(text)
    if match is None:
        yield "there is no block of metadata"
        return
    try:
        front = yaml.safe_load(match["yaml"])
    except yaml.YAMLError as error:
        yield f"its metadata is no YAML: {' '.join(str(error).split())[:100]}"
        return
    if not isinstance(front, Mapping):
        yield "its metadata is no mapping"
        return
    keys, parts = [*_KEYS[kind]], {**_PARTS, **_OF_KIND[kind]}
    if kind == "dataset":
        yield from _configs(look, front)
    else:
        keys += _known_of_model(look)
        parts |= _EVALUATION if tasks_of(look) is not None else {}
    yield from (f"{key} is missing from the metadata" for key in keys if front.get(key) in (None, "", [], "unknown"))
    for name, pattern in parts.items():
        if not re.search(pattern, match["body"], re.IGNORECASE | re.MULTILINE):
            yield f"it does not say {name}" if name.startswith(("how", "that")) else f"it has no {name}"
    if found := _UNFILLED.search(match["body"]):
        yield f"{found[0]!r} is left of a template"


def _known_of_model(look: Look) -> Iterator[str]:
    """The keys of the metadata whose facts the records state."""
    from mmskin_hub.hub.cards.trained import base_of

    if base_of(look.record).get("repository"):
        yield "base_model"
    if any(each.commit for each in look.subject.data):
        yield "datasets"
    if look.subject.data:
        yield "license"
    # A figure of the first rows alone is none to compare models by.
    if tasks_of(look) is not None and ((look.subject.results or {}).get("settings") or {}).get("limit") is None:
        yield "model-index"


def _configs(look: Look, front: Mapping[str, Any]) -> Iterator[str]:
    """Configs and splits of the metadata are those of the record."""
    told: dict[str, set[str]] = {}
    for entry in front.get("configs") or ():
        told[str(entry.get("config_name"))] = {str(each.get("split")) for each in entry.get("data_files") or ()}
    # A config without a row has no file, and is none of the card's.
    wanted = {str(name): set(splits) for name, splits in _recorded(look).items() if splits}
    if told and told != wanted:
        yield "the configs of the metadata are not those of build.json"


def _recorded(look: Look) -> Mapping[str, Mapping[str, Any]]:
    found = look.record.get("configs")
    return found if isinstance(found, Mapping) else {}
