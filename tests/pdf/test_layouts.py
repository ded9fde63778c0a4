"""Every layout family the project draws, read back: figures with their own captions, scored as a stranger would.

A pair is right where its picture is that of the truth (perceptual hash) and its words are the truth's words. What a
page reader cannot know, that a chart is no photograph or that a picture is a repetition, is left to ``curate/``: rows
of the truth that say ``drop`` are neither asked for nor counted against a reader that kept them.
"""

from __future__ import annotations

import io
import json
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image
from rapidfuzz import fuzz

from mmskin_hub.curate.pipeline import caption_of
from mmskin_hub.pdf import read_pairs, survey_book
from mmskin_hub.pdf.layout import Pair
from tests.drawing import LAYOUTS
from tests.drawing.truth import Truth, distance, phash

#: Unrelated pictures differ in about 128 of 255 bits.
SAME_PICTURE = 60
SAME_WORDS = 92
#: Where less than all is asked: burnt-in letters and scans cost a picture here and there.
LEAST = {"panels_white": 0.8, "below_two": 0.9}
SCANS = [name for name in LAYOUTS if name.startswith("scan")]


def read(path: Path) -> list[Pair]:
    survey = survey_book(str(path))
    results = list(read_pairs(survey, 1, survey.pages, ocr="rapidocr"))
    for result in results:
        pictures = [r for r in result.rejects if r.reason in ("no_caption", "too_small", "too_large", "furniture")]
        panels = sum(bool(pair.panel) for pair in result.pairs)
        assert 0 <= len(result.pairs) + len(pictures) - result.pictures <= panels, "a picture got lost, or came twice"
    return [pair for result in results for pair in result.pairs]


def says(truth: Truth, caption: str) -> bool:
    words = " ".join(caption.lower().split())
    if truth.accept:
        return any(fuzz.ratio(" ".join(text.lower().split()), words) >= SAME_WORDS for text in truth.accept)
    if truth.panel_text:
        return fuzz.partial_ratio(" ".join(truth.panel_text.lower().split()), words) >= SAME_WORDS
    return fuzz.ratio(" ".join(truth.caption.lower().split()), words) >= SAME_WORDS


def f1(truths: list[Truth], pairs: list[Pair]) -> float:
    """F1 of the pairs against the rows of the truth that are to be published."""
    wanted = [truth for truth in truths if truth.drop is None]
    right: set[str] = set()
    counted = 0
    for pair in pairs:
        with Image.open(io.BytesIO(pair.image)) as image:
            code = phash(image)
        nearest = min(truths, key=lambda t: (distance(t.phash, code), -fuzz.ratio(t.caption, pair.raw_caption)))
        if distance(nearest.phash, code) <= SAME_PICTURE and nearest.drop is not None:
            continue
        counted += 1
        if distance(nearest.phash, code) <= SAME_PICTURE and says(nearest, caption_of(pair)):
            right.add(nearest.id)
    return 2 * len(right) / max(1, len(wanted) + counted)


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name not in SCANS])
def test_layout(name: str, tmp_path: Path) -> None:
    truths = LAYOUTS[name](tmp_path / "book.pdf", 1)
    assert f1(truths, read(tmp_path / "book.pdf")) >= LEAST.get(name, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCANS)
def test_scanned_layout(name: str, tmp_path: Path) -> None:
    truths = LAYOUTS[name](tmp_path / "book.pdf", 1)
    assert f1(truths, read(tmp_path / "book.pdf")) >= LEAST.get(name, 0.85)


@pytest.mark.parametrize("folder", ["books", "papers"])
def test_real_books(folder: str) -> None:
    root = Path(__file__).resolve().parents[2].parent / "shared" / "data" / folder
    if not root.is_dir():
        pytest.skip(f"the real data of {folder}/ are not beside the checkout")
    rows = [json.loads(line) for line in (root / "truth.jsonl").read_text().splitlines()]
    for book in sorted({row["book"] for row in rows}):
        known = {field.name for field in fields(Truth)}
        truths = [Truth(**{k: v for k, v in row.items() if k in known}) for row in rows if row["book"] == book]
        if any(truth.drop is None for truth in truths):
            assert f1(truths, read(root / book)) >= 0.9, book


def test_papers_without_skin_are_left_to_the_modality_model() -> None:
    root = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "papers" / "without_skin"
    if not root.is_dir():
        pytest.skip("the real data of papers/without_skin/ are not beside the checkout")
    from mmskin_hub.curate.pipeline import Curator
    from mmskin_hub.pdf.layout import Reject

    curator = Curator()
    for path in sorted(root.glob("*.pdf")):
        survey = survey_book(str(path))
        outcomes = [curator.curate(pair, survey) for pair in read(path)]
        assert all(isinstance(outcome, Reject) for outcome in outcomes), path.name
