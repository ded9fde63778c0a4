"""Write mmskin_hub/engine/public/lists/ from the CSV files of the original release. Run once, by hand:

    python -m benchmarks.make_paper_lists FOLDER

FOLDER holds the release's ``Dataframe/test`` files (HAM10000_test.csv, …, MM-Skin_test.csv). Only ids, class indices
and class names are taken; the questions and answers of MM-Skin_test.csv are counted and left where they are. Written
twice, the files are the same to the byte. tests/engine/public/test_paper_lists.py checks what they must count to.

A class that is not in the lists below, two labels in a row, two rows of one id, or an id that does not come back from
what was written stop the script; an empty label ("[]": three rows of MSKCC) is written as "-".
"""

from __future__ import annotations

import argparse
import ast
import base64
import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mmskin_hub.engine.public import paper_lists

OUT = Path(paper_lists.__file__).parent / "lists"
WIDTH = 100
"""Characters of numbers after which a line is broken: short lines make readable differences."""


def _stem(path: PurePosixPath) -> str:
    return path.stem


def _archive_id(path: PurePosixPath) -> str:
    return path.stem.removesuffix("_downsampled")


def _folder_and_stem(path: PurePosixPath) -> str:
    return f"{path.parent.name}/{path.stem}"


@dataclass(frozen=True)
class Source:
    """One CSV: what it is called here, how its paths become ids, and the classes in the order of the original scripts.

    ``digits`` is the width of a number in its ids, 0 where they are written as they come.
    """

    file: str
    name: str
    split: str
    image_id: Callable[[PurePosixPath], str]
    classes: tuple[str, ...]
    digits: int = 0


_MELANOMA_AND_REST = (
    "actinic keratosis", "basal cell carcinoma", "dermatofibroma", "melanoma", "melanoma metastasis", "nevus", "other",
    "scar", "seborrheic keratosis", "solar lentigo", "squamous cell carcinoma", "vascular lesion",
)  # fmt: skip
_MSKCC = (
    "AIMP", "acrochordon", "actinic keratosis", "angiokeratoma", "atypical melanocytic proliferation",
    "basal cell carcinoma", "cafe-au-lait macule", "dermatofibroma", "lentigo NOS", "lentigo simplex",
    "lichenoid keratosis", "melanoma", "neurofibroma", "nevus", "other", "scar", "seborrheic keratosis",
    "solar lentigo", "squamous cell carcinoma", "vascular lesion", "verruca",
)  # fmt: skip
_HAM = (
    "Actinic Keratoses", "Basal Cell Carcinoma", "Benign Keratosis", "Dermatofibroma", "Melanoma", "Nevus",
    "Vascular lesions",
)  # fmt: skip
_ISIC = (
    "Actinic Keratosis", "Basal Cell Carcinoma", "Benign Keratosis-like Lesions", "Dermatofibroma", "Melanoma",
    "Nevus", "Squamous Cell Carcinoma", "Vascular Lesions",
)  # fmt: skip
_DERMNET = (
    "Acne and rosacea", "Actinic Keratosis Basal Cell Carcinoma and other Malignant Lesions", "Atopic dermatitis",
    "Bullous disease", "Cellulitis Impetigo and other Bacterial Infections", "Eczema", "Exanthems and Drug Eruptions",
    "Hair loss  alopecia and other hair diseases", "Herpes hpv and other stds",
    "Light Diseases and Disorders of Pigmentation", "Lupus and other Connective Tissue diseases",
    "Melanoma Skin Cancer Nevi and Moles", "Nail Fungus and other Nail Disease",
    "Poison ivy  and other contact dermatitis", "Psoriasis pictures Lichen Planus and related diseases",
    "Scabies Lyme Disease and other Infestations and Bites", "Seborrheic Keratoses and other Benign Tumors",
    "Systemic Disease", "Tinea Ringworm Candidiasis and other Fungal Infections", "Urticaria Hives", "Vascular Tumors",
    "Vasculitis", "Warts Molluscum and other Viral Infections",
)  # fmt: skip
SOURCES = (
    Source("BCN20000_test.csv", "bcn20000", "test", _archive_id, _MELANOMA_AND_REST, 7),
    Source("DDI_2class_test.csv", "ddi", "test", _stem, ("Non-Malignant", "Malignant"), 6),
    Source("Dermnet_test.csv", "dermnet", "test", _folder_and_stem, _DERMNET),
    Source("Fitzpatrick_test.csv", "fitzpatrick17k", "test", _stem, ("benign", "malignant", "non-neoplastic")),
    Source("HAM10000_test.csv", "ham10000", "test", _archive_id, _HAM, 7),
    Source("HIBA_2class_test.csv", "hiba", "test", _archive_id, ("benign", "malignant"), 7),
    Source("ISIC_test.csv", "isic2019", "test", _archive_id, _ISIC, 7),
    Source("MM-Skin_test.csv", "mm_skin_release", "test", _stem, ()),
    Source("MSKCC_test.csv", "mskcc", "test", _archive_id, _MSKCC, 7),
    Source("Patch16_2class_test.csv", "patch16", "test", _stem, ("nontumor", "tumor")),
    Source("Patch16_2class_val.csv", "patch16", "validation", _stem, ("nontumor", "tumor")),
)


def read_source(folder: Path, source: Source) -> dict[str, int | None]:
    """Image id to class index, None for an empty label; for MM-Skin to the number of questions. Raises ValueError."""
    with (folder / source.file).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    ids = [source.image_id(PurePosixPath(row["image"])) for row in rows]
    if not source.classes:
        return dict(Counter(ids))
    found: dict[str, int | None] = {}
    for image_id, row in zip(ids, rows, strict=True):
        labels = ast.literal_eval(row["categories"])
        if image_id in found or len(labels) > 1:
            raise ValueError(f"{source.file}: {image_id} stands there twice, or with {len(labels)} labels.")
        found[image_id] = source.classes.index(labels[0]) if labels else None
    return found


def encode(name: str, split: str, classes: Sequence[str], rows: Mapping[str, int | None], digits: int = 0) -> str:
    """The file of a list, in the format that :mod:`mmskin_hub.engine.public.paper_lists` describes."""
    head = ["# Written by benchmarks/make_paper_lists.py; the format is described in engine/public/paper_lists.py."]
    head += [f"name\t{name}", f"split\t{split}", f"rows\t{len(rows)}", f"value\t{'class' if classes else 'questions'}"]
    head += [f"class\t{label}" for label in classes]
    lines, before = [], ""
    for pattern, value, numbers in _lines(rows, digits):
        shared = next((at for at, (a, b) in enumerate(zip(before, pattern, strict=False)) if a != b), None)
        shared = min(len(before), len(pattern)) if shared is None else shared
        lines.append(f"{value}\t{shared}\t{pattern[shared:]}\t{numbers}")
        before = pattern
    text = "\n".join([*head, "", *lines, ""])
    listed = paper_lists.read_list(name, text)
    if dict(listed.rows if classes else listed.questions) != dict(rows):
        raise ValueError(f"What was written of {name} is not what was read.")
    return text


def _lines(rows: Mapping[str, int | None], digits: int) -> Iterator[tuple[str, str, str]]:
    """Pattern, value and numbers, sorted by pattern and value."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for image_id, index in rows.items():
        pattern, number = _pattern(image_id, digits)
        groups[pattern, "-" if index is None else str(index)].append(number)
    for (pattern, value), numbers in sorted(groups.items()):
        if pattern == paper_lists.MD5:
            parts = [base64.b85encode(bytes.fromhex(number)).decode() for number in sorted(numbers)]
            each = WIDTH // len(parts[0])
            texts = ["".join(parts[at : at + each]) for at in range(0, len(parts), each)]
        else:
            texts = _numbers(sorted(int(number) for number in numbers if number)) or [""]
        yield from ((pattern, value, text) for text in texts)


def _pattern(image_id: str, digits: int) -> tuple[str, str]:
    """An id with its last number taken out, and that number; or the id and "" where it has none."""
    if re.fullmatch("[0-9a-f]{32}", image_id):
        return paper_lists.MD5, image_id
    if not image_id.isascii() or not image_id.isprintable() or "#" in image_id:
        raise ValueError(f"{image_id!r} cannot be written as a pattern.")
    if (last := re.search(r"(\d+)(\D*)$", image_id)) is None:
        return image_id, ""
    wide = len(last[1]) == digits or (last[1].startswith("0") and len(last[1]) > 1)
    slot = "#" * (len(last[1]) if wide else 1)
    return f"{image_id[: last.start()]}{slot}{last[2]}", last[1]


def _numbers(numbers: Sequence[int]) -> list[str]:
    """Sorted numbers as gaps and runs, in lines of about :data:`WIDTH` characters; each begins anew from 0."""
    lines: list[str] = []
    line, before, at = "", 0, 0
    while at < len(numbers):
        last = at
        while last + 1 < len(numbers) and numbers[last + 1] == numbers[last] + 1:
            last += 1
        more = f"+{last - at}" if last > at else ""
        line += f" {numbers[at] - before}{more}"
        before, at = numbers[last], last + 1
        if len(line) >= WIDTH or at == len(numbers):
            lines.append(line.strip())
            line, before = "", 0
    return lines


def main() -> None:
    """Read the CSV files, write the lists, and say how large they are."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the release's CSV files are")
    folder: Path = parser.parse_args().folder
    total = 0
    for source in SOURCES:
        rows = read_source(folder, source)
        data = encode(source.name, source.split, source.classes, rows, source.digits).encode("ascii")
        (OUT / f"{source.name}_{source.split}.txt").write_bytes(data)
        total += len(data)
        print(f"{source.name:16} {source.split:10} {len(rows):6} pictures {len(data):7} bytes")
    print(f"{total} bytes in all")


if __name__ == "__main__":
    main()
