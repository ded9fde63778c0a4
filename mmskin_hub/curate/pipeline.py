"""One pair through every check that needs no other pair: it leaves as a Candidate, or as a Reject with its reason.

The cheap checks come first: words, then pixels, then networks. Models are loaded once a process, with the first pair.
"""

from __future__ import annotations

import hashlib
import io
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFile

from mmskin_hub.errors import describe
from mmskin_hub.pdf.layout import Pair, Reject
from mmskin_hub.schema import Candidate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmskin_hub.curate.modality import ModalityModel
    from mmskin_hub.curate.privacy import FaceDetector
    from mmskin_hub.pdf import BookSurvey

MAX_PIXELS = 120_000_000
"""Pixels beyond which a picture is refused undecoded: ten times what a printed page can show."""

PHASH_SIZE = 16
"""``imagehash.phash(hash_size=…)``: 16 × 16 = 256 bits."""

_ORIENTATION = 0x0112  # EXIF


class Curator:
    """Judges pairs one at a time. Making one costs nothing; the models load when the first pair needs them."""

    def curate(self, pair: Pair, book: BookSurvey) -> Candidate | Reject:
        """Clean ``pair`` of ``book``, or say why it may not leave; the score of a Reject is that of its check."""
        from mmskin_hub.curate.annotations import find_marks

        decoded = _decode(pair)
        if isinstance(decoded, Reject):
            return decoded
        image, data, image_format = decoded
        caption = caption_of(pair)
        if not caption:
            return _reject(
                pair, "text", "no_text", 0.0, "Nothing is left of the caption once label and credit are gone."
            )
        pixels: NDArray[np.uint8] = np.asarray(image)
        modality = self._modality.predict(pixels, caption)
        if modality.label == "other":
            return _reject(pair, "modality", "other_modality", modality.probability, "")
        if pair.overlaid:
            return _reject(pair, "annotations", "annotated", 1.0, f"{pair.overlaid} vector marks are printed on it.")
        marks = find_marks(pixels, caption)
        if marks.annotated:
            return _reject(pair, "annotations", "annotated", marks.score, str(marks.kind))
        face = self._faces.find(pixels)
        if face.identifiable:
            return _reject(pair, "privacy", "identifiable_face", face.score, "")
        age_years, sex = person_of(pair, caption)
        return Candidate(
            book=book.fingerprint,
            book_name=book.name,
            page=pair.page,
            figure=pair.figure,
            panel=pair.panel,
            bbox=(pair.box.x0, pair.box.y0, pair.box.x1, pair.box.y1),
            image=data,
            image_format=image_format,
            width=image.width,
            height=image.height,
            raw_caption=pair.raw_caption,
            head=pair.head,
            panel_text=pair.panel_text,
            caption=caption,
            figure_label=pair.figure_label,
            pair_score=pair.score,
            modality=modality.label,
            modality_score=modality.probability,
            age_years=age_years,
            sex=sex,
            phash=perceptual_hash(image),
            digest=hashlib.sha256(data).hexdigest(),
        )

    @cached_property
    def _modality(self) -> ModalityModel:
        from mmskin_hub.curate.modality import ModalityModel

        return ModalityModel.load()

    @cached_property
    def _faces(self) -> FaceDetector:
        from mmskin_hub.curate.privacy import FaceDetector

        return FaceDetector()


def perceptual_hash(image: Image.Image) -> str:
    """The 256-bit DCT hash of ``imagehash.phash`` as 64 hex digits; near pictures differ in few bits."""
    import imagehash

    return str(imagehash.phash(image, hash_size=PHASH_SIZE))


def caption_of(pair: Pair) -> str:
    """The clean words of a pair: of a panel the shared head and its own; label and credit are gone."""
    from mmskin_hub.curate.text import clean_caption

    own = "\n".join(part for part in (pair.head, pair.panel_text) if part)
    words = pair.raw_caption
    if pair.figure_label and not pair.figure_label[0].isalpha():
        # "8.1 Alopecia …": only the finder of captions knew that the number is a label.
        words = words.removeprefix(pair.figure_label).lstrip(" .:)]\n")
    return clean_caption(own or words)


def person_of(pair: Pair, caption: str) -> tuple[float | None, str | None]:
    """Age in years and sex, None where the words do not say; of a panel its own words come before the shared head."""
    from mmskin_hub.curate.demographics import read_demographics

    if not pair.panel_text or not pair.head:
        person = read_demographics(caption)
        return person.age_years, person.sex
    own, shared = read_demographics(pair.panel_text), read_demographics(pair.head)
    if own.sex and shared.sex and own.sex != shared.sex:
        return own.age_years, own.sex  # another patient than the head's
    return (own.age_years if own.age_years is not None else shared.age_years), own.sex or shared.sex


def _reject(pair: Pair, stage: str, reason: str, score: float, detail: str) -> Reject:
    return Reject(stage, reason, pair.page, pair.box, float(score), detail, pair.raw_caption)


def _decode(pair: Pair) -> tuple[Image.Image, bytes, str] | Reject:
    """The upright RGB picture, the bytes to publish (the book's own where they can be), and their format."""
    try:
        image = Image.open(io.BytesIO(pair.image))
        if image.width * image.height > MAX_PIXELS:
            detail = f"{image.width} × {image.height} pixels."
            return _reject(pair, "decode", "too_large", 0.0, detail)
        rgb = image.convert("RGB")
        if image.format in ("JPEG", "PNG") and image.getexif().get(_ORIENTATION, 1) == 1:
            return rgb, pair.image, image.format.lower()
        return rgb, *_encode(image, rgb)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return _reject(pair, "decode", "undecodable", 0.0, describe(error))


def _encode(image: ImageFile.ImageFile, rgb: Image.Image) -> tuple[bytes, str]:
    # A PDF draws the stored pixels and ignores the camera's orientation tag, but whoever opens the published file
    # would obey it: the tag goes. "keep" writes the same quantised coefficients again.
    target = io.BytesIO()
    if image.format == "JPEG":
        image.save(target, "JPEG", quality="keep", exif=b"")
        return target.getvalue(), "jpeg"
    rgb.save(target, "PNG")
    return target.getvalue(), "png"
