"""The overlap audit: which rows of training sets repeat what test sets hold.

::

    report = audit(Request(train=("ham10000=data/ham10000",), against=("isic=ISIC_test.csv",), out=Path("audit")))

:mod:`~mmskin_hub.evals.overlap.rows` names the kinds of overlap, :mod:`~mmskin_hub.evals.overlap.find` has the
comparison and the measured radius, :mod:`~mmskin_hub.evals.overlap.report` what is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.errors import NothingUsable, WrongUse
from mmskin_hub.evals.overlap.embed import SIMILARITY, Encoder
from mmskin_hub.evals.overlap.find import RADIUS, Findings, Guards, Match, compare
from mmskin_hub.evals.overlap.read import Dataset, has_hashes, open_dataset, read_rows
from mmskin_hub.evals.overlap.rows import KINDS, Row

MAX_RADIUS = 60
"""Beyond, pictures of two lesions are as near, and the search misses more than it finds."""


@dataclass(frozen=True, slots=True)
class Request:
    """What ``mmskin audit`` was asked for; ``train`` and ``against`` are NAME=PATH.

    ``ignore`` are kinds that are told but exclude nothing; with ``quick`` the pictures of training sets are not
    decoded where a hash is stored with them (test pictures that were cropped out of them are then missed).
    """

    train: tuple[str, ...]
    against: tuple[str, ...]
    out: Path | None = None
    fix: Path | None = None
    embeddings: str = ""
    similarity: float = SIMILARITY
    radius: int = RADIUS
    ignore: tuple[str, ...] = ()
    quick: bool = False
    overwrite: bool = False


def audit(request: Request, tell: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Compare, write what was asked for, and return the report (the content of ``report.json``).

    Raises :class:`MmskinError` (or one of its kinds) for everything the user can mend; nothing is then written.
    """
    from mmskin_hub.evals.overlap.fix import check_fix, write_fixed
    from mmskin_hub.evals.overlap.report import make_report, write_report

    _check(request)
    trains = _opened(request.train, "TRAIN")
    tests = _opened(request.against, "--against")
    if request.out:
        _check_out(request.out, [*trains, *tests])
    targets = check_fix(trains, [*trains, *tests], request.fix, request.overwrite) if request.fix else {}
    encoder = Encoder(request.embeddings) if request.embeddings else None
    guards = Guards()
    held = []
    for number, test in enumerate(tests):
        tell(f"reading {test.name}, which must not be seen")
        before = len(guards.rows)
        guards.add(number, _test_rows(test), encoder)
        held.append(len(guards.rows) - before)
        if not held[-1]:
            raise NothingUsable(f"--against {test.name}: {test.path} holds no row.", "Name another.")
    for train in trains:
        guards.lend(read_rows(train, pictures=False))
    guards.index()
    findings = Findings()
    for number, train in enumerate(trains):
        tell(f"comparing {train.name}")
        rows = _train_rows(train, request.quick and encoder is None)
        compare(guards, number, rows, findings, request.radius, encoder, 1.0 - request.similarity)
        if not findings.rows[number]:
            raise NothingUsable(f"TRAIN {train.name}: {train.path} holds no row that is trained on.", "Name another.")
    report, pictures = make_report(
        request, trains, tests, held, guards, findings, want_pictures=request.out is not None
    )
    for number, target in targets.items():
        tell(f"writing {target}")
        report["fixed"].append(
            write_fixed(trains[number], target, report, _gone(number, request, tests, guards, findings))
        )
    if request.out:
        write_report(request.out, report, pictures)
    return report


def _gone(
    train: int, request: Request, tests: list[Dataset], guards: Guards, findings: Findings
) -> dict[int, dict[str, Any]]:
    """The rows of a training set (by number) that have to go, each with the surest of its reasons."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    gone: dict[int, tuple[int, int, Match]] = {}
    for match in findings.matches:
        if match.train == train and match.kind not in request.ignore:
            found = ranks[match.kind], match.test_row, match
            if match.row.number not in gone or found[:2] < gone[match.row.number][:2]:
                gone[match.row.number] = found
    return {
        number: {
            "kind": match.kind,
            "test_set": tests[guards.owner[match.test_row]].name,
            "test_id": guards.rows[match.test_row].id,
            "distance": match.distance,
        }
        for number, (*_, match) in gone.items()
    }


def _check(request: Request) -> None:
    if not request.train or not request.against:
        raise WrongUse("An audit needs training sets and test sets.", "Say mmskin audit TRAIN --against TEST")
    for kind in request.ignore:
        if kind not in KINDS:
            raise WrongUse(f"--ignore {kind}: there is no such kind.", f"There are: {', '.join(KINDS)}")
    if not 0 <= request.radius <= MAX_RADIUS:
        raise WrongUse(
            f"--radius {request.radius} is not between 0 and {MAX_RADIUS}.", f"The measured one is {RADIUS}."
        )
    if not 0 < request.similarity <= 1:
        raise WrongUse(f"--similarity {request.similarity} is not above 0 and at most 1.", f"Try {SIMILARITY}.")


def _opened(arguments: tuple[str, ...], option: str) -> list[Dataset]:
    found = [open_dataset(argument, option) for argument in arguments]
    for place, dataset in enumerate(found):
        if any(dataset.name == other.name for other in found[:place]):
            raise WrongUse(f"{option} {dataset.name} is given twice.", "Give each dataset a name: NAME=PATH")
        if "/" in dataset.name or "\\" in dataset.name or dataset.name.startswith("."):
            raise WrongUse(f"{option} {dataset.name!r} is not a plain name.", "For example: ham10000=data/ham10000")
    return found


def _check_out(out: Path, datasets: list[Dataset]) -> None:
    if out.exists() and not out.is_dir():
        raise WrongUse(f"--out {out} is not a folder.", "Name another.")
    for dataset in datasets:
        if dataset.kind != "list" and out.resolve().is_relative_to(dataset.path.resolve()):
            raise WrongUse(f"--out {out} lies inside {dataset.path}, which is audited.", "Name another folder.")


def _splits(dataset: Dataset) -> set[str]:
    if dataset.kind == "list":
        return {row.split for row in read_rows(dataset, pictures=False)}
    return dataset.splits()


def _test_rows(dataset: Dataset) -> Iterator[Row]:
    """The test rows of ``dataset``; all of its rows where it has no test split."""
    tests = "test" in _splits(dataset)
    return (row for row in read_rows(dataset) if row.split == "test" or not tests)


def _train_rows(dataset: Dataset, quick: bool) -> Iterator[Row]:
    """The rows of ``dataset`` that are trained on: all but its test rows, or all where it has nothing else."""
    only = _splits(dataset) == {"test"}
    pictures = not (quick and has_hashes(dataset))
    return (row for row in read_rows(dataset, pictures) if row.split != "test" or only)
