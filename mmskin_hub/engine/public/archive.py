"""The ISIC archive's metadata.csv, which BCN20000, HIBA and MSKCC share, in its old and its new schema.

The old one has one column ``diagnosis`` and ``benign_malignant``; the new one a path ``diagnosis_1`` ("Benign",
"Malignant", "Indeterminate") to ``diagnosis_5``, the most general first. The deepest level whose words a dataset has a
class for gives the class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.paper_lists import paper_list
from mmskin_hub.engine.public.spec import Record, Refuse, Spec, Table, Take
from mmskin_hub.engine.public.table import Cells
from mmskin_hub.errors import WrongUse

LEVELS = tuple(f"diagnosis_{level}" for level in range(1, 6))
_SIDES = {"benign": "benign", "malignant": "malignant"}
COLLECTIONS = ("bcn20000", "hiba", "mskcc")
_MANY = 10
"""So many pictures of another collection's list are no chance."""

DIAGNOSES: dict[str, str] = {
    "actinic keratosis": "actinic keratosis",
    "solar or actinic keratosis": "actinic keratosis",
    "basal cell carcinoma": "basal cell carcinoma",
    "basal cell carcinoma, NOS": "basal cell carcinoma",
    "dermatofibroma": "dermatofibroma",
    "melanoma": "melanoma",
    "melanoma, NOS": "melanoma",
    "melanoma in situ": "melanoma",
    "melanoma invasive": "melanoma",
    "melanoma metastasis": "melanoma metastasis",
    "nevus": "nevus",
    "other": "other",
    "benign - other": "other",
    "malignant - other": "other",
    "indeterminate - other": "other",
    "scar": "scar",
    "seborrheic keratosis": "seborrheic keratosis",
    "solar lentigo": "solar lentigo",
    "squamous cell carcinoma": "squamous cell carcinoma",
    "squamous cell carcinoma, NOS": "squamous cell carcinoma",
    "squamous cell carcinoma in situ": "squamous cell carcinoma",
    "squamous cell carcinoma, invasive": "squamous cell carcinoma",
    "vascular lesion": "vascular lesion",
    "hemangioma": "vascular lesion",
    "benign soft tissue proliferations - vascular": "vascular lesion",
}
"""The archive's words, old and new, and the classes they are; a dataset may have finer ones (:func:`archive`)."""


def names_of(cells: Cells) -> list[str]:
    """The source's words for the disease, the finest first: the old column, then the levels below the side."""
    columns = ("diagnosis", *reversed(LEVELS[1:]))
    return [found for name in columns if (found := values.text(cells.get(name)))]


def diagnosis(cells: Cells) -> str | None:
    """The source's own words for the disease: the old column, or the deepest level of the new path."""
    return next(iter(names_of(cells)), values.text(cells.get(LEVELS[0])))


def class_of(labels: Mapping[str, str | None]) -> Callable[[Cells], str | None]:
    """A function of a line: the words, deepest first, that ``labels`` knows; otherwise the deepest words.

    A path that ends with its side ("Benign", "Indeterminate") names no disease, and is null.
    """
    known = {values.key(word) for word in labels}

    def take(cells: Cells) -> str | None:
        words = names_of(cells)
        return next((word for word in words if values.key(word) in known), words[0] if words else None)

    return take


def side(cells: Cells) -> str | None:
    """ "malignant" or "benign" where the archive says so; null for indeterminate lesions."""
    for column in ("benign_malignant", "diagnosis_1"):
        if found := values.text(cells.get(column)):
            return _SIDES.get(found.casefold())
    return None


def site(cells: Cells) -> str | None:
    """The general site, or the one column of it that a newer export has."""
    columns = ("anatom_site_general", "anatom_site_1", "anatom_site_special")
    return next((found for name in columns if (found := values.text(cells.get(name)))), None)


def modality(cells: Cells) -> str | None:
    """From ``image_type``; a table without that column holds dermoscopic pictures, as these collections do."""
    words = values.text(cells.get("image_type"))
    if words is None:
        return "dermoscopic"
    plain = words.casefold()
    if plain.startswith("dermoscop"):
        return "dermoscopic"
    if plain.startswith(("clinical", "overview", "tbp")):
        return "clinical"
    if plain.startswith(("histopath", "microscop")):
        return "pathology"
    raise Refuse("foreign", f"Its image_type is {words!r}.")


def _check(name: str) -> Callable[[Sequence[Record]], None]:
    """Refuses the folder of another collection: none of the pictures of our own list, but many of another's."""

    def check(records: Sequence[Record]) -> None:
        ids = {record.image_id for record in records}
        found = {other: len(ids & paper_list(other).rows.keys()) for other in COLLECTIONS}
        other = max(found, key=lambda collection: found[collection])
        if not found[name] and found[other] >= _MANY:
            raise WrongUse(
                f"--raw is not the folder of {name}: {found[other]:,} of its pictures are in the paper's list of "
                f"{other}, none in that of {name}.",
                f"Build {other}, or name another folder.",
            )

    return check


def archive(name: str, labels: Mapping[str, str | None], label: Take | None = None, **more: Any) -> Spec:
    """The description of a collection; ``labels`` are its classes, ``label`` what to take instead of a diagnosis."""
    fields: dict[str, Take] = {
        "image_id": "isic_id",
        "picture": "isic_id",
        "label": label or class_of(labels),
        "label_text": diagnosis,
        "binary": side,
        "modality": modality,
        "patient_id": "patient_id",
        "lesion_id": "lesion_id",
        "age_years": "age_approx",
        "sex": "sex",
        "skin_tone": "fitzpatrick_skin_type",
        "site": site,
        "licence": "copyright_license",
        "attribution": "attribution",
        "finer_names": names_of,
    }
    table = Table(names=("metadata.csv", "*metadata*.csv"), needs=("isic_id", "diagnosis|diagnosis_1|benign_malignant"))
    extra = {"attribution": "string"}
    return Spec(name, fields, (table,), labels=labels, label_required=False, extra=extra, check=_check(name), **more)
