"""The pages that people read, taken apart: blocks of code, links, headings, and words set as code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *DOCS, ROOT / "recipes" / "README.md", ROOT / "benchmarks" / "README.md"]

_FENCE = re.compile(
    r"(?P<notes>(?:^<!--[^\n]*-->\n)*)^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=fence)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_NOTE = re.compile(r"^<!-- (?P<kind>not run|status (?P<status>\d(?:\d| or )*)): (?P<why>.+) -->$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_BESIDE = re.compile(r"\$\(([^)]*)\)")
_SET = re.compile(r'^(\w+)="([^"]*)"$', re.MULTILINE)
_FOR = re.compile(r"^for (\w+) in (.+); do\n(.*?)^done$", re.MULTILINE | re.DOTALL)
ENDS = ("&&", "||", "|", ";", ">", ">>", "2>", "<")
"""Words of the shell that a command ends before."""
_SETS = re.compile(r"\w+=.*", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code; ``line`` (1-based) is that of its fence, ``language`` "" where none is named.

    Comments right above the fence say what a test must know: ``<!-- not run: WHY -->`` (``not_run`` is WHY), and
    ``<!-- status 3: WHY -->`` of a block whose last command ends with another exit status than 0 (``statuses``).
    ``variables`` are those that this and earlier blocks of shell set, with their values.
    """

    page: str
    line: int
    language: str
    text: str
    not_run: str = ""
    statuses: tuple[int, ...] = (0,)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """File and line, as an editor opens them."""
        return f"{self.page}:{self.line}"


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
    found: list[Block] = []
    variables: dict[str, str] = {}
    for match in _FENCE.finditer(text):
        if match["language"] == "sh":
            variables |= dict(_SET.findall(match["text"]))
        notes = list(_NOTE.finditer(match["notes"]))
        found.append(
            Block(
                name_of(page),
                text.count("\n", 0, match.start("fence")) + 1,
                match["language"],
                match["text"],
                next((note["why"] for note in notes if note["kind"] == "not run"), ""),
                next((tuple(map(int, note["status"].split(" or "))) for note in notes if note["status"]), (0,)),
                dict(variables),
            )
        )
    return found


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


def expanded(block: Block) -> str:
    """A block of shell with a line a command: loops and variables written out."""
    text = _FOR.sub(_unrolled, _SET.sub("", block.text.replace("\\\n", " ")))
    for name, value in block.variables.items():
        text = text.replace(f"${name}", " ".join(value.split()))
    return text


def commands(block: Block) -> Iterator[list[str]]:
    """The words of every ``mmskin`` command in a block, without "mmskin" itself and without placeholders ("…")."""
    for line in expanded(block).splitlines():
        if "mmskin" not in line:
            continue
        for beside in _BESIDE.findall(line):
            yield from _command(shlex.split(beside))
        words = shlex.split(_BESIDE.sub("BESIDE", line), comments=True)
        while words:
            end = next((at for at, word in enumerate(words) if word in ENDS), len(words))
            yield from _command(words[:end])
            into = end < len(words) and words[end][-1] in "<>"  # a file follows, and no command
            words = words[end + 1 + into :]


def _unrolled(found: re.Match[str]) -> str:
    """A loop of shell as its body for each word."""
    return "\n".join(found[3].replace(f"${found[1]}", word) for word in found[2].split())


def _command(words: list[str]) -> Iterator[list[str]]:
    while words and _SETS.fullmatch(words[0]):
        words = words[1:]
    if words and Path(words[0]).name == "mmskin":
        yield [word for word in words[1:] if word != "…"]
    elif "mmskin_hub" in words and words[words.index("mmskin_hub") - 1] == "-m":
        yield [word for word in words[words.index("mmskin_hub") + 1 :] if word != "…"]
