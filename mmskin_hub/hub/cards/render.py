"""One card for whatever is released: a dataset of any kind, its locator, or a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmskin_hub.errors import WrongUse
from mmskin_hub.hub.cards.told import Told, told
from mmskin_hub.hub.subject import Subject
from mmskin_hub.registry import DATASETS


def render(
    subject: Subject,
    verdicts: Sequence[Any] = (),
    forced_reason: str | None = None,
    rights_statement: str | None = None,
) -> str:
    """The text of ``README.md`` for ``subject``, from its records alone; the same facts give the same text.

    ``verdicts`` are the gate's; those that failed are shown with ``forced_reason``, why it is released all the same.
    ``rights_statement`` is what the release says of the rights. Raises :class:`WrongUse` where a record lacks a fact.
    """
    said = told(subject.repo, subject.version if subject.repo else "", verdicts, forced_reason, rights_statement)
    try:
        return _model(subject, said) if subject.kind == "model" else _dataset(subject, said)
    except KeyError as error:
        raise WrongUse(
            f"{subject.folder}: its record lacks {error}, which a card is made of.",
            "Make it again with this version of mmskin.",
        ) from error


def _model(subject: Subject, said: Told) -> str:
    from mmskin_hub.hub.cards.model import render_model_card

    return render_model_card(subject, said)


def _dataset(subject: Subject, said: Told) -> str:
    build = subject.record
    known = DATASETS.get(str(build.get("dataset")))
    if known is None:
        raise WrongUse(f"{subject.folder} holds {build.get('dataset')!r}, which the registry does not know.",
                       f"There are: {', '.join(DATASETS)}")  # fmt: skip
    if subject.form == "locator" or build.get("form") == "locator":
        from mmskin_hub.hub.cards.locator import features_of, render_locator_card

        return render_locator_card(build, features_of(subject.folder, build), said)
    if known.source == "books":
        from mmskin_hub.hub.cards.books import render_dataset_card

        return render_dataset_card(build, said)
    if known.source == "mixture":
        from mmskin_hub.hub.cards.mixture import render_mixture_card

        return render_mixture_card(build, said)
    from mmskin_hub.hub.cards.public import render_public_card

    spec = known.load().SPEC
    return render_public_card(build, {each.config: each for each in (spec, *spec.sets)}, said)
