"""Content-addressed files: what is stored once is never changed."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path


class Blobs:
    """Files below ``root``, named by the SHA-256 of their content."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._coming = root / "coming"
        self._coming.mkdir(parents=True, exist_ok=True)

    def path(self, sha256: str) -> Path:
        """Where the content of that digest is, or would be."""
        return self.root / sha256[:2] / sha256

    def put(self, pieces: Iterable[bytes], wanted: str = "") -> tuple[str, int]:
        """Store what ``pieces`` give; returns digest and size in bytes. ValueError where it is not ``wanted``."""
        coming = self._coming / uuid.uuid4().hex
        digest, size = hashlib.sha256(), 0
        try:
            with coming.open("wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
            found = digest.hexdigest()
            if wanted and found != wanted:
                raise ValueError(f"content has SHA-256 {found}, not {wanted}")
            place = self.path(found)
            place.parent.mkdir(exist_ok=True)
            coming.replace(place)
            return found, size
        finally:
            coming.unlink(missing_ok=True)

    def part(self, oid: str, number: int) -> Path:
        """Where part ``number`` (from 1) of an upload in parts waits."""
        return self._coming / f"{oid}.{number}"

    def pieces(self, paths: Iterable[Path], size: int = 1 << 20) -> Iterable[bytes]:
        """The content of ``paths``, one after the other."""
        for path in paths:
            with path.open("rb") as file:
                while piece := file.read(size):
                    yield piece


def git_oid(content: bytes) -> str:
    """The name git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """What git stores in place of an LFS file."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
