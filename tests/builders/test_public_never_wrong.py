"""What would give a picture another's label or words, or lose rows in silence: an error, a reject row, or null."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from mmskin_hub.engine.public import build as core
from mmskin_hub.engine.public import values
from mmskin_hub.engine.public.paper_lists import LISTS, paper_list
from mmskin_hub.errors import MmskinError, NothingUsable, WrongUse
from mmskin_hub.registry import PUBLIC
from tests.builders.drawn_public import lay, picture, table

HAM = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
ARCHIVE = ("isic_id", "attribution", "copyright_license", "diagnosis_1", "diagnosis_2", "diagnosis_3", "image_type")


def build(name: str, root: Path, **options: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The published rows by id, and the reject rows."""
    spec = importlib.import_module(PUBLIC[name].module).SPEC
    out = root.parent / f"{root.name}-out"
    record = core.build(spec, core.Request(raw=root, out=out, **options))
    assert record["counts"]["read"] == record["counts"]["published"] + record["counts"]["rejected"]
    files = [
        file for config in record["configs"] for file in out.glob(f"{config.replace('default', 'data')}/*.parquet")
    ]
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    return {row["id"]: row for row in rows}, pq.read_table(out / "rejects.parquet").to_pylist()


def ham(root: Path, names: dict[str, str], **more: bytes) -> Path:
    rows = [(f"HAM_{name}", name, dx, "histo", "50", "male", "back") for name, dx in names.items()]
    files = {f"HAM10000_images_part_1/{name}.jpg": picture(name.casefold()) for name in names}
    return lay(root, {"HAM10000_metadata": table(HAM, rows), **files, **more})


def test_ids_that_lead_to_one_file_are_refused(tmp_path: Path) -> None:
    raw = ham(tmp_path / "raw", {"ISIC_0024306": "nv", "ISIC_0024307": "mel"})
    rows = [("HAM_1", name, dx, "histo", "50", "male", "back") for name, dx in
            (("ISIC_0024306", "nv"), ("isic_0024306", "mel"), ("ISIC_0024307", "mel"))]  # fmt: skip
    published, rejects = build("ham10000", lay(raw, {"HAM10000_metadata": table(HAM, rows)}))
    assert list(published) == ["ISIC_0024307"]
    assert {row["reason"] for row in rejects} == {"shared_picture"} and len(rejects) == 2


def test_files_that_differ_under_one_name_are_refused(tmp_path: Path) -> None:
    raw = ham(tmp_path / "raw", {"ISIC_0024306": "nv", "ISIC_0024307": "mel"})
    published, rejects = build("ham10000", lay(raw, {"other/ISIC_0024306.jpg": picture("other")}))
    assert list(published) == ["ISIC_0024307"] and [row["reason"] for row in rejects] == ["ambiguous_picture"]
    assert "other/ISIC_0024306.jpg" in rejects[0]["detail"]


def test_the_paper_split_neither_tests_nor_trains_on_an_official_test_picture_it_does_not_list(tmp_path: Path) -> None:
    listed, other = next(iter(paper_list("ham10000").rows)), "ISIC_0099999"
    raw = ham(tmp_path / "raw", {f"ISIC_00000{n:02d}": "nv" for n in range(10)})
    truth = table(HAM, [(f"T_{name}", name, "nv", "histo", "50", "male", "back") for name in (listed, other)])
    test = {f"ISIC2018_Task3_Test_Images/{name}.jpg": picture(name) for name in (listed, other)}
    lay(raw, {"ISIC2018_Task3_Test_GroundTruth.csv": truth, **test})
    published, rejects = build("ham10000", raw, split="paper")
    assert [row["image_id"] for row in rejects] == [other] and rejects[0]["reason"] == "not_listed"
    assert [name for name, row in published.items() if row["split"] == "test"] == [listed]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('image,caption\na.png,"Melanoma is excluded, it is a ne', "no whole table"),
        ('image,caption\na.png,"Nevus" and more\n', "no whole table"),
    ],
)
def test_a_table_that_is_cut_inside_quotes(tmp_path: Path, text: str, error: str) -> None:
    lay(tmp_path / "raw", {"caption.csv": text.encode(), "a.png": picture("a", kind="PNG")})
    with pytest.raises(MmskinError, match=error):
        build("mm_skin_release", tmp_path / "raw")


def test_a_quote_that_swallows_lines_is_a_reject_row_and_a_text_of_two_lines_is_not(tmp_path: Path) -> None:
    text = (
        'image,caption\na.png,"two lines,\nof a caption"\nb.png,"Nevus\nc.png,Melanoma\nd.png,Psoriasis" \ne.png,Acne\n'
    )
    text = text.replace('" \n', '"\n')
    pictures = {f"{name}.png": picture(name, kind="PNG") for name in "abcde"}
    questions = table(("image", "question", "answer"), [("a.png", "What?", "This.")])
    lay(tmp_path / "raw", {"caption.csv": text.encode(), "VQA.csv": questions, **pictures})
    published, rejects = build("mm_skin_release", tmp_path / "raw")
    assert sorted(row["image_id"] for row in published.values() if "caption" in row) == ["a", "e"]
    (row,) = rejects
    assert row["reason"] == "bad_row" and "c.png,Melanoma" in row["detail"]


def archive(root: Path, ids: list[str], paths: list[tuple[str, str, str]]) -> Path:
    rows = [(name, "Anonymous", "CC-0", *path, "dermoscopic") for name, path in zip(ids, paths, strict=True)]
    files = {f"{name}.jpg": picture(name) for name in ids}
    return lay(root, {"metadata.csv": table(ARCHIVE, rows), **files})


def test_an_archive_path_that_ends_with_its_side_has_no_label(tmp_path: Path) -> None:
    paths = [
        ("Benign", "", ""),
        ("Indeterminate", "", ""),
        ("Malignant", "Malignant melanocytic", "Melanoma, NOS"),
        ("Benign", "Benign epidermal proliferations", "Fibroepithelial polyp"),
        ("Benign", "Strange", "Stranger"),
    ]
    names = [f"ISIC_90000{n}" for n in range(5)]
    published, rejects = build("mskcc", archive(tmp_path / "raw", names, paths))
    numbers = {name: row["label"] for name, row in published.items()}
    classes = PUBLIC["mskcc"].classes
    assert [None if n is None else classes[n] for n in (numbers[name] for name in names[:4])] == [
        None, None, "melanoma", "acrochordon",
    ]  # fmt: skip
    assert published[names[0]]["binary"] == "benign" and published[names[1]]["binary"] is None
    assert [(row["image_id"], row["reason"]) for row in rejects] == [(names[4], "unknown_label")]


def test_a_disease_is_known_by_a_coarser_word_where_the_finest_is_new(tmp_path: Path) -> None:
    paths = [("Malignant", "Basal cell carcinoma", "Basal cell carcinoma, of a new kind")] * 10
    published, _ = build("hiba", archive(tmp_path / "raw", [f"ISIC_90000{n}" for n in range(10)], paths))
    assert {row["diagnosis"] for row in published.values()} == {"basal cell carcinoma"}
    assert {row["label_text"] for row in published.values()} == {"Basal cell carcinoma, of a new kind"}


def test_the_folder_of_another_collection_is_refused(tmp_path: Path) -> None:
    ids = list(paper_list("hiba").rows)[:12]
    raw = archive(tmp_path / "raw", ids, [("Malignant", "", "Melanoma, NOS")] * 12)
    with pytest.raises(WrongUse, match="list of hiba"):
        build("bcn20000", raw)


def test_isic2019_needs_its_lesions(tmp_path: Path) -> None:
    one_hot = table(("image", "MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK"), [("a", 1, *[0] * 8)])
    lay(tmp_path / "raw", {"ISIC_2019_Training_GroundTruth.csv": one_hot, "a.jpg": picture("a")})
    with pytest.raises(WrongUse, match="ISIC_2019_Training_Metadata"):
        build("isic2019", tmp_path / "raw")


def test_words_for_nothing_are_null_in_derm1m(tmp_path: Path) -> None:
    said = {
        "filename": "web/a.jpg",
        "caption": "A caption.",
        "standardized_disease": "no definitive diagnosis",
        "ontology_final": "no definitive diagnosis",
        "body_location": "No body location information",
        "symptoms": "No symptom information",
        "age": "No age information",
        "gender": "No gender information",
        "skin_concept_standarized": "No visual concepts",
    }
    csv = table(tuple(said), [tuple(said.values())])
    lay(tmp_path / "raw", {"Derm1M_v2_pretrain.csv": csv, "web/a.jpg": picture("a")})
    (row,) = build("derm1m", tmp_path / "raw")[0].values()
    assert [row[name] for name in ("label", "site", "symptoms", "age_years", "sex")] == [None] * 5
    assert row["ontology"] == [] and row["concepts"] == []


def test_every_folder_of_dermnet_s_list_is_the_class_of_its_list() -> None:
    spec = importlib.import_module(PUBLIC["dermnet"].module).SPEC
    known = {values.key(words): name for words, name in spec.labels.items()}
    listed = paper_list("dermnet")
    for name in listed.rows:
        label = listed.label(name)
        assert label is not None and known[values.key(name.rpartition("/")[0])] == label


def test_the_classes_of_every_list_are_the_registry_s_in_its_order() -> None:
    for name in LISTS:
        if classes := paper_list(name).classes:
            assert classes == PUBLIC[name].classes, name


def test_why_nothing_is_left_is_said(tmp_path: Path) -> None:
    raw = ham(tmp_path / "raw", {"ISIC_0024306": "nv"})
    lay(raw, {"HAM10000_metadata": b"lesion_id,image_id,dx,dx_type,age,sex,localization\nHAM_1,ISIC_1,nv,,,,,\n"})
    with pytest.raises(NothingUsable, match="It has 8 cells, the head 7"):
        build("ham10000", raw)
    lay(raw, {"HAM10000_metadata": table(HAM, [])})
    with pytest.raises(NothingUsable, match="HAM10000_metadata below --raw has no line"):
        build("ham10000", raw)
