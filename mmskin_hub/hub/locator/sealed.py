"""A record that only the dataset itself opens.

A locator must not tell how its maker's files are called, and whoever makes the dataset again from their own books must
get the same bytes, ``rejects.parquet`` with those names among them. So the record travels *sealed*: its key is a digest
of the published Parquet files themselves (not of their SHA-256, which the locator states), and whoever has these files
byte for byte, and nobody else, has it.

The form is that of a synthetic initialisation vector (Rogaway and Shrimpton 2006): the tag is HMAC-SHA256 of the text,
and the text is added to a stream of HMAC-SHA256 blocks that the tag starts, so that the same key never covers two texts
with one stream, and the same text gives the same bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

_PREFIX = b"mmskin-hub sealed record 1\0"
_TAG = 32
_CHUNK = 1 << 20


def key_of(folder: Path, names: Iterable[str]) -> bytes:
    """The key, 32 bytes, that the files ``names`` below ``folder`` give. Raises ``OSError`` where one is not there."""
    whole = hashlib.sha256(_PREFIX)
    for name in sorted(names):
        path = folder / name
        whole.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while part := file.read(_CHUNK):
                whole.update(part)
    return whole.digest()


def seal(text: str, key: bytes) -> str:
    """``text`` sealed with ``key``, as hexadecimal digits: nothing in them looks like a path or a key to a scanner."""
    plain = text.encode()
    tag = hmac.digest(key, b"tag" + plain, "sha256")
    return (tag + _stream(plain, key, tag)).hex()


def unseal(sealed: str, key: bytes) -> str:
    """The text that :func:`seal` sealed; raises ``ValueError`` where ``key`` is another or ``sealed`` was changed."""
    data = bytes.fromhex(sealed)
    tag = data[:_TAG]
    plain = _stream(data[_TAG:], key, tag)
    if not hmac.compare_digest(tag, hmac.digest(key, b"tag" + plain, "sha256")):
        raise ValueError("The sealed record does not open with this key.")
    return plain.decode()


def _stream(data: bytes, key: bytes, tag: bytes) -> bytes:
    """``data`` plus the stream that ``tag`` starts; a second time, it is ``data`` again."""
    own = hmac.digest(key, b"stream" + tag, "sha256")
    blocks = b"".join(
        hmac.digest(own, number.to_bytes(8, "big"), "sha256") for number in range((len(data) + _TAG - 1) // _TAG)
    )
    return (int.from_bytes(data, "big") ^ int.from_bytes(blocks[: len(data)], "big")).to_bytes(len(data), "big")
