"""The drawn books: a build of them publishes what they say, refuses what was planted, and nothing else."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.demo import books
from mmskin_hub.demo.lesions import LOOKS
from mmskin_hub.demo.words import DISEASES

FIGURES = 22
"""Two of each look a book: what a test has time for."""


@dataclass(frozen=True)
class Built:
    """The true figures by the digest of their pictures, and what the build made of them."""

    truth: dict[str, books.Figure]
    rows: list[dict[str, Any]]
    questions: list[dict[str, Any]]
    rejects: list[dict[str, Any]]


def _rows(folder: Path, columns: list[str] | None = None) -> list[dict[str, Any]]:
    return [
        row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file, columns=columns).to_pylist()
    ]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Small versions of both books, drawn and built by the commands themselves."""
    folder = tmp_path_factory.mktemp("demo")
    for words in (
        ("mmskin_hub.demo.books", str(folder / "books"), "--figures", str(FIGURES)),
        ("mmskin_hub", "build", "mm_skin", str(folder / "books"), "--out", str(folder / "out"), "--version", "1.0.0"),
    ):
        subprocess.run([sys.executable, "-m", *words], check=True, capture_output=True, text=True)
    figures = [figure for book in books.plan(0, FIGURES) for figure in book]
    questions = ["question", "answer", "caption_id", "closed", "question_type"]
    return Built(
        {hashlib.sha256(figure.jpeg()[0]).hexdigest(): figure for figure in figures},
        _rows(folder / "out" / "captions"),
        _rows(folder / "out" / "open_vqa", questions),
        pq.read_table(folder / "out" / "rejects.parquet").to_pylist(),
    )


def test_every_figure_is_published_with_its_own_caption(built: Built) -> None:
    right = 0
    for row in built.rows:
        figure = built.truth[hashlib.sha256(row["image"]["bytes"]).hexdigest()]
        right += row["caption"] == figure.case.caption
    wanted = sum(not figure.case.drop for figure in built.truth.values())
    score = 2 * right / (len(built.rows) + wanted)
    print(f"F1 {score:.3f} over {wanted} figures")
    assert wanted == 2 * FIGURES
    assert score == 1.0


def test_nothing_is_refused_but_what_was_planted(built: Built) -> None:
    planted = Counter(figure.case.drop for figure in built.truth.values() if figure.case.drop)
    assert planted == {"annotated": 2, "other_modality": 2}
    assert Counter(row["reason"] for row in built.rejects) == planted


def test_the_modality_age_and_sex_are_read(built: Built) -> None:
    names = ("clinical", "dermoscopic", "pathology")
    for row in built.rows:
        case = built.truth[hashlib.sha256(row["image"]["bytes"]).hexdigest()].case
        modality = row["modality"] if isinstance(row["modality"], str) else names[row["modality"]]
        assert modality == case.modality
        assert f"{row['age_years']:.0f}-year-old" in case.caption
        assert row["sex"] is not None


def test_three_questions_a_picture(built: Built) -> None:
    asked = Counter(row["caption_id"] for row in built.questions)
    assert len(asked) == len(built.rows)
    assert len(built.questions) >= 2.8 * len(built.rows)
    assert len({row["question_type"] for row in built.questions}) >= 10


def test_no_caption_twice_and_all_looks_in_both_books() -> None:
    plans = books.plan()
    captions = [figure.case.caption for book in plans for figure in book if figure.case.drop != "other_modality"]
    assert len(captions) == len(set(captions))
    for book in plans:
        looks = Counter(figure.case.look for figure in book if not figure.case.drop)
        assert looks == dict.fromkeys(LOOKS, books.FIGURES // len(LOOKS))
    assert {look.name for disease in DISEASES for look in disease.looks} == set(LOOKS)


def test_the_same_bytes_again_and_others_for_another_seed(tmp_path: Path) -> None:
    drawn = [books.draw(tmp_path / name, seed, 11) for name, seed in (("one", 0), ("again", 0), ("other", 1))]
    one, again, other = ([path.read_bytes() for path in paths] for paths in drawn)
    assert one == again
    assert one[0] != other[0]
    assert one[1] != other[1]


@pytest.mark.parametrize("figures", [0, 10, 111])
def test_a_count_that_cannot_be(figures: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="11 to 110"):
        books.draw(tmp_path, figures=figures)
