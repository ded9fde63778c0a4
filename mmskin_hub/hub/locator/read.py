"""A locator as it is read: from a folder or from the Hub, and never believed further than its own files bear out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmskin_hub.engine.publish import check_version, file_digests
from mmskin_hub.engine.repository import PATTERNS, fetched, repository_of
from mmskin_hub.engine.work import read_rows
from mmskin_hub.errors import WrongUse
from mmskin_hub.hub.locator.make import FORM
from mmskin_hub.hub.locator.rows import REJECTS
from mmskin_hub.hub.subject import read_record
from mmskin_hub.registry import DATASETS

_SHA = re.compile(r"[0-9a-f]{64}")
_INSIDE = re.compile(r"(?:[A-Za-z0-9_][\w.-]*/)?[A-Za-z0-9_][\w.-]*\.parquet")
_PAGE = re.compile(r"-p(\d+)-")


@dataclass(frozen=True, slots=True)
class Locator:
    """An opened locator. ``kind`` says what its dataset is built from: "books", "public" or "mixture"."""

    place: str
    folder: Path
    record: Mapping[str, Any]
    kind: str

    @property
    def dataset(self) -> str:
        """The name of the dataset, as the registry has it."""
        return str(self.record["dataset"])

    @property
    def version(self) -> str:
        """The version of the dataset, X.Y.Z."""
        return str(self.record["version"])

    @property
    def name(self) -> str:
        """The dataset and its version, for sentences."""
        return f"{self.dataset} {self.version}"

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the build."""
        found: Mapping[str, Any] = self.record.get("options") or {}
        return found

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of every Parquet file of the dataset itself, by its path."""
        return {name: str(file["sha256"]) for name, file in self.record["full"]["files"].items()}

    @property
    def inputs(self) -> list[Mapping[str, Any]]:
        """What the dataset was built from."""
        return list(self.record.get("inputs") or ())

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every published row as the locator has it; ``table`` is the folder of its file."""
        for name in sorted(self.record["files"]):
            table, slash, _ = name.rpartition("/")
            if slash:
                for row in read_rows(self.folder / name, batch=1000):
                    yield {**row, "table": table}

    def rejects(self) -> list[dict[str, Any]]:
        """The reject rows as the locator has them."""
        path = self.folder / REJECTS
        return list(read_rows(path, batch=1000)) if path.exists() else []


def page_of(row: Mapping[str, Any]) -> int:
    """The page (1-based) that a row of a book is found on; 0 where it says nothing of one."""
    if row.get("page") is not None:
        return int(row["page"])
    found = _PAGE.search(str(row.get("caption_id") or row.get("id") or ""))
    return int(found[1]) if found else 0


def open_locator(place: str) -> Locator:
    """The locator in the folder ``place``, or in the repository ``owner/name@revision`` that it names.

    Raises :class:`WrongUse` where there is none, where ``place`` holds the dataset itself, or where the files are not
    those that its ``build.json`` names; :class:`mmskin_hub.errors.MmskinError` where the Hub does not give it.
    """
    folder = Path(place).expanduser()
    if not folder.is_dir():
        found = repository_of(place)
        if found is None:
            raise WrongUse(
                f"There is no folder {place!r}, nor is it the name of a repository.",
                "Say a folder, or owner/name@vX.Y.Z.",
            )
        folder = fetched(*found, wanted_as=place, patterns=PATTERNS)
    record = read_record(folder, "dataset")
    if record.get("form") != FORM:
        raise WrongUse(
            f"{place} is no locator: it holds {record.get('dataset')!r} itself." if record.get("files") else
            f"{place} is no locator release.",
            f"Nothing needs to be made again: load_dataset({place.partition('@')[0]!r}) reads it.",
        )  # fmt: skip
    _check(place, folder, record)
    return Locator(place, folder, record, DATASETS[str(record["dataset"])].source)


def _check(place: str, folder: Path, record: Mapping[str, Any]) -> None:
    """Refuse a locator that says what a locator of ours cannot say, or whose files were changed."""
    remedy = "Download it again, at a tag of its repository."
    if record.get("dataset") not in DATASETS:
        raise WrongUse(
            f"{place}: build.json names the dataset {record.get('dataset')!r}, which this version does not know.",
            "Install the version of mmskin-hub that it was made with: "
            f"{(record.get('tools') or {}).get('mmskin-hub') or 'see its card'}.",
        )
    try:
        check_version(str(record.get("version")))
        whole = {str(name): str(file["sha256"]) for name, file in record["full"]["files"].items()}
        own = {str(name): str(file["sha256"]) for name, file in record["files"].items()}
        inputs = [dict(entry) for entry in record.get("inputs") or ()]
        dict(record.get("options") or {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WrongUse(f"{place}: build.json is not that of a locator ({error!r}).", remedy) from None
    odd = [name for name, sha in {**whole, **own}.items() if not _INSIDE.fullmatch(name) or not _SHA.fullmatch(sha)]
    if odd or not whole or not all(isinstance(entry.get("sha256", ""), str) for entry in inputs):
        what = f"the file {odd[0]!r}" if odd else "no file that could be verified"
        raise WrongUse(f"{place}: build.json names {what}; it is not that of a locator.", remedy)
    # Files of somebody else may stand in the same repository; they are not ours to judge, nor to read.
    here = {name: file["sha256"] for name, file in file_digests(folder).items()}
    changed = sorted(name for name in own if here.get(name) != own[name])
    if changed:
        what = f"{place}: {', '.join(changed[:5])} is not what its build.json names: the locator was changed."
        raise WrongUse(what, remedy)
