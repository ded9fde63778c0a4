"""What a licence allows, read from the words it is given in, and which of several is the most restrictive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mmskin_hub.hub.cards.citations import name_of
from mmskin_hub.hub.cards.markdown import Cell, code, plain, table
from mmskin_hub.registry import DATASETS, PUBLIC

_CLASSES = (
    ("cc0-1.0", 0, "public domain"),
    ("cc-by", 1, "to be attributed"),
    ("cc-by-sa", 2, "to be attributed, shared alike"),
    ("cc-by-nc", 3, "to be attributed, non-commercial"),
    ("cc-by-nc-sa", 4, "to be attributed, non-commercial, shared alike"),
    ("cc-by-nd", 5, "to be attributed, not to be changed"),
    ("cc-by-nc-nd", 6, "to be attributed, non-commercial, not to be changed"),
    ("other", 7, "not to be passed on"),
)
_RANKS = {name: (rank, meaning) for name, rank, meaning in _CLASSES}


def licence_class(text: str) -> str:
    """The kind of licence that ``text`` names: one of "cc0-1.0", "cc-by", "cc-by-nc-sa", … or "other".

    Anything unknown, and whatever is for research only, gated or not redistributable, is "other": the most
    restrictive.
    """
    plain = re.sub(r"[\s_]+", "-", text.casefold())
    plain = plain.replace("creative-commons", "cc").replace("attribution", "by").replace("noncommercial", "nc")
    plain = plain.replace("non-commercial", "nc").replace("sharealike", "sa").replace("noderivatives", "nd")
    plain = plain.replace("noderivs", "nd")
    if re.search(r"\bcc-?0\b|cc-zero|public-domain", plain):
        return "cc0-1.0"
    found = re.search(r"\bcc-(by(?:-nc)?(?:-sa|-nd)?)\b", plain)
    return f"cc-{found[1]}" if found else "other"


def strictest(licences: Iterable[str]) -> str:
    """The most restrictive of ``licences``, as spelled; "unknown" where there is none."""
    return max(licences, key=lambda text: (_RANKS[licence_class(text)][0], text), default="unknown")


def terms_of(text: str) -> str:
    """What the licence ``text`` asks for, in words."""
    return _RANKS[licence_class(text)][1]


def licence_name(what: str, worst: str) -> str:
    """The Hub's ``license_name`` of something under the most restrictive licence ``worst`` of ``what``."""
    return re.sub(r"[^a-z0-9.]+", "-", f"most restrictive of its {what}: {worst}".casefold()).strip("-")


def attributions(licences: Mapping[str, Iterable[str]]) -> str:
    """Each source with what it is, where it is from, and the licences of its rows, as a table."""
    rows: list[list[Cell]] = []
    for name, found in licences.items():
        public, known = PUBLIC.get(name), DATASETS.get(name_of(name))
        title = public.title if public else known.title if known else ""
        where = f"<{public.source}>" if public else ""
        rows.append([code(name), plain(", ".join(sorted(found))), where, plain(title)])
    return table(["source", "licence", "from", "what"], rows, "llll")
