"""The gate: what is to be released is judged before a byte leaves, by checks that each say what to do next.

::

    for verdict in judge(subject):
        print(verdict.check, verdict.passed, verdict.found, verdict.remedy)
    if not passed(verdicts): …

Thresholds stand in ``recipes/gates.yaml``, one line each with its reason. The checks are in
:mod:`mmskin_hub.hub.checks`; each gives one verdict, and none gives up: what one check has told, another that rests on
it leaves out as not applicable, so that a single defect fails a single check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib import resources
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict
from mmskin_hub.hub.subject import Kind, Subject

__all__ = ["FILE", "Thresholds", "Verdict", "checks", "judge", "passed", "thresholds"]

FILE = "gates.yaml"
_WANTED = "a check that can be made"
Check = Callable[[Any, Thresholds], Verdict]


def checks(kind: Kind) -> dict[str, Check]:
    """The checks of a dataset or a model by name, in the order of the table."""
    from mmskin_hub.hub.checks import (
        card,
        counts,
        dataset,
        locator,
        pictures,
        results,
        scores,
        splits,
        text,
        training,
        weights,
    )

    common: dict[str, Check] = {"secrets": text.secrets, "paths": text.paths, "e-mails": text.emails, "card": card.card}
    if kind == "dataset":
        return {
            "files": dataset.files,
            "opens": pictures.opens,
            "schema": dataset.schema,
            "counts": counts.counts,
            "splits": splits.splits,
            "locator": locator.locator,
            **common,
        }
    return {
        "weights": weights.weights,
        "training_data": training.training_data,
        "results": results.results,
        "same_weights": weights.same_weights,
        "revisions": results.revisions,
        "coverage": scores.coverage,
        "floor": scores.floor,
        "no_worse": scores.no_worse,
        "audit": training.audit,
        **common,
    }


def judge(subject: Subject, thresholds: Mapping[str, Any] | None = None) -> list[Verdict]:
    """The verdict of every check on ``subject``, in the order of :func:`checks`.

    ``thresholds`` replace those of ``gates.yaml`` name by name. A check that cannot be made is a check that failed.
    Raises :class:`WrongUse` for a threshold that there is not.
    """
    from mmskin_hub.hub.checks.look import Look

    held = dict(_thresholds())
    unknown = [name for name in thresholds or {} if name not in held]
    if unknown:
        raise WrongUse(f"{unknown[0]!r} is no threshold of the gate.", f"There are: {', '.join(held)}")
    held |= thresholds or {}
    look = Look(subject)
    return [_made(name, check, look, held) for name, check in checks(subject.kind).items()]


def _made(name: str, check: Check, look: Any, held: Thresholds) -> Verdict:
    from mmskin_hub.hub.checks.patterns import hidden
    from mmskin_hub.hub.checks.text import own_token

    try:
        found = check(look, held)
    except MmskinError as error:
        found = Verdict(name, False, error.what, _WANTED, error.remedy)
    except OSError as error:
        what = f"a file cannot be read: {error.strerror or type(error).__name__}"
        found = Verdict(name, False, what, _WANTED, "Mend the folder, then the same command.")

    def plain(text: str) -> str:
        text = text.replace(str(look.subject.folder), look.name)
        return hidden(text.replace(token, "…") if (token := own_token()) else text)

    return replace(found, found=plain(found.found), remedy=plain(found.remedy))


def passed(verdicts: Iterable[Verdict]) -> bool:
    """Whether the gate opens: nothing failed."""
    return all(verdict.passed is not False for verdict in verdicts)


def thresholds() -> dict[str, Any]:
    """The thresholds of ``recipes/gates.yaml`` by name."""
    return _thresholds()


def _thresholds() -> dict[str, Any]:
    import yaml

    # Reached by the name of the package: the core never imports recipes/.
    found: dict[str, Any] = yaml.safe_load((resources.files("mmskin_hub.recipes") / FILE).read_text("utf-8"))
    return found
