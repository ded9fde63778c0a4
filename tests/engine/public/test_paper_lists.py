"""The shipped lists: counts of raw_layouts.md, checksums, and the release's own CSV files where they are at hand."""

from __future__ import annotations

import ast
import csv
import hashlib
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import make_paper_lists
from mmskin_hub.engine.public import paper_lists
from mmskin_hub.engine.public.paper_lists import LISTS, PaperList, paper_list, read_list
from mmskin_hub.errors import WrongUse
from mmskin_hub.registry import PUBLIC

EVERY = [(name, split) for name, splits in LISTS.items() for split in splits]

# Pictures, classes, pictures of each class in the order of the classes, pictures without one.
COUNTS = {
    ("ham10000", "test"): (1511, [43, 93, 217, 44, 171, 908, 35], 0),
    ("isic2019", "test"): (7600, [260, 997, 787, 72, 1357, 3863, 188, 76], 0),
    ("dermnet", "test"): (
        4002,
        [312, 288, 123, 113, 73, 309, 101, 60, 102, 143, 105, 116, 261, 65, 352, 108, 343, 152, 325, 53, 121, 105, 272],
        0,
    ),
    ("fitzpatrick17k", "test"): (3193, [432, 431, 2330], 0),
    ("ddi", "test"): (132, [98, 34], 0),
    ("hiba", "test"): (327, [177, 150], 0),
    ("patch16", "test"): (28039, [19188, 8851], 0),
    ("patch16", "validation"): (12354, [8208, 4146], 0),
    ("bcn20000", "test"): (3790, [220, 704, 30, 802, 132, 1170, 210, 61, 238, 71, 128, 24], 0),
    ("mskcc", "test"): (259, [6, 2, 5, 1, 7, 4, 0, 1, 13, 3, 8, 12, 1, 154, 0, 0, 7, 27, 4, 0, 1], 3),
    ("mm_skin_release", "test"): (4391, [], 4391),
}

# SHA-256 of "id<tab>class name or number of questions" lines in the order of the ids.
SUMS = {
    ("bcn20000", "test"): "05e2207d7d9adf769ccc66233e49ccee4237d870c085e8126af70578aed1e4a5",
    ("ddi", "test"): "b2e268d533fce45fd1af145e39f5c5830ec70c4e124c794bb1d9b6831378df4e",
    ("dermnet", "test"): "f780c46b82377cb2433840bcdd910b5f1ae66dda5e38819055142f4665f82987",
    ("fitzpatrick17k", "test"): "7cd941a852c075741d28af825126a82fbfcb61c83aa5a72a5155c3b3fbfc393c",
    ("ham10000", "test"): "704ee87e08309ea6005971241815721c4ee32748ec4a92ad2658b9844b2e32b6",
    ("hiba", "test"): "04d1d31562bedbad836e7f1b0d85ab428c482e2dad049a2e31f4caf59702b53e",
    ("isic2019", "test"): "87fa76bb47236de18fac1c33b17e35acbf5225f495d40ebc865ac96b4f36bb28",
    ("mm_skin_release", "test"): "6cc2321671890f2a38509cc37e104033b96c328f7564b4960b98f3909e11c692",
    ("mskcc", "test"): "49008da8fb375f5a978e1446e92e9725f51f90654c315beca8ad21715b9ea7a2",
    ("patch16", "test"): "61971c0e6c78720de43bd0f8573a9c70fbdc71214a835fee2e5f5d0df023f03e",
    ("patch16", "validation"): "26c2e0f5b12f2d71f2cbb4848972ee3abca3541cf09d70da021ae244bc43fbbb",
}

IDS = {
    "ham10000": r"ISIC_\d{7}",
    "isic2019": r"ISIC_\d{7}",
    "bcn20000": r"ISIC_\d{7}",
    "hiba": r"ISIC_\d{7}",
    "mskcc": r"ISIC_\d{7}",
    "ddi": r"\d{6}",
    "fitzpatrick17k": r"[0-9a-f]{32}",
    "dermnet": r"[^/]+/[^/]+",
    "patch16": r"(non)?tumor_skin_\w+_ws_\d+_\d+(\(1\))?",  # 26 tiles are "(1)" copies
    "mm_skin_release": r"bk\d+_[a-z0-9_]+",
}


def _checksum(listed: PaperList) -> str:
    lines = [f"{image_id}\t{listed.questions.get(image_id) or listed.label(image_id)}\n" for image_id in listed.rows]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.mark.parametrize(("name", "split"), EVERY)
def test_counts(name: str, split: str) -> None:
    listed = paper_list(name, split)
    pictures, each, without = COUNTS[name, split]
    found = Counter(listed.rows.values())
    assert (listed.name, listed.split) == (name, split)
    assert len(listed.rows) == pictures
    assert [found[index] for index in range(len(listed.classes))] == each
    assert found[None] == without
    assert list(listed.rows) == sorted(listed.rows)
    assert all(re.fullmatch(IDS[name], image_id) for image_id in listed.rows)


@pytest.mark.parametrize(("name", "split"), EVERY)
def test_checksum(name: str, split: str) -> None:
    assert _checksum(paper_list(name, split)) == SUMS[name, split]


def test_class_names() -> None:
    """Dermnet's classes stand in the order of its folders, so a folder's place is its class."""
    counts = {name: len(paper_list(name).classes) for name in LISTS}
    assert counts["ham10000"] == 7 and counts["isic2019"] == 8 and counts["bcn20000"] == 12 and counts["mskcc"] == 21
    dermnet = paper_list("dermnet")
    places = {(image_id.split("/")[0], index) for image_id, index in dermnet.rows.items()}
    assert sorted(places) == [(folder, place) for place, (folder, _) in enumerate(sorted(places))]
    assert len(places) == len(dermnet.classes) == 23
    for split in LISTS["patch16"]:
        tiles = paper_list("patch16", split)
        assert all(tiles.label(image_id) == image_id.split("_")[0] for image_id in tiles.rows)


def test_classes_are_those_of_the_registry() -> None:
    """An index of a list is an index of the built dataset's label column."""
    for name, split in EVERY:
        assert paper_list(name, split).classes == PUBLIC[name].classes, name


def test_known_pictures() -> None:
    assert paper_list("ham10000").label("ISIC_0034526") == "Benign Keratosis"
    assert paper_list("isic2019").label("ISIC_0000022") == "Melanoma"  # ISIC_0000022_downsampled at the source
    assert paper_list("ddi").label("000042") == "Non-Malignant"
    assert paper_list("fitzpatrick17k").label("45f7fe0e10214e32e890cad9d29d4811") == "malignant"
    assert paper_list("mm_skin_release").questions["bk5_630"] >= 1


def test_questions() -> None:
    listed = paper_list("mm_skin_release")
    assert sum(listed.questions.values()) == 5452
    assert listed.questions.keys() == listed.rows.keys()
    assert all(not paper_list(name).questions for name in LISTS if name != "mm_skin_release")


def test_contamination_between_tests() -> None:
    assert len(paper_list("isic2019").rows.keys() & paper_list("bcn20000").rows.keys()) == 739


def test_contamination_with_ham_training(shared_data: Path) -> None:
    with (shared_data / "text" / "HAM10000_metadata_full.csv").open(newline="") as file:
        training = {row["image_id"] for row in csv.DictReader(file)}
    assert len(paper_list("isic2019").rows.keys() & training) == 2981
    assert not paper_list("ham10000").rows.keys() & training


def test_every_row_of_the_release(shared_data: Path) -> None:
    """Read again, by other means than the script's."""
    for source in make_paper_lists.SOURCES:
        listed = paper_list(source.name, source.split)
        asked: Counter[str] = Counter()
        rows = list(csv.reader((shared_data / "mm_skin_lists" / source.file).open(newline="")))
        for row in rows[1:]:
            parts = row[0].rsplit(".", 1)[0].replace("_downsampled", "").split("/")
            image_id = "/".join(parts[-2:]) if source.name == "dermnet" else parts[-1]
            if listed.classes:
                assert [listed.label(image_id)] == (ast.literal_eval(row[2]) or [None])
            asked[image_id] += 1
        assert asked.keys() == listed.rows.keys()
        assert dict(asked) == (dict(listed.questions) or dict.fromkeys(listed.rows, 1))


def test_the_script_writes_what_is_shipped(shared_data: Path) -> None:
    for source in make_paper_lists.SOURCES:
        rows = make_paper_lists.read_source(shared_data / "mm_skin_lists", source)
        text = make_paper_lists.encode(source.name, source.split, source.classes, rows, source.digits)
        assert text == (make_paper_lists.OUT / f"{source.name}_{source.split}.txt").read_text(encoding="ascii")


def test_small() -> None:
    sizes = [path.stat().st_size for path in make_paper_lists.OUT.glob("*.txt")]
    assert len(sizes) == len(EVERY)
    assert sum(sizes) < 200_000


def test_no_list() -> None:
    with pytest.raises(WrongUse, match="no list of pad_ufes_20"):
        paper_list("pad_ufes_20")
    with pytest.raises(WrongUse, match="no train pictures of ham10000"):
        paper_list("ham10000", "train")


def test_broken_files() -> None:
    text = make_paper_lists.encode("ddi", "test", ("no", "yes"), {"000001": 0, "000002": 1, "000003": None}, 6)
    assert read_list("ddi", text).rows == {"000001": 0, "000002": 1, "000003": None}
    for broken in (
        text.replace("rows\t3", "rows\t4"),
        text.replace("class\tyes\n", ""),
        text.replace("split\ttest\n", ""),
        text[: text.rindex("\t")],
        text.replace("\t2\n", "\t1\n"),
    ):
        assert broken != text
        with pytest.raises(ValueError, match="paper list ddi is broken"):
            read_list("ddi", broken)


_ID = st.from_regex(r"[A-Za-z0-9_ /-]{1,12}", fullmatch=True) | st.from_regex(r"[0-9a-f]{32}", fullmatch=True)


@given(st.dictionaries(_ID, st.integers(0, 2) | st.none(), max_size=40), st.sampled_from([0, 3, 7]))
def test_any_ids_come_back(rows: dict[str, int | None], digits: int) -> None:
    text = make_paper_lists.encode("drawn", "test", ("a", "b", "c"), rows, digits)
    assert dict(read_list("drawn", text).rows) == rows
    assert text == make_paper_lists.encode("drawn", "test", ("a", "b", "c"), dict(reversed(rows.items())), digits)
    assert paper_lists.MD5 not in rows
