"""F1 of the pairs, and how often modality, age and sex are right, over a folder with truth.jsonl.

    python -m benchmarks.pairs BOOKS_WITH_TRUTH --scorer score_pairs.py [--together]
    python -m benchmarks.pairs PAPERS_WITHOUT_SKIN --none

The dataset is built by the real command, opened with ``load_dataset``, and its rows handed to the scorer as JSON lines
with image, caption, modality (name), age (years) and sex. Each book is built by itself and the rows are scored
together: where one photograph stands in several books of a test folder, each time under another caption, a build of
all of them rightly keeps one and rejects the others, and the scorer counts those as missed. ``--together`` builds all
at once nevertheless, and says how many were rejected as duplicates.

``--none`` is for books that hold no pair at all: whatever is published then is wrong. ``--peer`` scores PyMuPDF's
layout model with the nearest caption instead.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import build, find_pdfs, number, parse, parser, report


def main() -> None:
    """Build, export, score, print."""
    made = parser(__doc__)
    made.add_argument("truth", type=Path, help="folder with PDF files and truth.jsonl")
    made.add_argument("--scorer", type=Path, help="the script that scores pairs against truth.jsonl")
    made.add_argument("--none", action="store_true", help="there is no truth: no pair may come out")
    made.add_argument("--together", action="store_true", help="one dataset of all books, duplicates rejected")
    made.add_argument("--peer", action="store_true", help="score the layout model with the nearest caption instead")
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--ocr", default="auto", help="passed on to the build (default: %(default)s)")
    made.add_argument("--show", type=int, default=0, metavar="N", help="print up to N wrong pairs")
    args = parse(made)
    if not args.none and not args.scorer:
        made.error("--scorer is needed, or --none")
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(args, Path(folder))
    report(args, "pairs", {"folder": args.truth.name, **figures}, [row(args, figures)])


def measure(args: Any, folder: Path) -> dict[str, Any]:
    """Everything that is measured over one folder of books."""
    books = find_pdfs([args.truth])
    if args.peer:
        from benchmarks import peer

        peer.load()
        return score(args, peer.write_pairs(books, folder))
    rejects: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for n, batch in enumerate([books] if args.together or args.none else [[book] for book in books]):
        out = folder / f"out-{n}"
        record = build(batch, out, args.workers, "--ocr", args.ocr, may_be_empty=True)
        rejects.update(record.get("counts", {}).get("rejects", {}))
        if out.exists():
            rows += export(out, folder, n)
    about = {"together": bool(args.together), "pairs": len(rows), "rejects": dict(rejects)}
    if args.none:
        return about
    target = folder / "pairs.jsonl"
    target.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {**score(args, target), **about}


def export(dataset: Path, folder: Path, batch: int) -> Iterator[dict[str, Any]]:
    """The rows of every split as the scorer reads them; the pictures of build ``batch`` are written into ``folder``."""
    from datasets import Image, disable_progress_bars, load_dataset

    disable_progress_bars()
    splits = load_dataset(str(dataset), "captions", cache_dir=str(folder / "cache"))
    for name, split in splits.items():
        modality = split.features["modality"]
        for n, row in enumerate(split.cast_column("image", Image(decode=False))):
            picture = f"{batch}-{name}-{n}.img"
            (folder / picture).write_bytes(row["image"]["bytes"])
            yield {
                "image": picture,
                "caption": row["caption"],
                "modality": modality.int2str(row["modality"]),
                "age": row["age_years"],
                "sex": row["sex"],
            }


def score(args: Any, pairs: Path) -> dict[str, Any]:
    """What the scorer says, with F1 for each style beside it."""
    command = [sys.executable, str(args.scorer), str(args.truth), str(pairs), "--json", "--show", str(args.show)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(done.stderr, end="", file=sys.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    for style in result["styles"].values():
        style["f1"] = number(2 * style["right"] / max(1, style["n"] + style["pred"]), 4)
    for name in ("recall", "precision", "f1", "modality", "age", "sex"):
        if name in result:
            result[name] = number(result[name], 4)
    return result


def row(args: Any, found: dict[str, Any]) -> tuple[str, str, str, str]:
    """The line for the table."""
    if args.none:
        return f"pairs from {args.truth.name}", "0", str(found["pairs"]), "build through the CLI"
    styles = ", ".join(f"{name} {style['f1']:.3f}" for name, style in found["styles"].items())
    dropped = f"dropped {found['dropped']} of {found['should_drop']}"
    right = ", ".join(f"{name} {found[name]:.3f}" for name in ("modality", "age", "sex") if name in found)
    what = "peer: F1 of pairs" if args.peer else "F1 of pairs"
    if args.together:
        twins = sum(found["rejects"].get(name, 0) for name in ("duplicate", "near_duplicate"))
        dropped += f"; {twins} duplicates rejected"
    how = ", one build" if args.together else ""
    return f"{what}, {args.truth.name}{how}", "", f"{found['f1']:.3f}", f"{styles}; {dropped}; {right}"


if __name__ == "__main__":
    main()
