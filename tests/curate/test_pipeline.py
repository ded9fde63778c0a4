"""One pair through all checks: what leaves, what is refused, and whose age it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mmskin_hub.curate.pipeline import Curator, caption_of, person_of
from mmskin_hub.pdf import BookSurvey
from mmskin_hub.pdf.layout import Box, Pair, Reject
from mmskin_hub.schema import REJECT_REASONS, Candidate
from tests.drawing import pictures

BOOK = BookSurvey("book.pdf", "book.pdf", "a" * 64, 1, 1)


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


WORDS = "Fig. 3 Red plaques with scale on the elbow of a 34-year-old man."


def pair(image: bytes, words: str = WORDS, **more: object) -> Pair:
    return Pair(1, Box(0, 0, 100, 100), image, words, "Fig. 3", figure="p1-f1", score=0.9, **more)  # type: ignore[arg-type]


def test_a_clean_pair_leaves() -> None:
    outcome = Curator().curate(pair(jpeg(pictures.clinical(3))), BOOK)
    assert isinstance(outcome, Candidate), outcome
    assert outcome.caption == "Red plaques with scale on the elbow of a 34-year-old man."
    assert (outcome.age_years, outcome.sex, outcome.modality) == (34.0, "male", "clinical")
    assert len(outcome.phash) == len(outcome.digest) == 64


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: pair(b"no picture"), "undecodable"),
        (lambda: pair(jpeg(pictures.clinical(3)), "Fig. 3"), "no_text"),
        (lambda: pair(jpeg(pictures.clinical(3)), overlaid=2), "annotated"),
        (lambda: pair(jpeg(pictures.other(3, kind="chart")), "Fig. 3 Incidence by year of birth."), "other_modality"),
        (lambda: pair(jpeg(pictures.face()), "Fig. 3 Plaques on the cheek of a woman."), "identifiable_face"),
    ],
)
def test_what_is_refused_says_why(made: object, reason: str) -> None:
    outcome = Curator().curate(made(), BOOK)  # type: ignore[operator]
    assert isinstance(outcome, Reject)
    assert outcome.reason == reason
    assert outcome.reason in REJECT_REASONS


def test_the_camera_s_turn_is_not_obeyed_twice() -> None:
    """A PDF draws the stored pixels; an orientation tag that survived would turn the published picture."""
    image = pictures.clinical(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, exif=exif)
    outcome = Curator().curate(pair(buffer.getvalue()), BOOK)
    assert isinstance(outcome, Candidate)
    with Image.open(io.BytesIO(outcome.image)) as published:
        assert published.getexif().get(0x0112, 1) == 1
        assert np.abs(np.asarray(published, dtype=float) - np.asarray(image, dtype=float)).mean() < 4


@pytest.mark.parametrize(
    ("head", "own", "expected"),
    [
        ("Psoriasis in a 40-year-old woman.", "Plaques on the elbow.", (40.0, "female")),
        ("Psoriasis.", "Plaques in a boy aged 6.", (6.0, "male")),
        ("Psoriasis in a 40-year-old woman.", "The same rash in her son, a 6-year-old boy.", (6.0, "male")),
        ("Psoriasis in a woman.", "At the age of 40.", (40.0, "female")),
    ],
)
def test_a_panel_s_own_patient_comes_first(head: str, own: str, expected: tuple[float, str]) -> None:
    made = pair(b"", head=head, panel_text=own, panel="A")
    assert person_of(made, caption_of(made)) == expected


def test_a_bare_number_is_no_word_of_the_caption() -> None:
    made = Pair(1, Box(0, 0, 1, 1), b"", "8.1\nAlopecia areata of the scalp.", "8.1")
    assert caption_of(made) == "Alopecia areata of the scalp."
