"""Markdown for cards: tables whose columns align as text too, and cells that no fact can break out of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Cell = str | int | float | None
"""Text is Markdown as it is (see :func:`plain` and :func:`code`), whole numbers get their thousands marked, other
numbers three decimals, ``None`` is empty."""

UNKNOWN = "unknown"
"""The name that rows without a value are counted under; it stands last in a table."""


def plain(value: object) -> str:
    """``value`` as text for one cell or one line of Markdown: no markup, no line break, and no link made of it."""
    text = " ".join(str(value).split())
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)


def code(value: object) -> str:
    """``value`` set as code, on one line; "" for what is empty."""
    text = " ".join(str(value).split()).replace("`", "'").replace("|", "\\|")
    return f"`{text}`" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], align: str) -> str:
    """A table; ``align`` has "l" or "r" for each column. "" where there is no row.

    A column without any content is left out. Columns are padded to their widest cell, but for a last column of words,
    which would only gain blanks.
    """
    body = [[_shown(cell) for cell in row] for row in rows]
    if not body:
        return ""
    full = [n for n in range(len(head)) if any(line[n] for line in body)]
    body, align = [[line[n] for n in full] for line in body], "".join(align[n] for n in full)
    lines = [[head[n] for n in full], *body]
    widths = [max(3, *(len(line[n]) for line in lines)) for n in range(len(full))]
    if align[-1] == "l":
        widths[-1] = 3
    rule = ["-" * (width - 1) + ":" if side == "r" else "-" * width for width, side in zip(widths, align, strict=True)]
    return "\n".join(_line(cells, widths, align) for cells in (lines[0], rule, *lines[1:]))


def by_split(
    counts: Mapping[str, Mapping[str, int]] | None, what: str = "", known: Sequence[str] = (), always: bool = False
) -> str:
    """Rows by split and value as a table, one line a split, with the sum of each line; ``what`` names the corner.

    ``counts`` maps a split to the number of rows of each value; columns stand in the order of ``known``, then by name,
    :data:`UNKNOWN` last. "" where nothing was counted, or (unless ``always``) no value is known.
    """
    if not counts:
        return ""
    names = list(dict.fromkeys(name for row in counts.values() for name in row))
    names.sort(key=lambda name: (name == UNKNOWN, known.index(name) if name in known else len(known), name))
    if not names or (names == [UNKNOWN] and not always):
        return ""
    rows: list[list[Cell]] = [
        [split, *(row.get(name, 0) for name in names), sum(row.values())] for split, row in counts.items()
    ]
    return table([what, *(plain(name) for name in names), "all"], rows, "l" + "r" * (len(names) + 1))


def config_table(configs: Mapping[str, Mapping[str, Any]], splits: Iterable[str]) -> str:
    """Rows of each config by split; ``configs`` maps a config to its splits, and those to ``{"rows": …}``."""
    names = list(splits)
    rows = [
        [code(config), *((held[split]["rows"] if split in held else 0) for split in names),
         sum(each["rows"] for each in held.values())]
        for config, held in configs.items()
    ]  # fmt: skip
    return table(["config", *names, "all"], rows, "l" + "r" * (len(names) + 1))


def option_table(options: Mapping[str, Any] | None) -> str:
    """Options and their values, "" where none are known."""
    shown = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        for name, value in (options or {}).items()
    }
    return table(["option", "value"], ([code(name), plain(value)] for name, value in shown.items()), "ll")


def listed(words: Iterable[object]) -> str:
    """ "a", "a and b", "a, b and c"."""
    texts = [str(word) for word in words]
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1]))) if texts else ""


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:.3f}"


def _line(cells: Sequence[str], widths: Sequence[int], align: str) -> str:
    padded = [
        cell.rjust(width) if side == "r" else cell.ljust(width)
        for cell, width, side in zip(cells, widths, align, strict=True)
    ]
    return f"| {' | '.join(padded).rstrip()} |"
