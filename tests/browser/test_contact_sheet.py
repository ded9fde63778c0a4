"""The contact sheet in a browser: every pair of a built dataset, each filter and order as Python says, by keyboard."""

from __future__ import annotations

import io
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmskin_hub.hub.contact_sheet import DOUBTFUL, write_contact_sheet
from mmskin_hub.schema import MODALITIES
from tests.browser.looking import Looker, broken_pictures, column, eventually, focused

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Row = dict[str, Any]
PAGE = 120
MANY = 300
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
_CARDS = """(cards) => cards.map((card) => ({
  ...card.dataset,
  id: card.querySelector("details:last-of-type p:last-child").textContent,
  alt: card.querySelector("img")?.alt ?? "",
}))"""


@pytest.fixture(scope="module")
def built(dataset: Path) -> tuple[Path, list[Row]]:
    """The sheet of a real build, and the rows that its Parquet files hold."""
    columns = ["id", "caption", "raw_caption", "modality", "modality_score", "pair_score", "page"]
    rows = [
        {**row, "modality": MODALITIES[row["modality"]], "split": file.name.partition("-")[0]}
        for file in sorted((dataset / "captions").glob("*.parquet"))
        for row in pq.read_table(file, columns=columns).to_pylist()
    ]
    return dataset / "contact_sheet.html", rows


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """A sheet of three pages with all there can be: ties, two books of one name, no picture, words that mean harm."""
    dice, pictures = random.Random(5), []
    for shade in range(6):
        out = io.BytesIO()
        Image.new("RGB", (60 + 10 * shade, 80), (200 - 20 * shade, 120, 90)).save(out, "JPEG")
        pictures.append(out.getvalue())
    words = ("Plaque psoriasis of the elbow", "Naevus, dermatológico", "Lichen planus " * 30, HOSTILE)
    rows = [
        {
            "id": f"id-{n:04d}", "image": b"broken" if n == 7 else pictures[n % 6], "caption": f"{words[n % 4]} {n}",
            "raw_caption": f"Fig. {n}", "figure_label": f"Fig. {n}", "panel": "b" if n % 9 == 0 else "",
            "modality": MODALITIES[n % 3], "modality_score": round(dice.random(), 2),
            "pair_score": round(dice.random(), 1), "age_years": None, "sex": None,
            "book": ("aa", "bb", "cc")[n % 7 % 3] * 32, "page": dice.randrange(1, 40),
            "split": ("train", "validation", "test")[n % 11 % 3],
            "questions": [{"question": "What is it?", "answer": f"number{n}"}] if n % 5 == 0 else [],
        }
        for n in range(MANY)
    ]  # fmt: skip
    names = {"aa": "Atlas.pdf", "bb": "Atlas.pdf", "cc": "Band 2.pdf"}
    inputs = [{"name": name, "sha256": digest * 32} for digest, name in names.items()]
    file = tmp_path_factory.mktemp("many") / "contact_sheet.html"
    counts = {"published": MANY, "rejects": {"annotated": 1, "no_caption": 20, "no_modality": 3}}
    write_contact_sheet(file, rows, {"dataset": "drawn", "version": "1", "inputs": inputs, "counts": counts})
    return file, rows


def cards(page: Page) -> list[Row]:
    """What all cards hold, turning the pages."""
    found: list[Row] = page.eval_on_selector_all("#pairs > .card", _CARDS)
    further = page.locator("#tools .next-page")
    while further.is_visible() and further.is_enabled():
        further.click()
        found += page.eval_on_selector_all("#pairs > .card", _CARDS)
    return found


def chooser(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name, exact=True)


def ids(page: Page) -> list[str]:
    return [card["id"] for card in cards(page)]


def bare(text: str) -> str:
    return "".join(
        c for c in unicodedata.normalize("NFKD", text) if not unicodedata.category(c).startswith("M")
    ).lower()


def test_every_pair_of_the_build_is_shown_with_its_picture(built: tuple[Path, list[Row]], look: Looker) -> None:
    file, rows = built
    page = look.open(file)
    shown = {card["id"]: card for card in cards(page)}
    assert page.locator("#pairs img").count() == len(rows) == len(shown) > 10
    assert not broken_pictures(page, "#pairs")
    for row in rows:
        card = shown[row["id"]]
        assert (card["modality"], card["split"], int(card["page"])) == (row["modality"], row["split"], row["page"])
        assert float(card["pair"]) == pytest.approx(row["pair_score"], abs=1e-4)
        sure = row["modality_score"] >= DOUBTFUL
        kind = f"{row['modality'].capitalize()} picture" if sure else f"Picture, perhaps {row['modality']}"
        assert card["alt"].startswith(f"{kind}: {row['caption'][:60]}")
        assert card["alt"].endswith(f".pdf, page {row['page']})")


def test_pages_are_turned_to_the_last_picture(many: tuple[Path, list[Row]], look: Looker) -> None:
    file, rows = many
    page = look.open(file)
    status = page.get_by_role("status")
    assert status.inner_text() == f"1 to {PAGE} of {MANY}"
    seen: set[str] = set()
    pictures = missing = 0
    for last in (False, False, True):
        assert not broken_pictures(page, "#pairs")
        pictures += page.locator("#pairs img").count()
        missing += page.get_by_text("cannot be shown").count()
        seen |= {card["id"] for card in page.eval_on_selector_all("#pairs > .card", _CARDS)}
        assert page.locator("#tools .next-page").is_enabled() != last
        if not last:
            page.locator(".foot .next-page").click()
    assert status.inner_text() == f"241 to {MANY} of {MANY}"
    assert seen == {row["id"] for row in rows} and (pictures, missing) == (MANY - 1, 1)
    # What a caption holds is words: it neither acted nor made an element.
    assert page.locator("img[src='x']").count() == 0


@pytest.mark.parametrize("which", ["built", "many"])
def test_each_filter_finds_what_python_finds(which: str, request: pytest.FixtureRequest, look: Looker) -> None:
    file, rows = request.getfixturevalue(which)
    page = look.open(file)
    for key, values in (("Modality", MODALITIES), ("Split", ("train", "validation", "test"))):
        for value in values:
            expected = {row["id"] for row in rows if row[key.lower()] == value}
            if not expected:
                assert value not in chooser(page, key).inner_text()
                continue
            chooser(page, key).select_option(value)
            assert sorted(ids(page)) == sorted(expected)
        chooser(page, key).select_option("")
    page.get_by_label("Doubtful only").check()
    doubtful = {row["id"] for row in rows if min(row["pair_score"], row["modality_score"]) < DOUBTFUL}
    assert set(ids(page)) == doubtful
    page.get_by_label("Doubtful only").uncheck()
    assert len(ids(page)) == len(rows)


def test_books_of_one_name_are_told_apart(many: tuple[Path, list[Row]], look: Looker) -> None:
    file, rows = many
    page = look.open(file)
    for digest, name in (("aa", f"Atlas.pdf ({'aa' * 6})"), ("bb", f"Atlas.pdf ({'bb' * 6})"), ("cc", "Band 2.pdf")):
        expected = {row["id"] for row in rows if row["book"] == digest * 32}
        chooser(page, "Book").select_option(label=f"{name} ({len(expected)})")
        assert set(ids(page)) == expected


@pytest.mark.parametrize(
    "words", ["psoriasis ELBOW", "dermatologico", "number35", "id-0042", "<script>alert", "no such"]
)
def test_words_are_searched_without_case_and_accents(many: tuple[Path, list[Row]], look: Looker, words: str) -> None:
    file, rows = many
    page = look.open(file)
    page.get_by_label("Words in").fill(words)

    def text(row: Row) -> str:
        asked = " ".join(each["question"] + " " + each["answer"] for each in row["questions"])
        return bare(f"{row['caption']} {row['id']} {asked}")

    expected = {row["id"] for row in rows if all(word in text(row) for word in bare(words).split())}
    eventually(page, "location.hash.startsWith('#words=')")
    assert set(ids(page)) == expected
    told = page.get_by_role("status").inner_text()
    if expected:
        assert told.endswith(f"of {len(expected)} found among {MANY}")
    else:
        assert told == f"No pair of 0 found among {MANY}"
        page.locator("#none button").click()
        assert len(ids(page)) == MANY and page.evaluate("location.hash") == f"#from={2 * PAGE + 1}"


Key = Callable[[Row], Any]
ORDERS: dict[str, Key] = {
    "low": lambda row: (row["pair_score"], row["modality_score"], row["id"]),
    "high": lambda row: (-row["pair_score"], row["modality_score"], row["id"]),
    "modality": lambda row: (row["modality_score"], row["pair_score"], row["id"]),
    "sure": lambda row: (-row["modality_score"], row["pair_score"], row["id"]),
    "page": lambda row: (row["page"], row["book"], row["pair_score"], row["modality_score"], row["id"]),
    "book": lambda row: (row["book"], row["page"], row["pair_score"], row["modality_score"], row["id"]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_each_order_is_pythons(many: tuple[Path, list[Row]], look: Looker, order: str) -> None:
    file, rows = many
    page = look.open(file)
    chooser(page, "Order").select_option(order)
    assert ids(page) == [row["id"] for row in sorted(rows, key=ORDERS[order])]


def test_what_is_chosen_is_kept_in_the_address(many: tuple[Path, list[Row]], look: Looker) -> None:
    file, _ = many
    page = look.open(file)
    chooser(page, "Modality").select_option("clinical")
    chooser(page, "Order").select_option("high")
    page.get_by_label("Words in").fill("naevus &")
    eventually(page, "location.hash.includes('words')")
    page.get_by_label("Words in").fill("")
    page.get_by_label("Doubtful only").check()
    fragment = page.evaluate("location.hash.slice(1)")
    assert fragment == "modality=clinical&order=high&doubtful=1"
    other = look.open(file, fragment)
    assert chooser(other, "Order").input_value() == "high" and other.get_by_label("Doubtful only").is_checked()
    assert ids(other) == ids(page) and len(ids(page)) < MANY
    # A reload, another address, one that names nothing there is, and a place on the page.
    other.reload()
    assert ids(other) == ids(page)
    other.evaluate("location.hash = '#from=200'")
    eventually(other, f"document.getElementById('shown').textContent === '{PAGE + 1} to {2 * PAGE}'")
    other.evaluate("location.hash = '#modality=nonsense&from=-5'")
    eventually(other, f"document.getElementById('shown').textContent === '1 to {PAGE}'")
    other.get_by_role("link", name="What was left out").click()
    eventually(other, "document.getElementById('rejects').getBoundingClientRect().top < innerHeight")
    direct = look.open(file, "rejects")
    eventually(direct, "document.getElementById('rejects').getBoundingClientRect().top < innerHeight")
    assert len(ids(direct)) == MANY


def test_the_keyboard_alone_will_do(many: tuple[Path, list[Row]], look: Looker) -> None:
    page = look.open(many[0])
    press = page.keyboard.press

    def here() -> int:
        return int(page.evaluate("Array.from(document.querySelectorAll('.card')).indexOf(document.activeElement)"))

    press("Tab")
    assert focused(page).startswith("A to-pairs skip") and page.locator(".skip").bounding_box()["x"] >= 0  # type: ignore[index]
    press("Enter")
    assert here() == 0
    columns: int = page.evaluate("getComputedStyle(pairs).gridTemplateColumns.split(' ').length")
    for key, place in (("ArrowRight", 1), ("j", 2), ("k", 1), ("ArrowLeft", 0), ("ArrowDown", columns), ("ArrowUp", 0)):
        press(key)
        assert here() == place, key
    press("End")
    assert here() == PAGE - 1
    press("j")
    assert here() == 0 and page.locator("#shown").inner_text() == f"{PAGE + 1} to {2 * PAGE}"
    press("k")
    assert here() == PAGE - 1 and page.locator("#shown").inner_text() == f"1 to {PAGE}"
    press("Home")
    press("Tab")
    small = page.evaluate("document.activeElement.querySelector('img').alt")
    press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.is_visible() and dialog.locator("img").get_attribute("alt") == small
    assert "A thumbnail of" in dialog.inner_text() and "the picture in the dataset has" in dialog.inner_text()
    box = dialog.locator("img").bounding_box()
    assert box is not None and box["width"] > 150
    press("ArrowRight")
    second = dialog.locator("img").get_attribute("alt")
    assert second != small
    press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.querySelector('img').alt") == second
    # Letters typed into a field are letters.
    page.get_by_label("Words in").focus()
    page.keyboard.type("jk")
    assert page.get_by_label("Words in").input_value() == "jk"


def test_the_reasons_are_sorted_by_their_headings(many: tuple[Path, list[Row]], look: Looker) -> None:
    page = look.open(many[0])
    heading = page.get_by_role("columnheader", name="Rows")
    heading.get_by_role("button").focus()
    for way, numbers in (("ascending", ["1", "3", "20"]), ("descending", ["20", "3", "1"])):
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == way
        assert column(page, "#rejects table", 1) == numbers
