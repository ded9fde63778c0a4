"""Derm1M: pictures and captions from the web, papers and videos, each with a path in an ontology of skin diseases.

::

    mmskin build derm1m --raw ~/raw/derm1m --out data/derm1m --version 1.0.0

Gated on the Hub: link to it, do not copy it. ``ontology`` holds the levels of the path, the most general first; the
label is the standardised disease, and the classes are those that occur. The official sets are the two tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.spec import Spec, Table, first, short
from mmskin_hub.engine.public.table import Cells

_NOTHING = re.compile(r"none|not (?:specified|mentioned|provided)|no .*(?:information|diagnosis|concepts?|data)", re.I)
"""What the tables say where they have nothing to say: "No age information", "no definitive diagnosis", …"""
_CONCEPTS = ("skin_concept_standarized", "skin_concept_standardized", "skin_concept")
_ARROWS = re.compile(r"\s*(?:->|→|=>|>|\||;)\s*")


def levels(text: str | None) -> list[str]:
    """The levels of a path: "a > b > c", "a, b, c" or the text of a list; repeats of the level before are dropped."""
    plain = values.text(text)
    if plain is None:
        return []
    if plain.startswith("["):
        parts = [str(part) for part in values.literal(plain, list)]
    elif _ARROWS.search(plain):
        parts = _ARROWS.split(plain)
    else:
        parts = plain.split(",")
    found: list[str] = []
    for part in (" ".join(part.split()) for part in parts):
        if values.text(part) and not _NOTHING.fullmatch(part) and found[-1:] != [part]:
            found.append(part)
    return found


def _said(*columns: str) -> Callable[[Cells], str | None]:
    """The first of ``columns`` that says something, where that is not that there is nothing to say."""

    def take(cells: Cells) -> str | None:
        words = first(*columns)(cells)
        return None if words is None or _NOTHING.fullmatch(words) else words

    return take


def _modality(cells: Cells) -> str | None:
    words = (first("modality", "image_type")(cells) or "").casefold()
    kinds = {"clinic": "clinical", "photo": "clinical", "dermosc": "dermoscopic", "patholog": "pathology"}
    found = {kind for word, kind in kinds.items() if word in words}
    return found.pop() if len(found) == 1 else None


def _table(names: tuple[str, ...], split: str) -> Table:
    return Table(names=names, needs=("filename", "caption"), official=split, required=split == "train")


SPEC = Spec(
    name="derm1m",
    fields={
        "image_id": lambda cells: values.image_id(cells["filename"]),
        "picture": "filename",
        "label": _said("standardized_disease", "disease_label"),
        "modality": _modality,
        "age_years": _said("age"),
        "sex": _said("gender"),
        "site": _said("body_location"),
        "source_url": first("source_url", "url"),
        "caption": first("caption"),
        "truncated_caption": first("truncated_caption"),
        "ontology": lambda cells: levels(first("ontology_final", "hierarchical_disease_label")(cells)),
        "concepts": lambda cells: levels(first(*_CONCEPTS)(cells)),
        "symptoms": _said("symptoms"),
        "source": first("source", "source_type"),
    },
    tables=(
        _table(("Derm1M_v2_pretrain.csv", "Derm1M_v*_pretrain.csv"), "train"),
        _table(("Derm1M_v2_validation.csv", "Derm1M_v*_validation.csv"), "validation"),
    ),
    label_required=False,
    # A picture may have several captions.
    id_of=lambda record: f"{record.image_id}-{short(record.extra['caption'] or '')}",
    extra={
        "caption": "string",
        "truncated_caption": "string",
        "ontology": "list<string>",
        "concepts": "list<string>",
        "symptoms": "string",
        "source": "string",
    },
)
