"""What of a dataset may be passed on, and to whom: the class of every source, and the form a release may take.

===========  ==============================================================================  ======================
class        what it says                                                                    registry ``may_push``
===========  ==============================================================================  ======================
open         anybody may have it                                                             yes, and CC0
attribution  anybody may have it who names the source and keeps the licence's conditions     yes
agreement    whoever accepts the terms of the source may have it                             gated
none         it is not ours to pass on: textbooks, DDI, Dermnet, PATCH16, the pictures of    no, labels
             Fitzpatrick17k, what is linked to and not copied, and whatever nobody knows
===========  ==============================================================================  ======================

A mixture has the class of its strictest source. Where a source licenses each picture, its strictest picture decides,
and a picture without a licence that is known may not be passed on. What the registry does not know has no licence that
anybody knows, so it is of the class "none".

``none`` never goes to a public repository, and to a private one only where the user says that the rights are theirs
(``--i-hold-the-rights``); without that the release is a locator (:mod:`mmskin_hub.hub.locator`). ``agreement`` goes to
a private repository, which its owner puts behind a gate; in public it is a locator too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mmskin_hub.errors import WrongUse
from mmskin_hub.hub.cards.licences import licence_class
from mmskin_hub.hub.subject import Form, Kind, Subject
from mmskin_hub.registry import DATASETS, PUBLIC

Redistribution = Literal["open", "attribution", "agreement", "none"]
CLASSES: tuple[Redistribution, ...] = ("open", "attribution", "agreement", "none")
"""From the most liberal to the strictest."""
TEXTBOOKS = "textbook content, not redistributable"
UNKNOWN = "unknown"
_EACH = "per picture"
"""Stands in the registry's licence where the source licenses each picture."""
_OF_REGISTRY: dict[str, Redistribution] = {"yes": "attribution", "gated": "agreement", "labels": "none", "no": "none"}
_WHY = {
    "yes": "its licence lets everybody pass it on with attribution",
    "gated": "its terms let it go to whoever accepts them",
    "labels": "its labels may be passed on, its pictures belong to others",
    "no": "its pictures are not ours to pass on",
}


class Source(NamedTuple):
    """One source of a dataset: its name, its class, its licence as the source words it, and what the class rests on."""

    name: str
    redistribution: Redistribution
    licence: str
    why: str


@dataclass(frozen=True, slots=True)
class Rights:
    """The class of what is to be released, of a dataset that of its strictest source; ``sources`` by name.

    ``may_be_public`` says whether all of it may stand in a public repository without any gate.
    """

    redistribution: Redistribution
    sources: tuple[Source, ...]
    kind: Kind = "dataset"

    @property
    def may_be_public(self) -> bool:
        """Whether all of it may stand in a public repository without any gate."""
        return self.redistribution in ("open", "attribution")

    @property
    def strictest(self) -> tuple[Source, ...]:
        """The sources that decide."""
        return tuple(source for source in self.sources if source.redistribution == self.redistribution)


def class_of(subject: Subject) -> Rights:
    """What of ``subject`` may be passed on.

    Of a model, the class is "attribution": its repository holds weights, and no row of what they were trained on, which
    the ``sources`` tell. Of a dataset ``build.json`` is read, and the columns ``licence`` and, of a mixture, ``source``
    of the Parquet files, as what is in them counts whatever the record says.
    """
    if subject.kind == "model":
        found = [source for data in subject.data for source in _sources(data.record, None)]
        return Rights("attribution", _by_name(found), "model")
    sources = _by_name(_sources(subject.record, subject.folder))
    return Rights(_strictest(source.redistribution for source in sources), sources)


def decide(rights: Rights, private: bool, i_hold_the_rights: bool, full: bool) -> Form:
    """The form in which a dataset with these ``rights`` is released: "full" or "locator".

    ``full`` says that the user asked for the dataset itself. Raises :class:`WrongUse`, with the remedy, where it was
    asked for and may not go there.
    """
    if rights.may_be_public:
        return "full"
    names = ", ".join(source.name for source in rights.strictest)
    if rights.redistribution == "agreement":
        if private:
            return "full"
        if full or i_hold_the_rights:
            raise WrongUse(
                f"{names} may only go to people who accept its terms, and a public repository has no gate.",
                "Add --private and give the repository a gate on its settings page, or leave out the option: a locator "
                "release is made instead.",
            )
        return "locator"
    if private and i_hold_the_rights:
        return "full"
    if i_hold_the_rights:
        raise WrongUse(
            f"{names} may never go to a public repository, whoever holds the rights: {rights.strictest[0].why}.",
            "Add --private, or leave out --i-hold-the-rights: a locator release is made instead.",
        )
    if full:
        remedy = "If the rights are yours, add --i-hold-the-rights" if private else "Release it --private"
        raise WrongUse(
            f"{names} may not be passed on: {rights.strictest[0].why}.",
            f"{remedy}, or leave out the option that asks for all of it: a locator release is made instead.",
        )
    return "locator"


def statement(rights: Rights, form: Form, private: bool, i_hold_the_rights: bool) -> str:
    """The sentences about rights for the card and for ``release.json``: the same rights, the same text."""
    names = ", ".join(source.name for source in rights.strictest)
    if rights.kind == "model":
        shut = ", ".join(source.name for source in rights.sources if source.redistribution in ("agreement", "none"))
        told = f", among it {shut}, whose content may not be passed on to everybody" if shut else ""
        return f"This repository holds weights, and none of the data they were trained on{told}."
    if form == "locator":
        return (
            f"This is a locator release: it holds no picture and no sentence of {names}, whose content may not be "
            "passed on. Whoever has the same books or raw data makes the dataset again from it, byte for byte: "
            "mmskin rematerialize."
        )
    if rights.redistribution == "none":
        held = "The person who released this states that the rights are theirs (--i-hold-the-rights). " * (
            private and i_hold_the_rights
        )
        return f"{held}The content of {names} may not be passed on: keep this repository private."
    if rights.redistribution == "agreement":
        return f"The content of {names} may only go to people who accept its terms: keep this repository behind a gate."
    if rights.redistribution == "open":
        return "The content is free for any use."
    return "The content may be passed on under the licence of each source, with attribution."


def _sources(record: Mapping[str, Any], folder: Path | None) -> Iterator[Source]:
    """The sources of the dataset that ``record`` (a ``build.json``) describes, whose files lie in ``folder``."""
    name = str(record.get("dataset") or "")
    known = DATASETS.get(name)
    if known is None or known.source != "mixture":
        licences = _values(folder, "licence") if name in PUBLIC else ()
        yield source_of(name, licences, str(record.get("may_push") or ""))
        return
    counts = record.get("counts") or {}
    licensed: Mapping[str, Mapping[str, int]] = counts.get("licences") or {}
    inputs = {str(entry.get("name")): str(entry.get("dataset") or "") for entry in record.get("inputs") or ()}
    for own in sorted({*inputs, *(counts.get("sources") or {}), *licensed, *_values(folder, "source")}):
        spelled = [text for text in licensed.get(own, ()) if own in PUBLIC]
        found = source_of(own, spelled)
        # A table or a folder may go under the name of another dataset than it holds: the stricter of the two counts.
        inside = inputs.get(own)
        if inside and inside != own:
            other = source_of(inside)
            found = max(found, other, key=lambda source: CLASSES.index(source.redistribution))
        yield found
    if not inputs:
        yield Source(name, "none", UNKNOWN, "its record does not name its sources")


def source_of(name: str, licences: Iterable[str] = (), may_push: str = "") -> Source:
    """The class of the dataset ``name``; ``licences`` are those of its pictures, ``may_push`` what its record says.

    The registry decides, and can only be tightened by what the record and the pictures say.
    """
    known = DATASETS.get(name)
    if known is not None and known.source == "books":
        return Source(name, "none", TEXTBOOKS, "pictures and captions of textbooks belong to their publishers")
    public = PUBLIC.get(name)
    if public is None:
        return Source(name or UNKNOWN, "none", UNKNOWN, "the registry does not know it, so nobody knows its licence")
    found, why, licence = _OF_REGISTRY[public.may_push], _WHY[public.may_push], public.licence
    if may_push in _OF_REGISTRY and CLASSES.index(_OF_REGISTRY[may_push]) > CLASSES.index(found):
        found, why = _OF_REGISTRY[may_push], f"its record says: {_WHY[may_push]}"
    if found == "attribution":
        # A table need not repeat the licence of its dataset; where each picture has its own, one without is unknown.
        each = _EACH in public.licence
        own = sorted({text if each or text != UNKNOWN else public.licence for text in licences}) or [public.licence]
        kinds = {text: licence_class(text) for text in own}
        shut = [text for text, kind in kinds.items() if kind == "other" or kind.endswith("-nd")]
        if shut and licences:
            return Source(name, "none", ", ".join(own), f"it holds pictures whose licence is {', '.join(shut)}")
        if all(kind == "cc0-1.0" for kind in kinds.values()):
            found, why = "open", "it is in the public domain"
        licence = ", ".join(own)
    return Source(name, found, licence, why)


def _values(folder: Path | None, column: str) -> list[str]:
    """What stands in ``column`` of the Parquet files of ``folder``; null is :data:`UNKNOWN`."""
    import pyarrow.parquet as pq

    found: set[str] = set()
    for path in sorted(folder.glob("*/*.parquet")) if folder is not None else ():
        with pq.ParquetFile(path) as file:
            if column not in file.schema_arrow.names:
                continue
            for batch in file.iter_batches(batch_size=10_000, columns=[column]):
                found.update(str(value or "").strip() or UNKNOWN for value in batch.column(0).unique().to_pylist())
    return sorted(found)


def _strictest(classes: Iterable[Redistribution]) -> Redistribution:
    return max(classes, key=CLASSES.index, default="none")


def _by_name(sources: Iterable[Source]) -> tuple[Source, ...]:
    """One source a name, the strictest of those that share it."""
    found: dict[str, Source] = {}
    for source in sources:
        known = found.get(source.name)
        if known is None or CLASSES.index(source.redistribution) > CLASSES.index(known.redistribution):
            found[source.name] = source
    return tuple(found[name] for name in sorted(found))
