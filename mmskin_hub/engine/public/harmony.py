"""One vocabulary for the classes of every dataset: ``harmony.tsv``, which states its rules at its top.

What a label says is carried over and nothing is added: "benign" or a folder of Dermnet gives a group and no diagnosis,
a class that joins benign and malignant diseases no malignancy. The label itself stays what a dataset is scored by.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

from mmskin_hub.derive.vqa.spelling import split
from mmskin_hub.derive.vqa.vocabulary import Term, vocabulary

LEVELS = 4
"""Levels a path has at most."""
MALIGNANCY = ("malignant", "premalignant", "benign", "non-neoplastic")
_ARCHIVE = "isic_archive"
_OF_THE_ARCHIVE = frozenset({"bcn20000", "hiba", "isic2019", "mskcc"})


@dataclass(frozen=True, slots=True)
class Harmonised:
    """A label in the shared vocabulary; what it leaves open is None.

    ``path`` runs from coarse to fine, at most :data:`LEVELS` levels, and ends in the diagnosis where there is one;
    ``malignancy`` is one of :data:`MALIGNANCY`; ``note`` says what a class joins, "" for most.
    """

    diagnosis: str | None
    malignancy: str | None
    path: tuple[str, ...]
    note: str = ""

    @property
    def group(self) -> str | None:
        """The coarsest level: neoplastic, inflammatory, infectious, …"""
        return self.path[0] if self.path else None


UNKNOWN = Harmonised(None, None, ())
"""What is known of a label that neither the table nor the vocabulary has."""


def harmonise(dataset: str, label: str) -> Harmonised:
    """What ``label`` of ``dataset`` (a name of the registry) says; :data:`UNKNOWN` where nobody knows.

    The table is asked first, whatever the case, hyphens and spaces of the label. A label that it lacks (the rare
    conditions of SCIN, Derm1M) counts where the whole of it is the name of a diagnosis in the vocabulary.
    """
    key = _key(label)
    rows = table()
    if (known := rows.get((dataset, key))) is not None:
        return known
    if dataset in _OF_THE_ARCHIVE and (known := rows.get((_ARCHIVE, key))) is not None:
        return known
    return _of_vocabulary(label)


@lru_cache(maxsize=1)
def table() -> Mapping[tuple[str, str], Harmonised]:
    """The rows by dataset and folded label; raises ValueError where the table is broken."""
    text = (resources.files(__package__) / "harmony.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found: dict[tuple[str, str], Harmonised] = {}
    for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        path = tuple(row["path"].split(" > ")) if row["path"] else ()
        new = Harmonised(row["diagnosis"] or None, row["malignancy"] or None, path, row["note"])
        if found.setdefault((row["dataset"], _key(row["label"])), new) is not new:
            raise ValueError(f"harmony.tsv has {row['label']!r} of {row['dataset']} twice.")
    return MappingProxyType(found)


def _key(label: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", label.casefold()))


@lru_cache(maxsize=4096)
def _of_vocabulary(label: str) -> Harmonised:
    words, printed = split(label)
    found = vocabulary().find(words, printed)
    if len(found) != 1 or found[0].term.kind != "diagnosis" or (found[0].first, found[0].last) != (0, len(words) - 1):
        return UNKNOWN
    return _by_diagnosis().get(found[0].term.name) or of_term(found[0].term)


@lru_cache(maxsize=1)
def _by_diagnosis() -> Mapping[str, Harmonised]:
    """What the table says of a diagnosis, whichever dataset it stands under: it may be filed elsewhere there."""
    known = (row for row in table().values() if row.diagnosis is not None)
    return {str(row.diagnosis): Harmonised(row.diagnosis, row.malignancy, row.path) for row in known}


def of_term(term: Term) -> Harmonised:
    """A diagnosis of the vocabulary: its path cut to :data:`LEVELS`, and the malignancy that path says."""
    return Harmonised(term.name, malignancy_of(term.path), (*term.path[: LEVELS - 1], term.name))


def malignancy_of(path: tuple[str, ...]) -> str | None:
    """What a path says about malignancy; None where it is empty, or neoplastic of no such kind (histiocytoses)."""
    if not path:
        return None
    if path[0] != "neoplastic":
        return "non-neoplastic"
    return path[1] if len(path) > 1 and path[1] in MALIGNANCY else None
