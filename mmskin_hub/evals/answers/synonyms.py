"""What the classes of a dataset are also called.

Three sources, in this order: the rows of the label table (``engine/public/harmony.tsv``) that say the same as the
class, codes among them ("akiec", "SEK"); the rules of :mod:`~mmskin_hub.evals.answers.groups`; and every name of every
diagnosis in ``derive/vqa/terms`` that a class or a rule holds, or that is a kind of one it holds ("lentigo maligna" is
a melanoma).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from mmskin_hub.derive.vqa.spelling import split
from mmskin_hub.derive.vqa.vocabulary import Term, vocabulary
from mmskin_hub.engine.public.harmony import Harmonised, harmonise, malignancy_of, table
from mmskin_hub.evals.answers.groups import BY_MALIGNANCY, RULES
from mmskin_hub.registry import PUBLIC

_PATH = " > "
_PHRASE = "="


@lru_cache(maxsize=32)
def synonyms_of(dataset: str) -> Mapping[str, tuple[str, ...]]:
    """Other names of each class of ``dataset`` (a name of the registry), the class's own name left out.

    No phrase stands under two classes. Empty for a dataset the registry does not know, or whose classes the data
    decides.
    """
    classes = PUBLIC[dataset].classes if dataset in PUBLIC else ()
    if not classes:
        return MappingProxyType({})
    found: dict[str, dict[str, None]] = {name: {} for name in classes}
    taken: dict[tuple[str, ...], str] = {_key(name): name for name in classes}

    def give(name: str, phrase: str) -> None:
        if (key := _key(phrase)) and taken.setdefault(key, name) == name and key != _key(name):
            found[name].setdefault(phrase)

    for name in classes:
        for rule in RULES.get(dataset, {}).get(name, ()):
            if rule.startswith(_PHRASE):
                give(name, rule.removeprefix(_PHRASE))
    for name in classes:
        give(name, harmonise(dataset, name).diagnosis or "")
    for label, name in _labels(dataset, classes):
        give(name, label)
    belongs = _rules(dataset, classes)
    for term in vocabulary().of_kind("diagnosis"):
        if (held := _class_of(term, belongs) or _by_malignancy(dataset, term)) is not None:
            for phrase in (term.name, *term.synonyms):
                give(held, phrase)
    return MappingProxyType({name: tuple(phrases) for name, phrases in found.items()})


@lru_cache(maxsize=32)
def kinds_of(dataset: str) -> frozenset[tuple[int, int]]:
    """Pairs of places of classes, the first a kind of the second: "angiokeratoma" of "vascular lesion"."""
    classes = PUBLIC[dataset].classes if dataset in PUBLIC else ()
    belongs = _rules(dataset, classes) if classes else {}
    found = set()
    for term in vocabulary().of_kind("diagnosis"):
        name = belongs.get(term.name)
        others = {rule: held for rule, held in belongs.items() if held != name}
        if name is not None and (wider := _class_of(term, others)) is not None:
            found.add((classes.index(name), classes.index(wider)))
    return frozenset(found)


def _key(phrase: str) -> tuple[str, ...]:
    return split(phrase)[0]


def _labels(dataset: str, classes: tuple[str, ...]) -> list[tuple[str, str]]:
    """Labels of the table with the class they say the same as: "akiec" and "Actinic Keratoses"."""
    said = {_said(harmonise(dataset, name)): name for name in classes}
    found = []
    for (owner, label), row in table().items():
        if owner == dataset and _said(row) in said and (row.path or row.diagnosis):
            found.append((label, said[_said(row)]))
        elif owner == dataset and (name := BY_MALIGNANCY.get(dataset, {}).get(row.malignancy or "")):
            found.append((label, name))
    return found


def _said(row: Harmonised) -> tuple[object, ...]:
    return row.diagnosis, row.malignancy, row.path, row.note


def _rules(dataset: str, classes: tuple[str, ...]) -> dict[str, str]:
    """Terms and paths, each with its class: the class's diagnosis, what its own name lists, and the written rules."""
    found: dict[str, str] = {}
    for name in classes:
        diagnosis = harmonise(dataset, name).diagnosis
        if diagnosis:
            found[diagnosis] = name
    for name in classes:
        for each in vocabulary().find(*split(name)):
            if each.term.kind == "diagnosis":
                found.setdefault(each.term.name, name)
    for name in classes:
        for rule in RULES.get(dataset, {}).get(name, ()):
            if not rule.startswith(_PHRASE):
                found.setdefault(rule, name)
    return found


def _class_of(term: Term, belongs: Mapping[str, str]) -> str | None:
    """The class of the nearest rule: the term itself, then what it is a kind of, from near to far."""
    if term.name in belongs:
        return belongs[term.name]
    for depth in range(len(term.path), 0, -1):
        for name in (term.path[depth - 1], _PATH.join(term.path[:depth])):
            if name in belongs:
                return belongs[name]
    return None


def _by_malignancy(dataset: str, term: Term) -> str | None:
    if dataset not in BY_MALIGNANCY:
        return None
    return BY_MALIGNANCY[dataset].get(malignancy_of(term.path) or "")
