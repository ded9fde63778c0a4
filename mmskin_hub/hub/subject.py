"""What a release is about: a built dataset or a trained model, read from its folder, with what was measured of it.

::

    folder + build.json ──▶ Subject ──▶ rights ──▶ gate ──▶ card ──▶ push
    folder + run.json  ──▶    ▲
    results, audits, data ────┘

Everything a release says or decides comes from these records; nothing is asked of a person that a record states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from mmskin_hub.engine.work import read_json
from mmskin_hub.errors import WrongUse

Kind = Literal["dataset", "model"]
Form = Literal["full", "locator"]
RECORDS: dict[str, str] = {"dataset": "build.json", "model": "run.json"}
"""The record that stands beside what is released."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A dataset a model was trained on, as the user named it: a release ``repo@revision`` on the Hub, or a folder.

    ``commit`` is the 40 hex digits that ``revision`` stood for; ``record`` is its ``build.json``.
    """

    place: str
    revision: str
    commit: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be released.

    ``record`` is the content of ``build.json`` or ``run.json``; ``version`` has the form X.Y.Z. Of a model,
    ``results`` is the content of ``results.json`` in ``results_folder``, ``audits`` the reports of ``mmskin audit``,
    ``data`` what it was trained on, and ``previous_results`` the results of the last released version. ``sums`` is the
    SHA-256 of files by path, of those that were read already.
    """

    kind: Kind
    folder: Path
    name: str
    version: str
    record: Mapping[str, Any]
    form: Form = "full"
    results: Mapping[str, Any] | None = None
    results_folder: Path | None = None
    audits: Sequence[Mapping[str, Any]] = ()
    data: Sequence[TrainingData] = ()
    previous_results: Mapping[str, Any] | None = None
    previous_version: str = ""
    repo: str = ""
    private: bool = True
    facts: Mapping[str, Any] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)

    def files(self) -> dict[str, Path]:
        """Every file of the folder by its path in the repository, sorted; hidden ones are left out."""
        found = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*") if path.is_file()}
        return {name: found[name] for name in sorted(found) if not any(p.startswith(".") for p in name.split("/"))}


def read_record(folder: Path, kind: Kind) -> dict[str, Any]:
    """The record of ``folder``; raises :class:`WrongUse` where there is none that can be read."""
    path = folder / RECORDS[kind]
    try:
        found = read_json(path)
    except (OSError, ValueError) as error:
        made = "mmskin build" if kind == "dataset" else "mmskin train, mmskin merge"
        raise WrongUse(f"{path} cannot be read ({error}).", f"Name a folder that was made by {made}.") from None
    if not isinstance(found, dict):
        raise WrongUse(f"{path} is no record of ours: it holds no JSON object.", "Build it again.")
    return found
