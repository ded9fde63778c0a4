"""MM-Skin-C: a candidate becomes one row of the config ``captions``."""

from __future__ import annotations

from typing import Any

from mmskin_hub.schema import Row, row_id

_SUFFIX = {"jpeg": "jpg"}


def caption_row(candidate: Row) -> dict[str, Any]:
    """The columns of :func:`mmskin_hub.schema.captions_features`, and no other, for one candidate.

    ``candidate`` needs every field of :class:`mmskin_hub.schema.Candidate`. An ``id`` it carries already is kept (two
    pictures of a figure without letters need telling apart); otherwise it gets :func:`mmskin_hub.schema.row_id`.
    ``image`` becomes the encoded bytes with a file name, as ``datasets.Image`` stores it; ``modality`` stays a name.
    """
    name = str(candidate.get("id") or row_id(candidate))
    image_format = str(candidate["image_format"])
    return {
        "id": name,
        "image": {"bytes": candidate["image"], "path": f"{name}.{_SUFFIX.get(image_format, image_format)}"},
        "caption": candidate["caption"],
        "raw_caption": candidate["raw_caption"],
        "figure_label": candidate["figure_label"],
        "panel": candidate["panel"],
        "modality": candidate["modality"],
        "modality_score": candidate["modality_score"],
        "pair_score": candidate["pair_score"],
        "age_years": candidate["age_years"],
        "sex": candidate["sex"],
        "book": candidate["book"],
        "page": candidate["page"],
        "bbox": list(candidate["bbox"]),
        "phash": candidate["phash"],
    }
