"""Finds the Parquet files of one split: in a folder that ``mmskin build`` wrote, or on the Hub, pinned by revision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmskin_hub.engine.publish import digest_of, refuse_locator
from mmskin_hub.engine.repository import fetched, repository_of
from mmskin_hub.errors import WrongUse

_NAME = re.compile(r"[A-Za-z0-9_]+=")


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a split in their order; ``where`` as the user said it; ``revision``: see ``Benchmark``."""

    where: str
    revision: str
    paths: tuple[Path, ...]


def parse_where(text: str | Iterable[str]) -> dict[str, str]:
    """``"ham10000=PATH,ddi=owner/name@revision"``, or several such, as a mapping of dataset to place.

    A comma parts two entries only where a name and "=" follow it, so a path may hold commas. Raises
    :class:`WrongUse` where an entry is not NAME=PLACE.
    """
    where: dict[str, str] = {}
    for given in [text] if isinstance(text, str) else text:
        for entry in re.split(rf",(?={_NAME.pattern})", given):
            name, equals, place = entry.strip().partition("=")
            if not entry.strip():
                continue
            if not equals or not place or not _NAME.fullmatch(f"{name}="):
                raise WrongUse(
                    f"{entry.strip()!r} names no dataset.", "Say NAME=PATH, for example ham10000=data/ham10000"
                )
            where[name] = place
    return where


def locate(dataset: str, config: str, where: Mapping[str, str], split: str) -> Files:
    """The files of ``split`` of ``dataset``, downloaded if they are on the Hub and not in its cache.

    Raises :class:`WrongUse` where ``where`` does not say, or there is no such folder, repository or split, and
    :class:`MmskinError` where the Hub cannot be reached.
    """
    place = where.get(dataset)
    if not place:
        raise WrongUse(
            f"Nothing says where {dataset} is.",
            f"Say --data {dataset}=PATH (mmskin build {dataset} makes it) or {dataset}=OWNER/NAME@REVISION; "
            f"for lm_eval: MMSKIN_DATA={dataset}=PATH",
        )
    said = f"{dataset}={place}"
    folder = Path(place).expanduser()
    if folder.is_dir():
        refuse_locator(folder)
        paths = _split_files(folder, config, split)
        if not paths:
            raise WrongUse(
                f"{said}: the folder has no Parquet files of {split}{_of(config)}.", f"Build it: mmskin build {dataset}"
            )
        return Files(said, digest_of(folder, paths), paths)
    repo, revision = repository_of(place) or ("", None)
    if not revision:  # without one, a folder that is spelled wrongly would be looked for on the Hub
        raise WrongUse(
            f"{said}: there is no such folder.",
            f"Build it: mmskin build {dataset}, or say {dataset}=OWNER/NAME@REVISION for a repository on the Hub",
        )
    snapshot = fetched(repo, revision, said, ["build.json", f"{_folder_of(config)}/{split}-*.parquet"])
    refuse_locator(snapshot)
    paths = _split_files(snapshot, config, split)
    if not paths:
        raise WrongUse(f"{said}: the repository has no Parquet files of {split}{_of(config)}.", "Name another.")
    return Files(said, snapshot.name, paths)


def _of(config: str) -> str:
    return "" if config == "default" else f" of {config}"


def _folder_of(config: str) -> str:
    return "data" if config == "default" else config


def _split_files(folder: Path, config: str, split: str) -> tuple[Path, ...]:
    return tuple(sorted((folder / _folder_of(config)).glob(f"{split}-*.parquet")))
