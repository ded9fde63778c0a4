"""For every check of a dataset, a defect that fails it and no other."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmskin_hub.engine.tables import write_split
from mmskin_hub.hub.gate import judge
from mmskin_hub.registry import DATASETS
from mmskin_hub.schema import captions_features
from tests.hub.gate.made import copied, failing, only, recorded, rewritten, subject_of, told

TRAIN, TEST = "captions/train-00000-of-00001.parquet", "captions/test-00000-of-00001.parquet"
PUBLIC_TRAIN = "data/train-00000-of-00001.parquet"
Rows = list[dict[str, Any]]


# ---- files


def test_a_file_that_is_not_the_one_that_was_built(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    rewritten(out / PUBLIC_TRAIN, lambda rows: told(rows, 0, site="elsewhere"))
    only(subject_of(out), "files", PUBLIC_TRAIN, "not the file that was built")


@pytest.mark.parametrize("name", ["book.pdf", "data/raw.zip", "loader.py", "weights.pkl", "notes.txt"])
def test_a_file_that_does_not_belong(public: Path, tmp_path: Path, name: str) -> None:
    out = copied(public, tmp_path / "out")
    (out / name).write_bytes(b"anything")
    only(subject_of(out), "files", f"{name} does not belong to a dataset")


def test_a_parquet_file_that_the_record_does_not_know(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    shutil.copy(out / "rejects.parquet", out / "dropped.parquet")
    only(subject_of(out), "files", "dropped.parquet is not in build.json")


def test_a_file_that_is_gone(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    (out / PUBLIC_TRAIN).unlink()
    found = judge(subject_of(out))
    # The rows that are gone are missed by the counts too: they are two truths.
    assert failing(found) == ["files", "counts"]


# ---- opens


def test_a_parquet_file_that_does_not_open(books: Path, tmp_path: Path) -> None:
    out = shutil.copytree(books, tmp_path / "out")
    (out / TRAIN).write_bytes((out / TRAIN).read_bytes()[:-100])
    only(subject_of(recorded(out)), "opens", TRAIN, "does not open")


def test_rejects_that_do_not_open(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    (out / "rejects.parquet").write_bytes(b"PAR1")
    only(subject_of(recorded(out)), "opens", "rejects.parquet does not open")


def cut_short(image: dict[str, Any]) -> dict[str, Any]:
    return {**image, "bytes": image["bytes"][: len(image["bytes"]) // 2]}


@pytest.mark.parametrize("damage", [cut_short, lambda image: {**image, "bytes": b"no picture at all"}])
def test_a_picture_that_does_not_decode(books: Path, tmp_path: Path, damage: Callable[[Any], Any]) -> None:
    out = shutil.copytree(books, tmp_path / "out")
    rewritten(out / TRAIN, lambda rows: told(rows, 2, image=damage(rows[2]["image"])))
    verdict = only(subject_of(recorded(out)), "opens", f"{TRAIN} row 3: the picture does not decode")
    assert "0x" not in verdict.found


def test_a_row_without_a_picture(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    rewritten(out / PUBLIC_TRAIN, lambda rows: told(rows, 1, image=None))
    only(subject_of(recorded(out)), "opens", f"{PUBLIC_TRAIN} row 2 holds no picture")


def test_a_damaged_picture_of_a_mixture(mix: Path, tmp_path: Path) -> None:
    out = shutil.copytree(mix, tmp_path / "out")
    rewritten(out / PUBLIC_TRAIN, lambda rows: told(rows, 0, images=[cut_short(rows[0]["images"][0])]))
    only(subject_of(recorded(out)), "opens", "row 1: the picture does not decode")


def test_beyond_the_number_a_sample_is_decoded_always_the_same(public: Path, tmp_path: Path) -> None:
    (verdict,) = (each for each in judge(subject_of(public), {"pictures": 20}) if each.check == "opens")
    assert verdict.passed and "20 of 70 pictures decode" in verdict.found
    whole = next(each for each in judge(subject_of(public)) if each.check == "opens")
    assert "all 70 pictures decode" in whole.found
    # Of 70 pictures with one that is damaged, the sample holds it or not, whenever it is asked.
    out = shutil.copytree(public, tmp_path / "out")
    rewritten(out / PUBLIC_TRAIN, lambda rows: told(rows, 0, image=cut_short(rows[0]["image"])))
    subject = subject_of(recorded(out))
    seen = [tuple(failing(judge(subject, {"pictures": most}))) for most in (10, 30, 50, 70)]
    assert seen == [tuple(failing(judge(subject, {"pictures": most}))) for most in (10, 30, 50, 70)]
    assert seen[-1] == ("opens",) and seen == sorted(seen)


# ---- schema


def test_a_column_that_is_not_registered(books: Path, tmp_path: Path) -> None:
    out = shutil.copytree(books, tmp_path / "out")
    table = pq.read_table(out / TRAIN)
    pq.write_table(table.append_column("physician", pa.array(["x"] * len(table))), out / TRAIN)
    only(subject_of(recorded(out)), "schema", TRAIN, "it has physician")


def test_a_column_of_another_kind(books: Path, tmp_path: Path) -> None:
    from datasets import Features, Value

    out = shutil.copytree(books, tmp_path / "out")
    rows = pq.read_table(out / TRAIN).to_pylist()
    (out / TRAIN).unlink()
    features = Features({**captions_features(), "page": Value("int64")})
    write_split(out / "captions", "train", rows, features, lambda row: row["id"])
    only(subject_of(recorded(out)), "schema", "page is int64, not int32")


def test_classes_that_are_not_those_of_the_registry(public: Path, tmp_path: Path) -> None:
    out = copied(public, tmp_path / "out", lambda record: record["classes"].reverse())
    only(subject_of(out), "schema", "the classes of build.json are not those of the registry")


def test_features_that_only_the_metadata_tells_apart(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    table = pq.read_table(out / PUBLIC_TRAIN)
    told = json.loads(table.schema.metadata[b"huggingface"])
    told["info"]["features"]["label"]["names"].reverse()
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(told)}), out / PUBLIC_TRAIN)
    only(subject_of(recorded(out)), "schema", "their features are others")


def test_a_file_whose_name_says_no_split(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    shutil.copy(out / "rejects.parquet", out / "data" / "more.parquet")
    only(subject_of(recorded(out)), "schema", "data/more.parquet is named like no file of a split")


def test_files_of_a_split_that_are_not_all_there(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    (out / PUBLIC_TRAIN).rename(out / "data" / "train-00000-of-00002.parquet")
    only(subject_of(recorded(out)), "schema", "default/train has 1 of 2 files")


def test_a_reject_table_of_another_form(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    table = pq.read_table(out / "rejects.parquet")
    pq.write_table(table.append_column("who", pa.array([""] * len(table))), out / "rejects.parquet")
    only(subject_of(recorded(out)), "schema", "rejects.parquet: it has who")


def test_a_variant_that_there_is_not(mix: Path, tmp_path: Path) -> None:
    out = copied(mix, tmp_path / "out", lambda record: record.update(variant="everything"))
    found = judge(subject_of(out))
    # The card knows variants by name, too.
    assert failing(found)[0] == "schema"


def test_a_dataset_that_nobody_registered(public: Path, tmp_path: Path) -> None:
    out = copied(public, tmp_path / "out", lambda record: record.update(dataset="mine"))
    assert "mine is not a registered dataset" in next(v.found for v in judge(subject_of(out)) if v.check == "schema")


@pytest.mark.parametrize("name", [name for name, each in DATASETS.items() if each.source == "public"])
def test_every_public_builder_has_its_columns(name: str, public: Path, tmp_path: Path) -> None:
    """What is registered for a dataset is what its own SPEC writes: the columns of another dataset are refused."""
    from mmskin_hub.hub.checks.dataset import features_of
    from mmskin_hub.hub.checks.look import Look
    from mmskin_hub.schema import public_features

    subject = subject_of(copied(public, tmp_path / "out", lambda record: record.update(dataset=name)))
    spec = DATASETS[name].load().SPEC
    wanted = features_of(Look(subject))
    assert set(wanted) == set(DATASETS[name].configs)
    classes = subject.record["classes"]
    assert wanted[spec.config] == public_features(classes, spec.extra, spec.plain)


# ---- counts


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda record: record["counts"].update(pairs=record["counts"]["pairs"] + 1), "published and refused ones"),
        (lambda record: record["counts"].update(pictures=1), "pairs and refused pictures"),
        (lambda record: record["configs"]["captions"]["train"].update(rows=1), "and build.json says 1"),
        (lambda record: record["counts"]["questions"].update(published=3), "questions beside rows of open_vqa"),
        (lambda record: record["counts"]["rejects"].update(annotated=7), "rejects.parquet"),
    ],
)
def test_counts_of_books_that_do_not_balance(
    books: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object], words: str
) -> None:
    only(subject_of(copied(books, tmp_path / "out", edit)), "counts", words)


def test_a_row_that_is_gone_while_the_record_is_as_it_was(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    rewritten(out / PUBLIC_TRAIN, lambda rows: rows[1:])
    only(subject_of(recorded(out)), "counts", "default/train has")


def test_lines_of_a_public_dataset_that_nobody_accounts_for(public: Path, tmp_path: Path) -> None:
    out = copied(public, tmp_path / "out", lambda record: record["counts"].update(read=99))
    only(subject_of(out), "counts", "lines of default beside published and refused ones: 99 and 70")


def test_rows_of_a_mixture_that_nobody_accounts_for(mix: Path, tmp_path: Path) -> None:
    def edit(record: dict[str, Any]) -> None:
        record["counts"]["sources"]["ham10000"]["default"]["capped"] += 2

    only(subject_of(copied(mix, tmp_path / "out", edit)), "counts", "ham10000/default")


def test_rejects_of_another_reason(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    row = {"config": "default", "image_id": "x", "table": "t", "line": 1, "reason": "foreign"}
    rewritten(out / "rejects.parquet", lambda rows: [row, *rows])
    only(subject_of(recorded(out)), "counts", "1 foreign, not 0")


# ---- splits


def with_first_of(source: Path, **changes: Any) -> Callable[[Rows], Rows]:
    """The first row takes values of the first row of ``source``, by column."""
    first = pq.read_table(source).to_pylist()[0]
    taken = {name: first[name] for name, wanted in changes.items() if wanted}
    return lambda rows: told(rows, 0, **taken)


@pytest.mark.parametrize(("column", "word"), [("id", "row"), ("image", "picture"), ("phash", "perceptual hash")])
def test_a_test_row_of_books_that_is_trained_on(books: Path, tmp_path: Path, column: str, word: str) -> None:
    out = shutil.copytree(books, tmp_path / "out")
    rewritten(out / TRAIN, with_first_of(out / TEST, **{column: True}))
    only(subject_of(recorded(out)), "splits", word, TRAIN, TEST)


def test_a_panel_of_a_figure_in_another_split(books: Path, tmp_path: Path) -> None:
    out = shutil.copytree(books, tmp_path / "out")
    name = pq.read_table(out / TEST).column("id")[0].as_py()
    rewritten(out / TRAIN, lambda rows: told(rows, 0, id=f"{name}-B"))
    only(subject_of(recorded(out)), "splits", f"figure {name}")


def test_a_question_of_test_about_a_picture_that_captions_train_on(books: Path, tmp_path: Path) -> None:
    out = shutil.copytree(books, tmp_path / "out")
    name = pq.read_table(out / TRAIN).column("id")[0].as_py()
    asked = out / "open_vqa" / "test-00000-of-00001.parquet"
    rewritten(asked, lambda rows: told(rows, 0, caption_id=name))
    only(subject_of(recorded(out)), "splits", name, "open_vqa/test")


def test_a_book_in_two_splits_where_splits_go_by_book(books: Path, tmp_path: Path) -> None:
    out = copied(books, tmp_path / "out", lambda record: record["options"].update(split_by="book"))
    only(subject_of(out), "splits", "book ")


@pytest.mark.parametrize(
    ("column", "word"), [("patient_id", "patient"), ("lesion_id", "lesion"), ("group_id", "group")]
)
def test_a_patient_lesion_or_group_on_both_sides(public: Path, tmp_path: Path, column: str, word: str) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    for name in ("train", "test"):
        rewritten(out / "data" / f"{name}-00000-of-00001.parquet", lambda rows: told(rows, 0, **{column: "same"}))
    verdict = only(subject_of(recorded(out)), "splits", f"{word} same is in")
    assert "mmskin build ham10000" in verdict.remedy


def test_what_an_official_list_divided_is_told_as_that(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    for name in ("train", "test"):
        rewritten(out / "data" / f"{name}-00000-of-00001.parquet", lambda rows: told(rows, 0, lesion_id="same"))
    subject = subject_of(recorded(out, lambda record: record["split"].update(how="official")))
    assert "--split grouped" in only(subject, "splits").remedy


def test_a_mixture_whose_validation_is_trained_on(mix: Path, tmp_path: Path) -> None:
    out = shutil.copytree(mix, tmp_path / "out")
    validation = out / "data" / "validation-00000-of-00001.parquet"
    rewritten(out / PUBLIC_TRAIN, with_first_of(validation, images=True))
    only(subject_of(recorded(out)), "splits", "picture ", mixture_overlap=0.0)
    rows = sum(pq.read_metadata(path).num_rows for path in (out / "data").glob("train-*"))
    met = next(v for v in judge(subject_of(out), {"mixture_overlap": 2 / rows}) if v.check == "splits")
    assert met.passed and "of the training rows meet validation rows" in met.found


# ---- text


@pytest.mark.parametrize(
    ("check", "text"),
    [
        ("secrets", "Plaques. hf_" + "aB3" * 12),
        ("paths", "Plaques, from /home/anna/books/atlas.pdf."),
        ("e-mails", "Plaques (courtesy of a.b@clinic.example.org)."),
    ],
)
@pytest.mark.parametrize("column", ["caption", "raw_caption"])
def test_text_that_must_not_leave(books: Path, tmp_path: Path, check: str, text: str, column: str) -> None:
    out = shutil.copytree(books, tmp_path / "out")
    rewritten(out / TRAIN, lambda rows: told(rows, 1, **{column: text}))
    verdict = only(subject_of(recorded(out)), check, f"{TRAIN} row 2, {column}")
    assert not any(word in verdict.found + verdict.remedy for word in ("aB3aB3", "anna", "clinic"))


def test_text_in_a_turn_of_a_conversation(mix: Path, tmp_path: Path) -> None:
    out = shutil.copytree(mix, tmp_path / "out")
    turn = [{"role": "assistant", "content": "My key is AKIA" + "Q7" * 8}]
    rewritten(out / PUBLIC_TRAIN, lambda rows: told(rows, 4, completion=turn))
    only(subject_of(recorded(out)), "secrets", "row 5, completion.content: an AWS access key")


def test_a_path_in_a_picture_s_name(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    image = {"path": "/mnt/archive/ISIC_1.jpg"}
    rewritten(out / PUBLIC_TRAIN, lambda rows: told(rows, 0, image={**rows[0]["image"], **image}))
    only(subject_of(recorded(out)), "paths", "row 1, image.path")


def test_a_token_in_the_metadata_of_a_file(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    table = pq.read_table(out / PUBLIC_TRAIN)
    held = {**table.schema.metadata, b"made_by": b"ghp_" + b"Ab1" * 12}
    pq.write_table(table.replace_schema_metadata(held), out / PUBLIC_TRAIN)
    only(subject_of(recorded(out)), "secrets", "metadata: a GitHub token")


def test_the_users_own_token_whatever_it_looks_like(
    public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "our-very-own+token")
    out = shutil.copytree(public, tmp_path / "out")
    rewritten(out / PUBLIC_TRAIN, lambda rows: told(rows, 0, site="back (our-very-own+token)"))
    verdict = only(subject_of(recorded(out)), "secrets", "your Hugging Face token")
    assert "very-own" not in verdict.found


def test_a_token_in_the_name_of_a_file_is_told_and_not_repeated(public: Path, tmp_path: Path) -> None:
    out = copied(public, tmp_path / "out")
    name = "hf_" + "aB3" * 12
    (out / f"{name}.bib").write_text("@misc{x}")
    verdicts = judge(subject_of(out))
    assert failing(verdicts) == ["secrets"]
    assert name not in str(verdicts)
    (out / f"{name}.pdf").write_bytes(b"")
    verdicts = judge(subject_of(out))
    assert failing(verdicts) == ["files", "secrets"] and name not in str(verdicts)


def test_verdicts_name_no_place_of_this_machine(public: Path, tmp_path: Path) -> None:
    out = shutil.copytree(public, tmp_path / "out")
    for name in ("data/train-00000-of-00001.parquet", "rejects.parquet"):
        (out / name).write_bytes(b"PAR1")
    subject = replace(subject_of(recorded(out)), facts={"folder": "my-ham"})
    verdicts = judge(subject)
    assert str(tmp_path) not in str(verdicts)
    assert "--out my-ham" in next(each.remedy for each in verdicts if each.check == "opens")


@pytest.mark.parametrize(
    ("check", "value"), [("secrets", "sk-proj-" + "x9" * 15), ("paths", "/shared/anna"), ("e-mails", "a@b.org")]
)
def test_the_record_too(public: Path, tmp_path: Path, check: str, value: str) -> None:
    out = copied(public, tmp_path / "out", lambda record: record["options"].update(who=value))
    only(subject_of(out), check, "build.json")


def test_the_card_too(books: Path, tmp_path: Path) -> None:
    """What the record holds comes into the card: both places are named."""
    out = copied(books, tmp_path / "out", lambda record: record["tools"].update(pymupdf="x@y.org"))
    only(subject_of(out), "e-mails", "build.json", "README.md line")


# ---- locator


def located(locator: Path, target: Path, name: str, change: Callable[[Rows], Rows]) -> Path:
    shutil.copytree(locator, target)
    rewritten(target / name, change)
    return recorded(target)


def test_a_sentence_in_a_locator(locator: Path, tmp_path: Path) -> None:
    change = lambda rows: told(rows, 0, sex="female, with plaques of both elbows")  # noqa: E731
    only(subject_of(located(locator, tmp_path / "out", TRAIN, change)), "locator", "sex holds a sentence")


def test_the_name_of_a_book_in_a_locator(locator: Path, tmp_path: Path) -> None:
    def named(record: dict[str, Any]) -> None:
        record["inputs"][0]["name"] = "Atlas.pdf"

    only(subject_of(copied(locator, tmp_path / "out", named)), "locator", "inputs[0].name")


def test_a_quotation_in_the_record_of_a_locator(locator: Path, tmp_path: Path) -> None:
    words = "Psoriasis of the elbow in a woman"
    out = copied(locator, tmp_path / "out", lambda record: record["options"].update(example=words))
    only(subject_of(out), "locator", "build.json options.example")


def test_pixels_in_a_locator(locator: Path, tmp_path: Path) -> None:
    """A column of bytes is no column of a locator: the schema says so as well."""
    out = shutil.copytree(locator, tmp_path / "out")
    table = pq.read_table(out / TRAIN)
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "PNG")
    pq.write_table(table.append_column("thumbnail", pa.array([stream.getvalue()] * len(table))), out / TRAIN)
    found = judge(subject_of(recorded(out)))
    assert failing(found) == ["schema", "locator"]
    assert "the column thumbnail holds bytes" in next(each.found for each in found if each.check == "locator")


def test_a_contact_sheet_beside_a_locator(locator: Path, tmp_path: Path) -> None:
    out = shutil.copytree(locator, tmp_path / "out")
    (out / "contact_sheet.html").write_text("<p>pictures", encoding="utf-8")
    only(subject_of(out), "locator", "contact_sheet.html may hold pixels or sentences")


def test_a_locator_is_looked_at_for_disjoint_splits_too(locator: Path, tmp_path: Path) -> None:
    first = pq.read_table(locator / TEST).to_pylist()[0]
    change = lambda rows: told(rows, 0, image_sha256=first["image_sha256"])  # noqa: E731
    only(subject_of(located(locator, tmp_path / "out", TRAIN, change)), "splits", "picture ")


# ---- card


def test_a_record_that_does_not_say_enough_for_its_card(mix: Path, tmp_path: Path) -> None:
    out = copied(mix, tmp_path / "out", lambda record: record.pop("leakage"))
    only(subject_of(out), "card", "cannot be rendered")
