"""The raw data of a public dataset, the parts of a mixture, and the real builders that read them again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmskin_hub.errors import MmskinError, WrongUse
from mmskin_hub.hub.locator.differences import Difference, short
from mmskin_hub.hub.locator.read import Locator
from mmskin_hub.hub.locator.request import Request, Tell
from mmskin_hub.registry import DATASETS


def make_public(locator: Locator, request: Request, out: Path, tell: Tell) -> None:
    """Build a public dataset from ``request.raw`` into ``out``; missing pictures become differences, not errors."""
    from mmskin_hub.engine.public.build import Request as Public
    from mmskin_hub.engine.public.build import build

    options = locator.options
    if request.raw is None:
        raise WrongUse(f"{locator.name} is made from its raw data.", "Name the folder: --raw DIR")
    build(
        DATASETS[locator.dataset].load().SPEC,
        Public(
            raw=request.raw,
            out=out,
            version=locator.version,
            split=str(options.get("split")),
            allow_missing=True,
            max_side=int(options.get("max_side") or 0),
            threads=request.workers,
            overwrite=True,
        ),
        tell,
    )


def parts_of(locator: Locator, request: Request) -> tuple[dict[str, list[str]], list[Difference]]:
    """``--data`` and ``--against`` of a mixture, and which of its parts are missing or others.

    A part that stands on the Hub at a commit needs no naming. Files are compared by the SHA-256 their ``build.json``
    names. Raises :class:`WrongUse` where an argument names nothing, or a locator.
    """
    from mmskin_hub.engine.mixture.sources import open_data

    given: dict[str, list[str]] = {}
    wrong: list[Difference] = []
    for option, arguments, entries in (
        ("--data", request.data, locator.inputs),
        ("--against", request.against, list(locator.record.get("against") or ())),
    ):
        kept: list[str] = []
        opened = [(argument, open_data(argument, option)) for argument in arguments]
        for entry in entries:
            fits = [argument for argument, source in opened if _same_part(entry, source.facts)]
            named = [(argument, source) for argument, source in opened if source.name == entry.get("name")]
            if fits:
                kept.append(fits[0])
            elif named:
                wrong.append(_other_part(option, entry, named[0][0], named[0][1].facts))
            elif entry.get("kind") == "hub" and entry.get("repository") and entry.get("commit"):
                kept.append(f"{entry['name']}={entry['repository']}@{entry['commit']}")
            else:
                wrong.append(_no_part(option, entry))
        given[option] = kept
    return given, wrong


def _same_part(entry: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    if entry.get("kind") == "file":
        return bool(entry.get("sha256") == facts.get("sha256"))
    return bool(entry.get("files") and entry["files"] == facts.get("files"))


def _title(entry: Mapping[str, Any]) -> str:
    return f"{entry.get('name')} {entry.get('version') or entry.get('file') or ''}".strip()


def _no_part(option: str, entry: Mapping[str, Any]) -> Difference:
    text = f"{_title(entry)} is missing: say {option} {entry.get('name')}=PATH"
    return Difference("missing_part", f"{text}.", {"name": entry.get("name")})


def _other_part(option: str, entry: Mapping[str, Any], argument: str, facts: Mapping[str, Any]) -> Difference:
    was, now = entry.get("files") or {}, facts.get("files") or {}
    files = sorted(name for name in {*was, *now} if was.get(name) != now.get(name))
    text = f"{option} {argument} is not the {_title(entry)} it was made from"
    if entry.get("version") != facts.get("version"):
        text += f": it is version {facts.get('version') or 'unknown'}"
    elif files:
        text += f": {', '.join(files[:5])} {'differs' if len(files) == 1 else 'differ'}"
    return Difference("other_part", f"{text}.", {"name": entry.get("name"), "files": files})


def make_mixture(locator: Locator, request: Request, given: Mapping[str, Sequence[str]], out: Path, tell: Tell) -> None:
    """Build a mixture from the parts ``given`` into ``out``. Raises what the builder raises."""
    module = DATASETS[locator.dataset].load()
    options = locator.options
    module.build(
        module.Request(
            variant=str(options.get("variant")),
            data=tuple(given["--data"]),
            out=out,
            version=locator.version,
            mixture=_recipe(locator, request, module.RECIPE),
            against=tuple(given["--against"]),
            allow_leakage=bool(options.get("allow_leakage")),
            seed=int(options.get("seed") or 0),
            threads=request.workers,
            overwrite=True,
        ),
        tell,
    )


def _recipe(locator: Locator, request: Request, shipped: Path) -> Path | None:
    """The file of weights and caps whose SHA-256 the locator names; ``None`` for the shipped one."""
    wanted = str(locator.options.get("mixture_sha256"))
    file = request.mixture or shipped
    try:
        found = hashlib.sha256(file.read_text(encoding="utf-8").encode()).hexdigest()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"--mixture {file} cannot be read: {error}.", "Name a YAML file.") from error
    if found == wanted:
        return request.mixture
    name = locator.options.get("mixture")
    raise MmskinError(
        f"{locator.name} was made with weights and caps in {name} (SHA-256 {short(wanted)}), and "
        f"{file.name} {'given here' if request.mixture else 'of this version'} is another file.",
        f"Name that file with --mixture FILE{'' if request.mixture else ', or install the version it came with'}.",
    )
