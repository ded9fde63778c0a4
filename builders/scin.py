"""SCIN: photographs that people took of their own skin, up to three a case, with labels that dermatologists weighed.

::

    mmskin build scin --raw ~/raw/scin --out data/scin --version 1.0.0

The label is the condition of most weight; where two weigh the same, or nobody gave one, it is null. The classes are the
conditions that occur. ``skin_tone`` is what people said of themselves or else what all dermatologists who said
something said; ``monk_tone`` the raters' of the United States, or else of India. Ages come in groups only.
"""

from __future__ import annotations

from collections.abc import Iterable

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.spec import Join, Record, Spec, Table, constant, first
from mmskin_hub.engine.public.table import Cells

_WEIGHTS = "weighted_skin_condition_label"
_TYPES = tuple(f"dermatologist_fitzpatrick_skin_type_label_{number}" for number in (1, 2, 3))
_PARTS = "body_parts_"


def _pictures(cells: Cells) -> Iterable[Cells]:
    """A line for each picture of a case; a case without any stays one line."""
    paths = [path for number in (1, 2, 3) if (path := values.text(cells.get(f"image_{number}_path")))]
    return [{**cells, "path": path} for path in paths] or [cells]


def _label(cells: Cells) -> str | None:
    weights = values.literal(cells.get(_WEIGHTS), dict)
    try:
        ranked = sorted(((float(weight), str(name)) for name, weight in weights.items()), reverse=True)
    except (TypeError, ValueError):
        raise values.NotUnderstood(str(weights)[:80]) from None
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def _skin_type(cells: Cells) -> str | None:
    if own := values.skin_tone(cells.get("fitzpatrick_skin_type")):
        return own
    said = {found for name in _TYPES if (found := values.skin_tone(cells.get(name)))}
    return said.pop() if len(said) == 1 else None


def _site(cells: Cells) -> str | None:
    flags = [name for name in cells if name.startswith(_PARTS) and cells[name].casefold() == "yes"]
    return "; ".join(name.removeprefix(_PARTS).replace("_", " ") for name in flags) or None


def _case(record: Record) -> Iterable[str]:
    yield str(record.extra["case_id"])


SPEC = Spec(
    name="scin",
    fields={
        "image_id": lambda cells: values.image_id(cells.get("path", "").rpartition("/")[2]),
        "picture": "path",
        "label": _label,
        "modality": constant("clinical"),
        "sex": "sex_at_birth",
        "skin_tone": _skin_type,
        "monk_tone": first("monk_skin_tone_label_us", "monk_skin_tone_label_india"),
        "site": _site,
        "case_id": "case_id",
        "age_group": first("age_group"),
        "label_weights": first(_WEIGHTS),
    },
    tables=(
        Table(
            names=("scin_cases.csv",),
            needs=("case_id", "image_1_path"),
            joins=(Join(("scin_labels.csv",), ("case_id", "case_id"), (_WEIGHTS,), required=True),),
            expand=_pictures,
        ),
    ),
    label_required=False,
    group=_case,
    extra={"case_id": "string", "age_group": "string", "label_weights": "string"},
)
