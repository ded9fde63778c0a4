"""What an overlap audit (``mmskin audit --out``) says of the test sets of a run: warnings, and the rows concerned."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.names import picture_key, space_of
from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.overlap.rows import KINDS
from mmskin_hub.registry import DATASETS

_NEEDED = ("train", "against", "counts", "pairs", "settings")


@dataclass(frozen=True, slots=True)
class Audit:
    """``report`` is the content of report.json, ``sha256`` that of the file."""

    report: Mapping[str, Any]
    sha256: str

    def record(self, datasets: Iterable[str]) -> dict[str, Any]:
        """What ``results.json`` keeps: the training sets compared, and the counts of overlap with each test set.

        Each count is marked ``here`` where its test set is one of ``datasets``; ``unaudited`` are those of them that
        the audit did not look at.
        """
        names = tuple(datasets)
        looked = {test["name"]: [name for name in names if _is_of(test, name)] for test in self.report["against"]}
        fixed = {each["train"] for each in self.report.get("fixed", ())}
        return {
            "sha256": self.sha256,
            "train": [{"name": train["name"], "rows": train["rows"]} for train in self.report["train"]],
            "against": [{"name": test["name"], "rows": test["rows"]} for test in self.report["against"]],
            "counts": [
                {
                    **count,
                    "meaning": KINDS.get(count["kind"], ""),
                    "here": bool(looked.get(count["test"])),
                    "fixed": count["train"] in fixed,
                }
                for count in self.report["counts"]
            ],
            "unaudited": [name for name in names if not any(name in found for found in looked.values())],
        }

    def overlapping(self, dataset: str) -> set[tuple[str, ...]]:
        """The keys (:func:`key_of`) of the test pictures of ``dataset`` that a training set repeats.

        Kinds that the audit was told to ignore do not count, nor do training sets that it cleaned with --fix.
        """
        space = space_of(dataset)
        tests = {t["name"] for t in self.report["against"] if space_of(t.get("dataset") or t["name"]) == space}
        fixed = {each["train"] for each in self.report.get("fixed", ())}
        ignored = self.report["settings"].get("ignore", ())
        keys = (
            picture_key(space, pair["test_id"])
            for pair in self.report["pairs"]
            if pair["test"] in tests and pair["train"] not in fixed and pair["kind"] not in ignored
        )
        return {key for key in keys if key is not None}


def _is_of(test: Mapping[str, Any], dataset: str) -> bool:
    """Whether the test set of an audit is that of ``dataset``, by what the user or its build.json calls it.

    A name that is none of the registry's ("isic") may be any dataset whose pictures are named alike.
    """
    name = str(test.get("dataset") or test["name"])
    known = [each for each in DATASETS if _plain(name).startswith(_plain(each))]
    return dataset in known if known else space_of(name) == space_of(dataset)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def key_of(dataset: str, sample: str) -> tuple[str, ...] | None:
    """What the picture of a sample of ``dataset`` is known by, whatever dataset it is found in."""
    return picture_key(space_of(dataset), sample)


def read_audit(path: Path) -> Audit:
    """The audit in ``path``, its report.json or the folder of it; raises :class:`WrongUse` where there is none."""
    file = path / "report.json" if path.is_dir() else path
    try:
        data = file.read_bytes()
        report = json.loads(data)
        if not isinstance(report, dict) or any(name not in report for name in _NEEDED):
            raise ValueError("it is no report of an audit")
    except (OSError, ValueError) as error:
        raise WrongUse(f"--audit {path} cannot be read: {error}.", "Make it: mmskin audit … --out DIR") from None
    return Audit(report, hashlib.sha256(data).hexdigest())
