"""The page of an overlap audit in a browser: every pair with both pictures, counts that sort, pairs that are found."""

from __future__ import annotations

import json
from pathlib import Path

from tests.browser.looking import Looker, broken_pictures, column, eventually


def test_every_pair_has_its_two_pictures(audited: Path, look: Looker) -> None:
    page = look.open(audited / "audit.html")
    report = json.loads((audited / "report.json").read_text(encoding="utf-8"))
    pairs = {(pair["id"], pair["test_id"]) for pair in report["pairs"]}
    cards = page.locator("#pictures > .card")
    assert cards.count() == len(pairs) == 5
    assert not broken_pictures(page, "#pictures")
    alts = [[picture.get_attribute("alt") for picture in card.locator("img").all()] for card in cards.all()]
    expected = [[f"Training picture {train} of web", f"Test picture {test} of kept"] for train, test in pairs]
    assert sorted(map(str, alts)) == sorted(map(str, expected))


def test_counts_sort_and_pairs_are_found(audited: Path, look: Looker) -> None:
    page = look.open(audited / "audit.html")
    report = json.loads((audited / "report.json").read_text(encoding="utf-8"))
    head = page.get_by_role("columnheader", name="train rows")
    for down in (False, True):
        head.get_by_role("button").press("Enter")
        rows = sorted((count["train_rows"] for count in report["counts"]), reverse=down)
        assert column(page, ".scroll[aria-label='Counts'] table", 3) == [str(number) for number in rows]
    page.get_by_role("searchbox").fill("train08")
    eventually(page, "location.hash === '#words=train08'")
    assert page.locator("#pictures > .card").filter(visible=True).count() == 1
    assert page.get_by_role("status").inner_text() == "1 of 5 pairs"
    page.get_by_role("searchbox").fill("")
    page.get_by_role("combobox", name="Kind").select_option("near_duplicate")
    shown = page.locator("#pictures > .card").filter(visible=True)
    assert all("near_duplicate" in text for text in shown.all_inner_texts())
    shown.first.locator(".enlarge").last.click()
    assert "kept:" in page.get_by_role("dialog").inner_text() and "web:" not in page.get_by_role("dialog").inner_text()
