"""Probes: what a frozen encoder's features are worth, without asking the model anything.

::

    found = run_probe(ProbeRequest("owner/vlm", ("probe8",), {"ham10000": "data/ham10000", …}))
    found["tasks"]["probe_ham10000"]["metrics"]["balanced_accuracy"]  # {"value", "low", "high"}

:mod:`~mmskin_hub.evals.probes.encoders` says what an encoder may be, :mod:`~mmskin_hub.evals.probes.cache` keeps its
features, :mod:`~mmskin_hub.evals.probes.fit` has the two protocols. Importing this loads nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MissingExtra, WrongUse
from mmskin_hub.evals.protocol import CLASSIFIED, SKINVL8

TASKS: dict[str, str] = {f"probe_{name}": name for name in CLASSIFIED}
"""Every probe and the dataset it is made on."""
GROUPS: dict[str, tuple[str, ...]] = {"probe8": tuple(f"probe_{name}" for name in SKINVL8)}
"""The probes of each group."""
SHARES = (0.01, 0.1, 1.0)
"""The shares of the labels a probe is taught with."""
EXTRAS = ("labels", "knn", "few_shot")
"""What is measured beside the probe on all labels."""


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """What is probed, and how.

    ``encoder`` is a spec of :func:`mmskin_hub.evals.probes.encoders.load_encoder`; ``features`` says which of its
    outputs ("auto", "projector", "pooled", "cls", "mean"); ``tasks`` are probes or groups of them; ``data`` maps a
    dataset to a folder or "owner/name@revision"; ``mode`` is "strict" or "paper". ``select`` is the measure by which C
    is chosen, "" the mode's own; ``extras`` some of :data:`EXTRAS`; ``cache`` where features are kept (default: below
    the cache folder of Hugging Face); ``store`` the dtype they are kept in; ``limit`` the first rows of each split.
    """

    encoder: str
    tasks: tuple[str, ...]
    data: Mapping[str, str]
    mode: str = "strict"
    features: str = "auto"
    adapter: str | None = None
    revision: str | None = None
    dtype: str = "auto"
    device: str | None = None
    batch_size: int = 32
    cache: Path | None = None
    store: str = "float16"
    select: str = ""
    folds: int = 5
    seed: int = 0
    limit: int | None = None
    extras: tuple[str, ...] = EXTRAS
    solver: str = "path"
    trust_remote_code: bool = False
    pickle: bool = False


def tasks_of(name: str) -> tuple[str, ...]:
    """The probes that ``name`` (a probe or a group) stands for; raises :class:`WrongUse` for any other name."""
    if name in GROUPS:
        return GROUPS[name]
    if name not in TASKS:
        raise WrongUse(f"There is no probe {name!r}.", f"There are: {', '.join([*GROUPS, *TASKS])}")
    return (name,)


def run_probe(request: ProbeRequest, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Extract features, fit, and measure on the test rows; see :func:`mmskin_hub.evals.probes.run.run`.

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend.
    """
    try:
        from mmskin_hub.evals.probes.run import run

        return run(request, tell)
    except ImportError as error:
        raise MissingExtra("A probe", "eval", error.name or str(error)) from error
