"""``release.json``: what a release is, file by file. It travels in the repository, and the next release starts from it.

::

    {"release": 1, "kind": "dataset", "name": "mm_skin", "version": "1.0.0", "form": "full", "tool": "mmskin-hub 0.1.0",
     "files": {"README.md": {"sha256": …, "size": …}, …},    every file of ours but this one, by path
     "rendered": ["README.md"],                               those made of the others by the release itself
     "verdicts": [{"check", "passed", "found", "wanted"}, …],
     "forced": {"reason": …},                                 where --force overruled the gate
     "rights": "…",                                           the statement the card shows
     "made_from": {…}}                                        records the release rests on

No times and no paths of a machine: the same folder gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NAME = "release.json"
FORMAT = 1
_KEYS = {"kind": str, "name": str, "version": str, "form": str, "tool": str, "files": dict, "rendered": list}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of ``release.json``; ``files`` maps a path to its ``sha256`` (hex) and ``size`` (bytes)."""

    kind: str
    name: str
    version: str
    form: str
    tool: str
    files: Mapping[str, Mapping[str, Any]]
    rendered: Sequence[str] = ()
    verdicts: Sequence[Mapping[str, Any]] = ()
    forced_reason: str = ""
    rights: str = ""
    made_from: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        """The tag of the version."""
        return f"v{self.version}"

    def content(self) -> dict[str, str]:
        """SHA-256 by path of what was released: the files without those the release rendered of them.

        Two releases of one folder hold the same content, even where a newer library words the card otherwise.
        """
        return {path: str(facts["sha256"]) for path, facts in self.files.items() if path not in self.rendered}

    def same_as(self, other: Manifest) -> bool:
        """Whether both release the same content, in the same form, under the same name and version."""
        return not self.differences(other)

    def differences(self, other: Manifest) -> list[str]:
        """Where ``other`` is not the same as this one, in words, sorted."""
        words = [
            f"its {what} is {theirs}, not {ours}"
            for what in ("kind", "name", "version", "form")
            # A model is called what its repository is called, and that can change.
            if (what != "name" or self.kind == "dataset")
            and (ours := getattr(self, what)) != (theirs := getattr(other, what))
        ]
        ours, theirs = self.content(), other.content()
        return words or sorted(path for path in {*ours, *theirs} if ours.get(path) != theirs.get(path))

    def encoded(self) -> bytes:
        """The bytes of the file."""
        value: dict[str, Any] = {"release": FORMAT, **{key: getattr(self, key) for key in _KEYS}}
        value["files"] = {path: dict(self.files[path]) for path in sorted(self.files)}
        value["rendered"] = sorted(self.rendered)
        value["verdicts"] = [dict(each) for each in self.verdicts]
        if self.forced_reason:
            value["forced"] = {"reason": self.forced_reason}
        if self.rights:
            value["rights"] = self.rights
        value["made_from"] = dict(self.made_from)
        return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()


def decoded(data: bytes | None) -> Manifest | None:
    """The manifest that :meth:`Manifest.encoded` wrote; ``None`` where ``data`` is none of ours."""
    try:
        value = json.loads(data or b"")
        if value["release"] != FORMAT or not all(isinstance(value[key], kind) for key, kind in _KEYS.items()):
            return None
        facts = {path: {"sha256": str(f["sha256"]), "size": int(f["size"])} for path, f in value["files"].items()}
        return Manifest(
            **{key: value[key] for key in _KEYS if key not in ("files", "rendered")},
            files=facts,
            rendered=tuple(str(path) for path in value["rendered"]),
            verdicts=tuple(value.get("verdicts") or ()),
            forced_reason=str((value.get("forced") or {}).get("reason") or ""),
            rights=str(value.get("rights") or ""),
            made_from=dict(value.get("made_from") or {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
