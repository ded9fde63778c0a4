"""The questions the rules write: how many, how varied, how even; what they cost on disk; how fast they are written.

    python -m benchmarks.questions BOOKS [--captions 10000] [--release MM-Skin_test.csv]

* **The books** are built once through the CLI. Over the published questions: how many a picture; the share of yes among
  the closed ones answered yes or no; how many question types; the share of the most frequent wording. A wording is told
  by masking what the caption supplied: the words of the question that stand in the row of ``wordings/`` it fits.
* **Storage**: the Parquet files of ``open_vqa`` against a plain writing of the same rows, in which each question
  carries its picture, and against ``captions``; and the Arrow cache ``load_dataset`` makes of it.
* **Speed**: ``--captions`` captions, each unlike the others (those of the books with diseases and sites exchanged),
  through facts, rules and checks, in one process.
* **The checks** over the original release's test file (``--release``): what share of it each reason refuses, and
  precision and recall for "not answerable from the picture" on the 200 rows labelled by hand in
  ``tests/derive/vqa/mm_skin_test_labels.csv``.
"""

from __future__ import annotations

import csv
import itertools
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import build, find_pdfs, number, parse, parser, report

LABELS = Path(__file__).parents[1] / "tests" / "derive" / "vqa" / "mm_skin_test_labels.csv"


def published(dataset: Path) -> list[dict[str, Any]]:
    """The rows of ``open_vqa`` without their pictures."""
    import pyarrow.parquet as pq

    columns = ["question", "answer", "question_type", "closed", "caption_id", "modality"]
    files = sorted((dataset / "open_vqa").glob("*.parquet"))
    return [row for file in files for row in pq.read_table(file, columns=columns).to_pylist()]


def wording_of(question: str, patterns: list[tuple[str, re.Pattern[str]]]) -> str:
    """The wording ``question`` was made of: the longest that fits."""
    fitting = [wording for wording, pattern in patterns if pattern.fullmatch(question)]
    return max(fitting, key=lambda wording: len(re.sub(r"\{\w+\}", "", wording)), default=question)


def variety(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Questions a picture, yes among yes and no, types, and the most frequent wording."""
    from mmskin_hub.derive.vqa.questions import wordings

    known = {wording.question for group in wordings().values() for wording in group}
    patterns = []
    for wording in sorted(known):
        pieces = re.split(r"\{\w+\}", wording)
        patterns.append((wording, re.compile(".+".join(map(re.escape, pieces)), re.IGNORECASE)))
    used = Counter(wording_of(row["question"], patterns) for row in rows)
    answers = Counter(row["answer"].split(",")[0].rstrip(".").lower() for row in rows if row["closed"])
    wording, most = used.most_common(1)[0]
    return {
        "questions": len(rows),
        "pictures": len({row["caption_id"] for row in rows}),
        "a_picture": number(len(rows) / len({row["caption_id"] for row in rows})),
        "yes_share": number(answers["yes"] / (answers["yes"] + answers["no"])),
        "types": len({row["question_type"] for row in rows}),
        "wordings": len(used),
        "most_frequent_wording": wording,
        "most_frequent_share": number(most / len(rows)),
    }


def storage(dataset: Path, folder: Path) -> dict[str, float]:
    """MB on disk: as published, written plainly, the captions, and the Arrow caches of the first two."""
    from datasets import load_dataset

    files = {"train": str(dataset / "open_vqa" / "*.parquet")}
    cached = load_dataset("parquet", data_files=files, split="train", cache_dir=str(folder / "cache"))
    cached.to_parquet(str(folder / "plain.parquet"))
    return {
        "open_vqa_mb": megabytes(dataset / "open_vqa"),
        "plain_mb": megabytes(folder / "plain.parquet"),
        "captions_mb": megabytes(dataset / "captions"),
        "arrow_cache_mb": megabytes(folder / "cache"),
    }


def megabytes(path: Path) -> float:
    """The size of a file, or of all files below a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return number(sum(file.stat().st_size for file in files) / 1e6, 4)


def drawn_captions(dataset: Path, count: int) -> Iterator[Any]:
    """``count`` captions like those of the dataset, no two alike: sites, ages and colours of one put into another."""
    import pyarrow.parquet as pq

    from mmskin_hub.curate.demographics import read_demographics
    from mmskin_hub.derive.vqa.vocabulary import vocabulary
    from mmskin_hub.schema import MODALITIES, Asked

    tables = [pq.read_table(file, columns=["caption", "modality"]) for file in (dataset / "captions").glob("*.parquet")]
    rows = [row for table in tables for row in table.to_pylist()]
    lot = random.Random(0)
    sites = [term.name for term in vocabulary().of_kind("site")]
    diseases = [term.name for term in vocabulary().of_kind("diagnosis")]
    seen: set[str] = set()
    for row in itertools.cycle(rows):
        if len(seen) == count:
            return
        caption = re.sub(r"\bon the [a-z ]+?(?= of an?\b|[.,(]|$)", f"on the {lot.choice(sites)}", row["caption"])
        caption = f"{lot.choice(diseases).capitalize()}. {caption.partition('. ')[2] or caption}"
        if caption in seen:
            continue
        person = read_demographics(caption)
        yield Asked(f"c{len(seen):06d}", caption, MODALITIES[row["modality"]], person.age_years, person.sex)
        seen.add(caption)


def speed(dataset: Path, count: int) -> dict[str, float]:
    """Captions a second of one process, the vocabulary loaded; the best of three."""
    from mmskin_hub.derive.vqa import write_by_rules

    captions = list(drawn_captions(dataset, count))
    best, written, refused = 0.0, 0, 0
    for _ in range(3):
        began = time.process_time()
        written = refused = 0
        for one in write_by_rules((asked, 0) for asked in captions):
            written, refused = written + len(one.kept), refused + len(one.refused)
        best = max(best, count / (time.process_time() - began))
    return {"captions": count, "captions_a_second": number(best), "written": written, "refused": refused}


def release(path: Path) -> dict[str, Any]:
    """What the checks say of the original release's test file, and how right they are on the labelled rows."""
    from mmskin_hub.derive.vqa.checks import check_alone

    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with LABELS.open(encoding="utf-8", newline="") as file:
        labels = {int(row["row"]): row["answerable"] == "no" for row in csv.DictReader(file)}
    reasons = [check_alone(row["question"], row["answer"]).reason for row in rows]
    told = {n: reasons[n] in ("not_answerable", "mentions_text") for n in labels}
    right = sum(told[n] and labels[n] for n in labels)
    return {
        "rows": len(rows),
        "refused": {name: number(times / len(rows)) for name, times in Counter(reasons).most_common() if name},
        "labelled": len(labels),
        "precision": number(right / sum(told.values())),
        "recall": number(right / sum(labels.values())),
    }


def rows(figures: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The lines for the table."""
    found, disk, fast = figures["variety"], figures["storage"], figures["speed"]
    made = [
        ("questions a picture", "≥ 2.5", f"{found['a_picture']:g}", f"{found['questions']} about {found['pictures']}"),
        ("yes among yes and no", ".45 to .55", f"{found['yes_share']:g}", ""),
        ("question types", "≥ 12", str(found["types"]), f"{found['wordings']} wordings"),
        ("most frequent wording", "≤ 8 %", f"{found['most_frequent_share']:.1%}", found["most_frequent_wording"]),
        (
            "open_vqa on disk",
            "",
            f"{disk['open_vqa_mb']:g} MB",
            f"plain {disk['plain_mb']:g} MB, captions {disk['captions_mb']:g} MB, "
            f"Arrow cache {disk['arrow_cache_mb']:g} MB",
        ),
        (
            "captions through the rules",
            "≥ 2,000 a second",
            f"{fast['captions_a_second']:,.0f}",
            f"{fast['captions']:,} captions, {fast['written']:,} questions, {fast['refused']:,} refused, one core",
        ),
    ]
    if "release" in figures:
        told = figures["release"]
        made.append(
            (
                "not answerable, 200 labelled rows",
                "precision ≥ .9, recall ≥ .85",
                f"{told['precision']:g}, {told['recall']:g}",
                f"of all {told['rows']:,} rows refused: "
                + ", ".join(f"{k} {v:.1%}" for k, v in told["refused"].items()),
            )
        )
    return made


def main() -> None:
    """Build the books, and measure."""
    made = parser(__doc__)
    made.add_argument("books", nargs="+", type=Path, help="PDF files or folders of them")
    made.add_argument("--captions", type=int, default=10_000, help="captions to time (default: %(default)s)")
    made.add_argument("--release", type=Path, help="the original release's MM-Skin_test.csv")
    args = parse(made)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        dataset = folder / "mm-skin"
        record = build(find_pdfs(args.books), dataset, 2)
        figures = {
            "counts": record["counts"]["questions"],
            "variety": variety(published(dataset)),
            "storage": storage(dataset, folder),
            "speed": speed(dataset, args.captions),
        }
        if args.release:
            figures["release"] = release(args.release)
    report(args, "questions", figures, rows(figures))


if __name__ == "__main__":
    main()
