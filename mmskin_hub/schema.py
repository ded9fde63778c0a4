"""Every table of the house: what a worker hands over, what is published, what is rejected.

The kinds of row, in the order they come to be:

``Candidate``   one clean pair, not yet compared with the other books (written by a worker, :data:`CANDIDATE_COLUMNS`)
``Asked``       what a writer of questions is told of a published pair; ``Written``, ``QA``: what it gives back
published row   ``captions``, ``open_vqa`` and ``demographics`` (:func:`captions_features` and its neighbours)
reject row      anything that was seen and does not leave (:data:`REJECT_COLUMNS`, :data:`REJECT_REASONS`)

Importing this module loads nothing heavy: the Arrow schemas and ``datasets.Features`` are made by functions.
Pages are 1-based; boxes are ``[x0, y0, x1, y1]`` in PDF points of the upright page, origin at the top left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Features

Row = Mapping[str, Any]
"""A candidate as the finish step holds it: every field of :class:`Candidate` except ``image``."""

MODALITIES = ("clinical", "dermoscopic", "pathology")
SEXES = ("male", "female")
SPLITS = ("train", "validation", "test")
CONFIGS = ("captions", "open_vqa", "demographics")
QUESTION_TYPES = (
    "diagnosis",
    "body_site",
    "laterality",
    "morphology",
    "surface",
    "shape",
    "colour",
    "border",
    "arrangement",
    "number",
    "size",
    "dermoscopic_finding",
    "histological_finding",
    "stain",
    "magnification",
    "modality",
    "age",
    "sex",
    "description",
    "other",
)
"""What a question of ``open_vqa`` asks for."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One picture with its clean caption, past every check that looks at one pair alone.

    ``book`` is the SHA-256 (64 hex digits) of the PDF; ``figure`` is "p12-f2", shared by the panels of a figure;
    ``image`` is encoded as ``image_format`` ("jpeg" or "png"), ``width`` × ``height`` pixels; ``caption`` is clean,
    ``raw_caption`` as printed; the three scores lie between 0 and 1; ``phash`` is the perceptual hash of
    ``imagehash.phash(hash_size=16)`` (64 hex digits), ``digest`` the SHA-256 of ``image``.
    """

    book: str
    book_name: str
    page: int
    figure: str
    panel: str
    bbox: tuple[float, float, float, float]
    image: bytes
    image_format: str
    width: int
    height: int
    raw_caption: str
    head: str
    panel_text: str
    caption: str
    figure_label: str
    pair_score: float
    modality: str
    modality_score: float
    age_years: float | None
    sex: str | None
    phash: str
    digest: str

    def row(self) -> dict[str, Any]:
        """The candidate as one row of :func:`candidate_schema`."""
        return {**asdict(self), "bbox": list(self.bbox)}


@dataclass(frozen=True, slots=True)
class QA:
    """One question about a picture with its answer, as a writer gives it, before the checks.

    ``question_type`` is one of :data:`QUESTION_TYPES`; ``closed`` says that the answer is yes, no, or one of the
    choices the question offers; ``template`` names the wording where the rules wrote it.
    """

    question: str
    answer: str
    question_type: str
    closed: bool
    template: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a writer of questions is told of a published pair: its words and facts, never the picture.

    ``id`` is that of the row in ``captions``; ``modality`` one of :data:`MODALITIES`; ``sex`` one of :data:`SEXES`.
    """

    id: str
    caption: str
    modality: str
    age_years: float | None = None
    sex: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The questions for one :class:`Asked`, and who wrote them: "rules-1" or "<model>/<prompt version>".

    Where the writer could write nothing, ``pairs`` is empty, ``reason`` one of :data:`VQA_REASONS` and ``detail`` a
    sentence for the reject row.
    """

    id: str
    pairs: tuple[QA, ...]
    writer: str
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One reject row: what was refused, where, by which ``stage``, and for which of :data:`REJECT_REASONS`.

    ``page`` is 0 where a whole book is meant, and ``bbox`` is then all zeros; ``detail`` is a sentence for a person.
    """

    book: str
    book_name: str
    stage: str
    reason: str
    page: int = 0
    bbox: tuple[float, float, float, float] = field(default=(0.0, 0.0, 0.0, 0.0))
    score: float = 0.0
    detail: str = ""
    figure: str = ""
    panel: str = ""
    caption: str = ""
    question: str = ""
    answer: str = ""

    def row(self) -> dict[str, Any]:
        """The reject as one row of :func:`reject_schema`."""
        return {**asdict(self), "bbox": list(self.bbox)}


CANDIDATE_COLUMNS: dict[str, str] = {
    "book": "string",
    "book_name": "string",
    "page": "int32",
    "figure": "string",
    "panel": "string",
    "bbox": "list<float32>",
    "image": "binary",
    "image_format": "string",
    "width": "int32",
    "height": "int32",
    "raw_caption": "string",
    "head": "string",
    "panel_text": "string",
    "caption": "string",
    "figure_label": "string",
    "pair_score": "float32",
    "modality": "string",
    "modality_score": "float32",
    "age_years": "float32",
    "sex": "string",
    "phash": "string",
    "digest": "string",
}

REJECT_COLUMNS: dict[str, str] = {
    "book": "string",
    "book_name": "string",
    "stage": "string",
    "reason": "string",
    "page": "int32",
    "bbox": "list<float32>",
    "score": "float32",
    "detail": "string",
    "figure": "string",
    "panel": "string",
    "caption": "string",
    "question": "string",
    "answer": "string",
}

BOOK_REASONS: dict[str, str] = {
    "not_pdf": "The file is not a PDF.",
    "encrypted": "The book is encrypted and needs a password.",
    "truncated": "The file ends before the book does.",
    "empty_file": "The file holds no bytes.",
    "no_pages": "The book holds no pages.",
    "unreadable": "The file could not be opened as a book.",
    "permission_denied": "The file may not be read by this user.",
    "duplicate_book": "The same book, byte for byte, was given more than once.",
}
PAGE_REASONS: dict[str, str] = {
    "page_failed": "The page could not be read, or only in part.",
    "ocr_failed": "The text of a scanned page could not be recognised.",
    "ocr_needed": "The page is a scan, and OCR was switched off.",
}
PICTURE_REASONS: dict[str, str] = {
    "too_small": "The picture is smaller than --min-size.",
    "too_large": "The picture would decompress to more pixels than any photograph has.",
    "undecodable": "The picture's data could not be decoded.",
    "furniture": "A banner, logo, background, rule or icon, not a figure.",
    "no_caption": "No caption belongs to the picture.",
}
CAPTION_REASONS: dict[str, str] = {
    "no_picture": "No picture belongs to the caption.",
}
PAIR_REASONS: dict[str, str] = {
    "no_text": "The caption holds nothing but a label or a credit.",
    "check_failed": "A check of the picture or its caption failed.",
    "other_modality": "Neither a clinical, a dermoscopic nor a pathology picture.",
    "annotated": "Arrows, letters or other marks are drawn on the picture.",
    "identifiable_face": "The picture shows an identifiable face.",
    "duplicate": "The same picture, byte for byte, is published already.",
    "near_duplicate": "Nearly the same picture is published already.",
}
VQA_REASONS: dict[str, str] = {
    "not_answerable": "The question asks what no picture shows, such as treatment, course, cause or general knowledge.",
    "ungrounded": "The answer says something the caption does not.",
    "unsettled": "The answer is no where the caption leaves it open.",
    "mentions_text": "The question or the answer talks about a caption, a figure or a text.",
    "answers_itself": "The question holds its own answer.",
    "duplicate_question": "The picture is asked the same already.",
    "bad_length": "The question or the answer is too short, too long, or not a sentence.",
    "person_name": "A person is named.",
    "nothing_to_ask": "The caption states nothing that a question could be written about.",
    "other_language": "The caption is not in English.",
    "writer_failed": "The endpoint gave no answer for this caption.",
    "bad_answer": "The endpoint's answer for this caption could not be used.",
}
REJECT_REASONS: dict[str, str] = {
    **BOOK_REASONS,
    **PAGE_REASONS,
    **PICTURE_REASONS,
    **CAPTION_REASONS,
    **PAIR_REASONS,
    **VQA_REASONS,
}
"""Every reason a reject row may carry, with one sentence for a person."""


def _arrow(columns: Mapping[str, str]) -> pa.Schema:
    import pyarrow as pa

    types = {"list<float32>": pa.list_(pa.float32())}
    return pa.schema([(name, types.get(kind) or pa.type_for_alias(kind)) for name, kind in columns.items()])


def candidate_schema() -> pa.Schema:
    """The Arrow schema of the files a worker leaves."""
    return _arrow(CANDIDATE_COLUMNS)


def reject_schema() -> pa.Schema:
    """The Arrow schema of ``rejects.parquet``."""
    return _arrow(REJECT_COLUMNS)


def captions_features() -> Features:
    """The columns of the config ``captions`` (MM-Skin-C); ``modality`` counts through :data:`MODALITIES`."""
    from datasets import ClassLabel, Features, Image, List, Value

    return Features(
        {
            "id": Value("string"),
            "image": Image(),
            "caption": Value("string"),
            "raw_caption": Value("string"),
            "figure_label": Value("string"),
            "panel": Value("string"),
            "modality": ClassLabel(names=list(MODALITIES)),
            "modality_score": Value("float32"),
            "pair_score": Value("float32"),
            "age_years": Value("float32"),
            "sex": Value("string"),
            "book": Value("string"),
            "page": Value("int32"),
            "bbox": List(Value("float32")),
            "phash": Value("string"),
        }
    )


def demographics_features() -> Features:
    """The columns of ``demographics`` (MM-Skin-D): those of ``captions``, an age group, a question and its answer."""
    from datasets import Features, Value

    extra = {name: Value("string") for name in ("age_group", "question", "answer")}
    return Features({**captions_features(), **extra})


def open_vqa_features() -> Features:
    """The columns of the config ``open_vqa`` (MM-Skin-O): one row a question, its picture's rows side by side.

    ``grounding`` is the share of the answer's content words that the caption supports, from 0 to 1; ``caption_id``
    the ``id`` of the pair in ``captions``.
    """
    from datasets import ClassLabel, Features, Image, Value

    return Features(
        {
            "id": Value("string"),
            "image": Image(),
            "question": Value("string"),
            "answer": Value("string"),
            "question_type": ClassLabel(names=list(QUESTION_TYPES)),
            "closed": Value("bool"),
            "modality": ClassLabel(names=list(MODALITIES)),
            "grounding": Value("float32"),
            "writer": Value("string"),
            "caption_id": Value("string"),
        }
    )


def row_id(candidate: Row) -> str:
    """A name for the pair that its book alone decides: "<fingerprint[:12]>-p0012-f2-A", without the letter if none.

    ``candidate`` needs ``book``, ``page``, ``figure`` ("p12-f2") and ``panel``.
    """
    figure = str(candidate["figure"]).rpartition("-")[2] or "f0"
    name = f"{str(candidate['book'])[:12]}-p{int(candidate['page']):04d}-{figure}"
    return f"{name}-{candidate['panel']}" if candidate["panel"] else name


def public_features(classes: Sequence[str], extra: Mapping[str, str] | None = None, plain: bool = False) -> Features:
    """The columns of a public dataset; ``label`` counts through ``classes`` and is null where the source gives none.

    ``width`` and ``height`` are those of the original picture in pixels, ``sha256`` that of its bytes, ``phash`` the
    perceptual hash (64 hex digits) of the published one. ``group_id`` names what a grouped split keeps together.
    ``extra`` are further columns ("string", "list<string>", "float32"); ``plain`` leaves out what says a class.
    """
    from datasets import ClassLabel, Features, Image, List, Value

    words = {
        "label_text": "string", "binary": "string", "diagnosis": "string", "modality": "", "patient_id": "string",
        "lesion_id": "string", "group_id": "string", "age_years": "float32", "sex": "string", "skin_tone": "string",
        "monk_tone": "int8", "site": "string", "source_url": "string", "licence": "string", "split": "string",
        "width": "int32", "height": "int32", "sha256": "string", "phash": "string",
    }  # fmt: skip
    if plain:
        words = {name: kind for name, kind in words.items() if name not in ("label_text", "binary", "diagnosis")}
    columns: dict[str, Any] = {"id": Value("string"), "image": Image(), "image_id": Value("string")}
    if not plain:
        columns["label"] = ClassLabel(names=list(classes))
    for name, kind in {**words, **(extra or {})}.items():
        columns[name] = List(Value("string")) if kind == "list<string>" else Value(kind or "string")
    columns["modality"] = ClassLabel(names=list(MODALITIES))
    return Features(columns)
