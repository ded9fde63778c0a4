"""The templates of cards, and of the house's other pages: Jinja over the package ``mmskin_hub.cards``."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from mmskin_hub.hub.cards.markdown import plain

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(html: bool = False) -> Environment:
    """Jinja over the package's cards; ``html`` escapes everything that is put in, Markdown cells use ``|cell``."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    # The templates are reached by the name of their package: the core never imports cards/.
    folder = resources.files("mmskin_hub.cards")
    found = Environment(
        loader=FunctionLoader(lambda name: (folder / name).read_text(encoding="utf-8")),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["cell"] = plain
    found.filters["csp_hash"] = csp_hash
    found.filters["thousands"] = lambda number: f"{number:,}"
    return found


def csp_hash(text: str) -> str:
    """How a content security policy names ``text``, the body of a script or a style, to allow it and no other."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(str(text).encode()).digest()).decode()}'"


def tidy(text: str) -> str:
    """``text`` without blank lines at its beginning and end, and never two of them, but inside of code."""
    lines: list[str] = []
    fenced = False
    for line in text.strip().splitlines():
        fenced ^= line.startswith("```")
        if line.strip() or fenced or (lines and lines[-1]):
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"
