"""MM-Skin as its authors published it: pictures of textbooks with captions, and questions about them.

::

    mmskin build mm_skin_release --raw ~/raw/MM-Skin --out data/mm_skin_release --version 1.0.0

``caption.csv`` becomes the config ``captions``, ``VQA.csv`` the config ``open_vqa``. A grouped split goes by book, the
number in ``bk<book>_``. The paper's list holds questions, and most of its pictures have others that were trained on:
here the picture decides, so that a picture of the list is test with all of its questions. Textbooks are not to be
passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.spec import Record, Refuse, Spec, Table, Take, short
from mmskin_hub.engine.public.table import Cells

_MODALITIES = {
    "skin": "clinical",
    "clinical": "clinical",
    "dermoscopy": "dermoscopic",
    "dermoscopic": "dermoscopic",
    "pathology": "pathology",
    "histopathology": "pathology",
}
_BOOK = re.compile(r"bk(\d+)_", re.IGNORECASE)


def _modality(cells: Cells) -> str | None:
    words = values.text(cells.get("modality"))
    if words is not None and values.key(words) not in _MODALITIES:
        raise Refuse("foreign", f"Its modality is {words!r}.")
    return _MODALITIES[values.key(words)] if words else None


def _name(cells: Cells) -> str | None:
    return values.image_id(cells["image"].replace("\\", "/").rpartition("/")[2])


def _book(record: Record) -> Iterable[str]:
    if match := _BOOK.match(record.image_id):
        yield f"bk{int(match[1])}"


def _said(column: str) -> Callable[[Cells], str]:
    def take(cells: Cells) -> str:
        if not cells[column]:
            raise Refuse("no_label", f"Its {column} is empty.")
        return cells[column]

    return take


_FIELDS: dict[str, Take] = {"image_id": _name, "picture": "image", "modality": _modality}

SPEC = Spec(
    name="mm_skin_release",
    config="captions",
    plain=True,
    fields={**_FIELDS, "caption": _said("caption")},
    tables=(Table(names=("caption.csv", "captions.csv"), needs=("image", "caption")),),
    id_of=lambda record: f"{record.image_id}-{short(record.extra['caption'])}",
    group=_book,
    extra={"caption": "string"},
    sets=(
        Spec(
            name="mm_skin_release",
            config="open_vqa",
            plain=True,
            fields={**_FIELDS, "question": _said("question"), "answer": _said("answer")},
            tables=(Table(names=("VQA.csv",), needs=("image", "question", "answer")),),
            id_of=lambda record: f"{record.image_id}-{short(record.extra['question'], record.extra['answer'])}",
            group=_book,
            extra={"question": "string", "answer": "string"},
        ),
    ),
)
