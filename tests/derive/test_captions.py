"""MM-Skin-C rows hold exactly the published columns, and datasets can encode them."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from mmskin_hub.derive.captions import caption_row
from mmskin_hub.schema import captions_features, row_id


def candidate(**changes: Any) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), (200, 150, 120)).save(buffer, "JPEG")
    return {
        "book": "ab" * 32, "book_name": "atlas.pdf", "page": 3, "figure": "p3-f1", "panel": "A",
        "bbox": (1.0, 2.0, 3.0, 4.0), "image": buffer.getvalue(), "image_format": "jpeg", "width": 20, "height": 10,
        "raw_caption": "Fig. 1 A plaque", "head": "", "panel_text": "", "caption": "A plaque", "figure_label": "Fig. 1",
        "pair_score": 0.9, "modality": "pathology", "modality_score": 0.8, "age_years": None, "sex": None,
        "phash": "0" * 64, "digest": "1" * 64, **changes,
    }  # fmt: skip


def test_the_row_has_exactly_the_published_columns_and_encodes() -> None:
    row = caption_row(candidate())
    features = captions_features()
    assert set(row) == set(features)
    encoded = features.encode_example(row)
    assert features["modality"].int2str(encoded["modality"]) == "pathology"
    decoded = features.decode_example(encoded)
    assert decoded["image"].size == (20, 10)
    assert encoded["sex"] is None and encoded["age_years"] is None


def test_an_id_given_by_the_finish_step_is_kept() -> None:
    assert caption_row(candidate())["id"] == row_id(candidate())
    assert caption_row(candidate(id="other"))["id"] == "other"


def test_the_file_name_follows_the_format() -> None:
    assert caption_row(candidate(image_format="png"))["image"]["path"].endswith("-A.png")
    assert caption_row(candidate())["image"]["path"].endswith("-A.jpg")
