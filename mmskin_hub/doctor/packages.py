"""Which packages are here, judged by metadata alone: ours, as the installed mmskin-hub asks for them, and theirs.

What each extra brings is read from the metadata of the installed distribution (``Provides-Extra``, ``Requires-Dist``),
so there is no second list; only what an extra is *for* is said here. An extra counts as installed when all its packages
are there: pip does not keep which extras were asked for, and several share packages. Of what is installed, the packages
of packages are followed as ``pip check`` does, which finds a torchvision that is not for this torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mmskin_hub.doctor.findings import Findings

NAME = "mmskin-hub"
FOR = {
    "build": "mmskin build from books, and of public datasets and mixtures",
    "train": "mmskin train, mmskin convert, mmskin merge",
    "eval": "mmskin eval, and mmskin release model",
    "demo": "mmskin demo: all that its steps need",
    "audit": "mmskin audit --embeddings",
    "ocr": "docTR as the engine for scans; without it RapidOCR reads them",
    "dev": "the tests",
}
"""What each extra is for, as docs/README.md has it."""


@dataclass(frozen=True, slots=True)
class Package:
    """An installed distribution: its version, and what it needs, parsed once."""

    name: str
    version: str
    needs: tuple[Requirement, ...]


@cache
def package(name: str) -> Package | None:
    """The installed distribution of this name; ``None`` where there is none."""
    try:
        return _read(metadata.distribution(name))
    except metadata.PackageNotFoundError:
        return None


def _read(dist: metadata.Distribution) -> Package:
    said = dist.metadata  # parsed anew at each access
    needs = said.get_all("Requires-Dist") or dist.requires or []
    return Package(said["Name"], said["Version"], tuple(Requirement(line) for line in needs))


def look_at_packages(told: Findings) -> dict[str, Any]:
    """``core`` and ``extras`` of the installed distribution, and ``editable``.

    Each part has ``installed`` (name: version), ``missing`` and ``wrong_version`` (as requirements), ``complete``; an
    extra also ``for`` and ``pip``, the command that installs it.
    """
    dist = _ours()
    if dist is None:
        told.broken(
            f"The metadata of {NAME} is not here, so nothing can be said about packages.",
            "Install it: pip install -e . in the checkout, or the wheel.",
        )
        return {"core": {}, "extras": {}, "editable": False}
    url, editable = _source(dist)
    ours = _read(dist)
    found: dict[str, Any] = {"core": _part(ours, ""), "extras": {}, "editable": editable}
    core = found["core"]
    for wanted in (*core["missing"], *core["wrong_version"]):
        told.broken(f"{NAME} needs {wanted}{_here(wanted)}.", f'pip install "{wanted}"')
    chosen = [""]
    for extra in dist.metadata.get_all("Provides-Extra") or []:
        part = {"for": FOR.get(extra, ""), **_part(ours, extra), "pip": _pip(extra, url, editable)}
        found["extras"][extra] = part
        if not part["missing"]:
            chosen.append(extra)
            for wanted in part["wrong_version"]:
                told.broken(f"The extra {extra} needs {wanted}{_here(wanted)}.", f'pip install "{wanted}"')
    _follow(ours, chosen, told)
    return found


def installed(name: str) -> str | None:
    """The version of a distribution; ``None`` where it is not installed."""
    found = package(canonicalize_name(name))
    return found.version if found else None


def _ours() -> metadata.Distribution | None:
    """Our distribution; a build's leftovers in the folder at hand (*.egg-info) count only where there is no other."""
    found = list(metadata.distributions(name=NAME))
    found.sort(key=lambda each: str(getattr(each, "_path", "")).endswith(".egg-info"))
    return found[0] if found else None


def _source(ours: metadata.Distribution) -> tuple[str, bool]:
    """Where it was installed from, without credentials, and whether it is used in place; "" for a package index."""
    said = json.loads(ours.read_text("direct_url.json") or "{}")  # PEP 610
    parts = urlsplit(said.get("url", ""))
    editable = bool(said.get("dir_info", {}).get("editable"))
    if parts.scheme == "file":
        return unquote(parts.path), editable
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(), editable


def _pip(extra: str, url: str, editable: bool) -> str:
    if editable:
        return f'pip install -e "{url}[{extra}]"'
    return f'pip install "{url}[{extra}]"' if url.startswith("/") else f'pip install "{NAME}[{extra}]"'


def _part(ours: Package, extra: str) -> dict[str, Any]:
    part: dict[str, Any] = {"installed": {}, "missing": [], "wrong_version": []}
    for wanted in {_plain(each): each for each in _requirements(ours, extra)}.values():
        version = installed(wanted.name)
        if version is None:
            part["missing"].append(_plain(wanted))
            continue
        part["installed"][wanted.name] = version
        if not wanted.specifier.contains(version, prereleases=True):
            part["wrong_version"].append(_plain(wanted))
    return {**part, "complete": not part["missing"] and not part["wrong_version"]}


def _requirements(dist: Package, extra: str) -> Iterator[Requirement]:
    """What ``dist`` needs on this machine for ``extra`` alone; for "" what it needs in any case.

    An extra that asks for others of the same distribution (``mmskin-hub[build,train]``) needs what they need.
    """
    for wanted in dist.needs:
        always = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        if extra and (always or not wanted.marker or not wanted.marker.evaluate({"extra": extra})):
            continue
        if extra and canonicalize_name(wanted.name) == canonicalize_name(dist.name):
            for other in sorted(wanted.extras - {extra}):
                yield from _requirements(dist, other)
        elif extra or always:
            yield wanted


def _plain(wanted: Requirement) -> str:
    return f"{wanted.name}{wanted.specifier}"


def _here(wanted: str) -> str:
    version = installed(Requirement(wanted).name)
    return f"; {version} is here" if version else ", which is not installed"


def _follow(ours: Package, extras: list[str], told: Findings) -> None:
    """Tell what the packages of ``extras``, and theirs in turn, need and do not find."""
    queue = [(wanted, NAME) for extra in extras for wanted in _requirements(ours, extra)]
    seen: set[str] = {canonicalize_name(NAME)}
    ours_by_name = {canonicalize_name(wanted.name) for wanted, _ in queue}
    while queue:
        wanted, by = queue.pop()
        dist = package(canonicalize_name(wanted.name))
        if dist is None:
            if by != NAME:
                told.broken(f"{by} needs {_plain(wanted)}, which is not installed.", f'pip install "{_plain(wanted)}"')
            continue
        if by != NAME and not wanted.specifier.contains(dist.version, prereleases=True):
            # A package that we ask for ourselves must not be moved out of our own range.
            mend = by if canonicalize_name(wanted.name) in ours_by_name else f"{_plain(wanted)}"
            told.broken(
                f"{by} {installed(by)} needs {_plain(wanted)}; {dist.version} is here.",
                f'pip install --upgrade "{mend}"',
            )
        for extra in ("", *wanted.extras):
            key = canonicalize_name(wanted.name) + (f"[{extra}]" if extra else "")
            if key not in seen:
                seen.add(key)
                queue += [(each, wanted.name) for each in _requirements(dist, extra)]
