"""The output folder: what may be replaced, and how a new dataset takes its place in one move.

A dataset is put together in a sibling folder and renamed into place, so ``--out`` holds a whole dataset or none. A
folder is ours if it holds a ``build.json`` that names a dataset and a version.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmskin_hub.engine.locks import alone_in, lock
from mmskin_hub.engine.work import read_json
from mmskin_hub.errors import MmskinError, OutputExists, WrongUse

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def check_version(version: str) -> str:
    """Return ``version`` if it has the form X.Y.Z (plain numbers); raises :class:`WrongUse` otherwise."""
    if not _VERSION.fullmatch(version):
        raise WrongUse(f"--version {version!r} is not of the form X.Y.Z.", "For example: --version 1.0.0")
    return version


def check_out(out: Path, dataset: str, version: str, overwrite: bool) -> None:
    """Raise :class:`OutputExists` where ``out`` holds anything but this version of this dataset, or nothing."""
    try:
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise OutputExists(f"--out {out} is not a plain folder.", "Name another folder.")
        _check_parent(out)
        if not out.exists() or overwrite or not any(out.iterdir()):
            return
    except OSError as error:
        raise WrongUse(f"--out {out} cannot be used: {error.strerror}.", "Name another folder.") from error
    found = _held(out)
    if found is None:
        raise OutputExists(
            f"--out {out} holds files that are no dataset of ours.",
            "Name an empty folder, or say --overwrite to have everything in it replaced.",
        )
    if found != (dataset, version):
        raise OutputExists(
            f"--out {out} holds {found[0]} {found[1]}, not {dataset} {version}.",
            "Name another folder, or say --overwrite to replace it.",
        )


def _check_parent(out: Path) -> None:
    """Find out before the books are read, not after, whether ``out`` can be made or replaced."""
    parent = next(folder for folder in (*out.parents, out) if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        what = "may not be written to" if parent.is_dir() else "is not a folder"
        raise WrongUse(f"--out {out} cannot be made: {parent} {what}.", "Name another folder.")


def _held(out: Path) -> tuple[str, str] | None:
    try:
        record = read_json(out / "build.json")
        return str(record["dataset"]), str(record["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def refuse_locator(folder: Path) -> None:
    """Raise :class:`WrongUse` where ``folder`` holds a locator release, which has neither pictures nor sentences."""
    try:
        record = read_json(folder / "build.json")
        locator = record.get("form") == "locator"
    except (OSError, ValueError, AttributeError):
        return
    if locator:
        raise WrongUse(
            f"{folder} holds a locator of {record.get('dataset')} {record.get('version')}: neither pictures nor "
            "sentences.",
            "Make the dataset from your own books or raw data: mmskin rematerialize",
        )


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``out`` that takes its place on success, and is removed otherwise.

    Two renames stand between the old and the new dataset; a kill right between them leaves the old one whole, under
    ``<out>.old``, from where the next call puts it back. Raises :class:`MmskinError` where another run is at it.
    """
    stage, old = out.with_name(f"{out.name}.tmp"), out.with_name(f"{out.name}.old")
    with _claimed(stage, out):
        with alone_in(out.parent):
            if old.exists():
                if out.exists():
                    shutil.rmtree(old)
                else:
                    old.rename(out)
        try:
            yield stage
            _flush(stage)
            # Once the stage is renamed the next run may begin, and it looks for what is old.
            with alone_in(out.parent):
                if out.exists():
                    out.rename(old)
                stage.rename(out)
                shutil.rmtree(old, ignore_errors=True)
        except BaseException:
            shutil.rmtree(stage, ignore_errors=True)
            raise


@contextmanager
def _claimed(stage: Path, out: Path) -> Iterator[None]:
    """Hold the folder ``stage``, made and emptied, against other runs."""
    while True:
        try:
            stage.mkdir(parents=True, exist_ok=True)
            handle = os.open(stage, os.O_RDONLY)
        except (FileExistsError, FileNotFoundError):
            if stage.is_file():
                raise
            continue  # it went as we came
        try:
            if not lock(handle):
                raise MmskinError(f"Another run is writing {out}.", "Wait for it to end, or name another folder.")
            if not (stage.exists() and os.path.samestat(stage.stat(), os.fstat(handle))):
                continue  # whoever held it has just renamed or removed it
            for path in stage.iterdir():  # left by a run that was killed
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
            yield
            return
        finally:
            os.close(handle)


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """SHA-256 (64 hex digits) of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_digests(folder: Path) -> dict[str, dict[str, Any]]:
    """SHA-256 and size in bytes of every Parquet file below ``folder``, by its path relative to it."""
    records: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.parquet")):
        records[path.relative_to(folder).as_posix()] = {"sha256": sha256_of(path), "size": path.stat().st_size}
    return records


def digest_of(folder: Path, paths: Iterable[Path]) -> str:
    """SHA-256 over the names of ``paths`` below ``folder`` and their SHA-256: a change of any byte changes it."""
    return digest_of_sums((path.relative_to(folder).as_posix(), sha256_of(path)) for path in paths)


def digest_of_sums(sums: Iterable[tuple[str, str]]) -> str:
    """:func:`digest_of` files whose names and SHA-256 are known, in their order."""
    whole = hashlib.sha256()
    for name, digest in sums:
        whole.update(f"{name} {digest}\n".encode())
    return whole.hexdigest()
