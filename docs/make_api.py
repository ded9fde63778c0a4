"""Writes docs/api.md from the docstrings: ``python docs/make_api.py``; ``--check`` only says whether it is up to date.

griffe (ISC) reads the source without importing it, so neither torch nor anything else is loaded. Its parser of Google
docstrings finds ``Args:``, ``Returns:`` and ``Raises:``; what stands around them is reStructuredText of the few kinds
this house uses (roles, literals, ``::`` blocks, tables of ``===``), which becomes Markdown here: docutils would want
whole documents, and knows no Markdown. What is public is :data:`PUBLIC`; everything else may change without notice.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import griffe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"
PUBLIC: dict[str, tuple[str, ...]] = {
    "mmskin_hub": ("build", "train", "convert", "merge", "evaluate", "audit", "release", "rematerialize"),
    "mmskin_hub.api.records": (),
    "mmskin_hub.errors": ("MmskinError", "WrongUse", "MissingExtra", "UnreadableBook", "NothingUsable",
                          "OutputExists"),
    "mmskin_hub.schema": ("MODALITIES", "SEXES", "SPLITS", "CONFIGS", "QUESTION_TYPES", "REJECT_COLUMNS",
                          "REJECT_REASONS", "captions_features", "open_vqa_features", "demographics_features",
                          "public_features"),
    "mmskin_hub.registry": ("Dataset", "PublicDataset", "PUBLIC", "DATASETS"),
    "mmskin_hub.evals.protocol": ("Protocol", "PROTOCOLS", "GROUPS", "protocol", "question", "choices", "target",
                                  "read"),
    "mmskin_hub.evals.answers": ("Outcome", "Read", "read_answer", "paper_class", "synonyms_of"),
    "mmskin_hub.evals.tasks": ("PATH",),
    "mmskin_hub.models.convert": ("convert_llava",),
    "mmskin_hub.models.merge": ("merge",),
    "mmskin_hub.training.tiny": ("draw",),
}  # fmt: skip
"""The modules a program may build on, and of each what is public (nothing named: all that has no underscore)."""
HEAD = """\
# Python API

<!-- Written by docs/make_api.py from the docstrings; change those, then run it again. -->

`import mmskin_hub as mm` gives one function for each command that makes something: same options (`-` becomes `_`), same
work, same records and errors. Importing it loads nothing heavy.

What stands on this page is public: its names, arguments and columns change with a new minor version only, and
[CHANGELOG.md](../CHANGELOG.md) says so. Every other module has docstrings too, and may change at any time.

The page is made of the docstrings by `python docs/make_api.py` (extra `dev`); a test compares the two.

"""
_ROLE = re.compile(r":(?P<role>func|class|meth|data|mod|attr|exc):`(?P<name>[^`]+)`")
_LITERAL = re.compile(r"``([^`]+)``")
_WIDTH = 120


def name_of(module: str, member: str) -> str:
    """What a member is called on the page: ``mm.build``, ``schema.SPLITS``."""
    return f"mm.{member}" if module == "mmskin_hub" else f"{module.removeprefix('mmskin_hub.')}.{member}"


class Page:
    """The page as it is put together; ``anchors`` maps the full name of what is on it to its heading."""

    def __init__(self) -> None:
        self.tree: Any = griffe.load(
            "mmskin_hub", search_paths=[ROOT], allow_inspection=False, docstring_parser="google",
            docstring_options={"warn_unknown_params": False, "warnings": False},
        )  # fmt: skip
        self.anchors: dict[str, str] = {}
        self._given: dict[str, int] = {}
        self.shown: list[tuple[str, list[tuple[str, Any]]]] = []
        for module, names in PUBLIC.items():
            members = [(name, self._find(module, name)) for name in names or self._all(module)]
            self.shown.append((module, members))
            self.anchors[module] = self._anchor(module)
            for name, member in members:
                self.anchors[member.path] = self.anchors[f"{module}.{name}"] = self._anchor(name_of(module, name))
                for method in methods(member):
                    self.anchors[method.path] = self._anchor(f"{name_of(module, name)}.{method.name}")

    def _anchor(self, heading: str) -> str:
        """The anchor that GitHub gives to the next heading of these words: a second one gets ``-1``."""
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = self._given[slug] = self._given.get(slug, -1) + 1
        return f"{slug}-{number}" if number else slug

    def _module(self, module: str) -> Any:
        inner = module.partition(".")[2]
        return self.tree[inner] if inner else self.tree

    def _find(self, module: str, name: str) -> Any:
        found = self._module(module)[name]
        return found.final_target if found.is_alias else found

    def _all(self, module: str) -> list[str]:
        return [name for name, each in self._module(module).members.items() if not name.startswith("_") and not
                each.is_alias and each.docstring]  # fmt: skip

    def text(self) -> str:
        """The whole page."""
        parts = [HEAD + "\n".join(self._contents()) + "\n"]
        for module, members in self.shown:
            parts.append(f"## {module}\n")
            parts += self._docstring(self._module(module), module)
            for name, member in members:
                parts += [f"### {name_of(module, name)}\n", *self._member(name, member, module)]
        return "\n".join(parts).rstrip() + "\n"

    def _contents(self) -> Iterator[str]:
        yield "| module | what is public |"
        yield "|---|---|"
        for module, members in self.shown:
            named = ", ".join(f"[{name}](#{self.anchors[f'{module}.{name}']})" for name, _ in members)
            yield f"| [{module}](#{self.anchors[module]}) | {named} |"

    def _member(self, name: str, member: Any, module: str) -> Iterator[str]:
        yield f"```py\n{declared(name, member)}\n```\n"
        yield from self._docstring(member, module)
        if member.is_class:
            fields = [each for each in member.members.values() if each.is_attribute and not each.name.startswith("_")]
            told = [each for each in fields if each.docstring and "property" not in each.labels]
            yield from self._listed([(each.name, str(each.annotation or ""), each.docstring.value) for each in told],
                                    module)  # fmt: skip
        for each in methods(member):
            yield f"#### {name_of(module, name)}.{each.name}\n"
            yield f"```py\n{declared(each.name, each)}\n```\n"
            yield from self._docstring(each, module)

    def _docstring(self, member: Any, module: str) -> Iterator[str]:
        if not member.docstring:
            return
        for section in member.docstring.parse("google"):
            kind = section.kind.value
            if kind == "text":
                yield self.markdown(section.value, module) + "\n"
            elif kind in ("parameters", "attributes", "raises", "returns", "other parameters"):
                yield f"{kind.capitalize()}:\n"
                entries = [(getattr(each, "name", ""), str(each.annotation or ""), each.description) for each in
                           section.value]  # fmt: skip
                yield from self._listed(entries, module, types=kind in ("raises", "returns"))
            else:
                yield self.markdown(member.docstring.value, module) + "\n"
                return

    def _listed(self, entries: Sequence[tuple[str, str, str]], module: str, types: bool = True) -> Iterator[str]:
        for name, annotation, description in entries:
            shown = f"`{name}`" if name else ""
            shown += f" `{annotation}`" if annotation and (types or not name) else ""
            text = " ".join(self.markdown(description, module).split())
            yield textwrap.fill(f"- {shown.strip()}: {text}", _WIDTH, subsequent_indent="  ", break_long_words=False,
                                break_on_hyphens=False)  # fmt: skip
        if entries:
            yield ""

    def markdown(self, text: str, module: str) -> str:
        """A docstring's reStructuredText as Markdown."""
        made, lines = [], text.rstrip().splitlines()
        while lines:
            line = lines.pop(0)
            if re.fullmatch(r"=+(?: +=+)+", line.strip()):
                made += self._table(line, lines, module)
            elif line.rstrip().endswith("::"):
                before = line.rstrip()[:-2].rstrip()
                made += [f"{self._inline(before, module)}:", ""] if before else []
                block = []
                while lines and (not lines[0].strip() or lines[0].startswith("    ")):
                    block.append(lines.pop(0))
                code = textwrap.dedent("\n".join(block)).strip("\n")
                made += [f"```{language(code)}", code, "```", ""]
            else:
                made.append(self._inline(line, module))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(made)).strip("\n")

    def _inline(self, line: str, module: str) -> str:
        def role(found: re.Match[str]) -> str:
            name = found["name"].lstrip("~")
            short = name.rpartition(".")[2] if found["name"].startswith("~") else name
            anchor = self.anchors.get(name) or self.anchors.get(f"{module}.{name}")
            anchor = anchor or next((each for full, each in self.anchors.items() if full.endswith(f".{name}")), None)
            return f"[`{short}`](#{anchor})" if anchor else f"`{short}`"

        return _LITERAL.sub(r"`\1`", _ROLE.sub(role, line))

    def _table(self, rule: str, lines: list[str], module: str) -> list[str]:
        """A simple table of reStructuredText: columns stand below the marks of ``rule``."""
        at = [found.start() for found in re.finditer("=+", rule)]
        rows: list[list[str]] = []
        while lines:
            line = lines.pop(0)
            if re.fullmatch(r"=+(?: +=+)+", line.strip()):
                if not lines or not lines[0].strip():
                    break
                continue
            cells = [line[start:end].strip() for start, end in zip(at, [*at[1:], None], strict=True)]
            if cells[0] or not rows:
                rows.append(cells)
            else:
                rows[-1] = [f"{before} {more}".strip() for before, more in zip(rows[-1], cells, strict=True)]
        head = "|" + " |" * len(at)
        body = ["| " + " | ".join(self._inline(cell, module) for cell in row) + " |" for row in rows]
        return [head, "|" + "---|" * len(at), *body, ""]


def language(code: str) -> str:
    """What a literal block is written in, for a highlighter; not "python", which the tests take for a whole program."""
    return "py" if re.match(r"\s*(?:import |from |mm\.|\w+ = )", code) else "text"


def methods(member: Any) -> list[Any]:
    """The public methods and properties of a class, as they stand in it; none of anything else."""
    return [
        each
        for each in (member.members.values() if member.is_class else ())
        if each.docstring and not each.name.startswith("_") and (each.is_function or "property" in each.labels)
    ]


def declared(name: str, member: Any) -> str:
    """A function's signature, a class with its bases, or a name with its type."""
    if member.is_function:
        returned = f" -> {member.returns}" if member.returns is not None else ""
        given = list(parameters(member))
        line = f"def {name}({', '.join(given)}){returned}"
        if len(line) <= _WIDTH:
            return line
        return f"def {name}(\n" + "".join(f"    {each},\n" for each in given) + f"){returned}"
    if member.is_class:
        bases = ", ".join(str(base) for base in member.bases)
        head = f"class {name}({bases})" if bases else f"class {name}"
        fields = [each for each in member.members.values() if each.is_attribute and each.annotation is not None and
                  "property" not in each.labels and not each.name.startswith("_")]  # fmt: skip
        told = [f"    {each.name}: {each.annotation}" + (f" = {each.value}" if each.value is not None else "")
                for each in fields]  # fmt: skip
        return "\n".join([head + (":" if told else ""), *told])
    value = str(member.value) if member.value is not None else ""
    shown = f" = {value}" if value and len(value) < 90 and "\n" not in value else ""
    return f"{name}: {member.annotation}{shown}" if member.annotation is not None else f"{name}{shown}"


def parameters(member: Any) -> Iterator[str]:
    """The parameters of a function as they are written, with ``*`` before those that must be named."""
    starred = False
    for each in member.parameters:
        kind = each.kind.value
        if each.name in ("self", "cls"):
            continue
        if kind == "keyword-only" and not starred:
            starred = True
            yield "*"
        starred = starred or kind == "variadic positional"
        name = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "") + each.name
        annotated = f"{name}: {each.annotation}" if each.annotation is not None else name
        plain = each.default is None or kind.startswith("variadic")
        yield annotated if plain else f"{annotated} = {each.default}" if each.annotation else f"{name}={each.default}"


def main(argv: Sequence[str]) -> int:
    """Write the page, or with ``--check`` compare it; the status is 1 where it is out of date."""
    text = Page().text()
    if "--check" in argv:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        if not same:
            print("docs/api.md is not what the docstrings say. Write it again: python docs/make_api.py")
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
