"""The shapes of what must not leave: tokens and keys, paths of somebody's machine, e-mail addresses.

Shapes follow what the issuers publish (prefix, alphabet, length), as secret scanners use them; a shape without a prefix
of its own (40 hex digits) is not looked for, for a hash has it too. Each kind has a coarse pattern beside it, which RE2
(``pyarrow.compute``) runs over whole columns; what it finds is read again with the exact one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of thing by its exact pattern; ``name`` is what a verdict calls it."""

    name: str
    pattern: re.Pattern[str]


_START, _END = r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9])"


def _token(name: str, body: str) -> Shape:
    return Shape(name, re.compile(f"{_START}(?:{body}){_END}"))


SECRETS: tuple[Shape, ...] = (
    _token("a Hugging Face token", r"hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,}"),
    _token("a GitHub token", r"gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}"),
    _token("a GitLab token", r"gl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,}"),
    _token("an AWS access key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"),
    Shape(
        "an AWS secret key",
        re.compile(r"(?i)aws.{0,20}?(?:secret|key).{0,20}?[\"'=: ]([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
    ),
    _token("an OpenAI key", r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9]{32,}"),
    _token("an Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}"),
    _token("a Google key", r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{30,}"),
    _token("a Slack token", r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _token("a Stripe key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{20,}"),
    _token("a package registry's token", r"npm_[A-Za-z0-9]{36}|pypi-AgEI[A-Za-z0-9_-]{50,}"),
    _token("a JSON web token", r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    Shape("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    Shape("a password in an address", re.compile(r"[a-z][a-z0-9+.-]{1,15}://[^\s/:@\"'<>]+:[^\s/@\"'<>]{3,}@[\w.-]+")),
    Shape(
        "an authorization header",
        re.compile(r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic)\s+[\w.+/=-]{16,}"),
    ),
)  # fmt: skip
SECRETS_COARSE = (
    r"hf_[A-Za-z0-9]{30}|api_org_|gh[pousr]_[A-Za-z0-9]{36}|github_pat_|gl(pat|dt|rt|cbt)-|(AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"
    r"|(?i:aws.{0,20}(secret|key))|sk-[A-Za-z0-9_-]{20}|AIza|ya29\.|xox[abeoprs]-|[rs]k_(live|test)_|npm_[A-Za-z0-9]{36}"
    r"|pypi-AgEI|eyJ[A-Za-z0-9_-]{10,}\.eyJ|PRIVATE KEY|://[^\s/:@]+:[^\s/@]{3,}@|(?i:authorization)"
)

_ROOTS = (
    "home|Users|root|tmp|var|mnt|media|opt|srv|workspace|workspaces|content|kaggle|scratch|private|Volumes|gpfs|lustre|"
    "nfs|dev|etc|usr|run|proc|work|data|dbfs|cluster|projects?|export|storage|raid"
)
_BEFORE = r"(?<![\w.:/\\~)\]-])"
PATHS: tuple[Shape, ...] = (
    # A root alone is a word like any other ("and/or", "/data"): a path of this machine goes on below it.
    Shape("a local path", re.compile(_BEFORE + rf"/(?:{_ROOTS})/[\w.@+-]+(?:/[\w.@+ -]*)*")),
    # "~/books" is anybody's, and stands in the commands of cards; "~name/books" is somebody's.
    Shape("a local path", re.compile(r"(?<![\w.~])~[a-z_][\w-]{2,}/[\w.-]+")),
    Shape("a local path", re.compile(r"(?<![A-Za-z0-9])[A-Za-z]:\\{1,2}[\w$ .-]+(?:\\|/)[\w. -]*|\\\\[\w.-]+\\\w")),
    Shape("a local path", re.compile(r"\bfile://+[^\s\"'<>]+")),
)
PATHS_COARSE = rf"/({_ROOTS})/|~[a-z_][\w-]*/|[A-Za-z]:\\|\\\\[\w.-]+\\|file://"

EMAILS: tuple[Shape, ...] = (
    Shape(
        "an e-mail address",
        # ``git@host:`` is how repositories are named; "name@v1.0.0" is a revision: its last part is no letters.
        re.compile(r"(?<![\w.+/-])(?!git@)[A-Za-z0-9][\w.+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24}(?![\w-]|\.\d)"),
    ),
)
EMAILS_COARSE = r"[\w.+-]@[A-Za-z0-9-]+\.[A-Za-z0-9.-]"

ENCODED = re.compile(r"[A-Za-z0-9+/=]{200,}")
"""Pictures inside a page, sealed records: noise, in which every short shape occurs sooner or later."""


def hidden(text: str) -> str:
    """``text`` with "…" for whatever must not leave: verdicts are published, and repeat names of files and ids."""
    for shape in (*SECRETS, *PATHS, *EMAILS):
        text = shape.pattern.sub("…", text)
    return text


def matches(text: str, shapes: tuple[Shape, ...]) -> Iterator[tuple[str, int]]:
    """The name of every thing of one of ``shapes`` in ``text``, with the place (0-based) where it begins."""
    for shape in shapes:
        for found in shape.pattern.finditer(text):
            yield shape.name, found.start()
