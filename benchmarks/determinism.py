"""Two builds, with 1 and with 4 workers: the SHA-256 of every Parquet file, compared.

    python -m benchmarks.determinism BOOKS

The second build is also given the books in reverse order and under other file system paths, as neither may matter.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.common import build, find_pdfs, parse, parser, report


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 (hexadecimal) of every Parquet file below ``folder``, by its path there."""
    found = {}
    for path in sorted(folder.rglob("*.parquet")):
        found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def main() -> None:
    """Build twice and compare."""
    made = parser(__doc__)
    made.add_argument("books", nargs="+", type=Path, help="PDF files or folders of them")
    made.add_argument("--workers", type=int, nargs=2, default=(1, 4), metavar="N", help="default: 1 4")
    args = parse(made)
    books = find_pdfs(args.books)
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        build(books, first, args.workers[0])
        elsewhere = Path(folder, "the books, elsewhere")
        elsewhere.mkdir()
        copies = [Path(shutil.copy(path, elsewhere / path.name)) for path in reversed(books)]
        build(copies, second, args.workers[1])
        one, other = digests(first), digests(second)
    differ = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    figures: dict[str, Any] = {
        "books": [path.name for path in books],
        "workers": list(args.workers),
        "differ": differ,
        "files": one,
    }
    outcome = f"{len(differ)} differ: {', '.join(differ)}" if differ else f"all {len(one)} identical"
    how = f"{args.workers[0]} and {args.workers[1]} workers, {len(books)} books"
    report(args, "determinism", figures, [("SHA-256 of every Parquet file, two builds", "identical", outcome, how)])
    if differ or not one:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
