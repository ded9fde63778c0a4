"""The test lists of the original MM-Skin release: which pictures it was judged on, and as which class.

The lists ship in ``lists/`` as ids and class indices, nothing else; ``benchmarks/make_paper_lists.py`` wrote them from
the release's CSV files. There is no list of PAD-UFES-20 and none of training pictures.

How a picture is named (``image_id``):

=====================================  =============================================================================
ham10000 isic2019 bcn20000 hiba mskcc  the archive's id, ``ISIC_0034524``, never with ``_downsampled``
ddi                                    the six digits of the file, ``000001``
fitzpatrick17k                         the md5 hash of the table, 32 hexadecimal digits
dermnet                                ``<folder>/<stem>``, as 26 stems stand in two folders: ``Eczema Photos/x-12``
patch16                                the stem of the tile, ``tumor_skin_epithelial_bcc_ws_12_34``
mm_skin_release                        the stem of the picture, ``bk10_30_26``; it has questions instead of a class
=====================================  =============================================================================

The classes stand in the order of the original scripts: alphabetical, but for DDI ("Non-Malignant" is 0). MSKCC keeps
the 21 of the script, of which the list uses 17; three of its 259 pictures have an empty label there (the script stops
at them) and have no class here. 26 tiles of PATCH16 are named like copies, "…_ws_163_1(1)", 22 of them beside the tile
itself: they are kept as listed.

The files are text. After the head (``name``, ``split``, ``rows``, one line a ``class``, ``value``) each line holds, tab
separated: the class index, or "-" for none, or the number of questions; the letters shared with the pattern before; the
rest of the pattern, where ``#`` stands for a number and ``##…`` for one of that many digits; and the numbers, each as
its distance to the one before (the first of a line from 0), ``+n`` meaning that the next n follow without a gap. The
pattern ``=md5`` is followed by digests of 16 bytes in base 85.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from types import MappingProxyType

from mmskin_hub.errors import WrongUse

LISTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bcn20000": ("test",),
        "ddi": ("test",),
        "dermnet": ("test",),
        "fitzpatrick17k": ("test",),
        "ham10000": ("test",),
        "hiba": ("test",),
        "isic2019": ("test",),
        "mm_skin_release": ("test",),
        "mskcc": ("test",),
        "patch16": ("test", "validation"),
    }
)
"""The datasets with a list, and the splits each names."""
MD5 = "=md5"
_FOLDER = "mmskin_hub.engine.public.lists"
_DIGEST = 20
"""Letters of an md5 digest in base 85."""


@dataclass(frozen=True, slots=True)
class PaperList:
    """One list. ``rows`` maps image ids, sorted, to an index into ``classes``, or None where the list has no label.

    ``questions`` maps image ids to the number of questions asked of them, and is empty for all but mm_skin_release.
    """

    name: str
    classes: tuple[str, ...]
    rows: Mapping[str, int | None]
    split: str
    questions: Mapping[str, int] = field(default_factory=dict)

    def label(self, image_id: str) -> str | None:
        """The class of a picture in the paper's words; None without a label. Raises KeyError for other pictures."""
        index = self.rows[image_id]
        return None if index is None else self.classes[index]


@cache
def paper_list(name: str, split: str = "test") -> PaperList:
    """The list of a dataset; raises WrongUse where the release has none, and ValueError where our file is broken."""
    if split not in LISTS.get(name, ()):
        if name in LISTS:
            raise WrongUse(
                f"The original release lists no {split} pictures of {name}, only {' and '.join(LISTS[name])}."
            )
        raise WrongUse(
            f"The original release has no list of {name}; it has those of {', '.join(LISTS)}.",
            "Build it with: --split grouped",
        )
    file = f"{name}_{split}.txt"
    return read_list(file, (resources.files(_FOLDER) / file).read_text(encoding="ascii"))


def read_list(file: str, text: str) -> PaperList:
    """The list that ``text`` writes; raises ValueError, naming ``file``, where the two do not hold together."""
    head, _, body = text.partition("\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.splitlines():
        if not line.startswith("#"):
            key, _, value = line.partition("\t")
            fields.setdefault(key, []).append(value)
    try:
        (name,), (split,), (count,), (kind,) = (fields[key] for key in ("name", "split", "rows", "value"))
        classes = tuple(fields.get("class", ()))
        values = {image_id: value for value, image_id in _rows(body)}
        # An id written twice would be lost in the dict, and so shows as a row too few.
        if len(values) != int(count):
            raise ValueError(f"{count} pictures are announced and {len(values)} are there")
        numbers = {image_id: None if value == "-" else int(value) for image_id, value in sorted(values.items())}
        if kind == "questions":
            asked = {image_id: number for image_id, number in numbers.items() if number is not None}
            return PaperList(name, classes, MappingProxyType(dict.fromkeys(numbers)), split, MappingProxyType(asked))
        if any(number is not None and not 0 <= number < len(classes) for number in numbers.values()):
            raise ValueError("a class index is outside of the classes")
    except (ValueError, KeyError) as error:
        raise ValueError(f"The paper list {file} is broken: {error}.") from error
    return PaperList(name, classes, MappingProxyType(numbers), split)


def _rows(body: str) -> Iterator[tuple[str, str]]:
    """Value and image id of every picture."""
    pattern = ""
    for line in body.splitlines():
        value, shared, rest, numbers = line.split("\t")
        pattern = pattern[: int(shared)] + rest
        if pattern == MD5:
            for at in range(0, len(numbers), _DIGEST):
                yield value, base64.b85decode(numbers[at : at + _DIGEST]).hex()
            continue
        slot = re.search("#+", pattern)
        if slot is None:
            yield value, pattern
            continue
        before, digits, after = pattern[: slot.start()], len(slot[0]), pattern[slot.end() :]
        for number in _numbers(numbers):
            yield value, f"{before}{number:0{digits}d}{after}"


def _numbers(text: str) -> Iterator[int]:
    number = 0
    for part in text.split():
        gap, _, more = part.partition("+")
        number += int(gap)
        yield number
        for _ in range(int(more or 0)):
            number += 1
            yield number
