"""Tables as people have them: other delimiters, marks, quotes, names, and rows that are not whole."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmskin_hub.engine.mixture.items import Item, Refused
from mmskin_hub.engine.mixture.pictures import Pictures
from mmskin_hub.engine.mixture.release import read_release
from mmskin_hub.engine.mixture.sources import open_data
from mmskin_hub.errors import WrongUse
from tests.engine.mixture.drawn import pictures


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures(tmp_path_factory.mktemp("release") / "images", range(4))


def read(images: Path, name: str, content: str | bytes) -> list[Item | Refused]:
    file = images.parent / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    (part,) = open_data(f"ddi={file}:{images}").parts
    return list(Pictures().identify(read_release(part)))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_delimiters_ends_of_line_and_byte_order_marks(images: Path, delimiter: str, end: str, mark: bytes) -> None:
    lines = (["Image", " question", "answer"], ["0.jpg", '"What, is\nit?"', '"It; is"'], ["1.jpg", "Where?", "There"])
    text = end.join(delimiter.join(line) for line in lines)
    one, two = read(images, "VQA.csv", mark + text.encode())
    assert isinstance(one, Item)
    assert isinstance(two, Item)
    assert (one.prompt, one.answer) == ((("user", "What, is\nit?"),), "It; is")
    assert (two.prompt[0][1], two.answer, two.image_id, two.config) == ("Where?", "There", "1", "vqa")


def test_classes_out_of_lists_words_and_sets(images: Path) -> None:
    text = (
        "image,attributes,categories,set\n"
        "a/0.jpg,[],['tumor'],Train\n"
        "a/1.jpg,[],\"['nontumor']\",Validation\n"
        "a/2.jpg,[],tumor,Test\n"
        "a/3.jpg,[],[],Train\n"
        "a/3.jpg,[],[__import__('os')],Train\n"
        "a/none.jpg,[],['tumor'],Test\n"
        "a/3.jpg,[],['tumor'],Holdout\n"
    )
    rows = read(images, "tiles.csv", text)
    assert [(row.answer, row.split) for row in rows[:3] if isinstance(row, Item)] == [
        ("tumor", "train"),
        ("nontumor", "validation"),
        ("tumor", "test"),
    ]
    assert [row.reason for row in rows if isinstance(row, Refused)] == ["no_label", "no_label", "bad_row"]
    # A test row guards its id even where its picture is missing.
    assert isinstance(rows[5], Item)
    assert (rows[5].image_id, rows[5].sha) == ("none", "")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("../0.jpg", "outside_folder"),
        ("/etc/hostname", "outside_folder"),
        ("link.jpg", "outside_folder"),
        ("nowhere.jpg", "missing_picture"),
        ("", "missing_picture"),
        ("words.jpg", "unreadable_picture"),
        ("empty.jpg", "unreadable_picture"),
    ],
)
def test_a_picture_that_is_not_there_or_not_one_is_refused(images: Path, image: str, reason: str) -> None:
    (images.parent / "outside.jpg").write_bytes((images / "0.jpg").read_bytes())
    link = images / "link.jpg"
    link.unlink(missing_ok=True)
    link.symlink_to(images.parent / "outside.jpg")
    (images / "words.jpg").write_text("no picture")
    (images / "empty.jpg").touch()
    (row,) = read(images, "one.csv", f"image,caption\n{image},A naevus.\n")
    assert isinstance(row, Refused)
    assert (row.reason, row.row, row.file) == (reason, 1, "one.csv")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"image,question,answer\n\xff\xfe", "not UTF-8: byte 22"),
        ("a.csv", b"", "no columns"),
        ("a.json", b"{}", "not a list"),
        ("a.json", b'[{"id": 1},]', "not JSON"),
        ("a.jsonl", b'{"id": 1}\n{', "not JSON"),
        ("a.json", b"[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(images: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(WrongUse, match=says) as error:
        read(images, name, content)
    assert name in str(error.value)


def test_json_lines_are_read_too(images: Path) -> None:
    turns = [{"from": "human", "value": "?"}, {"from": "gpt", "value": "!"}]
    lines = [json.dumps({"id": name, "image": "0.jpg", "conversations": turns}) for name in "ab"]
    rows = read(images, "a.jsonl", "\n".join(lines) + "\n\n")
    assert [row.id for row in rows] == ["ddi/conversations/a", "ddi/conversations/b"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12), min_size=1, max_size=4), max_size=5))
def test_any_rows_below_a_good_head_are_read_or_refused(images: Path, cells: list[list[str]]) -> None:
    text = "image,question,answer\n" + "".join(",".join(row) + "\n" for row in cells)
    for row in read(images, "any.csv", text.encode("utf-8", "replace")):
        assert isinstance(row, Refused) or (row.answer and row.prompt and row.sha)
