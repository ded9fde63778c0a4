"""The downloads that the pages name, as their official sources lay them out, with some pictures of each class."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from mmskin_hub.engine.public.paper_lists import LISTS, paper_list
from mmskin_hub.registry import PUBLIC
from tests.builders.drawn_public import lay, picture, table

EIGHT = ("ham10000", "isic2019", "hiba", "pad_ufes_20", "ddi", "fitzpatrick17k", "dermnet", "patch16")
"""The benchmarks of the paper."""
LISTED, OTHERS = 1, 8
"""Pictures of each class that the original release's test list holds, and others (from seven on a class is split)."""
_SIZE = (48, 40)
_HAM = {"akiec": "Actinic Keratoses", "bcc": "Basal Cell Carcinoma", "bkl": "Benign Keratosis",
        "df": "Dermatofibroma", "mel": "Melanoma", "nv": "Nevus", "vasc": "Vascular lesions"}  # fmt: skip
_ISIC = {"AK": "Actinic Keratosis", "BCC": "Basal Cell Carcinoma", "BKL": "Benign Keratosis-like Lesions",
         "DF": "Dermatofibroma", "MEL": "Melanoma", "NV": "Nevus", "SCC": "Squamous Cell Carcinoma",
         "VASC": "Vascular Lesions"}  # fmt: skip
_PAD = {"ACK": "Actinic Keratosis", "BCC": "Basal Cell Carcinoma", "MEL": "Melanoma", "NEV": "Nevus",
        "SEK": "Seborrheic Keratosis", "SCC": "Squamous Cell Carcinoma"}  # fmt: skip


def lay_raw(root: Path) -> None:
    """Every download below ``root``, each in a folder of its own."""
    for name in EIGHT:
        LAYOUTS[name](root / name)
    _mm_skin(root / "MM-Skin")


def images(dataset: str, other: str) -> Iterator[tuple[int, str, str]]:
    """Number, id and class of the pictures of a dataset: some of the original's list, and ``other`` with a number."""
    listed = paper_list(dataset).rows if dataset in LISTS else {}
    number = 0
    for place, label in enumerate(PUBLIC[dataset].classes):
        known = [name for name, index in listed.items() if index == place][:LISTED]
        for at in range(LISTED + OTHERS):
            yield number, known[at] if at < len(known) else other.format(number), label
            number += 1


def _photo(*seed: object, kind: str = "JPEG") -> bytes:
    return picture(seed, _SIZE, kind)


def _ham(root: Path) -> None:
    codes = {label: code for code, label in _HAM.items()}
    rows, test, files = [], [], {}
    for number, name, label in images("ham10000", "ISIC_002{:04}"):
        listed = name.startswith("ISIC_003")  # the official test set of ISIC 2018 comes beside it
        folder = "ISIC2018_Task3_Test_Images" if listed else f"HAM10000_images_part_{1 + number % 2}"
        row = (f"HAM_{number:07}", name, codes[label], "histo", 20 + number % 60, "male", "back")
        (test if listed else rows).append(row)
        files[f"{folder}/{name}.jpg"] = _photo("ham", name)
    columns = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
    tables = {"HAM10000_metadata": table(columns, rows), "ISIC2018_Task3_Test_GroundTruth.csv": table(columns, test)}
    lay(root, {**tables, **files})


def _isic(root: Path) -> None:
    columns = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    truth, known, files = [], [], {}
    for number, name, label in images("isic2019", "ISIC_007{:04}"):
        truth.append((name, *(f"{float(_ISIC.get(column) == label)}" for column in columns)))
        known.append((name, 20 + number % 60, "anterior torso", "", "female"))
        files[f"ISIC_2019_Training_Input/{name}.jpg"] = _photo("isic", name)
    # One picture is also in the test set of HAM10000, as many of the real one are: the audit has something to find.
    shared = next(name for number, name, _ in images("ham10000", "ISIC_002{:04}") if number == 0)
    truth.append((shared, *("1.0" if column == "AK" else "0.0" for column in columns)))
    known.append((shared, 29, "", "", "male"))
    files[f"ISIC_2019_Training_Input/{shared}.jpg"] = _photo("ham", shared)
    tables = {
        "ISIC_2019_Training_GroundTruth.csv": table(("image", *columns), truth),
        "ISIC_2019_Training_Metadata.csv": table(
            ("image", "age_approx", "anatom_site_general", "lesion_id", "sex"), known
        ),
    }
    lay(root, {**tables, **files})


def _hiba(root: Path) -> None:
    rows, files = [], {}
    for number, name, label in images("hiba", "ISIC_008{:04}"):
        words = "Melanoma" if label == "malignant" else "Nevus"
        rows.append((name, "A clinic", "CC-BY", 40, "head/neck", "dermoscopic", f"IL_{number}", f"IP_{number}",
                     "female", label.capitalize(), "", words, ""))  # fmt: skip
        files[f"images/{name}.jpg"] = _photo("hiba", name)
    columns = ("isic_id", "attribution", "copyright_license", "age_approx", "anatom_site_general", "image_type",
               "lesion_id", "patient_id", "sex", "diagnosis_1", "diagnosis_2", "diagnosis_3",
               "diagnosis_4")  # fmt: skip
    lay(root, {"metadata.csv": table(columns, rows), **files})


def _pad(root: Path) -> None:
    codes = {label: code for code, label in _PAD.items()}
    rows, files = [], {}
    for number, name, label in images("pad_ufes_20", "PAT_{0}_{0}_{0}"):
        rows.append((f"PAT_{number}", number, 50, "MALE", "2.0", "ARM", codes[label], f"{name}.png", "True"))
        files[f"images/imgs_part_1/imgs_part_1/{name}.png"] = _photo("pad", name, kind="PNG")
    columns = ("patient_id", "lesion_id", "age", "gender", "fitspatrick", "region", "diagnostic", "img_id", "biopsed")
    lay(root, {"metadata.csv": table(columns, rows), **files})


def _ddi(root: Path) -> None:
    rows, files = [], {}
    for number, name, label in images("ddi", "9{:05}"):
        malignant = label == "Malignant"
        rows.append((number, number, f"{name}.png", (12, 34, 56)[number % 3], malignant, "melanoma" if malignant else
                     "nevus"))  # fmt: skip
        files[f"{name}.png"] = _photo("ddi", name, kind="PNG")
    lay(root, {"ddi_metadata.csv": table(("", "DDI_ID", "DDI_file", "skin_tone", "malignant", "disease"), rows),
               **files})  # fmt: skip


def _fitzpatrick(root: Path) -> None:
    rows, files = [], {}
    for number, name, label in images("fitzpatrick17k", "{:032x}"):
        rows.append((name, 1 + number % 6, 1, "psoriasis", "inflammatory", label, "", f"https://a.example/{name}.jpg",
                     f"{name}.jpg"))  # fmt: skip
        files[f"images/{name}.jpg"] = _photo("fitzpatrick", name)
    columns = ("md5hash", "fitzpatrick_scale", "fitzpatrick_centaur", "label", "nine_partition_label",
               "three_partition_label", "qc", "url", "url_alphanum")  # fmt: skip
    lay(root, {"fitzpatrick17k.csv": table(columns, rows), **files})


def _dermnet(root: Path) -> None:
    files = {}
    for number, name, label in images("dermnet", "{}"):
        listed = "/" in name
        place = f"test/{name}" if listed else f"train/{label}/lesion{chr(97 + number % 26)}{number}x-1"
        files[f"{place}.jpg"] = _photo("dermnet", name)
    lay(root, files)


def _patch16(root: Path) -> None:
    tissues = {"nontumor": "nontumor_skin_dermis_dermis", "tumor": "tumor_skin_melanoma_melanoma"}
    rows, files = [], {}
    for number, name, label in images("patch16", "{}"):
        listed = not name.isdigit()
        tissue = name.partition("_ws_")[0] if listed else tissues[label]
        tile = name if listed else f"{tissue}_ws_{9000 + number}_1"
        path = f"data/tiles/{tissue}/{tile}.jpg"
        rows.append((path, tissue, "x", "Test" if listed else "Validation" if number % 4 == 3 else "Train"))
        files[path] = _photo("patch16", name)
    lay(root, {"data/tiles-v2.csv": table(("file", "class", "malignicy", "set"), rows), **files})


LAYOUTS = dict(zip(EIGHT, (_ham, _isic, _hiba, _pad, _ddi, _fitzpatrick, _dermnet, _patch16), strict=True))


def _mm_skin(root: Path) -> None:
    """MM-Skin as its authors published it: tables and pictures, some of them on their test list."""
    listed = [name for name in paper_list("mm_skin_release").rows if name.startswith("bk1")][:6]
    names = [*listed, *(f"bk{book}_9{number}" for book in (4, 5, 6, 7) for number in range(4))]
    kinds = ("skin", "dermoscopy", "pathology")
    captions = [(f"dataset/{name}.png", f"A red plaque on the arm, no. {name}.", kinds[number % 3])
                for number, name in enumerate(names)]  # fmt: skip
    asked = [
        (f"dataset/{name}.png", question, answer)
        for name in names
        for question, answer in (("Is the lesion red?", "Yes, it is red."), ("What is shown?", "A red plaque."))
    ]
    held = [row for row in asked if any(name in row[0] for name in listed)]
    columns = ("image", "question", "answer")
    tables = {
        "caption.csv": table(("image", "caption", "modality"), captions),
        "VQA.csv": table(columns, asked),
        "MM-Skin_test.csv": table(columns, held),
    }
    lay(root, {**tables, **{f"dataset/{name}.png": _photo("mm", name, kind="PNG") for name in names}})


def conversations(raw: Path, file: Path) -> None:
    """The JSON of conversations that the original trained on, about the pictures of ``raw``."""
    made = [
        {"id": str(number), "image": path.name, "conversations": [
            {"from": "human", "value": "<image>\nWhat is seen?"}, {"from": "gpt", "value": "A plaque."},
            {"from": "human", "value": "Where?"}, {"from": "gpt", "value": "On the elbow."}]}
        for number, path in enumerate(sorted((raw / "dataset").glob("*.png")))
    ]  # fmt: skip
    file.write_text(json.dumps(made), encoding="utf-8")


def test_list(dataset: str, file: Path) -> None:
    """The test list of a dataset, as the original release writes it."""
    found = paper_list(dataset)
    rows = [(f"{dataset}/{name}.jpg", "[]", str([found.label(name)])) for name in found.rows]
    file.write_bytes(table(("image", "atributes", "categories"), rows))


test_list.__test__ = False  # type: ignore[attr-defined]  # what pytest would take for a test
