"""The first look at every book: its fingerprint, its pages, and what the page step wants to know beforehand."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmskin_hub.engine.limits import is_fatal
from mmskin_hub.engine.work import WorkFolder, digest_of, read_json, write_json
from mmskin_hub.errors import UnreadableBook, describe, name_of
from mmskin_hub.schema import Rejected

if TYPE_CHECKING:
    from mmskin_hub.pdf import BookSurvey


@dataclass(frozen=True, slots=True)
class Surveyed:
    """All books after the survey: the readable ones by fingerprint, and a reject row for every other file.

    ``inputs`` is one record a file for ``build.json``: name, sha256, size in bytes, pages, and the reject reason.
    """

    books: tuple[BookSurvey, ...]
    rejects: tuple[Rejected, ...]
    inputs: tuple[dict[str, Any], ...]


def stamp(path: str) -> str:
    """Names the survey file of ``path``; another size or time of change makes another name, so none grows stale."""
    try:
        stat = Path(path).stat()
        state = [stat.st_size, stat.st_mtime_ns]
    except OSError:
        state = []
    return digest_of([str(Path(path).absolute()), *state])[:24]


def survey_one(folder: WorkFolder, path: str) -> None:
    """Survey one file into the work folder. Whatever is wrong with the book becomes its reject row."""
    target = folder.survey / f"{stamp(path)}.json"
    if target.exists():
        return
    write_json(target, _survey(path))


def _survey(path: str) -> dict[str, Any]:
    from mmskin_hub.pdf import survey_book

    try:
        return {"survey": asdict(survey_book(path))}
    except UnreadableBook as error:
        return _refusal(path, error.reason, " ".join(part for part in (error.what, error.remedy) if part))
    except PermissionError as error:
        return _refusal(path, "permission_denied", f"The file may not be read: {error.strerror}.")
    except Exception as error:  # one book that the parser cannot bear must not end the run
        if is_fatal(error):
            raise
        return _refusal(path, "unreadable", describe(error))


def refuse_crashed(folder: WorkFolder, path: str) -> None:
    """Write the reject row of a book whose survey took the worker process down."""
    detail = "The PDF parser crashed on this file."
    write_json(folder.survey / f"{stamp(path)}.json", _refusal(path, "unreadable", detail))


def _refusal(path: str, reason: str, detail: str) -> dict[str, Any]:
    fingerprint, size = "", 0
    try:
        if Path(path).is_file():  # not a pipe or a device, which would be waited for without end
            with Path(path).open("rb") as file:
                fingerprint = hashlib.file_digest(file, "sha256").hexdigest()
            size = Path(path).stat().st_size
    except OSError:
        detail = detail or "The file cannot be read."
    row = Rejected(fingerprint, name_of(path), "survey", reason, detail=detail.replace(path, name_of(path)))
    return {"reject": asdict(row), "size": size}


def collect(folder: WorkFolder, paths: Sequence[str], unlisted: Sequence[Rejected]) -> Surveyed:
    """Bring the surveys together, in the order of the fingerprints; copies of one book leave one and reject rows.

    ``unlisted`` are the reject rows of folders that could not be searched.
    """
    from mmskin_hub.pdf import BookSurvey

    copies: dict[str, list[BookSurvey]] = {}
    rejects = list(unlisted)
    inputs: list[dict[str, Any]] = []
    for path in paths:
        record = read_json(folder.survey / f"{stamp(path)}.json")
        if "reject" in record:
            fields = record["reject"]
            row = Rejected(**{**fields, "bbox": tuple(fields["bbox"])})
            rejects.append(row)
            inputs.append(
                {"name": row.book_name, "sha256": row.book, "size": record["size"], "pages": 0, "rejected": row.reason}
            )
        else:
            book = BookSurvey(**record["survey"])
            copies.setdefault(book.fingerprint, []).append(book)
    books = []
    for fingerprint in sorted(copies):
        first, *others = sorted(copies[fingerprint], key=lambda book: (book.name, book.path))
        books.append(first)
        inputs.append(_input(first))
        for other in others:
            detail = f"The same bytes as {first.name}."
            rejects.append(Rejected(fingerprint, other.name, "survey", "duplicate_book", detail=detail))
            inputs.append({**_input(other), "rejected": "duplicate_book"})
    rejects.sort(key=lambda row: (row.book, row.book_name, row.reason))
    inputs.sort(key=lambda record: (record["sha256"], record["name"], record.get("rejected", "")))
    return Surveyed(tuple(books), tuple(rejects), tuple(inputs))


def _input(book: BookSurvey) -> dict[str, Any]:
    return {"name": book.name, "sha256": book.fingerprint, "size": book.size, "pages": book.pages}
