"""Whether what was made again is the dataset: every Parquet file by its SHA-256."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import file_digests
from mmskin_hub.engine.work import atomic, read_json, read_rows, write_rows
from mmskin_hub.hub.locator.read import Locator
from mmskin_hub.hub.locator.request import Tell
from mmskin_hub.hub.locator.rows import REJECTS
from mmskin_hub.hub.locator.sealed import key_of, unseal


def verified(locator: Locator, made: Path, tell: Tell) -> dict[str, str]:
    """What became of every Parquet file; where the published ones are identical, what is sealed is put back first."""
    tell("verifying")
    states = _states(locator, made)
    if all(state == "identical" for name, state in states.items() if name != REJECTS):
        _unsealed(locator, made, tell)
        states = _states(locator, made)
    return states


def _states(locator: Locator, made: Path) -> dict[str, str]:
    here = {name: file["sha256"] for name, file in file_digests(made).items()}
    return {
        name: "missing"
        if name not in here
        else "unexpected"
        if name not in locator.files
        else "identical"
        if here[name] == locator.files[name]
        else "differs"
        for name in sorted({*here, *locator.files})
    }


def _unsealed(locator: Locator, made: Path, tell: Tell) -> None:
    """Put back what the published files open: the record of the build, and the names that reject rows hold."""
    published = [name for name in locator.files if name != REJECTS]
    try:
        held = json.loads(unseal(str(locator.record.get("sealed") or ""), key_of(made, published)))
        record = json.loads(held["build"])
        survey = held.get("survey")
    except (ValueError, KeyError, TypeError):
        tell("the sealed record of the locator cannot be opened: it was changed")
        return
    if survey is not None and (made / REJECTS).exists():
        _rename_in_rejects(made, record, survey)
    with atomic(made / "build.json") as target:
        target.write_text(held["build"], "utf-8", "surrogateescape")


def _rename_in_rejects(made: Path, record: Mapping[str, Any], survey: Sequence[Mapping[str, Any]]) -> None:
    """Write the reject rows as they were, under the names the books had, with what the survey refused then."""
    from mmskin_hub.engine.finish import reject_order
    from mmskin_hub.schema import reject_schema

    now = {str(entry["sha256"]): str(entry["name"]) for entry in read_json(made / "build.json")["inputs"]}
    was = {str(entry["sha256"]): str(entry["name"]) for entry in record["inputs"] if not entry.get("rejected")}
    rows = []
    for row in read_rows(made / REJECTS, batch=500):
        if row["stage"] == "survey":
            continue
        old, new = was.get(row["book"], row["book_name"]), now.get(row["book"], row["book_name"])
        rows.append({**row, "book_name": old, "detail": row["detail"].replace(new, old)})
    write_rows(made / REJECTS, sorted([*rows, *survey], key=reject_order), reject_schema())
