"""Every Parquet file of a dataset is read to its end, and every picture in it decoded to its own."""

from __future__ import annotations

import io
import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from mmskin_hub.errors import describe, some
from mmskin_hub.hub.checks.dataset import rebuild
from mmskin_hub.hub.checks.look import ASIDE, PICTURES, Look, Table, picture_bytes
from mmskin_hub.hub.checks.verdict import Thresholds, Verdict, Wanted

OPENS = Wanted("opens", "every Parquet file opens, and every picture decodes")


def opens(look: Look, thresholds: Thresholds) -> Verdict:
    """Every file is read to its end, and pictures are decoded to theirs.

    Beyond ``pictures`` (a number) distinct pictures, those with the smallest SHA-256 are decoded: chance decides, and
    always in the same way.
    """
    most = int(thresholds["pictures"])
    chosen: dict[str, tuple[str, int]] = {}
    empty: list[str] = []
    for row in look.rows:
        place = f"{row.table.name} row {row.at + 1}"
        for number, digest in enumerate(row.pictures):
            if digest is None:
                empty.append(f"{place} holds no picture")
            else:
                chosen.setdefault(digest, (row.table.name, row.at * 1000 + number))
    for table in look.tables:
        if table.name in ASIDE:
            for _ in look.batches(table):
                pass
    distinct = len(chosen)
    if distinct > most:
        chosen = {digest: chosen[digest] for digest in sorted(chosen)[:most]}
    wrong = [f"{name} does not open: {why}" for name, why in look.broken.items()]
    wrong += [*empty, *_undecodable(look, set(chosen.values()))]
    if wrong:
        return OPENS.bad(some(wrong), rebuild(look))
    tables = f"{len(look.tables)} Parquet files open"
    if not distinct:
        return OPENS.good(f"{tables}; there are no pictures")
    told = f"all {distinct:,}" if len(chosen) == distinct else f"{len(chosen):,} of {distinct:,}"
    return OPENS.good(f"{tables}; {told} pictures decode")


def _undecodable(look: Look, places: set[tuple[str, int]]) -> Iterator[str]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for name, place in places:
        wanted[name].add(place)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for table in look.parts:
            if table.name not in wanted:
                continue
            yield from _of_table(look, table, wanted[table.name], pool)


def _of_table(look: Look, table: Table, wanted: set[int], pool: ThreadPoolExecutor) -> Iterator[str]:
    column = next(name for name in PICTURES if name in table.schema.names)
    at = 0
    for batch in look.batches(table, [column]):
        asked = []
        for cell in batch.column(0).to_pylist():
            for number, image in enumerate(cell or () if isinstance(cell, list) else [cell]):
                if at * 1000 + number in wanted:
                    asked.append((at, picture_bytes(image)))
            at += 1
        for (row, _), why in zip(asked, pool.map(lambda one: undecodable(one[1]), asked), strict=True):
            if why:
                yield f"{table.name} row {row + 1}: the picture does not decode ({why})"


def undecodable(data: bytes) -> str:
    """Why an encoded picture cannot be decoded to its end; "" where it can."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return describe(error)[:120]
    return ""
