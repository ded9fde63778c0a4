"""Where does each number of a card come from?

Every number of a record is replaced by one that occurs nowhere else (:func:`marked`), the card is rendered, and each
word of it that holds a digit is looked up (:meth:`Trace.strangers`): it must be one of these numbers as a card may
print it, the sum of such numbers, a word of one of the record's strings, or a constant that the test lists. A number
that somebody invented, mixed up or computed from nothing is a stranger.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

_WORD = re.compile(r"[^\s|`*\[\](){}<>\"'=;×]+")
_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?")
_ADDRESS = "https://huggingface.co/"
_ESCAPED = re.compile(r"\\([\\`*_\[\]|~#])")


def marked(record: Any) -> Any:
    """``record`` with every number but its truth values replaced by one of its own; strings and keys stay."""
    counter = iter(range(1, 10_000))

    def mark(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: mark(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [mark(each) for each in value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        number = next(counter)
        # Sums of ints stay unlike each other; floats have three digits, which is what cards print.
        return 1_000_003 + 7_919 * number if isinstance(value, int) else round(0.1 + number / 1000, 3)

    return mark(copy.deepcopy(record))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value and every key in ``value``, with its path."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{path}.{key}", str(key)
            yield from leaves(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from leaves(each, f"{path}[{number}]")
    else:
        yield path, value


def sums(value: Any, path: str = "") -> Iterator[tuple[str, int]]:
    """Sums a card may print: over a mapping, and over one key (or all keys) of the mappings in a mapping."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from sums(each, f"{path}[{number}]")
    if not isinstance(value, dict):
        return
    own = [each for each in value.values() if type(each) is int]
    if own:
        yield f"sum({path})", sum(own)
    below = {key: each for key, each in value.items() if isinstance(each, dict)}
    for key in {key for each in below.values() for key in each}:
        found = {name: each[key] for name, each in below.items() if type(each.get(key)) is int}
        for prefix in {"", *(name.rpartition("/")[0] + "/" for name in found if "/" in name)}:
            held = [each for name, each in found.items() if name.startswith(prefix)]
            if held:
                yield f"sum({path}.{prefix}*.{key})", sum(held)
    everything = [each for row in below.values() for each in row.values() if type(each) is int]
    if everything:
        yield f"sum({path}.*.*)", sum(everything)
    for key, each in value.items():
        yield from sums(each, f"{path}.{key}")


def printed(value: float) -> set[str]:
    """How a card may print ``value``."""
    if isinstance(value, int):
        return {f"{value}", f"{value:,}"}
    forms = {f"{value:.3f}", f"{value:.2f}", f"{value:.4f}", f"{value:.3g}", f"{value:g}", f"{100 * value:.1f}"}
    return {*forms, str(value)}


class Trace:
    """The numbers and words of ``records``, and the listed ``constants`` and ``derived`` numbers (by what they are)."""

    def __init__(self, records: Iterable[Any], constants: Iterable[str] = (), derived: Iterable[str] = ()) -> None:
        self.numbers: dict[str, str] = {}
        self.words: dict[str, str] = {}
        self.text = ""
        for record in records:
            found = [*leaves(record), *sums(record)]
            for path, value in found:
                if isinstance(value, str):
                    self.text += f"\n{value}"
                    self.words.update((word, path) for word in words(value))
                elif isinstance(value, int | float) and not isinstance(value, bool):
                    self.numbers.update((form, path) for form in printed(value))
        self.constants = {*constants, *derived}

    def where(self, word: str) -> str | None:
        """The path of what ``word`` was printed from; "constant" for a constant; ``None`` for a stranger."""
        bare = word.removeprefix(_ADDRESS).rstrip("%")
        if bare in self.numbers or word in self.words:
            return self.numbers.get(bare) or self.words[word]
        if word in self.constants or bare in self.constants:
            return "constant"
        if not _NUMBER.fullmatch(bare) and bare in self.text:
            return "inside a string"
        return None

    def strangers(self, text: str) -> list[str]:
        """The words of ``text`` with a digit that come from nowhere."""
        return [word for word in words(text) if re.search(r"\d", word) and self.where(word) is None]


def words(text: str) -> list[str]:
    """The words of Markdown ``text``, without markup and without the marks that end a sentence."""
    plain = _ESCAPED.sub(r"\1", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return [bare for word in _WORD.findall(plain) if (bare := word.strip(".,:!?“”/"))]


def parts(card: str) -> tuple[dict[str, Any], str]:
    """The metadata of a card, and its text."""
    _, front, body = card.split("---\n", 2)
    return yaml.safe_load(front), body


def said_in(metadata: Any) -> str:
    """The values of a card's metadata as text, without the columns of tables, which are the schema's."""
    if isinstance(metadata, dict):
        return "\n".join(said_in(each) for key, each in metadata.items() if key != "features")
    if isinstance(metadata, list):
        return "\n".join(map(said_in, metadata))
    return str(metadata)
