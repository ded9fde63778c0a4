"""The books are kept: in = out + rejects, and what ``build.json`` counts is what the Parquet files hold.

``mmskin audit --fix`` takes rows out of a built dataset and lists them in ``dropped.parquet``; they count as rows that
were published before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from mmskin_hub.errors import some
from mmskin_hub.hub.checks.dataset import rebuild
from mmskin_hub.hub.checks.look import Look
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted
from mmskin_hub.registry import DATASETS

COUNTS = Wanted("counts", "in = out + rejects, and build.json counts what the Parquet files hold")
Odd = Iterator[str]


def counts(look: Look, thresholds: Thresholds) -> Verdict:
    """Rows of every config and split, rejects by reason, and the equations of the kind of dataset."""
    counted = look.record.get("counts")
    if not isinstance(counted, Mapping):
        return COUNTS.bad("build.json holds no counts", rebuild(look))
    kind = DATASETS[name].source if (name := str(look.record.get("dataset"))) in DATASETS else ""
    of_kind = {"books": _books, "public": _public, "mixture": _mixture}.get(kind)
    try:
        wrong = [*_rows(look), *(of_kind(look, counted) if of_kind else ())]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        wrong = [
            f"build.json lacks {error}" if isinstance(error, KeyError) else f"build.json holds odd counts: {error}"
        ]
    if wrong:
        return COUNTS.bad(some(wrong), rebuild(look))
    rows = ", ".join(f"{config} {sum(splits.values()):,}" for config, splits in held(look).items())
    return COUNTS.good(f"rows: {rows}")


def held(look: Look) -> dict[str, dict[str, int]]:
    """The rows of every config and split, as the footers of the Parquet files have them."""
    found: dict[str, dict[str, int]] = {}
    for table in look.parts:
        if table.split:
            splits = found.setdefault(table.config, {})
            splits[table.split] = splits.get(table.split, 0) + table.rows
    return found


def _broken(look: Look) -> set[tuple[str, str]]:
    """Config and split of files that do not open: what they hold is not known here."""
    found = set()
    for name in look.broken:
        folder, _, file = name.rpartition("/")
        found.add(("default" if folder in ("", "data") else folder, file.partition("-")[0]))
    return found


def _rows(look: Look) -> Odd:
    here, unknown = held(look), _broken(look)
    for config, splits in look.record["configs"].items():
        for split, told in splits.items():
            rows = here.get(config, {}).get(split, 0)
            if rows != told["rows"] and (config, split) not in unknown:
                yield f"{config}/{split} has {rows:,} rows, and build.json says {told['rows']:,}"
    for config, rows_of in here.items():
        for split in rows_of:
            if split not in look.record["configs"].get(config, {}):
                yield f"{config}/{split} is not in build.json"


def _before(look: Look, config: str) -> int | None:
    """Rows of a config as they were built, those that an audit dropped included; ``None`` where not all is known."""
    if any(unknown == config for unknown, _ in _broken(look)):
        return None
    return sum(held(look).get(config, {}).values()) + _tally(look, "dropped.parquet", "config")[config]


def _tally(look: Look, name: str, column: str) -> Counter[str]:
    table = look.table(name)
    found: Counter[str] = Counter()
    for batch in look.batches(table, [column]) if table is not None and column in table.schema.names else ():
        found.update(str(value) for value in batch.column(0).to_pylist())
    return found


def _equal(what: str, left: int, right: int | None) -> Odd:
    if right is not None and left != right:
        yield f"{what}: {left:,} and {right:,}"


def _rejects(look: Look, told: Mapping[str, int]) -> Odd:
    """``rejects.parquet`` by reason; what an audit dropped is in another table."""
    if "rejects.parquet" in look.broken:
        return
    table = look.table("rejects.parquet")
    here = _tally(look, "rejects.parquet", "reason")
    want = {reason: number for reason, number in told.items() if number and reason != "contaminated"}
    if table is None and look.subject.form == "full" and want:
        yield "there is no rejects.parquet"
    elif table is not None and dict(here) != want:
        odd = sorted(reason for reason in {*here, *want} if here[reason] != want.get(reason, 0))
        yield "rejects.parquet: " + ", ".join(f"{here[r]:,} {r}, not {want.get(r, 0):,}" for r in odd[:3])


def _books(look: Look, told: Mapping[str, Any]) -> Odd:
    yield from _equal(
        "pictures and panels beside pairs and refused pictures",
        told["pictures"] + told["panel_extra"],
        told["pairs"] + told["rejected_pictures"],
    )
    yield from _equal(
        "pairs beside published and refused ones", told["pairs"], told["published"] + told["rejected_pairs"]
    )
    yield from _equal("published pairs beside their splits", told["published"], sum(told["splits"].values()))
    yield from _equal("published pairs beside their modalities", told["published"], sum(told["modalities"].values()))
    configs = look.record["configs"]
    if "captions" in configs:
        yield from _equal("published pairs beside rows of captions", told["published"], _before(look, "captions"))
    if "open_vqa" in configs:
        yield from _equal(
            "questions beside rows of open_vqa", told["questions"]["published"], _before(look, "open_vqa")
        )
    yield from _rejects(look, told["rejects"])


def _public(look: Look, told: Mapping[str, Any]) -> Odd:
    main = next(iter(look.record["configs"]))
    parts = {main: told, **{name: part["counts"] for name, part in look.record.get("sets", {}).items()}}
    whole: Counter[str] = Counter()
    for config, own in parts.items():
        yield from _equal(f"lines of {config} beside published and refused ones", own["read"],
                          own["published"] + own["rejected"])  # fmt: skip
        yield from _equal(f"refused lines of {config} beside their reasons", own["rejected"],
                          sum(own["rejects"].values()))  # fmt: skip
        dropped = own["rejects"].get("contaminated", 0)
        rows = _before(look, config)
        yield from _equal(f"published lines beside rows of {config}", own["published"] + dropped, rows)
        whole.update(own["rejects"])
    yield from _rejects(look, whole)


def _mixture(look: Look, told: Mapping[str, Any]) -> Odd:
    fates = ("taken", "capped", "test", "leaked", "rejected")
    places = [(f"{source}/{config}", row) for source, rows in told["sources"].items() for config, row in rows.items()]
    for name, row in [*places, ("all sources", told)]:
        yield from _equal(f"rows read of {name} beside what became of them", row["read"], sum(row[f] for f in fates))
    for fate in ("read", *fates):
        yield from _equal(f"rows {fate} beside those of the sources", told[fate], sum(row[fate] for _, row in places))
    yield from _equal("rows taken beside rows of the files", told["taken"], _before(look, "default"))
    yield from _equal("refused rows beside their reasons", told["leaked"] + told["rejected"],
                      sum(told["rejects"].values()))  # fmt: skip
    yield from _rejects(look, told["rejects"])
