"""Every public dataset in its official layout, old and new schema, folder and zip: each row is what its source says."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.engine.public import build as core
from mmskin_hub.registry import PUBLIC
from tests.builders.drawn_public import lay, picture, table, zipped


def built(name: str, raw: Path, out: Path, **options: Any) -> dict[str, Any]:
    spec = importlib.import_module(PUBLIC[name].module).SPEC
    record = core.build(spec, core.Request(raw=raw, out=out, threads=2, **options))
    counts = record["counts"]
    assert counts["read"] == counts["published"] + counts["rejected"]
    return record


def rows_of(out: Path, config: str = "data") -> dict[str, dict[str, Any]]:
    """The published rows by id, with names in the place of class numbers."""
    from datasets import ClassLabel, Features

    found: dict[str, dict[str, Any]] = {}
    for file in sorted((out / config).glob("*.parquet")):
        read = pq.read_table(file)
        features = Features.from_arrow_schema(read.schema)
        for row in read.to_pylist():
            for name, feature in features.items():
                if isinstance(feature, ClassLabel) and row[name] is not None:
                    row[name] = feature.int2str(row[name])
            assert row["split"] == file.name.split("-")[0]
            assert row["id"] not in found
            found[row["id"]] = row
    return found


def rejects_of(out: Path) -> list[tuple[str, str]]:
    return [(row["image_id"], row["reason"]) for row in pq.read_table(out / "rejects.parquet").to_pylist()]


HAM = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
HAM_ROWS = [
    ("HAM_0000001", "ISIC_0024306", "nv", "histo", "45.0", "male", "back"),
    ("HAM_0000002", "ISIC_0024307", "akiec", "histo", "0.0", "female", "face"),
    ("HAM_0000002", "ISIC_0024308", "akiec", "histo", "", "unknown", "unknown"),
    ("HAM_0000003", "ISIC_0024309", "vasc", "consensus", "80", "female", "scalp"),
]


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab"])
@pytest.mark.parametrize(("mark", "bom", "ends"), [(",", False, "\n"), ("\t", True, "\r\n"), (";", True, "\n")])
def test_ham10000_table_variants(tmp_path: Path, name: str, mark: str, bom: bool, ends: str) -> None:
    pictures = {f"HAM10000_images_part_{1 + n % 2}/{row[1]}.jpg": picture(row[1]) for n, row in enumerate(HAM_ROWS)}
    raw = lay(tmp_path / "raw", {name: table(HAM, HAM_ROWS, mark, bom, ends), **pictures})
    built("ham10000", raw, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert set(rows) == {row[1] for row in HAM_ROWS}
    assert rows["ISIC_0024306"]["label"] == "Nevus" and rows["ISIC_0024306"]["label_text"] == "nv"
    assert rows["ISIC_0024307"]["age_years"] == 0.0 and rows["ISIC_0024307"]["sex"] == "female"
    assert rows["ISIC_0024307"]["binary"] is None and rows["ISIC_0024306"]["binary"] == "benign"
    nothing = rows["ISIC_0024308"]
    assert nothing["age_years"] is nothing["sex"] is nothing["site"] is None
    assert rows["ISIC_0024307"]["split"] == nothing["split"] and rows["ISIC_0024307"]["group_id"] == "HAM_0000002"
    assert rows["ISIC_0024309"]["label"] == "Vascular lesions" and rows["ISIC_0024309"]["site"] == "scalp"
    assert rows["ISIC_0024309"]["licence"] == "CC BY-NC 4.0" and rows["ISIC_0024309"]["modality"] == "dermoscopic"


@pytest.mark.parametrize("folder", ["ISIC2018_Task3_Test_Images", "ISIC2018_Task3_Test_Input"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_ham10000_official_test_is_never_trained_on(tmp_path: Path, folder: str, one_hot: bool) -> None:
    ids = ["ISIC_0034524", "ISIC_0034525"]
    if one_hot:
        columns = ("image", "MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
        truth = table(columns, [(ids[0], "0.0", "1.0", *["0.0"] * 5), (ids[1], "1.0", *["0.0"] * 6)])
    else:
        truth = table(HAM, [("HAM_9", ids[0], "nv", "", "", "", ""), ("HAM_8", ids[1], "mel", "", "", "", "")])
    train = {f"{row[1]}.jpg": picture(row[1]) for row in HAM_ROWS}
    test = {f"{name}.jpg": picture(name) for name in ids}
    raw = lay(
        tmp_path / "raw",
        {
            "HAM10000_metadata": table(HAM, HAM_ROWS),
            "HAM10000_images_part_1.zip": zipped(train),
            f"{folder}.zip": zipped({f"{folder}/{name}": data for name, data in test.items()}),
            "ISIC2018_Task3_Test_GroundTruth.csv": truth,
        },
    )
    for how in ("grouped", "official", "paper"):
        built("ham10000", raw, tmp_path / how, split=how)
        rows = rows_of(tmp_path / how)
        assert {name: rows[name]["label"] for name in ids} == {ids[0]: "Nevus", ids[1]: "Melanoma"}
        assert {rows[name]["split"] for name in ids} == {"test"}
    assert all(rows[row[1]]["split"] != "test" for row in HAM_ROWS)


def test_isic2019_ids_without_downsampled_meet_the_archive(tmp_path: Path) -> None:
    columns = ("image", "MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    hot = {"ISIC_0000001": 1, "ISIC_0053453_downsampled": 7, "ISIC_0000003": 8, "ISIC_0000004": None}
    truth = [(name, *("1.0" if place == at else "0.0" for place in range(9))) for name, at in hot.items()]
    meta = [
        ("ISIC_0000001", "55.0", "anterior torso", "", "female"),
        ("ISIC_0053453_downsampled", "30.0", "", "BCN_0000001", "male"),
        ("ISIC_0000003", "", "", "", ""),
        ("ISIC_0000004", "", "", "", ""),
    ]
    raw = lay(
        tmp_path / "raw",
        {
            "ISIC_2019_Training_GroundTruth.csv": table(columns, truth),
            "ISIC_2019_Training_Metadata.csv": table(
                ("image", "age_approx", "anatom_site_general", "lesion_id", "sex"), meta
            ),
            "ISIC_2019_Training_Input.zip": zipped(
                {f"ISIC_2019_Training_Input/{name}.jpg": picture(name) for name in hot}
            ),
        },
    )
    built("isic2019", raw, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert {name: row["label"] for name, row in rows.items()} == {
        "ISIC_0000001": "Nevus",
        "ISIC_0053453": "Squamous Cell Carcinoma",
    }
    assert rows["ISIC_0053453"]["lesion_id"] == "BCN_0000001" and rows["ISIC_0053453"]["age_years"] == 30
    assert rows["ISIC_0000001"]["site"] == "anterior torso"
    assert sorted(rejects_of(tmp_path / "out")) == [("ISIC_0000003", "unknown_label"), ("ISIC_0000004", "no_label")]


ARCHIVE = {
    "ISIC_0000010": ("nevus", "benign", "Benign", "Benign melanocytic proliferations", "Nevus"),
    "ISIC_0000011": ("melanoma", "malignant", "Malignant", "Malignant melanocytic proliferations", "Melanoma in situ"),
    "ISIC_0000012": ("melanoma metastasis", "malignant", "Malignant", "Melanocytic", "Melanoma metastasis"),
    "ISIC_0000013": ("actinic keratosis", "", "Indeterminate", "Epidermal", "Solar or actinic keratosis"),
    "ISIC_0000014": ("", "", "", "", ""),
}


def archive(tmp_path: Path, new: bool, image_type: str = "dermoscopic") -> Path:
    head = ("isic_id", "attribution", "copyright_license", "age_approx", "anatom_site_general", "image_type",
            "lesion_id", "patient_id", "sex")  # fmt: skip
    tail = ("diagnosis_1", "diagnosis_2", "diagnosis_3", "diagnosis_4") if new else ("diagnosis", "benign_malignant")
    rows = []
    for number, (name, (old, side, *path)) in enumerate(ARCHIVE.items()):
        known = (name, "A clinic", "CC-BY", 40 + number, "head/neck", image_type, f"IL_{number // 2}", f"IP_{number}")
        rows.append((*known, "female", *((*path, "") if new else (old, side))))
    pictures = {f"images/{name}.JPG": picture(name) for name in ARCHIVE}
    return lay(tmp_path / "raw", {"metadata.csv": table((*head, *tail), rows), **pictures})


@pytest.mark.parametrize("new", [False, True])
def test_archive_schemas_say_the_same(tmp_path: Path, new: bool) -> None:
    raw = archive(tmp_path, new)
    for name in ("bcn20000", "mskcc", "hiba"):
        built(name, raw, tmp_path / name)
    bcn, mskcc, hiba = (rows_of(tmp_path / name) for name in ("bcn20000", "mskcc", "hiba"))
    labels = ["nevus", "melanoma", "melanoma metastasis", "actinic keratosis", None]
    assert [bcn[name]["label"] for name in ARCHIVE] == labels
    assert [mskcc[name]["label"] for name in ARCHIVE] == [*labels[:2], "melanoma", *labels[3:]]
    assert [hiba[name]["label"] for name in ARCHIVE] == ["benign", "malignant", "malignant", None, None]
    assert [bcn[name]["binary"] for name in ARCHIVE] == ["benign", "malignant", "malignant", None, None]
    assert hiba["ISIC_0000011"]["label_text"] == ("Melanoma in situ" if new else "melanoma")
    row = bcn["ISIC_0000012"]
    assert (row["licence"], row["attribution"], row["patient_id"], row["lesion_id"], row["age_years"], row["sex"]) == (
        "CC-BY", "A clinic", "IP_2", "IL_1", 42.0, "female",
    )  # fmt: skip
    assert bcn["ISIC_0000012"]["split"] == bcn["ISIC_0000013"]["split"]


def test_archive_modalities(tmp_path: Path) -> None:
    built("hiba", archive(tmp_path, True, "clinical: close-up"), tmp_path / "out")
    assert {row["modality"] for row in rows_of(tmp_path / "out").values()} == {"clinical"}


def test_ddi_tones_are_ranges(tmp_path: Path) -> None:
    rows = [(0, 1, "000001.png", 56, True, "melanoma-in-situ"), (1, 2, "000002.png", 12, False, "nevus")]
    rows += [(2, 3, "000003.png", 34, "False", "wart")]
    columns = ("", "DDI_ID", "DDI_file", "skin_tone", "malignant", "disease")
    pictures = {str(row[2]): picture(row[2], kind="PNG") for row in rows}
    raw = lay(tmp_path / "raw", {"ddi_metadata.csv": table(columns, rows), **pictures})
    built("ddi", raw, tmp_path / "out")
    found = rows_of(tmp_path / "out")
    assert {
        name: (row["label"], row["skin_tone"], row["label_text"], row["binary"]) for name, row in found.items()
    } == {
        "000001": ("Malignant", "V-VI", "melanoma-in-situ", "malignant"),
        "000002": ("Non-Malignant", "I-II", "nevus", "benign"),
        "000003": ("Non-Malignant", "III-IV", "wart", "benign"),
    }


def test_fitzpatrick17k(tmp_path: Path) -> None:
    columns = ("md5hash", "fitzpatrick_scale", "fitzpatrick_centaur", "label", "nine_partition_label",
               "three_partition_label", "qc", "url", "url_alphanum")  # fmt: skip
    md5 = [f"{n:032x}" for n in range(3)]
    rows = [
        (md5[0], 3, 3, "psoriasis", "inflammatory", "non-neoplastic", "", "https://a.example/a.jpg", "ajpg.jpg"),
        (
            md5[1],
            -1,
            1,
            "melanoma",
            "malignant melanoma",
            "malignant",
            "1 Diagnostic",
            "https://a.example/b.jpg",
            "b.jpg",
        ),
        (md5[2], 6, 6, "keloid", "benign dermal", "benign", "", "", ""),
    ]
    pictures = {f"images/{md5[0]}.jpg": picture(0), "images/b.jpg": picture(1)}
    raw = lay(tmp_path / "raw", {"fitzpatrick17k.csv": table(columns, rows), **pictures})
    built("fitzpatrick17k", raw, tmp_path / "out", allow_missing=True)
    found = rows_of(tmp_path / "out")
    assert found[md5[0]]["skin_tone"] == "III" and found[md5[1]]["skin_tone"] is None
    assert found[md5[0]]["label"] == "non-neoplastic" and found[md5[0]]["binary"] is None
    assert found[md5[1]]["label_text"] == "melanoma" and found[md5[1]]["source_url"] == "https://a.example/b.jpg"
    assert rejects_of(tmp_path / "out") == [(md5[2], "missing_picture")]


def test_scin_joins_its_tables(tmp_path: Path) -> None:
    cases = (
        "case_id", "age_group", "sex_at_birth", "fitzpatrick_skin_type", "body_parts_arm", "body_parts_head_or_neck",
        "image_1_path", "image_2_path", "image_3_path",
    )  # fmt: skip
    labels = ("case_id", "weighted_skin_condition_label", "dermatologist_fitzpatrick_skin_type_label_1",
              "monk_skin_tone_label_us", "monk_skin_tone_label_india")  # fmt: skip
    path = "dataset/images/{}.png"
    raw = lay(
        tmp_path / "raw",
        {
            "dataset/scin_cases.csv": table(
                cases,
                [
                    ("-11", "AGE_18_TO_29", "FEMALE", "FST2", "YES", "YES", path.format("-1"), path.format("2"), ""),
                    ("12", "AGE_UNKNOWN", "OTHER_OR_UNSPECIFIED", "NONE_IDENTIFIED", "", "", path.format("3"), "", ""),
                    ("13", "", "MALE", "", "", "", path.format("4"), "", ""),
                ],
            ),
            "dataset/scin_labels.csv": table(
                labels,
                [
                    ("-11", "{'Eczema': 0.6, 'Tinea': 0.4}", "FST3", "4", "5"),
                    ("12", "{'Eczema': 0.5, 'Tinea': 0.5}", "FST5", "", "7"),
                    ("13", "{}", "", "", ""),
                ],
            ),
            **{path.format(name): picture(name, kind="PNG") for name in ("-1", "2", "3", "4")},
        },
    )
    built("scin", raw, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert [rows[name]["label"] for name in ("-1", "2", "3", "4")] == ["Eczema", "Eczema", None, None]
    assert rows["-1"]["split"] == rows["2"]["split"] and rows["-1"]["group_id"] == "-11"
    assert [(rows[n]["skin_tone"], rows[n]["monk_tone"], rows[n]["sex"]) for n in ("-1", "3", "4")] == [
        ("II", 4, "female"), ("V", 7, None), (None, None, "male"),
    ]  # fmt: skip
    assert rows["-1"]["site"] == "arm; head or neck" and rows["-1"]["age_group"] == "AGE_18_TO_29"


@pytest.mark.parametrize("zip_it", [False, True])
def test_dermnet_reads_folders(tmp_path: Path, zip_it: bool) -> None:
    names = {
        "train/Acne and Rosacea Photos/cystic-acne-1.jpg": "Acne and rosacea",
        "test/Acne and Rosacea Photos/cystic-acne-12.jpg": "Acne and rosacea",
        "train/Urticaria Hives/hives-3.jpg": "Urticaria Hives",
        "test/Urticaria Hives/hives-acute-1.jpg": "Urticaria Hives",
        "train/Hair Loss Photos Alopecia and other Hair Diseases/alopecia-2.jpg": (
            "Hair loss  alopecia and other hair diseases"
        ),
    }
    files = {name: picture(name) for name in names}
    raw = lay(tmp_path / "raw", {"dermnet.zip": zipped(files)} if zip_it else files)
    lay(raw, {"test/A folder nobody knows/x-1.jpg": picture("x")})
    built("dermnet", raw, tmp_path / "official", split="official")
    rows = rows_of(tmp_path / "official")
    assert {name: row["label"] for name, row in rows.items()} == {
        name.removesuffix(".jpg"): label for name, label in names.items()
    }
    assert all(name.startswith(row["split"] + "/") for name, row in rows.items())
    assert rejects_of(tmp_path / "official") == [("A folder nobody knows/x-1", "unknown_label")]
    built("dermnet", raw, tmp_path / "grouped")
    rows = rows_of(tmp_path / "grouped")
    series = [row["split"] for row in rows.values() if "cystic-acne" in row["id"]]
    assert len(series) == 2 and len(set(series)) == 1


def test_patch16_goes_by_slide(tmp_path: Path) -> None:
    tissues = ["nontumor_skin_dermis_dermis", "tumor_skin_naevus_naevus", "tumor_skin_melanoma_melanoma"]
    sets = ["Train", "Validation", "Test"]
    rows, pictures = [], {}
    for number, (tissue, part) in enumerate(zip(tissues, sets, strict=True)):
        for tile in range(2):
            path = f"data/tiles/{tissue}/{tissue}_ws_{number}_{tile}.jpg"
            rows.append((path, tissue, "x", part))
            pictures[path] = picture(path)
    rows.append(("data/tiles/skin_of_another_kind/a_ws_9_1.jpg", "skin_of_another_kind", "x", "Test"))
    raw = lay(tmp_path / "raw", {"data/tiles-v2.csv": table(("file", "class", "malignicy", "set"), rows), **pictures})
    built("patch16", raw, tmp_path / "out", split="official")
    found = rows_of(tmp_path / "out")
    for number, (tissue, part) in enumerate(zip(tissues, sets, strict=True)):
        row = found[f"{tissue}_ws_{number}_1"]
        assert (row["label_text"], row["group_id"]) == (tissue, f"ws_{number}")
        assert row["split"] == {"Train": "train", "Validation": "validation", "Test": "test"}[part]
    assert [row["label"] for _, row in sorted(found.items())][::2] == ["nontumor", "tumor", "tumor"]
    assert {row["binary"] for row in found.values()} == {None, "benign", "malignant"}
    assert rejects_of(tmp_path / "out") == [("a_ws_9_1", "unknown_label")]


def test_mm_skin_release_has_two_configs(tmp_path: Path) -> None:
    names = [f"bk{book}_{number}.png" for book in (1, 2, 3) for number in (1, 2)]
    captions = [
        (f"dataset/{name}", f"A lesion, no. {name}", "skin" if "bk1" in name else "pathology") for name in names
    ]
    asked = [(f"dataset/{name}", question, "Yes.") for name in names for question in ("Is it red?", "Is it flat?")]
    raw = lay(
        tmp_path / "raw",
        {
            "caption.csv": table(("image", "caption", "modality"), captions),
            "VQA.csv": table(("image", "question", "answer"), asked),
            **{f"dataset/{name}": picture(name, kind="PNG") for name in names},
        },
    )
    record = built("mm_skin_release", raw, tmp_path / "out")
    first, second = rows_of(tmp_path / "out", "captions"), rows_of(tmp_path / "out", "open_vqa")
    assert len(first) == 6 and len(second) == 12 and set(record["configs"]) == {"captions", "open_vqa"}
    assert {row["modality"] for row in first.values()} == {"clinical", "pathology"}
    books: dict[str, set[str]] = {}
    for row in second.values():
        books.setdefault(row["group_id"], set()).add(row["split"])
    assert set(books) == {"bk1", "bk2", "bk3"} and all(len(splits) == 1 for splits in books.values())
    assert "label" not in next(iter(second.values()))


def test_derm1m_levels(tmp_path: Path) -> None:
    columns = ("filename", "caption", "truncated_caption", "standardized_disease", "ontology_final",
               "skin_concept_standarized", "body_location", "symptoms", "age", "gender", "source")  # fmt: skip
    train = [
        ("pubmed/a.png", "Tinea on the arm.", "Tinea", "tinea corporis", "inflammatory > infectious > fungal > tinea",
         "['erythema', 'plaque']", "arm", "itch", "45", "male", "pubmed"),
        ("pubmed/a.png", "The same again.", "", "tinea corporis", "inflammatory, infectious, fungal, tinea", "", "",
         "", "forties", "", "pubmed"),
    ]  # fmt: skip
    held = [("yt/b.jpg", "A mole.", "", "no definitive diagnosis", "", "", "", "", "", "F", "youtube")]
    raw = lay(
        tmp_path / "raw",
        {
            "Derm1M_v2_pretrain.csv": table(columns, train),
            "Derm1M_v2_validation.csv": table(columns, held),
            "pubmed.zip": zipped({"pubmed/a.png": picture("a", kind="PNG")}),
            "yt.zip": zipped({"yt/b.jpg": picture("b")}),
        },
    )
    record = built("derm1m", raw, tmp_path / "out", split="official")
    rows = {row["caption"]: row for row in rows_of(tmp_path / "out").values()}
    path = ["inflammatory", "infectious", "fungal", "tinea"]
    assert rows["Tinea on the arm."]["ontology"] == rows["The same again."]["ontology"] == path
    assert rows["Tinea on the arm."]["concepts"] == ["erythema", "plaque"] and rows["A mole."]["label"] is None
    assert (rows["A mole."]["sex"], rows["A mole."]["split"]) == ("female", "validation")
    assert rows["The same again."]["age_years"] is None
    assert record["counts"]["cells_not_understood"] == {"age_years": 1}


def pad(rows: int) -> bytes:
    columns = ("patient_id", "lesion_id", "age", "gender", "fitspatrick", "region", "diagnostic", "img_id", "biopsed")
    made = [(f"PAT_{n}", n, 50, "MALE", "2.0", "ARM", "NEV", f"PAT_{n}_{n}_{n}.png", "True") for n in range(rows)]
    return table(columns, made)


def test_pad_in_zips_inside_a_zip(tmp_path: Path) -> None:
    parts = {
        f"images/imgs_part_{part}.zip": zipped(
            {f"imgs_part_{part}/PAT_{n}_{n}_{n}.PNG": picture(n, kind="PNG") for n in range(part - 1, 6, 3)}
        )
        for part in (1, 2, 3)
    }
    raw = lay(tmp_path / "raw", {"zr7vgbcyr2-1.zip": zipped({**parts, "metadata.csv": pad(6)})})
    built("pad_ufes_20", raw, tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert len(rows) == 6 and rows["PAT_3_3_3.png"]["sha256"]
    assert {(row["skin_tone"], row["label"], row["sex"], row["binary"]) for row in rows.values()} == {
        ("II", "Nevus", "male", "benign")
    }


def test_the_same_files_give_the_same_bytes_zipped_or_not_with_any_number_of_workers(tmp_path: Path) -> None:
    pictures = {f"imgs_part_1/imgs_part_1/PAT_{n}_{n}_{n}.png": picture(n, (700, 600), "PNG") for n in range(12)}
    lay(tmp_path / "a", {"metadata.csv": pad(12), **pictures})
    lay(tmp_path / "b", {"metadata.csv": pad(12), "imgs_part_1.zip": zipped(pictures)})
    spec = importlib.import_module(PUBLIC["pad_ufes_20"].module).SPEC
    records = [
        core.build(spec, core.Request(raw=tmp_path / raw, out=tmp_path / f"out-{raw}", threads=threads))
        for raw, threads in (("a", 1), ("b", 4))
    ]
    assert records[0]["files"] == records[1]["files"] and records[0]["counts"] == records[1]["counts"]


def test_real_ham10000_row_by_row(tmp_path: Path, shared_data: Path) -> None:
    raw = shared_data / "ham10000"
    record = built("ham10000", raw, tmp_path / "out")
    names = {"akiec": "Actinic Keratoses", "bcc": "Basal Cell Carcinoma", "bkl": "Benign Keratosis",
             "df": "Dermatofibroma", "mel": "Melanoma", "nv": "Nevus", "vasc": "Vascular lesions"}  # fmt: skip
    rows = rows_of(tmp_path / "out")
    splits: dict[str, set[str]] = {}
    with (raw / "HAM10000_metadata").open(newline="") as file:
        said = list(csv.DictReader(file))
    assert len(rows) == len(said) == 1917
    for line in said:
        row = rows[line["image_id"]]
        assert (row["label"], row["label_text"]) == (names[line["dx"]], line["dx"])
        assert row["age_years"] == (float(line["age"]) if line["age"] else None)
        assert row["sex"] == (None if line["sex"] == "unknown" else line["sex"])
        assert row["lesion_id"] == line["lesion_id"]
        assert row["site"] == (None if line["localization"] == "unknown" else line["localization"])
        splits.setdefault(line["lesion_id"], set()).add(row["split"])
    assert all(len(found) == 1 for found in splits.values())
    share = record["split"]["rows"]
    assert 0.08 < share["test"] / 1917 < 0.12 and 0.08 < share["validation"] / 1917 < 0.12
    assert record["split"]["pictures_copied"] == 1917
    one = rows["ISIC_0024312"]
    assert one["image"]["bytes"] == next(raw.rglob("ISIC_0024312.jpg")).read_bytes()
    assert record["counts"]["differs"]["images"] == {"here": 1917, "expected": 10015}


def test_real_pad_row_by_row(tmp_path: Path, shared_data: Path) -> None:
    from mmskin_hub.errors import MmskinError

    raw = shared_data / "pad_ufes_20"
    with pytest.raises(MmskinError, match=r"2,117 of 2,298 pictures of pad_ufes_20 are missing") as caught:
        built("pad_ufes_20", raw, tmp_path / "out")
    assert "--allow-missing" in str(caught.value) and "mendeley" in str(caught.value)
    assert not (tmp_path / "out").exists()
    built("pad_ufes_20", raw, tmp_path / "out", allow_missing=True)
    rows = rows_of(tmp_path / "out")
    with (raw / "metadata.csv").open(newline="") as file:
        said = {line["img_id"]: line for line in csv.DictReader(file)}
    assert len(rows) == 181 and len(rejects_of(tmp_path / "out")) == 2117
    codes = {"ACK": "Actinic Keratosis", "BCC": "Basal Cell Carcinoma", "MEL": "Melanoma", "NEV": "Nevus",
             "SCC": "Squamous Cell Carcinoma", "SEK": "Seborrheic Keratosis"}  # fmt: skip
    tones = {"": None, **{f"{n}.0": tone for n, tone in enumerate(("I", "II", "III", "IV", "V", "VI"), 1)}}
    for name, row in rows.items():
        line = said[name]
        assert (row["label"], row["patient_id"], row["lesion_id"], row["site"], row["skin_tone"]) == (
            codes[line["diagnostic"]],
            line["patient_id"],
            line["lesion_id"],
            line["region"],
            tones[line["fitspatrick"]],
        )
        assert row["age_years"] == float(line["age"]) and row["sex"] == (line["gender"].lower() or None)


def test_load_dataset_reads_it_back(tmp_path: Path) -> None:
    from datasets import load_dataset

    pictures = {f"PAT_{n}_{n}_{n}.png": picture(n, (600, 300), "PNG") for n in range(20)}
    built("pad_ufes_20", lay(tmp_path / "raw", {"metadata.csv": pad(20), **pictures}), tmp_path / "out")
    found = load_dataset(str(tmp_path / "out"))
    assert set(found) == {"train", "validation", "test"} and sum(map(len, found.values())) == 20
    row = found["train"][0]
    assert row["image"].size == (512, 256) and (row["width"], row["height"]) == (600, 300)
    assert found["train"].features["label"].names == list(PUBLIC["pad_ufes_20"].classes)
    assert json.loads((tmp_path / "out" / "build.json").read_text())["version"] == "0.1.0"


def test_raw_may_be_one_zip(tmp_path: Path) -> None:
    files = {f"pad/PAT_{n}_{n}_{n}.png": picture(n, kind="PNG") for n in range(5)}
    lay(tmp_path, {"all.zip": zipped({"pad/metadata.csv": pad(5), **files})})
    built("pad_ufes_20", tmp_path / "all.zip", tmp_path / "out")
    assert len(rows_of(tmp_path / "out")) == 5
