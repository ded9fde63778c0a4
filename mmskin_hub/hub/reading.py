"""A subject as the user names it: the folder and its record, and of a model its results, audits and training data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.publish import check_version
from mmskin_hub.engine.repository import repository_of
from mmskin_hub.engine.work import read_json
from mmskin_hub.errors import WrongUse, describe
from mmskin_hub.hub.push.client import Hub
from mmskin_hub.hub.push.shelf import Shelf
from mmskin_hub.hub.subject import Subject, TrainingData, read_record

if TYPE_CHECKING:
    from mmskin_hub.hub.release import Request

_NAME = re.compile(r"^\w+=")


def read_subject(request: Request, private: bool) -> Subject:
    """The subject of ``request``, for a repository that is ``private`` or not; of a model the version is still open.

    Raises :class:`WrongUse` where something named is not there.
    """
    from mmskin_hub.evals.results import read_results

    record = read_record(request.folder, request.kind)
    version = request.version
    if request.kind == "dataset":
        name = str(record.get("dataset") or "")
        if not name:
            raise WrongUse(f"{request.folder / 'build.json'} names no dataset.", "Name a folder that mmskin built.")
        version = check_version(version or str(record.get("version") or ""))
        record["version"] = version
    else:
        name = request.repo.rpartition("/")[2] or request.folder.name
        version = version or str(record.get("version") or "")
    return Subject(
        kind=request.kind,
        folder=request.folder,
        name=name,
        version=version,
        record=record,
        results=read_results(request.results) if request.results else None,
        results_folder=request.results,
        audits=[read_audit(path) for path in request.audit],
        data=[training_data(place, request.endpoint, request.to) for place in request.data],
        repo=request.repo,
        private=private,
    )


def read_audit(path: Path) -> dict[str, Any]:
    """The report that ``mmskin audit`` wrote to ``path`` (the file, or the folder of its --out)."""
    file = path / "report.json" if path.is_dir() else path
    try:
        found = read_json(file)
        if not isinstance(found, dict) or "audit" not in found:
            raise ValueError("it is no report of mmskin audit")
    except (OSError, ValueError) as error:
        remedy = "Name the report.json of mmskin audit --out DIR."
        raise WrongUse(f"--audit {path} cannot be read ({describe(error)}).", remedy) from None
    return found


def training_data(place: str, endpoint: str | None = None, to: Path | None = None) -> TrainingData:
    """What ``place`` (OWNER/NAME@TAG, or a folder) is now: its commit and its record.

    A name before it, as ``mmskin train --data NAME=PLACE`` has, is taken off. What was released into the folder ``to``
    is read there, anything else of that form on the Hub. Raises :class:`WrongUse` where the place
    is not there or has no ``build.json``.
    """
    place = _NAME.sub("", place)
    named = repository_of(place)
    if named is None:
        folder = Path(place).expanduser()
        return TrainingData(folder.resolve().name, "", "", read_record(folder, "dataset"))
    repo, revision = named
    shelf = Shelf(repo, "dataset", to) if to is not None else None
    hub = shelf if shelf is not None and shelf.exists() else Hub(repo, "dataset", endpoint)
    commit = hub.commit_of(revision or "main")
    raw = hub.read("build.json", commit)
    record = parsed(raw)
    if record is None:
        raise WrongUse(f"--data {place} holds no build.json that can be read.", "Name a dataset that mmskin released.")
    return TrainingData(repo, revision or "main", commit, record)


def parsed(data: bytes | None) -> dict[str, Any] | None:
    """The JSON object in ``data``; ``None`` where there is none."""
    try:
        found = json.loads(data or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def sources_of(data: Iterable[TrainingData]) -> list[dict[str, Any]]:
    """What the manifest says of the training data: place, revision, commit, and which dataset in which version."""
    return [
        {
            "place": each.place,
            "revision": each.revision,
            "commit": each.commit,
            **{key: each.record[key] for key in ("dataset", "version") if key in each.record},
        }
        for each in data
    ]
