"""What an audit leaves: ``report.json``, a list of ids to exclude for each training set, and a sheet of pictures.

::

    <out>/report.json            everything: counts, ids to exclude, every pair with its kind and distance
    <out>/exclude/<name>.txt     one id a line, as the training set has it
    <out>/audit.html             the pairs of pictures, the least certain first
"""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmskin_hub
from mmskin_hub.engine.work import atomic, write_json
from mmskin_hub.errors import WrongUse
from mmskin_hub.evals.overlap.find import Findings, Guards, Match
from mmskin_hub.evals.overlap.hashes import Unreadable, decode, pixel_digest
from mmskin_hub.evals.overlap.read import Dataset, picture_bytes
from mmskin_hub.evals.overlap.rows import KINDS, Place

if TYPE_CHECKING:
    from mmskin_hub.evals.overlap import Request

SHOWN = 300
"""Pairs on the sheet; all are in ``report.json``."""
THUMBNAIL = 200
"""The longer side of a picture on the sheet, in pixels."""
PIXEL_BITS = 16
"""Pictures that are the same pixel for pixel, but stored otherwise, have hashes no farther apart."""
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_LOOKED_AT = ("near_duplicate", "embedding", "same_pixels", "same_bytes", "same_id")
"""Kinds that are shown on the sheet, the most doubtful first."""

Thumbnails = dict[Place, tuple[str, int, int]]


def make_report(
    request: Request,
    trains: Sequence[Dataset],
    tests: Sequence[Dataset],
    held: Sequence[int],
    guards: Guards,
    findings: Findings,
    want_pictures: bool,
) -> tuple[dict[str, Any], Thumbnails]:
    """The report, and small pictures of the pairs to be shown. ``held`` counts the rows of each test set."""
    _same_pixels(findings, guards)
    matches = sorted(findings.matches, key=lambda m: (m.train, m.row.number, guards.owner[m.test_row], _RANK[m.kind]))
    excluding = [match for match in matches if match.kind not in request.ignore]
    exclude: dict[str, dict[int, str]] = {train.name: {} for train in trains}
    for match in excluding:
        exclude[trains[match.train].name][match.row.number] = match.row.id
    report: dict[str, Any] = {
        "audit": mmskin_hub.__version__,
        "contaminated": bool(excluding),
        "settings": {
            "radius": request.radius,
            "quick": request.quick,
            "ignore": list(request.ignore),
            "embeddings": request.embeddings or None,
            "similarity": request.similarity if request.embeddings else None,
        },
        "train": [
            {
                **_dataset(train, findings.rows[n], findings.problems, n),
                "with_hash": findings.hashed[n],
                "without_id": findings.unnamed[n],
                "to_exclude": len(exclude[train.name]),
            }
            for n, train in enumerate(trains)
        ],
        "against": [_dataset(test, held[n], guards.problems, n) for n, test in enumerate(tests)],
        "kinds": KINDS,
        "counts": _counts(matches, findings, guards, trains, tests),
        "exclude": {name: list(dict.fromkeys(ids.values())) for name, ids in exclude.items()},
        "pairs": [_pair(match, guards, trains, tests) for match in matches],
        "unlike": [
            {
                "train": trains[train].name,
                "id": name,
                "test": tests[guards.owner[test]].name,
                "test_id": guards.rows[test].id,
                "distance": bits,
                "likeness": round(like, 3),
            }
            for train, name, test, bits, like in findings.unlike
        ],
        "fixed": [],
    }
    return report, _thumbnails(report["pairs"], matches, guards) if want_pictures else {}


def _dataset(dataset: Dataset, rows: int, problems: Sequence[tuple[int, str, str]], number: int) -> dict[str, Any]:
    record = {key: dataset.record[key] for key in ("dataset", "version") if key in dataset.record}
    unreadable = [{"id": name, "why": why} for owner, name, why in problems if owner == number]
    facts = {"name": dataset.name, "kind": dataset.kind, "file": dataset.path.name, **record, "rows": rows}
    return {**facts, "unreadable": unreadable}


def _same_pixels(findings: Findings, guards: Guards) -> None:
    """Near-duplicates whose pixels are the same, though their bytes are not, are told so."""
    found = {(m.train, m.row.number, m.test_row) for m in findings.matches if m.kind in ("same_bytes", "same_pixels")}
    asked = [
        (match, match.row.place, test.place)
        for match in findings.matches
        if match.kind == "near_duplicate"
        and match.distance <= PIXEL_BITS
        and (match.train, match.row.number, match.test_row) not in found
        and match.row.place is not None
        and (test := guards.rows[match.test_row]).place is not None
    ]
    digests: dict[Place | None, str] = {}
    for place, data in picture_bytes({place for _, *both in asked for place in both if place is not None}):
        try:
            digests[place] = pixel_digest(decode(data))
        except Unreadable:
            continue
    for match, here, there in asked:
        if here in digests and digests[here] == digests.get(there):
            findings.matches.append(Match(match.train, match.row, "same_pixels", match.test_row))
            findings.touched[match.train, guards.owner[match.test_row], "same_pixels"].add(match.test_row)


def _counts(
    matches: Sequence[Match], findings: Findings, guards: Guards, trains: Sequence[Dataset], tests: Sequence[Dataset]
) -> list[dict[str, Any]]:
    rows = Counter((match.train, guards.owner[match.test_row], match.kind) for match in matches)
    return [
        {
            "train": trains[train].name,
            "test": tests[test].name,
            "kind": kind,
            "train_rows": rows[train, test, kind],
            "test_rows": len(findings.touched[train, test, kind]),
        }
        for train, test, kind in sorted(rows, key=lambda key: (key[0], key[1], _RANK[key[2]]))
    ]


def _pair(match: Match, guards: Guards, trains: Sequence[Dataset], tests: Sequence[Dataset]) -> dict[str, Any]:
    test = guards.rows[match.test_row]
    return {
        "train": trains[match.train].name,
        "id": match.row.id,
        "split": match.row.split or None,
        "test": tests[guards.owner[match.test_row]].name,
        "test_id": test.id,
        "kind": match.kind,
        "distance": round(match.distance, 4) if match.kind in ("near_duplicate", "embedding") else None,
    }


def _thumbnails(pairs: list[dict[str, Any]], matches: Sequence[Match], guards: Guards) -> Thumbnails:
    """Small pictures of the pairs to be shown, which are told where theirs are."""
    from mmskin_hub.hub.contact_sheet import thumbnail

    chosen: dict[tuple[int, int, int], int] = {}
    for number, match in enumerate(matches):
        if match.kind not in _LOOKED_AT or match.row.place is None or guards.rows[match.test_row].place is None:
            continue
        pair = match.train, match.row.number, match.test_row
        if pair not in chosen or _doubt(match) < _doubt(matches[chosen[pair]]):
            chosen[pair] = number
    shown = sorted(chosen.values(), key=lambda number: (_doubt(matches[number]), number))[:SHOWN]
    places: dict[Place, tuple[str, int, int]] = {}
    wanted = {p for n in shown for p in (matches[n].row.place, guards.rows[matches[n].test_row].place) if p is not None}
    for place, data in picture_bytes(wanted):
        small = thumbnail(data, THUMBNAIL)
        if small is not None:
            source = f"data:image/jpeg;base64,{base64.b64encode(small[0]).decode()}"
            places[place] = source, small[1], small[2]
    for rank, number in enumerate(shown):
        pairs[number]["shown"] = (rank, matches[number].row.place, guards.rows[matches[number].test_row].place)
    return places


def _doubt(match: Match) -> tuple[int, float]:
    return _LOOKED_AT.index(match.kind), -match.distance


def write_report(out: Path, report: dict[str, Any], pictures: Thumbnails) -> None:
    """Write the files into ``out``; raises :class:`WrongUse` where that cannot be."""
    cards = [(pair.pop("shown"), pair) for pair in report["pairs"] if "shown" in pair]
    cards.sort(key=lambda card: card[0][0])
    try:
        (out / "exclude").mkdir(parents=True, exist_ok=True)
        write_json(out / "report.json", report)
        for name, ids in report["exclude"].items():
            with atomic(out / "exclude" / f"{name}.txt") as temporary:
                temporary.write_text("".join(f"{line}\n" for line in ids), encoding="utf-8", newline="\n")
        with atomic(out / "audit.html") as temporary:
            temporary.write_text(_page(report, cards, pictures), encoding="utf-8", newline="\n")
    except OSError as error:
        raise WrongUse(f"--out {out} cannot be written: {error.strerror}.", "Name another folder.") from error


def _page(report: Mapping[str, Any], cards: Sequence[tuple[Any, Mapping[str, Any]]], pictures: Thumbnails) -> str:
    from mmskin_hub.hub.cards.templates import environment

    jinja = environment(html=True)
    kinds: dict[str, int] = defaultdict(int)
    for row in report["counts"]:
        kinds[row["kind"]] += row["train_rows"]
    pairs = [{**pair, "left": pictures.get(left), "right": pictures.get(right)} for (_, left, right), pair in cards]
    page: str = jinja.get_template("audit.html.jinja").render(
        report=report,
        pairs=pairs,
        kinds=KINDS,
        total=len(report["pairs"]),
        present=sorted(kinds, key=_RANK.__getitem__),
    )
    return page
