"""What ``--data NAME=…`` and ``--against …`` may name, and what of it is looked at before anything is read.

======================================  =======================================================================
``ham10000=data/ham10000``              a folder that mmskin built: Parquet files and a ``build.json``
``ham10000=owner/repo@v1.0.0``          such a folder on the Hub, at a revision
``mm_skin=train.json:images``           a LLaVA-style JSON file (or JSON lines), and the folder of its pictures
``mm_skin=VQA.csv:images``              a CSV of the original release: image with question and answer, with caption,
                                        or with categories
======================================  =======================================================================
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.names import space_of
from mmskin_hub.engine.publish import file_digests, refuse_locator
from mmskin_hub.engine.repository import fetched, repository_of
from mmskin_hub.engine.work import read_json
from mmskin_hub.errors import WrongUse
from mmskin_hub.schema import SPLITS

TABLES = (".csv", ".tsv", ".json", ".jsonl")
TEXTBOOKS = "textbook content, not redistributable"

_SPLIT_WORDS = {"test": "test", "val": "validation", "valid": "validation", "validation": "validation"}


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a source: a Parquet file of ``config``, or, where that is "", a table beside a folder of pictures.

    ``split`` is that of all its rows, unless a row has a split of its own. A table without ``images`` is a list of
    ids (only ``--against`` may be one). All rows of a table that ``guards`` count as test rows.
    """

    source: str
    config: str
    split: str
    file: Path
    images: Path | None = None
    licence: str = ""
    guards: bool = False

    @property
    def name(self) -> str:
        """The file's name as reject rows give it: without the folders of this machine."""
        return f"{self.config}/{self.file.name}" if self.config else self.file.name


@dataclass(frozen=True, slots=True)
class Source:
    """One dataset under the name the recipe has for it; ``facts`` go into ``build.json`` as they are."""

    name: str
    parts: tuple[Part, ...]
    facts: Mapping[str, Any]
    version: str | None = None

    def path(self) -> Path:
        """The first of its files, which no other source has."""
        return self.parts[0].file

    def paths(self) -> list[Path]:
        """The places on this disk that are read."""
        return [path for part in self.parts for path in (part.file, part.images) if path is not None]


def open_data(argument: str, option: str = "--data") -> Source:
    """The source that ``argument`` names, with its files; nothing but a ``build.json`` is read.

    Raises :class:`WrongUse` where it names nothing that can be read, or a dataset of another name than it says.
    """
    name, equals, place = argument.partition("=")
    if not equals and option == "--against":
        name, place = "", argument
    elif not equals or not name or not place:
        example = name if equals and name else "ham10000"
        raise WrongUse(
            f"{option} {argument!r} is not of the form NAME=PATH.", f"For example: {option} {example}=data/{example}"
        )
    path = Path(place).expanduser()
    if path.is_dir():
        return _folder(name, path, {"kind": "folder"})
    file, images = _file_and_images(place)
    if file.is_file():
        return _release_file(name, file, images, option)
    if found := repository_of(place):
        repo, revision = found
        folder = fetched(repo, revision, f"{option} {argument}")
        facts = {"kind": "hub", "repository": repo, "revision": revision, "commit": folder.name}
        return _folder(name, folder, facts)
    raise WrongUse(
        f"{option} {argument}: there is no folder, file or Hub repository {place!r}.", _builds(name, "Name another.")
    )


def _builds(name: str, otherwise: str) -> str:
    return f"Build it with: {build_command(name)}" if name else otherwise


def build_command(name: str, version: str | None = None) -> str:
    """The command that builds the dataset ``name``."""
    what = "BOOKS" if name == "mm_skin" else "--raw DIR"
    return f"mmskin build {name} {what} --out data/{name}" + (f" --version {version}" if version else "")


def _file_and_images(place: str) -> tuple[Path, Path | None]:
    """``FILE:IMAGES`` taken apart at the last colon; a path may hold colons of its own."""
    whole = Path(place).expanduser()
    if whole.exists() or ":" not in place:
        return whole, None
    file, _, images = place.rpartition(":")
    return Path(file).expanduser(), Path(images).expanduser()


def _folder(name: str, folder: Path, facts: dict[str, Any]) -> Source:
    try:
        record = read_json(folder / "build.json")
        dataset, version = str(record["dataset"]), str(record["version"])
    except FileNotFoundError:
        raise WrongUse(
            f"{folder} holds no build.json: mmskin did not build it.", _builds(name, "Name a built folder.")
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WrongUse(
            f"{folder / 'build.json'} cannot be read: {error!r}.", _builds(name, "Build it again.")
        ) from None
    name = name or dataset
    if dataset != name and space_of(dataset) != name:
        raise WrongUse(
            f"{folder} holds {dataset} {version}, not {name}.",
            f"Say {dataset}={folder}, or build it with: {build_command(name)}",
        )
    refuse_locator(folder)
    licence = TEXTBOOKS if space_of(name) == "mm_skin" else str(record.get("licence") or "")
    parts = tuple(_parts(name, folder, licence))
    if not parts:
        raise WrongUse(f"{folder} holds no Parquet file of a split.", _builds(name, "Build it again."))
    digests = record.get("files") or file_digests(folder)
    facts = {
        **facts,
        "dataset": dataset,
        "version": version,
        "files": {k: digests[k]["sha256"] for k in sorted(digests)},
    }
    return Source(name, parts, facts, version)


def _parts(name: str, folder: Path, licence: str) -> list[Part]:
    found = []
    for file in sorted(folder.rglob("*.parquet")):
        inside = file.relative_to(folder)
        split = re.split(r"[-.]", file.name)[0]
        if split not in SPLITS or any(part.startswith(".") for part in inside.parts):
            continue
        config = inside.parent.as_posix()
        found.append(Part(name, "default" if config in (".", "data") else config, split, file, None, licence))
    return found


def _release_file(name: str, file: Path, images: Path | None, option: str) -> Source:
    if not name:
        raise WrongUse(
            f"{option} {file} does not say whose rows these are.", f"Say {option} NAME={file}, NAME a dataset."
        )
    if file.suffix.lower() not in TABLES:
        raise WrongUse(f"{file} is not a table: {', '.join(TABLES)}.", "Name a folder that mmskin built, or a table.")
    folder = images or (file.parent if option == "--data" else None)
    if folder and not folder.is_dir():
        raise WrongUse(f"The folder of pictures {folder} is not there.", f"Say {option} {name}={file}:IMAGES")
    licence = TEXTBOOKS if space_of(name) == "mm_skin" else ""
    part = Part(name, "", split_of(file.stem), file, folder, licence, option == "--against")
    try:
        with file.open("rb") as table:
            digest = hashlib.file_digest(table, "sha256").hexdigest()
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}.", "Name another file.") from error
    return Source(name, (part,), {"kind": "file", "file": file.name, "sha256": digest})


def split_of(stem: str) -> str:
    """The split a file's name ends in ("MM-Skin_test" is test, "Patch16_2class_val" validation), otherwise train."""
    return _SPLIT_WORDS.get(re.split(r"[-_. ]", stem.casefold())[-1], "train")
