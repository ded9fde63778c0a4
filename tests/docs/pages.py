"""The pages that people read, taken apart: blocks of code, links, headings, and words set as code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS, ROOT / "recipes" / "README.md", ROOT / "benchmarks" / "README.md"]

_FENCE = re.compile(
    r"^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_BESIDE = re.compile(r"\$\(([^)]*)\)")
_SETS = re.compile(r"\w+=.*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code; ``line`` (1-based) is that of its fence, ``language`` "" where none is named."""

    page: str
    line: int
    language: str
    text: str


def name_of(page: Path) -> str:
    """How a page is called in a test's name."""
    return page.relative_to(ROOT).as_posix()


@cache
def text_of(page: Path) -> str:
    """The page as it is."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """The blocks of code of a page."""
    text = text_of(page)
    return [
        Block(name_of(page), text.count("\n", 0, found.start()) + 1, found["language"], found["text"])
        for found in _FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return _FENCE.sub("", text_of(page))


def links(page: Path) -> list[str]:
    """The targets of the links of a page."""
    return [found["target"] for found in _LINK.finditer(_CODE.sub("", prose(page)))]


def code(page: Path) -> list[str]:
    """What is set as code within a line."""
    return _CODE.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page: small letters, no punctuation, a dash a space."""
    found: dict[str, int] = {}
    names = set()
    for heading in _HEADING.findall(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = found.get(slug, 0)
        found[slug] = number + 1
        names.add(f"{slug}-{number}" if number else slug)
    return names


def commands(block: Block) -> Iterator[list[str]]:
    """The words of every ``mmskin`` command in a block, without "mmskin" itself and without placeholders ("…")."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if "mmskin" not in line:
            continue
        for beside in _BESIDE.findall(line):
            yield from _command(shlex.split(beside))
        words = shlex.split(_BESIDE.sub("BESIDE", line), comments=True)
        while words:
            end = next((at for at, word in enumerate(words) if word in ("&&", "||", "|", ";")), len(words))
            yield from _command(words[:end])
            words = words[end + 1 :]


def _command(words: list[str]) -> Iterator[list[str]]:
    while words and _SETS.fullmatch(words[0]):
        words = words[1:]
    if words and Path(words[0]).name == "mmskin":
        yield [word for word in words[1:] if word != "…"]
    elif "mmskin_hub" in words and words[words.index("mmskin_hub") - 1] == "-m":
        yield [word for word in words[words.index("mmskin_hub") + 1 :] if word != "…"]
