"""The recipe of a variant: its sources, their sampling weights and caps, out of one YAML file.

::

    mm:                                 # a variant
      mm_skin:                          # a source: the NAME of --data
        required: true                  # without it the variant is not what its name says (default: false)
        version: 1.0.0                  # only this version of it (default: any)
        weight: rows                    # rows, or a number above zero (default: rows)
        cap: 20000                      # at most so many rows of each split (default: null, all)
        instructed: 0.5                 # share of the questions that say how to answer (default: 0; instruct.py)
        configs:                        # a config with a weight and a cap of its own
          demographics: {weight: 2000, cap: 4000}

A weight is that of a source as a whole and counts in rows: ``rows`` stands for the rows it has after its cap, so that
each of its rows is drawn as often as any other; the number 2000 says that it is drawn as often as 2,000 such rows,
whatever it holds. A wrong line is refused with its number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmskin_hub.errors import WrongUse

VARIANTS = ("mm", "pub", "pubmm")
_SHARE = ("weight", "cap", "instructed")
_ENTRY = ("required", "version", *_SHARE, "configs")
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Share:
    """``weight`` in rows, ``None`` for as many as there are; ``cap`` in rows of a split, ``None`` for no cap.

    ``instructed`` (0 to 1) is the share of questions that say how they want to be answered.
    """

    weight: float | None = None
    cap: int | None = None
    instructed: float = 0.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One source of a variant. ``configs`` are those with a share of their own; the others have ``share`` together.

    ``line`` is that of its ``version`` in the file.
    """

    name: str
    share: Share
    required: bool = False
    version: str | None = None
    line: int = 0
    configs: Mapping[str, Share] = field(default_factory=dict)

    def pool(self, config: str) -> str:
        """The name under which ``config`` is weighed and capped: its own, or that of the source."""
        return f"{self.name}/{config}" if config in self.configs else self.name

    def share_of(self, config: str) -> Share:
        """Weight and cap of the pool of ``config``."""
        return self.configs.get(config, self.share)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What ``file`` says of one variant; ``digest`` is the SHA-256 of the file."""

    variant: str
    file: str
    digest: str
    entries: Mapping[str, Entry]


def read_recipe(file: Path, variant: str, text: str | None = None) -> Recipe:
    """The recipe of ``variant`` in ``file`` (or in ``text``, that was read from it).

    Raises :class:`WrongUse`, naming file and line, for anything that is not as this module's docstring says.
    """
    import yaml

    if text is None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUse(f"--mixture {file} cannot be read: {error}.", "Name a YAML file.") from error
    reader = _Reader(file.name)
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise reader.wrong(mark.line + 1 if mark else 1, f"is not YAML: {getattr(error, 'problem', error)}") from error
    variants = reader.mapping(node, "the file")
    if variant not in variants:
        known = ", ".join(variants) or "none"
        raise WrongUse(f"{file.name} has no variant {variant!r}.", f"It has: {known}. Add one, or leave out --mixture.")
    entries = reader.mapping(variants[variant], f"variant {variant}")
    found = {name: reader.entry(name, value) for name, value in entries.items()}
    if not found:
        raise reader.wrong(variants[variant].start_mark.line + 1, f"gives variant {variant} no source")
    return Recipe(variant, file.name, hashlib.sha256(text.encode()).hexdigest(), found)


class _Reader:
    """Reads the nodes of one YAML file, so that an error can name the line."""

    def __init__(self, file: str) -> None:
        self.file = file

    def wrong(self, line: int, what: str) -> WrongUse:
        return WrongUse(f"{self.file}, line {line} {what}.", "Mend the line, or leave out --mixture for the defaults.")

    def mapping(self, node: Any, what: str) -> dict[str, Any]:
        if node is None or node.id != "mapping":
            line = node.start_mark.line + 1 if node else 1
            raise self.wrong(line, f"is not a list of names with a colon ({what})")
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in found:
                raise self.wrong(key.start_mark.line + 1, f"says {name!r} a second time")
            found[name] = value
        return found

    def entry(self, name: str, node: Any) -> Entry:
        fields = self._fields(node, f"source {name}", _ENTRY)
        required = self._value(fields, "required", False)
        if not isinstance(required, bool):
            raise self._bad(fields, "required", required, "true or false", name)
        version = self._value(fields, "version", None)
        if version is not None and not _VERSION.fullmatch(str(version)):
            raise self._bad(fields, "version", version, "of the form X.Y.Z", name)
        line = fields.get("version", node).start_mark.line + 1
        configs = {}
        if self._value(fields, "configs", None) is not None:
            nodes = self.mapping(fields["configs"], f"configs of {name}")
            configs = {
                config: self._share(self._fields(value, f"{name}/{config}", _SHARE), f"{name}/{config}")
                for config, value in nodes.items()
            }
        own = self._share({key: fields[key] for key in _SHARE if key in fields}, name)
        return Entry(name, own, required, str(version) if version is not None else None, line, configs)

    def _fields(self, node: Any, what: str, known: tuple[str, ...]) -> dict[str, Any]:
        if node.id == "scalar" and self._scalar(node) is None:
            return {}
        fields = self.mapping(node, what)
        for key, value in fields.items():
            if key not in known:
                near = get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f" (there are: {', '.join(known)})"
                raise self.wrong(value.start_mark.line + 1, f"gives {what} an unknown {key!r}{hint}")
        return fields

    def _share(self, fields: dict[str, Any], name: str) -> Share:
        weight = self._value(fields, "weight", "rows")
        number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
        if weight != "rows" and not (number and 0 < weight < float("inf")):
            raise self._bad(fields, "weight", weight, "a number above zero, or the word rows", name)
        cap = self._value(fields, "cap", None)
        if cap is not None and (isinstance(cap, bool) or not isinstance(cap, int) or cap < 1):
            raise self._bad(fields, "cap", cap, "a whole number above zero, or null", name)
        instructed = self._value(fields, "instructed", 0.0)
        if isinstance(instructed, bool) or not isinstance(instructed, (int, float)) or not 0 <= instructed <= 1:
            raise self._bad(fields, "instructed", instructed, "a number from 0 to 1", name)
        return Share(None if weight == "rows" else float(weight), cap, float(instructed))

    def _bad(self, fields: dict[str, Any], key: str, value: Any, wanted: str, name: str) -> WrongUse:
        line = fields[key].start_mark.line + 1
        return self.wrong(line, f"gives {name} the {key} {value!r}, which is not {wanted}")

    def _value(self, fields: dict[str, Any], key: str, default: Any) -> Any:
        return self._scalar(fields[key]) if key in fields else default

    def _scalar(self, node: Any) -> Any:
        import yaml

        try:
            return yaml.SafeLoader("").construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise self.wrong(node.start_mark.line + 1, "holds a value that cannot be read") from error
