"""Every class of every dataset has its row, in words of the vocabulary, and says no more than its label."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from mmskin_hub.derive.vqa.vocabulary import vocabulary
from mmskin_hub.engine.public.harmony import (
    LEVELS,
    MALIGNANCY,
    UNKNOWN,
    Harmonised,
    harmonise,
    malignancy_of,
    of_term,
    table,
)
from mmskin_hub.engine.public.paper_lists import LISTS, paper_list

# Findings that a dataset has as a class: terms of the vocabulary, but of lesions.
LESIONS = {"abscess", "ecchymosis", "petechia", "purpura", "scar", "telangiectasia"}
# Names the vocabulary does not have.
NEW = {
    "acral melanotic macule",
    "atypical intraepithelial melanocytic proliferation",
    "atypical melanocytic proliferation",
    "mucosal melanotic macule",
}
# Diagnoses whose path is not the vocabulary's: no neoplasms (acanthosis), of uncertain potential, or filed under two.
OTHERWISE = {
    "acanthosis nigricans",
    "confluent and reticulated papillomatosis",
    "intertrigo",
    "lichen planus-like keratosis",
    "melanocytic tumor of uncertain malignant potential",
    "melanocytoma",
    "viral exanthem",
}
# Neither benign nor malignant by its path, which is that of the histiocytoses and mastocytoses.
BENIGN = {"juvenile xanthogranuloma", "urticaria pigmentosa"}

CLASSES = {
    "ham10000": ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"],
    "isic2019": ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"],
    "pad_ufes_20": ["ACK", "BCC", "MEL", "NEV", "SCC", "SEK"],
    "ddi": ["malignant", "non-malignant"],
    "fitzpatrick17k": ["benign", "malignant", "non-neoplastic"],
    "hiba": ["benign", "malignant", "actinic keratosis", "lichenoid keratosis", "vascular lesion", "nevus"],
    "patch16": [
        "nontumor_skin_chondraltissue_chondraltissue",
        "nontumor_skin_dermis_dermis",
        "nontumor_skin_elastosis_elastosis",
        "nontumor_skin_epidermis_epidermis",
        "nontumor_skin_hairfollicle_hairfollicle",
        "nontumor_skin_muscle_skeletal",
        "nontumor_skin_necrosis_necrosis",
        "nontumor_skin_nerves_nerves",
        "nontumor_skin_sebaceousglands_sebaceousglands",
        "nontumor_skin_subcutis_subcutis",
        "nontumor_skin_sweatglands_sweatglands",
        "nontumor_skin_vessel_vessel",
        "tumor_skin_epithelial_bcc",
        "tumor_skin_epithelial_sqcc",
        "tumor_skin_melanoma_melanoma",
        "tumor_skin_naevus_naevus",
    ],
}
ROWS = {"ddi": 80, "scin": 90, "fitzpatrick17k": 114 + 13 - 2, "dermnet": 31}


def _rows(dataset: str) -> dict[str, Harmonised]:
    return {label: row for (name, label), row in table().items() if name == dataset}


@pytest.mark.parametrize("dataset", CLASSES)
def test_codes_and_classes(dataset: str) -> None:
    for label in CLASSES[dataset]:
        assert any(harmonise(dataset, label) is row for row in _rows(dataset).values()), label


@pytest.mark.parametrize("dataset", [name for name in LISTS if name != "mm_skin_release"])
def test_classes_of_the_paper(dataset: str) -> None:
    for label in paper_list(dataset).classes:
        assert any(harmonise(dataset, label) is row for row in _rows(dataset).values()), label


def test_folders() -> None:
    """A folder and its class in the paper are one; so are those of PATCH16, as the ids of the lists show."""
    dermnet = paper_list("dermnet")
    for image_id in dermnet.rows:
        folder = harmonise("dermnet", image_id.split("/")[0])
        assert folder is not UNKNOWN and folder == harmonise("dermnet", dermnet.label(image_id) or "")
        assert folder.diagnosis is None
    tiles = {image_id.split("_ws_")[0] for image_id in paper_list("patch16").rows}
    assert tiles == set(CLASSES["patch16"])


def test_numbers_of_labels() -> None:
    for dataset, count in ROWS.items():
        assert len(_rows(dataset)) >= count, dataset


def test_fitzpatrick(shared_data: Path) -> None:
    """All 114 labels, nine and three partitions; where the three say otherwise, we say why not."""
    with (shared_data / "text" / "fitzpatrick17k.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = {row[column] for row in rows for column in ("label", "nine_partition_label", "three_partition_label")}
    assert {name for name in names if harmonise("fitzpatrick17k", name) is UNKNOWN} == set()
    differ = {
        row["label"]
        for row in rows
        if harmonise("fitzpatrick17k", row["label"]).malignancy != row["three_partition_label"]
    }
    assert differ == {
        "actinic keratosis",
        "disseminated actinic porokeratosis",
        "porokeratosis actinic",
        "porokeratosis of mibelli",  # premalignant, of which the three know nothing
        "juvenile xanthogranuloma",
        "keloid",
        "urticaria pigmentosa",  # benign proliferations
        "langerhans cell histiocytosis",  # open
        "lymphangioma",
        "port wine stain",
        "telangiectases",  # malformed and widened vessels
        "prurigo nodularis",  # a reaction
    }


def test_diagnoses_are_terms_of_the_vocabulary() -> None:
    terms = vocabulary().terms
    for row in table().values():
        if row.diagnosis in NEW:
            assert row.diagnosis not in terms
        elif row.diagnosis is not None:
            assert terms[row.diagnosis].kind == ("lesion" if row.diagnosis in LESIONS else "diagnosis")
    used = {row.diagnosis for row in table().values()}
    assert used >= NEW | LESIONS | OTHERWISE | BENIGN


def test_paths() -> None:
    terms = vocabulary().terms
    groups = {term.path[0] for term in terms.values() if term.kind == "diagnosis"}
    for (dataset, label), row in table().items():
        assert len(row.path) <= LEVELS and all(part == part.strip() != "" for part in row.path), label
        assert row.group in groups or row.group is None or (dataset == "patch16" and row.group == "tissue"), label
        if row.diagnosis is not None:
            assert row.path[-1] == row.diagnosis
            if row.diagnosis not in NEW | LESIONS:
                assert (row.path == of_term(terms[row.diagnosis]).path) is (row.diagnosis not in OTHERWISE), label


def test_malignancy_follows_the_path() -> None:
    for (_, label), row in table().items():
        assert row.malignancy is None or row.malignancy in MALIGNANCY
        if row.diagnosis is not None:
            expected = "benign" if row.diagnosis in BENIGN else malignancy_of(row.path)
            assert row.malignancy == expected, label
        elif row.malignancy is not None:
            assert row.malignancy == malignancy_of(row.path) or not row.path, label


def test_one_diagnosis_is_the_same_everywhere() -> None:
    known: dict[str, Harmonised] = {}
    for row in table().values():
        if row.diagnosis is not None:
            first = known.setdefault(row.diagnosis, row)
            assert (first.malignancy, first.path) == (row.malignancy, row.path)


@pytest.mark.parametrize(
    ("dataset", "label", "diagnosis", "malignancy"),
    [
        ("ham10000", "akiec", "actinic keratosis", "premalignant"),
        ("ham10000", "nv", "melanocytic nevus", "benign"),
        ("ham10000", "bkl", None, "benign"),
        ("ham10000", "vasc", None, "benign"),
        ("isic2019", "scc", "squamous cell carcinoma", "malignant"),
        ("isic2019", "UNK", None, None),
        ("pad_ufes_20", "SEK", "seborrheic keratosis", "benign"),
        ("bcn20000", "melanoma metastasis", "metastatic melanoma", "malignant"),
        ("bcn20000", "Squamous cell carcinoma in situ, Bowens disease", "Bowen disease", "malignant"),
        ("bcn20000", "other", None, None),
        ("mskcc", "AIMP", "atypical intraepithelial melanocytic proliferation", None),
        ("mskcc", "cafe-au-lait macule", "cafe-au-lait macule", "non-neoplastic"),
        ("hiba", "malignant", None, "malignant"),
        ("ddi", "squamous-cell-carcinoma-keratoacanthoma", "keratoacanthoma", "malignant"),
        ("ddi", "nodular-melanoma-(nm)", "nodular melanoma", "malignant"),
        ("ddi", "lymphocytic-infiltrations", None, None),
        ("fitzpatrick17k", "lentigo maligna", "lentigo maligna", "malignant"),
        ("fitzpatrick17k", "mucous cyst", None, "benign"),
        ("fitzpatrick17k", "sarcoidosis", "sarcoidosis", "non-neoplastic"),
        ("scin", "SCC/SCCIS", "squamous cell carcinoma", "malignant"),
        ("scin", "O/E - ecchymoses present", "ecchymosis", "non-neoplastic"),
        ("patch16", "tumor_skin_naevus_naevus", "melanocytic nevus", "benign"),
        ("patch16", "tumor", None, None),
        ("dermnet", "Melanoma Skin Cancer Nevi and Moles", None, None),
    ],
)
def test_known_labels(dataset: str, label: str, diagnosis: str | None, malignancy: str | None) -> None:
    row = harmonise(dataset, label)
    assert (row.diagnosis, row.malignancy) == (diagnosis, malignancy)
    for spelled in (label.upper(), f" {label.lower()} ", label.replace("-", " ").replace(" ", "_")):
        assert harmonise(dataset, spelled) == row


def test_labels_beyond_the_table() -> None:
    """The whole label is a diagnosis, or nothing is said."""
    sclerosus = harmonise("scin", "Lichen sclerosus")
    assert sclerosus.path == ("inflammatory", "lichenoid dermatitis", "lichen sclerosus")
    assert sclerosus.malignancy == "non-neoplastic"
    assert harmonise("scin", "Merkel cell carcinoma").malignancy == "malignant"
    assert harmonise("scin", "Acanthosis nigricans").group == "other"  # as the table files it
    assert harmonise("derm1m", "Erdheim-Chester disease").malignancy is None
    for label in ("not melanoma", "melanoma or nevus", "macule", "No definitive diagnosis", "", "benign", "xyzzy"):
        assert harmonise("scin", label) is UNKNOWN
    assert harmonise("pad_ufes_20", "akiec") is UNKNOWN
